"""Access control lists read, added and removed, in the words of Kafka 3.9 with ZooKeeper and of 4.4 with KRaft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import (
    CLUSTER_NAME,
    Acl,
    AclFilter,
    Operation,
    PatternType,
    Permission,
    ResourceType,
    validate,
)
from mskaudit.reference.asking import NoReply
from mskaudit.reference.services.capacity import room_for_acls
from mskaudit.reference.services.refusals import clipped, in_zookeeper, request_refused
from mskaudit.wire.apis.acls import (
    AclCreationResult,
    AclDescription,
    CreateAclsResponse,
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsResponse,
    DescribeAclsResource,
    DescribeAclsResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.wire.apis.acls import (
        AclCreation,
        CreateAclsRequest,
        DeleteAclsFilter,
        DeleteAclsRequest,
        DescribeAclsRequest,
    )

_NO_AUTHORIZER: Final = "No Authorizer is configured."
_PATTERNS_SINCE: Final = 1
_MOST_COMPARISONS: Final = 2_000_000
"""So many times an ACL may be looked at for the filters of one request, which takes about a second."""


async def _describe(asking: Asking, request: DescribeAclsRequest) -> DescribeAclsResponse | NoReply:
    if _is_nonsense(request):
        return NoReply.CLOSE
    if not asking.authority.configured:
        return DescribeAclsResponse(
            error_code=ErrorCode.SECURITY_DISABLED, error_message="No Authorizer is configured on the broker"
        )
    if not asking.may_on_cluster(Operation.DESCRIBE):
        return DescribeAclsResponse(
            error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
            error_message=request_refused(asking, Operation.DESCRIBE),
        )
    wanted = _filter(request)
    found = () if wanted.is_unknown else asking.state.acls.select(wanted)
    return DescribeAclsResponse(resources=_by_resource(asking, found))


def _by_resource(asking: Asking, acls: Iterable[Acl]) -> tuple[DescribeAclsResource, ...]:
    grouped: dict[tuple[ResourceType, str, PatternType], list[AclDescription]] = {}
    for acl in acls:
        if asking.version < _PATTERNS_SINCE and acl.pattern_type is not PatternType.LITERAL:
            continue
        entry = AclDescription(
            principal=acl.principal, host=acl.host, operation=acl.operation, permission_type=acl.permission
        )
        grouped.setdefault((acl.resource_type, acl.name, acl.pattern_type), []).append(entry)
    return tuple(
        DescribeAclsResource(resource_type=kind, resource_name=name, pattern_type=pattern, acls=tuple(entries))
        for (kind, name, pattern), entries in grouped.items()
    )


async def _create(asking: Asking, request: CreateAclsRequest) -> CreateAclsResponse | NoReply:
    if any(_is_void(creation) for creation in request.creations):
        return NoReply.CLOSE
    refusal = _refusal(asking)
    if refusal is not None:
        result = AclCreationResult(error_code=refusal.error, error_message=refusal.message)
        return CreateAclsResponse(results=(result,) * len(request.creations))
    results = [_checked(asking, creation) for creation in request.creations]
    wanted = [result for result in results if isinstance(result, Acl)]
    full = None
    if room_for_acls(asking.state, wanted):
        asking.state.acls = asking.state.acls.including(wanted)
    else:
        full = _Refusal(error=ErrorCode.POLICY_VIOLATION, message="This cluster holds no more ACLs.")
    return CreateAclsResponse(results=tuple(_creation_result(full if isinstance(one, Acl) else one) for one in results))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why something is not done."""

    error: ErrorCode
    message: str | None = None


def _creation_result(refusal: _Refusal | None) -> AclCreationResult:
    if refusal is None:
        return AclCreationResult()
    return AclCreationResult(error_code=refusal.error, error_message=refusal.message)


def _refusal(asking: Asking) -> _Refusal | None:
    """Why whoever asks may not alter ACLs."""
    if not asking.authority.configured:
        return _Refusal(error=ErrorCode.SECURITY_DISABLED, message=_NO_AUTHORIZER)
    if not asking.may_on_cluster(Operation.ALTER):
        message = request_refused(asking, Operation.ALTER)
        return _Refusal(error=ErrorCode.CLUSTER_AUTHORIZATION_FAILED, message=message)
    return None


