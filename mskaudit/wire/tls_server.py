"""The server's end of TLS hellos: ClientHellos read, the messages of a server's flight written.

Nothing here encrypts; the flights are those up to ServerHelloDone, in clear (RFC 5246, RFC 8446), and the hellos of
SSL 2.0 (the draft of 1995). A malformed ClientHello raises ``RemoteWireError``, a message that cannot be written
``LocalWireError``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.primitives import Reader
from mskaudit.wire.tls import (
    RETRY_RANDOM,
    Alert,
    CertificateChain,
    CertificateRequest,
    HandshakeBuffer,
    RecordBuffer,
    ServerHello,
)
from mskaudit.wire.tls_registry import ContentType, Extension, HandshakeType, Version
from mskaudit.wire.tls_vectors import Extensions, extension_block, extensions, number_vector, numbers, opaque, vector

HELLO_LIMIT: Final = 2**17
"""Bytes of the largest ClientHello taken."""

_FRAGMENT: Final = 2**14
_RANDOM: Final = 32
_NAMED_CURVE: Final = 3
_SSL2_CLIENT_HELLO: Final = 1
_SSL2_SERVER_HELLO: Final = 4
_SSL2_ERROR: Final = 0
_SSL2_X509: Final = 1
_SSL2_SIZE: Final = 0x7FFF
_SSL2_KIND: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """What a client offers.

    ``suites`` of an SSL 2.0 record are three-byte cipher kinds; ``ssl2`` marks that form, which may still ask for a
    later ``version``.
    """

    version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    compressions: tuple[int, ...] = (0,)
    extensions: Extensions = ()
    ssl2: bool = False

    def extension(self, number: int) -> bytes | None:
        """Return an extension's content, None if it was not sent."""
        return next((content for found, content in self.extensions if found == number), None)

    @property
    def versions(self) -> tuple[int, ...] | None:
        """The content of supported_versions, None if it was not sent."""
        return self._numbers(Extension.SUPPORTED_VERSIONS, width=1)

    @property
    def groups(self) -> tuple[int, ...] | None:
        """The content of supported_groups, None if it was not sent."""
        return self._numbers(Extension.SUPPORTED_GROUPS, width=2)

    @property
    def shares(self) -> tuple[int, ...] | None:
        """The groups of key_share, maybe none; None if it was not sent."""
        content = self.extension(Extension.KEY_SHARE)
        if content is None:
            return None
        outer = Reader(content)
        entries = outer.within(outer.uint(2))
        outer.finish("key_share")
        found = []
        while entries.remaining:
            found.append(entries.uint(2))
            opaque(entries, 2)
        return tuple(found)

    def _numbers(self, number: int, *, width: int) -> tuple[int, ...] | None:
        content = self.extension(number)
        if content is None:
            return None
        reader = Reader(content)
        found = numbers(reader, width=width)
        reader.finish("an extension")
        return found


class ClientHelloBuffer:
    """The bytes of a client up to the end of its ClientHello, in records of TLS or of SSL 2.0."""

    def __init__(self) -> None:
        self._records = RecordBuffer()
        self._messages = HandshakeBuffer(limit=HELLO_LIMIT)
        self._ssl2: bytearray | None = None
        self._begun = False

    def feed(self, chunk: bytes) -> ClientHello | None:
        """Return the hello that ``chunk`` completes, None if bytes are missing; what comes behind it is dropped."""
        if not chunk:
            return None
        if not self._begun:
            self._begun = True
            self._ssl2 = bytearray() if chunk[0] > _SSL2_SIZE >> 8 else None
        if self._ssl2 is not None:
            self._ssl2 += chunk
            return _ssl2_hello(self._ssl2)
        return self._read(chunk)

    def _read(self, chunk: bytes) -> ClientHello | None:
        for record in self._records.feed(chunk):
            if record.content_type is ContentType.CHANGE_CIPHER_SPEC:
                continue  # clients send one before a second hello, for old boxes on the way (RFC 8446, D.4)
            if record.content_type is not ContentType.HANDSHAKE:
                raise RemoteWireError(f"the peer sent {record.content_type.name} before its hello")
            if not record.fragment:
                raise RemoteWireError("the peer sent an empty handshake record")
            for message in self._messages.feed(record.fragment):
                if message.kind != HandshakeType.CLIENT_HELLO:
                    raise RemoteWireError(f"the peer began with handshake message {message.kind}")
                return parse_client_hello(message.body)
        if fault := self._records.fault or self._messages.fault:
            raise fault
        return None


