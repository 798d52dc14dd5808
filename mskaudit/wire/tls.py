"""A TLS server's first flight, read without I/O: records, handshake messages, alerts (RFC 5246, RFC 8446).

Splitting records and parsing messages are separate, so decrypted TLS 1.3 handshake bytes can be handed to
``HandshakeBuffer`` and the parsers as well. What is malformed raises ``RemoteWireError``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from mskaudit.errors import RemoteWireError
from mskaudit.wire.buffers import SizedBuffer
from mskaudit.wire.primitives import Reader
from mskaudit.wire.tls_registry import AlertDescription, ContentType, Extension, HandshakeType, Version
from mskaudit.wire.tls_vectors import extensions, numbers, opaque

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGE_LIMIT: Final = 2**20
"""Bytes of the largest handshake message taken: hundreds of certificates or thousands of CA names."""

_RECORD_LIMIT: Final = 2**14 + 2048
_MAJOR: Final = 3
RETRY_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random by which a ServerHello is a HelloRetryRequest (RFC 8446, section 4.1.3)."""

T = TypeVar("T")


_CONTENT_TYPES: Final = frozenset(ContentType)


class FirstByte(StrEnum):
    """What the first byte of an answer to a ClientHello says about the peer."""

    HANDSHAKE = "handshake"
    ALERT = "alert"
    OTHER = "other"

    @classmethod
    def of(cls, answer: bytes) -> FirstByte:
        """Name the first byte of ``answer``, which must not be empty."""
        match answer[0]:
            case ContentType.HANDSHAKE:
                return cls.HANDSHAKE
            case ContentType.ALERT:
                return cls.ALERT
            case _:
                return cls.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One TLS record: its content type, its (legacy) version and what it carries."""

    content_type: ContentType
    version: int
    fragment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One handshake message: its type and its body without the four-byte header."""

    kind: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A complaint of the peer, as numbers since a peer may send any."""

    level: int
    code: int

    @property
    def name(self) -> str:
        """The RFC's name of the alert in lower case, or ``alert_<code>`` where it has none."""
        try:
            return AlertDescription(self.code).name.lower()
        except ValueError:
            return f"alert_{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """What the server chose; ``version`` heeds supported_versions, ``retry`` marks a HelloRetryRequest.

    ``group`` is the named group of TLS 1.3's key share; ``extensions`` are (number, content) in the order sent.
    """

    version: int
    random: bytes
    session_id: bytes
    cipher_suite: int
    compression: int
    extensions: tuple[tuple[int, bytes], ...]
    group: int | None
    retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateChain:
    """The certificates a server sent, in DER and in the order sent, its own first."""

    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """The server wants a client certificate; ``authorities`` are distinguished names in DER, maybe none."""

    certificate_types: tuple[int, ...]
    signature_algorithms: tuple[int, ...]
    authorities: tuple[bytes, ...]


FlightEvent = ServerHello | CertificateChain | CertificateRequest | Alert | Message


class RecordBuffer(SizedBuffer[Record]):
    """A stream of TLS records; a header that is none, or announces too much, is refused at once.

    The size limit is that of RFC 5246 section 6.2.3, which RFC 8446 only lowers.
    """

    header_size: ClassVar[int] = 5

    def _measure(self, header: bytes) -> int:
        if header[0] not in _CONTENT_TYPES or header[1] != _MAJOR:
            raise RemoteWireError(f"the peer sent {header.hex()}, which begins no TLS record")
        size = int.from_bytes(header[3:], "big")
        if size > _RECORD_LIMIT:
            raise RemoteWireError(f"the peer announced a TLS record of {size} bytes")
        return size

    def _piece(self, content: bytes) -> Record:
        return Record(
            content_type=ContentType(content[0]),
            version=int.from_bytes(content[1:3], "big"),
            fragment=content[self.header_size :],
        )


class HandshakeBuffer(SizedBuffer[Message]):
    """Fragments of handshake records, joined into messages of at most ``limit`` bytes."""

    header_size: ClassVar[int] = 4

    def __init__(self, *, limit: int = MESSAGE_LIMIT) -> None:
        super().__init__()
        self._limit = limit

    def _measure(self, header: bytes) -> int:
        size = int.from_bytes(header[1:], "big")
        if size > self._limit:
            raise RemoteWireError(f"the peer announced a handshake message of {size} bytes")
        return size

    def _piece(self, content: bytes) -> Message:
        return Message(kind=content[0], body=content[self.header_size :])


class ServerFlight:
    """The plaintext part of a server's answer to a ClientHello, as events.

    Under TLS 1.3 that ends with the ServerHello, under TLS 1.2 with ServerHelloDone; what is encrypted is skipped.
    """

    def __init__(self) -> None:
        self._records = RecordBuffer()
        self._messages = HandshakeBuffer()
        self._fault: RemoteWireError | None = None
        self._version: int | None = None
        self._complete = False
        self._encrypted = False

    @property
    def complete(self) -> bool:
        """Whether no more plaintext is due: an alert, ServerHelloDone, a HelloRetryRequest or encryption came."""
        return self._complete

    def feed(self, chunk: bytes) -> list[FlightEvent]:
        """Return what ``chunk`` completes; RemoteWireError if malformed, after the events that came before."""
        if self._fault:
            raise self._fault
        events: list[FlightEvent] = []
        try:
            for record in self._records.feed(chunk):
                for event in self._read(record):
                    events.append(event)  # noqa: PERF402  what came before a fault is kept
        except RemoteWireError as fault:
            self._fault = fault
        self._fault = self._fault or self._messages.fault or self._records.fault
        if self._fault and not events:
            raise self._fault
        return events

    def _read(self, record: Record) -> Iterator[FlightEvent]:
        match record.content_type:
            case ContentType.ALERT if not self._encrypted:
                self._complete = True
                yield parse_alert(record.fragment)
            case ContentType.HANDSHAKE if not self._encrypted:
                if not record.fragment:
                    raise RemoteWireError("the peer sent an empty handshake record")
                for message in self._messages.feed(record.fragment):
                    yield self._parse(message)
            case ContentType.CHANGE_CIPHER_SPEC if self._version != Version.TLS_1_3:
                self._encrypted = self._complete = True
            case ContentType.APPLICATION:
                self._encrypted = self._complete = True

    def _parse(self, message: Message) -> FlightEvent:
        match message.kind:
            case HandshakeType.SERVER_HELLO:
                hello = parse_server_hello(message.body)
                self._version = hello.version
                self._complete = self._complete or hello.version == Version.TLS_1_3
                return hello
            case HandshakeType.CERTIFICATE:
                return parse_certificate(message.body, version=self._require_version())
            case HandshakeType.CERTIFICATE_REQUEST:
                return parse_certificate_request(message.body, version=self._require_version())
            case HandshakeType.SERVER_HELLO_DONE:
                self._complete = True
        return message

    def _require_version(self) -> int:
        if self._version is None:
            raise RemoteWireError("the peer sent a certificate message before its ServerHello")
        return self._version


def parse_alert(fragment: bytes) -> Alert:
    """Return the alert that an unencrypted alert record carries (RFC 8446 section 6)."""
    reader = Reader(fragment)
    alert = Alert(level=reader.uint(1), code=reader.uint(1))
    reader.finish("an alert")
    return alert


def parse_server_hello(body: bytes) -> ServerHello:
    """Return the ServerHello or HelloRetryRequest that ``body`` is (RFC 5246 7.4.1.3, RFC 8446 4.1.3)."""
    reader = Reader(body)
    version = reader.uint(2)
    random = reader.take(32)
    session_id = opaque(reader, 1)
    cipher_suite, compression = reader.uint(2), reader.uint(1)
    listed = extensions(reader) if reader.remaining else ()
    reader.finish("a ServerHello")
    by_number = dict(listed)
    selected = by_number.get(Extension.SUPPORTED_VERSIONS)
    share = by_number.get(Extension.KEY_SHARE)
    return ServerHello(
        version=version if selected is None else _number(selected),
        random=random,
        session_id=session_id,
        cipher_suite=cipher_suite,
        compression=compression,
        extensions=listed,
        group=None if share is None else Reader(share).uint(2),
        retry=random == RETRY_RANDOM,
    )


def parse_certificate(body: bytes, *, version: int) -> CertificateChain:
    """Return the certificates of a Certificate message, the server's own first; ``version`` decides the layout."""
    reader = Reader(body)
    modern = version >= Version.TLS_1_3
    if modern:
        opaque(reader, 1)
    entries = Reader(opaque(reader, 3))
    reader.finish("a Certificate message")
    certificates = []
    while entries.remaining:
        certificates.append(opaque(entries, 3))
        if modern:
            extensions(entries)
    return CertificateChain(certificates=tuple(certificates))


