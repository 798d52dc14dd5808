from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from mskaudit.errors import CannotLook, UsageError
from mskaudit.gather.aws.clusters import PERMISSIONS, inventory, read_bootstrap, sources
from mskaudit.gather.aws.inventory import Inventory, sighted
from mskaudit.gather.aws.session import Account, Patience
from mskaudit.gather.aws.shapes import PROMISES
from mskaudit.gather.source import settle, settle_all
from mskaudit.model.dossier import Note, Sighting, Subject
from mskaudit.model.evidence import Reason
from mskaudit.model.subjects import Kind, SubjectKey, typed
from mskaudit.reference.control_plane import ControlPlane, Estate

FIXTURES = Path(__file__).parents[3] / "fixtures" / "aws"
SHAPES = ("provisioned-zookeeper", "provisioned-minimal", "express-kraft", "serverless", "creating", "deleting")
ONCE = Patience(attempts=1)
AT = "2026-11-23T08:00:00Z"


def document(name: str) -> dict[str, Any]:
    info: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())["ClusterInfo"]
    return info


CLUSTERS = {name: document(name) for name in SHAPES}
ORDERS = CLUSTERS["provisioned-zookeeper"]
ORDERS_ARN: str = ORDERS["ClusterArn"]
KEY: str = ORDERS["Provisioned"]["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]
EXPRESS_KEY: str = CLUSTERS["express-kraft"]["Provisioned"]["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]
CONFIGURATION: str = ORDERS["Provisioned"]["CurrentBrokerSoftwareInfo"]["ConfigurationArn"]
ESTATE = Estate(
    clusters=tuple(CLUSTERS.values()),
    bootstrap={
        cluster["ClusterArn"]: {"BootstrapBrokerStringTls": f"b-1.{name}:9094,b-2.{name}:9094"}
        for name, cluster in CLUSTERS.items()
        if name != "deleting"
    },
    configurations={
        (CONFIGURATION, 6): "allow.everyone.if.no.acl.found=true",
        (CONFIGURATION, 7): "auto.create.topics.enable=false\nallow.everyone.if.no.acl.found=false\n",
    },
    keys={
        KEY: {"KeyId": KEY.rpartition("/")[2], "Arn": KEY, "KeyManager": "CUSTOMER"},
        EXPRESS_KEY: {"KeyId": EXPRESS_KEY.rpartition("/")[2], "Arn": EXPRESS_KEY, "KeyManager": "AWS"},
    },
)


def clock() -> str:
    return AT


def account(plane: ControlPlane) -> Account:
    return Account(plane.session(), ONCE)


def names(found: Inventory) -> list[str]:
    return [cluster.sightings[0].known["declared.name"] for cluster in found.clusters]


async def followed(plane: ControlPlane, name: str) -> dict[str, Sighting]:
    """What the follow-up sources of a cluster settle into, by origin."""
    asking = account(plane)
    (cluster,) = (await inventory(asking, clock=clock, arn=CLUSTERS[name]["ClusterArn"])).clusters
    return {source.origin: await settle(source, clock) for source in sources(asking, cluster)}


@pytest.mark.parametrize("size", [1, 2, 5, 6, 100])
async def test_every_page_is_read(size: int) -> None:
    plane = ControlPlane(replace(ESTATE, page_size=size))
    found = await inventory(account(plane), clock=clock)
    assert names(found) == [cluster["ClusterName"] for cluster in CLUSTERS.values()]
    assert found.gaps == ()
    assert plane.calls["kafka:ListClustersV2"] == -(-len(CLUSTERS) // size)
    for cluster in found.clusters:
        (sighting,) = cluster.sightings
        assert (sighting.origin, sighting.at) == ("kafka:ListClustersV2", AT)
        assert set(sighting.known) == set(PROMISES)
        assert all(typed(Kind.CLUSTER, path, value) for path, value in sighting.known.items())


async def test_empty_account_is_an_inventory_without_gaps() -> None:
    assert await inventory(account(ControlPlane(Estate())), clock=clock) == Inventory()


REFUSED = [Reason.DENIED, Reason.THROTTLED, Reason.TIMED_OUT, Reason.UNREACHABLE, Reason.MALFORMED]


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("name", ["kafka:ListClustersV2", "aws"])
async def test_refused_list_is_a_gap_and_never_an_empty_account(name: str, reason: Reason) -> None:
    found = await inventory(account(ControlPlane(ESTATE, {name: reason})), clock=clock)
    assert found.clusters == ()
    (gap,) = found.gaps
    assert (gap.path, gap.reason, gap.origin) == ("clusters", reason, "kafka:ListClustersV2")


@pytest.mark.parametrize("reason", REFUSED)
async def test_withheld_page_keeps_the_earlier_ones(reason: Reason) -> None:
    plane = ControlPlane(replace(ESTATE, page_size=2), {"kafka:ListClustersV2/3": reason})
    found = await inventory(account(plane), clock=clock)
    assert names(found) == ["orders", "bare", "express", "events"]
    assert [(gap.path, gap.reason, gap.origin) for gap in found.gaps] == [("clusters", reason, "kafka:ListClustersV2")]


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("name", ["kafka:DescribeClusterV2", "aws"])
async def test_named_cluster_is_a_subject_even_when_refused(name: str, reason: Reason) -> None:
    found = await inventory(account(ControlPlane(ESTATE, {name: reason})), clock=clock, arn=ORDERS_ARN)
    (cluster,) = found.clusters
    (sighting,) = cluster.sightings
    assert cluster.key == SubjectKey(Kind.CLUSTER, ORDERS_ARN, ORDERS_ARN)
    assert (sighting.origin, sighting.known) == ("kafka:DescribeClusterV2", {})
    assert {path: note.reason for path, note in sighting.gaps.items()} == dict.fromkeys(PROMISES, reason)


@pytest.mark.parametrize("name", SHAPES)
async def test_named_cluster_is_described_as_it_is_listed(name: str) -> None:
    asking = account(ControlPlane(ESTATE))
    listed = {cluster.id: cluster for cluster in (await inventory(asking, clock=clock)).clusters}
    (described,) = (await inventory(asking, clock=clock, arn=CLUSTERS[name]["ClusterArn"])).clusters
    assert described.sightings[0].known == listed[described.id].sightings[0].known


async def test_named_cluster_that_does_not_exist_is_unresolved() -> None:
    arn = ORDERS_ARN.replace("orders", "gone")
    (cluster,) = (await inventory(account(ControlPlane(ESTATE)), clock=clock, arn=arn)).clusters
    assert {note.reason for note in cluster.sightings[0].gaps.values()} == {Reason.UNRESOLVED}


async def test_named_cluster_is_asked_for_in_its_own_region_and_partition() -> None:
    arn = "arn:aws-cn:kafka:cn-north-1:123456789012:cluster/orders/0b1c2d3e-4"
    plane = ControlPlane(Estate(region="cn-north-1", clusters=({**ORDERS, "ClusterArn": arn},)))
    at_home = Account(plane.session(), ONCE)
    at_home.region = "eu-west-1"  # type: ignore[misc]  # an account that looks from elsewhere
    assert names(await inventory(at_home, clock=clock, arn=arn)) == ["orders"]


@pytest.mark.parametrize("arn", ["orders", "", "arn:aws:kafka:eu-west-1:1:cluster/x/y", "arn:aws:s3:::x"])
async def test_what_is_no_cluster_arn_is_a_mistake_of_usage(arn: str) -> None:
    with pytest.raises(UsageError, match="it looks like arn:"):
        await inventory(account(ControlPlane(ESTATE)), clock=clock, arn=arn)


def refusing(plane: ControlPlane, code: str, *, call: int) -> Account:
    """An account whose numbered call AWS answers with an error of credentials."""
    session = plane.session()
    calls: list[str] = []

    class Body:
        def stream(self) -> list[bytes]:
            return [b"{}"]

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        calls.append(request.url)
        headers: Any = {"x-amzn-errortype": code}
        return AWSResponse(request.url, 403, headers, Body()) if len(calls) == call else None

    session.events.register_first("before-send", answer)  # type: ignore[arg-type]  # the stubs know no such handler
    return Account(session, ONCE)


@pytest.mark.parametrize("arn", [None, ORDERS_ARN])
async def test_credentials_refused_at_the_start_are_a_mistake_of_usage(arn: str | None) -> None:
    with pytest.raises(UsageError, match="log in again"):
        await inventory(refusing(ControlPlane(ESTATE), "ExpiredTokenException", call=1), clock=clock, arn=arn)


async def test_credentials_refused_later_are_a_gap() -> None:
    asking = refusing(ControlPlane(replace(ESTATE, page_size=4)), "ExpiredTokenException", call=2)
    found = await inventory(asking, clock=clock)
    assert len(found.clusters) == 4
    assert [gap.reason for gap in found.gaps] == [Reason.DENIED]


async def test_repeated_token_ends_the_list_with_a_gap() -> None:
    session = ControlPlane(replace(ESTATE, page_size=2)).session()

    def first_page_again(params: dict[str, Any], **_: Any) -> None:
        params.pop("NextToken", None)

    session.events.register("before-parameter-build.kafka.ListClustersV2", first_page_again)
    found = await inventory(Account(session, ONCE), clock=clock)
    assert names(found) == ["orders", "bare"]
    assert [gap.reason for gap in found.gaps] == [Reason.MALFORMED]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        (
            "provisioned-zookeeper",
            {"declared.allow_everyone_if_no_acl_found": False, "declared.key_manager": "CUSTOMER"},
        ),
        ("express-kraft", {"declared.key_manager": "AWS"}),
        ("serverless", {}),
    ],
)
async def test_follow_up_asks_what_makes_sense(name: str, known: dict[str, Any]) -> None:
    settled = await followed(ControlPlane(ESTATE), name)
    addresses = [{"listener": "Tls", "address": f"b-{number}.{name}:9094"} for number in (1, 2)]
    seen = {path: value for sighting in settled.values() for path, value in sighting.known.items()}
    assert seen == {"declared.bootstrap": addresses, **known}
    assert not any(sighting.gaps for sighting in settled.values())
    assert all(typed(Kind.CLUSTER, path, value) for path, value in seen.items())


async def test_an_answer_that_names_no_key_leaves_the_manager_open_and_not_unasked() -> None:
    control_plane = ControlPlane(ESTATE)
    settled = await followed(control_plane, "provisioned-minimal")
    (note,) = settled["kms:DescribeKey"].gaps.values()
    assert note.reason is Reason.UNRESOLVED
    assert "kafka:DescribeConfigurationRevision" not in settled
    assert control_plane.calls["kms:DescribeKey"] == 0


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.THROTTLED, Reason.TIMED_OUT, Reason.UNREACHABLE])
@pytest.mark.parametrize(
    ("origin", "path"),
    [
        ("kafka:GetBootstrapBrokers", "declared.bootstrap"),
        ("kafka:DescribeConfigurationRevision", "declared.allow_everyone_if_no_acl_found"),
        ("kms:DescribeKey", "declared.key_manager"),
    ],
)
async def test_refused_follow_up_has_its_own_reason(origin: str, path: str, reason: Reason) -> None:
    settled = await followed(ControlPlane(ESTATE, {origin: reason}), "provisioned-zookeeper")
    assert {name: note.reason for name, note in settled[origin].gaps.items()} == {path: reason}
    assert settled[origin].known == {}
    assert [name for name, sighting in settled.items() if sighting.gaps] == [origin]


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("kafka:GetBootstrapBrokers", Reason.UNRESOLVED),
        ("kafka:DescribeConfigurationRevision", Reason.MALFORMED),
        ("kms:DescribeKey", Reason.MALFORMED),
    ],
)
async def test_page_of_a_proxy_is_never_an_answer(origin: str, reason: Reason) -> None:
    settled = await followed(ControlPlane(ESTATE, {origin: Reason.MALFORMED}), "provisioned-zookeeper")
    assert [note.reason for note in settled[origin].gaps.values()] == [reason]


