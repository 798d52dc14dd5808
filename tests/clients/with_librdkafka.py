"""librdkafka, by way of confluent-kafka."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, assert_never

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined, unused-ignore]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from mskaudit.wire.codes import ErrorCode
from tests.clients.visits import COMPLETE, PATIENCE, Outcome, Refused, Verb

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tests.clients.visits import Deed, Visit

_TURN: Final = 0.05


class _TurnedAwayError(Exception):
    """The client has told that it does not get in."""

    def __init__(self, where: Refused, says: str) -> None:
        super().__init__(says)
        self.outcome = Outcome(refused=where, says=says)


class Librdkafka:
    """The adapter."""

    def do(self, visit: Visit, deed: Deed) -> Outcome:
        """Go in, do it, leave nothing open, and tell."""
        errors: list[KafkaError] = []
        try:
            with AdminClient(settings_of(visit, errors)) as admin:
                looked = _look(admin, errors)  # the first request tells whether it is let in
                seen = looked if deed.verb is Verb.LOOK else _done(visit, admin, deed, errors)
        except _TurnedAwayError as turned:
            return turned.outcome
        except KafkaException as refusal:
            error = refusal.args[0]
            return Outcome(error=ErrorCode(error.code()), says=error.str())
        return Outcome(seen=seen)


def settings_of(visit: Visit, errors: list[KafkaError] | None = None, **more: Any) -> dict[str, Any]:
    """What librdkafka is configured with to come in that way; faults of connections go to `errors`."""
    told = [] if errors is None else errors
    settings: dict[str, Any] = {
        "bootstrap.servers": visit.address,
        "security.protocol": visit.protocol,
        "error_cb": told.append,
        "logger": logging.getLogger("librdkafka"),
    }
    if visit.protocol.endswith("SSL"):
        settings["ssl.ca.pem"] = visit.authority
    if (credential := visit.credential) is not None:
        settings |= {"ssl.certificate.pem": credential.certificate, "ssl.key.pem": credential.key}
    if visit.mechanism is not None:
        settings["sasl.mechanism"] = visit.mechanism.value
    if (token := visit.token) is not None:
        # It refuses to send a token that it knows to have expired, so it is not told.
        settings["oauth_cb"] = lambda _: (token, time.time() + 3600)
    elif visit.mechanism is not None:
        settings |= {"sasl.username": visit.username, "sasl.password": visit.password}
    return settings | more


def _await(client: AdminClient, future: Future[Any], errors: list[KafkaError]) -> Any:
    """What comes of a call; errors that concern the connection end the wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not future.done():
        client.poll(_TURN)
        _check(errors)
        assert time.monotonic() < deadline, errors
    return future.result()


def _check(errors: list[KafkaError]) -> None:
    for error in errors:
        if error.code() == KafkaError._AUTHENTICATION:
            raise _TurnedAwayError(Refused.LOGIN, error.str())
        # An alert that comes after the handshake is to it a fault of the connection.
        if error.code() == KafkaError._SSL or "SSL routines" in error.str():
            raise _TurnedAwayError(Refused.TLS, error.str())


def _look(admin: AdminClient, errors: list[KafkaError]) -> dict[str, Any]:
    described = _await(admin, admin.describe_cluster(request_timeout=PATIENCE), errors)
    listed = admin.list_topics(timeout=PATIENCE)
    brokers = {number: f"{broker.host}:{broker.port}" for number, broker in listed.brokers.items()}
    assert described.cluster_id == listed.cluster_id
    assert {node.id: f"{node.host}:{node.port}" for node in described.nodes} == brokers
    return {
        "cluster": listed.cluster_id,
        "controller": listed.controller_id,
        "brokers": brokers,
        "topics": {name: len(topic.partitions) for name, topic in listed.topics.items()},
    }


