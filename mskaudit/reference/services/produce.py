"""Records taken in, and ids for producers that count what they send (KIP-98, KIP-360).

There are no transactions: a transactional id gets a producer id and an epoch that fences the one before, so that a
producer can begin, but its records are refused with INVALID_TXN_STATE, as Kafka refuses those of a transaction that it
was not told to begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.asking import NoReply
from mskaudit.reference.batches import accept
from mskaudit.reference.log import append
from mskaudit.reference.services.coordinators import CoordinatorType, coordinates
from mskaudit.reference.services.partitions import (
    TopicKey,
    find_partition,
    find_topic,
    leader_of,
    led_here,
    told_endpoints,
)
from mskaudit.reference.state import MOST_TRANSACTIONAL_IDS, ProducerIdentity
from mskaudit.wire.apis.logs import (
    InitProducerIdRequest,
    InitProducerIdResponse,
    LeaderIdAndEpoch,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey
from mskaudit.wire.records import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.state import Topic
    from mskaudit.wire.apis.logs import TopicProduceData

    _Batches = dict[int, Batch | ErrorCode]

ADMIN_CLIENT_ID: Final = "__admin_client"
"""The client id under which Kafka lets records into its internal topics; any client may call itself that."""

_IDS_SINCE: Final = 13
_LEADERS_SINCE: Final = 10
_FENCED_SINCE: Final = 4
_OLDEST_OF_4: Final = 3
_MAJOR_4: Final = 4
_MOST_MESSAGE_BYTES: Final = 1_048_588
_MOST_TRANSACTION_MS: Final = 900_000
_LAST_EPOCH: Final = 2**15 - 2
_ACKS: Final = (-1, 0, 1)
_NONE: Final = -1
_LIMIT: Final = "message.max.bytes"
_NO_LEADER: Final = LeaderIdAndEpoch()


async def _produce(asking: Asking, request: ProduceRequest) -> ProduceResponse | NoReply:
    if asking.version < _OLDEST_OF_4 and asking.profile.major >= _MAJOR_4:
        return NoReply.CLOSE  # Kafka 4 advertises those versions for the sake of old clients, and serves none of them
    if any(_chokes(asking, topic) for topic in request.topic_data):
        return NoReply.SILENCE
    sent = [(topic, _batches(topic, asking.version)) for topic in request.topic_data]
    refusal = _refusal(asking, request, [batch for _, batches in sent for batch in batches.values()])
    responses = tuple(_topic(asking, topic, batches, refusal) for topic, batches in sent)
    results = [result for response in responses for result in response.partition_responses]
    if request.acks == 0:
        return NoReply.CLOSE if any(result.error_code for result in results) else NoReply.NOTHING
    leaders = [result.current_leader for result in results]
    return ProduceResponse(responses=responses, node_endpoints=told_endpoints(asking, leaders))


def _chokes(asking: Asking, sent: TopicProduceData) -> bool:
    """Whether Kafka is sent null where it looks for records: it stumbles, and the request is never answered."""
    missing = [data.index for data in sent.partition_data if data.records is None]
    topic = _found(asking, sent) if missing else ErrorCode.NONE
    return any(not isinstance(find_partition(topic, index), ErrorCode) for index in missing)


def _found(asking: Asking, sent: TopicProduceData) -> Topic | ErrorCode:
    key = TopicKey(sent.name, sent.topic_id)
    return find_topic(asking, key, operation=Operation.WRITE, by_id=asking.version >= _IDS_SINCE)


def _batches(topic: TopicProduceData, version: int) -> _Batches:
    return {data.index: accept(data.records or b"", version=version) for data in topic.partition_data}


class _Refusal(NamedTuple):
    """What all partitions are answered with, only those that could be written to, or those with a transaction's."""

    all_of_it: ErrorCode | None = None
    the_rest: ErrorCode | None = None
    transactional_id: str | None = None


