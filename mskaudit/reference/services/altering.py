"""The settings of one resource altered, if Kafka would alter them.

A broker takes what it does not know, `super.users` among it, and what it heeds only at its next start, and shows it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mskaudit.reference.broker_settings import ALL_BROKERS, BrokerSettings
from mskaudit.reference.config_keys import Alteration, ConfigType, base_name, topic_fault, type_fault
from mskaudit.reference.services.capacity import room_for_settings
from mskaudit.reference.services.config_changes import ChangeOperation, Known, Wish, changed
from mskaudit.reference.services.config_resources import LOGGERS, ROOT_LOGGER
from mskaudit.reference.services.refusals import clipped, in_zookeeper
from mskaudit.reference.services.topic_placing import Refusal
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.reference.asking import Asking
    from mskaudit.reference.config_keys import LowerKey
    from mskaudit.reference.state import Topic

_PREFIXED: Final = re.compile(r"listener\.name\.[^.]*\..*", re.DOTALL)
_CLUSTER_WIDE: Final = frozenset({"max.connections", "max.connection.creation.rate", "num.network.threads"})
_LEVELS: Final = frozenset({"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"})
_CODE: Final = frozenset({"metric.reporters"})
_PLACES: Final = frozenset({"listeners", "advertised.listeners", "listener.security.protocol.map"})


def alter_broker(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    """Alter the settings of the broker asked, or of all brokers."""
    settings = BrokerSettings(asking)
    altered = asking.state.broker_settings
    name = ALL_BROKERS if wish.name == ALL_BROKERS else str(asking.node.number)
    current = altered[name] if name in altered else {}
    wanted = changed(current, wish, Known(settings.table.type_of, settings.value))
    if isinstance(wanted, Refusal):
        return wanted
    fault = _broker_fault(asking, settings, wanted, wish)
    if fault is not None:
        return Refusal(ErrorCode.INVALID_REQUEST, clipped(fault))
    return _keep(asking, altered, name, wanted, only_check=only_check)


def _broker_fault(asking: Asking, settings: BrokerSettings, wanted: Mapping[str, str], wish: Wish) -> str | None:
    """Why a broker does not take settings, in the order in which Kafka looks."""
    keys = settings.table.broker_keys
    how = {name: keys[name].alteration for name in wanted if name in keys}
    fixed = [name for name, alteration in how.items() if alteration is Alteration.FIXED]
    if fixed:
        return f"Cannot update these configs dynamically: {_set_of(asking, fixed)}"
    bare = [name for name, alteration in how.items() if alteration is Alteration.LISTENER]
    if bare:
        return (
            "These security configs can be dynamically updated only per-listener using the listener prefix: "
            f"{_set_of(asking, bare)}"
        )
    for name, value in wanted.items():
        if fault := type_fault(settings.table.type_of(name), value):
            return f"Invalid value {value} for configuration {name}: {fault}"
    own = [name for name in wanted if _is_of_one_broker(name, how)]
    if own and wish.name == ALL_BROKERS:
        return (
            f"Cannot update these configs at default cluster level, broker id must be specified: {_set_of(asking, own)}"
        )
    return next(filter(None, (_effect_fault(settings, name, value) for name, value in wanted.items())), None)


def _set_of(asking: Asking, names: Iterable[str]) -> str:
    """Names as Scala or Java shows a set of them."""
    listed = ", ".join(names)
    return f"Set({listed})" if in_zookeeper(asking) else f"[{listed}]"


def _is_of_one_broker(name: str, how: Mapping[str, Alteration]) -> bool:
    if _PREFIXED.fullmatch(name):
        return base_name(name) not in _CLUSTER_WIDE
    return name in how and how[name] is Alteration.BROKER


def _effect_fault(settings: BrokerSettings, name: str, value: str) -> str | None:
    """Why a setting is refused that a broker would heed at once, and a reference broker cannot."""
    key = settings.table.known(name)
    if key is None or value == settings.value(name):
        return None
    if key.type is ConfigType.CLASS or key.name in _CODE:
        return f"Invalid value {value} for configuration {name}: Class {value} could not be found."
    if key.name in _PLACES or key.alteration is Alteration.LISTENER:
        return f"Invalid value {value} for configuration {name}: a reference broker does not change this while it runs."
    return None


def alter_topic(asking: Asking, wish: Wish, topic: Topic, *, only_check: bool) -> Refusal | None:
    """Alter the settings of a topic."""
    settings = BrokerSettings(asking)
    keys = settings.table.topic_keys
    known = Known(
        lambda name: keys[name].type if name in keys else ConfigType.LIST,
        lambda name: settings.of_topic(keys[name], topic).value if name in keys else None,
    )
    wanted = changed(topic.settings, wish, known)
    refusal = wanted if isinstance(wanted, Refusal) else _lower_refusal("topic", keys, wanted)
    if refusal is None and not isinstance(wanted, Refusal):
        kept = {topic.name: topic.settings}
        refusal = _keep(asking, kept, topic.name, wanted, only_check=only_check)
        topic.settings = kept[topic.name]
    return refusal


def _lower_refusal(kind: str, keys: Mapping[str, LowerKey], wanted: Mapping[str, str]) -> Refusal | None:
    for name, value in wanted.items():
        fault = topic_fault(keys[name], value) if name in keys else f"Unknown {kind} config name: {name}"
        if fault is not None:
            return Refusal(ErrorCode.INVALID_CONFIG, clipped(fault))
    return None


def alter_group(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    """Alter the settings of a group (KIP-848)."""
    if not wish.name:
        return Refusal(ErrorCode.INVALID_REQUEST, "Default group resources are not allowed.")
    keys = {key.name: key for key in BrokerSettings(asking).table.groups}
    altered = asking.state.group_settings
    wanted = _lower(keys, altered, wish)
    refusal = wanted if isinstance(wanted, Refusal) else _lower_refusal("group", keys, wanted)
    if refusal is not None or isinstance(wanted, Refusal):
        return refusal
    return _keep(asking, altered, wish.name, wanted, only_check=only_check)


def alter_metrics(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    """Alter a subscription of client metrics (KIP-714)."""
    if not wish.name:
        return Refusal(ErrorCode.INVALID_REQUEST, "Subscription name can't be empty")
    keys = {key.name: key for key in BrokerSettings(asking).table.client_metrics}
    altered = asking.state.client_metrics
    wanted = _lower(keys, altered, wish)
    if isinstance(wanted, Refusal):
        return wanted
    unknown = next((name for name in wanted if name not in keys), None)
    if unknown is not None:
        return Refusal(ErrorCode.INVALID_REQUEST, clipped(f"Unknown client metrics configuration: {unknown}"))
    fault = next(filter(None, (topic_fault(keys[name], value) for name, value in wanted.items())), None)
    if fault is not None:
        return Refusal(ErrorCode.INVALID_CONFIG, clipped(fault))
    return _keep(asking, altered, wish.name, wanted, only_check=only_check)


def _lower(keys: Mapping[str, LowerKey], altered: Mapping[str, dict[str, str]], wish: Wish) -> dict[str, str] | Refusal:
    known = Known(
        lambda name: keys[name].type if name in keys else ConfigType.LIST,
        lambda name: keys[name].default if name in keys else None,
    )
    return changed(altered[wish.name] if wish.name in altered else {}, wish, known)


def _keep(
    asking: Asking, altered: dict[str, dict[str, str]], name: str, wanted: dict[str, str], *, only_check: bool
) -> Refusal | None:
    texts = (text for pair in (*wanted.items(), (name, "")) for text in pair)
    if not room_for_settings(asking.state, texts):
        return Refusal(ErrorCode.POLICY_VIOLATION, "This cluster holds no more settings.")
    if not only_check:
        altered[name] = wanted
    return None


def alter_levels(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    """Alter the levels of loggers of the broker asked (KIP-412)."""
    refusal = next(filter(None, map(_level_refusal, wish.changes)), None)
    if refusal is None and not only_check:
        levels, number = asking.state.log_levels, asking.node.number
        for change in wish.changes:
            if change.operation == ChangeOperation.DELETE:
                levels.pop((number, change.name), None)
            else:
                levels[number, change.name] = (change.value or "").upper()
    return refusal


def _level_refusal(change: tuple[str, int, str | None]) -> Refusal | None:
    name, operation, value = change
    if operation in (ChangeOperation.APPEND, ChangeOperation.SUBTRACT):
        message = f"{ChangeOperation(operation).name} operation is not allowed for the BROKER_LOGGER resource"
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    if operation not in set(ChangeOperation):
        return Refusal(ErrorCode.UNKNOWN_SERVER_ERROR, None)
    if operation == ChangeOperation.DELETE and name == ROOT_LOGGER:
        return Refusal(ErrorCode.INVALID_REQUEST, "Removing the log level of the root logger is not allowed")
    if name not in LOGGERS:
        return Refusal(ErrorCode.INVALID_CONFIG, clipped(f"Logger {name} does not exist!"))
    if operation == ChangeOperation.SET and (value or "").upper() not in _LEVELS:
        message = f"Cannot set the log level of {name} to {value}: it is not a supported log level."
        return Refusal(ErrorCode.INVALID_CONFIG, clipped(message))
    return None
