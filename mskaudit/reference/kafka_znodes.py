"""What a Kafka 3.9 cluster keeps in ZooKeeper, node by node as its brokers write it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple
from urllib.parse import quote

from msgspec import Meta, Struct

from mskaudit.reference.znodes import OPEN, WORLD_READ, Tree, Znode
from mskaudit.wire.scram import ScramCredential
from mskaudit.wire.zookeeper import Acl
from mskaudit.wire.zookeeper_codes import Perms

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCE_TYPES: Final = ("Cluster", "DelegationToken", "Group", "Topic", "TransactionalId", "User")
_LITERAL: Final = "Literal"
_EMPTY: Final = (
    "/admin/delete_topics",
    "/brokers/ids",
    "/brokers/seqid",
    "/brokers/topics",
    "/cluster",
    *(f"/config/{kind}" for kind in ("brokers", "changes", "clients", "ips", "topics", "users")),
    "/consumers",
    "/isr_change_notification",
    "/kafka-acl-changes",
    "/kafka-acl-extended-changes",
    *(f"/kafka-acl/{kind}" for kind in RESOURCE_TYPES),
    *(f"/kafka-acl-extended/prefixed/{kind}" for kind in RESOURCE_TYPES),
    "/latest_producer_id_block",
    "/log_dir_event_notification",
)
_OF_TOKENS: Final = ("/delegation_token/token_changes", "/delegation_token/tokens")
# Kafka keeps these from the world, and these alone.
_SENSITIVE: Final = ("/config/brokers", "/config/users", "/delegation_token/tokens")
_NEVER_RESTRICTED: Final = ("/", "/consumers")


class StoredEndpoint(Struct, frozen=True, kw_only=True):
    """One listener of a broker, as it registers it, internal ones too; `protocol` by Kafka's name."""

    host: str
    port: int
    protocol: str


class StoredBroker(Struct, frozen=True, kw_only=True):
    """A broker that has registered; `endpoints` by the names of its listeners."""

    id: int
    endpoints: Mapping[str, StoredEndpoint]
    rack: str | None = None


class StoredTopic(Struct, frozen=True, kw_only=True):
    """A topic: its id as Kafka writes it, and the brokers of each partition, the leader first."""

    id: str
    partitions: tuple[tuple[int, ...], ...]


class StoredAcl(NamedTuple):
    """An entry of Kafka's access lists, in Kafka's words: `Topic` or `TOPIC`, `Literal` or `PREFIXED`, and so on."""

    resource_type: str
    pattern: str
    name: str
    principal: str
    host: str
    operation: str
    permission: str


class StoredKafka(Struct, frozen=True, kw_only=True):
    """A cluster as ZooKeeper sees it.

    `users` hold SCRAM credentials by mechanism; `configs` are by entity, such as `topics/orders` or `brokers/1`;
    `timestamp` is in milliseconds since 1970. `owner` is the distinguished name in the brokers' certificate, with
    which `zookeeper.set.acl=true` restricts what they write; None is `false`, and all stays open. Nodes that were
    there before stay as they were: `left_open`. `has_tokens` where delegation tokens are enabled.
    """

    cluster_id: str
    brokers: tuple[StoredBroker, ...] = ()
    controller: int | None = None
    topics: Mapping[str, StoredTopic] = {}
    users: Mapping[str, Mapping[str, ScramCredential]] = {}
    acls: tuple[StoredAcl, ...] = ()
    configs: Mapping[str, Mapping[str, str]] = {}
    timestamp: Annotated[int, Meta(ge=0)] = 0
    owner: str | None = None
    left_open: tuple[str, ...] = ()
    has_tokens: bool = False


def kafka_tree(kafka: StoredKafka) -> Tree:
    """The nodes of a cluster, each with the access list Kafka gives it."""
    contents: dict[str, bytes | None] = dict.fromkeys((*_EMPTY, *_OF_TOKENS) if kafka.has_tokens else _EMPTY)
    contents["/cluster/id"] = _json({"version": "1", "id": kafka.cluster_id})
    contents["/feature"] = _json({"features": {}, "version": 2, "status": 1})
    for part in (_brokers(kafka), _topics(kafka), _configs(kafka), _acls(kafka), _controller(kafka)):
        contents.update(part)
    for path in tuple(contents):
        contents.update({parent: None for parent in _parents(path) if parent not in contents})
    ephemeral = {"/controller", *(f"/brokers/ids/{broker.id}" for broker in kafka.brokers)}
    return Tree(
        nodes={
            path: Znode(data=data, acl=_acl(path, kafka), ephemeral=path in ephemeral)
            for path, data in sorted(contents.items())
        }
    )


