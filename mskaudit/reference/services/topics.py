"""Topics made, removed and enlarged, in the words of Kafka 3.9 with ZooKeeper and of 4.4 with KRaft."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.services.refusals import (
    TOPIC_REFUSED,
    UNKNOWN_ID,
    UNKNOWN_TOPIC,
    controls,
    in_zookeeper,
    request_refused,
)
from mskaudit.reference.services.topic_creation import create
from mskaudit.reference.services.topic_placing import Refusal, enlargement
from mskaudit.reference.state import MOST_TOPICS
from mskaudit.wire.apis.topics import (
    CreatableTopicResult,
    CreatePartitionsResponse,
    CreatePartitionsTopicResult,
    CreateTopicsResponse,
    DeletableTopicResult,
    DeleteTopicsResponse,
    DeleteTopicState,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from uuid import UUID

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.wire.apis.topics import (
        CreatableTopic,
        CreatePartitionsRequest,
        CreatePartitionsTopic,
        CreateTopicsRequest,
        DeleteTopicsRequest,
        ListPartitionReassignmentsRequest,
        ListPartitionReassignmentsTopics,
    )

_IDS_SINCE: Final = 6
_MESSAGES_SINCE: Final = 3
_METADATA_LOG: Final = "__cluster_metadata"


async def _create_topics(asking: Asking, request: CreateTopicsRequest) -> CreateTopicsResponse:
    return CreateTopicsResponse(topics=tuple(_created(asking, request)))


def _created(asking: Asking, request: CreateTopicsRequest) -> Iterator[CreatableTopicResult]:
    if not controls(asking):
        yield from (CreatableTopicResult(name=one.name, error_code=ErrorCode.NOT_CONTROLLER) for one in request.topics)
        return
    asked = Counter(topic.name for topic in request.topics)
    for number, topic in enumerate(_each(asking, request.topics)):
        if number >= MOST_TOPICS:
            yield CreatableTopicResult(name=topic.name, error_code=ErrorCode.POLICY_VIOLATION)
            continue
        if topic.name == _METADATA_LOG:
            message = f"Creation of internal topic {_METADATA_LOG} is prohibited."
            yield CreatableTopicResult(name=topic.name, error_code=ErrorCode.INVALID_REQUEST, error_message=message)
            continue
        yield _create(asking, topic, validate_only=request.validate_only, again=asked[topic.name] > 1)


def _each(asking: Asking, topics: Iterable[CreatableTopic]) -> Iterable[CreatableTopic]:
    """The topics to answer for: KRaft answers once for a name that comes twice."""
    return topics if in_zookeeper(asking) else {topic.name: topic for topic in topics}.values()


def _create(asking: Asking, topic: CreatableTopic, *, validate_only: bool, again: bool) -> CreatableTopicResult:
    seen = asking.may(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, topic.name)
    outcome: CreatableTopicResult | Refusal
    if again:
        message = "Found multiple entries for this topic." if in_zookeeper(asking) else "Duplicate topic name."
        outcome = Refusal(ErrorCode.INVALID_REQUEST, message)
    elif not _may_create(asking, topic.name):
        outcome = Refusal(ErrorCode.TOPIC_AUTHORIZATION_FAILED, "Authorization failed.")
    else:
        outcome = create(asking, topic, validate_only=validate_only)
    refused = isinstance(outcome, Refusal)
    if isinstance(outcome, Refusal):
        outcome = CreatableTopicResult(name=topic.name, error_code=outcome.error, error_message=outcome.message)
    if seen or (refused and not in_zookeeper(asking)):
        return outcome
    return replace(
        outcome,
        topic_config_error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        num_partitions=-1,
        replication_factor=-1,
        configs=(),
    )


def _may_create(asking: Asking, name: str) -> bool:
    return asking.may_on_cluster(Operation.CREATE) or asking.may(Operation.CREATE, ResourceType.TOPIC, name)


async def _delete_topics(asking: Asking, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    if asking.version < _IDS_SINCE:
        states = tuple(DeleteTopicState(name=name, topic_id=NO_UUID) for name in request.topic_names)
    else:
        states = request.topics
    if not controls(asking):
        return DeleteTopicsResponse(
            responses=tuple(
                DeletableTopicResult(
                    name=_named(asking, one.name), topic_id=one.topic_id, error_code=ErrorCode.NOT_CONTROLLER
                )
                for one in states
            )
        )
    return DeleteTopicsResponse(responses=tuple(_deletions(asking, states)))


def _named(asking: Asking, name: str | None) -> str | None:
    """A name that the version can carry."""
    return name or "" if asking.version < _IDS_SINCE else name


def _deletions(asking: Asking, states: tuple[DeleteTopicState, ...]) -> Iterator[DeletableTopicResult]:
    by_id = {topic.topic_id: topic.name for topic in asking.state.topics.values()}
    asked = Counter(states)
    done = {
        state: _again(asking, state) if times > 1 and not in_zookeeper(asking) else _deleted(asking, state, by_id)
        for state, times in asked.items()
    }
    # In ZooKeeper mode a topic that comes twice is answered for twice.
    yield from (done[state] for state in (states if in_zookeeper(asking) else asked))


def _again(asking: Asking, state: DeleteTopicState) -> DeletableTopicResult:
    words = "Duplicate topic id." if state.name is None else "Duplicate topic name."
    shown = state.name if state.topic_id == NO_UUID else None
    return _deletion(asking, DeletableTopicResult(name=shown, error_code=ErrorCode.INVALID_REQUEST), words)


def _deleted(asking: Asking, state: DeleteTopicState, by_id: Mapping[UUID, str]) -> DeletableTopicResult:
    name, topic_id = state.name, state.topic_id
    if (name is not None) == (topic_id != NO_UUID):
        return _misnamed(asking, state)
    if name is not None:
        return _delete(asking, DeletableTopicResult(name=name), name)
    if topic_id not in by_id:
        unknown = DeletableTopicResult(name=None, topic_id=topic_id, error_code=ErrorCode.UNKNOWN_TOPIC_ID)
        return _deletion(asking, unknown, UNKNOWN_ID)
    return _delete_by_id(asking, DeletableTopicResult(name=by_id[topic_id], topic_id=topic_id), by_id[topic_id])


def _delete_by_id(asking: Asking, result: DeletableTopicResult, name: str) -> DeletableTopicResult:
    """Remove one topic if that may be; its name is not told to those who may not know of it."""
    if not asking.may(Operation.DESCRIBE, ResourceType.TOPIC, name):
        hidden = replace(result, name=None, error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        return _deletion(asking, hidden, TOPIC_REFUSED)
    return _delete(asking, result, name)


def _delete(asking: Asking, result: DeletableTopicResult, name: str) -> DeletableTopicResult:
    """Remove one topic if that may be."""
    topics = asking.state.topics
    if not asking.may(Operation.DELETE, ResourceType.TOPIC, name):
        return _deletion(asking, replace(result, error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED), TOPIC_REFUSED)
    if name not in topics:
        return _deletion(asking, replace(result, error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION), UNKNOWN_TOPIC)
    if _may_not_be_deleted(asking):
        error = ErrorCode.INVALID_REQUEST if asking.version < _MESSAGES_SINCE else ErrorCode.TOPIC_DELETION_DISABLED
        return _deletion(asking, replace(result, error_code=error), "Topic deletion is disabled.")
    topic_id = topics[name].topic_id
    asking.state.remove_topic(name)
    return replace(result, topic_id=topic_id if asking.version >= _IDS_SINCE else NO_UUID)


def _misnamed(asking: Asking, state: DeleteTopicState) -> DeletableTopicResult:
    result = DeletableTopicResult(
        name=_named(asking, state.name), topic_id=state.topic_id, error_code=ErrorCode.INVALID_REQUEST
    )
    if state.name is not None:
        return _deletion(asking, result, "You may not specify both topic name and topic id.")
    if in_zookeeper(asking):
        return replace(result, error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    return _deletion(asking, result, "Neither topic name nor id were specified.")


def _deletion(asking: Asking, result: DeletableTopicResult, message: str) -> DeletableTopicResult:
    """The result with the message that KRaft has for it."""
    return result if in_zookeeper(asking) else replace(result, error_message=message)


def _may_not_be_deleted(asking: Asking) -> bool:
    settings = asking.state.cluster.settings
    return "delete.topic.enable" in settings and settings["delete.topic.enable"].strip().lower() == "false"


async def _create_partitions(asking: Asking, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    if not controls(asking):
        results = (
            CreatePartitionsTopicResult(name=one.name, error_code=ErrorCode.NOT_CONTROLLER) for one in request.topics
        )
        return CreatePartitionsResponse(results=tuple(results))
    asked = Counter(topic.name for topic in request.topics)
    once = {topic.name: topic for topic in request.topics}
    return CreatePartitionsResponse(
        results=tuple(
            _enlarge(asking, topic, validate_only=request.validate_only, again=asked[name] > 1)
            for name, topic in once.items()
        )
    )


def _enlarge(
    asking: Asking, topic: CreatePartitionsTopic, *, validate_only: bool, again: bool
) -> CreatePartitionsTopicResult:
    refusal = _why_not_larger(asking, topic, again=again)
    if refusal is None:
        found = asking.state.topics[topic.name]
        wanted = enlargement(asking, found, topic)
        if isinstance(wanted, Refusal):
            refusal = wanted
        elif not validate_only:
            asking.state.assign_partitions(found, wanted)
    if refusal is None:
        return CreatePartitionsTopicResult(name=topic.name)
    return CreatePartitionsTopicResult(name=topic.name, error_code=refusal.error, error_message=refusal.message)


def _why_not_larger(asking: Asking, topic: CreatePartitionsTopic, *, again: bool) -> Refusal | None:
    old = in_zookeeper(asking)
    if again:
        message = "Duplicate topic in request." if old else "Duplicate topic name."
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    if not asking.may(Operation.ALTER, ResourceType.TOPIC, topic.name):
        return Refusal(ErrorCode.TOPIC_AUTHORIZATION_FAILED, "The topic authorization is failed." if old else None)
    if topic.name not in asking.state.topics:
        message = f"The topic '{topic.name[:300]}' does not exist."
        return Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message if old else None)
    return None


async def _list_reassignments(
    asking: Asking, request: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    # No partition of a reference cluster ever moves.
    if not asking.may_on_cluster(Operation.DESCRIBE):
        return ListPartitionReassignmentsResponse(
            error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
            error_message=request_refused(asking, Operation.DESCRIBE),
            topics=tuple(_unmoved(topic) for topic in request.topics or ()),
        )
    if not controls(asking):
        return ListPartitionReassignmentsResponse(error_code=ErrorCode.NOT_CONTROLLER)
    return ListPartitionReassignmentsResponse()


def _unmoved(topic: ListPartitionReassignmentsTopics) -> OngoingTopicReassignment:
    partitions = tuple(OngoingPartitionReassignment(partition_index=index) for index in topic.partition_indexes)
    return OngoingTopicReassignment(name=topic.name, partitions=partitions)


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.CREATE_TOPICS: _create_topics,
    ApiKey.DELETE_TOPICS: _delete_topics,
    ApiKey.CREATE_PARTITIONS: _create_partitions,
    ApiKey.LIST_PARTITION_REASSIGNMENTS: _list_reassignments,
}
