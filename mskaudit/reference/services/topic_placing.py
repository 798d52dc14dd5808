"""Where the replicas of new partitions go: as a request assigns them, or spread over the brokers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.reference.services.refusals import in_zookeeper
from mskaudit.reference.state import MOST_PARTITIONS
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mskaudit.reference.asking import Asking
    from mskaudit.reference.state import Topic
    from mskaudit.wire.apis.topics import CreatableReplicaAssignment, CreatableTopic, CreatePartitionsTopic

_LEFT_TO_BROKER: Final = -1

Placement = tuple[tuple[int, ...], ...]
"""The brokers of each partition, the leader first."""


class Refusal(NamedTuple):
    """Why something is not done, as a code and in Kafka's words where it has any."""

    error: ErrorCode
    message: str | None


def placement(asking: Asking, topic: CreatableTopic, *, validate_only: bool) -> Placement | Refusal:
    """Where the partitions of a new topic go, or would go."""
    if topic.assignments:
        return _assigned(asking, topic, validate_only=validate_only)
    count = _default(asking, "num.partitions") if topic.num_partitions == _LEFT_TO_BROKER else topic.num_partitions
    copies = topic.replication_factor
    copies = _default(asking, "default.replication.factor") if copies == _LEFT_TO_BROKER else copies
    if count <= 0:
        return Refusal(ErrorCode.INVALID_PARTITIONS, _no_partitions(asking))
    if copies <= 0:
        return Refusal(ErrorCode.INVALID_REPLICATION_FACTOR, _no_replicas(asking))
    if copies > len(asking.nodes):
        return Refusal(ErrorCode.INVALID_REPLICATION_FACTOR, _too_many_replicas(asking, copies))
    if count > MOST_PARTITIONS - asking.state.partition_count:
        return Refusal(ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request.")
    return tuple(_spread(asking, at, copies) for at in range(count))


def _default(asking: Asking, setting: str) -> int:
    settings = asking.state.cluster.settings
    return int(settings[setting]) if setting in settings and settings[setting].isdecimal() else 1


def _spread(asking: Asking, index: int, copies: int) -> tuple[int, ...]:
    count = len(asking.nodes)
    return tuple((index + place) % count + 1 for place in range(copies))


def _assigned(asking: Asking, topic: CreatableTopic, *, validate_only: bool) -> Placement | Refusal:
    old = in_zookeeper(asking)
    if topic.num_partitions != _LEFT_TO_BROKER or topic.replication_factor != _LEFT_TO_BROKER:
        both = (
            "Both numPartitions or replicationFactor and replicasAssignments were set. "
            "Both cannot be used at the same time."
        )
        which = "numPartitions" if topic.num_partitions != _LEFT_TO_BROKER else "replication factor"
        alone = f"A manual partition assignment was specified, but {which} was not set to -1."
        return Refusal(ErrorCode.INVALID_REQUEST, both if old else alone)
    if len(topic.assignments) > MOST_PARTITIONS - asking.state.partition_count:
        return Refusal(ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request.")
    chosen = {assignment.partition_index: assignment.broker_ids for assignment in topic.assignments}
    twice = next((index for index, times in Counter(map(_index, topic.assignments)).items() if times > 1), None)
    if twice is not None and not old:
        message = f"Found multiple manual partition assignments for partition {twice}"
        return Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
    if set(chosen) != set(range(len(chosen))):
        message = "partitions should be a consecutive 0-based integer sequence"
        return Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
    wanted = tuple(chosen[index] for index in range(len(chosen)))
    # ZooKeeper mode does not look whether the brokers are there where it only checks.
    there = None if old and validate_only else _there(asking)
    return _fault(wanted, copies=len(wanted[0]), there=there) or wanted


def _index(assignment: CreatableReplicaAssignment) -> int:
    return assignment.partition_index


def _there(asking: Asking) -> frozenset[int]:
    return frozenset(node.number for node in asking.nodes)


def _fault(wanted: Sequence[tuple[int, ...]], *, copies: int, there: frozenset[int] | None) -> Refusal | None:
    """Why partitions cannot be where a request wants them, on the brokers that are `there` or on any."""
    fault = next(filter(None, (_list_fault(brokers, there) for brokers in wanted)), None)
    if fault is None and any(len(brokers) != copies for brokers in wanted):
        fault = "The manual partition assignment includes partitions with different numbers of replicas."
    return None if fault is None else Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, fault)


def _list_fault(brokers: tuple[int, ...], there: frozenset[int] | None) -> str | None:
    if not brokers:
        return "The manual partition assignment includes an empty replica list."
    seen: set[int] = set()
    for broker in brokers:
        if broker in seen:
            return f"The manual partition assignment includes the broker {broker} more than once."
        if there is not None and broker not in there:
            return f"The manual partition assignment includes broker {broker}, but no such broker is registered."
        seen.add(broker)
    return None


def enlargement(asking: Asking, topic: Topic, wanted: CreatePartitionsTopic) -> Placement | Refusal:
    """Where the further partitions of a topic go."""
    there = len(topic.partitions)
    more = wanted.count - there
    if more <= 0:
        return Refusal(ErrorCode.INVALID_PARTITIONS, _no_increase(asking, topic, wanted.count))
    if more > MOST_PARTITIONS - asking.state.partition_count:
        message = "Excessively large number of additional partitions per request."
        return Refusal(ErrorCode.POLICY_VIOLATION, message)
    copies = len(topic.partitions[0].replicas)
    if wanted.assignments is None:
        return tuple(_spread(asking, index, copies) for index in range(there, wanted.count))
    given = len(wanted.assignments)
    if given != more:
        old = f"Increasing the number of partitions by {more} but {given} assignments provided."
        new = f"Attempted to add {more} additional partition(s), but only {given} assignment(s) were specified."
        return Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, old if in_zookeeper(asking) else new)
    chosen = tuple(assignment.broker_ids for assignment in wanted.assignments)
    return _fault(chosen, copies=copies, there=_there(asking)) or chosen


def _no_increase(asking: Asking, topic: Topic, count: int) -> str:
    there = len(topic.partitions)
    old = in_zookeeper(asking)
    if count == there:
        return f"Topic already has {there} partitions." if old else f"Topic already has {there} partition(s)."
    if old:
        return f"Topic currently has {there} partitions, which is higher than the requested {count}."
    return f"The topic {topic.name} currently has {there} partition(s); {count} would not be an increase."


def _no_partitions(asking: Asking) -> str:
    if in_zookeeper(asking):
        return "Number of partitions must be larger than 0."
    return "Number of partitions was set to an invalid non-positive value."


def _no_replicas(asking: Asking) -> str:
    if in_zookeeper(asking):
        return "Replication factor must be larger than 0."
    return "Replication factor must be larger than 0, or -1 to use the default value."


def _too_many_replicas(asking: Asking, copies: int) -> str:
    there = len(asking.nodes)
    if in_zookeeper(asking):
        return f"Replication factor: {copies} larger than available brokers: {there}."
    return (
        f"Unable to replicate the partition {copies} time(s): The target replication factor of {copies} cannot be "
        f"reached because only {there} broker(s) are registered."
    )
