"""The only place that opens sockets: an allow-list, deadlines and a budget of bytes.

A stream gives whatever arrives, in pieces of bounded size; what it means is for the callers. A peer that drips, floods
or falls silent costs no more than the limits say.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mskaudit.errors import CannotLook, LocalWireError, RemoteWireError
from mskaudit.model.evidence import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from mskaudit.gather.target import Address

PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds to connect and for all that follows on a connection, and bytes that a peer may send on one."""

    connect: float = 5.0
    connection: float = 10.0
    received: int = 4 << 20


class Stream:
    """One TCP connection as bytes; the end of it reads as nothing."""

    def __init__(
        self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, budget: int
    ) -> None:
        self.address = address
        self._reader = reader
        self._writer = writer
        self._budget = budget

    async def send(self, data: bytes) -> None:
        """Write; a peer that is gone shows at the next `receive`."""
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def receive(self) -> bytes:
        """What has arrived, at most `PIECE` bytes; nothing when the peer closed or reset."""
        try:
            piece = await self._reader.read(PIECE)
        except ConnectionError:
            return b""
        self._budget -= len(piece)
        if self._budget < 0:
            raise RemoteWireError("the peer sent more than a probe takes")
        return piece


class Dialer:
    """Opens connections to the addresses it was given, and to no others."""

    def __init__(self, allowed: Iterable[Address], limits: Limits | None = None) -> None:
        self.allowed = frozenset(allowed)
        self.limits = limits or Limits()

    @asynccontextmanager
    async def open(self, address: Address) -> AsyncIterator[Stream]:
        """A connection for the time of the block, within the limits.

        Raises:
            CannotLook: refused, unreachable, or no end within the limits.
        """
        if address not in self.allowed:
            raise LocalWireError(f"{address} is not an address this audit may connect to")
        reader, writer = await self._connect(address)
        try:
            async with asyncio.timeout(self.limits.connection):
                yield Stream(address, reader, writer, budget=self.limits.received)
        except TimeoutError:
            seconds = f"{self.limits.connection:g} s"
            raise CannotLook(
                Reason.TIMED_OUT, f"{address} took the connection but gave no answer in {seconds}"
            ) from None
        finally:
            # A reset, not a farewell: nothing is owed to the peer, and no socket lingers.
            writer.transport.abort()

    async def _connect(self, address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self.limits.connect):
                return await _connect_to_any(address)
        except TimeoutError:
            seconds = f"{self.limits.connect:g} s"
            raise CannotLook(Reason.TIMED_OUT, f"{address} did not take a connection within {seconds}") from None
        except ConnectionRefusedError:
            raise CannotLook(Reason.REFUSED, f"{address} refused the connection") from None
        except socket.gaierror as error:
            raise CannotLook(Reason.UNREACHABLE, f"{address} has no address: {error.strerror}") from None
        except UnicodeError:
            raise CannotLook(Reason.UNREACHABLE, f"{address} has no address: its host is no name of a host") from None
        except OSError as error:
            raise CannotLook(Reason.UNREACHABLE, f"{address} cannot be reached: {error.strerror or error}") from None


async def _connect_to_any(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address of a host that takes one; otherwise the last failure.

    asyncio would do that too, but melts the failures of several addresses into one text without an error number.
    """
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    failure = OSError(f"{address.host} resolves to nothing")
    for host in dict.fromkeys(str(one[4][0]) for one in found):
        try:
            return await asyncio.open_connection(host, address.port, limit=PIECE)
        except OSError as error:
            failure = error
    raise failure
