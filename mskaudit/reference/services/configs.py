"""Settings described: of brokers, topics, groups, loggers and client metrics (KIP-133, KIP-226, KIP-569)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, assert_never

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.broker_settings import ALL_BROKERS, BrokerSettings, Entry, Source, Synonym
from mskaudit.reference.config_keys import ConfigType
from mskaudit.reference.services import alterations
from mskaudit.reference.services.config_resources import (
    LOGGERS,
    ConfigKind,
    has_client_metrics,
    has_groups,
    kind_of,
)
from mskaudit.reference.services.refusals import (
    CLUSTER_REFUSED,
    GROUP_REFUSED,
    TOPIC_REFUSED,
    clipped,
    name_fault,
)
from mskaudit.reference.services.topic_placing import Refusal
from mskaudit.wire.apis.configs import (
    ConfigResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
    ListConfigResourcesResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.config_keys import LowerKey
    from mskaudit.wire.apis.configs import (
        DescribeConfigsRequest,
        DescribeConfigsResource,
        ListConfigResourcesRequest,
    )

_MOST_ENTRIES: Final = 100_000
"""Settings in one answer; a resource beyond is refused."""
_DOCUMENTED_SINCE: Final = 3
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,10}")
_MALFORMED: Final = (
    "This most likely occurs because of a request being malformed by the client library or the message was sent to "
    "an incompatible broker. See the broker logs for more details."
)


async def _describe(asking: Asking, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    settings = BrokerSettings(asking)
    results = []
    left = _MOST_ENTRIES
    for resource in request.resources:
        found = _refusal(asking, resource) or _entries(asking, settings, resource)
        if left <= 0:
            found = Refusal(ErrorCode.POLICY_VIOLATION, "Too many resources in one request.")
        results.append(_result(asking, request, resource, found))
        left -= len(results[-1].configs) + 1
    return DescribeConfigsResponse(results=tuple(results))


def _result(
    asking: Asking,
    request: DescribeConfigsRequest,
    resource: DescribeConfigsResource,
    found: Refusal | Iterator[Entry],
) -> DescribeConfigsResult:
    kind, name = resource.resource_type, resource.resource_name
    if isinstance(found, Refusal):
        return DescribeConfigsResult(
            error_code=found.error, error_message=found.message, resource_type=kind, resource_name=name
        )
    configs = tuple(_config(asking, request, entry) for entry in found)
    return DescribeConfigsResult(resource_type=kind, resource_name=name, configs=configs)


def _config(asking: Asking, request: DescribeConfigsRequest, entry: Entry) -> DescribeConfigsResourceResult:
    synonyms = entry.synonyms if request.include_synonyms else ()
    documented = request.include_documentation and asking.version >= _DOCUMENTED_SINCE
    return DescribeConfigsResourceResult(
        name=entry.name,
        value=entry.value,
        read_only=entry.read_only,
        is_default=asking.version == 0 and entry.source is Source.DEFAULT,
        config_source=entry.source,
        is_sensitive=entry.is_sensitive,
        synonyms=tuple(
            DescribeConfigsSynonym(name=name, value=value, source=source) for name, value, source in synonyms
        ),
        config_type=entry.type,
        documentation=_documentation(entry) if documented else None,
    )


def _documentation(entry: Entry) -> str | None:
    return None if entry.type is ConfigType.UNKNOWN else f"A setting of type {entry.type.name}."


def _refusal(asking: Asking, resource: DescribeConfigsResource) -> Refusal | None:
    """Why whoever asks may not see a resource's settings, or that there is no such resource."""
    kind, name = kind_of(asking, resource.resource_type), resource.resource_name
    match kind:
        case None:
            return Refusal(ErrorCode.INVALID_REQUEST, _MALFORMED)
        case ConfigKind.TOPIC:
            if not asking.may(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, name):
                return Refusal(ErrorCode.TOPIC_AUTHORIZATION_FAILED, TOPIC_REFUSED)
            if fault := name_fault(name):
                return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, fault)
            there = name in asking.state.topics
            return None if there else Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None)
        case ConfigKind.GROUP:
            if not asking.may(Operation.DESCRIBE_CONFIGS, ResourceType.GROUP, name):
                return Refusal(ErrorCode.GROUP_AUTHORIZATION_FAILED, GROUP_REFUSED)
            return None if name else Refusal(ErrorCode.INVALID_REQUEST, "Group name must not be empty")
        case ConfigKind.BROKER | ConfigKind.BROKER_LOGGER | ConfigKind.CLIENT_METRICS:
            if not asking.may_on_cluster(Operation.DESCRIBE_CONFIGS):
                return Refusal(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, CLUSTER_REFUSED)
            fault = _cluster_fault(asking, kind, name)
            return None if fault is None else Refusal(ErrorCode.INVALID_REQUEST, clipped(fault))
        case _:
            assert_never(kind)


