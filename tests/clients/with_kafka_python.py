"""kafka-python."""

from __future__ import annotations

import os
import re
import ssl
import threading
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, assert_never

from mskaudit.reference.pki import client_context
from mskaudit.wire.codes import ErrorCode
from tests.clients.visits import COMPLETE, PATIENCE, Outcome, Refused, Verb

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its resources in an old way
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.admin import (
        ACL,
        ACLFilter,
        ACLOperation,
        ACLPermissionType,
        ConfigResource,
        ConfigResourceType,
        KafkaAdminClient,
        ResourcePattern,
        ResourcePatternFilter,
        ResourceType,
    )
    from kafka.admin import ACLResourcePatternType as PatternType
    from kafka.errors import (
        BrokerResponseError,
        KafkaConnectionError,
        KafkaError,
        SaslAuthenticationFailedError,
        TopicAuthorizationFailedError,
        UnsupportedSaslMechanismError,
    )
    from kafka.net.manager import KafkaConnectionManager
    from kafka.net.sasl.oauth import AbstractTokenProvider
    from kafka.net.selector import NetworkSelector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.visits import Deed, Visit

_ENVIRONMENT: Final = threading.Lock()
"""It takes keys of AWS from the environment alone, and there is one."""

_TURN_MS: Final = 200
_CLOSED: Final = "socket disconnected"
"""All it tells of a refused login whose reason came together with the end of the connection."""

_QUOTED: Final = re.compile(r"\[Error (\d+)\]")


class _Token(AbstractTokenProvider):  # type: ignore[misc, unused-ignore]
    """Gives the token of a visit."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def token(self) -> str:
        return self._token


class KafkaPython:
    """The adapter."""

    def do(self, visit: Visit, deed: Deed) -> Outcome:
        """Go in, do it, leave nothing open, and tell."""
        with _environment(visit):
            settings = _settings(visit)
            if (refusal := _knock(settings)) is not None:
                return refusal
            try:
                return Outcome(seen=_done(settings, deed))
            except KafkaError as error:
                return Outcome(error=_code(error), says=str(error))


def _code(error: KafkaError) -> ErrorCode:
    """The broker's code, which some errors only quote."""
    if isinstance(error, BrokerResponseError):
        return ErrorCode(error.errno)
    quoted = _QUOTED.search(str(error))
    if quoted is None:
        raise error
    return ErrorCode(int(quoted[1]))


@contextmanager
def _environment(visit: Visit) -> Iterator[None]:
    if visit.aws is None:
        yield
        return
    given = {
        "AWS_ACCESS_KEY_ID": visit.aws.access_key,
        "AWS_SECRET_ACCESS_KEY": visit.aws.secret_key,
        "AWS_DEFAULT_REGION": visit.region,
    }
    if visit.aws.session_token is not None:
        given["AWS_SESSION_TOKEN"] = visit.aws.session_token
    with _ENVIRONMENT:
        before = dict(os.environ)
        os.environ.update(given)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _settings(visit: Visit) -> dict[str, Any]:
    settings: dict[str, Any] = {"bootstrap_servers": [visit.address], "security_protocol": visit.protocol}
    if visit.protocol.endswith("SSL"):
        settings["ssl_context"] = client_context(visit.credential)
    if visit.mechanism is not None:
        settings["sasl_mechanism"] = visit.mechanism.value
    if visit.token is not None:
        settings["sasl_oauth_token_provider"] = _Token(visit.token)
    elif visit.mechanism is not None and visit.aws is None:
        settings |= {"sasl_plain_username": visit.username, "sasl_plain_password": visit.password}
    return settings


def _knock(settings: dict[str, Any]) -> Outcome | None:
    """How a connection is refused: what its clients are made of tells it, while they themselves only try again."""
    net = NetworkSelector()
    manager = KafkaConnectionManager(net, **settings)

    async def connect() -> None:
        await manager.get_connection("bootstrap-0", pop_on_close=False, refresh_metadata_on_err=False)

    try:
        net.run(connect)
    except (SaslAuthenticationFailedError, UnsupportedSaslMechanismError) as error:
        return Outcome(refused=Refused.LOGIN, says=str(error))
    except KafkaConnectionError as error:
        if isinstance(error.args[0], ssl.SSLError):
            return Outcome(refused=Refused.TLS, says=str(error))
        if "sasl_mechanism" in settings and error.args[0] == _CLOSED:
            return Outcome(refused=Refused.LOGIN)
        raise
    finally:
        manager.close()
        net.close()
    return None


