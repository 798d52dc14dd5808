"""One full TLS handshake without a client certificate, and what the server asked for on the way.

OpenSSL does the cryptography on bytes we carry, so that the server's flight can be read as well: in clear under
TLS 1.2, decrypted with the handshake secret of our own session under TLS 1.3. That is how a CertificateRequest is seen
in every version, without guessing from alerts.
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from OpenSSL import SSL

from mskaudit.errors import CannotLook, RemoteWireError
from mskaudit.model.evidence import Reason
from mskaudit.wire.tls import (
    Alert,
    CertificateRequest,
    FirstByte,
    HandshakeBuffer,
    RecordBuffer,
    ServerFlight,
    ServerHello,
)
from mskaudit.wire.tls_registry import AlertDescription, ContentType, HandshakeType, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mskaudit.gather.live.dial import Stream
    from mskaudit.wire.tls import FlightEvent, Record

# As wide as the library goes: the question is what the server does, not whether it is safe.
_CIPHERS: Final = b"ALL:COMPLEMENTOFALL:@SECLEVEL=0"
_OP_LEGACY_SERVER_CONNECT: Final = 0x4
_NONCE: Final = 12
# OpenSSL takes 100 KiB of certificates; names of authorities fit 64 KiB.
_FLIGHT_LIMIT: Final = 1 << 18
_Aead = AESGCM | ChaCha20Poly1305
_TLS13_SUITES: Final[dict[str, tuple[Callable[[bytes], _Aead], int, Callable[[], hashes.HashAlgorithm]]]] = {
    "TLS_AES_128_GCM_SHA256": (AESGCM, 16, hashes.SHA256),
    "TLS_AES_256_GCM_SHA384": (AESGCM, 32, hashes.SHA384),
    "TLS_CHACHA20_POLY1305_SHA256": (ChaCha20Poly1305, 32, hashes.SHA256),
}
_SECRET: Final = b"SERVER_HANDSHAKE_TRAFFIC_SECRET"
# What servers answer to a client without the certificate they want (RFC 5246 7.2.2, RFC 8446 6.2): OpenSSL sends 40
# or 116, a JVM 42.
_LACKING: Final = frozenset(
    {
        AlertDescription.HANDSHAKE_FAILURE,
        AlertDescription.NO_CERTIFICATE,
        AlertDescription.BAD_CERTIFICATE,
        AlertDescription.CERTIFICATE_REQUIRED,
    }
)


class TlsSession:
    """A TLS connection over a stream; `handshake` first, then `send` and `receive` as on the stream itself."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._secret = b""
        self._finished = False
        self._alert: Alert | None = None
        self._seen = bytearray()
        self._openssl = SSL.Connection(self._context(), None)
        if not _is_ip(stream.address.host):
            self._openssl.set_tlsext_host_name(stream.address.host.rstrip(".").encode("idna"))
        self._openssl.set_connect_state()

    def _context(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_cipher_list(_CIPHERS)
        context.set_options(_OP_LEGACY_SERVER_CONNECT | SSL.OP_NO_RENEGOTIATION)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_keylog_callback(self._keep_secret)
        context.set_info_callback(self._keep_alert)
        return context

    def _keep_secret(self, _: SSL.Connection, line: bytes) -> None:
        label, _random, secret = line.split(b" ")
        if label == _SECRET:
            self._secret = bytes.fromhex(secret.decode())

    def _keep_alert(self, _: SSL.Connection, where: int, alert: int) -> None:
        if where & SSL.SSL_CB_READ_ALERT == SSL.SSL_CB_READ_ALERT:
            self._alert = Alert(level=alert >> 8, code=alert & 0xFF)

    async def handshake(self) -> bool:
        """Whether the handshake came to its end."""
        while True:
            try:
                self._openssl.do_handshake()
            except SSL.WantReadError:
                await self._flush()
                if not await self._feed():
                    return False
            except SSL.Error:
                await self._flush()
                return False
            else:
                self._finished = True
                await self._flush()
                return True

    async def send(self, data: bytes) -> None:
        """Encrypt and write; a session that is over shows at the next `receive`."""
        with suppress(SSL.Error):
            self._openssl.sendall(data)
        await self._flush()

    async def receive(self) -> bytes:
        """What has arrived, decrypted; nothing when the peer closed or sent an alert."""
        while True:
            try:
                return self._openssl.recv(1 << 16)
            except SSL.WantReadError:
                await self._flush()
                if not await self._feed():
                    return b""
            except SSL.Error:
                return b""

    async def _feed(self) -> bool:
        piece = await self._stream.receive()
        if not self._finished:
            self._seen += piece
        if len(self._seen) > _FLIGHT_LIMIT:
            raise RemoteWireError(f"the peer sent more than {_FLIGHT_LIMIT} bytes without ending the handshake")
        if piece:
            self._openssl.bio_write(piece)
        return bool(piece)

    async def _flush(self) -> None:
        while True:
            try:
                await self._stream.send(self._openssl.bio_read(1 << 16))
            except SSL.WantReadError:
                return

    @property
    def spoken(self) -> bool:
        """Whether the server answered the hello in TLS: with a ServerHello or an alert.

        Raises:
            RemoteWireError: it began a TLS record, but what came is neither.
        """
        if not self._seen or FirstByte.of(bytes(self._seen[:1])) is FirstByte.OTHER:
            return False
        if not any(isinstance(event, ServerHello | Alert) for event in self._flight()):
            raise RemoteWireError("the peer began a TLS record and ended without an answer to the hello")
        return True

    @property
    def certificate_requested(self) -> bool:
        """Whether the server asked for a client certificate.

        Raises:
            RemoteWireError: its flight is malformed.
            CannotLook: its flight cannot be decrypted.
        """
        events = self._flight()
        if any(isinstance(event, CertificateRequest) for event in events):
            return True
        if not any(isinstance(event, ServerHello) and event.version == Version.TLS_1_3 for event in events):
            return False
        suite = self._openssl.get_cipher_name()
        kinds = set(encrypted_kinds(bytes(self._seen), suite=suite, secret=self._secret))
        if self._finished and HandshakeType.FINISHED not in kinds:
            raise CannotLook(Reason.UNSUPPORTED, f"mskaudit cannot read a TLS 1.3 handshake with {suite}")
        return HandshakeType.CERTIFICATE_REQUEST in kinds

    @property
    def alert(self) -> str | None:
        """The last alert that the server sent, by its name in the RFCs; a farewell is none."""
        if self._alert is None or self._alert.code == AlertDescription.CLOSE_NOTIFY:
            return None
        return self._alert.name

    @property
    def lacks_certificate(self) -> bool:
        """Whether the server's last alert is one that tells a client to present a certificate."""
        return self._alert is not None and self._alert.code in _LACKING

    def _flight(self) -> list[FlightEvent]:
        return ServerFlight().feed(bytes(self._seen))


def encrypted_kinds(seen: bytes, *, suite: str | None, secret: bytes) -> Iterator[int]:
    """The kinds of the handshake messages that TLS 1.3 encrypts (RFC 8446, sections 5.2 and 7.3).

    `seen` is what a peer sent, `secret` its handshake traffic secret; a suite that is not known gives none.
    """
    if not secret or suite not in _TLS13_SUITES:
        return
    cipher_type, key_size, digest = _TLS13_SUITES[suite]
    cipher = cipher_type(_expand(secret, b"key", key_size, digest()))
    vector = int.from_bytes(_expand(secret, b"iv", _NONCE, digest()), "big")
    messages = HandshakeBuffer()
    encrypted = (r for r in RecordBuffer().feed(seen) if r.content_type is ContentType.APPLICATION)
    for number, record in enumerate(encrypted):
        plain = _open(cipher, (vector ^ number).to_bytes(_NONCE, "big"), record)
        if plain is None:
            return  # another key: the flight is over
        if plain[-1:] != bytes([ContentType.HANDSHAKE]):
            continue
        for message in messages.feed(plain[:-1]):
            yield message.kind


def _open(cipher: _Aead, nonce: bytes, record: Record) -> bytes | None:
    header = bytes([record.content_type]) + record.version.to_bytes(2, "big") + len(record.fragment).to_bytes(2, "big")
    try:
        return cipher.decrypt(nonce, record.fragment, header).rstrip(b"\0")
    except InvalidTag:
        return None


def _expand(secret: bytes, label: bytes, size: int, digest: hashes.HashAlgorithm) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446, section 7.1)."""
    name = b"tls13 " + label
    detail = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
    return HKDFExpand(algorithm=digest, length=size, info=detail).derive(secret)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