def parse_certificate_request(body: bytes, *, version: int) -> CertificateRequest:
    """Return what client certificate is asked for (RFC 5246 7.4.4, RFC 8446 4.3.2); ``version`` decides the layout."""
    reader = Reader(body)
    if version >= Version.TLS_1_3:
        opaque(reader, 1)
        by_number = dict(extensions(reader))
        reader.finish("a CertificateRequest")
        return CertificateRequest(
            certificate_types=(),
            signature_algorithms=_listed(by_number, Extension.SIGNATURE_ALGORITHMS, numbers),
            authorities=_listed(by_number, Extension.CERTIFICATE_AUTHORITIES, _names),
        )
    types = tuple(opaque(reader, 1))
    algorithms = numbers(reader) if version >= Version.TLS_1_2 else ()
    authorities = _names(reader)
    reader.finish("a CertificateRequest")
    return CertificateRequest(certificate_types=types, signature_algorithms=algorithms, authorities=authorities)


def _listed(by_number: dict[int, bytes], number: int, parse: Callable[[Reader], tuple[T, ...]]) -> tuple[T, ...]:
    """Return the list that an extension holds, empty if it was not sent."""
    if number not in by_number:
        return ()
    reader = Reader(by_number[number])
    values = parse(reader)
    reader.finish("an extension")
    return values


def _names(reader: Reader) -> tuple[bytes, ...]:
    content = Reader(opaque(reader, 2))
    names = []
    while content.remaining:
        names.append(opaque(content, 2))
    return tuple(names)


def _number(content: bytes) -> int:
    reader = Reader(content)
    value = reader.uint(2)
    reader.finish("a 16-bit number")
    return value
