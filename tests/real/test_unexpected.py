"""What is not due during a login is answered by the reference as by Apache Kafka, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest

from mskaudit.reference.releases import Mode
from mskaudit.wire.apis import groups, logs, offsets, topics
from mskaudit.wire.messages import ApiVersionsRequest, MetadataRequest, MetadataRequestTopic
from mskaudit.wire.records import Record, build
from tests.real.brokers import Line
from tests.real.requests import READING, READING_KRAFT, THERE, WRITING, Asked, metadata
from tests.real.scenes import scene
from tests.real.stage import real, reference
from tests.real.transcripts import hear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.real.stage import Stage

_ID: Final = UUID(int=5)


def _produce(version: int, acks: int, records: bytes | None) -> Asked:
    part = logs.PartitionProduceData(index=0, records=records)
    topic = logs.TopicProduceData(name=THERE, partition_data=(part,))
    return Asked(logs.ProduceRequest(acks=acks, timeout_ms=1000, topic_data=(topic,)), version)


def _fetch() -> Asked:
    part = logs.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1000)
    wanted = logs.FetchTopic(topic_id=_ID, partitions=(part,))
    return Asked(logs.FetchRequest(max_wait_ms=1, min_bytes=0, topics=(wanted,), session_id=7, session_epoch=1), 13)


def _committed() -> Asked:
    topic = offsets.OffsetFetchRequestTopics(name=THERE, partition_indexes=(0,))
    group = offsets.OffsetFetchRequestGroup(group_id="g", topics=(topic,))
    return Asked(offsets.OffsetFetchRequest(groups=(group,)), 8)


_BATCH: Final = build((Record(value=b"v"),))
_NEWER: Final[Mapping[str, Asked]] = {
    "ApiVersions": Asked(ApiVersionsRequest(client_software_name="a", client_software_version="1"), 3),
    "ApiVersions without names": Asked(ApiVersionsRequest(), 3),
    "Metadata of all": metadata(),
    "Metadata by id": Asked(MetadataRequest(topics=(MetadataRequestTopic(name=None, topic_id=_ID),)), 12),
    "Fetch by id": _fetch(),
    "FindCoordinator of one": Asked(groups.FindCoordinatorRequest(key="k"), 3),
    "LeaveGroup": Asked(groups.LeaveGroupRequest(group_id="g", members=(groups.MemberIdentity(member_id="m"),)), 4),
    "OffsetFetch of groups": _committed(),
    "DeleteTopics by id": Asked(
        topics.DeleteTopicsRequest(topics=(topics.DeleteTopicState(topic_id=_ID),), timeout_ms=1), 6
    ),
    "Produce": _produce(7, 1, _BATCH),
    "Produce with words": _produce(9, -1, _BATCH),
    "Produce of nothing": _produce(9, 1, None),
    "Produce without acks": _produce(9, 0, _BATCH),
    "JoinGroup": Asked(WRITING["JoinGroup"].request, 9),
}


def _told(stage: Stage) -> dict[str, Any]:
    told: dict[str, Any] = {}
    # In ZooKeeper mode Kafka answers there for what it does not advertise, and the reference does not.
    newest = READING_KRAFT if stage.cluster.mode is Mode.KRAFT else {}
    for name, asked in {**READING, **newest, **WRITING, **_NEWER}.items():
        with stage.talk("plain", deadline=3.0) as conversation:
            conversation.handshake("PLAIN")
            told[name] = [hear(lambda: conversation.ask_any(*asked)), hear(conversation.versions)]  # noqa: B023  at once
    with stage.talk("plain", deadline=3.0) as conversation:
        conversation.handshake("PLAIN")
        conversation.stream.sendall(bytes.fromhex("0000000b 0012 0063 00000007 0000 00"))
        told["ApiVersions of a version that there is not"] = conversation.read()
    return told


@pytest.mark.parametrize("line", Line, ids=lambda line: line.name.lower())
def test_what_is_not_due_is_answered_and_closed_on(line: Line) -> None:
    cluster = scene("deny", line)
    with real(cluster, line) as stage:
        theirs = _told(stage)
    with reference(cluster) as stage:
        ours = _told(stage)
    assert ours == theirs
