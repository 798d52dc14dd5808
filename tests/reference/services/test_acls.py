"""Access control lists over the wire, as Apache Kafka 3.9.2 and 4.4.0 were heard to answer."""

from __future__ import annotations

from typing import Any

import pytest

from mskaudit.reference.state import MOST_ACLS
from mskaudit.wire.apis.acls import (
    AclCreation,
    CreateAclsRequest,
    CreateAclsResponse,
    DeleteAclsFilter,
    DeleteAclsRequest,
    DeleteAclsResponse,
    DescribeAclsRequest,
    DescribeAclsResponse,
)
from mskaudit.wire.messages import MetadataRequest, MetadataResponse
from tests.reference.services.administration import LINES, NEW, OLD, world
from tests.reference.services.desk import ALICE, MALLORY, ROOT, Desk

TOPIC, GROUP, CLUSTER = 2, 3, 4
LITERAL, PREFIXED = 3, 4
ALL, READ, DESCRIBE = 2, 3, 8
DENY, ALLOW = 2, 3


def creation(**changes: Any) -> AclCreation:
    """An ACL to add: mallory reads the topic `t`, but for the changes."""
    values: dict[str, Any] = {
        "resource_type": TOPIC,
        "resource_name": "t",
        "resource_pattern_type": LITERAL,
        "principal": MALLORY,
        "host": "*",
        "operation": READ,
        "permission_type": ALLOW,
    }
    return AclCreation(**(values | changes))


def wanted(kind: type[Any], **changes: Any) -> Any:
    """A filter that matches everything, but for the changes."""
    values: dict[str, Any] = {
        "resource_type_filter": 1,
        "resource_name_filter": None,
        "pattern_type_filter": 1,
        "principal_filter": None,
        "host_filter": None,
        "operation": 1,
        "permission_type": 1,
    }
    return kind(**(values | changes))


async def add(desk: Desk, *creations: AclCreation, who: str = ROOT, version: int = 2) -> list[tuple[int, str | None]]:
    answer = await desk.ask(CreateAclsResponse, CreateAclsRequest(creations=creations), version, who=who)
    return [(one.error_code, one.error_message) for one in answer.results]


async def listed(desk: Desk, *, who: str = ROOT, version: int = 2, **changes: Any) -> list[tuple[Any, ...]]:
    answer = await desk.ask(DescribeAclsResponse, wanted(DescribeAclsRequest, **changes), version, who=who)
    assert answer.error_code == 0
    return [
        (one.resource_type, one.resource_name, one.pattern_type, entry.principal, entry.operation)
        for one in answer.resources
        for entry in one.acls
    ]


@pytest.mark.parametrize(
    ("wish", "old", "new"),
    [
        pytest.param(creation(), 0, 0, id="plain"),
        pytest.param(creation(resource_pattern_type=PREFIXED), 0, 0, id="prefixed"),
        pytest.param(creation(operation=10), 0, 0, id="unusual-operation"),
        pytest.param(creation(permission_type=DENY), 0, 0, id="denial"),
        pytest.param(creation(principal="User:"), 0, 0, id="no-name"),
        pytest.param(creation(host="not an address"), 0, 0, id="any-host"),
        pytest.param(creation(resource_name="a b"), 0, 0, id="name-of-no-topic"),
        pytest.param(creation(resource_type=CLUSTER, resource_name="kafka-cluster"), 0, 0, id="cluster"),
        pytest.param(creation(resource_type=CLUSTER), 42, 42, id="another-cluster"),
        pytest.param(creation(resource_name=""), 42, 42, id="no-resource"),
        pytest.param(creation(resource_type=9), 42, 42, id="unknown-kind"),
        pytest.param(creation(resource_pattern_type=9), 42, 42, id="unknown-pattern"),
        pytest.param(creation(operation=99), 42, 42, id="unknown-operation"),
        pytest.param(creation(permission_type=9), 42, 42, id="unknown-permission"),
        pytest.param(creation(resource_type=1), -1, -1, id="any-kind"),
        pytest.param(creation(resource_pattern_type=2), -1, -1, id="match"),
        pytest.param(creation(operation=1), -1, -1, id="any-operation"),
        pytest.param(creation(permission_type=1), -1, -1, id="any-permission"),
        pytest.param(creation(principal="x"), -1, 42, id="principal-without-type"),
        pytest.param(creation(host=""), 0, 42, id="no-host"),
    ],
)
async def test_what_is_taken_for_an_acl(wish: AclCreation, old: int, new: int) -> None:
    for release, code in ((OLD, old), (NEW, new)):
        desk = Desk(world(release))
        before = len(desk.state.acls)
        ((told, _),) = await add(desk, wish)
        assert told == code
        assert len(desk.state.acls) == before + (code == 0)


