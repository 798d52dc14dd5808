"""What Kafka stores is what a 3.9.2 broker was seen to write, with the access lists it gives it."""

from __future__ import annotations

import pytest

from mskaudit.reference.kafka_znodes import (
    StoredAcl,
    StoredBroker,
    StoredEndpoint,
    StoredKafka,
    StoredTopic,
    kafka_tree,
)
from mskaudit.reference.znodes import OPEN, WORLD_READ, Tree, Znode
from mskaudit.wire import zookeeper as zk
from mskaudit.wire.scram import ScramCredential

CREDENTIAL = ScramCredential(salt=b"salt", iterations=4096, stored_key=b"stored", server_key=b"server")


def kafka(owner: str | None, *left_open: str, has_tokens: bool = True) -> Tree:
    return kafka_tree(
        StoredKafka(
            cluster_id="cluster",
            brokers=(
                StoredBroker(
                    id=1,
                    endpoints={
                        "INTERNAL": StoredEndpoint(host="localhost", port=9092, protocol="PLAINTEXT"),
                        "CLIENT": StoredEndpoint(host="localhost", port=9094, protocol="SSL"),
                    },
                ),
            ),
            controller=1,
            topics={"orders": StoredTopic(id="AAAAAAAAAAAAAAAAAAAAAQ", partitions=((1,),))},
            users={"alice smith": {"SCRAM-SHA-512": CREDENTIAL}},
            acls=(
                StoredAcl("TRANSACTIONAL_ID", "PREFIXED", "pay", "User:a", "*", "IDEMPOTENT_WRITE", "DENY"),
                StoredAcl("Topic", "Literal", "*", "User:*", "*", "Read", "Allow"),
            ),
            configs={"brokers/1": {"log.retention.ms": "1"}},
            owner=owner,
            left_open=left_open,
            has_tokens=has_tokens,
        )
    )


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (
            "/brokers/ids/1",
            (
                b'{"features":{},"listener_security_protocol_map":{"INTERNAL":"PLAINTEXT","CLIENT":"SSL"},'
                b'"endpoints":["INTERNAL://localhost:9092","CLIENT://localhost:9094"],"jmx_port":-1,"port":9092,'
                b'"host":"localhost","version":5,"timestamp":"0"}'
            ),
        ),
        ("/cluster/id", b'{"version":"1","id":"cluster"}'),
        (
            "/config/users/alice%20smith",
            (
                b'{"version":1,"config":{"SCRAM-SHA-512":"salt=c2FsdA==,stored_key=c3RvcmVk,server_key=c2VydmVy,'
                b'iterations=4096"}}'
            ),
        ),
        (
            "/kafka-acl-extended/prefixed/TransactionalId/pay",
            (
                b'{"acls":[{"principal":"User:a","permissionType":"Deny","host":"*","operation":"IdempotentWrite"}],'
                b'"version":1}'
            ),
        ),
        (
            "/kafka-acl/Topic/*",
            b'{"acls":[{"principal":"User:*","permissionType":"Allow","host":"*","operation":"Read"}],"version":1}',
        ),
        ("/controller_epoch", b"1"),
        ("/admin", None),
    ],
)
def test_what_kafka_stores(path: str, data: bytes | None) -> None:
    assert kafka(None).nodes[path].data == data


OWNER = zk.Acl(perms=31, scheme="x509", id="CN=broker")


@pytest.mark.parametrize(
    ("path", "acl"),
    [
        ("/consumers", OPEN),
        ("/config", OPEN),
        ("/brokers/ids/1", (OWNER, WORLD_READ)),
        ("/kafka-acl/Topic/*", (OWNER, WORLD_READ)),
        ("/config/users", (OWNER,)),
        ("/config/users/alice%20smith", (OWNER,)),
        ("/config/brokers/1", (OWNER,)),
        ("/delegation_token/tokens", (OWNER,)),
        ("/delegation_token", (OWNER, WORLD_READ)),
    ],
)
def test_how_kafka_restricts_what_it_stores(path: str, acl: tuple[zk.Acl, ...]) -> None:
    assert kafka("CN=broker", "/config").nodes[path].acl == acl
    assert kafka(None).nodes[path].acl == OPEN


def test_nothing_is_kept_of_tokens_that_are_not_enabled() -> None:
    kept = {path for path in kafka(None).nodes if path.startswith("/delegation_token")}
    assert kept == {"/delegation_token", "/delegation_token/token_changes", "/delegation_token/tokens"}
    assert kafka(None).nodes.keys() - kafka(None, has_tokens=False).nodes.keys() == kept


@pytest.mark.parametrize("path", ["", "orders", "/orders/", "/a//b", "/a/../b", "/\x01"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        Tree(nodes={path: Znode()})
