"""Both ends of a Kafka connection without I/O: bytes in, messages out, and the state in a table.

A connection speaks the APIs it is given, listed or by number, and no others. After a fault it is over: what the peer
sends then raises ``RemoteWireError``, what we want to send raises ``LocalWireError``. Raw SASL frames, which follow
SaslHandshake v0, are not spoken: after answering one a server closes, and a client asks for version 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeVar

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.frames import BROKER_FRAME_LIMIT, SCANNER_FRAME_LIMIT, FrameBuffer, frame
from mskaudit.wire.messages import (
    APIS,
    Api,
    ApiKey,
    ApiVersion,
    ApiVersionsResponse,
    ErrorCode,
    Request,
    RequestHeader,
    Response,
    ResponseHeader,
)
from mskaudit.wire.primitives import INT16, Reader
from mskaudit.wire.schema import encode, read

Apis = Iterable[Api] | Mapping[int, Api]
"""APIs to speak, by number or listed."""

_CORRELATION_LIMIT: Final = 2**31


class State(StrEnum):
    """Where a connection stands; CLOSED and FAILED are final."""

    IDLE = "idle"
    BUSY = "busy"
    CLOSED = "closed"
    FAILED = "failed"


class Event(StrEnum):
    """What moves a connection: a request, an answer with or without others outstanding, an end, a fault."""

    ASKED = "asked"
    ANSWERED = "answered"
    ANSWERED_LAST = "answered last"
    ENDED = "ended"
    BROKEN = "broken"


TRANSITIONS: Final = {
    State.IDLE: {
        Event.ASKED: State.BUSY,
        Event.ENDED: State.CLOSED,
        Event.BROKEN: State.FAILED,
    },
    State.BUSY: {
        Event.ASKED: State.BUSY,
        Event.ANSWERED: State.BUSY,
        Event.ANSWERED_LAST: State.IDLE,
        Event.ENDED: State.CLOSED,
        Event.BROKEN: State.FAILED,
    },
    State.CLOSED: {},
    State.FAILED: {},
}
"""The whole state machine, the same for both ends: an event that has no entry must not happen in that state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as the client got it; ``version`` is the one it was written in, 0 after an ApiVersions refusal."""

    api_key: int
    version: int
    correlation_id: int
    message: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as the server got it.

    ``excess`` counts bytes behind the message, which are not read: librdkafka 2.16 sends three of them with its
    Metadata v13 request for all topics. A client takes no such bytes from a server.
    """

    api_key: int
    version: int
    correlation_id: int
    client_id: str | None
    message: Request
    excess: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedCall:
    """A request whose API or version the server does not speak; its body was not read."""

    api_key: int
    version: int
    correlation_id: int
    client_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request the client waits for."""

    api: Api
    version: int
    correlation_id: int


Received = TypeVar("Received")
Outstanding = TypeVar("Outstanding")


class _Connection(ABC, Generic[Received, Outstanding]):
    """What both ends share: frames, requests in order, and the state."""

    def __init__(self, *, apis: Apis, limit: int) -> None:
        self._apis = apis if isinstance(apis, Mapping) else {api.key: api for api in apis}
        self._frames = FrameBuffer(limit=limit)
        self._outstanding: deque[Outstanding] = deque()
        self._state = State.IDLE
        self._fault: RemoteWireError | None = None

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    @property
    def fault(self) -> RemoteWireError | None:
        """What the peer did to make the connection fail, if it did."""
        return self._fault

    @property
    def outstanding(self) -> int:
        """Requests without an answer."""
        return len(self._outstanding)

    def receive(self, chunk: bytes) -> list[Received]:
        """Return the messages that ``chunk`` completes, in order.

        Raises RemoteWireError when the peer breaks the protocol. Messages before the fault in the same chunk are
        returned first; ``state`` is then FAILED already, nothing can be sent and the next call raises the fault.
        """
        self._require_open()
        received: list[Received] = []
        try:
            for content in self._frames.feed(chunk):
                received.append(self._read(Reader(content)))  # noqa: PERF401  what came before a fault is kept
        except RemoteWireError as fault:
            self._break(fault)
        if self._frames.fault and not self._fault:
            self._break(self._frames.fault)
        if self._fault and not received:
            raise self._fault
        return received

    def end(self) -> None:
        """Note that the peer closed; RemoteWireError in the middle of a frame, otherwise see ``outstanding``."""
        if self._fault:
            raise self._fault
        if self._state is State.CLOSED:
            return
        if self._frames.pending:
            self._break(RemoteWireError(f"the peer closed {self._frames.pending} bytes into a frame"))
            self._require_open()
        self._advance(Event.ENDED)

    @abstractmethod
    def _read(self, reader: Reader) -> Received:
        """Return the message that one frame holds; RemoteWireError if it holds anything else."""

    def _require_open(self) -> None:
        if self._fault:
            raise self._fault
        if self._state is State.CLOSED:
            raise RemoteWireError("the peer sent bytes after the end of the connection")

    def _break(self, fault: RemoteWireError) -> None:
        self._fault = fault
        self._advance(Event.BROKEN)

    def _advance(self, event: Event) -> None:
        following = TRANSITIONS[self._state].get(event)
        if following is None:
            raise LocalWireError(f"nothing can be {event} on a connection that is {self._state}")
        self._state = following

    def _settle(self) -> None:
        """Take the oldest request off the list: it has its answer."""
        self._advance(Event.ANSWERED if len(self._outstanding) > 1 else Event.ANSWERED_LAST)
        self._outstanding.popleft()


class ClientConnection(_Connection[Answer, _Asked]):
    """The client's end; requests may be pipelined, answers come in their order."""

    def __init__(
        self,
        *,
        client_id: str | None = "mskaudit",
        apis: Apis = APIS,
        limit: int = SCANNER_FRAME_LIMIT,
    ) -> None:
        super().__init__(apis=apis, limit=limit)
        self._client_id = client_id
        self._correlation_id = 0

    def send(self, request: Request, *, version: int) -> bytes:
        """Return the frame that carries ``request``, numbered from 1 on.

        Raises LocalWireError if the version does not exist or cannot carry the values, or the connection is over.
        """
        api = self._apis.get(request.api_key)
        if api is None or version not in api.versions or not isinstance(request, api.request):
            raise LocalWireError(f"this connection does not speak {type(request).__name__} version {version}")
        correlation_id = (self._correlation_id + 1) % _CORRELATION_LIMIT
        header = RequestHeader(
            api_key=api.key, api_version=version, correlation_id=correlation_id, client_id=self._client_id
        )
        content = encode(header, version=api.request_header(version)) + encode(request, version=version)
        self._advance(Event.ASKED)
        self._correlation_id = correlation_id
        self._outstanding.append(_Asked(api=api, version=version, correlation_id=correlation_id))
        return frame(content)

    def _read(self, reader: Reader) -> Answer:
        if not self._outstanding:
            raise RemoteWireError("the peer answered a request nobody sent")
        asked = self._outstanding[0]
        header = read(ResponseHeader, reader, version=asked.api.response_header(asked.version))
        if header.correlation_id != asked.correlation_id:
            raise RemoteWireError(
                f"the peer answered request {header.correlation_id} where {asked.correlation_id} was due"
            )
        version = _written_version(asked, reader)
        message = read(asked.api.response, reader, version=version)
        reader.finish(type(message).__name__)
        self._settle()
        return Answer(api_key=asked.api.key, version=version, correlation_id=asked.correlation_id, message=message)


