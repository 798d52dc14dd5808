"""One request of every kind, in versions that all releases from 3.3 to 4.4 speak, about what there is and is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from mskaudit.wire.apis import acls, cluster, configs, groups, logs, offsets, positions, topics, transactions, users
from mskaudit.wire.messages import DescribeClusterRequest, MetadataRequest, MetadataRequestTopic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.wire.messages import Request

UNKNOWN: Final = "mskaudit-probe-7f3a"
"""A name that nothing has."""

THERE: Final = "foo"
"""A topic of every scene."""

_ANY: Final = 1
_TOPIC: Final = 2
_BROKER: Final = 4
_ALLOW: Final = 3
_DESCRIBE: Final = 8
_NO_ID: Final = UUID(int=0)


class Asked(NamedTuple):
    """A request and the version it is sent in."""

    request: Request
    version: int


def metadata(*names: str) -> Asked:
    """Describe topics and the cluster with the operations that are allowed; no names are all topics."""
    wanted = tuple(MetadataRequestTopic(name=name) for name in names) or None
    request = MetadataRequest(
        topics=wanted,
        allow_auto_topic_creation=False,
        include_cluster_authorized_operations=True,
        include_topic_authorized_operations=True,
    )
    return Asked(request, 8)


def describe_groups(*names: str) -> Asked:
    """Describe groups with the operations that are allowed."""
    return Asked(groups.DescribeGroupsRequest(groups=names, include_authorized_operations=True), 4)


def describe_configs(kind: int, name: str, *keys: str, synonyms: bool = False) -> Asked:
    """Ask for settings; no keys are all."""
    resource = configs.DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=keys or None)
    return Asked(configs.DescribeConfigsRequest(resources=(resource,), include_synonyms=synonyms), 3)


def all_acls() -> Asked:
    """Ask for every ACL."""
    request = acls.DescribeAclsRequest(
        resource_type_filter=_ANY,
        resource_name_filter=None,
        pattern_type_filter=_ANY,
        principal_filter=None,
        host_filter=None,
        operation=_ANY,
        permission_type=_ANY,
    )
    return Asked(request, 1)


def create_acl(
    name: str = THERE, *, kind: int = _TOPIC, operation: int = _DESCRIBE, principal: str = "User:x"
) -> Asked:
    """Allow somebody something."""
    creation = acls.AclCreation(
        resource_type=kind,
        resource_name=name,
        resource_pattern_type=3,
        principal=principal,
        host="*",
        operation=operation,
        permission_type=_ALLOW,
    )
    return Asked(acls.CreateAclsRequest(creations=(creation,)), 2)


def create_topic(name: str, *, partitions: int = 1, replicas: int = 1, timeout: int = 5000) -> Asked:
    """Make a topic."""
    topic = topics.CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=replicas, assignments=(), configs=()
    )
    return Asked(topics.CreateTopicsRequest(topics=(topic,), timeout_ms=timeout), 5)


def find_coordinator(kind: int, *keys: str) -> Asked:
    """Ask where a group (0) or a transactional id (1) is coordinated."""
    return Asked(groups.FindCoordinatorRequest(key_type=kind, coordinator_keys=keys), 4)


def scram_users(*names: str) -> Asked:
    """Ask for users' SCRAM credentials; no names are all of them."""
    wanted = tuple(users.UserName(name=name) for name in names)
    return Asked(users.DescribeUserScramCredentialsRequest(users=wanted), 0)


def alter_incrementally(kind: int, name: str, key: str, value: str, *, only_check: bool = True) -> Asked:
    """Set one setting, or see whether it could be."""
    config = configs.IncrementalAlterableConfig(name=key, config_operation=0, value=value)
    resource = configs.IncrementalAlterConfigsResource(resource_type=kind, resource_name=name, configs=(config,))
    return Asked(configs.IncrementalAlterConfigsRequest(resources=(resource,), validate_only=only_check), 0)


def _delete_acls() -> Asked:
    matched = acls.DeleteAclsFilter(
        resource_type_filter=_TOPIC,
        resource_name_filter=UNKNOWN,
        pattern_type_filter=3,
        principal_filter=None,
        host_filter=None,
        operation=_ANY,
        permission_type=_ANY,
    )
    return Asked(acls.DeleteAclsRequest(filters=(matched,)), 2)


def _alter_configs() -> Asked:
    config = configs.AlterableConfig(name="retention.ms", value="1000000")
    resource = configs.AlterConfigsResource(resource_type=_TOPIC, resource_name=UNKNOWN, configs=(config,))
    return Asked(configs.AlterConfigsRequest(resources=(resource,), validate_only=True), 1)


