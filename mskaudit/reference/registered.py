"""A running cluster as it would have registered itself in ZooKeeper at its start, and what it knows of ZooKeeper."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from mskaudit.errors import UsageError
from mskaudit.reference.kafka_znodes import (
    StoredAcl,
    StoredBroker,
    StoredEndpoint,
    StoredKafka,
    StoredTopic,
    kafka_tree,
)

if TYPE_CHECKING:
    from uuid import UUID

    from mskaudit.reference.broker import Serving
    from mskaudit.reference.state import State
    from mskaudit.reference.znodes import Tree
    from mskaudit.reference.zookeeper import ZooKeeperAddresses
    from mskaudit.wire.scram import ScramCredential

OWNER = "CN=broker"
"""The distinguished name in the brokers' certificate."""


def cluster_tree(brokers: Serving, *, set_acl: bool, left_open: tuple[str, ...]) -> Tree:
    """The nodes of a running cluster; with `set_acl` its brokers restrict them, but for those that were `left_open`.

    Raises:
        UsageError: something has a name that no node can have, or a node that was left open is not there.
    """
    try:
        tree = kafka_tree(_stored(brokers, set_acl=set_acl, left_open=left_open))
    except ValueError as error:
        raise UsageError(f"ZooKeeper cannot hold this cluster: {error}") from None
    for path in left_open:
        if path not in tree.nodes and path != "/":
            raise UsageError(f"zookeeper.left_open names {path}, and there is no such node")
    return tree


def _stored(brokers: Serving, *, set_acl: bool, left_open: tuple[str, ...]) -> StoredKafka:
    state = brokers.state
    protocols = {name: listener.protocol.value for name, listener in state.cluster.listeners.items()}
    return StoredKafka(
        cluster_id=state.cluster.cluster_id,
        brokers=tuple(
            StoredBroker(
                id=node.number,
                endpoints={
                    name.upper(): StoredEndpoint(host=host, port=port, protocol=protocols[name])
                    for name, (host, port) in node.addresses.items()
                },
                rack=node.rack,
            )
            for node in brokers.nodes
        ),
        controller=1,
        topics={
            topic.name: StoredTopic(
                id=_spoken(topic.topic_id), partitions=tuple(partition.replicas for partition in topic.partitions)
            )
            for topic in state.topics.values()
        },
        users=_users(state),
        acls=tuple(
            StoredAcl(
                acl.resource_type.name,
                acl.pattern_type.name,
                acl.name,
                acl.principal,
                acl.host,
                acl.operation.name,
                acl.permission.name,
            )
            for acl in state.acls
        ),
        configs={"brokers/<default>": state.cluster.dynamic_settings} if state.cluster.dynamic_settings else {},
        timestamp=int(state.clock().timestamp() * 1000),
        owner=OWNER if set_acl else None,
        left_open=left_open,
        has_tokens=state.cluster.has_tokens,
    )


def zookeeper_settings(where: ZooKeeperAddresses, *, set_acl: bool) -> dict[str, str]:
    """What brokers that use a ZooKeeper have among their settings: TLS where there is a port for it."""
    settings = {"zookeeper.connect": where.tls or where.clear or "", "zookeeper.set.acl": str(set_acl).lower()}
    if where.tls is not None:
        settings |= {
            "zookeeper.ssl.client.enable": "true",
            "zookeeper.clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
            "zookeeper.ssl.keystore.type": "PEM",
            "zookeeper.ssl.truststore.type": "PEM",
        }
    return settings


def _spoken(topic_id: UUID) -> str:
    """A topic's id as Kafka writes it: base64 without padding."""
    return urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")


def _users(state: State) -> dict[str, dict[str, ScramCredential]]:
    users: dict[str, dict[str, ScramCredential]] = {}
    for (mechanism, name), credential in state.credentials.items():
        users.setdefault(name, {})[mechanism] = credential
    return users
