"""Worlds load, turn, withhold and run; every turn that a rule's proofs ask for is possible."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from mskaudit.errors import UsageError
from mskaudit.model.evidence import Reason
from mskaudit.reference.cluster import Cluster, Listener, Protocol
from mskaudit.reference.pki import ClientCertificate
from mskaudit.reference.worlds import AwsSide, RunningWorld, World, load, names, parse_withhold, run, turned
from mskaudit.resources import folder
from mskaudit.wire.messages import MetadataRequest, MetadataResponse
from mskaudit.yaml_file import read

if TYPE_CHECKING:
    from tests.reference.conftest import Calling

CLUSTER = "aws.cluster.Provisioned"
SOFTWARE = f"{CLUSTER}.CurrentBrokerSoftwareInfo"
NO_CONFIGURATION = {f"{SOFTWARE}.ConfigurationArn": None, f"{SOFTWARE}.ConfigurationRevision": None}
ONCE = Config(retries={"max_attempts": 0})


def proofs() -> list[Any]:
    """Every world with turn and withholding that the rules' proofs ask for, once each."""
    found: dict[str, Any] = {}
    for path in sorted(folder("rules").glob("[!_]*/*.yaml")):
        for proof in read(path).value["verify"]:
            asked = {key: proof[key] for key in ("world", "turn", "withhold") if key in proof}
            found.setdefault(json.dumps(asked, sort_keys=True), asked)
    return [pytest.param(asked, id=text) for text, asked in found.items()]


def aws_of(world: World) -> AwsSide:
    assert world.aws is not None
    return world.aws


def brokers_of(world: World) -> Cluster:
    assert world.brokers is not None
    return world.brokers


async def ask(running: RunningWorld, service: str, operation: str, **parameters: Any) -> Any:
    """The answer of the world's AWS."""
    session: Any = running.session()
    client = session.client(service, config=ONCE)
    return await asyncio.to_thread(getattr(client, operation), **parameters)


def test_there_are_worlds() -> None:
    assert {"hardened", "legacy-zookeeper", "serverless"} <= set(names())
    assert list(names()) == sorted(names())


@pytest.mark.parametrize("name", names())
async def test_every_world_loads_and_runs(name: str) -> None:
    async with run(load(name)) as running:
        if running.arn is None:
            assert running.addresses
            return
        answer = await ask(running, "kafka", "describe_cluster_v2", ClusterArn=running.arn)
        assert answer["ClusterInfo"]["ClusterArn"] == running.arn
        assert str(running.region) in str(running.arn)


@pytest.mark.parametrize("asked", proofs())
async def test_every_proof_of_a_rule_can_run(asked: dict[str, Any]) -> None:
    turn = asked.get("turn", {})
    world = turned(asked["world"], turn)
    assert (world == load(asked["world"])) == (not turn)
    async with run(world, parse_withhold(asked.get("withhold", ()))) as running:
        assert isinstance(running, RunningWorld)


def test_an_unknown_world_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no world 'nowhere'; there are .*hardened"):
        load("nowhere")
    with pytest.raises(UsageError, match="no world"):
        load("../worlds/hardened")


def test_a_turn_sets_makes_parents_and_removes() -> None:
    world = turned(
        "hardened",
        {
            f"{CLUSTER}.ConnectivityInfo.PublicAccess.Type": "DISABLED",
            f"{CLUSTER}.LoggingInfo.AuthorizerLogs": None,
            "brokers.listeners.plaintext": {"protocol": "PLAINTEXT", "bootstrap": "Plaintext"},
            "brokers.listeners.iam": None,
            "brokers.listeners.tls.client_certificate": "requested",
        },
    )
    provisioned = aws_of(world).cluster["Provisioned"]
    assert provisioned["ConnectivityInfo"] == {"PublicAccess": {"Type": "DISABLED"}}
    assert set(provisioned["LoggingInfo"]) == {"BrokerLogs"}
    assert list(brokers_of(world).listeners) == ["tls", "scram", "plaintext"]
    assert brokers_of(world).listeners["plaintext"] == Listener(protocol=Protocol.PLAINTEXT, bootstrap="Plaintext")
    assert brokers_of(world).listeners["tls"].client_certificate is ClientCertificate.REQUESTED


