"""What the tests of administration have in common: short ways to say requests, and a cluster to say them to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mskaudit.reference.cluster import AclEntry, AuthorizerRules, Cluster, Listener, Protocol
from mskaudit.wire.apis.configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResponse,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    IncrementalAlterableConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResponse,
)
from mskaudit.wire.apis.topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from tests.reference.services.desk import ALICE, BOB, RELEASES, ROOT

if TYPE_CHECKING:
    from mskaudit.wire.apis.configs import DescribeConfigsResult
    from tests.reference.services.desk import Desk

OLD, NEW = "3.9", "4.4"
LINES = (OLD, NEW)
TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32


def acl(principal: str, *operations: str, kind: str = "CLUSTER", name: str = "kafka-cluster") -> AclEntry:
    """What somebody may do."""
    return AclEntry(principal=principal, operations=operations, resource=kind, name=name)


def world(release: str = NEW, *, authorizer: bool = True, brokers: int = 3, **settings: str) -> Cluster:
    """A cluster of root; alice makes topics that begin with `a` and sees the cluster, bob sees `orders`."""
    return Cluster(
        count=brokers,
        cluster_id="administration",
        release=release,
        mode=RELEASES[release],
        topics={"orders": 3, "secrets": 1},
        users={"billing": "secret"},
        listeners={"plaintext": Listener(protocol=Protocol.PLAINTEXT)},
        authorizer=AuthorizerRules(super_users=(ROOT, "User:CN=broker")) if authorizer else None,
        acls={
            "alice-sees": acl(ALICE, "DESCRIBE"),
            "alice-makes": AclEntry(
                principal=ALICE, operations=("CREATE",), resource="TOPIC", name="a", pattern="PREFIXED"
            ),
            "bob": acl(BOB, "DESCRIBE", kind="TOPIC", name="orders"),
        },
        settings={key.replace("_", "."): value for key, value in settings.items()},
    )


def topic(
    name: str, count: int = 1, copies: int = 1, *assigned: tuple[int, tuple[int, ...]], **configs: str | None
) -> CreatableTopic:
    """A topic to make; an underscore in the name of a setting is a dot."""
    return CreatableTopic(
        name=name,
        num_partitions=count,
        replication_factor=copies,
        assignments=tuple(CreatableReplicaAssignment(partition_index=at, broker_ids=ids) for at, ids in assigned),
        configs=tuple(CreatableTopicConfig(name=key.replace("_", "."), value=value) for key, value in configs.items()),
    )


async def create(
    desk: Desk, *topics: CreatableTopic, version: int = 5, who: str = ROOT, at: int = 1, only: bool = False
) -> CreateTopicsResponse:
    """Make topics."""
    request = CreateTopicsRequest(topics=topics, validate_only=only)
    return await desk.ask(CreateTopicsResponse, request, version, who=who, at=at)


async def describe(
    desk: Desk, kind: int, name: str, *keys: str, version: int = 4, who: str = ROOT, synonyms: bool = False
) -> DescribeConfigsResult:
    """The settings of a resource."""
    resource = DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=keys or None)
    request = DescribeConfigsRequest(resources=(resource,), include_synonyms=synonyms)
    (result,) = (await desk.ask(DescribeConfigsResponse, request, version, who=who)).results
    return result


async def alter(
    desk: Desk,
    kind: int,
    name: str,
    *changes: tuple[str, str | None] | tuple[str, str | None, int],
    who: str = ROOT,
    only: bool = False,
) -> tuple[int, str | None]:
    """Change single settings, and the error with its words; the third of a change is the operation."""
    configs = tuple(
        IncrementalAlterableConfig(name=key, value=value, config_operation=rest[0] if rest else 0)
        for key, value, *rest in changes
    )
    resource = IncrementalAlterConfigsResource(resource_type=kind, resource_name=name, configs=configs)
    request = IncrementalAlterConfigsRequest(resources=(resource,), validate_only=only)
    (told,) = (await desk.ask(IncrementalAlterConfigsResponse, request, 1, who=who)).responses
    return told.error_code, told.error_message


async def replace_settings(
    desk: Desk, kind: int, name: str, settings: dict[str, str | None], *, who: str = ROOT
) -> tuple[int, str | None]:
    """Let settings be these and no others."""
    configs = tuple(AlterableConfig(name=key, value=value) for key, value in settings.items())
    resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=configs)
    request = AlterConfigsRequest(resources=(resource,), validate_only=False)
    (told,) = (await desk.ask(AlterConfigsResponse, request, 2, who=who)).responses
    return told.error_code, told.error_message
