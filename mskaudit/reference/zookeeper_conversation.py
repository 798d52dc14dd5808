"""What a reference ZooKeeper says to one client: a function of bytes, without I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mskaudit.errors import RemoteWireError
from mskaudit.reference.znodes import digest_id
from mskaudit.reference.zookeeper_operations import operate
from mskaudit.reference.zookeeper_store import Refused
from mskaudit.reference.zookeeper_words import WORD_SIZE
from mskaudit.wire.frames import FrameBuffer, frame
from mskaudit.wire.zookeeper import (
    Auth,
    Close,
    ConnectRequest,
    ConnectResponse,
    Empty,
    Identity,
    IdentityReply,
    Ping,
    Request,
    RequestHeader,
    Sasl,
    SaslReply,
    WatchEvent,
    WhoAmI,
)
from mskaudit.wire.zookeeper_codes import CONNECTED, ErrorCode, EventType, OpCode, Xid
from mskaudit.wire.zookeeper_packets import (
    REQUESTS,
    Reply,
    pack_record,
    pack_reply,
    parse_connect_request,
    parse_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.reference.zookeeper_server import Server
    from mskaudit.reference.zookeeper_sessions import Session
    from mskaudit.wire.primitives import Reader
    from mskaudit.wire.zookeeper_records import Record

_MOST_IDENTITIES: Final = 16
_NO_PASSWORD: Final = bytes(16)
_LOGINS: Final = ("digest", "x509")


class Conversation:
    """One connection: a four-letter word, or a connect request and then requests.

    `over` says that nothing more is heard; a client that breaks the protocol is not answered.
    """

    def __init__(self, server: Server, *, address: str, certificate: str | None) -> None:
        self._server = server
        self._beginning: bytearray | None = bytearray()
        self._frames = FrameBuffer(limit=server.settings.packet_limit)
        self._session: Session | None = None
        self._events: list[bytes] = []
        self.over = False
        self.identities: tuple[Identity, ...] = (Identity(scheme="ip", user=address),)
        if certificate is not None:
            self.identities += (Identity(scheme="x509", user=certificate),)

    def hear(self, chunk: bytes) -> Iterator[bytes]:
        """What is said to `chunk`, piece by piece, so that a piece can be sent before the next is made."""
        if self._beginning is not None:
            self._beginning += chunk
            if len(self._beginning) < WORD_SIZE:
                return
            chunk, self._beginning = bytes(self._beginning), None
            text = self._server.word(chunk[:WORD_SIZE])
            if text is not None:
                self.over = True
                yield text.encode()
                return
        try:
            packets = self._frames.feed(chunk)
            for packet in packets:
                yield self._answer(packet)
                if self.over:
                    return
            self.over = self._frames.fault is not None
        except RemoteWireError:
            self.over = True

    @property
    def has_session(self) -> bool:
        """Whether the client has connected, so that its session's clock is the one that counts."""
        return self._session is not None

    def notice(self, happened: EventType, path: str) -> None:
        """Keep a change for the next `events`."""
        event = WatchEvent(type=happened, state=CONNECTED, path=path)
        self._events.append(self._pack(Reply(xid=Xid.NOTIFICATION, zxid=-1, error=ErrorCode.OK, body=event)))
        self._server.wake(self)

    def events(self) -> bytes:
        """What has to be said of watched nodes."""
        said = b"".join(self._events)
        self._events.clear()
        return said

    def dismiss(self) -> None:
        """End: the session has expired or moved."""
        self.over = True
        self._server.end(self)

    def leave(self) -> None:
        """The connection is gone; its session waits."""
        self._server.watches.drop(self)
        if self._session is not None:
            self._server.sessions.release(self._session, self)

    def _answer(self, packet: bytes) -> bytes:
        self._server.received += 1
        if self._session is None:
            return self._connect(parse_connect_request(packet))
        header, body = parse_header(packet)
        self._server.sessions.touch(self._session)
        if self._is_stranger() and header.op != OpCode.AUTH:
            return self._refuse(header, ErrorCode.SESSION_CLOSED_REQUIRE_AUTH, last=True)
        if header.op not in REQUESTS or header.op == OpCode.CHECK:
            return self._refuse(header, ErrorCode.UNIMPLEMENTED, last=True)
        return self._reply(header, body)

    def _is_stranger(self) -> bool:
        return self._server.settings.require_auth and not any(each.scheme in _LOGINS for each in self.identities)

    def _connect(self, request: ConnectRequest) -> bytes:
        if request.zxid > self._server.store.zxid:
            raise RemoteWireError("the client has seen what this server has not")
        sessions = self._server.sessions
        if request.session:
            self._session = sessions.resume(request.session, request.password, timeout=request.timeout, holder=self)
        else:
            self._server.store.begin()
            self._session = sessions.open(timeout=request.timeout, holder=self)
        self.over = self._session is None
        self._server.sent += 1
        response = ConnectResponse(
            protocol=0,
            timeout=self._session.timeout if self._session else 0,
            session=self._session.id if self._session else 0,
            password=self._session.password if self._session else _NO_PASSWORD,
            read_only=None if request.read_only is None else False,
        )
        return frame(pack_record(response))

    def _reply(self, header: RequestHeader, body: Reader) -> bytes:
        try:
            request = REQUESTS[header.op].read(body)
        except RemoteWireError:
            return self._refuse(header, ErrorCode.MARSHALLING_ERROR)
        try:
            result = self._do(request)
        except Refused as refused:
            return self._refuse(header, refused.code, last=refused.code is ErrorCode.AUTH_FAILED)
        xid = Xid.PING if isinstance(request, Ping) else header.xid
        return self._pack(Reply(xid=xid, zxid=self._server.store.zxid, error=ErrorCode.OK, body=result))

    def _do(self, request: Request) -> Record:
        assert self._session is not None
        match request:
            case Ping():
                return Empty()
            case Sasl():
                return SaslReply(token=None)
            case WhoAmI():
                return IdentityReply(identities=tuple(map(_shown, self.identities)))
            case Auth():
                self._log_in(request)
                return Empty()
            case Close():
                self.over = True
                self._server.sessions.end(self._session)
                return Empty()
            case _:
                return operate(self._server, request, watcher=self, session=self._session.id)

    def _log_in(self, request: Auth) -> None:
        if request.credential is None or len(self.identities) >= _MOST_IDENTITIES:
            raise Refused(ErrorCode.AUTH_FAILED)
        match request.scheme:
            case "ip":
                return
            case "digest":
                identity = Identity(scheme="digest", user=digest_id(request.credential))
                self.identities = tuple(dict.fromkeys((*self.identities, identity)))
            case _:
                raise Refused(ErrorCode.AUTH_FAILED)

    def _refuse(self, header: RequestHeader, code: ErrorCode, *, last: bool = False) -> bytes:
        self.over = self.over or last
        xid = Xid.PING if header.op == OpCode.PING else header.xid
        return self._pack(Reply(xid=xid, zxid=self._server.store.zxid, error=code, body=None))

    def _pack(self, reply: Reply) -> bytes:
        self._server.sent += 1
        return frame(pack_reply(reply))


def _shown(identity: Identity) -> Identity:
    """Who somebody is, without the digest of the password."""
    if identity.scheme != "digest":
        return identity
    return Identity(scheme="digest", user=(identity.user or "").partition(":")[0])