@pytest.mark.parametrize(
    ("name", "told"),
    [("creating", "ask again when it is ACTIVE"), ("deleting", "ask again when the cluster is ACTIVE")],
)
async def test_cluster_that_is_not_active_has_no_addresses_yet(name: str, told: str) -> None:
    sighting = (await followed(ControlPlane(ESTATE), name))["kafka:GetBootstrapBrokers"]
    (note,) = sighting.gaps.values()
    assert note.reason is Reason.UNRESOLVED
    assert told in note.detail


async def test_what_depends_on_a_gap_is_a_gap_that_says_so() -> None:
    plane = ControlPlane(ESTATE, {"kafka:DescribeClusterV2": Reason.DENIED})
    settled = await followed(plane, "provisioned-zookeeper")
    assert settled["kafka:GetBootstrapBrokers"].gaps == {}
    assert settled["kms:DescribeKey"].gaps == {
        "declared.key_manager": Note(
            reason=Reason.UNRESOLVED,
            detail="settle `declared.at_rest_key` first: without it kms:DescribeKey cannot be asked",
        )
    }
    assert set(settled["kafka:DescribeConfigurationRevision"].gaps) == {"declared.allow_everyone_if_no_acl_found"}
    assert set(plane.calls) == {"kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"}


@pytest.mark.parametrize("refusals", [{}, {"kms:DescribeKey": Reason.DENIED}], ids=["answered", "refused"])
async def test_shared_key_and_configuration_are_asked_once(refusals: dict[str, Reason]) -> None:
    many = tuple({**ORDERS, "ClusterArn": f"{ORDERS_ARN}{number}"} for number in range(20))
    plane = ControlPlane(replace(ESTATE, clusters=many, bootstrap={}), refusals)
    asking = account(plane)
    found = await inventory(asking, clock=clock)
    questions = tuple(source for cluster in found.clusters for source in sources(asking, cluster))
    answers = await settle_all(questions, clock=clock, at_once=16, done=lambda _: None)
    assert len(answers) == 60
    assert plane.calls["kms:DescribeKey"] == plane.calls["kafka:DescribeConfigurationRevision"] == 1
    assert plane.calls["kafka:GetBootstrapBrokers"] == 20
    managers = [answer for answer in answers if answer.origin == "kms:DescribeKey"]
    assert len({(str(answer.known), str(answer.gaps)) for answer in managers}) == 1