def _cluster_fault(asking: Asking, kind: ConfigKind, name: str) -> str | None:
    """What is wrong with the name of a resource of the cluster's."""
    if kind is ConfigKind.CLIENT_METRICS:
        if not has_client_metrics(asking):
            return "Config type client-metrics is only supported on KRaft clusters"
        return None if name else "Client metrics subscription name must not be empty"
    if not name:
        return "Broker id must not be empty" if kind is ConfigKind.BROKER_LOGGER else None
    if not _INTEGER.fullmatch(name) or not -(1 << 31) <= int(name) < 1 << 31:
        return f"Broker id must be an integer, but it is: {name}"
    own = asking.node.number
    if int(name) == own:
        return None
    if kind is ConfigKind.BROKER_LOGGER:
        return f"Unexpected broker id, expected {own} but received {name}"
    return f"Unexpected broker id, expected {own} or empty string, but received {name}"


def _entries(asking: Asking, settings: BrokerSettings, resource: DescribeConfigsResource) -> Iterator[Entry]:
    """The settings of a resource that is there, those that are asked for."""
    wanted = frozenset(resource.configuration_keys or ())
    kind, name = ConfigKind(resource.resource_type), resource.resource_name

    def chosen(names: Iterable[str]) -> Iterator[str]:
        return (name for name in names if not wanted or name in wanted)

    match kind:
        case ConfigKind.TOPIC:
            topic = asking.state.topics[name]
            keys = settings.table.topic_keys
            return (settings.of_topic(keys[key], topic) for key in chosen(keys))
        case ConfigKind.BROKER if name == ALL_BROKERS:
            return map(settings.describe_default, chosen(sorted(asking.state.broker_settings[ALL_BROKERS])))
        case ConfigKind.BROKER:
            return map(settings.describe, chosen(settings.names()))
        case ConfigKind.BROKER_LOGGER:
            return (_logger(asking, logger) for logger in chosen(LOGGERS))
        case ConfigKind.GROUP:
            altered = asking.state.group_settings[name] if name in asking.state.group_settings else {}
            keys = {key.name: key for key in settings.table.groups}
            return (_group(settings, keys[key], altered) for key in chosen(keys))
        case ConfigKind.CLIENT_METRICS:
            altered = asking.state.client_metrics[name] if name in asking.state.client_metrics else {}
            keys = {key.name: key for key in settings.table.client_metrics}
            return (_metric(keys[key], altered) for key in chosen(keys))
        case _:
            assert_never(kind)


def _logger(asking: Asking, logger: str) -> Entry:
    levels = asking.state.log_levels
    number = asking.node.number
    level = levels[number, logger] if (number, logger) in levels else "INFO"
    return Entry(name=logger, value=level, type=ConfigType.UNKNOWN, synonyms=(), source=Source.BROKER_LOGGER)


def _group(settings: BrokerSettings, key: LowerKey, altered: Mapping[str, str]) -> Entry:
    inherited = settings.synonyms(key.broker_key) if key.broker_key is not None else ()
    if not inherited and key.broker_key is not None:
        inherited = (Synonym(key.broker_key, key.default, Source.DEFAULT),)
    found = inherited
    if key.name in altered:
        found = (Synonym(key.name, altered[key.name], Source.GROUP), *inherited)
    value, source = (found[0].value, found[0].source) if found else (key.default, Source.DEFAULT)
    return Entry(name=key.name, value=value, type=key.type, synonyms=found, source=source)


def _metric(key: LowerKey, altered: Mapping[str, str]) -> Entry:
    if key.name not in altered:
        return Entry(name=key.name, value=key.default, type=key.type, synonyms=())
    own = Synonym(key.name, altered[key.name], Source.CLIENT_METRICS)
    return Entry(name=key.name, value=own.value, type=key.type, synonyms=(own,), source=own.source)


async def _list(asking: Asking, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse:
    if not asking.may_on_cluster(Operation.DESCRIBE_CONFIGS):
        return ListConfigResourcesResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    if asking.version == 0:
        kinds: set[int] = {ConfigKind.CLIENT_METRICS}
    else:
        kinds = set(request.resource_types) or set(ConfigKind)
    if not kinds <= set(ConfigKind):
        return ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    return ListConfigResourcesResponse(
        config_resources=tuple(
            ConfigResource(resource_name=name, resource_type=kind)
            for kind in sorted(kinds, reverse=True)
            for name in _resources(asking, ConfigKind(kind))
        )
    )


def _resources(asking: Asking, kind: ConfigKind) -> Iterable[str]:
    match kind:
        case ConfigKind.TOPIC:
            return sorted(asking.state.topics)
        case ConfigKind.BROKER | ConfigKind.BROKER_LOGGER:
            return (str(node.number) for node in asking.nodes)
        case ConfigKind.CLIENT_METRICS:
            return sorted(asking.state.client_metrics) if has_client_metrics(asking) else ()
        case ConfigKind.GROUP:
            return sorted(asking.state.group_settings) if has_groups(asking) else ()
        case _:
            assert_never(kind)


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.DESCRIBE_CONFIGS: _describe,
    ApiKey.LIST_CONFIG_RESOURCES: _list,
    **alterations.HANDLERS,
}