def test_a_turn_changes_neither_the_world_nor_itself() -> None:
    setting: dict[str, Any] = {"protocol": "PLAINTEXT"}
    turn = {"brokers.listeners.plain": setting, "brokers.listeners.plain.bootstrap": "Plaintext"}
    before = load("hardened")
    assert turned("hardened", turn) != before
    assert setting == {"protocol": "PLAINTEXT"}
    assert load("hardened") == before


@pytest.mark.parametrize(
    ("path", "setting", "says"),
    [
        ("broker.count", 3, "cannot turn broker.count: .* no 'broker'"),
        ("nothing", None, "cannot turn nothing: .* no 'nothing'"),
        ("title.short", "x", "cannot turn title.short: the path does not lead through mappings"),
        ("aws.cluster.ClusterName.x.y", 1, "does not lead through mappings"),
        ("aws.cluster..x", 1, "keys with dots between them"),
        ("aws.", 1, "keys with dots between them"),
        ("brokers.listeners.kraft", None, "cannot turn brokers.listeners.kraft: there is nothing to remove"),
        ("brokers.colour", "red", "colour"),
        ("brokers.count", 0, "brokers.count"),
        ("brokers.listeners.tls.protocol", "TLS", "TLS"),
        ("brokers.listeners.tls.mechanisms", ["PLAIN"], "listener tls: SSL has no mechanisms"),
        ("brokers.listeners.tls.bootstrap", "Tsl", "'Tsl' is no kind of bootstrap address"),
        ("brokers.topics", {"a/b": 1}, "'a/b' is no name of a topic"),
        ("aws.cluster.ClusterArn", None, "no ClusterArn"),
        ("aws", "all of it", "aws"),
        ("as_of", "today", "as_of"),
        ("as_of", "2026-02-30", "2026-02-30, which is no day"),
        ("brokers.topics", {"..": 1}, "'..' is no name of a topic"),
        ("brokers.listeners", {}, "brokers.listeners"),
        ("brokers.listeners.tls.controller", True, "zookeeper mode has no listeners of controllers"),
        ("brokers.listeners.open", {"protocol": "PLAINTEXT", "tls": {"ocsp": "good"}}, "PLAINTEXT has no TLS to turn"),
        ("brokers.acls.billing-has-its-group.principal", "billing", "such as User:billing"),
        ("brokers.authorizer.super_users", ["operator"], "such as User:operator"),
        ("brokers.settings", {"socket.request.max.bytes": "1e6"}, "'1e6'; write a number above 0"),
        ("brokers.settings", {"connections.max.idle.ms": "-1"}, "'-1'; write a number above 0"),
        ("brokers.settings", {"super.users": "User:x"}, "not set here; turn brokers.authorizer.super_users"),
        ("brokers.settings", {"listener.name.tls.ssl.client.auth": "none"}, "turn brokers.listeners.LISTENER.client_c"),
        ("zookeeper.tls", None, "a ZooKeeper has a clear port, one for TLS, or both"),
        ("zookeeper.port_unification", True, "no clear port that could take TLS too"),
        ("title", None, "title"),
    ],
)
def test_a_wrong_turn_is_refused_with_the_place(path: str, setting: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        turned("hardened", {path: setting})


@pytest.mark.parametrize(
    ("turn", "says"),
    [
        ({"zookeeper.tls.script": "nonsense"}, "no scripted TLS front 'nonsense'"),
        ({"zookeeper.left_open": ["/brokers/moon"]}, "left_open names /brokers/moon"),
        (
            {"brokers.acls.billing-has-its-group.name": "a//b"},
            "ZooKeeper cannot hold this cluster: '/kafka-acl/Group/a/",
        ),
        ({"brokers.users": {"..": "secret"}}, "'/config/users/..' is no path of a node"),
        ({"brokers.aws_credentials.analytics.policies": [{"Statement": 5}]}, "policy 0"),
        ({"aws.cluster.ClusterArn": "arn"}, "'arn' is no ARN of a cluster"),
        ({f"{SOFTWARE}.ConfigurationArn": ["arn"]}, "ConfigurationArn` is list"),
        ({f"{CLUSTER}.EncryptionInfo.EncryptionAtRest.DataVolumeKMSKeyId": ["arn"]}, "DataVolumeKMSKeyId` is list"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_world_that_cannot_run_says_so_at_once(turn: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        async with run(turned("hardened", turn)):
            pytest.fail("it runs")


async def test_a_member_that_aws_does_not_have_is_refused_when_the_world_starts() -> None:
    world = turned("hardened", {f"{CLUSTER}.EncryptionInfo.EncryptionInTransit.Client": "TLS"})
    with pytest.raises(UsageError, match=r"EncryptionInTransit\.Client"):
        async with run(world):
            pass


async def test_addresses_stand_under_their_kind() -> None:
    world = turned(
        "hardened",
        {
            "brokers.listeners.plaintext": {"protocol": "PLAINTEXT", "bootstrap": "Plaintext"},
            "brokers.listeners.six": {"protocol": "PLAINTEXT", "bootstrap": "PlaintextIpv6"},
            "brokers.listeners.hidden": {"protocol": "PLAINTEXT"},
            "brokers.listeners.scram.bootstrap": "Tls",
            "aws.bootstrap": {"BootstrapBrokerStringSaslIam": "b-1.example:9098"},
        },
    )
    async with run(world) as running:
        answer = await ask(running, "kafka", "get_bootstrap_brokers", ClusterArn=running.arn)
        listed = {name: ",".join(running.listener_addresses(name)) for name in ("tls", "scram", "plaintext", "six")}
        assert {member: text for member, text in answer.items() if member.startswith("Bootstrap")} == {
            "BootstrapBrokerString": listed["plaintext"],
            "BootstrapBrokerStringIpv6": listed["six"],
            "BootstrapBrokerStringTls": f"{listed['tls']},{listed['scram']}",
            "BootstrapBrokerStringSaslIam": "b-1.example:9098",
        }
        assert len(running.addresses) == 18
        assert list(running.addresses) == sorted(running.addresses)
        assert set(running.listener_addresses("hidden")) < set(running.addresses)
        with pytest.raises(UsageError, match="no listener 'none'; there are tls, scram, iam"):
            running.listener_addresses("none")


async def test_configuration_and_key_stand_under_the_arns_the_cluster_names() -> None:
    world = load("hardened")
    software = aws_of(world).cluster["Provisioned"]["CurrentBrokerSoftwareInfo"]
    key = aws_of(world).cluster["Provisioned"]["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]
    async with run(world) as running:
        revision = {"Arn": software["ConfigurationArn"], "Revision": software["ConfigurationRevision"]}
        configured = await ask(running, "kafka", "describe_configuration_revision", **revision)
        assert configured["ServerProperties"].startswith(b"allow.everyone.if.no.acl.found=false\n")
        described = await ask(running, "kms", "describe_key", KeyId=key)
        assert (described["KeyMetadata"]["Arn"], described["KeyMetadata"]["KeyManager"]) == (key, "CUSTOMER")
    async with run(turned("hardened", NO_CONFIGURATION)) as running:
        with pytest.raises(ClientError, match="NotFoundException"):
            await ask(running, "kafka", "describe_configuration_revision", **revision)


@pytest.mark.parametrize(
    ("entries", "withheld"),
    [
        ((), {}),
        (("live", "aws"), {"live": Reason.REFUSED, "aws": Reason.DENIED}),
        (("live=timed_out",), {"live": Reason.TIMED_OUT}),
        (("aws=timed_out", "kms:DescribeKey"), {"aws": Reason.TIMED_OUT, "kms:DescribeKey": Reason.DENIED}),
        (("kms:DescribeKey=throttled",), {"kms:DescribeKey": Reason.THROTTLED}),
    ],
)
def test_what_is_withheld_has_a_natural_reason(entries: tuple[str, ...], withheld: dict[str, Reason]) -> None:
    assert parse_withhold(entries) == withheld


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("zookeeper", "cannot withhold 'zookeeper': use live, aws or an API action"),
        ("live=asleep", "no reason 'asleep'; use denied"),
        ("live=", "no reason ''"),
        ("live=denied", "brokers cannot be denied; use refused, timed_out"),
        ("aws=refused", "refused"),
        ("kms:DescribeKeys", "kms:DescribeKeys"),
    ],
)
def test_what_cannot_be_withheld_is_said(entry: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_withhold([entry])


@pytest.mark.parametrize("withheld", [{"live": Reason.DENIED}, {"zookeeper": Reason.DENIED}])
@pytest.mark.parametrize("turn", [{}, {"aws": None}])
async def test_a_world_does_not_run_without_knowing_what_to_withhold(
    withheld: dict[str, Reason], turn: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        async with run(turned("hardened", turn), withheld):
            pass


async def test_aws_fails_the_way_it_is_told_to() -> None:
    withheld = {"aws": Reason.TIMED_OUT, "kafka:DescribeClusterV2": Reason.DENIED}
    async with run(load("serverless"), withheld) as running:
        with pytest.raises(ClientError, match="AccessDeniedException"):
            await ask(running, "kafka", "describe_cluster_v2", ClusterArn=running.arn)
        with pytest.raises(ReadTimeoutError):
            await ask(running, "kafka", "get_bootstrap_brokers", ClusterArn=running.arn)


async def test_withheld_brokers_are_listed_and_do_not_answer() -> None:
    async with run(load("hardened"), {"live": Reason.REFUSED}) as running:
        answer = await ask(running, "kafka", "get_bootstrap_brokers", ClusterArn=running.arn)
        assert answer["BootstrapBrokerStringTls"] == ",".join(running.listener_addresses("tls"))
        for address in running.addresses:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address.split(":"))


async def test_the_brokers_of_a_world_answer(call: Calling) -> None:
    async with (
        run(load("legacy-zookeeper")) as running,
        call(running.listener_addresses("plaintext")[1]) as peer,
    ):
        answer = await peer.ask(MetadataRequest(topics=None), version=1)
    assert answer is not None
    assert isinstance(answer.message, MetadataResponse)
    assert [(topic.name, len(topic.partitions)) for topic in answer.message.topics] == [("orders", 2)]
    assert len(answer.message.brokers) == 2


async def test_a_world_without_brokers_has_no_addresses() -> None:
    async with run(load("serverless")) as running:
        assert running.addresses == ()


async def test_a_world_without_aws_says_so() -> None:
    async with run(turned("hardened", {"aws": None})) as running:
        assert len(running.addresses) == 9
        assert (running.arn, running.region) == (None, None)
        with pytest.raises(UsageError, match="no AWS side"):
            running.session()


PROGRAM = """
import asyncio, sys
from mskaudit.reference.worlds import parse_withhold, run, turned
async def main():
    async with run(turned("hardened", {"aws": None}), parse_withhold(["live", "aws"])):
        pass
asyncio.run(main())
print([name for name in sys.modules if name.startswith("boto")])
"""


def test_a_world_without_aws_needs_no_boto() -> None:
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])  # noqa: S603  our own program
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("turn", "shown"),
    [
        ({}, {"zookeeper.set.acl": "true", "zookeeper.ssl.client.enable": "true"}),
        ({"zookeeper.tls": None, "zookeeper.clear": True, "zookeeper.set_acl": False}, {"zookeeper.set.acl": "false"}),
    ],
    ids=["tls", "clear"],
)
async def test_brokers_know_their_zookeeper(turn: dict[str, Any], shown: dict[str, str]) -> None:
    async with run(turned("hardened", turn)) as running:
        assert running.brokers is not None
        assert running.zookeeper is not None
        settings = running.brokers.state.surroundings
        assert settings["zookeeper.connect"] == (running.zookeeper.tls or running.zookeeper.clear)
        assert {name: settings[name] for name in shown} == shown
        assert ("zookeeper.ssl.client.enable" in settings) == (running.zookeeper.tls is not None)