async def test_permissions_are_exactly_what_is_called() -> None:
    plane = ControlPlane(ESTATE)
    asking = account(plane)
    found = await inventory(asking, clock=clock)
    await inventory(asking, clock=clock, arn=ORDERS_ARN)
    origins = set()
    for cluster in found.clusters:
        for source in sources(asking, cluster):
            origins.add(source.origin)
            await settle(source, clock)
    assert set(plane.calls) == set(PERMISSIONS)
    assert origins < set(PERMISSIONS)
    assert len(PERMISSIONS) == len(set(PERMISSIONS))


async def test_cluster_whose_id_is_no_arn_cannot_be_followed() -> None:
    cluster = Subject(kind=Kind.CLUSTER, id="orders", cluster="orders")
    answers = [await settle(source, clock) for source in sources(account(ControlPlane(ESTATE)), cluster)]
    assert {note.reason for answer in answers for note in answer.gaps.values()} == {
        Reason.MALFORMED,
        Reason.UNRESOLVED,
    }


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("allow.everyone.if.no.acl.found = TRUE", True),
        ("num.partitions=3", None),
        ("allow.everyone.if.no.acl.found=perhaps", Reason.MALFORMED),
    ],
)
async def test_configuration_gives_the_flag_and_nothing_else(content: str, value: object) -> None:
    secret = "sasl.jaas.config=hush-hush\n"
    plane = ControlPlane(replace(ESTATE, configurations={(CONFIGURATION, 7): secret + content}))
    seen = (await followed(plane, "provisioned-zookeeper"))["kafka:DescribeConfigurationRevision"]
    path = "declared.allow_everyone_if_no_acl_found"
    assert (seen.known[path] if path in seen.known else seen.gaps[path].reason) == value
    assert "hush" not in str(seen)


