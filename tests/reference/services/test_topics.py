"""Topics made, removed, enlarged and described, as Apache Kafka 3.9.2 and 4.4.0 were heard to answer."""

from __future__ import annotations

from uuid import UUID

import pytest

from mskaudit.reference.state import MOST_PARTITIONS, topic_id
from mskaudit.wire.apis.topics import (
    CreatableTopic,
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    Cursor,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsTopicRequest,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from mskaudit.wire.messages import NO_UUID
from tests.reference.services.administration import LINES, NEW, OLD, create, topic, world
from tests.reference.services.desk import ALICE, BOB, MALLORY, ROOT, Desk

SOMETHING = UUID(int=77)


@pytest.mark.parametrize(
    ("wanted", "code", "message"),
    [
        pytest.param(topic("a b"), 17, "Topic name is invalid: 'a b' contains one or more", id="blank"),
        pytest.param(topic(""), 17, "Topic name is invalid: the empty string is not allowed", id="empty"),
        pytest.param(topic(".."), 17, "Topic name is invalid: '..' is not allowed", id="dots"),
        pytest.param(topic("x" * 250), 17, "Topic name is invalid: the length of", id="long"),
        pytest.param(topic("orders"), 36, "Topic 'orders' already exists.", id="there"),
        pytest.param(topic("__cluster_metadata"), 42, "Creation of internal topic", id="metadata"),
        pytest.param(topic("n", 0), 37, "Number of partitions", id="no-partitions"),
        pytest.param(topic("n", -2), 37, "Number of partitions", id="negative-partitions"),
        pytest.param(topic("n", 1, 0), 38, "Replication factor must be larger than 0", id="no-replicas"),
        pytest.param(topic("n", 1, 4), 38, None, id="too-many-replicas"),
        pytest.param(topic("n", MOST_PARTITIONS + 1), 44, "Excessively large number", id="too-many-partitions"),
        pytest.param(topic("n", no_such="1"), 40, "Unknown topic config name: no.such", id="unknown-setting"),
        pytest.param(topic("n", retention_ms="x"), 40, "Not a number of type LONG", id="no-number"),
        pytest.param(topic("n", cleanup_policy="x"), 40, "String must be one of: compact, delete", id="no-choice"),
        pytest.param(topic("n", min_insync_replicas="0"), 40, "Value must be at least 1", id="too-low"),
        pytest.param(topic("n", preallocate="maybe"), 40, "either true or false", id="no-boolean"),
        pytest.param(topic("n", retention_ms=None), 40, "Null value not supported", id="null"),
        pytest.param(topic("n", 2, -1, (0, (1,))), 42, None, id="assigned-and-counted"),
        pytest.param(topic("n", -1, 1, (0, (1,))), 42, None, id="assigned-and-copied"),
        pytest.param(topic("n", -1, -1, (0, (1,)), (2, (1,))), 39, "consecutive 0-based", id="gap"),
        pytest.param(topic("n", -1, -1, (0, (1, 1))), 39, "more than once", id="broker-twice"),
        pytest.param(topic("n", -1, -1, (0, (7,))), 39, "no such broker", id="unknown-broker"),
        pytest.param(topic("n", -1, -1, (0, ())), 39, "empty replica list", id="no-broker"),
        pytest.param(topic("n", -1, -1, (0, (1,)), (1, (1, 2))), 39, "different numbers", id="uneven"),
    ],
)
@pytest.mark.parametrize("release", LINES)
async def test_what_is_wrong_with_a_topic(release: str, wanted: CreatableTopic, code: int, message: str | None) -> None:
    desk = Desk(world(release))
    (told,) = (await create(desk, wanted)).topics
    assert told.error_code == code
    assert message is None or message in (told.error_message or "")
    assert set(desk.state.topics) == {"orders", "secrets"}


@pytest.mark.parametrize("release", LINES)
async def test_a_topic_is_made_with_what_it_is_told_to_have(release: str) -> None:
    desk = Desk(world(release, num_partitions="2", default_replication_factor="3"))
    (told,) = (await create(desk, topic("new", -1, -1, retention_ms="1000"), version=7)).topics
    made = desk.state.topics["new"]
    assert (told.num_partitions, told.replication_factor, told.topic_id) == (2, 3, made.topic_id)
    assert [partition.replicas for partition in made.partitions] == [(1, 2, 3), (2, 3, 1)]
    shown = {config.name: (config.value, config.config_source) for config in told.configs or ()}
    assert shown["retention.ms"] == ("1000", 1)
    assert shown["cleanup.policy"] == ("delete", 5)


async def test_only_to_see_makes_nothing() -> None:
    desk = Desk(world())
    (told,) = (await create(desk, topic("new"), version=7, only=True)).topics
    assert (told.error_code, told.topic_id) == (0, NO_UUID)
    assert "new" not in desk.state.topics


async def test_assignments_decide_where_a_topic_is() -> None:
    desk = Desk(world())
    await create(desk, topic("new", -1, -1, (1, (3, 1)), (0, (2, 3))))
    assert [partition.replicas for partition in desk.state.topics["new"].partitions] == [(2, 3), (3, 1)]


@pytest.mark.parametrize(("release", "only", "code"), [(OLD, True, 0), (OLD, False, 39), (NEW, True, 39)])
async def test_zookeeper_mode_checks_no_brokers_where_it_only_checks(release: str, *, only: bool, code: int) -> None:
    desk = Desk(world(release))
    (told,) = (await create(desk, topic("new", -1, -1, (0, (9,))), only=only)).topics
    assert (told.error_code, "new" in desk.state.topics) == (code, False)


@pytest.mark.parametrize("release", LINES)
async def test_names_that_differ_in_dots_alone_collide(release: str) -> None:
    desk = Desk(world(release))
    await create(desk, topic("co.l"))
    (told,) = (await create(desk, topic("co_l"))).topics
    assert (told.error_code, "collides" in (told.error_message or "")) == (17, True)


@pytest.mark.parametrize(("release", "answers"), [(OLD, 2), (NEW, 1)])
async def test_a_topic_that_is_wanted_twice_is_not_made(release: str, answers: int) -> None:
    told = (await create(Desk(world(release)), topic("new"), topic("new"))).topics
    assert [one.error_code for one in told] == [42] * answers


@pytest.mark.parametrize(("release", "hidden"), [(OLD, 29), (NEW, 0)])
async def test_topics_are_made_by_those_who_may(release: str, hidden: int) -> None:
    desk = Desk(world(release))
    mine, other = (await create(desk, topic("al"), topic("zz"), who=ALICE)).topics
    # The settings are not for those who may not see them, and in ZooKeeper mode a refusal says so too.
    assert (mine.error_code, mine.topic_config_error_code, mine.num_partitions, mine.configs) == (0, 29, -1, ())
    assert (other.error_code, other.error_message) == (29, "Authorization failed.")
    assert other.topic_config_error_code == hidden
    assert "al" in desk.state.topics
    assert "zz" not in desk.state.topics


@pytest.mark.parametrize(("release", "code"), [(OLD, 41), (NEW, 0)])
async def test_in_zookeeper_mode_only_the_controller_makes_topics(release: str, code: int) -> None:
    desk = Desk(world(release))
    (made,) = (await create(desk, topic("new"), at=2)).topics
    deletion = DeleteTopicsRequest(topic_names=("secrets",), timeout_ms=1)
    (gone,) = (await desk.ask(DeleteTopicsResponse, deletion, 5, who=ROOT, at=2)).responses
    more = CreatePartitionsTopic(name="orders", count=4, assignments=None)
    larger = CreatePartitionsRequest(topics=(more,), timeout_ms=1, validate_only=False)
    (enlarged,) = (await desk.ask(CreatePartitionsResponse, larger, 1, who=ROOT, at=2)).results
    assert [made.error_code, gone.error_code, enlarged.error_code] == [code] * 3


@pytest.mark.parametrize(
    ("release", "version"),
    [(release, version) for release in LINES for version in Desk(world(release)).apis[19].versions],
)
async def test_every_version_makes_topics(release: str, version: int) -> None:
    (told,) = (await create(Desk(world(release)), topic("new"), version=version)).topics
    assert told.error_code == 0
    assert bool(told.configs) == (version >= 5)


def by_name(*names: str) -> tuple[DeleteTopicState, ...]:
    return tuple(DeleteTopicState(name=name, topic_id=NO_UUID) for name in names)


ORDERS_BY_ID = (DeleteTopicState(name=None, topic_id=topic_id("orders")),)


@pytest.mark.parametrize(
    ("topics", "who", "told"),
    [
        pytest.param(by_name("secrets"), ROOT, [("secrets", 0)], id="by-name"),
        pytest.param(ORDERS_BY_ID, ROOT, [("orders", 0)], id="by-id"),
        pytest.param(by_name("nope"), ROOT, [("nope", 3)], id="unknown-name"),
        pytest.param((DeleteTopicState(name=None, topic_id=SOMETHING),), ROOT, [(None, 100)], id="unknown-id"),
        pytest.param((DeleteTopicState(name="secrets", topic_id=SOMETHING),), ROOT, [("secrets", 42)], id="both"),
        pytest.param(ORDERS_BY_ID, BOB, [("orders", 29)], id="seen-but-not-deleted"),
        pytest.param(ORDERS_BY_ID, MALLORY, [(None, 29)], id="not-even-seen"),
        pytest.param(by_name("orders"), MALLORY, [("orders", 29)], id="by-a-name-one-knows"),
    ],
)
@pytest.mark.parametrize("release", LINES)
async def test_topics_are_removed(
    release: str, topics: tuple[DeleteTopicState, ...], who: str, told: list[tuple[str | None, int]]
) -> None:
    desk = Desk(world(release))
    request = DeleteTopicsRequest(topics=topics, timeout_ms=1)
    answer = await desk.ask(DeleteTopicsResponse, request, 6, who=who)
    assert [(one.name, one.error_code) for one in answer.responses] == told
    assert len(desk.state.topics) == 2 - sum(code == 0 for _, code in told)


@pytest.mark.parametrize(("release", "codes"), [(OLD, [0, 0]), (NEW, [42])])
async def test_a_topic_that_is_removed_twice(release: str, codes: list[int]) -> None:
    desk = Desk(world(release))
    request = DeleteTopicsRequest(topic_names=("orders", "orders"), timeout_ms=1)
    answer = await desk.ask(DeleteTopicsResponse, request, 5, who=ROOT)
    assert [one.error_code for one in answer.responses] == codes
    assert ("orders" in desk.state.topics) == (42 in codes)


@pytest.mark.parametrize(("version", "code"), [(2, 42), (5, 73)])
async def test_topics_stay_where_they_may_not_be_removed(version: int, code: int) -> None:
    desk = Desk(world(delete_topic_enable="false"))
    request = DeleteTopicsRequest(topic_names=("orders",), timeout_ms=1)
    answer = await desk.ask(DeleteTopicsResponse, request, version, who=ROOT)
    assert [one.error_code for one in answer.responses] == [code]
    assert "orders" in desk.state.topics


@pytest.mark.parametrize(
    ("count", "assigned", "who", "code"),
    [
        pytest.param(5, None, ROOT, 0, id="more"),
        pytest.param(4, [(2,)], ROOT, 39, id="assigned-unevenly"),
        pytest.param(4, [(2, 3, 1)], ROOT, 0, id="assigned"),
        pytest.param(3, None, ROOT, 37, id="as-many"),
        pytest.param(-1, None, ROOT, 37, id="negative"),
        pytest.param(5, [(2, 3, 1)], ROOT, 39, id="assigned-too-few"),
        pytest.param(4, [(7, 8, 9)], ROOT, 39, id="unknown-brokers"),
        pytest.param(2**31 - 1, None, ROOT, 44, id="far-too-many"),
        pytest.param(4, None, BOB, 29, id="may-not"),
    ],
)
@pytest.mark.parametrize("release", LINES)
async def test_topics_are_enlarged(
    release: str, count: int, assigned: list[tuple[int, ...]] | None, who: str, code: int
) -> None:
    desk = Desk(world(release))
    placed = None if assigned is None else tuple(CreatePartitionsAssignment(broker_ids=ids) for ids in assigned)
    wanted = CreatePartitionsTopic(name="orders", count=count, assignments=placed)
    request = CreatePartitionsRequest(topics=(wanted,), timeout_ms=1, validate_only=False)
    (told,) = (await desk.ask(CreatePartitionsResponse, request, 1, who=who)).results
    assert told.error_code == code
    assert len(desk.state.topics["orders"].partitions) == (3 if code else count)


@pytest.mark.parametrize("release", LINES)
async def test_no_partition_is_ever_on_the_move(release: str) -> None:
    desk = Desk(world(release))
    request = ListPartitionReassignmentsRequest()
    allowed = await desk.ask(ListPartitionReassignmentsResponse, request, 0, who=ALICE)
    refused = await desk.ask(ListPartitionReassignmentsResponse, request, 0, who=MALLORY)
    assert (allowed.error_code, allowed.topics) == (0, ())
    assert refused.error_code == 31
    assert "listenerName=ListenerName(PLAINTEXT)" in (refused.error_message or "")


Page = tuple[list[tuple[str | None, int, list[int]]], Cursor | None]


@pytest.mark.parametrize(
    ("names", "limit", "cursor", "who", "page"),
    [
        pytest.param([], 100, None, ROOT, ([("orders", 0, [0, 1, 2]), ("secrets", 0, [0])], None), id="all"),
        pytest.param([], 100, None, BOB, ([("orders", 0, [0, 1, 2])], None), id="all-that-bob-sees"),
        pytest.param([], 100, None, MALLORY, ([], None), id="nothing"),
        pytest.param(["nope"], 100, None, ROOT, ([("nope", 3, [])], None), id="unknown"),
        pytest.param(["a b"], 100, None, ROOT, ([("a b", 17, [])], None), id="no-name"),
        pytest.param(["secrets"], 100, None, BOB, ([("secrets", 29, [])], None), id="hidden"),
        pytest.param(
            [], 2, None, ROOT, ([("orders", 0, [0, 1])], Cursor(topic_name="orders", partition_index=2)), id="page"
        ),
        pytest.param(
            [], 3, None, ROOT, ([("orders", 0, [0, 1, 2])], Cursor(topic_name="secrets", partition_index=0)), id="edge"
        ),
        pytest.param(
            [], 9, Cursor(topic_name="orders", partition_index=2), ROOT,
            ([("orders", 0, [2]), ("secrets", 0, [0])], None), id="next-page",
        ),
        pytest.param(
            ["orders"], 0, None, ROOT, ([("orders", 0, [0])], Cursor(topic_name="orders", partition_index=1)), id="zero"
        ),
        pytest.param(
            ["orders"], 9, Cursor(topic_name="secrets", partition_index=0), ROOT, ([("orders", 42, [])], None),
            id="cursor-elsewhere",
        ),
        pytest.param(
            ["orders"], 9, Cursor(topic_name="orders", partition_index=-1), ROOT, ([("orders", 42, [])], None),
            id="negative-cursor",
        ),
    ],
)  # fmt: skip
async def test_partitions_are_described_page_by_page(
    names: list[str], limit: int, cursor: Cursor | None, who: str, page: Page
) -> None:
    asked = tuple(DescribeTopicPartitionsTopicRequest(name=name) for name in names)
    request = DescribeTopicPartitionsRequest(topics=asked, response_partition_limit=limit, cursor=cursor)
    answer = await Desk(world()).ask(DescribeTopicPartitionsResponse, request, 0, who=who)
    found = [
        (one.name, one.error_code, [partition.partition_index for partition in one.partitions]) for one in answer.topics
    ]
    assert (found, answer.next_cursor) == page
