"""Settings described and altered, as Apache Kafka 3.9.2 and 4.4.0 were heard to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mskaudit.reference.broker import serve
from mskaudit.reference.cluster import AuthorizerRules, Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.config_keys import config_table
from mskaudit.reference.releases import Mode
from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings, TlsVersion
from mskaudit.wire.apis import APIS
from mskaudit.wire.apis.configs import (
    AlterConfigsRequest,
    AlterConfigsResource,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import MetadataRequest, MetadataResponse
from tests.reference.services.administration import (
    BROKER,
    GROUP,
    LINES,
    LOGGER,
    METRICS,
    NEW,
    OLD,
    TOPIC,
    alter,
    describe,
    replace_settings,
    world,
)
from tests.reference.services.desk import ALICE, BOB, MALLORY, ROOT, Desk

if TYPE_CHECKING:
    from tests.reference.conftest import Calling

TOPIC_SOURCE, OWN, EVERYBODY, STATIC, DEFAULT, OF_LOGGER, OF_METRICS, OF_GROUP = range(1, 9)


@pytest.mark.parametrize(("release", "count"), [(OLD, 315), (NEW, 350)])
async def test_a_broker_shows_all_its_settings(release: str, count: int) -> None:
    desk = Desk(world(release))
    shown = (await describe(desk, BROKER, "1")).configs
    names = [one.name for one in shown]
    assert len(config_table(desk.profile).brokers) == count
    assert set(config_table(desk.profile).broker_keys) < set(names)
    assert len(set(names)) == len(names)


async def test_what_an_authorizer_goes_by_is_there_and_secret() -> None:
    desk = Desk(world())
    shown = (await describe(desk, BROKER, "1", "super.users", "allow.everyone.if.no.acl.found", synonyms=True)).configs
    for one in shown:
        assert (one.value, one.is_sensitive, one.read_only, one.config_source, one.config_type) == (
            None, True, True, STATIC, 0,
        )  # fmt: skip
        assert [(synonym.value, synonym.source) for synonym in one.synonyms] == [(None, STATIC)]
    assert len(shown) == 2
    without = await describe(Desk(world(authorizer=False)), BROKER, "1", "super.users", "authorizer.class.name")
    assert [(one.name, one.value) for one in without.configs] == [("authorizer.class.name", "")]


@pytest.mark.parametrize(
    ("release", "there", "absent"),
    [(OLD, "zookeeper.set.acl", "group.streams.session.timeout.ms"), (NEW, "process.roles", "zookeeper.set.acl")],
)
async def test_settings_come_and_go_with_releases(release: str, there: str, absent: str) -> None:
    shown = (await describe(Desk(world(release)), BROKER, "1", there, absent)).configs
    assert [one.name for one in shown] == [there]


async def test_no_broker_of_zookeeper_mode_is_without_its_address() -> None:
    (shown,) = (await describe(Desk(world(OLD)), BROKER, "1", "zookeeper.connect")).configs
    assert (shown.value, shown.config_source, shown.read_only) == ("localhost:2181", STATIC, True)


async def test_what_stands_in_the_file_is_shown_with_what_it_wins_over() -> None:
    desk = Desk(world(num_io_threads="4", no_such="x"))
    (threads,) = (await describe(desk, BROKER, "1", "num.io.threads", synonyms=True)).configs
    assert (threads.value, threads.config_source, threads.read_only) == ("4", STATIC, False)
    assert [(one.value, one.source) for one in threads.synonyms] == [("4", STATIC), ("8", DEFAULT)]
    (unknown,) = (await describe(desk, BROKER, "1", "no.such")).configs
    assert (unknown.value, unknown.is_sensitive) == (None, True)


@pytest.mark.parametrize("version", range(5))
async def test_every_version_describes(version: int) -> None:
    desk = Desk(world(OLD))
    (shown,) = (await describe(desk, BROKER, "1", "num.io.threads", version=version)).configs
    assert shown.value == "8"
    assert shown.is_default == (version == 0)
    assert shown.config_type == (3 if version >= 3 else 0)


@pytest.mark.parametrize(
    ("kind", "name", "who", "code"),
    [
        pytest.param(BROKER, "1", ROOT, 0, id="own-broker"),
        pytest.param(BROKER, "+01", ROOT, 0, id="own-broker-as-java-reads-it"),
        pytest.param(BROKER, "", ROOT, 0, id="all-brokers"),
        pytest.param(BROKER, "2", ROOT, 42, id="another-broker"),
        pytest.param(BROKER, "x", ROOT, 42, id="no-broker"),
        pytest.param(BROKER, "99999999999", ROOT, 42, id="no-integer"),
        pytest.param(BROKER, "1", ALICE, 31, id="broker-refused"),
        pytest.param(TOPIC, "orders", ROOT, 0, id="topic"),
        pytest.param(TOPIC, "nope", ROOT, 3, id="unknown-topic"),
        pytest.param(TOPIC, "a b", ROOT, 17, id="no-topic"),
        pytest.param(TOPIC, "orders", BOB, 29, id="topic-refused"),
        pytest.param(TOPIC, "nope", BOB, 29, id="unknown-topic-refused"),
        pytest.param(LOGGER, "1", ROOT, 0, id="logger"),
        pytest.param(LOGGER, "", ROOT, 42, id="logger-of-nobody"),
        pytest.param(LOGGER, "2", ROOT, 42, id="logger-of-another"),
        pytest.param(LOGGER, "1", BOB, 31, id="logger-refused"),
        pytest.param(METRICS, "", ROOT, 42, id="metrics-without-name"),
        pytest.param(METRICS, "m", BOB, 31, id="metrics-refused"),
        pytest.param(0, "x", ROOT, 42, id="kind-0"),
        pytest.param(64, "x", BOB, 42, id="unknown-kind"),
    ],
)
@pytest.mark.parametrize("release", LINES)
async def test_whose_settings_are_described(release: str, kind: int, name: str, who: str, code: int) -> None:
    told = await describe(Desk(world(release)), kind, name, who=who)
    assert told.error_code == code
    assert bool(told.configs) == (code == 0 and name != "")


async def test_another_broker_is_refused_in_kafkas_words() -> None:
    told = await describe(Desk(world()), BROKER, "2")
    assert told.error_message == "Unexpected broker id, expected 1 or empty string, but received 2"


@pytest.mark.parametrize(("release", "group", "metrics"), [(OLD, 42, 42), (NEW, 0, 0)])
async def test_groups_and_client_metrics_are_of_new_releases(release: str, group: int, metrics: int) -> None:
    desk = Desk(world(release))
    codes = [(await describe(desk, GROUP, "g")).error_code, (await describe(desk, METRICS, "m")).error_code]
    codes.append((await alter(desk, GROUP, "g", ("consumer.session.timeout.ms", "50000")))[0])
    codes.append((await alter(desk, METRICS, "m", ("interval.ms", "1000")))[0])
    assert codes == [group, metrics, group, metrics]


async def test_groups_and_client_metrics_are_altered() -> None:
    desk = Desk(world())
    await alter(desk, GROUP, "g", ("consumer.session.timeout.ms", "50000"))
    await alter(desk, METRICS, "m", ("interval.ms", "1000"))
    (timeout,) = (await describe(desk, GROUP, "g", "consumer.session.timeout.ms", synonyms=True)).configs
    assert [(one.name, one.source) for one in timeout.synonyms] == [
        ("consumer.session.timeout.ms", OF_GROUP),
        ("group.consumer.session.timeout.ms", DEFAULT),
    ]
    (interval,) = (await describe(desk, METRICS, "m", "interval.ms")).configs
    assert (interval.value, interval.config_source) == ("1000", OF_METRICS)
    codes = [
        (await alter(desk, GROUP, "g", ("nope", "1")))[0],
        (await alter(desk, GROUP, "", ("consumer.session.timeout.ms", "1")))[0],
        (await alter(desk, GROUP, "g", ("consumer.session.timeout.ms", "1"), who=MALLORY))[0],
        (await alter(desk, METRICS, "m", ("nope", "1")))[0],
        (await alter(desk, METRICS, "", ("interval.ms", "1")))[0],
        (await alter(desk, METRICS, "m", ("interval.ms", "1"), who=MALLORY))[0],
    ]
    assert codes == [40, 42, 30, 42, 42, 31]


FIXED = (
    "authorizer.class.name",
    "auto.create.topics.enable",
    "connections.max.idle.ms",
    "socket.request.max.bytes",
    "ssl.principal.mapping.rules",
    "connections.max.reauth.ms",
    "delegation.token.secret.key",
    "default.replication.factor",
    "early.start.listeners",
    "sasl.server.callback.handler.class",
    "broker.id",
    "log.retention.hours",
)
TAKEN = {
    "super.users": "User:mallory",
    "allow.everyone.if.no.acl.found": "true",
    "unclean.leader.election.enable": "true",
    "log.retention.ms": "1000000",
    "message.max.bytes": "1000000",
    "num.io.threads": "9",
    "max.connections.per.ip": "100",
    "listener.name.tls.max.connections": "9",
    "no.such.setting": "x",
}
OF_ONE_BROKER = {
    "ssl.client.auth": "required",
    "listener.name.tls.ssl.client.auth": "required",
    "listener.name.tls.ssl.enabled.protocols": "TLSv1.2",
    "listener.name.tls.ssl.cipher.suites": "x",
    "listener.name.scram.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.scram.connections.max.reauth.ms": "9000",
    "listener.name.plain.plain.sasl.jaas.config": "x required;",
}


@pytest.mark.parametrize("key", FIXED)
@pytest.mark.parametrize("release", LINES)
async def test_settings_that_are_fixed(release: str, key: str) -> None:
    desk = Desk(world(release))
    shown = f"Set({key})" if release == OLD else f"[{key}]"
    for broker in ("1", ""):
        told = await alter(desk, BROKER, broker, (key, "7"))
        assert told == (42, f"Cannot update these configs dynamically: {shown}")
    assert desk.state.broker_settings == {"": {}}


@pytest.mark.parametrize("key", TAKEN)
@pytest.mark.parametrize("release", LINES)
async def test_settings_that_are_taken_for_one_broker_or_for_all(release: str, key: str) -> None:
    desk = Desk(world(release))
    for broker in ("1", ""):
        assert (await alter(desk, BROKER, broker, (key, TAKEN[key]), only=True))[0] == 0
        assert key not in desk.state.broker_settings[""]
        assert (await alter(desk, BROKER, broker, (key, TAKEN[key])))[0] == 0
        assert desk.state.broker_settings[broker][key] == TAKEN[key]


@pytest.mark.parametrize("key", OF_ONE_BROKER)
@pytest.mark.parametrize("release", LINES)
async def test_settings_that_are_of_one_broker(release: str, key: str) -> None:
    desk = Desk(world(release))
    code, message = await alter(desk, BROKER, "", (key, OF_ONE_BROKER[key]))
    assert (code, "broker id must be specified" in (message or "")) == (42, True)
    assert (await alter(desk, BROKER, "1", (key, OF_ONE_BROKER[key])))[0] == 0
    (shown,) = (await describe(desk, BROKER, "1", key)).configs
    assert shown.config_source == OWN


@pytest.mark.parametrize("key", ["ssl.keystore.location", "ssl.truststore.location", "ssl.keystore.password"])
async def test_stores_are_altered_at_a_listener_only(key: str) -> None:
    code, message = await alter(Desk(world()), BROKER, "1", (key, "x"))
    assert (code, "only per-listener" in (message or "")) == (42, True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param([("background.threads", "x")], 42, id="no-number"),
        pytest.param([("num.io.threads", "3", 2)], 40, id="append-to-a-number"),
        pytest.param([("num.io.threads", "3", 9)], -1, id="unknown-operation"),
        pytest.param([("num.io.threads", None)], 42, id="null"),
        pytest.param([("num.io.threads", None, 1)], 0, id="removed"),
        pytest.param([("num.io.threads", "1"), ("num.io.threads", "2")], 42, id="twice"),
        pytest.param([("principal.builder.class", "x")], 42, id="unknown-class"),
        pytest.param([("listeners", "PLAINTEXT://127.0.0.1:1")], 42, id="listeners"),
        pytest.param([], 0, id="nothing"),
    ],
)
async def test_what_is_wrong_with_a_change(changes: list[tuple[str, str | None]], code: int) -> None:
    assert (await alter(Desk(world()), BROKER, "1", *changes))[0] == code


async def test_a_taken_setting_is_shown_and_not_in_force() -> None:
    desk = Desk(world())
    await alter(desk, BROKER, "1", ("super.users", "User:mallory"))
    await alter(desk, BROKER, "", ("allow.everyone.if.no.acl.found", "true"))
    shown = (await describe(desk, BROKER, "1", "super.users", "allow.everyone.if.no.acl.found", synonyms=True)).configs
    assert {one.name: [synonym.source for synonym in one.synonyms] for one in shown} == {
        "super.users": [OWN, STATIC],
        "allow.everyone.if.no.acl.found": [EVERYBODY, STATIC],
    }
    answer = await desk.ask(MetadataResponse, MetadataRequest(topics=None), 7, who=MALLORY)
    assert answer.topics == ()
    assert (await describe(desk, BROKER, "1", who=MALLORY)).error_code == 31


async def test_settings_win_in_kafkas_order() -> None:
    desk = Desk(world(num_io_threads="5"))
    await alter(desk, BROKER, "", ("num.io.threads", "6"))
    await alter(desk, BROKER, "1", ("num.io.threads", "7"))
    (threads,) = (await describe(desk, BROKER, "1", "num.io.threads", synonyms=True)).configs
    assert [(one.value, one.source) for one in threads.synonyms] == [
        ("7", OWN), ("6", EVERYBODY), ("5", STATIC), ("8", DEFAULT),
    ]  # fmt: skip
    (shared,) = (await describe(desk, BROKER, "", synonyms=True)).configs
    assert (shared.name, shared.value, shared.config_source) == ("num.io.threads", "6", EVERYBODY)


async def test_replacing_forgets_what_is_not_named() -> None:
    desk = Desk(world())
    await alter(desk, BROKER, "1", ("num.io.threads", "7"), ("background.threads", "7"))
    assert await replace_settings(desk, BROKER, "1", {"background.threads": "8"}) == (0, None)
    assert desk.state.broker_settings["1"] == {"background.threads": "8"}
    assert (await replace_settings(desk, BROKER, "1", {"num.io.threads": None}))[0] == 42
    assert (await replace_settings(desk, LOGGER, "1", {}))[0] == 42
    assert (await replace_settings(desk, BROKER, "2", {}))[0] == 42


async def test_a_resource_replaced_twice_is_never_answered() -> None:
    resource = AlterConfigsResource(resource_type=TOPIC, resource_name="orders", configs=())
    request = AlterConfigsRequest(resources=(resource, resource), validate_only=True)
    reply, answer = await Desk(world()).put(request, 2, who=ROOT)
    assert (reply.silent, answer) == (True, None)


@pytest.mark.parametrize(
    ("release", "key", "code"),
    [
        (OLD, "num.io.threads", 31),
        (NEW, "num.io.threads", 31),
        # ZooKeeper mode looks at the settings first, and so tells everybody what it thinks of them.
        (OLD, "authorizer.class.name", 42),
        (NEW, "authorizer.class.name", 31),
    ],
)
async def test_who_may_not_alter_a_broker(release: str, key: str, code: int) -> None:
    desk = Desk(world(release))
    assert (await alter(desk, BROKER, "1", (key, "7"), who=ALICE))[0] == code
    assert (await alter(desk, LOGGER, "1", ("root", "DEBUG"), who=ALICE))[0] == 31
    assert desk.state.broker_settings == {"": {}}


@pytest.mark.parametrize(
    ("name", "change", "who", "code"),
    [
        pytest.param("orders", ("retention.ms", "3333"), ROOT, 0, id="set"),
        pytest.param("orders", ("retention.ms", "x"), ROOT, 40, id="no-number"),
        pytest.param("orders", ("nope", "1"), ROOT, 40, id="unknown-setting"),
        pytest.param("orders", ("retention.ms", "1", 2), ROOT, 40, id="append-to-a-number"),
        pytest.param("orders", ("cleanup.policy", "compact", 2), ROOT, 0, id="append"),
        pytest.param("nope", ("retention.ms", "1"), ROOT, 3, id="unknown-topic"),
        pytest.param("", ("retention.ms", "1"), ROOT, 42, id="no-topic"),
        pytest.param("orders", ("retention.ms", "1"), BOB, 29, id="may-not"),
    ],
)
@pytest.mark.parametrize("release", LINES)
async def test_topics_are_altered(release: str, name: str, change: tuple[str, str], who: str, code: int) -> None:
    desk = Desk(world(release))
    assert (await alter(desk, TOPIC, name, change, who=who))[0] == code
    assert bool(desk.state.topics["orders"].settings) == (code == 0)


async def test_lists_grow_and_shrink() -> None:
    desk = Desk(world())
    kept = desk.state.topics["orders"]
    await alter(desk, TOPIC, "orders", ("cleanup.policy", "compact", 2))
    assert kept.settings == {"cleanup.policy": "delete,compact"}
    await alter(desk, TOPIC, "orders", ("cleanup.policy", "delete", 3))
    assert kept.settings == {"cleanup.policy": "compact"}
    await alter(desk, TOPIC, "orders", ("cleanup.policy", None, 1))
    assert kept.settings == {}


async def test_topics_inherit_from_brokers_in_their_own_units() -> None:
    desk = Desk(world(log_retention_hours="2"))
    (shown,) = (await describe(desk, TOPIC, "orders", "retention.ms", synonyms=True)).configs
    assert (shown.value, shown.config_source) == ("7200000", DEFAULT)
    await alter(desk, BROKER, "", ("log.retention.ms", "777777"))
    (shown,) = (await describe(desk, TOPIC, "orders", "retention.ms", synonyms=True)).configs
    assert (shown.value, shown.config_source) == ("777777", EVERYBODY)
    await alter(desk, TOPIC, "orders", ("retention.ms", "5"))
    (shown,) = (await describe(desk, TOPIC, "orders", "retention.ms", synonyms=True)).configs
    assert [(one.name, one.value, one.source) for one in shown.synonyms][:2] == [
        ("retention.ms", "5", TOPIC_SOURCE),
        ("log.retention.ms", "777777", EVERYBODY),
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(("root", "DEBUG"), 0, id="set"),
        pytest.param(("root", "LOUD"), 40, id="no-level"),
        pytest.param(("nope", "DEBUG"), 40, id="unknown"),
        pytest.param(("root", None, 1), 42, id="root-removed"),
        pytest.param(("root", "x", 2), 42, id="append"),
    ],
)
async def test_loggers_have_levels(change: tuple[str, str], code: int) -> None:
    desk = Desk(world())
    assert (await alter(desk, LOGGER, "1", change))[0] == code
    (shown,) = (await describe(desk, LOGGER, "1", "root")).configs
    assert (shown.value, shown.config_source) == ("INFO" if code else "DEBUG", OF_LOGGER)


@pytest.mark.parametrize(
    ("kinds", "version", "found"),
    [
        pytest.param((), 0, [(METRICS, "m")], id="v0"),
        pytest.param((TOPIC,), 1, [(TOPIC, "orders"), (TOPIC, "secrets")], id="topics"),
        pytest.param((BROKER,), 1, [(BROKER, "1"), (BROKER, "2"), (BROKER, "3")], id="brokers"),
        pytest.param((METRICS, GROUP), 1, [(GROUP, "g"), (METRICS, "m")], id="two"),
    ],
)
async def test_resources_with_settings_are_listed(
    kinds: tuple[int, ...], version: int, found: list[tuple[int, str]]
) -> None:
    desk = Desk(world())
    await alter(desk, METRICS, "m", ("interval.ms", "1000"))
    await alter(desk, GROUP, "g", ("consumer.session.timeout.ms", "50000"))
    request = ListConfigResourcesRequest(resource_types=kinds)
    answer = await desk.ask(ListConfigResourcesResponse, request, version, who=ROOT)
    assert [(one.resource_type, one.resource_name) for one in answer.config_resources] == found
    refused = await desk.ask(ListConfigResourcesResponse, request, version, who=ALICE)
    assert refused.error_code == 31
    unknown = ListConfigResourcesRequest(resource_types=(64,))
    assert (await desk.ask(ListConfigResourcesResponse, unknown, 1, who=ROOT)).error_code == 35


async def test_there_is_an_end_to_settings() -> None:
    desk = Desk(world())
    assert (await alter(desk, BROKER, "1", ("no.such", "x" * 20_000)))[0] == 44
    codes = [(await alter(desk, BROKER, "1", (f"no.such.{at}", "x" * 15_000)))[0] for at in range(300)]
    assert codes[0] == 0
    assert codes[-1] == 44
    whole = DescribeConfigsResource(resource_type=BROKER, resource_name="1", configuration_keys=None)
    request = DescribeConfigsRequest(resources=(whole,) * 500)
    answer = await desk.ask(DescribeConfigsResponse, request, 4, who=ROOT)
    assert {one.error_code for one in answer.results} == {0, 44}


WITH_LISTENERS = {
    "clear": Listener(protocol=Protocol.PLAINTEXT),
    "mtls": Listener(
        protocol=Protocol.SSL,
        client_certificate=ClientCertificate.REQUIRED,
        tls=TlsSettings(versions=(TlsVersion.TLS_1_2,)),
        principal_mapping="RULE:^CN=(.*)$/$1/",
    ),
    "scram": Listener(
        protocol=Protocol.SASL_SSL,
        mechanisms=(Mechanism.SCRAM_SHA_512,),
        advertised="b-1.example",
        max_reauth_ms=60_000,
    ),
}


@pytest.mark.parametrize(("release", "mode"), [(OLD, Mode.ZOOKEEPER), (OLD, Mode.KRAFT), (NEW, Mode.KRAFT)])
async def test_settings_tell_of_the_listeners_there_are(release: str, mode: Mode, call: Calling) -> None:
    listeners = dict(WITH_LISTENERS)
    if mode is Mode.KRAFT:
        listeners["inner"] = Listener(protocol=Protocol.SSL, controller=True)
    cluster = Cluster(
        count=2,
        cluster_id="told",
        release=release,
        mode=mode,
        listeners=listeners,
        authorizer=AuthorizerRules(allow_everyone=True),
    )
    async with serve(cluster) as serving, call(serving.by_listener["clear"][0]) as peer:
        whole = DescribeConfigsResource(resource_type=BROKER, resource_name="1", configuration_keys=None)
        peer.wire = ClientConnection(apis=APIS)
        answer = await peer.ask(DescribeConfigsRequest(resources=(whole,)), version=4)
    assert answer is not None
    assert isinstance(answer.message, DescribeConfigsResponse)
    shown = {one.name: one.value for one in answer.message.results[0].configs}
    port = {name: addresses[0].rpartition(":")[2] for name, addresses in serving.by_listener.items()}
    controller = f",INNER://127.0.0.1:{port['inner']}" if mode is Mode.KRAFT else ""
    assert shown["listeners"] == (
        f"CLEAR://127.0.0.1:{port['clear']},MTLS://127.0.0.1:{port['mtls']},SCRAM://127.0.0.1:{port['scram']}{controller}"
    )
    assert shown["advertised.listeners"] == (
        f"CLEAR://127.0.0.1:{port['clear']},MTLS://127.0.0.1:{port['mtls']},SCRAM://b-1.example:{port['scram']}"
    )
    assert shown["listener.security.protocol.map"] == "CLEAR:PLAINTEXT,MTLS:SSL,SCRAM:SASL_SSL" + (
        ",INNER:SSL" if mode is Mode.KRAFT else ""
    )
    assert shown["listener.name.mtls.ssl.client.auth"] == "required"
    assert shown["listener.name.mtls.ssl.enabled.protocols"] == "TLSv1.2"
    assert shown["listener.name.mtls.ssl.principal.mapping.rules"] == "RULE:^CN=(.*)$/$1/"
    assert shown["listener.name.scram.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
    assert shown["listener.name.scram.connections.max.reauth.ms"] == "60000"
    assert shown["listener.name.scram.scram-sha-512.sasl.jaas.config"] is None
    assert shown["inter.broker.listener.name"] == "MTLS"
    if mode is Mode.KRAFT:
        assert shown["process.roles"] == "broker,controller"
        assert shown["controller.listener.names"] == "INNER"
        assert shown["authorizer.class.name"] == "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    else:
        assert shown["process.roles"] == ""
        assert shown["authorizer.class.name"] == "kafka.security.authorizer.AclAuthorizer"