def _checked(asking: Asking, creation: AclCreation) -> Acl | _Refusal:
    """The ACL that is wanted, or what Kafka's two authorizers say to it."""
    acl = Acl(
        resource_type=ResourceType(creation.resource_type),
        name=creation.resource_name,
        pattern_type=PatternType(creation.resource_pattern_type),
        principal=creation.principal,
        host=creation.host,
        operation=Operation(creation.operation),
        permission=Permission(creation.permission_type),
    )
    if acl.resource_type is ResourceType.CLUSTER and acl.name != CLUSTER_NAME:
        return _Refusal(error=ErrorCode.INVALID_REQUEST, message=validate(acl))
    if not acl.name:
        return _Refusal(error=ErrorCode.INVALID_REQUEST, message="Invalid empty resource name")
    if _is_filter_only(acl):
        return _Refusal(error=ErrorCode.UNKNOWN_SERVER_ERROR)
    if in_zookeeper(asking):
        return _checked_by_acl_authorizer(acl)
    fault = validate(acl)
    if fault is None and not acl.host:
        fault = "Host pattern cannot be null or empty"
    return acl if fault is None else _Refusal(error=ErrorCode.INVALID_REQUEST, message=clipped(fault))


def _checked_by_acl_authorizer(acl: Acl) -> Acl | _Refusal:
    if 0 in (acl.resource_type, acl.pattern_type, acl.operation, acl.permission):
        return _Refusal(error=ErrorCode.INVALID_REQUEST, message="Failed to create ACL")
    if ":" not in acl.principal:
        return _Refusal(error=ErrorCode.UNKNOWN_SERVER_ERROR)
    return acl


def _is_filter_only(acl: Acl) -> bool:
    """Whether it is one that only a filter can be."""
    return (
        acl.resource_type is ResourceType.ANY
        or acl.pattern_type in (PatternType.ANY, PatternType.MATCH)
        or acl.operation is Operation.ANY
        or acl.permission is Permission.ANY
    )


def _is_void(creation: AclCreation) -> bool:
    """Whether a code says that it is unknown, which Kafka does not read."""
    codes = (creation.resource_type, creation.resource_pattern_type, creation.operation, creation.permission_type)
    return 0 in codes


def _is_nonsense(wanted: DescribeAclsRequest | DeleteAclsFilter) -> bool:
    codes = (wanted.resource_type_filter, wanted.pattern_type_filter, wanted.operation, wanted.permission_type)
    return 0 in codes


def _filter(wanted: DescribeAclsRequest | DeleteAclsFilter) -> AclFilter:
    return AclFilter(
        resource_type=ResourceType(wanted.resource_type_filter),
        name=wanted.resource_name_filter,
        pattern_type=PatternType(wanted.pattern_type_filter),
        principal=wanted.principal_filter,
        host=wanted.host_filter,
        operation=Operation(wanted.operation),
        permission=Permission(wanted.permission_type),
    )


async def _delete(asking: Asking, request: DeleteAclsRequest) -> DeleteAclsResponse | NoReply:
    if any(_is_nonsense(wanted) for wanted in request.filters):
        return NoReply.CLOSE
    refusal = _refusal(asking)
    if refusal is None and len(request.filters) * len(asking.state.acls) > _MOST_COMPARISONS:
        refusal = _Refusal(error=ErrorCode.POLICY_VIOLATION, message="Too many filters for so many ACLs.")
    if refusal is not None:
        result = DeleteAclsFilterResult(error_code=refusal.error, error_message=refusal.message)
        return DeleteAclsResponse(filter_results=(result,) * len(request.filters))
    gone: set[Acl] = set()
    results = []
    for wanted in map(_filter, request.filters):
        found = () if wanted.is_unknown else asking.state.acls.select(wanted)
        if in_zookeeper(asking):
            found = tuple(acl for acl in found if acl not in gone)  # AclAuthorizer tells of each ACL once
        gone.update(found)
        results.append(DeleteAclsFilterResult(matching_acls=tuple(_matching(asking, found))))
    asking.state.acls = asking.state.acls.excluding(gone)
    return DeleteAclsResponse(filter_results=tuple(results))


def _matching(asking: Asking, acls: Iterable[Acl]) -> Iterable[DeleteAclsMatchingAcl]:
    for acl in acls:
        if asking.version < _PATTERNS_SINCE and acl.pattern_type is not PatternType.LITERAL:
            continue
        yield DeleteAclsMatchingAcl(
            resource_type=acl.resource_type,
            resource_name=acl.name,
            pattern_type=acl.pattern_type,
            principal=acl.principal,
            host=acl.host,
            operation=acl.operation,
            permission_type=acl.permission,
        )


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.DESCRIBE_ACLS: _describe,
    ApiKey.CREATE_ACLS: _create,
    ApiKey.DELETE_ACLS: _delete,
}
