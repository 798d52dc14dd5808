"""Members of consumer groups come, get their shares, say that they are alive, and go (the classic protocol)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.group import Group
from mskaudit.reference.members import GroupState, Joined, Joining, Syncing
from mskaudit.reference.services.coordinators import CoordinatorType, coordinates
from mskaudit.reference.state import MOST_GROUPS
from mskaudit.wire.apis.groups import (
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    JoinGroupResponseMember,
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    MemberResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.reference.members import Ticket

Answer = TypeVar("Answer")

MOST_MEMBERS_OF_ALL: Final = 1_000
"""Members of all groups of a cluster."""

_SHORTEST_SESSION_MS: Final = 6_000
_LONGEST_SESSION_MS: Final = 1_800_000
_FIRST_REBALANCE_DELAY_MS: Final = 3_000
_COMES_BACK_SINCE: Final = 4
_NULL_PROTOCOL_SINCE: Final = 7
_NAMED_PROTOCOL_SINCE: Final = 5
_SKIPS_SINCE: Final = 9
_SEVERAL_LEAVE_SINCE: Final = 3


def now() -> float:
    """The time by which groups live, in seconds."""
    return asyncio.get_running_loop().time()


async def _join(asking: Asking, request: JoinGroupRequest) -> JoinGroupResponse:
    group = _group_to_join(asking, request)
    if isinstance(group, ErrorCode):
        return _joined(asking, Joined(error=group, member_id=request.member_id))
    joining = Joining(
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        client_id=asking.client_id or "",
        host=asking.host,
        session_timeout=request.session_timeout_ms / 1000,
        rebalance_timeout=max(request.rebalance_timeout_ms if asking.version else request.session_timeout_ms, 0) / 1000,
        protocol_type=request.protocol_type,
        protocols=tuple((protocol.name, protocol.metadata) for protocol in request.protocols),
        can_come_back=asking.version >= _COMES_BACK_SINCE,
        can_skip=asking.version >= _SKIPS_SINCE,
    )
    return _joined(asking, await _answer(group, group.join(joining, now())))


def _group_to_join(asking: Asking, request: JoinGroupRequest) -> Group | ErrorCode:
    if error := refusal(asking, request.group_id):
        return error
    if not _SHORTEST_SESSION_MS <= request.session_timeout_ms <= _LONGEST_SESSION_MS:
        return ErrorCode.INVALID_SESSION_TIMEOUT
    groups = asking.state.groups
    if request.group_id not in groups and request.member_id:
        return ErrorCode.UNKNOWN_MEMBER_ID
    members = sum(group.size for group in groups.values())
    group = found_group(asking, request.group_id)
    if group is None or (members >= MOST_MEMBERS_OF_ALL and request.member_id not in group.members):
        return ErrorCode.GROUP_MAX_SIZE_REACHED
    return group


def refusal(asking: Asking, group_id: str) -> ErrorCode | None:
    """Why a group's members are not listened to here."""
    if not asking.may(Operation.READ, ResourceType.GROUP, group_id):
        return ErrorCode.GROUP_AUTHORIZATION_FAILED
    if not group_id:
        return ErrorCode.INVALID_GROUP_ID
    return None if coordinates(asking, CoordinatorType.GROUP, group_id) else ErrorCode.NOT_COORDINATOR


def found_group(asking: Asking, group_id: str) -> Group | None:
    """The group, founded if there was none; None if there is no room, though empty ones without offsets make some."""
    groups = asking.state.groups
    if group_id in groups:
        return groups[group_id]
    if len(groups) >= MOST_GROUPS:
        for name in [name for name, group in groups.items() if is_forgettable(group)]:
            groups.pop(name).end()
    if len(groups) >= MOST_GROUPS:
        return None
    settings = asking.state.cluster.settings
    delay = _FIRST_REBALANCE_DELAY_MS
    if _DELAY in settings and settings[_DELAY].isdecimal():
        delay = int(settings[_DELAY])
    groups[group_id] = Group(group_id, delay=delay / 1000)
    return groups[group_id]


