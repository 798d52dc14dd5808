"""ZooKeeper's four-letter words, answered as 3.8.4 does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mskaudit.reference.zookeeper_settings import ZooKeeperSettings

WORD_SIZE: Final = 4
_TICKS: Final = (2, 20)
_TRACE_MASK: Final = 306


class Figures(Struct, frozen=True, kw_only=True):
    """What a server counts; `clients` are `host:port`, `sessions` their ids."""

    received: int
    sent: int
    clients: tuple[str, ...]
    sessions: tuple[int, ...]
    zxid: int
    nodes: int
    ephemerals: int
    size: int
    watches: int
    watchers: int
    watched: int
    clear_port: int | None
    tls_port: int | None


def answer(word: str, settings: ZooKeeperSettings, figures: Figures) -> str | None:
    """What is said before the connection closes; nothing for a word that ZooKeeper does not know."""
    if word not in _ANSWERS:
        return None
    if not settings.listens_to(word):
        return f"{word} is not executed because it is not in the whitelist.\n"
    return _ANSWERS[word](settings, figures)


def _counts(figures: Figures) -> str:
    # The root counts twice, as it does in ZooKeeper.
    return (
        "Latency min/avg/max: 0/0.0/0\n"
        f"Received: {figures.received}\nSent: {figures.sent}\nConnections: {len(figures.clients)}\nOutstanding: 0\n"
        f"Zxid: {figures.zxid:#x}\nMode: standalone\nNode count: {figures.nodes + 1}\n"
    )


def _srvr(settings: ZooKeeperSettings, figures: Figures) -> str:
    return f"Zookeeper version: {settings.build}\n{_counts(figures)}"


def _clients(figures: Figures) -> str:
    return "".join(f" /{client}[1](queued=0,recved=1,sent=0)\n" for client in figures.clients)


def _stat(settings: ZooKeeperSettings, figures: Figures) -> str:
    return f"Zookeeper version: {settings.build}\nClients:\n{_clients(figures)}\n{_counts(figures)}"


def _conf(settings: ZooKeeperSettings, figures: Figures) -> str:
    shortest, longest = (settings.tick_time * ticks for ticks in _TICKS)
    return (
        f"clientPort={figures.clear_port or -1}\nsecureClientPort={figures.tls_port or -1}\n"
        f"dataDir=/var/lib/zookeeper/version-2\ndataDirSize={figures.size}\n"
        f"dataLogDir=/var/lib/zookeeper/version-2\ndataLogSize={figures.size}\n"
        f"tickTime={settings.tick_time}\nmaxClientCnxns={settings.connections}\n"
        f"minSessionTimeout={shortest}\nmaxSessionTimeout={longest}\nclientPortListenBacklog=-1\nserverId=0\n"
    )


def _envi(settings: ZooKeeperSettings, _: Figures) -> str:
    return (
        f"Environment:\nzookeeper.version={settings.build}\nhost.name=localhost\njava.version=17.0.15\n"
        "java.vendor=Debian\njava.home=/usr/lib/jvm/java-17-openjdk-amd64\n"
        "java.class.path=/opt/zookeeper/lib/zookeeper.jar\njava.library.path=/usr/lib\njava.io.tmpdir=/tmp\n"
        "java.compiler=<NA>\nos.name=Linux\nos.arch=amd64\nos.version=6.1.0\nuser.name=zookeeper\n"
        "user.home=/opt/zookeeper\nuser.dir=/opt/zookeeper\nos.memory.free=113MB\nos.memory.max=123MB\n"
        "os.memory.total=123MB\n"
    )


def _mntr(settings: ZooKeeperSettings, figures: Figures) -> str:
    values = {
        "version": settings.build,
        "server_state": "standalone",
        "ephemerals_count": figures.ephemerals,
        "num_alive_connections": len(figures.clients),
        "avg_latency": 0.0,
        "outstanding_requests": 0,
        "znode_count": figures.nodes + 1,
        "global_sessions": len(figures.sessions),
        "packets_sent": figures.sent,
        "packets_received": figures.received,
        "watch_count": figures.watches,
        "approximate_data_size": figures.size,
    }
    return "".join(f"zk_{name}\t{value}\n" for name, value in values.items())


def _dump(_: ZooKeeperSettings, figures: Figures) -> str:
    sessions = "".join(f"\t{session:#x}\n" for session in figures.sessions)
    return (
        f"SessionTracker dump:\nSession Sets (1)/({len(figures.sessions)}):\n{sessions}ephemeral nodes dump:\n"
        f"Sessions with Ephemerals (0):\nConnections dump:\n"
    )


_ANSWERS: Final[Mapping[str, Callable[[ZooKeeperSettings, Figures], str]]] = {
    "conf": _conf,
    "cons": lambda _, figures: f"{_clients(figures)}\n",
    "crst": lambda *_: "Connection stats reset.\n",
    "dirs": lambda _, figures: f"datadir_size: {figures.size}\nlogdir_size: {figures.size}\n",
    "dump": _dump,
    "envi": _envi,
    "gtmk": lambda *_: str(_TRACE_MASK),
    "hash": lambda *_: "",
    "isro": lambda *_: "rw",
    "mntr": _mntr,
    "ruok": lambda *_: "imok",
    "srst": lambda *_: "Server stats reset.\n",
    "srvr": _srvr,
    "stat": _stat,
    "stmk": lambda *_: "",
    "wchc": lambda *_: "\n",
    "wchp": lambda *_: "\n",
    "wchs": lambda _, figures: (
        f"{figures.watchers} connections watching {figures.watched} paths\nTotal watches:{figures.watches}\n"
    ),
}
