"""The settings that Apache Kafka has, as running brokers listed them: kinds, defaults, and what may change at work."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mskaudit.resources import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.releases import Profile

_LISTENER: Final = re.compile(r"listener\.name\.[^.]*\.(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_NEW: Final = 4


class ConfigType(IntEnum):
    """The kind of a value, by the numbers of DescribeConfigs (KIP-569)."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


_BITS: Final = {ConfigType.SHORT: 15, ConfigType.INT: 31, ConfigType.LONG: 63}


class Alteration(StrEnum):
    """Where a broker's setting can be altered while it runs (KIP-226)."""

    FIXED = "fixed"
    CLUSTER = "cluster"
    """For one broker or for all."""
    BROKER = "broker"
    """For one broker, with or without a listener's prefix."""
    LISTENER = "listener"
    """For one broker, with a listener's prefix."""


class BrokerKey(NamedTuple):
    """A setting of brokers; its kind by name, and its default."""

    name: str
    kind: str
    default: str | None
    alteration: Alteration

    @property
    def type(self) -> ConfigType:
        """Its kind."""
        return ConfigType[self.kind.upper()]


class LowerKey(NamedTuple):
    """A setting of topics, groups or client metrics, and the setting of brokers that it falls back on."""

    name: str
    kind: str
    default: str | None
    broker_key: str | None

    @property
    def type(self) -> ConfigType:
        """Its kind."""
        return ConfigType[self.kind.upper()]


class ConfigTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All settings of a release."""

    release: str
    brokers: tuple[BrokerKey, ...]
    topics: tuple[LowerKey, ...]
    groups: tuple[LowerKey, ...]
    client_metrics: tuple[LowerKey, ...]

    @cached_property
    def broker_keys(self) -> Mapping[str, BrokerKey]:
        """The settings of brokers by name."""
        return MappingProxyType({key.name: key for key in self.brokers})

    @cached_property
    def topic_keys(self) -> Mapping[str, LowerKey]:
        """The settings of topics by name."""
        return MappingProxyType({key.name: key for key in self.topics})

    def known(self, name: str) -> BrokerKey | None:
        """The setting of brokers that a name means, with or without the prefix of a listener and a mechanism."""
        base = base_name(name)
        for candidate in (name, base, base.partition(".")[2]):
            if candidate in self.broker_keys:
                return self.broker_keys[candidate]
        return None

    def type_of(self, name: str) -> ConfigType:
        """The kind of a broker's setting; what Kafka does not know is unknown, and so taken for a secret."""
        key = self.known(name)
        return ConfigType.UNKNOWN if key is None else key.type


@cache
def _tables() -> Mapping[str, ConfigTable]:
    content = (folder("fixtures/releases") / "broker-configs.json").read_bytes()
    return {table.release: table for table in msgspec.json.decode(content, type=tuple[ConfigTable, ...])}


def config_table(profile: Profile) -> ConfigTable:
    """The settings of a release: those of 4.4.0 from 4.0 on, and of 3.9.2 before."""
    return _tables()["4.4.0" if profile.major >= _NEW else "3.9.2"]


def base_name(name: str) -> str:
    """A setting's name without the prefix of a listener."""
    match = _LISTENER.fullmatch(name)
    return name if match is None else match[1]


def synonyms(name: str) -> tuple[str, ...]:
    """The names that a broker looks for a setting under, the decisive first."""
    if name in _CHAINS:
        return _CHAINS[name]
    base = base_name(name)
    return (name,) if base == name else (name, base)


def type_fault(kind: ConfigType, value: str) -> str | None:
    """What Kafka says about a value that is none of its kind."""
    match kind:
        case ConfigType.BOOLEAN:
            fine = value.strip().lower() in {"true", "false"}
            return None if fine else "Expected value to be either true or false"
        case ConfigType.SHORT | ConfigType.INT | ConfigType.LONG:
            return None if _fits(value.strip(), _BITS[kind]) else f"Not a number of type {kind.name}"
        case ConfigType.DOUBLE:
            return None if _DECIMAL.fullmatch(value.strip()) else "Not a number of type DOUBLE"
    return None


def _fits(text: str, bits: int) -> bool:
    return _NUMBER.fullmatch(text) is not None and -(1 << bits) <= int(text) < 1 << bits


def topic_fault(key: LowerKey, value: str) -> str | None:
    """What Kafka says about a value that a topic cannot have."""
    fault = type_fault(key.type, value)
    if fault is None and key.name in _CHOICES:
        choices = _CHOICES[key.name]
        chosen = value.split(",") if key.type is ConfigType.LIST else [value]
        if not all(choice.strip() in choices for choice in chosen):
            fault = f"String must be one of: {', '.join(choices)}"
    if fault is None and key.name in _LEAST and int(value) < _LEAST[key.name]:
        fault = f"Value must be at least {_LEAST[key.name]}"
    return None if fault is None else f"Invalid value {value} for configuration {key.name}: {fault}"


_CHAINS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "log.retention.ms": ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
        "log.roll.ms": ("log.roll.ms", "log.roll.hours"),
        "log.roll.jitter.ms": ("log.roll.jitter.ms", "log.roll.jitter.hours"),
        "log.flush.interval.ms": ("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
    }
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "cleanup.policy": ("compact", "delete"),
        "compression.type": ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
        "message.timestamp.type": ("CreateTime", "LogAppendTime"),
    }
)
_LEAST: Final[Mapping[str, int]] = MappingProxyType(
    {
        "delete.retention.ms": 0,
        "file.delete.delay.ms": 0,
        "flush.messages": 1,
        "flush.ms": 0,
        "index.interval.bytes": 0,
        "max.compaction.lag.ms": 1,
        "max.message.bytes": 0,
        "min.compaction.lag.ms": 0,
        "min.insync.replicas": 1,
        "retention.ms": -1,
        "segment.index.bytes": 4,
        "segment.jitter.ms": 0,
        "segment.ms": 1,
    }
)