async def test_missing_revision_is_unresolved() -> None:
    plane = ControlPlane(replace(ESTATE, configurations={(CONFIGURATION, 6): "allow.everyone.if.no.acl.found=true"}))
    seen = (await followed(plane, "provisioned-zookeeper"))["kafka:DescribeConfigurationRevision"]
    assert [note.reason for note in seen.gaps.values()] == [Reason.UNRESOLVED]


async def test_key_without_a_manager_is_a_complete_answer() -> None:
    plane = ControlPlane(replace(ESTATE, keys={KEY: {"KeyId": KEY}}))
    seen = (await followed(plane, "provisioned-zookeeper"))["kms:DescribeKey"]
    assert seen.known == {"declared.key_manager": None}


async def test_key_manager_of_tomorrow_is_unsupported() -> None:
    session = ControlPlane(ESTATE).session()

    def rewrite(parsed: dict[str, Any], **_: Any) -> None:
        parsed["KeyMetadata"]["KeyManager"] = "ROBOT"

    session.events.register("after-call.kms.DescribeKey", rewrite)
    asking = Account(session, ONCE)
    (cluster,) = (await inventory(asking, clock=clock, arn=ORDERS_ARN)).clusters
    settled = {source.origin: await settle(source, clock) for source in sources(asking, cluster)}
    assert settled["kms:DescribeKey"].gaps["declared.key_manager"].reason is Reason.UNSUPPORTED


