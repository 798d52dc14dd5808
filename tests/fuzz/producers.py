"""Producers that know what they do: records are written, found, read and removed, with something wrong on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mskaudit.reference.state import topic_id
from mskaudit.wire import records
from mskaudit.wire.apis.logs import (
    FetchPartition,
    FetchRequest,
    FetchTopic,
    InitProducerIdRequest,
    InitProducerIdResponse,
    PartitionProduceData,
    ProduceRequest,
    TopicProduceData,
)
from mskaudit.wire.apis.positions import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from mskaudit.wire.messages import ApiKey
from tests.fuzz import values
from tests.fuzz.mutation import mutate
from tests.fuzz.speech import ask

if TYPE_CHECKING:
    from tests.fuzz.mutation import Chance
    from tests.fuzz.speech import Say, Speech

_ODDS = 0.15
_TOPIC = "orders"
_ID = topic_id(_TOPIC)
_NOW_MS = 1_795_000_000_000


async def produce(chance: Chance, say: Say, speech: Speech) -> None:
    """One producer and reader of one partition, which half of the brokers lead."""
    if ApiKey.PRODUCE not in speech.apis:
        return
    partition = chance.randrange(3)
    producer = await _identity(chance, say)
    sequence = 0
    for _ in range(chance.randint(1, 4)):
        count = chance.randint(1, 3)
        content = _batch(chance, producer, sequence, count)
        sequence += count if chance.random() < 0.9 else 0
        version = chance.choice(speech.apis[ApiKey.PRODUCE][-6:])
        data = PartitionProduceData(index=partition, records=content)
        topic = TopicProduceData(name=_TOPIC, topic_id=_ID, partition_data=(data,))
        request = ProduceRequest(acks=chance.choice((1, -1)), timeout_ms=1000, topic_data=(topic,))
        if await ask(chance, say, request, version=version, odds=_ODDS) is None:
            return
    await _read(chance, say, speech, partition)


async def _identity(chance: Chance, say: Say) -> records.Producer | None:
    """Who a producer is, where it wants to be somebody."""
    if chance.random() < 0.5:
        return None
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000)
    answer = await ask(chance, say, request, version=0, odds=_ODDS)
    if not isinstance(answer, InitProducerIdResponse):
        return None
    return records.Producer(identity=answer.producer_id, epoch=answer.producer_epoch, base_sequence=0)


def _batch(chance: Chance, producer: records.Producer | None, sequence: int, count: int) -> bytes:
    content = [
        records.Record(value=values.octets(chance), timestamp=_NOW_MS + chance.randrange(100)) for _ in range(count)
    ]
    known = producer or records.NO_PRODUCER
    if producer is not None:
        known = records.Producer(identity=producer.identity, epoch=producer.epoch, base_sequence=sequence)
    built = records.build(content, producer=known)
    return mutate(chance, built) if chance.random() < _ODDS else built


async def _read(chance: Chance, say: Say, speech: Speech, partition: int) -> None:
    at = chance.choice((-2, -1, _NOW_MS, _NOW_MS + 50))
    topic = ListOffsetsTopic(name=_TOPIC, partitions=(ListOffsetsPartition(partition_index=partition, timestamp=at),))
    listing = ListOffsetsRequest(replica_id=-1, topics=(topic,))
    if await ask(chance, say, listing, version=chance.choice((1, 2)), odds=_ODDS) is None:
        return
    version = chance.choice(speech.apis[ApiKey.FETCH][-8:])
    wanted = FetchPartition(partition=partition, fetch_offset=chance.randint(0, 4), partition_max_bytes=1 << 20)
    fetching = FetchRequest(
        max_wait_ms=chance.choice((0, 500, 2**31 - 1)),
        min_bytes=chance.choice((0, 1, 10_000)),
        topics=(FetchTopic(topic=_TOPIC, topic_id=_ID, partitions=(wanted,)),),
    )
    if await ask(chance, say, fetching, version=version, odds=_ODDS) is None or chance.random() < 0.5:
        return
    removed = DeleteRecordsPartition(partition_index=partition, offset=chance.randint(-2, 5))
    removal = DeleteRecordsRequest(topics=(DeleteRecordsTopic(name=_TOPIC, partitions=(removed,)),), timeout_ms=1000)
    await ask(chance, say, removal, version=chance.choice(speech.apis[ApiKey.DELETE_RECORDS]), odds=_ODDS)
