"""One topic made, with what can be wrong with it, and the settings it is told to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from mskaudit.reference.broker_settings import BrokerSettings
from mskaudit.reference.config_keys import topic_fault
from mskaudit.reference.services.capacity import room_for_settings
from mskaudit.reference.services.refusals import clipped, in_zookeeper, name_fault
from mskaudit.reference.services.topic_placing import Placement, Refusal, placement
from mskaudit.reference.state import MOST_TOPICS, Topic
from mskaudit.wire.apis.topics import CreatableTopicConfigs, CreatableTopicResult
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID

if TYPE_CHECKING:
    from mskaudit.reference.asking import Asking
    from mskaudit.wire.apis.topics import CreatableTopic

_SETTINGS_SINCE: Final = 5
_ID_SINCE: Final = 7


def create(asking: Asking, topic: CreatableTopic, *, validate_only: bool) -> CreatableTopicResult | Refusal:
    """Make a topic, or only see whether it could be made."""
    refusal = _refusal(asking, topic)
    if refusal is not None:
        return refusal
    placed = placement(asking, topic, validate_only=validate_only)
    if isinstance(placed, Refusal):
        return placed
    settings = {config.name: config.value for config in topic.configs if config.value is not None}
    made = Topic(name=topic.name, topic_id=NO_UUID if validate_only else uuid4(), partitions=[], settings=settings)
    if not validate_only:
        asking.state.keep_topic(made)
        asking.state.assign_partitions(made, placed)
    return _result(asking, made, placed)


def _refusal(asking: Asking, topic: CreatableTopic) -> Refusal | None:
    name = topic.name
    if fault := name_fault(name):
        return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, fault)
    topics = asking.state.topics
    if len(topics) >= MOST_TOPICS:
        return Refusal(ErrorCode.POLICY_VIOLATION, "This cluster holds no more topics.")
    if name in topics:
        return Refusal(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    if twin := next((other for other in topics if _metric(other) == _metric(name)), None):
        which = "topics" if in_zookeeper(asking) else "topic"
        message = f"Topic '{name}' collides with existing {which}: {twin}"
        return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
    return _settings_refusal(asking, topic)


def _metric(name: str) -> str:
    """A topic's name in the names of its metrics."""
    return name.replace(".", "_")


def _settings_refusal(asking: Asking, topic: CreatableTopic) -> Refusal | None:
    keys = BrokerSettings(asking).table.topic_keys
    for config in topic.configs:
        if config.value is None:
            fault: str | None = f"Null value not supported for topic configs: {config.name}"
        elif config.name not in keys:
            fault = f"Unknown topic config name: {config.name}"
        else:
            fault = topic_fault(keys[config.name], config.value)
        if fault is not None:
            return Refusal(ErrorCode.INVALID_CONFIG, clipped(fault))
    if not room_for_settings(asking.state, (config.value or "" for config in topic.configs)):
        return Refusal(ErrorCode.POLICY_VIOLATION, "This cluster holds no more settings.")
    return None


def _result(asking: Asking, topic: Topic, placed: Placement) -> CreatableTopicResult:
    if asking.version < _SETTINGS_SINCE:
        return CreatableTopicResult(name=topic.name)
    return CreatableTopicResult(
        name=topic.name,
        topic_id=topic.topic_id if asking.version >= _ID_SINCE else NO_UUID,
        num_partitions=len(placed),
        replication_factor=len(placed[0]),
        configs=_configs(asking, topic),
    )


def _configs(asking: Asking, topic: Topic) -> tuple[CreatableTopicConfigs, ...]:
    settings = BrokerSettings(asking)
    entries = (settings.of_topic(key, topic) for key in settings.table.topics)
    return tuple(
        CreatableTopicConfigs(
            name=entry.name,
            value=entry.value,
            read_only=entry.read_only,
            config_source=entry.source,
            is_sensitive=entry.is_sensitive,
        )
        for entry in entries
    )