def _done(settings: dict[str, Any], deed: Deed) -> Any:
    match deed.verb:
        case Verb.PRODUCE | Verb.PRODUCE_ONCE:
            return _produce(settings, deed)
        case Verb.CONSUME:
            return _consume(settings, deed)
    client = KafkaAdminClient(**settings, bootstrap_timeout_ms=1000 * PATIENCE, request_timeout_ms=1000 * PATIENCE)
    try:
        return _administered(client, deed)
    finally:
        client.close()


def _administered(client: KafkaAdminClient, deed: Deed) -> Any:
    match deed.verb:
        case Verb.LOOK:
            return _look(client)
        case Verb.CREATE_TOPIC | Verb.CREATE_ACL | Verb.ALTER_TOPIC:
            return _change(client, deed)
        case Verb.DESCRIBE_ACLS:
            pattern = ResourcePatternFilter(ResourceType.TOPIC, deed.target, PatternType.LITERAL)
            acls, fault = client.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, pattern))
            _raise(fault)
            return sorted(acl.operation.name for acl in acls)
        case Verb.DESCRIBE_TOPIC:
            return _setting(client, ConfigResource(ConfigResourceType.TOPIC, deed.target), "cleanup.policy")
        case Verb.DESCRIBE_BROKER:
            resource = ConfigResource(ConfigResourceType.BROKER, deed.target)
            return _setting(client, resource, "auto.create.topics.enable")
        case Verb.DESCRIBE_USER:
            described = client.describe_user_scram_credentials([deed.target])[deed.target]["credential_infos"]
            return [[one["mechanism"].name.replace("_", "-"), one["iterations"]] for one in described]
        case Verb.PRODUCE | Verb.PRODUCE_ONCE | Verb.CONSUME:
            raise AssertionError(deed)
        case _:
            assert_never(deed.verb)


def _change(client: KafkaAdminClient, deed: Deed) -> None:
    match deed.verb:
        case Verb.CREATE_TOPIC:
            client.create_topics({deed.target: {"num_partitions": 1, "replication_factor": 1}})
        case Verb.CREATE_ACL:
            pattern = ResourcePattern(ResourceType.TOPIC, deed.target, PatternType.LITERAL)
            acl = ACL(f"User:{deed.text}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)
            for fault in client.create_acls([acl])["failed"]:
                _raise(fault)
        case _:
            resource = ConfigResource(ConfigResourceType.TOPIC, deed.target, {"retention.ms": deed.text})
            altered = client.alter_configs([resource], raise_on_unknown=False)
            if (told := altered["topic"][deed.target]) != "OK":
                raise KafkaError(told)


def _raise(fault: type[BrokerResponseError]) -> None:
    """Raise an error that it only returned."""
    if fault.errno:
        raise fault


def _look(client: KafkaAdminClient) -> dict[str, Any]:
    try:
        described = client.describe_cluster()
    except KeyError:  # it trips over the answers of releases before 3.7, which have no type of endpoint
        described = client._manager.run(client._get_cluster_metadata, [])
    topics = client.describe_topics(client.list_topics())
    return {
        "cluster": described["cluster_id"],
        "controller": described["controller_id"],
        "brokers": {
            broker["broker_id" if "broker_id" in broker else "node_id"]: f"{broker['host']}:{broker['port']}"
            for broker in described["brokers"]
        },
        "topics": {topic["name"]: len(topic["partitions"]) for topic in topics},
    }


def _setting(client: KafkaAdminClient, resource: ConfigResource, name: str) -> str | None:
    """The value, None where it shows no settings at all, as it does when they are refused."""
    described = client.describe_configs([resource], config_filter="all")
    ((settings,),) = ([*named.values()] for named in described.values())
    return str(settings[name]["value"]) if settings else None


def _produce(settings: dict[str, Any], deed: Deed) -> None:
    producer = KafkaProducer(
        **settings,
        enable_idempotence=deed.verb is Verb.PRODUCE_ONCE,
        max_block_ms=1000 * PATIENCE,
    )
    try:
        producer.send(deed.target, deed.text.encode()).get(PATIENCE)
    finally:
        producer.close(PATIENCE)


def _consume(settings: dict[str, Any], deed: Deed) -> list[str]:
    consumer = KafkaConsumer(**settings, group_id=deed.group, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        # A group that it forms before it knows the topic's partitions shares out none, and never looks again.
        consumer.partitions_for_topic(deed.target)
        consumer.subscribe([deed.target])
        values: list[str] = []
        deadline = time.monotonic() + PATIENCE
        while len(values) < COMPLETE:
            assert time.monotonic() < deadline, values
            values += [one.value.decode() for records in consumer.poll(_TURN_MS).values() for one in records]
            # It says nothing of a topic that is refused, and goes on asking.
            if refused := consumer._client.cluster.unauthorized_topics:
                raise TopicAuthorizationFailedError(refused)
        consumer.commit()
        return sorted(values)
    finally:
        consumer.close()
