"""Metadata for topics that are named badly, as Apache Kafka 3.9.2 and 4.4.0 were heard to answer it."""

from __future__ import annotations

import pytest

from mskaudit.reference.state import topic_id
from mskaudit.wire.apis.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import NO_UUID, MetadataRequest, MetadataRequestTopic, MetadataResponse
from tests.reference.services.desk import Desk, cluster

NOTHING = MetadataRequestTopic(topic_id=NO_UUID, name=None)
ORDERS = MetadataRequestTopic(name="orders")
BY_ID = MetadataRequestTopic(topic_id=topic_id("orders"), name=None)


@pytest.mark.parametrize(
    ("topics", "version", "code"),
    [
        ((NOTHING,), 10, ErrorCode.INVALID_REQUEST),
        ((ORDERS, NOTHING), 11, ErrorCode.INVALID_REQUEST),
        ((NOTHING,), 12, ErrorCode.UNKNOWN_SERVER_ERROR),
        ((ORDERS, NOTHING), 12, ErrorCode.UNKNOWN_SERVER_ERROR),
        ((ORDERS, NOTHING), 13, ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
    ids=["v10", "v11-two", "v12", "v12-two", "v13-two"],
)
async def test_a_topic_without_a_name_or_an_id_spoils_the_answer(
    topics: tuple[MetadataRequestTopic, ...], version: int, code: ErrorCode
) -> None:
    answer = await Desk(cluster(authorizer=False)).ask(MetadataResponse, MetadataRequest(topics=topics), version)
    assert [(topic.error_code, topic.name) for topic in answer.topics] == [(code, each.name or "") for each in topics]
    assert answer.brokers == ()
    assert answer.error_code == (code if version >= 13 else 0)


async def test_among_ids_it_is_passed_over() -> None:
    answer = await Desk(cluster(authorizer=False)).ask(MetadataResponse, MetadataRequest(topics=(BY_ID, NOTHING)), 12)
    assert [topic.name for topic in answer.topics] == ["orders"]


async def test_a_topic_that_was_made_is_found_by_its_id_until_it_is_removed() -> None:
    desk = Desk(cluster(authorizer=False))
    wanted = CreatableTopic(name="made", num_partitions=1, replication_factor=1, assignments=(), configs=())
    made = await desk.ask(CreateTopicsResponse, CreateTopicsRequest(topics=(wanted,), timeout_ms=1000), 7)
    by_id = MetadataRequest(topics=(MetadataRequestTopic(topic_id=made.topics[0].topic_id, name=None),))
    assert [topic.name for topic in (await desk.ask(MetadataResponse, by_id, 12)).topics] == ["made"]
    removal = DeleteTopicsRequest(topic_names=("made",), timeout_ms=1000)
    assert (await desk.ask(DeleteTopicsResponse, removal, 5)).responses[0].error_code == 0
    assert (await desk.ask(MetadataResponse, by_id, 12)).topics[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
