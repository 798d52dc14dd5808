"""Independent clients meet the reference broker: librdkafka and kafka-python get in, or are refused, as they should.

Both run in threads of their own and say themselves what they saw.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from confluent_kafka.admin import AdminClient

from mskaudit.reference.broker import Serving, serve
from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.pki import ClientCertificate, Credential, client_context, pki

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaTimeoutError
    from kafka.net.compat import KafkaNetClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from confluent_kafka import KafkaError

PATIENCE = 10
USER = "billing"
PASSWORD = "correct-horse-battery-staple"
TOPICS = {"orders": 3, "payments": 2}


class Seen(NamedTuple):
    """What a client reports: addresses of brokers by id, partitions by topic."""

    cluster_id: str | None
    controller: int
    brokers: dict[int, str]
    topics: dict[str, int]


class Way(NamedTuple):
    """How a client comes in: the listener, and what it shows there."""

    listener: str
    credential: str | None = None
    mechanism: str | None = None
    password: str = PASSWORD


ACCEPTED = [
    Way("plaintext"),
    Way("tls"),
    Way("tls", credential="client"),
    Way("requested"),
    Way("requested", credential="client"),
    Way("required", credential="client"),
    Way("sasl_plaintext", mechanism="PLAIN"),
    Way("sasl_plaintext", mechanism="SCRAM-SHA-256"),
    Way("sasl_plaintext", mechanism="SCRAM-SHA-512"),
    Way("sasl_tls", mechanism="SCRAM-SHA-512"),
]
REFUSED = [
    (Way("required"), "alert bad certificate"),
    (Way("required", credential="stranger"), "alert bad certificate"),
    (Way("sasl_plaintext", mechanism="PLAIN", password="wrong"), "SASL authentication error: Authentication failed"),
    (Way("sasl_tls", mechanism="SCRAM-SHA-512", password="wrong"), "invalid credentials with SASL mechanism"),
    (Way("sasl_tls", mechanism="SCRAM-SHA-256"), "broker's supported mechanisms: SCRAM-SHA-512"),
]
# A certificate whose issuer the broker does not name is kept back by librdkafka and presented by Python.
STRANGER = Way("requested", credential="stranger")


def name_of(value: Any) -> str | None:
    if not isinstance(value, Way):
        return None
    return "-".join(filter(None, (*value[:3], "wrong" if value.password != PASSWORD else None)))


def cluster() -> Cluster:
    scram = (Mechanism.SCRAM_SHA_512,)
    return Cluster(
        count=3,
        cluster_id="oracle-000001",
        users={USER: PASSWORD},
        topics=TOPICS,
        listeners={
            "plaintext": Listener(protocol=Protocol.PLAINTEXT),
            "tls": Listener(protocol=Protocol.SSL),
            "requested": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUESTED),
            "required": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUIRED),
            "sasl_plaintext": Listener(
                protocol=Protocol.SASL_PLAINTEXT, mechanisms=(Mechanism.PLAIN, Mechanism.SCRAM_SHA_256, *scram)
            ),
            "sasl_tls": Listener(protocol=Protocol.SASL_SSL, mechanisms=scram),
        },
    )


@pytest.fixture
async def addresses() -> AsyncIterator[Serving]:
    async with serve(cluster()) as serving:
        yield serving


def expected(addresses: Serving, way: Way) -> Seen:
    brokers = dict(enumerate(addresses.by_listener[way.listener], start=1))
    return Seen("oracle-000001", 1, brokers, TOPICS)


def credential_of(way: Way) -> Credential | None:
    found: Credential | None = getattr(pki(), way.credential) if way.credential else None
    return found


def rdkafka(address: str, way: Way, errors: list[KafkaError]) -> AdminClient:
    """A client of librdkafka, started."""
    protocol = cluster().listeners[way.listener].protocol
    settings: dict[str, Any] = {
        "bootstrap.servers": address,
        "security.protocol": protocol.value,
        "error_cb": errors.append,
        "logger": logging.getLogger("librdkafka"),
    }
    if protocol.has_tls:
        settings["ssl.ca.pem"] = pki().authority
    if (credential := credential_of(way)) is not None:
        settings |= {"ssl.certificate.pem": credential.certificate, "ssl.key.pem": credential.key}
    if way.mechanism is not None:
        settings |= {"sasl.mechanism": way.mechanism, "sasl.username": USER, "sasl.password": way.password}
    return AdminClient(settings)


def look_with_rdkafka(address: str, way: Way) -> Seen:
    with rdkafka(address, way, []) as client:
        listed = client.list_topics(timeout=PATIENCE)
        described = client.describe_cluster(request_timeout=PATIENCE).result(PATIENCE)
        assert described.cluster_id == listed.cluster_id
        assert {node.id: f"{node.host}:{node.port}" for node in described.nodes} == {
            number: f"{broker.host}:{broker.port}" for number, broker in listed.brokers.items()
        }
        return Seen(
            listed.cluster_id,
            listed.controller_id,
            {number: f"{broker.host}:{broker.port}" for number, broker in listed.brokers.items()},
            {name: len(topic.partitions) for name, topic in listed.topics.items()},
        )


def fail_with_rdkafka(address: str, way: Way) -> str:
    """The first error that librdkafka reports."""
    errors: list[KafkaError] = []
    with rdkafka(address, way, errors) as client:
        for _ in range(PATIENCE):
            client.poll(1)
            if errors:
                return errors[0].str()
    raise AssertionError("librdkafka reported no error")


def python_settings(address: str, way: Way) -> dict[str, Any]:
    protocol = cluster().listeners[way.listener].protocol
    settings: dict[str, Any] = {"bootstrap_servers": [address], "security_protocol": protocol.value}
    if protocol.has_tls:
        settings["ssl_context"] = client_context(credential_of(way))
    if way.mechanism is not None:
        settings |= {
            "sasl_mechanism": way.mechanism,
            "sasl_plain_username": USER,
            "sasl_plain_password": way.password,
        }
    return settings


def look_with_python(address: str, way: Way) -> Seen:
    client = KafkaAdminClient(
        **python_settings(address, way), bootstrap_timeout_ms=1000 * PATIENCE, request_timeout_ms=1000 * PATIENCE
    )
    try:
        described = client.describe_cluster()
        topics = client.describe_topics(client.list_topics())
    finally:
        client.close()
    return Seen(
        described["cluster_id"],
        described["controller_id"],
        {broker["broker_id"]: f"{broker['host']}:{broker['port']}" for broker in described["brokers"]},
        {topic["name"]: len(topic["partitions"]) for topic in topics},
    )


def fail_with_python(address: str, way: Way) -> None:
    made: list[Any] = []

    def remember(**settings: Any) -> Any:
        made.append(KafkaNetClient(**settings))
        return made[0]

    try:
        KafkaAdminClient(**python_settings(address, way), bootstrap_timeout_ms=500, kafka_client=remember)
    finally:
        # A client that fails while it is made leaves its thread and its sockets behind.
        for client in made:
            with suppress(KafkaTimeoutError):
                client.close()
            client._manager._net.stop()


@pytest.mark.parametrize("way", [*ACCEPTED, STRANGER], ids=name_of)
async def test_librdkafka_gets_in_and_sees_the_cluster(addresses: Serving, way: Way) -> None:
    for address in addresses.by_listener[way.listener]:
        assert await asyncio.to_thread(look_with_rdkafka, address, way) == expected(addresses, way)


@pytest.mark.parametrize(("way", "says"), REFUSED, ids=name_of)
async def test_librdkafka_is_refused_for_the_right_reason(addresses: Serving, way: Way, says: str) -> None:
    address = addresses.by_listener[way.listener][0]
    assert says in await asyncio.to_thread(fail_with_rdkafka, address, way)


@pytest.mark.parametrize("way", ACCEPTED, ids=name_of)
async def test_kafka_python_gets_in_and_sees_the_cluster(addresses: Serving, way: Way) -> None:
    address = addresses.by_listener[way.listener][0]
    assert await asyncio.to_thread(look_with_python, address, way) == expected(addresses, way)


@pytest.mark.parametrize("way", [STRANGER, *(way for way, _ in REFUSED)], ids=name_of)
async def test_kafka_python_is_refused(addresses: Serving, way: Way) -> None:
    with pytest.raises(KafkaTimeoutError, match="Unable to bootstrap"):
        await asyncio.to_thread(fail_with_python, addresses.by_listener[way.listener][0], way)