def _refusal(asking: Asking, request: ProduceRequest, sent: list[Batch | ErrorCode]) -> _Refusal:
    if any(isinstance(batch, Batch) and batch.transactional for batch in sent):
        name = request.transactional_id
        if name is None or not asking.may(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, name):
            return _Refusal(all_of_it=ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    the_rest = None if request.acks in _ACKS else ErrorCode.INVALID_REQUIRED_ACKS
    return _Refusal(the_rest=the_rest, transactional_id=request.transactional_id)


def _topic(asking: Asking, sent: TopicProduceData, batches: _Batches, refusal: _Refusal) -> TopicProduceResponse:
    topic = refusal.all_of_it or _found(asking, sent)
    return TopicProduceResponse(
        name=sent.name,
        topic_id=sent.topic_id,
        partition_responses=tuple(_partition(asking, topic, index, batch, refusal) for index, batch in batches.items()),
    )


def _partition(
    asking: Asking, topic: Topic | ErrorCode, index: int, batch: Batch | ErrorCode, refusal: _Refusal
) -> PartitionProduceResponse:
    partition = find_partition(topic, index)
    if isinstance(topic, ErrorCode) or isinstance(partition, ErrorCode):
        return _refused(index, topic if isinstance(topic, ErrorCode) else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    if isinstance(batch, ErrorCode):
        return _refused(index, batch)
    if refusal.the_rest is not None:
        return _refused(index, refusal.the_rest)
    if topic.is_internal and asking.client_id != ADMIN_CLIENT_ID:
        return _refused(index, ErrorCode.INVALID_TOPIC_EXCEPTION)
    led = led_here(asking, partition)
    if isinstance(led, ErrorCode):
        told = leader_of(topic, index) if asking.version >= _LEADERS_SINCE else _NO_LEADER
        return _refused(index, led, leader=told)
    if len(batch.content) > _most_bytes(asking, topic):
        return _refused(index, ErrorCode.MESSAGE_TOO_LARGE)
    if batch.transactional:
        return _refused(index, _untold(asking, batch, refusal.transactional_id))
    appended = append(asking.state, partition, batch)
    return PartitionProduceResponse(
        index=index,
        error_code=appended.error,
        base_offset=appended.offset,
        log_append_time_ms=appended.time,
        log_start_offset=partition.start_offset,
    )


def _untold(asking: Asking, batch: Batch, name: str | None) -> ErrorCode:
    """Why records of a transaction are refused: it is another producer's, or its coordinator was not told of it."""
    known = asking.state.transactional_ids
    if name not in known or known[name].producer_id != batch.producer.identity:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    current = known[name].epoch == batch.producer.epoch
    return ErrorCode.INVALID_TXN_STATE if current else ErrorCode.INVALID_PRODUCER_EPOCH


def _refused(index: int, error: ErrorCode, *, leader: LeaderIdAndEpoch = _NO_LEADER) -> PartitionProduceResponse:
    return PartitionProduceResponse(index=index, error_code=error, base_offset=-1, current_leader=leader)


def _most_bytes(asking: Asking, topic: Topic) -> int:
    """Bytes of the largest batch that a topic takes."""
    dynamic = asking.state.broker_settings
    places: list[tuple[Mapping[str, str], str]] = [(topic.settings, "max.message.bytes")]
    places += [(dynamic[name], _LIMIT) for name in (str(asking.node.number), "") if name in dynamic]
    places += [(asking.state.cluster.settings, _LIMIT)]
    return next((int(settings[key]) for settings, key in places if _is_number(settings, key)), _MOST_MESSAGE_BYTES)


def _is_number(settings: Mapping[str, str], key: str) -> bool:
    return key in settings and settings[key].isdecimal()


async def _init_producer_id(asking: Asking, request: InitProducerIdRequest) -> InitProducerIdResponse:
    granted = _grant(asking, request)
    if isinstance(granted, ErrorCode):
        return InitProducerIdResponse(error_code=granted, producer_epoch=-1)
    return InitProducerIdResponse(producer_id=granted.producer_id, producer_epoch=granted.epoch)


def _grant(asking: Asking, request: InitProducerIdRequest) -> ProducerIdentity | ErrorCode:
    name = request.transactional_id
    if name is None:
        if not asking.may_on_cluster(Operation.IDEMPOTENT_WRITE) and not asking.may_on_any(
            Operation.WRITE, ResourceType.TOPIC
        ):
            return ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        if _contradicts(request):
            return ErrorCode.INVALID_REQUEST
        return ProducerIdentity(asking.state.new_producer_id(), 0)
    if not asking.may(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, name):
        return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    if not name or _contradicts(request):
        return ErrorCode.INVALID_REQUEST
    if not 0 < request.transaction_timeout_ms <= _MOST_TRANSACTION_MS:
        return ErrorCode.INVALID_TRANSACTION_TIMEOUT
    if not coordinates(asking, CoordinatorType.TRANSACTION, name):
        return ErrorCode.NOT_COORDINATOR
    return _begin(asking, name, request)


def _contradicts(request: InitProducerIdRequest) -> bool:
    """Whether a producer tells an id without an epoch, or an epoch without an id."""
    return (request.producer_id == _NONE) != (request.producer_epoch == _NONE)


def _begin(asking: Asking, name: str, request: InitProducerIdRequest) -> ProducerIdentity | ErrorCode:
    """Give a transactional id to a producer, which fences whoever had it."""
    known = asking.state.transactional_ids
    if name not in known:
        if len(known) >= MOST_TRANSACTIONAL_IDS:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        known[name] = ProducerIdentity(asking.state.new_producer_id(), 0)
        return known[name]
    held = known[name]
    if request.producer_id != _NONE and held != (request.producer_id, request.producer_epoch):
        fenced = asking.version >= _FENCED_SINCE
        return ErrorCode.PRODUCER_FENCED if fenced else ErrorCode.INVALID_PRODUCER_EPOCH
    spent = held.epoch >= _LAST_EPOCH
    known[name] = ProducerIdentity(asking.state.new_producer_id(), 0) if spent else held._replace(epoch=held.epoch + 1)
    return known[name]


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.PRODUCE: _produce,
    ApiKey.INIT_PRODUCER_ID: _init_producer_id,
}
