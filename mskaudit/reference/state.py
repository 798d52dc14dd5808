"""What the brokers of a reference cluster hold together: topics and their records, ACLs, credentials, settings, groups.

All nodes of a cluster live in one process and share it, so that replication needs no traffic. Everything in it is
bounded, since clients fill it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import NAMESPACE_DNS, UUID, uuid4, uuid5

from mskaudit.policy.acls import AclSet, Authorizer, Flavour, parse_super_users
from mskaudit.reference.realm import scram_credentials
from mskaudit.reference.releases import Mode

if TYPE_CHECKING:
    from mskaudit.reference.cluster import Cluster
    from mskaudit.reference.group import Group

MOST_TOPICS: Final = 2_000
MOST_PARTITIONS: Final = 10_000
MOST_GROUPS: Final = 1_000
MOST_TRANSACTIONAL_IDS: Final = 1_000
MOST_ACLS: Final = 10_000
MOST_USERS: Final = 1_000
MOST_QUOTAS: Final = 1_000
MOST_ALTERED: Final = 4 << 20
"""Characters of everything of one kind that clients set: of settings, of ACLs, of quotas, of users' names."""
MOST_RECORD_BYTES: Final = 32 << 20
"""Bytes of records that a cluster keeps in all, each batch with what it takes beside its content."""

INTERNAL: Final = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
_REPLICAS: Final = 3
_BATCH_OVERHEAD: Final = 256

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class StoredBatch:
    """A record batch as it came in, with the offsets it was given; `timestamp` is its latest, in milliseconds."""

    base_offset: int
    last_offset: int
    timestamp: int
    content: bytes

    @property
    def cost(self) -> int:
        """Bytes that keeping it takes, counted against `MOST_RECORD_BYTES`."""
        return len(self.content) + _BATCH_OVERHEAD


@dataclass(slots=True)
class ProducerState:
    """What a partition remembers of an idempotent producer: its epoch and the batches it may send again."""

    epoch: int
    last_sequence: int = -1
    recent: OrderedDict[tuple[int, int], tuple[int, int]] = field(default_factory=OrderedDict)
    """Base offset and latest time in milliseconds, by first and last sequence number."""


class ProducerIdentity(NamedTuple):
    """Who a transactional id is at present."""

    producer_id: int
    epoch: int


@dataclass(slots=True)
class Partition:
    """One partition and its records; ids of brokers."""

    index: int
    replicas: tuple[int, ...]
    batches: list[StoredBatch] = field(default_factory=list)
    start_offset: int = 0
    end_offset: int = 0
    producers: dict[int, ProducerState] = field(default_factory=dict)
    cost: int = 0
    """Bytes that its batches take."""
    watchers: set[Callable[[], None]] = field(default_factory=set)
    """Who is called when records come in."""

    @property
    def leader(self) -> int:
        """The broker that serves it."""
        return self.replicas[0]


@dataclass(slots=True)
class Topic:
    """A topic; `settings` are what was set for it alone."""

    name: str
    topic_id: UUID
    partitions: list[Partition]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def is_internal(self) -> bool:
        """Whether it is one of Kafka's own."""
        return self.name in INTERNAL


def topic_id(name: str) -> UUID:
    """The id of a topic that a world begins with, the same every time."""
    return uuid5(NAMESPACE_DNS, name)