def _done(visit: Visit, admin: AdminClient, deed: Deed, errors: list[KafkaError]) -> Any:
    match deed.verb:
        case Verb.LOOK:
            return None
        case Verb.PRODUCE | Verb.PRODUCE_ONCE:
            return _produce(visit, deed)
        case Verb.CONSUME:
            return _consume(visit, deed)
        case Verb.CREATE_TOPIC | Verb.CREATE_ACL | Verb.ALTER_TOPIC:
            return _await(admin, _change(admin, deed), errors)
        case Verb.DESCRIBE_ACLS:
            acls = _await(admin, admin.describe_acls(_acls_of(deed.target)), errors)
            return sorted(acl.operation.name for acl in acls)
        case Verb.DESCRIBE_TOPIC:
            return _setting(admin, ConfigResource(ResourceType.TOPIC, deed.target), "cleanup.policy", errors)
        case Verb.DESCRIBE_BROKER:
            resource = ConfigResource(ResourceType.BROKER, deed.target)
            return _setting(admin, resource, "auto.create.topics.enable", errors)
        case Verb.DESCRIBE_USER:
            users: Any = admin.describe_user_scram_credentials([deed.target])
            known = _await(admin, users[deed.target], errors).scram_credential_infos
            return [[one.mechanism.name.replace("_", "-"), one.iterations] for one in known]
        case _:
            assert_never(deed.verb)


def _change(admin: AdminClient, deed: Deed) -> Future[Any]:
    """What is under way then."""
    started: dict[Any, Future[Any]]
    match deed.verb:
        case Verb.CREATE_TOPIC:
            started = admin.create_topics([NewTopic(deed.target, 1, 1)], operation_timeout=PATIENCE)
        case Verb.CREATE_ACL:
            who = f"User:{deed.text}"
            acl = AclBinding(*_pattern(deed.target), who, "*", AclOperation.READ, AclPermissionType.ALLOW)
            started = admin.create_acls([acl])
        case _:
            entry = ConfigEntry("retention.ms", deed.text, incremental_operation=AlterConfigOpType.SET)
            resource = ConfigResource(ResourceType.TOPIC, deed.target, incremental_configs=[entry])
            started = admin.incremental_alter_configs([resource])
    (only,) = started.values()
    return only


def _pattern(topic: str) -> tuple[ResourceType, str, ResourcePatternType]:
    return ResourceType.TOPIC, topic, ResourcePatternType.LITERAL


def _acls_of(topic: str) -> AclBindingFilter:
    anybody: Any = None
    return AclBindingFilter(*_pattern(topic), anybody, anybody, AclOperation.ANY, AclPermissionType.ANY)


def _setting(admin: AdminClient, resource: ConfigResource, name: str, errors: list[KafkaError]) -> str:
    settings = _await(admin, admin.describe_configs([resource])[resource], errors)
    return str(settings[name].value)


def _produce(visit: Visit, deed: Deed) -> None:
    told: list[KafkaError | None] = []
    fatal: list[KafkaError] = []
    more = {"enable.idempotence": deed.verb is Verb.PRODUCE_ONCE, "message.timeout.ms": 1000 * PATIENCE}
    with Producer(settings_of(visit, fatal, **more)) as producer:
        producer.produce(deed.target, deed.text, on_delivery=lambda error, _: told.append(error))
        deadline = time.monotonic() + PATIENCE
        while not told:
            producer.poll(_TURN)
            _raise_fatal(fatal)
            assert time.monotonic() < deadline, fatal
        if told[0] is not None:
            _raise_fatal(fatal)
            raise KafkaException(told[0])


def _raise_fatal(errors: list[KafkaError]) -> None:
    for error in errors:
        if error.code() > 0:
            raise KafkaException(error)


def _consume(visit: Visit, deed: Deed) -> list[str]:
    more = {"group.id": deed.group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(settings_of(visit, [], **more))
    try:
        consumer.subscribe([deed.target])
        values: list[str] = []
        deadline = time.monotonic() + PATIENCE
        while len(values) < COMPLETE:
            assert time.monotonic() < deadline, values
            record = consumer.poll(_TURN)
            if record is not None:
                if record.error() is not None:
                    raise KafkaException(record.error())
                values.append((record.value() or b"").decode())
        consumer.commit(asynchronous=False)
        return sorted(values)
    finally:
        consumer.close()
