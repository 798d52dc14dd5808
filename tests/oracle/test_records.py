"""Independent clients write, read in groups, come back to where they were, and are refused as the ACLs say.

librdkafka, kafka-python and aiokafka do the same things, each with its own code for records, offsets and groups.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError as AiokafkaError
from confluent_kafka import Consumer, KafkaException, Producer

from mskaudit.reference.broker import Serving, serve
from mskaudit.reference.cluster import AclEntry, AuthorizerRules, Cluster, Listener
from mskaudit.reference.cluster import Protocol as SecurityProtocol
from mskaudit.reference.releases import Mode
from mskaudit.wire.codes import ErrorCode

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.errors import KafkaError as PythonError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

PATIENCE: Final = 20
LOOKS: Final = 20
"""How often somebody reads who waits for a refusal, each time for a tenth of a second."""
PARTITIONS: Final = 4
RELEASES = {"2.8": Mode.ZOOKEEPER, "3.9": Mode.ZOOKEEPER, "4.4": Mode.KRAFT}
ANYBODY = "User:ANONYMOUS"
WORDS = [f"word {number}" for number in range(20)]
MORE = [f"more {number}" for number in range(20)]

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
logging.getLogger("kafka").setLevel(logging.CRITICAL)


def right(resource: str, name: str, *operations: str) -> AclEntry:
    """What anybody may do."""
    return AclEntry(principal=ANYBODY, operations=operations, resource=resource, name=name)


def cluster(release: str) -> Cluster:
    return Cluster(
        count=3,
        cluster_id="oracle-000002",
        release=release,
        mode=RELEASES[release],
        topics={"orders": PARTITIONS, "archive": 1, "secrets": 1},
        listeners={"plaintext": Listener(protocol=SecurityProtocol.PLAINTEXT)},
        authorizer=AuthorizerRules(),
        acls={
            "orders": right("TOPIC", "orders", "READ", "WRITE"),
            "archive": right("TOPIC", "archive", "READ"),
            "team": right("GROUP", "team", "READ"),
        },
        settings={"group.initial.rebalance.delay.ms": "0"},
    )


@pytest.fixture(params=RELEASES)
async def serving(request: pytest.FixtureRequest) -> AsyncIterator[Serving]:
    async with serve(cluster(request.param)) as running:
        yield running


class Reader(Protocol):
    """A member of a group; every method comes back within moments."""

    def read(self) -> list[str]:
        """Return what is there."""

    def commit(self) -> None:
        """Keep where it is."""

    def partitions(self) -> int:
        """How many partitions it has."""

    def close(self) -> None:
        """Leave."""


class Client(Protocol):
    """What a library offers; `write` and `read` raise `Refusal`."""

    def write(self, address: str, topic: str, words: list[str]) -> None:
        """Write words over all partitions, idempotently."""

    def reader(self, address: str, topic: str, group: str) -> Reader:
        """Join a group."""


class Refusal(Exception):  # noqa: N818  it is what the test wants to hear
    """A broker's error code."""


class Rdkafka:
    """librdkafka."""

    def write(self, address: str, topic: str, words: list[str]) -> None:
        settings = {"bootstrap.servers": address, "enable.idempotence": True, "logger": logging.getLogger("librdkafka")}
        failed: list[Any] = []
        producer = Producer(settings)
        for number, word in enumerate(words):
            partition = number % PARTITIONS if topic == "orders" else -1
            producer.produce(topic, word, partition=partition, on_delivery=lambda error, _: failed.append(error))
        assert producer.flush(PATIENCE) == 0
        assert len(failed) == len(words)
        for error in filter(None, failed):
            raise Refusal(error.code())

    def reader(self, address: str, topic: str, group: str) -> Reader:
        return _RdkafkaReader(address, topic, group)


class _RdkafkaReader:
    def __init__(self, address: str, topic: str, group: str) -> None:
        settings = {
            "bootstrap.servers": address,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "heartbeat.interval.ms": 100,
            "session.timeout.ms": 6000,
            "logger": logging.getLogger("librdkafka"),
        }
        self._consumer = Consumer(settings)
        self._consumer.subscribe([topic])

    def read(self) -> list[str]:
        found = self._consumer.consume(100, 0.1)
        for error in filter(None, (message.error() for message in found)):
            raise Refusal(error.code())
        return [(message.value() or b"").decode() for message in found]

    def commit(self) -> None:
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as refusal:
            raise Refusal(refusal.args[0].code()) from None

    def partitions(self) -> int:
        return len(self._consumer.assignment())

    def close(self) -> None:
        self._consumer.close()


class Python:
    """kafka-python."""

    def write(self, address: str, topic: str, words: list[str]) -> None:
        producer = KafkaProducer(bootstrap_servers=[address], enable_idempotence=True, max_block_ms=1000 * PATIENCE)
        try:
            sent = [
                producer.send(topic, word.encode(), partition=number % PARTITIONS if topic == "orders" else None)
                for number, word in enumerate(words)
            ]
            for future in sent:
                future.get(PATIENCE)
        except PythonError as refusal:
            raise Refusal(refusal.errno) from None
        finally:
            producer.close()

    def reader(self, address: str, topic: str, group: str) -> Reader:
        return _PythonReader(address, topic, group)


class _PythonReader:
    def __init__(self, address: str, topic: str, group: str) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=[address],
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=100,
            session_timeout_ms=6000,
        )
        # A group that it forms before it knows the topic's partitions shares out none, and never looks again.
        self._consumer.partitions_for_topic(topic)
        self._consumer.subscribe([topic])

    def read(self) -> list[str]:
        try:
            found = self._consumer.poll(100)
        except PythonError as refusal:
            raise Refusal(refusal.errno) from None
        return [record.value.decode() for records in found.values() for record in records]

    def commit(self) -> None:
        self._consumer.commit()

    def partitions(self) -> int:
        return len(self._consumer.assignment())

    def close(self) -> None:
        self._consumer.close()