class State:
    """A cluster at work; `clock` gives aware datetimes."""

    def __init__(self, cluster: Cluster, *, clock: Clock = _now) -> None:
        self.cluster = cluster
        self.clock = clock
        self.topics: dict[str, Topic] = {}
        self._topics_by_id: dict[UUID, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.transactional_ids: dict[str, ProducerIdentity] = {}
        self.broker_settings: dict[str, dict[str, str]] = {"": dict(cluster.dynamic_settings)}
        """Dynamic settings by broker id, and of all brokers under the empty text."""
        self.group_settings: dict[str, dict[str, str]] = {}
        self.client_metrics: dict[str, dict[str, str]] = {}
        """Subscriptions of client metrics by name (KIP-714)."""
        self.log_levels: dict[tuple[int, str], str] = {}
        """What was set, by broker id and logger."""
        self.surroundings: dict[str, str] = {}
        """Settings that follow from what stands beside the brokers, such as `zookeeper.connect`; a world fills it."""
        self.quotas: dict[tuple[tuple[str, str | None], ...], dict[str, float]] = {}
        """Client quotas by entity: pairs of type and name, sorted by type, None for the default."""
        self.record_bytes = 0
        self.credentials = scram_credentials(cluster.known_users)
        """SCRAM credentials by mechanism and user."""
        self._next_producer_id = 1000
        self._acls = AclSet(acl for entry in cluster.acls.values() for acl in entry.acls())
        self._authorizer: Authorizer | None = None
        for name, partitions in cluster.topics.items():
            self.add_topic(name, partitions, chosen_id=topic_id(name))

    @property
    def partition_count(self) -> int:
        """Partitions of all topics."""
        return sum(len(topic.partitions) for topic in self.topics.values())

    def add_topic(
        self, name: str, partitions: int, *, replicas: int | None = None, chosen_id: UUID | None = None
    ) -> Topic:
        """A new topic with its replicas spread over the brokers; the caller has checked that there is room."""
        topic = Topic(name=name, topic_id=chosen_id or uuid4(), partitions=[])
        self.keep_topic(topic)
        self.add_partitions(topic, partitions, replicas=replicas)
        return topic

    def keep_topic(self, topic: Topic) -> None:
        """Hold a topic that somebody made; the caller has checked that there is none of its name, and room."""
        self.topics[topic.name] = self._topics_by_id[topic.topic_id] = topic

    def add_partitions(self, topic: Topic, total: int, *, replicas: int | None = None) -> None:
        """Let a topic have `total` partitions."""
        count = self.cluster.count
        wanted = min(count, _REPLICAS if replicas is None else replicas)
        for index in range(len(topic.partitions), total):
            placed = tuple((index + place) % count + 1 for place in range(wanted))
            topic.partitions.append(Partition(index=index, replicas=placed))

    def assign_partitions(self, topic: Topic, assignments: Iterable[tuple[int, ...]]) -> None:
        """Add a partition to a topic for each tuple of brokers, the leader first."""
        for replicas in assignments:
            topic.partitions.append(Partition(index=len(topic.partitions), replicas=replicas))

    def topic_by_id(self, wanted: UUID) -> Topic | None:
        """The topic of an id."""
        return self._topics_by_id[wanted] if wanted in self._topics_by_id else None

    def remove_topic(self, name: str) -> None:
        """Forget a topic, its records, and the offsets that groups committed for it."""
        topic = self.topics.pop(name)
        del self._topics_by_id[topic.topic_id]
        for partition in topic.partitions:
            self.record_bytes -= partition.cost
        for group in self.groups.values():
            group.forget_topic(name)

    def new_producer_id(self) -> int:
        """An id that no producer of this cluster has."""
        self._next_producer_id += 1
        return self._next_producer_id

    @property
    def acls(self) -> AclSet:
        """The ACLs in force."""
        return self._acls

    @acls.setter
    def acls(self, acls: AclSet) -> None:
        self._acls = acls
        self._authorizer = None

    @property
    def authorizer(self) -> Authorizer | None:
        """What decides on requests, None where the cluster has no authorizer."""
        rules = self.cluster.authorizer
        if rules is None:
            return None
        if self._authorizer is None:
            self._authorizer = Authorizer(
                acls=self._acls,
                super_users=parse_super_users(";".join(rules.super_users)),
                allow_everyone=rules.allow_everyone,
                flavour=Flavour.ZOOKEEPER if self.cluster.mode is Mode.ZOOKEEPER else Flavour.STANDARD,
                hosts=self.cluster.host_form,
            )
        return self._authorizer
