"""Topics and partitions as requests name them, found as far as whoever asks may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.log import LEADER_EPOCH
from mskaudit.reference.services.metadata import endpoints
from mskaudit.wire.apis.logs import LeaderIdAndEpoch, NodeEndpoint
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from mskaudit.reference.asking import Asking
    from mskaudit.reference.state import Partition, Topic

_ANY_EPOCH: Final = -1


class TopicKey(NamedTuple):
    """A topic by its name, or by its id in the versions that have it."""

    name: str = ""
    topic_id: UUID = NO_UUID


def find_topic(asking: Asking, key: TopicKey, *, operation: Operation, by_id: bool) -> Topic | ErrorCode:
    """The topic, or why whoever asks may not do that with it: one that may not be seen is not told to be missing."""
    if by_id:
        found = known_topic(asking, key, by_id=True)
        if isinstance(found, ErrorCode) or asking.may(operation, ResourceType.TOPIC, found.name):
            return found
        return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    if not asking.may(operation, ResourceType.TOPIC, key.name):
        return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return known_topic(asking, key, by_id=False)


def known_topic(asking: Asking, key: TopicKey, *, by_id: bool) -> Topic | ErrorCode:
    """The topic for whoever may see all of them."""
    if by_id:
        return asking.state.topic_by_id(key.topic_id) or ErrorCode.UNKNOWN_TOPIC_ID
    topics = asking.state.topics
    return topics[key.name] if key.name in topics else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def find_partition(topic: Topic | ErrorCode, index: int) -> Partition | ErrorCode:
    """A partition of a topic that was found."""
    if isinstance(topic, ErrorCode):
        return topic
    if not 0 <= index < len(topic.partitions):
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return topic.partitions[index]


def led_here(asking: Asking, partition: Partition | ErrorCode, *, epoch: int = _ANY_EPOCH) -> Partition | ErrorCode:
    """A partition that was found, if the broker asked leads it in the epoch that the client knows (KIP-320)."""
    found = replicated_here(asking, partition, epoch=epoch)
    if not isinstance(found, ErrorCode) and found.leader != asking.node.number:
        return ErrorCode.NOT_LEADER_OR_FOLLOWER
    return found


def replicated_here(asking: Asking, partition: Partition | ErrorCode, *, epoch: int) -> Partition | ErrorCode:
    """A partition that was found, if the broker asked has a replica of it and knows the client's epoch."""
    if isinstance(partition, ErrorCode):
        return partition
    if asking.node.number not in partition.replicas:
        return ErrorCode.NOT_LEADER_OR_FOLLOWER
    return _epoch_fault(epoch) or partition


def _epoch_fault(epoch: int) -> ErrorCode | None:
    """What is wrong with the leader epoch that a client knows, -1 if it tells none."""
    if epoch in (_ANY_EPOCH, LEADER_EPOCH):
        return None
    return ErrorCode.UNKNOWN_LEADER_EPOCH if epoch > LEADER_EPOCH else ErrorCode.FENCED_LEADER_EPOCH


def leader_of(topic: Topic, index: int) -> LeaderIdAndEpoch:
    """Who leads a partition, to tell a client that asked another broker (KIP-951)."""
    return LeaderIdAndEpoch(leader_id=topic.partitions[index].leader, leader_epoch=LEADER_EPOCH)


def told_endpoints(asking: Asking, leaders: Iterable[LeaderIdAndEpoch]) -> tuple[NodeEndpoint, ...]:
    """The addresses of those leaders that clients were told."""
    told = {leader.leader_id for leader in leaders}
    return tuple(
        NodeEndpoint(node_id=node.number, host=host, port=port, rack=node.rack)
        for node, host, port in endpoints(asking)
        if node.number in told
    )
