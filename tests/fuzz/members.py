"""Consumers that know how groups work: they join, share, commit and leave, and get something wrong on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mskaudit.wire.apis.groups import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
    LeaveGroupRequest,
    SyncGroupRequest,
    SyncGroupRequestAssignment,
)
from mskaudit.wire.messages import ApiKey
from tests.fuzz import values
from tests.fuzz.speech import ask, converse

if TYPE_CHECKING:
    from tests.fuzz.mutation import Chance
    from tests.fuzz.speech import Say, Speech

_ODDS = 0.15
_MOST_JOINS = 4
_PROTOCOL_SINCE = 5
_MEMBERS_SINCE = 3


async def member(chance: Chance, say: Say, speech: Speech) -> None:
    """One member of a group, for some rounds."""
    if ApiKey.JOIN_GROUP not in speech.apis:
        return
    group = chance.choice(("g", "g", "h"))
    joined = await _join(chance, say, speech, group)
    if joined is None:
        return
    known: dict[str, Any] = {"group_id": group, "member_id": joined.member_id}
    generation = joined.generation_id + (chance.random() < 0.05)
    leading = joined.leader == joined.member_id
    assignments = tuple(
        SyncGroupRequestAssignment(member_id=each.member_id, assignment=values.octets(chance))
        for each in joined.members
    )
    version = chance.choice(speech.apis[ApiKey.SYNC_GROUP])
    protocol: dict[str, Any] = (
        {"protocol_type": "consumer", "protocol_name": joined.protocol_name} if version >= _PROTOCOL_SINCE else {}
    )
    sync = SyncGroupRequest(**known, **protocol, generation_id=generation, assignments=assignments if leading else ())
    if chance.random() < 0.9 and await ask(chance, say, sync, version=version, odds=_ODDS) is None:
        return
    for _ in range(chance.randrange(4)):
        beat = HeartbeatRequest(**known, generation_id=generation)
        if await ask(chance, say, beat, version=chance.choice(speech.apis[ApiKey.HEARTBEAT]), odds=_ODDS) is None:
            return
        await asyncio.sleep(chance.choice((0, 1, 5)))
    if chance.random() < 0.5:
        await converse(chance, say, speech)
    if chance.random() < 0.5:
        leaving = LeaveGroupRequest(group_id=group, member_id=joined.member_id)
        await ask(chance, say, leaving, version=0, odds=_ODDS)


async def _join(chance: Chance, say: Say, speech: Speech, group: str) -> JoinGroupResponse | None:
    """The answer that makes one a member, after as many as it takes."""
    version = chance.choice(speech.apis[ApiKey.JOIN_GROUP])
    instance = chance.choice(("one", None, None, None)) if version >= _PROTOCOL_SINCE else None
    name = ""
    for _ in range(_MOST_JOINS):
        request = JoinGroupRequest(
            group_id=group,
            session_timeout_ms=chance.choice((6000, 10_000, 30_000)),
            rebalance_timeout_ms=chance.choice((0, 1000, 2**31 - 1)),
            member_id=name,
            group_instance_id=instance,
            protocol_type="consumer",
            protocols=(JoinGroupRequestProtocol(name="range", metadata=values.octets(chance)),),
        )
        answer = await ask(chance, say, request, version=version, odds=_ODDS)
        if not isinstance(answer, JoinGroupResponse):
            return None
        if not answer.error_code:
            return answer
        name = answer.member_id
    return None
