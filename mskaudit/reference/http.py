"""A small HTTP/1.1 server on loopback: bounded in every direction, and no request may hang it or end it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import h11
from msgspec import Struct

from mskaudit.reference.listening import HOST, Bounds, listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mskaudit.reference.channel import Channel
    from mskaudit.reference.tls_session import TlsContext

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Request(Struct, frozen=True, kw_only=True):
    """A request: the target as it was sent, header names in lower case, repeated headers joined by commas."""

    method: str
    target: str
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path of the target, percent-encoded as it came."""
        return self.target.partition("#")[0].partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark, percent-encoded as it came."""
        return self.target.partition("#")[0].partition("?")[2]


class Reply(Struct, frozen=True, kw_only=True):
    """An answer; its length is said by the server."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Silence(Struct, frozen=True, kw_only=True):
    """No answer: the connection is closed after so many seconds."""

    seconds: float = 0.0


Respond = Callable[[Request], Reply | Silence]


class HttpLimits(Struct, frozen=True, kw_only=True):
    """How much is taken from a peer.

    Bytes of the head and of the body of a request, seconds from one answer to the next complete request, and
    connections at once.
    """

    head_bytes: int = 1 << 15
    body_bytes: int = 1 << 20
    request_seconds: float = 30.0
    connections: int = 64


DEFAULT_LIMITS: Final = HttpLimits()


@asynccontextmanager
async def serve_http(
    respond: Respond,
    *,
    port: int = 0,
    tls_context: TlsContext | None = None,
    limits: HttpLimits = DEFAULT_LIMITS,
) -> AsyncIterator[str]:
    """The URL of a server without trailing slash, until the context ends; what `respond` raises is a bug, raised then.

    Raises:
        UsageError: the port is not to be had.
    """

    async def talk(channel: Channel) -> None:
        await _Exchange(channel, respond, limits).run()

    bounds = Bounds(patience=limits.request_seconds, connections=limits.connections)
    async with listen(talk, port=port, tls_context=tls_context, bounds=bounds) as bound:
        yield f"{'http' if tls_context is None else 'https'}://{HOST}:{bound}"


class _TooMuchError(Exception):
    """More of a request came than is taken; `status` says of what."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Exchange:
    """Requests and answers of one connection."""

    def __init__(self, channel: Channel, respond: Respond, limits: HttpLimits) -> None:
        self._channel = channel
        self._respond = respond
        self._limits = limits
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._method = ""

    async def run(self) -> None:
        """Answer until the peer or an answer ends it."""
        try:
            while (request := await self._next()) is not None:
                if not await self._answer(request):
                    return
                if self._wire.our_state is not h11.DONE or self._wire.their_state is not h11.DONE:
                    return
                self._wire.start_next_cycle()
                self._method = ""
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
        except _TooMuchError as error:
            await self._refuse(error.status)

    async def _next(self) -> Request | None:
        """The next complete request, None when the peer is done."""
        async with asyncio.timeout(self._limits.request_seconds):
            head = await self._event()
            if not isinstance(head, h11.Request):
                return None
            self._method = head.method.decode("ascii")
            if sum(map(len, itertools.chain(*head.headers))) > self._limits.head_bytes:
                raise _TooMuchError(431)
            return Request(
                method=self._method,
                target=_origin_form(head.target.decode("ascii")),
                headers=_joined(head),
                body=await self._body(),
            )

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self._limits.body_bytes:
                raise _TooMuchError(413)
        return bytes(body)

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._wire.next_event()) is h11.NEED_DATA:
            if self._wire.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._wire.receive_data(await self._channel.receive())
        return event  # type: ignore[return-value]  # NEED_DATA is left behind, which mypy does not see

    async def _answer(self, request: Request) -> bool:
        """Whether the connection goes on."""
        if request.method not in _METHODS:
            await self._refuse(501)
            return False
        answer = self._respond(request)
        if isinstance(answer, Silence):
            await asyncio.sleep(answer.seconds)
            return False
        await self._say(answer)
        return True

    async def _refuse(self, status: int) -> None:
        if self._wire.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            headers = {"connection": "close", "content-type": "text/plain"}
            await self._say(Reply(status=status, headers=headers, body=b"The request was not understood.\n"))

    async def _say(self, reply: Reply) -> None:
        headers = [*reply.headers.items(), ("content-length", str(len(reply.body)))]
        await self._send(h11.Response(status_code=reply.status, headers=headers))
        if reply.body and self._method != "HEAD":
            await self._send(h11.Data(data=reply.body))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        if content := self._wire.send(event):
            await self._channel.send(content)


def _origin_form(target: str) -> str:
    """A target without the scheme and host that a client of a proxy writes before it."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return target
    return "/" + rest.partition("/")[2]


def _joined(head: h11.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
