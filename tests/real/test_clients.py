"""Apache Kafka's own clients find in the reference what they find in Apache Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from msgspec.structs import replace

from mskaudit.reference.certificates import client_credential
from mskaudit.reference.cluster import AclEntry
from mskaudit.reference.pki import pki
from tests.real.brokers import Line
from tests.real.clients import EVERYTHING, Client, java_clients, scram, tls
from tests.real.scenes import scene
from tests.real.stage import real, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from mskaudit.reference.certificates import Credential
    from mskaudit.reference.cluster import Cluster
    from tests.real.stage import Stage

_ALICE: Final = ("User:alice", "User:CN=alice")


def _cluster(line: Line) -> Cluster:
    """A cluster where alice, by password or certificate, may write to one topic and read from it."""
    rights = (("TOPIC", "foo", ("READ", "WRITE")), ("GROUP", "readers", ("READ",)))
    acls = {
        f"{principal} {kind}": AclEntry(principal=principal, operations=operations, resource=kind, name=name)
        for principal in _ALICE
        for kind, name, operations in rights
    }
    return replace(scene("deny", line), acls=acls)


_CLUSTER: Final = _cluster(Line.KRAFT)
_READ: Final = "value-0,value-1,value-2"


class Scenario(NamedTuple):
    """A client at a listener: who it is, and what comes of what it wants."""

    listener: str
    expected: Mapping[str, str]
    login: tuple[str, str, str] | None = None
    certificate: Credential | None = None


_ALL: Final = {
    "cluster": _CLUSTER.cluster_id,
    "topics": "foo,orders",
    "create": "ok",
    "acls": "6",
    "produce": "ok",
    "consume": _READ,
}
_NOTHING: Final = {
    "cluster": _CLUSTER.cluster_id,
    "topics": "",
    "create": "TopicAuthorizationException",
    "acls": "ClusterAuthorizationException",
    "produce": "TopicAuthorizationException",
    "consume": "TopicAuthorizationException",
}
_OF_ALICE: Final = _NOTHING | {"topics": "foo", "produce": "ok", "consume": _READ}
_REFUSED: Final = dict.fromkeys(EVERYTHING, "SaslAuthenticationException")
_SSL_REFUSED: Final = dict.fromkeys(EVERYTHING, "SslAuthenticationException")

SCENARIOS: Final = {
    "anonymous in clear": Scenario("plaintext", _NOTHING),
    "anonymous over TLS": Scenario("tls", _NOTHING),
    "a certificate": Scenario("mtls", _OF_ALICE, certificate=client_credential("CN=alice")),
    "another certificate": Scenario("mtls", _NOTHING, certificate=client_credential("CN=mallory")),
    "no certificate": Scenario("mtls", _SSL_REFUSED),
    "a stranger's certificate": Scenario("mtls", _SSL_REFUSED, certificate=pki().stranger),
    "SCRAM-SHA-512": Scenario("scram", _OF_ALICE, ("SCRAM-SHA-512", "alice", "alice-secret")),
    "SCRAM-SHA-512, super user": Scenario("scram", _ALL, ("SCRAM-SHA-512", "admin", "admin-secret")),
    "SCRAM-SHA-512, wrong password": Scenario("scram", _REFUSED, ("SCRAM-SHA-512", "alice", "wrong")),
    "SCRAM-SHA-256 in clear": Scenario("plain", _OF_ALICE, ("SCRAM-SHA-256", "alice", "alice-secret")),
    "PLAIN in clear": Scenario("plain", _OF_ALICE, ("PLAIN", "alice", "alice-secret")),
    "PLAIN, wrong password": Scenario("plain", _REFUSED, ("PLAIN", "alice", "wrong")),
    "PLAIN over TLS, nobody's": Scenario("many", _NOTHING, ("PLAIN", "bob", "bob-secret")),
}
"""Who comes in how, and what of it: the same on every broker."""


BROKERS: Final[Mapping[str, Callable[[], AbstractContextManager[Stage]]]] = {
    "reference 3.9": lambda: reference(_cluster(Line.ZOOKEEPER)),
    "reference 4": lambda: reference(_cluster(Line.KRAFT)),
    Line.ZOOKEEPER.value: lambda: real(_cluster(Line.ZOOKEEPER), Line.ZOOKEEPER),
    Line.KRAFT.value: lambda: real(_cluster(Line.KRAFT), Line.KRAFT),
}


def _client(scenario: Scenario, stage: Stage) -> Client:
    protocol = stage.cluster.listeners[scenario.listener].protocol
    properties = {
        "bootstrap.servers": f"localhost:{stage.by_listener[scenario.listener][1]}",
        "security.protocol": protocol.value,
        "enable.metrics.push": "false",
    }
    files: Mapping[str, str] = {}
    if protocol.has_tls:
        trust, files = tls(scenario.certificate)
        properties |= trust
    if scenario.login is not None:
        mechanism, user, password = scenario.login
        properties |= scram(user, password, mechanism)
    return Client(properties, files)


@pytest.mark.parametrize("broker", BROKERS)
def test_kafkas_clients(broker: str) -> None:
    with BROKERS[broker]() as stage:
        told = java_clients([_client(scenario, stage) for scenario in SCENARIOS.values()])
    assert dict(zip(SCENARIOS, told, strict=True)) == {name: one.expected for name, one in SCENARIOS.items()}
