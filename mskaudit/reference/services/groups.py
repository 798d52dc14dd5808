"""Consumer groups seen from outside: who coordinates them, what they are doing, and the offsets they keep.

Every broker knows only the groups that it coordinates, and says NOT_COORDINATOR of the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.members import GroupState
from mskaudit.reference.services import offsets
from mskaudit.reference.services.coordinators import CoordinatorType, coordinates, coordinator, prepare
from mskaudit.reference.services.membership import now
from mskaudit.reference.services.metadata import endpoints
from mskaudit.wire.apis.groups import (
    Coordinator,
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribedGroup,
    DescribedGroupMember,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    ListedGroup,
    ListGroupsRequest,
    ListGroupsResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import OPERATIONS_UNKNOWN, ApiKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.group import Group
    from mskaudit.reference.members import Member

_SEVERAL_SINCE: Final = 4
_STATES_SINCE: Final = 4
_TYPES_SINCE: Final = 5
_NOT_FOUND_SINCE: Final = 6
_TALKATIVE_SINCE: Final = 4
_TYPE: Final = "classic"


async def _find_coordinator(asking: Asking, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    several = asking.version >= _SEVERAL_SINCE
    keys = request.coordinator_keys if several else (request.key,)
    found = tuple(_coordinator(asking, request.key_type, key) for key in keys)
    if several:
        terse = _UNEXPLAINED if asking.profile.major >= _TALKATIVE_SINCE else _UNEXPLAINED_BY_3
        told = tuple(one if one.error_code not in terse else replace(one, error_message="") for one in found)
        return FindCoordinatorResponse(coordinators=told)
    (one,) = found
    return FindCoordinatorResponse(
        error_code=one.error_code,
        error_message=one.error_message or "NONE",
        node_id=one.node_id,
        host=one.host,
        port=one.port,
    )


_UNEXPLAINED: Final = (
    ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
)
"""Errors that come without words where a request asks for several coordinators."""
_UNEXPLAINED_BY_3: Final = (*_UNEXPLAINED, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)


def _coordinator(asking: Asking, key_type: int, key: str) -> Coordinator:
    found = _find(asking, key_type, key)
    if isinstance(found, ErrorCode):
        return Coordinator(key=key, node_id=-1, host="", port=-1, error_code=found, error_message=_MESSAGES[found])
    where = {node.number: (host, port) for node, host, port in endpoints(asking)}
    host, port = where[found]
    return Coordinator(key=key, node_id=found, host=host, port=port, error_message="")


_MESSAGES: Final = {
    ErrorCode.INVALID_REQUEST: "This most likely occurs because of a request being malformed by the client library or "
    "the message was sent to an incompatible broker. See the broker logs for more details.",
    ErrorCode.GROUP_AUTHORIZATION_FAILED: "Group authorization failed.",
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "Transactional Id authorization failed.",
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: "Cluster authorization failed.",
    ErrorCode.COORDINATOR_NOT_AVAILABLE: "The coordinator is not available.",
}


def _find(asking: Asking, key_type: int, key: str) -> int | ErrorCode:
    """The coordinator of a key; asking for the first one makes the topic that coordinators need, and gets none yet."""
    match key_type:
        case CoordinatorType.GROUP:
            kind, resource, denied = CoordinatorType.GROUP, ResourceType.GROUP, ErrorCode.GROUP_AUTHORIZATION_FAILED
        case CoordinatorType.TRANSACTION:
            kind, resource = CoordinatorType.TRANSACTION, ResourceType.TRANSACTIONAL_ID
            denied = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        case CoordinatorType.SHARE if not asking.may_on_cluster(Operation.CLUSTER_ACTION):
            return ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        case _:
            return ErrorCode.INVALID_REQUEST
    if not asking.may(Operation.DESCRIBE, resource, key):
        return denied
    found = coordinator(asking, kind, key)
    if found is None:
        prepare(asking, kind)
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    return found


async def _describe(asking: Asking, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    wanted = request.include_authorized_operations
    groups = tuple(_described(asking, group_id, wanted=wanted) for group_id in request.groups)
    return DescribeGroupsResponse(groups=groups)


def _described(asking: Asking, group_id: str, *, wanted: bool) -> DescribedGroup:
    if not asking.may(Operation.DESCRIBE, ResourceType.GROUP, group_id):
        return _undescribed(group_id, ErrorCode.GROUP_AUTHORIZATION_FAILED)
    if not coordinates(asking, CoordinatorType.GROUP, group_id):
        return _undescribed(group_id, ErrorCode.NOT_COORDINATOR)
    operations = asking.operations(ResourceType.GROUP, group_id, wanted=wanted)
    groups = asking.state.groups
    if group_id not in groups:
        missing = asking.version >= _NOT_FOUND_SINCE
        return DescribedGroup(
            error_code=ErrorCode.GROUP_ID_NOT_FOUND if missing else ErrorCode.NONE,
            error_message=f"Group {group_id} not found." if missing else None,
            group_id=group_id,
            group_state=GroupState.DEAD,
            protocol_type="",
            protocol_data="",
            authorized_operations=OPERATIONS_UNKNOWN if missing else operations,
        )
    group = groups[group_id]
    group.advance(now())
    protocol = group.protocol if group.state is GroupState.STABLE else None
    return DescribedGroup(
        group_id=group_id,
        group_state=group.state,
        protocol_type=group.protocol_type or "",
        protocol_data=protocol or "",
        members=tuple(_member(member, protocol) for member in group.members.values()),
        authorized_operations=operations,
    )


def _undescribed(group_id: str, error: ErrorCode) -> DescribedGroup:
    return DescribedGroup(error_code=error, group_id=group_id, group_state="", protocol_type="", protocol_data="")


def _member(member: Member, protocol: str | None) -> DescribedGroupMember:
    """A member; what it says and has is shown in a stable group only."""
    joined_as = member.joined_as
    return DescribedGroupMember(
        member_id=member.member_id,
        group_instance_id=joined_as.instance_id,
        client_id=joined_as.client_id,
        client_host=f"/{joined_as.host}",
        member_metadata=b"" if protocol is None else member.metadata(protocol),
        member_assignment=b"" if protocol is None else member.assignment,
    )


async def _list(asking: Asking, request: ListGroupsRequest) -> ListGroupsResponse:
    every = asking.may_on_cluster(Operation.DESCRIBE)
    return ListGroupsResponse(
        groups=tuple(
            ListedGroup(
                group_id=group.group_id,
                protocol_type=group.protocol_type or "",
                group_state=group.state if asking.version >= _STATES_SINCE else "",
                group_type=_TYPE if asking.version >= _TYPES_SINCE else "",
            )
            for group in tuple(asking.state.groups.values())
            if _is_wanted(asking, request, group)
            and (every or asking.may(Operation.DESCRIBE, ResourceType.GROUP, group.group_id))
        )
    )


def _is_wanted(asking: Asking, request: ListGroupsRequest, group: Group) -> bool:
    group.advance(now())
    states = {state.lower() for state in request.states_filter}
    types = {kind.lower() for kind in request.types_filter}
    return (
        coordinates(asking, CoordinatorType.GROUP, group.group_id)
        and (not states or group.state.lower() in states)
        and (not types or _TYPE in types)
    )


async def _delete(asking: Asking, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    results = tuple(
        DeletableGroupResult(group_id=group_id, error_code=_remove(asking, group_id))
        for group_id in dict.fromkeys(request.groups_names)
    )
    return DeleteGroupsResponse(results=results)


def _remove(asking: Asking, group_id: str) -> ErrorCode:
    if not asking.may(Operation.DELETE, ResourceType.GROUP, group_id):
        return ErrorCode.GROUP_AUTHORIZATION_FAILED
    if not coordinates(asking, CoordinatorType.GROUP, group_id):
        return ErrorCode.NOT_COORDINATOR
    groups = asking.state.groups
    if group_id not in groups:
        return ErrorCode.GROUP_ID_NOT_FOUND
    groups[group_id].advance(now())
    if groups[group_id].state is not GroupState.EMPTY:
        return ErrorCode.NON_EMPTY_GROUP
    groups.pop(group_id).end()
    return ErrorCode.NONE


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.FIND_COORDINATOR: _find_coordinator,
    ApiKey.DESCRIBE_GROUPS: _describe,
    ApiKey.LIST_GROUPS: _list,
    ApiKey.DELETE_GROUPS: _delete,
    **offsets.HANDLERS,
}