def _produce() -> Asked:
    part = logs.PartitionProduceData(index=0, records=None)
    topic = logs.TopicProduceData(name=THERE, partition_data=(part,))
    return Asked(logs.ProduceRequest(acks=1, timeout_ms=1000, topic_data=(topic,)), 7)


def fetch(topic: str) -> Asked:
    """Read a topic from its beginning, outside of any session."""
    part = logs.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1000)
    wanted = logs.FetchTopic(topic=topic, partitions=(part,))
    request = logs.FetchRequest(max_wait_ms=1, min_bytes=0, max_bytes=1000, topics=(wanted,), session_epoch=-1)
    return Asked(request, 11)


def list_offsets(topic: str, partition: int = 0) -> Asked:
    """Ask where a partition ends."""
    part = positions.ListOffsetsPartition(partition_index=partition, timestamp=-1)
    wanted = positions.ListOffsetsTopic(name=topic, partitions=(part,))
    return Asked(positions.ListOffsetsRequest(replica_id=-1, topics=(wanted,)), 5)


def _join(group: str) -> Asked:
    protocol = groups.JoinGroupRequestProtocol(name="range", metadata=b"")
    request = groups.JoinGroupRequest(
        group_id=group,
        session_timeout_ms=6000,
        rebalance_timeout_ms=6000,
        member_id="",
        protocol_type="consumer",
        protocols=(protocol,),
    )
    return Asked(request, 5)


def _commit(group: str) -> Asked:
    part = offsets.OffsetCommitRequestPartition(partition_index=0, committed_offset=0, committed_metadata=None)
    topic = offsets.OffsetCommitRequestTopic(name=THERE, partitions=(part,))
    return Asked(offsets.OffsetCommitRequest(group_id=group, topics=(topic,)), 7)


def _quotas() -> Asked:
    entry = cluster.AlterClientQuotasRequestEntryData(
        entity=(cluster.EntityData(entity_type="user", entity_name="x"),),
        ops=(cluster.OpData(key="producer_byte_rate", value=1e6, remove=False),),
    )
    return Asked(cluster.AlterClientQuotasRequest(entries=(entry,), validate_only=True), 0)


def _quorum() -> Asked:
    part = cluster.DescribeQuorumRequestPartitionData(partition_index=0)
    topic = cluster.DescribeQuorumRequestTopicData(topic_name="__cluster_metadata", partitions=(part,))
    return Asked(cluster.DescribeQuorumRequest(topics=(topic,)), 0)


def _epochs() -> Asked:
    part = positions.OffsetForLeaderPartition(partition=0, leader_epoch=0)
    topic = positions.OffsetForLeaderTopic(topic=THERE, partitions=(part,))
    return Asked(positions.OffsetForLeaderEpochRequest(replica_id=-1, topics=(topic,)), 3)


def _delete_records() -> Asked:
    part = positions.DeleteRecordsPartition(partition_index=0, offset=0)
    topic = positions.DeleteRecordsTopic(name=UNKNOWN, partitions=(part,))
    return Asked(positions.DeleteRecordsRequest(topics=(topic,), timeout_ms=1000), 1)


def _producers() -> Asked:
    topic = positions.DescribeProducersTopicRequest(name=THERE, partition_indexes=(0,))
    return Asked(positions.DescribeProducersRequest(topics=(topic,)), 0)


def _create_partitions() -> Asked:
    topic = topics.CreatePartitionsTopic(name=THERE, count=2, assignments=None)
    return Asked(topics.CreatePartitionsRequest(topics=(topic,), timeout_ms=1000, validate_only=True), 1)


def _delete_credential() -> Asked:
    gone = users.ScramCredentialDeletion(name=UNKNOWN, mechanism=1)
    return Asked(users.AlterUserScramCredentialsRequest(deletions=(gone,), upsertions=()), 0)


def _features() -> Asked:
    update = cluster.FeatureUpdateKey(feature="metadata.version", max_version_level=1, allow_downgrade=False)
    return Asked(cluster.UpdateFeaturesRequest(timeout_ms=1000, feature_updates=(update,)), 0)


def begin_producing(transactional: str | None, *, timeout: int = 1000) -> Asked:
    """Ask to be a producer, of a transactional id or of none."""
    return Asked(logs.InitProducerIdRequest(transactional_id=transactional, transaction_timeout_ms=timeout), 1)


def _offset_fetch() -> Asked:
    topic = offsets.OffsetFetchRequestTopic(name=THERE, partition_indexes=(0,))
    return Asked(offsets.OffsetFetchRequest(group_id=UNKNOWN, topics=(topic,)), 5)