class ServerConnection(_Connection[Call | UnsupportedCall, Call | UnsupportedCall]):
    """The server's end; answers are due in the order of the requests."""

    def __init__(self, *, apis: Apis = APIS, limit: int = BROKER_FRAME_LIMIT) -> None:
        super().__init__(apis=apis, limit=limit)

    def send(self, call: Call, response: Response) -> bytes:
        """Return the frame that answers ``call``; an ApiVersions refusal goes out in version 0 (KIP-511).

        Raises LocalWireError if another request is due first, the response is not the API's, the version cannot
        carry its values, or the connection is over.
        """
        self._require_due(call)
        api = self._apis[call.api_key]
        if not isinstance(response, api.response):
            raise LocalWireError(f"{type(response).__name__} does not answer {type(call.message).__name__}")
        refused = isinstance(response, ApiVersionsResponse) and _refuses(response.error_code)
        return self._answer(call, response, version=0 if refused else call.version)

    def omit(self, call: Call) -> None:
        """Note that ``call`` gets no answer, like Produce with acks 0; LocalWireError if another is due first."""
        self._require_due(call)
        self._settle()

    def refuse(self, call: UnsupportedCall, error: ErrorCode = ErrorCode.UNSUPPORTED_VERSION) -> bytes:
        """Return what Kafka answers to a request it does not speak, which for all APIs but one is the end.

        An ApiVersions request gets error 35 with the versions of ApiVersions, in the format of version 0, and may be
        repeated (KIP-511); another error goes without the versions. Any other request gets no bytes: ``state`` is
        CLOSED, and the caller closes the stream.
        """
        self._require_due(call)
        api = self._apis.get(call.api_key)
        if api is None or api.key != ApiKey.API_VERSIONS:
            self._advance(Event.ENDED)
            return b""
        own = ApiVersion(api_key=api.key, min_version=api.versions.start, max_version=api.versions.stop - 1)
        refusal = ApiVersionsResponse(error_code=error, api_keys=(own,) if _refuses(error) else ())
        return self._answer(call, refusal, version=0)

    def _answer(self, call: Call | UnsupportedCall, response: Response, *, version: int) -> bytes:
        header = ResponseHeader(correlation_id=call.correlation_id)
        written = self._apis[call.api_key].response_header(version)
        content = encode(header, version=written) + encode(response, version=version)
        self._settle()
        return frame(content)

    def _require_due(self, call: Call | UnsupportedCall) -> None:
        # Identity, because a client may use one correlation id twice.
        if not self._outstanding or self._outstanding[0] is not call:
            raise LocalWireError(f"request {call.correlation_id} is not the one whose answer is due")

    def _read(self, reader: Reader) -> Call | UnsupportedCall:
        call = self._read_call(reader)
        self._advance(Event.ASKED)
        self._outstanding.append(call)
        return call

    def _read_call(self, reader: Reader) -> Call | UnsupportedCall:
        header = self._read_header(reader)
        api = self._apis.get(header.api_key)
        if api is None or header.api_version not in api.versions:
            return UnsupportedCall(
                api_key=header.api_key,
                version=header.api_version,
                correlation_id=header.correlation_id,
                client_id=header.client_id,
            )
        message = read(api.request, reader, version=header.api_version)
        return Call(
            api_key=header.api_key,
            version=header.api_version,
            correlation_id=header.correlation_id,
            client_id=header.client_id,
            message=message,
            excess=reader.remaining,
        )

    def _read_header(self, reader: Reader) -> RequestHeader:
        """Return the header, in the form that follows from its API and version even where there is no such version."""
        prefix = Reader(reader.peek(2 * INT16.size))
        key, version = prefix.unpack(INT16), prefix.unpack(INT16)
        api = self._apis.get(key)
        written = api.request_header(version) if api else 1
        return read(RequestHeader, reader, version=written)


def _written_version(asked: _Asked, reader: Reader) -> int:
    """Return the version a response is written in: the one asked for, unless ApiVersions was refused (KIP-511)."""
    if asked.api.key == ApiKey.API_VERSIONS and _refuses(Reader(reader.peek(INT16.size)).unpack(INT16)):
        return 0
    return asked.version


def _refuses(error_code: int) -> bool:
    return error_code == ErrorCode.UNSUPPORTED_VERSION
