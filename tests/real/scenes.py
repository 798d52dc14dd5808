"""The worlds that transcripts are played in: one cluster with every kind of listener, and what its authorizer says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from mskaudit.reference.cluster import (
    AclEntry,
    AuthorizerRules,
    Cluster,
    Listener,
    Mechanism,
    Protocol,
)
from mskaudit.reference.realm import OauthSettings, User
from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.real.brokers import Line

_PLAIN: Final = Mechanism.PLAIN
_SHA_256: Final = Mechanism.SCRAM_SHA_256
_SHA_512: Final = Mechanism.SCRAM_SHA_512
_OAUTH: Final = Mechanism.OAUTHBEARER
_DESCRIBE_CLUSTER: Final = ("DESCRIBE",)

LISTENERS: Final = {
    "plaintext": Listener(protocol=Protocol.PLAINTEXT),
    "tls": Listener(protocol=Protocol.SSL),
    "requested": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUESTED),
    "mtls": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUIRED),
    "broken": Listener(protocol=Protocol.SSL, tls=TlsSettings(broken=True)),
    "scram": Listener(protocol=Protocol.SASL_SSL, mechanisms=(_SHA_512,)),
    "plain": Listener(protocol=Protocol.SASL_PLAINTEXT, mechanisms=(_PLAIN, _SHA_256)),
    "many": Listener(
        protocol=Protocol.SASL_SSL,
        mechanisms=(_PLAIN, _SHA_256, _SHA_512, _OAUTH),
        oauth=OauthSettings(accept_unsigned=True),
    ),
    "signed": Listener(
        protocol=Protocol.SASL_SSL, mechanisms=(_OAUTH,), oauth=OauthSettings(audience="kafka", issuer="somebody")
    ),
    "reauth": Listener(protocol=Protocol.SASL_SSL, mechanisms=(_SHA_512,), max_reauth_ms=60_000),
}

USERS: Final[Mapping[str, User | str]] = {
    "admin": User(password="admin-secret", iterations=8192),
    "alice": User(password="alice-secret"),
    "bob": User(password="bob-secret"),
}


def _scene(authorizer: AuthorizerRules | None, *acls: AclEntry, **more: Any) -> Cluster:
    return Cluster(
        count=1,
        cluster_id="bXNrYXVkaXRfX19yZWFsMQ",
        listeners=LISTENERS,
        users=USERS,
        topics={"foo": 1, "orders": 3},
        authorizer=authorizer,
        acls={f"acl-{number}": acl for number, acl in enumerate(acls)},
        settings={"socket.request.max.bytes": "1048576", "auto.create.topics.enable": "true"},
        **more,
    )


def _acl(principal: str, operation: str, resource: str, name: str = "kafka-cluster") -> AclEntry:
    return AclEntry(principal=principal, operations=(operation,), resource=resource, name=name)


_SUPER: Final = ("User:CN=broker", "User:admin")
_DENY: Final = AuthorizerRules(super_users=_SUPER)
_ALLOW: Final = AuthorizerRules(super_users=_SUPER, allow_everyone=True)
_BOB_READS_FOO: Final = _acl("User:bob", "READ", "TOPIC", "foo")

SCENES: Final[Mapping[str, Cluster]] = {
    "deny": _scene(_DENY),
    "deny, others have ACLs": _scene(
        _DENY, _BOB_READS_FOO, _acl("User:bob", "DESCRIBE", "CLUSTER"), _acl("User:bob", "READ", "TOPIC", "*")
    ),
    "deny, alice describes the cluster": _scene(_DENY, _acl("User:alice", "DESCRIBE", "CLUSTER")),
    "deny, alice reads foo and makes topics": _scene(
        _DENY, _acl("User:alice", "READ", "TOPIC", "foo"), _acl("User:alice", "CREATE", "CLUSTER")
    ),
    "allow": _scene(_ALLOW),
    "allow, bob reads foo": _scene(_ALLOW, _BOB_READS_FOO),
    "allow, bob reads foo and describes the cluster": _scene(
        _ALLOW, _BOB_READS_FOO, _acl("User:bob", "DESCRIBE", "CLUSTER")
    ),
    "allow, bob reads all topics and describes the cluster": _scene(
        _ALLOW, _BOB_READS_FOO, _acl("User:bob", "DESCRIBE", "CLUSTER"), _acl("User:bob", "READ", "TOPIC", "*")
    ),
    "no authorizer": _scene(None),
}
LOOKED_AT: Final = tuple(SCENES)
"""The scenes in which nothing is changed."""

WORKSHOP: Final = "workshop"
"""The scene in which things are changed."""


ALL: Final = (*LOOKED_AT, WORKSHOP)


def scene(name: str, line: Line) -> Cluster:
    """A scene as a cluster of that line plays it."""
    return replace(SCENES["deny" if name == WORKSHOP else name], release=line.release, mode=line.mode)
