"""The `kafka-cluster` actions of MSK: what each is about, needs besides, and is in Kafka's own terms.

Source: the service authorization reference for Apache Kafka APIs for Amazon MSK, and the IAM access control pages of
the MSK developer guide. Unlike in Kafka no action implies another.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mskaudit.errors import UsageError
from mskaudit.policy.acls import Operation, ResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "kafka-cluster:"


class Kind(StrEnum):
    """A type of resource, as its ARN names it."""

    CLUSTER = "cluster"
    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


class Action(StrEnum):
    """An action on the data plane, by its full name."""

    CONNECT = "kafka-cluster:Connect"
    DESCRIBE_CLUSTER = "kafka-cluster:DescribeCluster"
    ALTER_CLUSTER = "kafka-cluster:AlterCluster"
    DESCRIBE_CLUSTER_CONFIGS = "kafka-cluster:DescribeClusterDynamicConfiguration"
    ALTER_CLUSTER_CONFIGS = "kafka-cluster:AlterClusterDynamicConfiguration"
    WRITE_DATA_IDEMPOTENTLY = "kafka-cluster:WriteDataIdempotently"
    CREATE_TOPIC = "kafka-cluster:CreateTopic"
    DESCRIBE_TOPIC = "kafka-cluster:DescribeTopic"
    ALTER_TOPIC = "kafka-cluster:AlterTopic"
    DELETE_TOPIC = "kafka-cluster:DeleteTopic"
    DESCRIBE_TOPIC_CONFIGS = "kafka-cluster:DescribeTopicDynamicConfiguration"
    ALTER_TOPIC_CONFIGS = "kafka-cluster:AlterTopicDynamicConfiguration"
    READ_DATA = "kafka-cluster:ReadData"
    WRITE_DATA = "kafka-cluster:WriteData"
    DESCRIBE_GROUP = "kafka-cluster:DescribeGroup"
    ALTER_GROUP = "kafka-cluster:AlterGroup"
    DELETE_GROUP = "kafka-cluster:DeleteGroup"
    DESCRIBE_TRANSACTIONAL_ID = "kafka-cluster:DescribeTransactionalId"
    ALTER_TRANSACTIONAL_ID = "kafka-cluster:AlterTransactionalId"


def kind_of(action: Action) -> Kind:
    """Return the type of resource an action is about."""
    return next(kind for kind, actions in _KINDS.items() if action in actions)


@cache
def required(action: Action) -> frozenset[Action]:
    """Return every action that must be allowed too for ``action`` to be of use, directly or by way of another."""
    direct = _REQUIRED[action] if action in _REQUIRED else frozenset({Action.CONNECT})
    if action is Action.CONNECT:
        return frozenset()
    return direct.union(*(required(each) for each in direct))


def action_for(operation: Operation, resource_type: ResourceType) -> Action | None:
    """Return the action that governs a Kafka operation on a resource of a type; None where MSK has none: refused.

    CREATE on the cluster is the same action as on a topic, and the topic's ARN decides it.
    """
    asked = (resource_type, operation)
    return _ANALOGUES[asked] if asked in _ANALOGUES else None


def resource_arn(cluster_arn: str, kind: Kind, name: str = "") -> str:
    """Return the ARN of a topic, group or transactional id of a cluster; of the cluster itself, whatever the name.

    UsageError if ``cluster_arn`` is no ARN of an MSK cluster.
    """
    fields = cluster_arn.split(":")
    path = fields[-1].split("/")
    well_formed = len(fields) == _ARN_FIELDS and fields[0] == "arn" and fields[2] == "kafka"
    if not well_formed or path[0] != Kind.CLUSTER or not all(path) or len(path) != _CLUSTER_PATH:
        raise UsageError(
            f"{cluster_arn!r} is no ARN of a cluster; one is arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID"
        )
    if kind is Kind.CLUSTER:
        return cluster_arn
    return f"{':'.join(fields[:-1])}:{kind}/{path[1]}/{path[2]}/{name}"


_CLUSTER_PATH: Final = 3
_ARN_FIELDS: Final = 6
_KINDS: Final[Mapping[Kind, frozenset[Action]]] = MappingProxyType(
    {
        Kind.CLUSTER: frozenset(
            {
                Action.CONNECT,
                Action.DESCRIBE_CLUSTER,
                Action.ALTER_CLUSTER,
                Action.DESCRIBE_CLUSTER_CONFIGS,
                Action.ALTER_CLUSTER_CONFIGS,
                Action.WRITE_DATA_IDEMPOTENTLY,
            }
        ),
        Kind.TOPIC: frozenset(
            {
                Action.CREATE_TOPIC,
                Action.DESCRIBE_TOPIC,
                Action.ALTER_TOPIC,
                Action.DELETE_TOPIC,
                Action.DESCRIBE_TOPIC_CONFIGS,
                Action.ALTER_TOPIC_CONFIGS,
                Action.READ_DATA,
                Action.WRITE_DATA,
            }
        ),
        Kind.GROUP: frozenset({Action.DESCRIBE_GROUP, Action.ALTER_GROUP, Action.DELETE_GROUP}),
        Kind.TRANSACTIONAL_ID: frozenset({Action.DESCRIBE_TRANSACTIONAL_ID, Action.ALTER_TRANSACTIONAL_ID}),
    }
)
_REQUIRED: Final[Mapping[Action, frozenset[Action]]] = MappingProxyType(
    {
        Action.ALTER_CLUSTER: frozenset({Action.CONNECT, Action.DESCRIBE_CLUSTER}),
        Action.ALTER_CLUSTER_CONFIGS: frozenset({Action.CONNECT, Action.DESCRIBE_CLUSTER_CONFIGS}),
        Action.WRITE_DATA_IDEMPOTENTLY: frozenset({Action.CONNECT, Action.WRITE_DATA}),
        Action.ALTER_TOPIC: frozenset({Action.CONNECT, Action.DESCRIBE_TOPIC}),
        Action.DELETE_TOPIC: frozenset({Action.CONNECT, Action.DESCRIBE_TOPIC}),
        Action.ALTER_TOPIC_CONFIGS: frozenset({Action.CONNECT, Action.DESCRIBE_TOPIC_CONFIGS}),
        Action.READ_DATA: frozenset({Action.CONNECT, Action.DESCRIBE_TOPIC, Action.ALTER_GROUP}),
        Action.WRITE_DATA: frozenset({Action.CONNECT, Action.DESCRIBE_TOPIC}),
        Action.ALTER_GROUP: frozenset({Action.CONNECT, Action.DESCRIBE_GROUP}),
        Action.DELETE_GROUP: frozenset({Action.CONNECT, Action.DESCRIBE_GROUP}),
        Action.ALTER_TRANSACTIONAL_ID: frozenset({Action.CONNECT, Action.DESCRIBE_TRANSACTIONAL_ID, Action.WRITE_DATA}),
    }
)
_ANALOGUES: Final[Mapping[tuple[ResourceType, Operation], Action]] = MappingProxyType(
    {
        (ResourceType.CLUSTER, Operation.CREATE): Action.CREATE_TOPIC,
        (ResourceType.CLUSTER, Operation.ALTER): Action.ALTER_CLUSTER,
        (ResourceType.CLUSTER, Operation.DESCRIBE): Action.DESCRIBE_CLUSTER,
        (ResourceType.CLUSTER, Operation.DESCRIBE_CONFIGS): Action.DESCRIBE_CLUSTER_CONFIGS,
        (ResourceType.CLUSTER, Operation.ALTER_CONFIGS): Action.ALTER_CLUSTER_CONFIGS,
        (ResourceType.CLUSTER, Operation.IDEMPOTENT_WRITE): Action.WRITE_DATA_IDEMPOTENTLY,
        (ResourceType.TOPIC, Operation.READ): Action.READ_DATA,
        (ResourceType.TOPIC, Operation.WRITE): Action.WRITE_DATA,
        (ResourceType.TOPIC, Operation.CREATE): Action.CREATE_TOPIC,
        (ResourceType.TOPIC, Operation.DELETE): Action.DELETE_TOPIC,
        (ResourceType.TOPIC, Operation.ALTER): Action.ALTER_TOPIC,
        (ResourceType.TOPIC, Operation.DESCRIBE): Action.DESCRIBE_TOPIC,
        (ResourceType.TOPIC, Operation.DESCRIBE_CONFIGS): Action.DESCRIBE_TOPIC_CONFIGS,
        (ResourceType.TOPIC, Operation.ALTER_CONFIGS): Action.ALTER_TOPIC_CONFIGS,
        (ResourceType.GROUP, Operation.READ): Action.ALTER_GROUP,
        (ResourceType.GROUP, Operation.DESCRIBE): Action.DESCRIBE_GROUP,
        (ResourceType.GROUP, Operation.DELETE): Action.DELETE_GROUP,
        (ResourceType.TRANSACTIONAL_ID, Operation.WRITE): Action.ALTER_TRANSACTIONAL_ID,
        (ResourceType.TRANSACTIONAL_ID, Operation.DESCRIBE): Action.DESCRIBE_TRANSACTIONAL_ID,
    }
)
