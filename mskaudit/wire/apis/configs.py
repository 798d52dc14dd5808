"""Settings of brokers, topics and other resources read and changed, and the resources that have any.

Kinds of resource: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bool, Int8, Int16, Int32, String, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeConfigsResource:
    """A resource and the settings wanted of it, None for all."""

    resource_type: Int8
    resource_name: String
    configuration_keys: tuple[String, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeConfigsRequest(Request):
    """Ask for settings, with where they come from if synonyms are wanted."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_CONFIGS
    versions: ClassVar[range] = range(5)
    flexible_since: ClassVar[int] = 4
    resources: tuple[DescribeConfigsResource, ...]
    include_synonyms: Annotated[Bool, Wire(since=1)] = False
    include_documentation: Annotated[Bool, Wire(since=3)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeConfigsSynonym:
    """One of the places a setting may come from, the decisive first (KIP-226)."""

    name: String
    value: String | None
    source: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeConfigsResourceResult:
    """A setting; the value is None where it is secret, the kind and words are of version 3 (KIP-569)."""

    name: String
    value: String | None
    read_only: Bool
    is_default: Annotated[Bool, Wire(until=0)] = False
    config_source: Annotated[Int8, Wire(since=1, ignorable=True)] = -1
    is_sensitive: Bool
    synonyms: Annotated[tuple[DescribeConfigsSynonym, ...], Wire(since=1, ignorable=True)] = ()
    config_type: Annotated[Int8, Wire(since=3, ignorable=True)] = 0
    documentation: Annotated[String | None, Wire(since=3, ignorable=True)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeConfigsResult:
    """One resource's settings."""

    error_code: Int16 = 0
    error_message: String | None = None
    resource_type: Int8
    resource_name: String
    configs: tuple[DescribeConfigsResourceResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeConfigsResponse(Response):
    """Settings of the resources asked about."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_CONFIGS
    versions: ClassVar[range] = range(5)
    flexible_since: ClassVar[int] = 4
    throttle_time_ms: Int32 = 0
    results: tuple[DescribeConfigsResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterableConfig:
    """A setting's new value."""

    name: String
    value: String | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterConfigsResource:
    """A resource and all settings it shall have."""

    resource_type: Int8
    resource_name: String
    configs: tuple[AlterableConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterConfigsRequest(Request):
    """Replace all settings of resources, or only say whether they could be replaced."""

    api_key: ClassVar[int] = ApiKey.ALTER_CONFIGS
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 2
    resources: tuple[AlterConfigsResource, ...]
    validate_only: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterConfigsResourceResponse:
    """Whether one resource's settings were changed."""

    error_code: Int16 = 0
    error_message: String | None = None
    resource_type: Int8
    resource_name: String


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterConfigsResponse(Response):
    """Which resources' settings were changed."""

    api_key: ClassVar[int] = ApiKey.ALTER_CONFIGS
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    responses: tuple[AlterConfigsResourceResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalAlterableConfig:
    """A setting and what to do with it: 0 set, 1 delete, 2 append, 3 subtract."""

    name: String
    config_operation: Int8
    value: String | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalAlterConfigsResource:
    """A resource and the settings to change."""

    resource_type: Int8
    resource_name: String
    configs: tuple[IncrementalAlterableConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalAlterConfigsRequest(Request):
    """Change single settings, or only say whether they could be changed (KIP-339)."""

    api_key: ClassVar[int] = ApiKey.INCREMENTAL_ALTER_CONFIGS
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    resources: tuple[IncrementalAlterConfigsResource, ...]
    validate_only: Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalAlterConfigsResponse(Response):
    """Which resources' settings were changed."""

    api_key: ClassVar[int] = ApiKey.INCREMENTAL_ALTER_CONFIGS
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 1
    throttle_time_ms: Int32 = 0
    responses: tuple[AlterConfigsResourceResponse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListConfigResourcesRequest(Request):
    """Ask which resources can have settings; in version 0, client metrics only (KIP-1142)."""

    api_key: ClassVar[int] = ApiKey.LIST_CONFIG_RESOURCES
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 0
    resource_types: Annotated[tuple[Int8, ...], Wire(since=1)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigResource:
    """A resource that can have settings."""

    resource_name: String
    resource_type: Annotated[Int8, Wire(since=1, ignorable=True)] = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ListConfigResourcesResponse(Response):
    """Resources that can have settings."""

    api_key: ClassVar[int] = ApiKey.LIST_CONFIG_RESOURCES
    versions: ClassVar[range] = range(2)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    config_resources: tuple[ConfigResource, ...] = ()


APIS: Final = (
    Api.of(DescribeConfigsRequest, DescribeConfigsResponse),
    Api.of(AlterConfigsRequest, AlterConfigsResponse),
    Api.of(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse),
    Api.of(ListConfigResourcesRequest, ListConfigResourcesResponse),
)