async def test_good_ones_among_bad_ones_are_added() -> None:
    desk = Desk(world())
    told = await add(desk, creation(), creation(operation=99), creation(resource_name="u"))
    assert [code for code, _ in told] == [0, 42, 0]
    assert [name for _, name, *_ in await listed(desk, principal_filter=MALLORY)] == ["t", "u"]


@pytest.mark.parametrize(
    ("in_acl", "in_filter"),
    [
        ("resource_type", "resource_type_filter"),
        ("resource_pattern_type", "pattern_type_filter"),
        ("operation", "operation"),
        ("permission_type", "permission_type"),
    ],
)
async def test_a_code_that_says_it_is_unknown_ends_the_connection(in_acl: str, in_filter: str) -> None:
    desk = Desk(world())
    requests = (
        CreateAclsRequest(creations=(creation(), creation(**{in_acl: 0}))),
        wanted(DescribeAclsRequest, **{in_filter: 0}),
        DeleteAclsRequest(filters=(wanted(DeleteAclsFilter, **{in_filter: 0}),)),
    )
    for request in requests:
        reply, answer = await desk.put(request, 2, who=ROOT)
        assert (reply.last, answer) == (True, None)
    assert len(desk.state.acls) == 3


@pytest.mark.parametrize("release", LINES)
async def test_an_acl_is_in_force_at_once(release: str) -> None:
    desk = Desk(world(release))

    async def topics() -> list[str | None]:
        answer = await desk.ask(MetadataResponse, MetadataRequest(topics=None), 7, who=MALLORY)
        return [topic.name for topic in answer.topics]

    assert await topics() == []
    await add(desk, creation(resource_name="orders"))
    assert await topics() == ["orders"]
    removal = DeleteAclsRequest(filters=(wanted(DeleteAclsFilter, principal_filter=MALLORY),))
    answer = await desk.ask(DeleteAclsResponse, removal, 2, who=ROOT)
    assert [len(one.matching_acls) for one in answer.filter_results] == [1]
    assert await topics() == []


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({}, {"kafka-cluster", "a", "orders", "t", "te"}, id="everything"),
        pytest.param({"resource_type_filter": CLUSTER}, {"kafka-cluster"}, id="kind"),
        pytest.param({"resource_name_filter": "t"}, {"t"}, id="name"),
        pytest.param({"resource_name_filter": "test", "pattern_type_filter": 2}, {"te"}, id="what-covers"),
        pytest.param({"pattern_type_filter": PREFIXED}, {"a", "te"}, id="pattern"),
        pytest.param({"principal_filter": ALICE}, {"kafka-cluster", "a"}, id="principal"),
        pytest.param({"host_filter": "10.0.0.1"}, set(), id="host"),
        pytest.param({"operation": DESCRIBE}, {"kafka-cluster", "orders"}, id="operation"),
        pytest.param({"permission_type": DENY}, {"te"}, id="permission"),
        pytest.param({"operation": 99}, set(), id="unknown-operation"),
        pytest.param({"principal_filter": ""}, set(), id="nobody"),
    ],
)
async def test_filters_choose(changes: dict[str, Any], names: set[str]) -> None:
    desk = Desk(world())
    denial = creation(resource_name="te", resource_pattern_type=PREFIXED, permission_type=DENY)
    await add(desk, creation(), denial)
    assert {name for _, name, *_ in await listed(desk, **changes)} == names


