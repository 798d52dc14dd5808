"""One full TLS handshake without a client certificate, and what the server asked for on the way.

OpenSSL does the cryptography on bytes we carry, so that the server's flight can be read as well: in clear under
TLS 1.2, decrypted with the handshake secret of our own session under TLS 1.3. That is how a CertificateRequest is seen
in every version, without guessing from alerts.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from OpenSSL import SSL

from mskaudit.wire.tls import Alert, CertificateRequest, HandshakeBuffer, RecordBuffer, ServerFlight
from mskaudit.wire.tls_registry import ContentType, HandshakeType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mskaudit.gather.live.dial import Stream
    from mskaudit.wire.tls import Record

# As wide as the library goes: the question is what the server does, not whether it is safe.
_CIPHERS: Final = b"ALL:COMPLEMENTOFALL:@SECLEVEL=0"
_OP_LEGACY_SERVER_CONNECT: Final = 0x4
_NONCE: Final = 12
_Aead = AESGCM | ChaCha20Poly1305
_TLS13_SUITES: Final[dict[str, tuple[Callable[[bytes], _Aead], int, Callable[[], hashes.HashAlgorithm]]]] = {
    "TLS_AES_128_GCM_SHA256": (AESGCM, 16, hashes.SHA256),
    "TLS_AES_256_GCM_SHA384": (AESGCM, 32, hashes.SHA384),
    "TLS_CHACHA20_POLY1305_SHA256": (ChaCha20Poly1305, 32, hashes.SHA256),
}
_SECRET: Final = b"SERVER_HANDSHAKE_TRAFFIC_SECRET"


class TlsSession:
    """A TLS connection over a stream; `handshake` first, then `send` and `receive` as on the stream itself."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._secret = b""
        self.seen = bytearray()
        self._openssl = SSL.Connection(self._context(), None)
        if not _is_ip(stream.address.host):
            self._openssl.set_tlsext_host_name(stream.address.host.encode("idna"))
        self._openssl.set_connect_state()

    def _context(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_cipher_list(_CIPHERS)
        context.set_options(_OP_LEGACY_SERVER_CONNECT)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_keylog_callback(self._keep_secret)
        return context

    def _keep_secret(self, _: SSL.Connection, line: bytes) -> None:
        label, _random, secret = line.split(b" ")
        if label == _SECRET:
            self._secret = bytes.fromhex(secret.decode())

    async def handshake(self) -> bool:
        """Whether the handshake came to its end; what the server sent meanwhile is in `seen`."""
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
                await self._flush()
                return True

    async def send(self, data: bytes) -> None:
        """Encrypt and write."""
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
        self.seen += piece
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
    def certificate_requested(self) -> bool:
        """Whether the server asked for a client certificate.

        Raises:
            RemoteWireError: its flight is malformed.
        """
        events = ServerFlight().feed(bytes(self.seen))
        if any(isinstance(event, CertificateRequest) for event in events):
            return True
        return any(kind == HandshakeType.CERTIFICATE_REQUEST for kind in self._decrypted_kinds())

    @property
    def alert(self) -> str | None:
        """The alert that the server sent in clear, by its name in the RFCs."""
        alerts = [event.name for event in ServerFlight().feed(bytes(self.seen)) if isinstance(event, Alert)]
        return alerts[-1] if alerts else None

    def _decrypted_kinds(self) -> Iterator[int]:
        """The kinds of the handshake messages that TLS 1.3 encrypts (RFC 8446, sections 5.2 and 7.3)."""
        suite = self._openssl.get_cipher_name()
        if not self._secret or suite not in _TLS13_SUITES:
            return
        cipher_type, key_size, digest = _TLS13_SUITES[suite]
        cipher = cipher_type(_expand(self._secret, b"key", key_size, digest()))
        vector = int.from_bytes(_expand(self._secret, b"iv", _NONCE, digest()), "big")
        messages = HandshakeBuffer()
        encrypted = (r for r in RecordBuffer().feed(bytes(self.seen)) if r.content_type is ContentType.APPLICATION)
        for number, record in enumerate(encrypted):
            plain = _open(cipher, (vector ^ number).to_bytes(_NONCE, "big"), record)
            if plain is None or plain[-1:] != bytes([ContentType.HANDSHAKE]):
                return  # another key, or no handshake message: the flight is over
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
