"""How much clients may leave behind in a reference cluster, which lives in the memory of a test."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from mskaudit.reference.state import MOST_ACLS, MOST_ALTERED, MOST_QUOTAS, MOST_USERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.policy.acls import Acl
    from mskaudit.reference.state import State

LONGEST_TEXT: Final = 16_000
"""Characters of the longest text that is kept: as many as every version of a message can carry."""
_OVERHEAD: Final = 64


def room_for_settings(state: State, texts: Iterable[str]) -> bool:
    """Whether so many further values of settings can be kept."""
    kept = chain(
        (topic.settings for topic in state.topics.values()),
        state.broker_settings.values(),
        state.group_settings.values(),
        state.client_metrics.values(),
    )
    return _fits(texts, sum(map(_size, kept)))


def _size(settings: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) + _OVERHEAD for name, value in settings.items())


def room_for_acls(state: State, acls: list[Acl]) -> bool:
    """Whether so many further ACLs can be kept."""
    if len(state.acls) + len(acls) > MOST_ACLS:
        return False
    kept = sum(len(acl.name) + len(acl.principal) + len(acl.host) for acl in state.acls)
    return _fits(chain.from_iterable((acl.name, acl.principal, acl.host) for acl in acls), kept)


def room_for_user(state: State, name: str) -> bool:
    """Whether another user can be kept."""
    names = {user for _, user in state.credentials}
    return name in names or (len(names) < MOST_USERS and _fits([name], sum(map(len, names))))


def room_for_quota(state: State, entity: tuple[tuple[str, str | None], ...]) -> bool:
    """Whether the quotas of another entity can be kept."""
    if entity in state.quotas:
        return True
    kept = sum(len(name or "") for known in state.quotas for _, name in known)
    return len(state.quotas) < MOST_QUOTAS and _fits((name or "" for _, name in entity), kept)


def _fits(texts: Iterable[str], kept: int) -> bool:
    for text in texts:
        kept += len(text) + _OVERHEAD
        if len(text) > LONGEST_TEXT or kept > MOST_ALTERED:
            return False
    return True
