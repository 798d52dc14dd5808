"""Transcripts of what those who may do everything get wrong, and of groups once there is a coordinator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from mskaudit.wire.apis import configs, groups, logs, offsets, positions, topics, transactions
from mskaudit.wire.apis.groups import FindCoordinatorResponse
from tests.real.requests import (
    THERE,
    UNKNOWN,
    Asked,
    alter_incrementally,
    begin_producing,
    create_topic,
    describe_configs,
    describe_groups,
    fetch,
    find_coordinator,
    list_offsets,
)
from tests.real.scenes import WORKSHOP
from tests.real.stage import Who
from tests.real.talk import until
from tests.real.transcripts import Visitor, ask, transcript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.real.stage import Stage
    from tests.real.transcripts import Told

_ADMIN: Final = Visitor("scram", Who.ADMIN)
_ANYBODY: Final = Visitor("plaintext", Who.ANONYMOUS)
_TOPIC: Final = 2
_BROKER: Final = 4
_GROUP: Final = "readers"
_NOWHERE: Final = UUID(int=7)
_NOT_YET: Final = {14, 15, 16}
"""Errors of coordinators that are still to begin: loading, not available, not the one."""


def _partitions(name: str, count: int) -> Asked:
    topic = topics.CreatePartitionsTopic(name=name, count=count, assignments=None)
    return Asked(topics.CreatePartitionsRequest(topics=(topic,), timeout_ms=5000, validate_only=True), 1)


def _topics(*wanted: topics.CreatableTopic) -> Asked:
    return Asked(topics.CreateTopicsRequest(topics=wanted, timeout_ms=5000, validate_only=True), 5)


def _topic(name: str, config: tuple[str, str | None] | None = None, *brokers: int) -> topics.CreatableTopic:
    assigned = (topics.CreatableReplicaAssignment(partition_index=0, broker_ids=brokers),) if brokers else ()
    count = -1 if brokers else 1
    set_ = () if config is None else (topics.CreatableTopicConfig(name=config[0], value=config[1]),)
    return topics.CreatableTopic(
        name=name, num_partitions=count, replication_factor=count, assignments=assigned, configs=set_
    )


def _delete_topics(*names: str) -> Asked:
    return Asked(topics.DeleteTopicsRequest(topic_names=names, timeout_ms=5000), 4)


def _delete_by_id(number: UUID) -> Asked:
    state = topics.DeleteTopicState(name=None, topic_id=number)
    return Asked(topics.DeleteTopicsRequest(topics=(state,), timeout_ms=5000), 6)


def _delete_records(name: str, partition: int, offset: int) -> Asked:
    part = positions.DeleteRecordsPartition(partition_index=partition, offset=offset)
    topic = positions.DeleteRecordsTopic(name=name, partitions=(part,))
    return Asked(positions.DeleteRecordsRequest(topics=(topic,), timeout_ms=1000), 1)


def _incremental(kind: int, name: str, *changes: tuple[str, int, str | None]) -> Asked:
    altered = tuple(
        configs.IncrementalAlterableConfig(name=key, config_operation=how, value=to) for key, how, to in changes
    )
    resource = configs.IncrementalAlterConfigsResource(resource_type=kind, resource_name=name, configs=altered)
    return Asked(configs.IncrementalAlterConfigsRequest(resources=(resource,), validate_only=True), 0)


def _whole(kind: int, name: str, key: str, value: str | None) -> Asked:
    altered = configs.AlterableConfig(name=key, value=value)
    resource = configs.AlterConfigsResource(resource_type=kind, resource_name=name, configs=(altered,))
    return Asked(configs.AlterConfigsRequest(resources=(resource,), validate_only=True), 1)


def _fetch(partition: int = 0, offset: int = 0, *, number: UUID | None = None) -> Asked:
    part = logs.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=1000)
    if number is None:
        topic = logs.FetchTopic(topic=THERE, partitions=(part,))
        return Asked(logs.FetchRequest(max_wait_ms=1, min_bytes=0, max_bytes=1000, topics=(topic,)), 11)
    topic = logs.FetchTopic(topic_id=number, partitions=(part,))
    return Asked(logs.FetchRequest(max_wait_ms=1, min_bytes=0, max_bytes=1000, topics=(topic,)), 13)


_MISTAKES: Final[Mapping[str, Asked]] = {
    "a topic twice": _topics(_topic("new"), _topic("new")),
    "a topic with a setting that there is not": _topics(_topic("new", ("no.such.setting", "x"))),
    "a topic with a wrong value": _topics(_topic("new", ("retention.ms", "soon"))),
    "a topic with no value": _topics(_topic("new", ("retention.ms", None))),
    "a topic on a broker that there is not": _topics(_topic("new", None, 9)),
    "a topic twice on a broker": _topics(_topic("new", None, 1, 1)),
    "a topic that could be": _topics(_topic("new", ("retention.ms", "1000"))),
    "a topic with a very long name": create_topic("x" * 250),
    "a topic with dots for a name": create_topic(".."),
    "a topic whose name is like another's": create_topic("f.o"),
    "fewer partitions": _partitions("orders", 2),
    "as many partitions": _partitions("orders", 3),
    "more partitions": _partitions("orders", 4),
    "partitions of an unknown topic": _partitions(UNKNOWN, 4),
    "deleting an unknown topic": _delete_topics(UNKNOWN),
    "deleting an unknown number": _delete_by_id(_NOWHERE),
    "deleting a number that is none": _delete_by_id(UUID(int=0)),
    "deleting records of an unknown topic": _delete_records(UNKNOWN, 0, 0),
    "deleting records of an unknown partition": _delete_records(THERE, 7, 0),
    "deleting records that are not there yet": _delete_records(THERE, 0, 1000),
    "deleting no records": _delete_records(THERE, 0, 0),
    "setting a topic wrongly": alter_incrementally(_TOPIC, THERE, "retention.ms", "soon"),
    "setting a topic's setting that there is not": alter_incrementally(_TOPIC, THERE, "no.such.setting", "x"),
    "setting an unknown topic": alter_incrementally(_TOPIC, UNKNOWN, "retention.ms", "1000"),
    "setting twice": _incremental(_TOPIC, THERE, ("retention.ms", 0, "1"), ("retention.ms", 0, "2")),
    "appending to what is no list": _incremental(_TOPIC, THERE, ("retention.ms", 2, "1")),
    "appending to a list": _incremental(_TOPIC, THERE, ("cleanup.policy", 2, "compact")),
    "doing what is not known": _incremental(_TOPIC, THERE, ("retention.ms", 9, "1")),
    "taking a setting back": _incremental(_TOPIC, THERE, ("retention.ms", 1, None)),
    "setting nothing": _incremental(_TOPIC, THERE, ("retention.ms", 0, None)),
    "setting another broker": alter_incrementally(_BROKER, "7", "num.io.threads", "3"),
    "setting a broker of no number": alter_incrementally(_BROKER, "x", "num.io.threads", "3"),
    "setting a broker wrongly": alter_incrementally(_BROKER, "1", "num.io.threads", "many"),
    "setting the unknown": alter_incrementally(64, "x", "a", "b"),
    "setting all of a topic": _whole(_TOPIC, THERE, "retention.ms", "1000"),
    "setting all of a topic wrongly": _whole(_TOPIC, THERE, "retention.ms", "soon"),
    "setting all of a topic to nothing": _whole(_TOPIC, THERE, "retention.ms", None),
    "setting all of an unknown topic": _whole(_TOPIC, UNKNOWN, "retention.ms", "1000"),
    "setting all of a broker": _whole(_BROKER, "1", "num.io.threads", "3"),
    "settings of a group": describe_configs(32, "g"),
    "settings of client metrics": describe_configs(16, "m"),
    "reading an unknown topic": fetch(UNKNOWN),
    "reading an unknown partition": _fetch(7),
    "reading beyond the end": _fetch(0, 1000),
    "reading an unknown number": _fetch(number=_NOWHERE),
    "the end of an unknown partition": list_offsets(THERE, 7),
}
"""What an administrator gets wrong, and for comparison a little of what is right; nothing of it changes anything."""


@transcript(WORKSHOP)
def mistakes_of_an_administrator(stage: Stage) -> Told:
    return {name: ask(stage, _ADMIN, *one) for name, one in _MISTAKES.items()}


@transcript("deny")
def settings_of_what_is_not_ones_own(stage: Stage) -> Told:
    kinds = {
        "a group": describe_configs(32, "g"),
        "client metrics": describe_configs(16, "m"),
        "loggers": describe_configs(8, "1"),
    }
    return {name: ask(stage, _ANYBODY, *one) for name, one in kinds.items()}


def _join(group: str = _GROUP, *, session: int = 6000, member: str = "", version: int = 5) -> Asked:
    protocol = groups.JoinGroupRequestProtocol(name="range", metadata=b"")
    request = groups.JoinGroupRequest(
        group_id=group,
        session_timeout_ms=session,
        rebalance_timeout_ms=6000,
        member_id=member,
        protocol_type="consumer",
        protocols=(protocol,),
    )
    return Asked(request, version)


def _commit(topic: str, partition: int = 0, generation: int = -1, member: str = "") -> Asked:
    part = offsets.OffsetCommitRequestPartition(partition_index=partition, committed_offset=0, committed_metadata=None)
    wanted = offsets.OffsetCommitRequestTopic(name=topic, partitions=(part,))
    request = offsets.OffsetCommitRequest(
        group_id=_GROUP, generation_id_or_member_epoch=generation, member_id=member, topics=(wanted,)
    )
    return Asked(request, 7)


def _describe_transactions(name: str) -> Asked:
    return Asked(transactions.DescribeTransactionsRequest(transactional_ids=(name,)), 0)


_OF_GROUPS: Final[Mapping[str, Asked]] = {
    "a group that there is not": describe_groups("nobody"),
    "a heartbeat of a stranger": Asked(groups.HeartbeatRequest(group_id=_GROUP, generation_id=1, member_id="x"), 3),
    "the share of a stranger": Asked(
        groups.SyncGroupRequest(group_id=_GROUP, generation_id=1, member_id="x", assignments=()), 3
    ),
    "a stranger leaves": Asked(groups.LeaveGroupRequest(group_id=_GROUP, member_id="x"), 2),
    "a stranger joins": _join(member="x"),
    "a newcomer joins": _join(),
    "joining for too short": _join(session=1),
    "joining for too long": _join(session=2**31 - 1),
    "joining nothing": _join(""),
    "offsets of a stranger": _commit(THERE, 0, 1, "x"),
    "offsets of an unknown topic": _commit(UNKNOWN),
    "offsets of an unknown partition": _commit(THERE, 7),
    "offsets of nobody's": _commit(THERE),
    "deleting a group that there is not": Asked(groups.DeleteGroupsRequest(groups_names=("nobody",)), 2),
    "a group of offsets alone": describe_groups(_GROUP),
    "deleting a group of offsets alone": Asked(groups.DeleteGroupsRequest(groups_names=(_GROUP,)), 2),
    "a coordinator of something else": find_coordinator(9, "x"),
}
"""In this order, since offsets make a group."""


@transcript(WORKSHOP)
def groups_with_a_coordinator(stage: Stage) -> Told:
    with stage.talk("scram", Who.ADMIN) as conversation:

        def found() -> bool:
            told = conversation.ask(*find_coordinator(0, _GROUP), FindCoordinatorResponse)
            return all(one.error_code == 0 for one in told.coordinators)

        # The first question makes the topic of offsets, and takes its time.
        until(found, "a coordinator")
        until(lambda: "16" not in str(ask(stage, _ADMIN, *describe_groups(_GROUP))), "a coordinator's work")
    return {name: ask(stage, _ADMIN, *one) for name, one in _OF_GROUPS.items()}


_OF_TRANSACTIONS: Final[Mapping[str, Asked]] = {
    "a transaction that there is not": _describe_transactions("nobody"),
    "a transaction of no name": _describe_transactions(""),
    "a producer that may take too long": begin_producing("writers", timeout=2**31 - 1),
    "a producer of no name": begin_producing(""),
    "a producer": begin_producing("writers"),
    "a producer's transaction": _describe_transactions("writers"),
}
"""In this order, since a producer makes a transactional id known."""


@transcript(WORKSHOP)
def transactions_with_a_coordinator(stage: Stage) -> Told:
    with stage.talk("scram", Who.ADMIN) as conversation:

        def found() -> bool:
            told = conversation.ask(*find_coordinator(1, "writers"), FindCoordinatorResponse)
            return all(one.error_code == 0 for one in told.coordinators)

        until(found, "a coordinator")
    # Ids of producers are there a little later than coordinators.
    for asked in (_describe_transactions("nobody"), _describe_transactions("writers"), begin_producing(None)):
        until(lambda: not _NOT_YET & _codes(ask(stage, _ADMIN, *asked)), "a coordinator's work")  # noqa: B023  at once
    return {name: ask(stage, _ADMIN, *one) for name, one in _OF_TRANSACTIONS.items()}


def _codes(told: Told) -> set[int]:
    """The error codes of an answer, or of what it is about."""
    several = told["transaction_states"] if "transaction_states" in told else [told]
    return {one["error_code"] for one in several}
