"""Which broker looks after a group or a transactional id: the leader of a partition of one of Kafka's own topics."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from mskaudit.reference.state import MOST_PARTITIONS, MOST_TOPICS

if TYPE_CHECKING:
    from mskaudit.reference.asking import Asking

_PARTITIONS: Final = 50
_MOST_PARTITIONS: Final = 1000


class CoordinatorType(IntEnum):
    """What a coordinator is wanted for."""

    GROUP = 0
    TRANSACTION = 1
    SHARE = 2


_TOPICS: Final = {
    CoordinatorType.GROUP: ("__consumer_offsets", "offsets.topic.num.partitions"),
    CoordinatorType.TRANSACTION: ("__transaction_state", "transaction.state.log.num.partitions"),
}


def coordinator(asking: Asking, kind: CoordinatorType, key: str) -> int | None:
    """The id of the broker that looks after a key, None while the topic for it does not exist."""
    name, _ = _TOPICS[kind]
    topics = asking.state.topics
    if name not in topics:
        return None
    partitions = topics[name].partitions
    return partitions[_java_hash(key) % len(partitions)].leader


def coordinates(asking: Asking, kind: CoordinatorType, key: str) -> bool:
    """Whether the broker asked looks after a key."""
    return coordinator(asking, kind, key) == asking.node.number


def prepare(asking: Asking, kind: CoordinatorType) -> None:
    """Make the topic that coordinators need, if there is room: Kafka does so when it is first asked for one."""
    name, setting = _TOPICS[kind]
    state = asking.state
    settings = state.cluster.settings
    wanted = int(settings[setting]) if setting in settings and settings[setting].isdecimal() else _PARTITIONS
    partitions = max(1, min(wanted, _MOST_PARTITIONS))
    if len(state.topics) < MOST_TOPICS and state.partition_count + partitions <= MOST_PARTITIONS:
        state.add_topic(name, partitions)


def _java_hash(text: str) -> int:
    """The hash that Java gives a text, without its sign."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for at in range(0, len(units), 2):
        value = (31 * value + int.from_bytes(units[at : at + 2], "big")) & 0xFFFFFFFF
    signed = value - (value >> 31 << 32)
    return 0 if signed == -(2**31) else abs(signed)