def _parents(path: str) -> Iterator[str]:
    while (path := path.rpartition("/")[0]) != "":
        yield path


def _acl(path: str, kafka: StoredKafka) -> tuple[Acl, ...]:
    if kafka.owner is None or path in _NEVER_RESTRICTED or path in kafka.left_open:
        return OPEN
    owner = Acl(perms=Perms.ALL, scheme="x509", id=kafka.owner)
    is_sensitive = any(path == each or path.startswith(f"{each}/") for each in _SENSITIVE)
    return (owner,) if is_sensitive else (owner, WORLD_READ)


def _brokers(kafka: StoredKafka) -> Iterator[tuple[str, bytes]]:
    for broker in kafka.brokers:
        yield f"/brokers/ids/{broker.id}", _json(_registration(broker, kafka.timestamp))


def _registration(broker: StoredBroker, timestamp: int) -> dict[str, Any]:
    # Old clients know one address, which Kafka fills in from the first plaintext listener.
    plain = next((each for each in broker.endpoints.values() if each.protocol == "PLAINTEXT"), None)
    return {
        "features": {},
        "listener_security_protocol_map": {name: each.protocol for name, each in broker.endpoints.items()},
        "endpoints": [f"{name}://{each.host}:{each.port}" for name, each in broker.endpoints.items()],
        **({} if broker.rack is None else {"rack": broker.rack}),
        "jmx_port": -1,
        "port": -1 if plain is None else plain.port,
        "host": None if plain is None else plain.host,
        "version": 5,
        "timestamp": str(timestamp),
    }


def _topics(kafka: StoredKafka) -> Iterator[tuple[str, bytes]]:
    for name, topic in kafka.topics.items():
        path = f"/brokers/topics/{name}"
        yield (
            path,
            _json(
                {
                    "partitions": {str(number): list(replicas) for number, replicas in enumerate(topic.partitions)},
                    "topic_id": topic.id,
                    "adding_replicas": {},
                    "removing_replicas": {},
                    "version": 3,
                }
            ),
        )
        for number, replicas in enumerate(topic.partitions):
            state = {"controller_epoch": 1, "leader": replicas[0], "version": 1, "leader_epoch": 0}
            yield f"{path}/partitions/{number}/state", _json(state | {"isr": list(replicas)})


def _configs(kafka: StoredKafka) -> Iterator[tuple[str, bytes]]:
    configs = {entity: dict(settings) for entity, settings in kafka.configs.items()}
    for user, credentials in kafka.users.items():
        settings = configs.setdefault(f"users/{_sanitized(user)}", {})
        settings.update({mechanism: _scram(credential) for mechanism, credential in credentials.items()})
    for entity, settings in configs.items():
        yield f"/config/{entity}", _json({"version": 1, "config": settings})


def _sanitized(name: str) -> str:
    """A user's name as Kafka writes it into a path: like a form's field, but with %20 and %2A."""
    return quote(name, safe="").replace("~", "%7E")


def _scram(credential: ScramCredential) -> str:
    salt, stored, server = (
        b64encode(part).decode() for part in (credential.salt, credential.stored_key, credential.server_key)
    )
    return f"salt={salt},stored_key={stored},server_key={server},iterations={credential.iterations}"


def _acls(kafka: StoredKafka) -> Iterator[tuple[str, bytes]]:
    lists: dict[str, list[dict[str, str]]] = {}
    for entry in kafka.acls:
        pattern = _word(entry.pattern)
        place = "/kafka-acl" if pattern == _LITERAL else f"/kafka-acl-extended/{pattern.lower()}"
        lists.setdefault(f"{place}/{_word(entry.resource_type)}/{entry.name}", []).append(
            {
                "principal": entry.principal,
                "permissionType": _word(entry.permission),
                "host": entry.host,
                "operation": _word(entry.operation),
            }
        )
    for path, entries in lists.items():
        yield path, _json({"acls": entries, "version": 1})


def _word(name: str) -> str:
    """`TRANSACTIONAL_ID` as `TransactionalId`; a word that is written so already stays."""
    return "".join(map(str.capitalize, name.split("_"))) if name.isupper() else name


def _controller(kafka: StoredKafka) -> Iterator[tuple[str, bytes]]:
    if kafka.controller is not None:
        elected = {"version": 2, "brokerid": kafka.controller, "timestamp": str(kafka.timestamp)}
        yield "/controller", _json(elected | {"kraftControllerEpoch": -1})
        yield "/controller_epoch", b"1"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
