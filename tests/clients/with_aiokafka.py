"""aiokafka."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Final, assert_never

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.conn import create_conn
from aiokafka.errors import (
    BrokerResponseError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.pki import client_context
from mskaudit.wire.codes import ErrorCode
from tests.clients.visits import COMPLETE, PATIENCE, Outcome, Refused, Verb

if TYPE_CHECKING:
    from tests.clients.visits import Deed, Visit


_TAKEN_FOR_WELCOME: Final = Outcome(refused=Refused.LOGIN)
"""What it makes of a refused token: answered it is taken, whatever the answer, but the next request leads nowhere."""


class _Token(AbstractTokenProvider):  # type: ignore[misc, unused-ignore]
    """Gives the token of a visit."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    async def token(self) -> str:
        return self._token


class Aiokafka:
    """The adapter; every visit has an event loop of its own."""

    def do(self, visit: Visit, deed: Deed) -> Outcome:
        """Go in, do it, leave nothing open, and tell."""
        return asyncio.run(_visit(visit, deed))


async def _visit(visit: Visit, deed: Deed) -> Outcome:
    try:
        return await _do(visit, deed)
    finally:
        # It leaves refused connections for the event loop to close, which ends here.
        for transport in list(asyncio.get_running_loop()._transports.values()):  # type: ignore[attr-defined]
            transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def _do(visit: Visit, deed: Deed) -> Outcome:
    settings = _settings(visit)
    if (refusal := await _knock(visit, settings)) is not None:
        return refusal
    try:
        return Outcome(seen=await _done({"bootstrap_servers": [visit.address], **settings}, deed))
    except BrokerResponseError as error:
        return Outcome(error=ErrorCode(error.errno), says=str(error))


def _settings(visit: Visit) -> dict[str, Any]:
    settings: dict[str, Any] = {"security_protocol": visit.protocol}
    if visit.protocol.endswith("SSL"):
        settings["ssl_context"] = client_context(visit.credential)
    if visit.mechanism is not None:
        settings["sasl_mechanism"] = visit.mechanism.value
    if visit.token is not None:
        settings["sasl_oauth_token_provider"] = _Token(visit.token)
    elif visit.mechanism is not None:
        settings |= {"sasl_plain_username": visit.username, "sasl_plain_password": visit.password}
    return settings


async def _knock(visit: Visit, settings: dict[str, Any]) -> Outcome | None:
    """How a connection is refused: what its clients are made of tells it, while they themselves only log it."""
    host, _, port = visit.address.rpartition(":")
    try:
        connection = await create_conn(host, int(port), **settings)
        try:
            answer = await connection.send(MetadataRequest([]))
        finally:
            await (connection.close() or _nothing())
    except (SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
        return Outcome(refused=Refused.LOGIN, says=str(error))
    except KafkaConnectionError as error:
        if isinstance(error.__cause__, ssl.SSLError):
            return Outcome(refused=Refused.TLS, says=str(error.__cause__))
        if visit.mechanism is Mechanism.OAUTHBEARER:
            return _TAKEN_FOR_WELCOME
        raise
    return None if answer.brokers else _TAKEN_FOR_WELCOME


async def _nothing() -> None:
    """Wait for nothing."""


async def _done(settings: dict[str, Any], deed: Deed) -> Any:
    match deed.verb:
        case Verb.PRODUCE | Verb.PRODUCE_ONCE:
            return await _produce(settings, deed)
        case Verb.CONSUME:
            return await _consume(settings, deed)
    client = AIOKafkaAdminClient(**settings, request_timeout_ms=1000 * PATIENCE)
    try:
        await client.start()
        return await _administered(client, deed)
    finally:
        await client.close()


async def _administered(client: AIOKafkaAdminClient, deed: Deed) -> Any:
    match deed.verb:
        case Verb.LOOK:
            return await _look(client)
        case Verb.CREATE_TOPIC:
            created = await client.create_topics([NewTopic(deed.target, 1, 1)])
            for _, code, *_ in created.topic_errors:
                _raise(code)
        case Verb.ALTER_TOPIC:
            resource = ConfigResource(ConfigResourceType.TOPIC, deed.target, {"retention.ms": deed.text})
            for altered in await client.alter_configs([resource]):
                for code, *_ in altered.resources:
                    _raise(code)
        case Verb.DESCRIBE_TOPIC:
            return await _setting(client, ConfigResource(ConfigResourceType.TOPIC, deed.target), "cleanup.policy")
        case Verb.DESCRIBE_BROKER:
            resource = ConfigResource(ConfigResourceType.BROKER, deed.target)
            return await _setting(client, resource, "auto.create.topics.enable")
        case (
            Verb.PRODUCE | Verb.PRODUCE_ONCE | Verb.CONSUME | Verb.DESCRIBE_ACLS | Verb.CREATE_ACL | Verb.DESCRIBE_USER
        ):
            raise AssertionError(deed)
        case _:
            assert_never(deed.verb)
    return None


class _CodeError(BrokerResponseError):  # type: ignore[misc, unused-ignore]
    """A code that it only returned."""


def _raise(code: int) -> None:
    if code:
        fault = _CodeError()
        fault.errno = code
        raise fault


async def _look(client: AIOKafkaAdminClient) -> dict[str, Any]:
    described = await client.describe_cluster()
    topics = await client.describe_topics()
    return {
        "cluster": described["cluster_id"],
        "controller": described["controller_id"],
        "brokers": {broker["node_id"]: f"{broker['host']}:{broker['port']}" for broker in described["brokers"]},
        "topics": {topic["topic"]: len(topic["partitions"]) for topic in topics},
    }


async def _setting(client: AIOKafkaAdminClient, resource: ConfigResource, name: str) -> str:
    ((described,),) = ([*answer.resources] for answer in await client.describe_configs([resource]))
    code, _, _, _, entries = described
    _raise(code)
    return next(str(value) for key, value, *_ in entries if key == name)


async def _produce(settings: dict[str, Any], deed: Deed) -> None:
    producer = AIOKafkaProducer(
        **settings, enable_idempotence=deed.verb is Verb.PRODUCE_ONCE, request_timeout_ms=1000 * PATIENCE
    )
    try:
        await producer.start()
        await asyncio.wait_for(producer.send_and_wait(deed.target, deed.text.encode()), PATIENCE)
    finally:
        await producer.stop()


async def _consume(settings: dict[str, Any], deed: Deed) -> list[str]:
    consumer = AIOKafkaConsumer(
        deed.target, **settings, group_id=deed.group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        await consumer.start()
        values: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while len(values) < COMPLETE:
                values.append((await consumer.getone()).value.decode())
        await consumer.commit()
        return sorted(values)
    finally:
        await consumer.stop()
