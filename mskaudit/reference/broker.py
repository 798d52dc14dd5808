"""A reference Kafka cluster on loopback: every broker with every listener, each on a port of its own.

All of it lives in one task tree that ends with the context. A peer can hold one connection, the bytes of one request
and the broker's patience, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack, asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.errors import UsageError
from mskaudit.facts.listeners import KINDS
from mskaudit.reference.asking import Node
from mskaudit.reference.attendant import DEFAULT_LIMITS, Attendant, Limits, place_at
from mskaudit.reference.channel import check_tls
from mskaudit.reference.listening import HOST, accept, address_of, bind, working
from mskaudit.reference.state import State

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterable, Iterator

    from mskaudit.reference.cluster import Cluster

__all__ = ["DEFAULT_LIMITS", "Limits", "Manner", "Ports", "Serving", "serve"]

_OTHER_PORTS: Final = 19092
# So far from one broker to the next that no two listeners meet.
_FURTHER: Final = 300
_EVERYWHERE: Final = ("0", "0.0.0.0")  # noqa: S104  what nobody can be told to connect to
_HOST: Final = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,9}")


class Manner(StrEnum):
    """Whether the brokers answer at all."""

    ANSWERING = "answering"
    REFUSING = "refusing"
    SILENT = "silent"


class Ports(StrEnum):
    """Where the listeners are.

    `fixed` gives broker n the address 127.0.0.n and the ports that MSK uses: 9092, 9094, 9096, 9098 and, for public
    ones, 9194, 9196, 9198; listeners that MSK has no port for, or only one for several, follow from 19092 on. At one
    address for all, the ports of every broker are 300 above those of the one before.
    """

    EPHEMERAL = "ephemeral"
    FIXED = "fixed"


class Serving(Struct, frozen=True, kw_only=True):
    """A running cluster: by listener, `host:port` of every broker in the order of their ids, and what they hold."""

    by_listener: Mapping[str, tuple[str, ...]]
    nodes: tuple[Node, ...]
    state: State

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address, sorted."""
        return tuple(sorted(address for addresses in self.by_listener.values() for address in addresses))


@asynccontextmanager
async def serve(
    cluster: Cluster,
    *,
    manner: Manner = Manner.ANSWERING,
    limits: Limits = DEFAULT_LIMITS,
    ports: Ports = Ports.EPHEMERAL,
    host: str | None = None,
    arn: str | None = None,
) -> AsyncIterator[Serving]:
    """A running cluster; all connections are closed at the end, which does not wait for peers.

    `host` is an address to listen on instead of loopback; `arn` is that of the cluster for policies of IAM. An
    exception of the brokers themselves is a bug, ends them and is raised at the end.

    Raises:
        UsageError: a port is taken, clients could not be told of `host`, a policy of IAM is none, or the installed
            OpenSSL cannot serve what a listener wants.
    """
    if host is not None:
        _check_host(cluster, host)
    for listener in cluster.listeners.values():
        if listener.protocol.has_tls:
            check_tls(listener.client_certificate, listener.tls)
    with ExitStack() as sockets:
        bound = {
            name: [
                sockets.enter_context(
                    bind(*_place(cluster, name, number, ports=ports, host=host), listens=manner is not Manner.REFUSING)
                )
                for number in range(cluster.count)
            ]
            for name in cluster.listeners
        }
        nodes = tuple(
            Node(
                number=number + 1,
                rack=None,
                addresses={name: listening[number].getsockname()[:2] for name, listening in bound.items()},
            )
            for number in range(cluster.count)
        )
        state = State(cluster)
        posts = () if manner is Manner.REFUSING else tuple(_posts(state, nodes, bound, limits, manner, arn))
        async with working(_run(posts), f"reference cluster {cluster.cluster_id}"):
            yield Serving(
                by_listener={name: tuple(map(address_of, listening)) for name, listening in bound.items()},
                nodes=nodes,
                state=state,
            )


async def _run(posts: Iterable[tuple[socket.socket, Attendant]]) -> None:
    """Serve until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for port, attendant in posts:
            tasks.create_task(accept(port, attendant, places=asyncio.Semaphore(attendant.places)), name="a broker")


def _posts(
    state: State,
    nodes: tuple[Node, ...],
    bound: Mapping[str, list[socket.socket]],
    limits: Limits,
    manner: Manner,
    arn: str | None,
) -> Iterator[tuple[socket.socket, Attendant]]:
    """Every port with who attends there."""
    for name, listening in bound.items():
        for node, port in zip(nodes, listening, strict=True):
            place = None if manner is Manner.SILENT else place_at(state, name, nodes, node, arn)
            yield port, Attendant(state.cluster, limits, place)


def _check_host(cluster: Cluster, host: str) -> None:
    if not _HOST.fullmatch(host):
        raise UsageError(f"the brokers cannot listen on {host!r}; name an IPv4 address of this machine")
    if host in _EVERYWHERE and any(listener.advertised is None for listener in cluster.listeners.values()):
        raise UsageError(
            f"clients cannot connect to {host}; name one address of this machine, "
            "or turn brokers.listeners.LISTENER.advertised for every listener"
        )


def _place(cluster: Cluster, name: str, number: int, *, ports: Ports, host: str | None) -> tuple[str, int]:
    """The address and port of a listener of the broker at a position."""
    if ports is Ports.EPHEMERAL:
        return host or HOST, 0
    port = _fixed_ports(cluster)[name]
    return (host, port + _FURTHER * number) if host is not None else (f"127.0.0.{number + 1}", port)


def _fixed_ports(cluster: Cluster) -> Mapping[str, int]:
    """The ports of the first broker by listener."""
    ports: dict[str, int] = {}
    for number, (name, listener) in enumerate(cluster.listeners.items()):
        usual = KINDS[listener.bootstrap].port if listener.bootstrap is not None else 0
        ports[name] = usual if usual and usual not in ports.values() else _OTHER_PORTS + number
    return ports