def parse_client_hello(body: bytes) -> ClientHello:
    """Return the ClientHello that ``body`` is (RFC 5246 7.4.1.2, RFC 8446 4.1.2), its extensions well-formed."""
    reader = Reader(body)
    hello = ClientHello(
        version=reader.uint(2),
        random=reader.take(_RANDOM),
        session_id=opaque(reader, 1),
        suites=numbers(reader),
        compressions=tuple(opaque(reader, 1)),
        extensions=extensions(reader) if reader.remaining else (),
    )
    reader.finish("a ClientHello")
    _ = hello.versions, hello.groups, hello.shares
    return hello


def parse_ssl2_client_hello(body: bytes) -> ClientHello:
    """Return the CLIENT-HELLO of SSL 2.0 that ``body``, an SSL 2.0 record without its header, is."""
    reader = Reader(body)
    if reader.uint(1) != _SSL2_CLIENT_HELLO:
        raise RemoteWireError("the peer began with an SSL 2.0 record that is no hello")
    version = reader.uint(2)
    sizes = reader.uint(2), reader.uint(2), reader.uint(2)
    kinds, session_id, challenge = (reader.take(size) for size in sizes)
    reader.finish("a CLIENT-HELLO")
    if len(kinds) % _SSL2_KIND:
        raise RemoteWireError("the peer sent a list of SSL 2.0 cipher kinds with a broken size")
    found = tuple(int.from_bytes(kinds[at : at + _SSL2_KIND], "big") for at in range(0, len(kinds), _SSL2_KIND))
    return ClientHello(version=version, random=challenge, session_id=session_id, suites=found, ssl2=True)


def build_client_hello(hello: ClientHello) -> bytes:
    """Return the body of a ClientHello, or an SSL 2.0 record without its header."""
    if hello.ssl2:
        kinds = b"".join(kind.to_bytes(_SSL2_KIND, "big") for kind in hello.suites)
        sizes = number_vector((len(kinds), len(hello.session_id), len(hello.random)))[2:]
        head = bytes([_SSL2_CLIENT_HELLO]) + hello.version.to_bytes(2, "big")
        return head + sizes + kinds + hello.session_id + hello.random
    return b"".join(
        (
            hello.version.to_bytes(2, "big"),
            _random(hello.random),
            vector(1, hello.session_id),
            number_vector(hello.suites),
            vector(1, bytes(hello.compressions)),
            extension_block(hello.extensions) if hello.extensions else b"",
        )
    )


def _ssl2_hello(content: bytearray) -> ClientHello | None:
    if len(content) < 2:  # noqa: PLR2004  its header
        return None
    size = int.from_bytes(content[:2], "big") & _SSL2_SIZE
    return parse_ssl2_client_hello(bytes(content[2 : 2 + size])) if len(content) >= 2 + size else None


def records(content_type: ContentType, version: int, content: bytes) -> bytes:
    """Return ``content`` in as many records as it needs."""
    head = bytes([content_type]) + version.to_bytes(2, "big")
    pieces = (content[at : at + _FRAGMENT] for at in range(0, len(content), _FRAGMENT))
    return b"".join(head + vector(2, piece) for piece in pieces)


