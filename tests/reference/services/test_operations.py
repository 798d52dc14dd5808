"""Log directories, quotas, the quorum, features, producers and transactions, as Apache Kafka was heard to answer."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from mskaudit.reference.broker_settings import LOG_DIRECTORY
from mskaudit.reference.state import MOST_QUOTAS, ProducerIdentity, ProducerState, StoredBatch
from mskaudit.wire.apis.cluster import (
    AlterClientQuotasRequest,
    AlterClientQuotasRequestEntryData,
    AlterClientQuotasResponse,
    ComponentData,
    DescribableLogDirTopic,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeQuorumRequest,
    DescribeQuorumRequestPartitionData,
    DescribeQuorumRequestTopicData,
    DescribeQuorumResponse,
    EntityData,
    FeatureUpdateKey,
    OpData,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from mskaudit.wire.apis.positions import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    DescribeProducersTopicRequest,
)
from mskaudit.wire.apis.transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    ListTransactionsRequest,
    ListTransactionsResponse,
)
from tests.reference.services.administration import LINES, NEW, OLD, acl, world
from tests.reference.services.desk import ALICE, BOB, MALLORY, ROOT, Desk


async def log_dirs(
    desk: Desk,
    topics: tuple[DescribableLogDirTopic, ...] | None = None,
    *,
    version: int = 4,
    who: str = ALICE,
    at: int = 1,
) -> DescribeLogDirsResponse:
    return await desk.ask(DescribeLogDirsResponse, DescribeLogDirsRequest(topics=topics), version, who=who, at=at)


@pytest.mark.parametrize("version", range(1, 5))
async def test_log_directories_tell_where_and_how_much(version: int) -> None:
    desk = Desk(world())
    batch = StoredBatch(base_offset=0, last_offset=0, timestamp=0, content=b"x" * 100)
    desk.state.topics["orders"].partitions[1].batches.append(batch)
    (told,) = (await log_dirs(desk, version=version)).results
    assert told.log_dir == LOG_DIRECTORY
    assert (told.total_bytes > 0) == (version >= 4)
    sizes = {(one.name, part.partition_index): part.partition_size for one in told.topics for part in one.partitions}
    assert sizes == {("orders", 0): 0, ("orders", 1): 100, ("orders", 2): 0, ("secrets", 0): 0}


async def test_log_directories_hold_what_is_asked_for_and_there() -> None:
    desk = Desk(world())
    desk.state.topics["orders"].partitions[1].replicas = (2, 3)
    wanted = (
        DescribableLogDirTopic(topic="orders", partitions=(0, 1, 9)),
        DescribableLogDirTopic(topic="nope", partitions=(0,)),
    )
    (told,) = (await log_dirs(desk, wanted)).results
    assert [(one.name, [part.partition_index for part in one.partitions]) for one in told.topics] == [("orders", [0])]
    (nothing,) = (await log_dirs(desk, ())).results
    assert nothing.topics == ()


@pytest.mark.parametrize(("version", "code"), [(1, 0), (2, 0), (3, 31), (4, 31)])
async def test_log_directories_are_not_for_everybody(version: int, code: int) -> None:
    told = await log_dirs(Desk(world()), version=version, who=MALLORY)
    assert (told.error_code, told.results) == (code, ())


Entity = tuple[tuple[str, str | None], ...]
QUOTAS: dict[Entity, dict[str, float]] = {
    (("user", "u"),): {"producer_byte_rate": 1000.0},
    (("user", None),): {"consumer_byte_rate": 2000.0},
    (("client-id", "c"), ("user", "u")): {"request_percentage": 50.0},
    (("ip", "10.0.0.1"),): {"connection_creation_rate": 10.0},
}


@pytest.mark.parametrize(
    ("components", "strict", "found"),
    [
        pytest.param([], False, [0, 1, 2, 3], id="all"),
        pytest.param([], True, [], id="all-strictly"),
        pytest.param([("user", 2, None)], False, [0, 1, 2], id="any-user"),
        pytest.param([("user", 2, None)], True, [0, 1], id="any-user-strictly"),
        pytest.param([("user", 0, "u")], False, [0, 2], id="one-user"),
        pytest.param([("user", 1, None)], False, [1], id="default-user"),
        pytest.param([("user", 0, "u"), ("client-id", 0, "c")], False, [2], id="both"),
        pytest.param([("ip", 2, None)], False, [3], id="address"),
    ],
)
async def test_quotas_are_found(components: list[tuple[str, int, str | None]], strict: bool, found: list[int]) -> None:  # noqa: FBT001  a column
    desk = Desk(world())
    desk.state.quotas.update(QUOTAS)
    wanted = tuple(ComponentData(entity_type=kind, match_type=how, match=name) for kind, how, name in components)
    request = DescribeClientQuotasRequest(components=wanted, strict=strict)
    answer = await desk.ask(DescribeClientQuotasResponse, request, 1, who=ROOT)
    entities = [tuple((part.entity_type, part.entity_name) for part in one.entity) for one in answer.entries or ()]
    assert entities == [list(QUOTAS)[at] for at in found]
    refused = await desk.ask(DescribeClientQuotasResponse, request, 1, who=ALICE)
    assert (refused.error_code, refused.entries) == (31, None)


@pytest.mark.parametrize(
    ("components", "old", "new"),
    [
        pytest.param([("planet", 0, "x")], 35, 35, id="kind"),
        pytest.param([("", 0, "x")], 42, 42, id="no-kind"),
        pytest.param([("user", 0, "a"), ("user", 0, "b")], 42, 42, id="twice"),
        pytest.param([("ip", 2, None), ("user", 2, None)], 42, 42, id="address-and-user"),
        pytest.param([("user", 9, "x")], -1, 42, id="unknown-match"),
        pytest.param([("user", 0, None)], -1, 42, id="exactly-nothing"),
        pytest.param([("user", 1, "x")], 0, 42, id="default-with-name"),
    ],
)
async def test_what_is_wrong_with_a_filter(components: list[tuple[str, int, str | None]], old: int, new: int) -> None:
    wanted = tuple(ComponentData(entity_type=kind, match_type=how, match=name) for kind, how, name in components)
    for release, code in ((OLD, old), (NEW, new)):
        request = DescribeClientQuotasRequest(components=wanted, strict=False)
        answer = await Desk(world(release)).ask(DescribeClientQuotasResponse, request, 1, who=ROOT)
        assert answer.error_code == code


async def set_quota(
    desk: Desk, entity: Entity, *ops: tuple[str, float], remove: bool = False, who: str = ROOT, only: bool = False
) -> int:
    entry = AlterClientQuotasRequestEntryData(
        entity=tuple(EntityData(entity_type=kind, entity_name=name) for kind, name in entity),
        ops=tuple(OpData(key=key, value=value, remove=remove) for key, value in ops),
    )
    request = AlterClientQuotasRequest(entries=(entry,), validate_only=only)
    (told,) = (await desk.ask(AlterClientQuotasResponse, request, 1, who=who)).entries
    return told.error_code


@pytest.mark.parametrize(
    ("entity", "op", "old", "new"),
    [
        pytest.param((("user", "u"),), ("producer_byte_rate", 1.0), 0, 0, id="user"),
        pytest.param((("user", None),), ("producer_byte_rate", 1.0), 0, 0, id="default-user"),
        pytest.param((("client-id", "c"),), ("controller_mutation_rate", 1.5), 0, 0, id="client"),
        pytest.param((("ip", "10.0.0.1"),), ("connection_creation_rate", 1.0), 0, 0, id="address"),
        pytest.param((("ip", "no address!"),), ("connection_creation_rate", 1.0), 42, 42, id="no-address"),
        pytest.param((("ip", "::1"), ("user", "u")), ("connection_creation_rate", 1.0), 42, 42, id="address-and-user"),
        pytest.param((("ip", "::1"),), ("producer_byte_rate", 1.0), 42, 42, id="key-of-another-kind"),
        pytest.param((("planet", "x"),), ("producer_byte_rate", 1.0), 42, 42, id="kind"),
        pytest.param((("user", "u"),), ("nope", 1.0), 42, 42, id="key"),
        pytest.param((("user", "u"),), ("producer_byte_rate", 0.0), 0, 42, id="zero"),
        pytest.param((("user", "u"),), ("producer_byte_rate", -1.0), 42, 42, id="negative"),
        pytest.param((("user", "u"),), ("producer_byte_rate", 1.5), 42, 42, id="fraction"),
        pytest.param((("user", "u"),), ("producer_byte_rate", float("inf")), 42, 42, id="infinite"),
        pytest.param((("user", "u"),), ("producer_byte_rate", float("nan")), 42, 42, id="no-number"),
        pytest.param((), ("producer_byte_rate", 1.0), 42, 42, id="nobody"),
        pytest.param((("user", ""),), ("producer_byte_rate", 1.0), 42, 42, id="no-name"),
    ],
)
async def test_quotas_are_set(entity: Entity, op: tuple[str, float], old: int, new: int) -> None:
    for release, code in ((OLD, old), (NEW, new)):
        desk = Desk(world(release))
        assert await set_quota(desk, entity, op, only=True) == code
        assert desk.state.quotas == {}
        assert await set_quota(desk, entity, op) == code
        assert desk.state.quotas == ({} if code else {entity: dict([op])})
        assert await set_quota(desk, entity, op, who=ALICE) == 31


async def test_quotas_are_removed() -> None:
    desk = Desk(world())
    await set_quota(desk, (("user", "u"),), ("producer_byte_rate", 1.0), ("consumer_byte_rate", 2.0))
    await set_quota(desk, (("user", "u"),), ("producer_byte_rate", 0.0), remove=True)
    assert desk.state.quotas == {(("user", "u"),): {"consumer_byte_rate": 2.0}}
    await set_quota(desk, (("user", "u"),), ("consumer_byte_rate", 0.0), remove=True)
    assert desk.state.quotas == {}


async def test_there_is_an_end_to_quotas() -> None:
    desk = Desk(world())
    codes = [await set_quota(desk, (("user", f"u{at}"),), ("request_percentage", 1.0)) for at in range(MOST_QUOTAS + 1)]
    assert (set(codes[:-1]), codes[-1]) == ({0}, 44)


def quorum_of(name: str, *indexes: int) -> DescribeQuorumRequest:
    partitions = tuple(DescribeQuorumRequestPartitionData(partition_index=at) for at in indexes)
    return DescribeQuorumRequest(topics=(DescribeQuorumRequestTopicData(topic_name=name, partitions=partitions),))


@pytest.mark.parametrize("version", range(3))
async def test_the_quorum_is_all_nodes(version: int) -> None:
    desk = Desk(world())
    answer = await desk.ask(DescribeQuorumResponse, quorum_of("__cluster_metadata", 0), version, who=ALICE)
    (partition,) = answer.topics[0].partitions
    assert (partition.leader_id, [one.replica_id for one in partition.current_voters]) == (1, [1, 2, 3])
    assert [one.node_id for one in answer.nodes] == ([1, 2, 3] if version >= 2 else [])
    other = await desk.ask(DescribeQuorumResponse, quorum_of("orders", 0), version, who=ALICE)
    assert [one.error_code for one in other.topics[0].partitions] == [3]
    refused = await desk.ask(DescribeQuorumResponse, quorum_of("__cluster_metadata", 0), version, who=MALLORY)
    assert (refused.error_code, refused.topics) == (31, ())


async def update(desk: Desk, *updates: FeatureUpdateKey, version: int = 1, who: str = ROOT, only: bool = True) -> Any:
    request = UpdateFeaturesRequest(feature_updates=updates, validate_only=only)
    return await desk.ask(UpdateFeaturesResponse, request, version, who=who)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(FeatureUpdateKey(feature="nope", max_version_level=1), 95, id="unknown"),
        pytest.param(FeatureUpdateKey(feature="metadata.version", max_version_level=99), 95, id="too-high"),
        pytest.param(FeatureUpdateKey(feature="metadata.version", max_version_level=8), 95, id="down-as-up"),
        pytest.param(FeatureUpdateKey(feature="metadata.version", max_version_level=25, upgrade_type=9), 95, id="type"),
        pytest.param(FeatureUpdateKey(feature="group.version", max_version_level=0, upgrade_type=2), 0, id="down"),
    ],
)
async def test_feature_levels_are_looked_at(change: FeatureUpdateKey, code: int) -> None:
    desk = Desk(world())
    assert (await update(desk, change)).error_code == code
    assert (await update(desk, change, version=2)).error_code == code
    assert (await update(desk, change, only=False)).error_code == 95
    assert (await update(desk, change, who=ALICE)).error_code == 31


async def test_in_zookeeper_mode_no_feature_has_a_level() -> None:
    told = await update(Desk(world(OLD)), FeatureUpdateKey(feature="metadata.version", max_version_level=1))
    assert (told.error_code, [one.error_code for one in told.results]) == (0, [42])


@pytest.mark.parametrize("release", LINES)
async def test_producers_are_told_of_to_those_who_may_read(release: str) -> None:
    made = world(release)
    reading = acl(BOB, "READ", kind="TOPIC", name="orders")
    desk = Desk(replace(made, acls={**made.acls, "bob-reads": reading}))
    desk.state.topics["orders"].partitions[0].producers[7] = ProducerState(epoch=2, last_sequence=5)
    asked = tuple(
        DescribeProducersTopicRequest(name=name, partition_indexes=(0, 1, 9)) for name in ("orders", "secrets", "a b")
    )
    answer = await desk.ask(DescribeProducersResponse, DescribeProducersRequest(topics=asked), 0, who=BOB)
    # Partition 1 is led by broker 2.
    assert [[one.error_code for one in topic.partitions] for topic in answer.topics] == [[0, 6, 3], [29] * 3, [17] * 3]
    (producer,) = answer.topics[0].partitions[0].active_producers
    assert (producer.producer_id, producer.producer_epoch, producer.last_sequence) == (7, 2, 5)


async def test_transactions_are_told_of_by_their_coordinators() -> None:
    made = world()
    seen = acl(BOB, "DESCRIBE", kind="TRANSACTIONAL_ID", name="pay")
    desk = Desk(replace(made, acls={**made.acls, "bob-transacts": seen}))
    request = DescribeTransactionsRequest(transactional_ids=("pay", "other"))

    async def codes(who: str, at: int = 1) -> list[int]:
        answer = await desk.ask(DescribeTransactionsResponse, request, 0, who=who, at=at)
        return [one.error_code for one in answer.transaction_states]

    assert await codes(BOB) == [16, 53]
    desk.state.add_topic("__transaction_state", 1)
    assert await codes(BOB) == [105, 53]
    desk.state.transactional_ids["pay"] = ProducerIdentity(producer_id=4, epoch=1)
    assert await codes(BOB) == [0, 53]
    assert await codes(BOB, at=2) == [16, 53]
    assert await codes(MALLORY) == [53, 53]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({}, ["pay", "refund"], id="all"),
        pytest.param({"state_filters": ("Ongoing",)}, [], id="state"),
        pytest.param({"state_filters": ("Empty", "Nope")}, ["pay", "refund"], id="unknown-state"),
        pytest.param({"producer_id_filters": (5,)}, ["refund"], id="producer"),
        pytest.param({"transactional_id_pattern": "pa.*"}, ["pay"], id="pattern"),
        pytest.param({"transactional_id_pattern": ""}, ["pay", "refund"], id="empty-pattern"),
    ],
)
async def test_transactions_are_listed(changes: dict[str, Any], found: list[str]) -> None:
    desk = Desk(world())
    desk.state.add_topic("__transaction_state", 1)
    desk.state.transactional_ids["refund"] = ProducerIdentity(producer_id=5, epoch=0)
    desk.state.transactional_ids["pay"] = ProducerIdentity(producer_id=4, epoch=0)
    request = ListTransactionsRequest(**({"state_filters": (), "producer_id_filters": ()} | changes))
    answer = await desk.ask(ListTransactionsResponse, request, 2, who=ROOT)
    assert [one.transactional_id for one in answer.transaction_states] == found
    assert answer.unknown_state_filters == (("Nope",) if "Nope" in request.state_filters else ())
    hidden = await desk.ask(ListTransactionsResponse, request, 2, who=MALLORY)
    assert hidden.transaction_states == ()


async def test_a_pattern_that_is_none_is_refused() -> None:
    request = ListTransactionsRequest(state_filters=(), producer_id_filters=(), transactional_id_pattern="a(")
    assert (await Desk(world()).ask(ListTransactionsResponse, request, 2)).error_code == 128
