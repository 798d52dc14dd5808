"""What the connections of a reference ZooKeeper share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from mskaudit.reference.zookeeper_sessions import Sessions
from mskaudit.reference.zookeeper_store import Store
from mskaudit.reference.zookeeper_watches import Watches
from mskaudit.reference.zookeeper_words import Figures, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mskaudit.reference.znodes import Tree
    from mskaudit.reference.zookeeper_conversation import Conversation
    from mskaudit.reference.zookeeper_settings import ZooKeeperSettings

_MOST_NODES: Final = 20_000
_MOST_BYTES: Final = 16 * 2**20


class Server:
    """Nodes, watches, sessions and counts; `present` are the clients by address, with how to wake and to end each."""

    def __init__(self, settings: ZooKeeperSettings, tree: Tree, *, ports: tuple[int | None, int | None]) -> None:
        self.settings = settings
        self.store = Store(tree, now=_now, most_nodes=_MOST_NODES, most_bytes=_MOST_BYTES)
        self.watches = Watches()
        self.sessions = Sessions(tick_time=settings.tick_time, forget=self._forget)
        self.received = 0
        self.sent = 0
        self.present: dict[Conversation, Present] = {}
        self._ports = ports

    def wake(self, conversation: Conversation) -> None:
        """See to it that what a client has to hear is said."""
        if conversation in self.present:
            self.present[conversation].wake()

    def end(self, conversation: Conversation) -> None:
        """End a connection."""
        if conversation in self.present:
            self.present[conversation].end()

    def word(self, beginning: bytes) -> str | None:
        """What is said to a four-letter word, None if it is none."""
        if not beginning.isalpha():
            return None
        text = answer(beginning.decode("latin-1"), self.settings, self._figures())
        if text is not None:
            self.received += 1
            self.sent += 1
        return text

    def _forget(self, session: int) -> None:
        self.store.begin()
        self.store.forget(session)
        self.watches.tell(self.store.commit())

    def _figures(self) -> Figures:
        clear_port, tls_port = self._ports
        return Figures(
            received=self.received + 1,
            sent=self.sent,
            clients=tuple(each.address for each in self.present.values()),
            sessions=self.sessions.ids,
            zxid=self.store.zxid,
            nodes=len(self.store),
            ephemerals=self.store.ephemerals,
            size=self.store.size,
            watches=len(self.watches),
            watchers=self.watches.watchers,
            watched=self.watches.paths,
            clear_port=clear_port,
            tls_port=tls_port,
        )


class Present:
    """A client that is there."""

    def __init__(self, address: str, *, wake: Callable[[], None], end: Callable[[], object]) -> None:
        self.address = address
        self.wake = wake
        self.end = end


def _now() -> int:
    return time.time_ns() // 1_000_000
