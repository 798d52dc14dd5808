"""Independent clients administer the reference: librdkafka, kafka-python and aiokafka find done what they did."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewPartitions as AioPartitions
from aiokafka.admin import NewTopic as AioTopic
from aiokafka.admin.config_resource import ConfigResource as AioResource
from aiokafka.admin.config_resource import ConfigResourceType as AioType
from aiokafka.errors import KafkaError as AioError
from aiokafka.errors import for_code
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    UserScramCredentialUpsertion,
)
from confluent_kafka.admin import ScramMechanism as RdScram

from mskaudit.policy.acls import AclFilter, Operation
from mskaudit.policy.acls import ResourceType as AclResource
from mskaudit.reference.broker import Serving, serve
from mskaudit.reference.cluster import AuthorizerRules, Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.releases import Mode
from mskaudit.wire.scram import ScramMechanism

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    from kafka.admin import (
        ACL,
        ACLFilter,
        ACLOperation,
        ACLPermissionType,
        ConfigResourceType,
        KafkaAdminClient,
        ResourcePattern,
    )
    from kafka.admin import ConfigResource as KafkaPythonResource
    from kafka.admin import NewTopic as KafkaPythonTopic
    from kafka.admin import ResourceType as KafkaPythonType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE = 30
PASSWORD = "correct-horse-battery-staple"


@pytest.fixture(params=[("3.9", Mode.ZOOKEEPER), ("4.4", Mode.KRAFT)], ids=["3.9-zookeeper", "4.4-kraft"])
async def serving(request: pytest.FixtureRequest) -> AsyncIterator[Serving]:
    """A cluster with a super user, and somebody who may nothing."""
    release, mode = request.param
    listener = Listener(protocol=Protocol.SASL_PLAINTEXT, mechanisms=(Mechanism.SCRAM_SHA_256,))
    cluster = Cluster(
        count=2,
        cluster_id="administered",
        release=release,
        mode=mode,
        listeners={"scram": listener},
        users={"root": PASSWORD, "mallory": PASSWORD},
        topics={"orders": 2},
        authorizer=AuthorizerRules(super_users=("User:root",)),
    )
    async with serve(cluster) as running:
        yield running


def by_librdkafka(address: str, user: str) -> dict[str, Any]:
    """Everything once, and what came of it."""
    settings: dict[str, Any] = {
        "bootstrap.servers": address,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": user,
        "sasl.password": PASSWORD,
    }
    with AdminClient(settings) as admin:
        binding = ("TOPIC", "a", "LITERAL", "User:a", "*", "READ", "ALLOW")
        broker = ConfigResource("BROKER", "1")
        user_change = UserScramCredentialUpsertion(
            "new", ScramCredentialInfo(RdScram.SCRAM_SHA_256, 5000), b"secret", b"salt"
        )
        entry = ConfigEntry("num.io.threads", "9", incremental_operation=AlterConfigOpType.SET)
        changed = ConfigResource("BROKER", "1", incremental_configs=[entry])
        futures = {
            "create": admin.create_topics([NewTopic("new", 3, 2)])["new"],
            "enlarge": admin.create_partitions([NewPartitions("orders", 4)])["orders"],
            "acl": next(iter(admin.create_acls([_binding(AclBinding, *binding)]).values())),
            "user": admin.alter_user_scram_credentials([user_change])["new"],
            "alter": admin.incremental_alter_configs([changed])[changed],
        }
        done: dict[str, Any] = {name: _outcome(future) for name, future in futures.items()}
        done["acls"] = _outcome(admin.describe_acls(_binding(AclBindingFilter, *binding)), len)
        done["settings"] = _outcome(
            admin.describe_configs([broker])[broker], lambda found: found["num.io.threads"].value
        )
        done["topics"] = sorted(admin.list_topics(timeout=PATIENCE).topics)
        done["delete"] = _outcome(admin.delete_topics(["orders"])["orders"])
        return done


def _binding(kind: Any, resource: str, name: str, pattern: str, *rest: str) -> Any:
    principal, host, operation, permission = rest
    return kind(
        ResourceType[resource],
        name,
        ResourcePatternType[pattern],
        principal,
        host,
        AclOperation[operation],
        AclPermissionType[permission],
    )


def _outcome(future: Any, look: Any = lambda _: 0) -> Any:
    try:
        return look(future.result(PATIENCE))
    except KafkaException as refusal:
        return -refusal.args[0].code()


async def test_librdkafka_finds_done_what_it_did(serving: Serving) -> None:
    done = await asyncio.to_thread(by_librdkafka, serving.by_listener["scram"][0], "root")
    assert done == {
        "create": 0,
        "enlarge": 0,
        "acl": 0,
        "user": 0,
        "alter": 0,
        "acls": 1,
        "settings": "9",
        "topics": ["new", "orders"],
        "delete": 0,
    }
    state = serving.state
    assert {name: len(topic.partitions) for name, topic in state.topics.items()} == {"new": 3}
    assert state.credentials[ScramMechanism.SHA_256, "new"].iterations == 5000


async def test_librdkafka_is_refused_what_it_may_not(serving: Serving) -> None:
    done = await asyncio.to_thread(by_librdkafka, serving.by_listener["scram"][0], "mallory")
    assert done == {
        "create": -29,
        "enlarge": -29,
        "acl": -31,
        "user": -31,
        "alter": -31,
        "acls": 0,  # librdkafka keeps this refusal to itself
        "settings": -31,
        "topics": [],
        "delete": -29,
    }
    assert {name: len(topic.partitions) for name, topic in serving.state.topics.items()} == {"orders": 2}


def by_kafka_python(address: str) -> dict[str, Any]:
    """Topics, ACLs and settings."""
    admin = KafkaAdminClient(
        bootstrap_servers=[address],
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_plain_username="root",
        sasl_plain_password=PASSWORD,
        request_timeout_ms=1000 * PATIENCE,
    )
    try:
        admin.create_topics([KafkaPythonTopic(name="new", num_partitions=3, replication_factor=2)])
        pattern = ResourcePattern(KafkaPythonType.TOPIC, "a")
        admin.create_acls([ACL("User:a", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)])
        everything = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, pattern)
        acls, _ = admin.describe_acls(everything)
        shown = admin.describe_configs([KafkaPythonResource(ConfigResourceType.TOPIC, "new")], config_filter="all")
        admin.delete_topics(["orders"])
        return {"topics": sorted(admin.list_topics()), "acls": len(acls), "settings": "retention.ms" in repr(shown)}
    finally:
        admin.close()


async def test_kafka_python_finds_done_what_it_did(serving: Serving) -> None:
    done = await asyncio.to_thread(by_kafka_python, serving.by_listener["scram"][0])
    assert done == {"topics": ["new"], "acls": 1, "settings": True}
    wanted = AclFilter(resource_type=AclResource.TOPIC, name="a", operation=Operation.READ)
    assert [acl.principal for acl in serving.state.acls.select(wanted)] == ["User:a"]


async def test_aiokafka_finds_done_what_it_did(serving: Serving) -> None:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=serving.by_listener["scram"][0],
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_plain_username="root",
        sasl_plain_password=PASSWORD,
        request_timeout_ms=1000 * PATIENCE,
    )
    await admin.start()
    try:
        made = await admin.create_topics([AioTopic("new", 3, 2), AioTopic("orders", 1, 1)])
        assert [(name, code) for name, code, *_ in made.topic_errors] == [("new", 0), ("orders", 36)]
        assert issubclass(for_code(36), AioError)
        await admin.create_partitions({"orders": AioPartitions(4)})
        altered = await admin.alter_configs([AioResource(AioType.TOPIC, "new", {"retention.ms": "1000"})])
        assert [code for answer in altered for code, *_ in answer.resources] == [0]
        described = await admin.describe_configs([AioResource(AioType.TOPIC, "new")])
        shown = {name: value for answer in described for *_, configs in answer.resources for name, value, *_ in configs}
        assert shown["retention.ms"] == "1000"
        assert sorted(await admin.list_topics()) == ["new", "orders"]
    finally:
        await admin.close()
    assert {name: len(topic.partitions) for name, topic in serving.state.topics.items()} == {"orders": 4, "new": 3}