def ssl2_record(content: bytes) -> bytes:
    """Return ``content`` as one record of SSL 2.0."""
    if len(content) > _SSL2_SIZE:
        raise LocalWireError(f"{len(content)} bytes do not fit an SSL 2.0 record")
    return (len(content) | _SSL2_SIZE + 1).to_bytes(2, "big") + content


def handshake(kind: HandshakeType, body: bytes) -> bytes:
    """Return a handshake message."""
    return bytes([kind]) + vector(3, body)


def build_alert(alert: Alert, version: int) -> bytes:
    """Return the record of an unencrypted alert."""
    return records(ContentType.ALERT, version, bytes([alert.level, alert.code]))


def build_server_hello(hello: ServerHello) -> bytes:
    """Return the body of a ServerHello; under TLS 1.3 the version stands in the extension, which must be there."""
    return b"".join(
        (
            min(hello.version, Version.TLS_1_2).to_bytes(2, "big"),
            RETRY_RANDOM if hello.retry else _random(hello.random),
            vector(1, hello.session_id),
            hello.cipher_suite.to_bytes(2, "big"),
            bytes([hello.compression]),
            extension_block(hello.extensions) if hello.extensions else b"",
        )
    )


def build_certificate(chain: CertificateChain) -> bytes:
    """Return the body of a Certificate message up to TLS 1.2."""
    return vector(3, b"".join(vector(3, certificate) for certificate in chain.certificates))


def build_certificate_request(request: CertificateRequest, *, version: int) -> bytes:
    """Return the body of a CertificateRequest up to TLS 1.2."""
    algorithms = number_vector(request.signature_algorithms) if version >= Version.TLS_1_2 else b""
    names = vector(2, b"".join(vector(2, name) for name in request.authorities))
    return vector(1, bytes(request.certificate_types)) + algorithms + names


def dh_parameters(prime: bytes, generator: bytes, public: bytes) -> bytes:
    """Return what a ServerKeyExchange of DHE begins with (RFC 5246, 7.4.3)."""
    return vector(2, prime) + vector(2, generator) + vector(2, public)


def rsa_parameters(modulus: bytes, exponent: bytes) -> bytes:
    """Return what a ServerKeyExchange of RSA_EXPORT begins with (RFC 2246, 7.4.3)."""
    return vector(2, modulus) + vector(2, exponent)


def ec_parameters(group: int, point: bytes) -> bytes:
    """Return what a ServerKeyExchange of ECDHE on a named group begins with (RFC 8422, 5.4)."""
    return bytes([_NAMED_CURVE]) + group.to_bytes(2, "big") + vector(1, point)


def signature(content: bytes, *, algorithm: int, version: int) -> bytes:
    """Return a signature as a ServerKeyExchange ends with it; only TLS 1.2 names the algorithm."""
    named = algorithm.to_bytes(2, "big") if version >= Version.TLS_1_2 else b""
    return named + vector(2, content)


def ssl2_server_hello(certificate: bytes, kinds: tuple[int, ...], connection_id: bytes) -> bytes:
    """Return the SERVER-HELLO of SSL 2.0, record and all, with a certificate in DER and the cipher kinds served."""
    listed = b"".join(kind.to_bytes(_SSL2_KIND, "big") for kind in kinds)
    head = bytes([_SSL2_SERVER_HELLO, 0, _SSL2_X509]) + Version.SSL_2_0.to_bytes(2, "big")
    sizes = number_vector((len(certificate), len(listed), len(connection_id)))[2:]
    return ssl2_record(head + sizes + certificate + listed + connection_id)


def ssl2_error(code: int) -> bytes:
    """Return the ERROR of SSL 2.0, record and all; 1 means that no cipher kind is common."""
    return ssl2_record(bytes([_SSL2_ERROR]) + code.to_bytes(2, "big"))


def _random(content: bytes) -> bytes:
    if len(content) != _RANDOM:
        raise LocalWireError(f"a random has 32 bytes, not {len(content)}")
    return content