@pytest.mark.parametrize(("release", "found"), [(OLD, [1, 0]), (NEW, [1, 1])])
async def test_what_two_filters_match_is_removed_once(release: str, found: list[int]) -> None:
    desk = Desk(world(release))
    await add(desk, creation())
    one = wanted(DeleteAclsFilter, principal_filter=MALLORY)
    answer = await desk.ask(DeleteAclsResponse, DeleteAclsRequest(filters=(one, one)), 2, who=ROOT)
    assert [len(result.matching_acls) for result in answer.filter_results] == found
    assert await listed(desk, principal_filter=MALLORY) == []


@pytest.mark.parametrize("release", LINES)
async def test_who_may_not_is_told_more_than_needed(release: str) -> None:
    desk = Desk(world(release))
    answer = await desk.ask(DescribeAclsResponse, wanted(DescribeAclsRequest), 2, who=MALLORY)
    assert (answer.error_code, answer.resources) == (31, ())
    words = answer.error_message or ""
    assert "listenerName=ListenerName(PLAINTEXT), securityProtocol=PLAINTEXT" in words
    assert words.endswith("is not authorized." if release == OLD else "needs DESCRIBE permission.")
    ((code, _), (again, _)) = await add(desk, creation(), creation(operation=99), who=ALICE)
    assert (code, again) == (31, 31)
    removal = DeleteAclsRequest(filters=(wanted(DeleteAclsFilter),))
    refused = await desk.ask(DeleteAclsResponse, removal, 2, who=ALICE)
    assert [one.error_code for one in refused.filter_results] == [31]
    assert len(await listed(desk, who=ALICE)) == 3


@pytest.mark.parametrize("release", LINES)
async def test_without_an_authorizer_there_are_no_acls(release: str) -> None:
    desk = Desk(world(release, authorizer=False))
    answer = await desk.ask(DescribeAclsResponse, wanted(DescribeAclsRequest), 2, who=MALLORY)
    assert (answer.error_code, answer.error_message) == (54, "No Authorizer is configured on the broker")
    assert await add(desk, creation(), creation(operation=99)) == [(54, "No Authorizer is configured.")] * 2
    removal = DeleteAclsRequest(filters=(wanted(DeleteAclsFilter),))
    refused = await desk.ask(DeleteAclsResponse, removal, 2, who=MALLORY)
    assert [(one.error_code, one.error_message) for one in refused.filter_results] == [
        (54, "No Authorizer is configured.")
    ]


async def test_version_0_knows_literal_names_only() -> None:
    desk = Desk(world(OLD))
    await add(desk, creation(), creation(resource_name="te", resource_pattern_type=PREFIXED))
    request = wanted(DescribeAclsRequest, principal_filter=MALLORY, pattern_type_filter=LITERAL)
    answer = await desk.ask(DescribeAclsResponse, request, 0, who=ROOT)
    assert [one.resource_name for one in answer.resources] == ["t"]


async def test_there_is_an_end_to_acls() -> None:
    desk = Desk(world())
    many = [creation(resource_name=f"t{number}") for number in range(MOST_ACLS + 1)]
    assert {code for code, _ in await add(desk, *many)} == {44}
    assert {code for code, _ in await add(desk, creation(resource_name="t" * 20_000))} == {44}
    assert {code for code, _ in await add(desk, *many[:100])} == {0}
    filters = (wanted(DeleteAclsFilter),) * 30_000
    answer = await desk.ask(DeleteAclsResponse, DeleteAclsRequest(filters=filters), 2, who=ROOT)
    assert {one.error_code for one in answer.filter_results} == {44}