_DELAY: Final = "group.initial.rebalance.delay.ms"


def is_forgettable(group: Group) -> bool:
    """Whether a group holds nothing: no members, none that were told to come back, no offsets."""
    group.advance(now())
    return group.state is GroupState.EMPTY and not group.offsets and group.due is None


async def _answer(group: Group, ticket: Ticket[Answer]) -> Answer:
    """The answer when it is there; until then the group is looked at whenever something falls due in it."""
    came = asyncio.Event()
    ticket.listener = came.set
    while ticket.answer is None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(group.due):
                await came.wait()
        came.clear()
        group.advance(now())
    return ticket.answer


def _joined(asking: Asking, joined: Joined) -> JoinGroupResponse:
    protocol = joined.protocol
    if protocol is None and asking.version < _NULL_PROTOCOL_SINCE:
        protocol = ""
    return JoinGroupResponse(
        error_code=joined.error,
        generation_id=joined.generation,
        protocol_type=joined.protocol_type,
        protocol_name=protocol,
        leader=joined.leader,
        skip_assignment=joined.skip_assignment,
        member_id=joined.member_id,
        members=tuple(
            JoinGroupResponseMember(member_id=member_id, group_instance_id=instance_id, metadata=metadata)
            for member_id, instance_id, metadata in joined.members
        ),
    )


async def _sync(asking: Asking, request: SyncGroupRequest) -> SyncGroupResponse:
    unnamed = request.protocol_type is None or request.protocol_name is None
    if unnamed and asking.version >= _NAMED_PROTOCOL_SINCE:
        return SyncGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL, assignment=b"")
    group = _group(asking, request.group_id)
    if isinstance(group, ErrorCode):
        return SyncGroupResponse(error_code=group, assignment=b"")
    syncing = Syncing(
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        generation=request.generation_id,
        protocol_type=request.protocol_type,
        protocol=request.protocol_name,
        assignments=tuple((one.member_id, one.assignment) for one in request.assignments),
    )
    synced = await _answer(group, group.sync(syncing, now()))
    return SyncGroupResponse(
        error_code=synced.error,
        protocol_type=synced.protocol_type,
        protocol_name=synced.protocol,
        assignment=synced.assignment,
    )


def _group(asking: Asking, group_id: str) -> Group | ErrorCode:
    """The group of somebody who says to be a member."""
    if error := refusal(asking, group_id):
        return error
    groups = asking.state.groups
    return groups[group_id] if group_id in groups else ErrorCode.UNKNOWN_MEMBER_ID


async def _heartbeat(asking: Asking, request: HeartbeatRequest) -> HeartbeatResponse:
    group = _group(asking, request.group_id)
    if isinstance(group, ErrorCode):
        return HeartbeatResponse(error_code=group)
    error = group.heartbeat(request.member_id, request.group_instance_id, generation=request.generation_id, now=now())
    return HeartbeatResponse(error_code=error)


async def _leave(asking: Asking, request: LeaveGroupRequest) -> LeaveGroupResponse:
    if error := refusal(asking, request.group_id):
        return LeaveGroupResponse(error_code=error)
    if asking.version < _SEVERAL_LEAVE_SINCE:
        left = _let_go(asking, request.group_id, MemberIdentity(member_id=request.member_id))
        return LeaveGroupResponse(error_code=left.error_code)
    return LeaveGroupResponse(members=tuple(_let_go(asking, request.group_id, member) for member in request.members))


def _let_go(asking: Asking, group_id: str, member: MemberIdentity) -> MemberResponse:
    groups = asking.state.groups
    error = ErrorCode.UNKNOWN_MEMBER_ID
    if group_id in groups:
        error = groups[group_id].leave(member.member_id, member.group_instance_id, now())
    return MemberResponse(member_id=member.member_id, group_instance_id=member.group_instance_id, error_code=error)


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.JOIN_GROUP: _join,
    ApiKey.SYNC_GROUP: _sync,
    ApiKey.HEARTBEAT: _heartbeat,
    ApiKey.LEAVE_GROUP: _leave,
}
