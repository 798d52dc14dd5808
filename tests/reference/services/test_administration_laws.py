"""Laws of administration: any request has an answer that its version can carry, and who may nothing changes nothing."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mskaudit.wire.apis import api
from mskaudit.wire.messages import ApiKey
from tests.reference.services.administration import world
from tests.reference.services.desk import ALICE, BOB, MALLORY, RELEASES, ROOT, Desk
from tests.wire.strategies import table_values

if TYPE_CHECKING:
    from mskaudit.reference.state import State

APIS = (
    ApiKey.CREATE_TOPICS,
    ApiKey.DELETE_TOPICS,
    ApiKey.CREATE_PARTITIONS,
    ApiKey.LIST_PARTITION_REASSIGNMENTS,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
    ApiKey.DESCRIBE_ACLS,
    ApiKey.CREATE_ACLS,
    ApiKey.DELETE_ACLS,
    ApiKey.DESCRIBE_CONFIGS,
    ApiKey.ALTER_CONFIGS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.LIST_CONFIG_RESOURCES,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
    ApiKey.DESCRIBE_DELEGATION_TOKEN,
    ApiKey.DESCRIBE_LOG_DIRS,
    ApiKey.DESCRIBE_CLIENT_QUOTAS,
    ApiKey.ALTER_CLIENT_QUOTAS,
    ApiKey.DESCRIBE_QUORUM,
    ApiKey.UPDATE_FEATURES,
    ApiKey.DESCRIBE_PRODUCERS,
    ApiKey.DESCRIBE_TRANSACTIONS,
    ApiKey.LIST_TRANSACTIONS,
)
NAMES = st.sampled_from(
    ["orders", "secrets", "", "a", "1", "2", "billing", "kafka-cluster", "User:x", "*", "num.io.threads", "super.users",
     "retention.ms", "cleanup.policy", "listener.name.tls.ssl.client.auth", "root", "user", "ip", "client-id",
     "producer_byte_rate", "metadata.version", "__cluster_metadata", "x" * 300, "\u00e9"]
)  # fmt: skip
SMALL = st.integers(-2, 5)
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "name": NAMES,
    "topic": NAMES,
    "topic_name": NAMES,
    "resource_name": NAMES,
    "entity_type": NAMES,
    "entity_name": st.none() | NAMES,
    "key": NAMES,
    "feature": NAMES,
    "principal": NAMES,
    "mechanism": SMALL,
    "operation": SMALL,
    "permission_type": SMALL,
    "resource_pattern_type": SMALL,
    "pattern_type_filter": SMALL,
    "resource_type_filter": SMALL,
    "config_operation": SMALL,
    "upgrade_type": SMALL,
    "partition_index": SMALL,
    "num_partitions": SMALL,
    "replication_factor": SMALL,
    "count": st.integers(-2, 9) | st.just(2**31 - 1),
    "resource_type": st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, -1]),
    "iterations": st.sampled_from([-1, 4095, 4096, 16384, 16385]),
    "value": st.none() | st.sampled_from(["", "1", "x", "compact", "DEBUG", "x" * 9_000]),
}


def choice(field: str) -> st.SearchStrategy[Any] | None:
    """What makes a request go far, for most of the time."""
    return CHOICES[field] if field in CHOICES else None


def choice_for_quotas(field: str) -> st.SearchStrategy[Any] | None:
    """The same, but that the value of a quota is a number."""
    return None if field == "value" else choice(field)


def tables(key: int, version: int) -> st.SearchStrategy[Any]:
    """Requests of an API: with any values, and with some that mean something."""
    request = api(key).request
    meant = choice_for_quotas if key == ApiKey.ALTER_CLIENT_QUOTAS else choice
    return table_values(request, version) | table_values(request, version, meant)


CASES = [
    pytest.param(key, release, id=f"{key.name.lower()}-{release}")
    for key in APIS
    for release in RELEASES
    if key in world(release).profile.apis
]


def kept(state: State) -> tuple[Any, ...]:
    """Everything that administration can change."""
    return deepcopy(
        (
            {name: (topic.settings, len(topic.partitions)) for name, topic in state.topics.items()},
            list(state.acls),
            state.broker_settings,
            state.group_settings,
            state.client_metrics,
            state.log_levels,
            state.quotas,
            state.credentials,
        )
    )


@pytest.mark.parametrize(("key", "release"), CASES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_request_is_answered(key: ApiKey, release: str, data: st.DataObject) -> None:
    desk = Desk(world(release))
    versions = desk.apis[key].versions
    requests = [
        (version, data.draw(tables(key, version)))
        for version in data.draw(st.lists(st.sampled_from(versions), min_size=1, max_size=3))
    ]
    who = data.draw(st.sampled_from([ROOT, ALICE, BOB, MALLORY]))
    at = data.draw(st.integers(1, 3))

    async def put() -> None:
        for version, request in requests:
            reply, answer = await desk.put(request, version, at=at, who=who)
            # No answer is an answer too, where Kafka closes or falls silent.
            assert answer is not None or reply.last or reply.silent

    asyncio.run(put())


@pytest.mark.parametrize(("key", "release"), CASES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_who_may_nothing_changes_nothing(key: ApiKey, release: str, data: st.DataObject) -> None:
    desk = Desk(world(release))
    version = data.draw(st.sampled_from(desk.apis[key].versions))
    request = data.draw(tables(key, version))
    before = kept(desk.state)
    asyncio.run(desk.put(request, version, who=MALLORY))
    assert kept(desk.state) == before