class Aio:
    """aiokafka."""

    def write(self, address: str, topic: str, words: list[str]) -> None:
        async def write() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True)
            await producer.start()
            try:
                for number, word in enumerate(words):
                    partition = number % PARTITIONS if topic == "orders" else None
                    await producer.send_and_wait(topic, word.encode(), partition=partition)
            finally:
                await producer.stop()

        try:
            asyncio.run(asyncio.wait_for(write(), PATIENCE))
        except AiokafkaError as refusal:
            raise Refusal(refusal.errno) from None

    def reader(self, address: str, topic: str, group: str) -> Reader:
        return _AioReader(address, topic, group)


class _AioReader:
    """A member in a thread of its own, so that it goes on beating its heart while others are looked at."""

    def __init__(self, address: str, topic: str, group: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self._consumer = self._wait(self._join(address, topic, group))
        except Refusal:
            self._end()
            raise

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _join(self, address: str, topic: str, group: str) -> Any:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=address,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=100,
            session_timeout_ms=6000,
        )
        try:
            await consumer.start()
        except AiokafkaError as refusal:
            await consumer.stop()
            raise Refusal(refusal.errno) from None
        return consumer

    def read(self) -> list[str]:
        try:
            found = self._wait(self._consumer.getmany(timeout_ms=100))
        except AiokafkaError as refusal:
            raise Refusal(refusal.errno) from None
        return [record.value.decode() for records in found.values() for record in records]

    def commit(self) -> None:
        self._wait(self._consumer.commit())

    def partitions(self) -> int:
        return len(self._consumer.assignment())

    def close(self) -> None:
        self._wait(self._consumer.stop())
        self._end()


CLIENTS: dict[str, Client] = {"librdkafka": Rdkafka(), "kafka-python": Python(), "aiokafka": Aio()}


def read_until(reader: Reader, done: Callable[[list[str]], bool]) -> list[str]:
    """What a reader reads until it is enough, or for a while."""
    found: list[str] = []
    for _ in range(10 * PATIENCE):
        found += reader.read()
        if done(found):
            return found
    raise AssertionError(f"there came only {found}")


def come_back(client: Client, address: str) -> tuple[list[str], list[str]]:
    """What a first member of a group reads and keeps, and what the next one reads after more was written."""
    client.write(address, "orders", WORDS)
    first = client.reader(address, "orders", "team")
    before = read_until(first, lambda found: len(found) >= len(WORDS))
    first.commit()
    first.close()
    client.write(address, "orders", MORE)
    second = client.reader(address, "orders", "team")
    after = read_until(second, lambda found: len(found) >= len(MORE))
    second.close()
    return sorted(before), sorted(after)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_a_group_goes_on_where_it_was(serving: Serving, client: Client) -> None:
    address = serving.by_listener["plaintext"][1]
    assert await asyncio.to_thread(come_back, client, address) == (sorted(WORDS), sorted(MORE))
    topic = serving.state.topics["orders"]
    assert [partition.end_offset for partition in topic.partitions] == [10] * PARTITIONS
    assert all(partition.producers for partition in topic.partitions), "the producers counted what they sent"


def balance(client: Client, address: str) -> tuple[set[str], set[str], int]:
    """What two members of a group read between them, and how much is left to one when the other goes."""
    one, other = (client.reader(address, "orders", "team") for _ in range(2))
    for _ in range(10 * PATIENCE):
        one.read()
        other.read()
        if one.partitions() == other.partitions() == PARTITIONS // 2:
            break
    client.write(address, "orders", WORDS)
    mine = read_until(one, lambda found: len(found) >= len(WORDS) // 2)
    theirs = read_until(other, lambda found: len(found) >= len(WORDS) // 2)
    other.close()
    read_until(one, lambda _: one.partitions() == PARTITIONS)
    left = one.partitions()
    one.close()
    return set(mine), set(theirs), left


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_members_share_partitions_and_take_over(serving: Serving, client: Client) -> None:
    address = serving.by_listener["plaintext"][0]
    mine, theirs, left = await asyncio.to_thread(balance, client, address)
    assert mine | theirs == set(WORDS)
    assert not mine & theirs
    assert left == PARTITIONS
    group = serving.state.groups["team"]
    assert (group.state, group.members) == ("Empty", {})


def refused(client: Client, address: str, topic: str, group: str | None) -> int:
    """The error that writing, or reading in a group, ends with; 0 if it does not."""
    reader = None
    try:
        if group is None:
            client.write(address, topic, ["word"])
        else:
            reader = client.reader(address, topic, group)
            for _ in range(LOOKS):
                assert reader.read() == []
    except Refusal as refusal:
        return int(refusal.args[0])
    finally:
        if reader is not None:
            reader.close()
    return 0


REFUSED = {
    "write where one may only read": ("archive", None, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "write where one may nothing": ("secrets", None, ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "read where one may nothing": ("secrets", "team", ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    "another's group": ("orders", "theirs", ErrorCode.GROUP_AUTHORIZATION_FAILED),
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_refused_as_the_acls_say(
    serving: Serving, client: Client, case: tuple[str, str | None, ErrorCode]
) -> None:
    topic, group, error = case
    address = serving.by_listener["plaintext"][0]
    if client is CLIENTS["kafka-python"] and (topic, group) == ("secrets", "team"):
        error = ErrorCode.NONE  # it keeps to itself that a topic of its subscription is not for it, and waits
    assert await asyncio.to_thread(refused, client, address, topic, group) == error
    assert serving.state.record_bytes == 0
