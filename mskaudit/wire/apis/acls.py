"""Access control lists read, added and removed.

Kinds of resource, pattern, operation and permission are Kafka's numbers; 1 matches any of them in a filter.
Version 0 knows literal resource names only (KIP-290).
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import Api, ApiKey, Request, Response
from mskaudit.wire.schema import Int8, Int16, Int32, String, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAclsRequest(Request):
    """Ask for the ACLs that match; None matches any text."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_ACLS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    resource_type_filter: Int8
    resource_name_filter: String | None
    pattern_type_filter: Annotated[Int8, Wire(since=1)] = 3
    principal_filter: String | None
    host_filter: String | None
    operation: Int8
    permission_type: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class AclDescription:
    """One entry: who, from where, may or may not do what."""

    principal: String
    host: String
    operation: Int8
    permission_type: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAclsResource:
    """A resource and its entries."""

    resource_type: Int8
    resource_name: String
    pattern_type: Annotated[Int8, Wire(since=1)] = 3
    acls: tuple[AclDescription, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAclsResponse(Response):
    """The ACLs that match; error 54 where the broker has no authorizer."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_ACLS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    resources: tuple[DescribeAclsResource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AclCreation:
    """An entry to add."""

    resource_type: Int8
    resource_name: String
    resource_pattern_type: Annotated[Int8, Wire(since=1)] = 3
    principal: String
    host: String
    operation: Int8
    permission_type: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAclsRequest(Request):
    """Add ACLs."""

    api_key: ClassVar[int] = ApiKey.CREATE_ACLS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    creations: tuple[AclCreation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AclCreationResult:
    """Whether one entry was added."""

    error_code: Int16 = 0
    error_message: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAclsResponse(Response):
    """Which entries were added, in their order."""

    api_key: ClassVar[int] = ApiKey.CREATE_ACLS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    results: tuple[AclCreationResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAclsFilter:
    """What the entries to remove match; None matches any text."""

    resource_type_filter: Int8
    resource_name_filter: String | None
    pattern_type_filter: Annotated[Int8, Wire(since=1)] = 3
    principal_filter: String | None
    host_filter: String | None
    operation: Int8
    permission_type: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAclsRequest(Request):
    """Remove the ACLs that match."""

    api_key: ClassVar[int] = ApiKey.DELETE_ACLS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    filters: tuple[DeleteAclsFilter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAclsMatchingAcl:
    """An entry that matched and whether it was removed."""

    error_code: Int16 = 0
    error_message: String | None = None
    resource_type: Int8
    resource_name: String
    pattern_type: Annotated[Int8, Wire(since=1)] = 3
    principal: String
    host: String
    operation: Int8
    permission_type: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAclsFilterResult:
    """The entries that one filter matched."""

    error_code: Int16 = 0
    error_message: String | None = None
    matching_acls: tuple[DeleteAclsMatchingAcl, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAclsResponse(Response):
    """What was removed, in the order of the filters."""

    api_key: ClassVar[int] = ApiKey.DELETE_ACLS
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    throttle_time_ms: Int32 = 0
    filter_results: tuple[DeleteAclsFilterResult, ...] = ()


APIS: Final = (
    Api.of(DescribeAclsRequest, DescribeAclsResponse),
    Api.of(CreateAclsRequest, CreateAclsResponse),
    Api.of(DeleteAclsRequest, DeleteAclsResponse),
)
