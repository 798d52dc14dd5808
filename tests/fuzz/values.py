"""Values that message tables and ZooKeeper records can carry, drawn from a seeded source."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints
from uuid import UUID

from mskaudit.reference.state import topic_id
from mskaudit.wire import records, schema, zookeeper_packets
from mskaudit.wire.schema import Kind, Wire
from mskaudit.wire.zookeeper_records import BUFFER, INT, LONG, TEXT, Flag, Nested, TrailingFlag, Vector

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from mskaudit.wire.zookeeper_records import Record

    Make = Callable[[Random], Any]

_TOPICS = ("orders", "payments", "new", "__consumer_offsets", "__transaction_state", "no topic", "", ".", "x" * 249)
_NAMES = {
    "topic": _TOPICS,
    "Topic.name": _TOPICS,
    "TopicProduceData.name": _TOPICS,
    "TopicRequest.name": _TOPICS,
    "group": ("g", "h", "alice-1", "", "é"),
    "member_id": ("", "", "m", "consumer-1"),
    "transactional": ("t", "", "alice-t"),
    "principal": ("User:alice", "User:*", "User:ANONYMOUS", "alice", ":"),
    "mechanism": ("PLAIN", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM", "NONE"),
    "host": ("*", "127.0.0.1", "::1", "h"),
    "resource_name": (*_TOPICS, "g", "kafka-cluster", "*", "1", "2", "User:alice"),
    "software": ("apache-kafka-java", "3.9.0", "", "-"),
    "entity": ("user", "client-id", "ip", "alice", "<default>", "127.0.0.1"),
    "protocol": ("consumer", "range", "connect", ""),
    "feature": ("metadata.version", "kraft.version", "x"),
    "state": ("Stable", "Empty", "Ongoing", "nonsense", ""),
    "pattern": ("", ".*", "(", "a{1,99999}", "[", "(a+)+$"),
}
_WORDS = (
    *("orders", "alice", "g", "t", "", "*", "User:alice", "1", "-1", "null", "kafka-cluster", "producer_byte_rate"),
    *("retention.ms", "cleanup.policy", "log.retention.hours", "max.connections", "SCRAM-SHA-256", "\0", "ü\U0001f600"),
    *("127.0.0.1", "x" * 300, "compact", "604800000", "1e309", "nan", "true"),
)
_BOUNDS = {
    Kind.INT8: (-(2**7), 2**7 - 1),
    Kind.INT16: (-(2**15), 2**15 - 1),
    Kind.INT32: (-(2**31), 2**31 - 1),
    Kind.INT64: (-(2**63), 2**63 - 1),
    Kind.UINT16: (0, 2**16 - 1),
}
_USUAL = {
    ".acks": (-1, 1, 1, 0),
    ".replica_id": (-1,),
    "_epoch": (-1, 0),
    "generation_id": (-1, 0, 1, 1, 2),
    "_timeout_ms": (0, 1, 100, 6000, 10_000, 60_000),
    "max_wait_ms": (0, 10, 500),
    "max_bytes": (2**20, 2**31 - 1),
    "replication_factor": (-1, 1, 2),
    "num_partitions": (-1, 1, 3),
    "isolation_level": (0, 1),
    "timestamp": (-3, -2, -1, 0),
    "resource_type": (1, 2, 3, 4, 5),
    "pattern_type": (1, 3, 3, 4),
    ".operation": (1, 2, 3, 4),
    "permission_type": (1, 2, 3),
    "endpoint_type": (1, 2),
}
_FLOATS = (0.0, 1.0, -1.0, 1e300, float("inf"), float("-inf"), float("nan"), 1024.5)
_IDS = (UUID(int=0), topic_id("orders"), topic_id("payments"), UUID(int=2**128 - 1))


@cache
def table(cls: Any, version: int) -> Make:
    """What makes instances of a table that a version can carry."""
    hints = get_type_hints(cls, include_extras=True)
    makers: dict[str, Make] = {}
    for field in fields(cls):
        _, notes, _ = schema._dissect(hints[field.name])
        wire = next((note for note in notes if isinstance(note, Wire)), Wire())
        if wire.since <= version <= wire.until:
            makers[field.name] = _value(hints[field.name], version, f"{cls.__name__}.{field.name}")
    return lambda chance: cls(**{name: make(chance) for name, make in makers.items()})


def _value(hint: Any, version: int, name: str) -> Make:
    bare, notes, optional = schema._dissect(hint)
    wire = next((note for note in notes if isinstance(note, Wire)), Wire())
    if is_dataclass(bare):
        assert isinstance(bare, type)
        make = table(bare, version)
    elif get_origin(bare) is tuple:
        make = _several(_value(get_args(bare)[0], version, name))
    else:
        make = _scalar(next(note for note in notes if isinstance(note, Kind)), name)
    if optional and version >= wire.nullable_since:
        odds = 0.7 if name.endswith(("transactional_id", "instance_id")) else 0.25
        return lambda chance: None if chance.random() < odds else make(chance)
    return make


def _several(make: Make) -> Make:
    return lambda chance: tuple([make(chance) for _ in range(chance.choice((0, 1, 1, 1, 2, 3)))])


def _scalar(kind: Kind, name: str) -> Make:
    match kind:
        case Kind.BOOL:
            return lambda chance: chance.random() < 0.5
        case Kind.UUID:
            return lambda chance: chance.choice(_IDS)
        case Kind.STRING:
            words = next((words for part, words in _NAMES.items() if part in name), _WORDS)
            return lambda chance: chance.choice(words if chance.random() < 0.9 else _WORDS)
        case Kind.BYTES:
            return batch if name.endswith("Data.records") else octets
        case Kind.FLOAT64:
            return lambda chance: chance.choice(_FLOATS)
        case _:
            number = _number(*_BOUNDS[kind])
            usual = next((usual for part, usual in _USUAL.items() if name.endswith(part)), None)
            return (
                number
                if usual is None
                else lambda chance: chance.choice(usual) if chance.random() < 0.8 else number(chance)
            )


def _number(low: int, high: int) -> Make:
    def make(chance: Random) -> int:
        match chance.randrange(8):
            case 0:
                return chance.choice((low, high, low + 1, high - 1))
            case 1:
                return chance.randint(low, high)
            case 2:
                return max(low, min(high, chance.choice((100, 1000, 10_000, 604_800_000))))
            case _:
                return max(low, chance.randint(-2, 8))

    return make


def octets(chance: Random) -> bytes:
    """A few bytes."""
    return chance.randbytes(chance.randrange(40))


def batch(chance: Random) -> bytes:
    """A record batch as a producer sends it, most of the time."""
    if chance.random() < 0.1:
        return octets(chance)
    content = [
        records.Record(
            key=chance.choice((None, b"k")),
            value=octets(chance),
            timestamp=chance.choice((-1, 0, 1_700_000_000_000, 5)),
        )
        for _ in range(chance.randint(1, 4))
    ]
    producer = records.Producer(
        identity=chance.choice((-1, 1001, 2**63 - 1)), epoch=chance.randint(-1, 2), base_sequence=chance.randint(-1, 5)
    )
    return records.build(content, producer=producer, transactional=chance.random() < 0.2)


_PATHS = ("/", "/open", "/open/child", "/brokers/ids", "/new", "/new/x", "", "no", "/a//b", "/.", "/\0", "/zookeeper")
_SCHEMES = ("world", "digest", "ip", "auth", "x509", "sasl", "")
_IDENTITIES = ("anyone", "bob:pw", "127.0.0.1/8", "1.2.3.4/99", "", ":", "::1/129")
_JUTE: dict[str, tuple[str, ...]] = {"path": _PATHS, "scheme": _SCHEMES, "id": _IDENTITIES, "user": _IDENTITIES}


def packet(cls: type[Record], chance: Random) -> Record:
    """An instance of a ZooKeeper record."""
    made: Any = cls
    result: Record = made(**{name: _jute(kind, name, chance) for name, kind in cls.layout})
    return result


def _jute(kind: Any, name: str, chance: Random) -> Any:
    match kind:
        case Nested():
            return packet(kind._record, chance)
        case Vector():
            return tuple(_jute(kind._element, name, chance) for _ in range(chance.choice((0, 1, 1, 2))))
        case Flag():
            # Only a flag at the end may be absent.
            return chance.choice((True, False, None if isinstance(kind, TrailingFlag) else True))
        case _ if kind is TEXT:
            return chance.choice((*_JUTE[name], None) if name in _JUTE else (*_WORDS, None))
        case _ if kind is BUFFER:
            return chance.choice((None, b"", b"bob:pw", octets(chance)))
        case _ if kind is INT:
            return _number(*_BOUNDS[Kind.INT32])(chance)
        case _ if kind is LONG:
            return _number(*_BOUNDS[Kind.INT64])(chance)
        case zookeeper_packets._Steps():
            steps = tuple(zookeeper_packets._STEPS.values())
            return tuple(packet(chance.choice(steps), chance) for _ in range(chance.randrange(4)))
        case zookeeper_packets._Results():
            step = chance.choice(tuple(zookeeper_packets._STEPS.values()))
            return tuple((step.op, packet(step.reply, chance)) for _ in range(chance.randrange(3)))
    raise TypeError(f"no values are known for {kind!r}")