READING: Final[Mapping[str, Asked]] = {
    "Metadata of an unknown topic": metadata(UNKNOWN),
    "Metadata of a topic": metadata(THERE),
    "DescribeCluster": Asked(DescribeClusterRequest(include_cluster_authorized_operations=True), 0),
    "DescribeGroups": describe_groups(UNKNOWN),
    "DescribeTransactions": Asked(transactions.DescribeTransactionsRequest(transactional_ids=(UNKNOWN,)), 0),
    "ListTransactions": Asked(transactions.ListTransactionsRequest(state_filters=(), producer_id_filters=()), 0),
    "DescribeConfigs of an unknown topic": describe_configs(_TOPIC, UNKNOWN, "retention.ms"),
    "DescribeConfigs of a topic": describe_configs(_TOPIC, THERE, "retention.ms"),
    "DescribeConfigs of the broker": describe_configs(_BROKER, "1", "num.io.threads"),
    "DescribeAcls": all_acls(),
    "ListGroups": Asked(groups.ListGroupsRequest(), 3),
    "DescribeLogDirs": Asked(cluster.DescribeLogDirsRequest(topics=None), 1),
    "DescribeClientQuotas": Asked(cluster.DescribeClientQuotasRequest(components=(), strict=False), 0),
    "DescribeDelegationToken": Asked(users.DescribeDelegationTokenRequest(owners=None), 1),
    "DescribeUserScramCredentials of all": scram_users(),
    "DescribeUserScramCredentials of alice": scram_users("alice"),
    "DescribeUserScramCredentials of nobody": scram_users(UNKNOWN),
    "ListPartitionReassignments": Asked(topics.ListPartitionReassignmentsRequest(timeout_ms=1000), 0),
    "DescribeProducers": _producers(),
    "ListOffsets": list_offsets(THERE),
    "ListOffsets of an unknown topic": list_offsets(UNKNOWN),
    "OffsetForLeaderEpoch": _epochs(),
    "OffsetFetch": _offset_fetch(),
    "Fetch": fetch(THERE),
}
"""Requests that change nothing, whoever asks."""

READING_KRAFT: Final[Mapping[str, Asked]] = {
    "DescribeQuorum": _quorum(),
    "ListClientMetricsResources": Asked(configs.ListConfigResourcesRequest(), 0),
    "DescribeTopicPartitions": Asked(
        topics.DescribeTopicPartitionsRequest(
            topics=(
                topics.DescribeTopicPartitionsTopicRequest(name=THERE),
                topics.DescribeTopicPartitionsTopicRequest(name=UNKNOWN),
            )
        ),
        0,
    ),
}
"""The same for brokers of a KRaft cluster only."""

WRITING: Final[Mapping[str, Asked]] = {
    "CreateTopics": create_topic(UNKNOWN),
    "DeleteTopics of an unknown topic": Asked(topics.DeleteTopicsRequest(topic_names=(UNKNOWN,), timeout_ms=1000), 4),
    "DeleteTopics": Asked(topics.DeleteTopicsRequest(topic_names=(THERE,), timeout_ms=1000), 4),
    "CreatePartitions": _create_partitions(),
    "DeleteRecords": _delete_records(),
    "CreateAcls": create_acl(),
    "DeleteAcls": _delete_acls(),
    "AlterConfigs": _alter_configs(),
    "IncrementalAlterConfigs of the broker": alter_incrementally(_BROKER, "1", "num.io.threads", "3"),
    "IncrementalAlterConfigs of a topic": alter_incrementally(_TOPIC, THERE, "retention.ms", "1000000"),
    "AlterUserScramCredentials": _delete_credential(),
    "AlterClientQuotas": _quotas(),
    "UpdateFeatures": _features(),
    "DeleteGroups": Asked(groups.DeleteGroupsRequest(groups_names=(UNKNOWN,)), 2),
    "JoinGroup": _join(UNKNOWN),
    "SyncGroup": Asked(groups.SyncGroupRequest(group_id=UNKNOWN, generation_id=1, member_id="x", assignments=()), 3),
    "Heartbeat": Asked(groups.HeartbeatRequest(group_id=UNKNOWN, generation_id=1, member_id="x"), 3),
    "LeaveGroup": Asked(groups.LeaveGroupRequest(group_id=UNKNOWN, member_id="x"), 2),
    "OffsetCommit": _commit(UNKNOWN),
    "InitProducerId": begin_producing(None),
    "InitProducerId of a transactional id": begin_producing(UNKNOWN),
    "FindCoordinator of a group": find_coordinator(0, UNKNOWN),
    "FindCoordinator of a transactional id": find_coordinator(1, UNKNOWN),
    "Produce": _produce(),
}
"""Requests that would change something; to be sent by those who are refused."""
