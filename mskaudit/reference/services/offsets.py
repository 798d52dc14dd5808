"""Offsets that groups commit and fetch: OffsetCommit and OffsetFetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.members import Committed
from mskaudit.reference.services.coordinators import CoordinatorType, coordinates
from mskaudit.reference.services.membership import found_group, now
from mskaudit.reference.services.partitions import TopicKey, find_partition, find_topic
from mskaudit.wire.apis.offsets import (
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
    OffsetFetchRequest,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.group import Group
    from mskaudit.reference.state import Topic
    from mskaudit.wire.apis.offsets import OffsetCommitRequestPartition, OffsetCommitRequestTopic

MOST_OFFSETS: Final = 10_000
"""Offsets that all groups of a cluster keep."""

_MOST_METADATA: Final = 4096
_IDS_SINCE: Final = 10
_ERROR_SINCE: Final = 2
_GROUPS_SINCE: Final = 8


async def _commit(asking: Asking, request: OffsetCommitRequest) -> OffsetCommitResponse:
    group = _group_to_commit(asking, request)
    topics = tuple(_commit_topic(asking, group, topic) for topic in request.topics)
    return OffsetCommitResponse(topics=topics)


def _group_to_commit(asking: Asking, request: OffsetCommitRequest) -> Group | ErrorCode:
    """The group, if offsets are taken from whoever asks; the first commit of a consumer on its own founds one."""
    group_id, generation = request.group_id, request.generation_id_or_member_epoch
    if not asking.may(Operation.READ, ResourceType.GROUP, group_id):
        return ErrorCode.GROUP_AUTHORIZATION_FAILED
    if not coordinates(asking, CoordinatorType.GROUP, group_id):
        return ErrorCode.NOT_COORDINATOR
    if group_id not in asking.state.groups and generation >= 0:
        return ErrorCode.ILLEGAL_GENERATION
    group = found_group(asking, group_id)
    if group is None:
        return ErrorCode.INVALID_COMMIT_OFFSET_SIZE
    error = group.may_commit(request.member_id, request.group_instance_id, generation=generation, now=now())
    return error or group


def _commit_topic(
    asking: Asking, group: Group | ErrorCode, asked: OffsetCommitRequestTopic
) -> OffsetCommitResponseTopic:
    topic: Topic | ErrorCode
    if group is ErrorCode.GROUP_AUTHORIZATION_FAILED:
        topic = group
    else:
        key = TopicKey(asked.name, asked.topic_id)
        topic = find_topic(asking, key, operation=Operation.READ, by_id=asking.version >= _IDS_SINCE)
    return OffsetCommitResponseTopic(
        name=asked.name,
        topic_id=asked.topic_id,
        partitions=tuple(
            OffsetCommitResponsePartition(
                partition_index=one.partition_index, error_code=_keep(asking, group, topic, one)
            )
            for one in asked.partitions
        ),
    )


def _keep(
    asking: Asking, group: Group | ErrorCode, topic: Topic | ErrorCode, asked: OffsetCommitRequestPartition
) -> ErrorCode:
    partition = find_partition(topic, asked.partition_index)
    if isinstance(partition, ErrorCode):
        return partition
    if isinstance(group, ErrorCode):
        return group
    assert not isinstance(topic, ErrorCode)  # it has that partition
    metadata = asked.committed_metadata or ""
    if len(metadata) > _MOST_METADATA:
        return ErrorCode.OFFSET_METADATA_TOO_LARGE
    key = (topic.name, asked.partition_index)
    if key not in group.offsets and sum(len(one.offsets) for one in asking.state.groups.values()) >= MOST_OFFSETS:
        return ErrorCode.INVALID_COMMIT_OFFSET_SIZE
    group.offsets[key] = Committed(
        offset=asked.committed_offset, leader_epoch=asked.committed_leader_epoch, metadata=metadata
    )
    return ErrorCode.NONE


class _Kept(NamedTuple):
    """What is answered for one partition."""

    place: int
    committed: Committed
    error: ErrorCode = ErrorCode.NONE


_NOTHING: Final = Committed(offset=-1, leader_epoch=-1, metadata="")


class _Asked(NamedTuple):
    """One topic whose offsets are asked for."""

    key: TopicKey
    indexes: tuple[int, ...]


async def _fetch(asking: Asking, request: OffsetFetchRequest) -> OffsetFetchResponse:
    if asking.version >= _GROUPS_SINCE:
        return OffsetFetchResponse(groups=tuple(_several(asking, request)))
    error = _refusal(asking, request.group_id)
    if error and asking.version >= _ERROR_SINCE:
        return OffsetFetchResponse(error_code=error)
    asked = None if request.topics is None else tuple(_asked(topic) for topic in request.topics)
    return OffsetFetchResponse(
        topics=tuple(
            OffsetFetchResponseTopic(
                name=key.name,
                partitions=tuple(
                    OffsetFetchResponsePartition(
                        partition_index=one.place,
                        committed_offset=one.committed.offset,
                        committed_leader_epoch=one.committed.leader_epoch,
                        metadata=one.committed.metadata,
                        error_code=one.error,
                    )
                    for one in kept
                ),
            )
            for key, kept in _look_up(asking, request.group_id, asked, error)
        )
    )


def _several(asking: Asking, request: OffsetFetchRequest) -> Iterator[OffsetFetchResponseGroup]:
    for group in request.groups:
        if error := _refusal(asking, group.group_id):
            yield OffsetFetchResponseGroup(group_id=group.group_id, error_code=error)
            continue
        asked = None if group.topics is None else tuple(_asked(topic) for topic in group.topics)
        yield OffsetFetchResponseGroup(
            group_id=group.group_id,
            topics=tuple(
                OffsetFetchResponseTopics(
                    name=key.name,
                    topic_id=key.topic_id,
                    partitions=tuple(
                        OffsetFetchResponsePartitions(
                            partition_index=one.place,
                            committed_offset=one.committed.offset,
                            committed_leader_epoch=one.committed.leader_epoch,
                            metadata=one.committed.metadata,
                            error_code=one.error,
                        )
                        for one in kept
                    ),
                )
                for key, kept in _look_up(asking, group.group_id, asked, None)
            ),
        )


def _refusal(asking: Asking, group_id: str) -> ErrorCode | None:
    if not asking.may(Operation.DESCRIBE, ResourceType.GROUP, group_id):
        return ErrorCode.GROUP_AUTHORIZATION_FAILED
    return None if coordinates(asking, CoordinatorType.GROUP, group_id) else ErrorCode.NOT_COORDINATOR


def _asked(topic: OffsetFetchRequestTopic | OffsetFetchRequestTopics) -> _Asked:
    key = TopicKey(topic.name) if isinstance(topic, OffsetFetchRequestTopic) else TopicKey(topic.name, topic.topic_id)
    return _Asked(key, topic.partition_indexes)


def _look_up(
    asking: Asking, group_id: str, asked: tuple[_Asked, ...] | None, error: ErrorCode | None
) -> Iterator[tuple[TopicKey, list[_Kept]]]:
    """The offsets asked for, or all that whoever asks may see; those that are not told come last."""
    groups = asking.state.groups
    offsets = groups[group_id].offsets if group_id in groups else {}
    refused = []
    for key, indexes in _all(asking, offsets) if asked is None else asked:
        topic = error or _visible(asking, key)
        if isinstance(topic, ErrorCode):
            refused.append((key, [_Kept(index, _NOTHING, topic) for index in indexes]))
            continue
        places = [(index, (topic, index)) for index in indexes]
        yield key, [_Kept(index, offsets[place] if place in offsets else _NOTHING) for index, place in places]
    yield from refused


def _all(asking: Asking, offsets: Mapping[tuple[str, int], Committed]) -> Iterator[_Asked]:
    for name in dict.fromkeys(topic for topic, _ in offsets):
        if asking.may(Operation.DESCRIBE, ResourceType.TOPIC, name):
            topic_id = asking.state.topics[name].topic_id
            yield _Asked(TopicKey(name, topic_id), tuple(index for topic, index in offsets if topic == name))


def _visible(asking: Asking, key: TopicKey) -> str | ErrorCode:
    """The name of a topic, whether there is one or not, or why its offsets are not told."""
    if asking.version >= _IDS_SINCE:
        found = find_topic(asking, key, operation=Operation.DESCRIBE, by_id=True)
        return found if isinstance(found, ErrorCode) else found.name
    may = asking.may(Operation.DESCRIBE, ResourceType.TOPIC, key.name)
    return key.name if may else ErrorCode.TOPIC_AUTHORIZATION_FAILED


HANDLERS: Final[Mapping[int, Handler]] = {ApiKey.OFFSET_COMMIT: _commit, ApiKey.OFFSET_FETCH: _fetch}