async def test_empty_key_is_not_asked_about_in_vain() -> None:
    plane = ControlPlane(ESTATE)
    key = SubjectKey(Kind.CLUSTER, ORDERS_ARN, ORDERS_ARN)
    cluster = sighted(key, {"declared.at_rest_key": "", "declared.configuration": None}, origin="f", at=AT)
    settled = {source.origin: await settle(source, clock) for source in sources(account(plane), cluster)}
    assert settled["kms:DescribeKey"].gaps["declared.key_manager"].reason is Reason.MALFORMED


@pytest.mark.parametrize(
    ("member", "listener"),
    [
        ("BootstrapBrokerString", "Plaintext"),
        ("BootstrapBrokerStringTls", "Tls"),
        ("BootstrapBrokerStringSaslScram", "SaslScram"),
        ("BootstrapBrokerStringSaslIam", "SaslIam"),
        ("BootstrapBrokerStringPublicTls", "PublicTls"),
        ("BootstrapBrokerStringVpcConnectivitySaslIam", "VpcConnectivitySaslIam"),
        ("BootstrapBrokerStringIpv6", "PlaintextIpv6"),
        ("BootstrapBrokerStringTlsIpv6", "TlsIpv6"),
    ],
)
def test_listener_is_named_after_its_member(member: str, listener: str) -> None:
    assert read_bootstrap({member: "b-1.x.kafka.eu-west-1.amazonaws.com:9094, b-2.x:1", "ResponseMetadata": {}}) == [
        {"listener": listener, "address": "b-1.x.kafka.eu-west-1.amazonaws.com:9094"},
        {"listener": listener, "address": "b-2.x:1"},
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param({}, Reason.UNRESOLVED, id="nothing"),
        pytest.param({"BootstrapBrokerStringTls": ""}, Reason.MALFORMED, id="empty"),
        pytest.param({"BootstrapBrokerStringTls": "b-1:9094,"}, Reason.MALFORMED, id="trailing comma"),
        pytest.param({"BootstrapBrokerStringTls": "b-1"}, Reason.MALFORMED, id="no port"),
        pytest.param({"BootstrapBrokerStringTls": "b-1:0"}, Reason.MALFORMED, id="port zero"),
        pytest.param({"BootstrapBrokerStringTls": "b-1:65536"}, Reason.MALFORMED, id="port too large"),
        pytest.param({"BootstrapBrokerStringTls": "b-1:\u0661"}, Reason.MALFORMED, id="foreign digits"),
        pytest.param({"BootstrapBrokerStringTls": "b 1:9094"}, Reason.MALFORMED, id="blank"),
        pytest.param({"BootstrapBrokerStringTls": 9094}, Reason.MALFORMED, id="number"),
        pytest.param({"BootstrapBrokerStringTls": "b-1:1", "BootstrapBrokerString": "x"}, Reason.MALFORMED, id="one"),
    ],
)
def test_addresses_that_cannot_be_read_are_no_addresses(answer: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(CannotLook) as caught:
        read_bootstrap(answer)
    assert caught.value.reason is reason
