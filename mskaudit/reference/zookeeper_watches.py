"""Watches: who is told once when a node changes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from mskaudit.wire.zookeeper_codes import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mskaudit.reference.zookeeper_store import Change

_MOST: Final = 10_000
_MOST_CHARACTERS: Final = 4 * 2**20


class Watched(StrEnum):
    """What of a node is watched."""

    DATA = "data"
    CHILDREN = "children"


class Watcher(Protocol):
    """Somebody to tell."""

    def notice(self, happened: EventType, path: str) -> None:
        """Hear of a change; must not wait."""


class Watches:
    """All watches of a server; beyond a bound they are accepted and forgotten, so that nobody can fill its memory."""

    def __init__(self) -> None:
        self._watchers: dict[tuple[Watched, str], dict[Watcher, None]] = {}
        self._paths: dict[Watcher, set[tuple[Watched, str]]] = {}
        self._characters = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def watchers(self) -> int:
        """How many are to be told."""
        return len(self._paths)

    @property
    def paths(self) -> int:
        """How many paths are watched."""
        return len({path for _, path in self._watchers})

    def add(self, watcher: Watcher, watched: Watched, path: str) -> None:
        """Tell `watcher` of the next change."""
        key = watched, path
        if key in self._paths.get(watcher, ()):
            return
        if self._count >= _MOST or self._characters + len(path) > _MOST_CHARACTERS:
            return
        self._watchers.setdefault(key, {})[watcher] = None
        self._paths.setdefault(watcher, set()).add(key)
        self._count += 1
        self._characters += len(path)

    def drop(self, watcher: Watcher) -> None:
        """Tell `watcher` no more."""
        for key in tuple(self._paths.get(watcher, ())):
            self._remove(watcher, key)

    def tell(self, changes: Iterable[Change]) -> None:
        """Tell everybody who watches; each once for one change."""
        for happened, path in changes:
            told: dict[Watcher, None] = {}
            for watched in _interested(happened):
                for watcher in tuple(self._watchers.get((watched, path), ())):
                    told[watcher] = None
                    self._remove(watcher, (watched, path))
            for watcher in told:
                watcher.notice(happened, path)

    def _remove(self, watcher: Watcher, key: tuple[Watched, str]) -> None:
        watchers, keys = self._watchers[key], self._paths[watcher]
        del watchers[watcher]
        keys.discard(key)
        if not watchers:
            del self._watchers[key]
        if not keys:
            del self._paths[watcher]
        self._count -= 1
        self._characters -= len(key[1])


def _interested(happened: EventType) -> tuple[Watched, ...]:
    match happened:
        case EventType.CREATED | EventType.DATA_CHANGED:
            return (Watched.DATA,)
        case EventType.DELETED:
            return (Watched.DATA, Watched.CHILDREN)
        case EventType.CHILDREN_CHANGED:
            return (Watched.CHILDREN,)
        case _:
            assert_never(happened)
