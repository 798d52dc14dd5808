"""The server's side of real TLS handshakes, on bytes that somebody else carries.

pyOpenSSL is used because the ssl module can neither choose groups, nor staple, nor trust any client. Where a JVM
answers with other alerts than OpenSSL, the JVM's are sent, since Kafka runs on one.
"""

from __future__ import annotations

import ssl
from functools import cache
from hmac import digest as hmac
from itertools import chain
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final, TypeVar, assert_never

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct
from OpenSSL import SSL, crypto
from OpenSSL._util import lib

from mskaudit.errors import UsageError
from mskaudit.reference.certificates import Key, authority, issuer, server_credential
from mskaudit.reference.dh_groups import dh_parameters
from mskaudit.reference.distinguished import text
from mskaudit.reference.stapling import staple
from mskaudit.reference.tls_settings import ClientCertificate, Staple, TlsSettings, TlsVersion
from mskaudit.wire.tls_registry import AlertDescription, AlertLevel, ContentType

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CHUNK: Final = 1 << 16
"""Bytes of clear text read at once."""

# What Java 17 offers by itself, in its order: 3 suites of TLS 1.3, 27 of TLS 1.2.
_JVM_MODERN: Final = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")
_JVM_SUITES: Final = (
    *("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    *("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"),
    *("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256"),
    *("ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"),
    *("DHE-RSA-AES256-SHA256", "DHE-RSA-AES128-SHA256"),
    *("ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA"),
    *("DHE-RSA-AES256-SHA", "DHE-RSA-AES128-SHA"),
    *("AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-SHA256", "AES128-SHA256", "AES256-SHA", "AES128-SHA"),
)
_JVM_GROUPS: Final = (
    *("x25519", "secp256r1", "secp384r1", "secp521r1", "x448"),
    *("ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"),
)
# OpenSSL's own words where its lists do not take the IANA's; they are case-sensitive.
_OPENSSL_GROUPS: Final = {"x25519": "X25519", "x448": "X448", "secp256r1": "P-256", "secp384r1": "P-384"} | {
    "secp521r1": "P-521"
}
_VERSIONS: Final = {
    TlsVersion.TLS_1_0: (SSL.TLS1_VERSION, SSL.OP_NO_TLSv1),
    TlsVersion.TLS_1_1: (SSL.TLS1_1_VERSION, SSL.OP_NO_TLSv1_1),
    TlsVersion.TLS_1_2: (SSL.TLS1_2_VERSION, SSL.OP_NO_TLSv1_2),
    TlsVersion.TLS_1_3: (SSL.TLS1_3_VERSION, SSL.OP_NO_TLSv1_3),
}
_NO_AUTO_CHAIN: Final = 0x8
_SECRET: Final = b"SERVER_TRAFFIC_SECRET_0"
_LACKING: Final = "peer did not return a certificate"
_NONCE: Final = 12
_Aead = AESGCM | ChaCha20Poly1305
_AEADS: Final[dict[str, tuple[Callable[[bytes], _Aead], int, str]]] = {
    "TLS_AES_128_GCM_SHA256": (AESGCM, 16, "sha256"),
    "TLS_AES_256_GCM_SHA384": (AESGCM, 32, "sha384"),
    "TLS_CHACHA20_POLY1305_SHA256": (ChaCha20Poly1305, 32, "sha256"),
}


class TlsPeer(Struct, frozen=True, kw_only=True):
    """What a handshake came to.

    `subject` names the client by its certificate, if it presented one, in the order of RFC 2253; `suite` is OpenSSL's
    name.
    """

    version: TlsVersion
    suite: str
    subject: str | None


class TlsContext:
    """A listener's TLS, shared by all its connections.

    The certificate is for loopback and `host`. Sessions are not resumed, so that every connection shows the whole
    handshake.

    Raises:
        UsageError: the installed OpenSSL cannot serve these settings, or they leave nothing to serve.
    """

    def __init__(self, wanted: ClientCertificate, settings: TlsSettings, host: str = "") -> None:
        self._host = host
        self.wanted = wanted
        self.settings = settings
        self._openssl = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._openssl.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self._openssl.set_options(
            SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
        )
        self._openssl.set_mode(_NO_AUTO_CHAIN)
        self._choose_suites()
        self._choose_groups()
        self._present()
        self._verify()
        self._openssl.set_keylog_callback(_keep_secret)

    def session(self) -> ServerSession:
        """A new connection."""
        return ServerSession(SSL.Connection(self._openssl, None))

    def _choose_suites(self) -> None:
        asked = self.settings.suites or _JVM_MODERN + _JVM_SUITES
        modern = [name for name in asked if _is_modern(name)]
        older = [name for name in asked if not _is_modern(name)]
        try:
            self._openssl.set_tls13_ciphersuites(":".join(modern).encode())
            # An empty list is refused, and not looked at where nothing but TLS 1.3 is spoken.
            self._openssl.set_cipher_list(":".join([*(older or ["ALL"]), "@SECLEVEL=0"]).encode())
        except SSL.Error as cause:
            raise UsageError(
                f"the installed OpenSSL has none of the suites {', '.join(asked)}; a script can offer them"
            ) from cause
        self._choose_versions(modern=modern, older=older)

    def _choose_versions(self, *, modern: list[str], older: list[str]) -> None:
        # As with a JVM, a version without a suite of its own is not spoken.
        usable = [v for v in self.settings.versions if (modern if v is TlsVersion.TLS_1_3 else older)]
        if not usable:
            raise UsageError("no version of the listener's TLS has a suite; name one, or make the listener broken")
        numbers = [_VERSIONS[version][0] for version in usable]
        self._openssl.set_min_proto_version(min(numbers))
        self._openssl.set_max_proto_version(max(numbers))
        for version, (_, off) in _VERSIONS.items():
            if version not in usable:
                self._openssl.set_options(off)

    def _choose_groups(self) -> None:
        asked = self.settings.groups or _JVM_GROUPS
        names = ":".join(_OPENSSL_GROUPS[name] if name in _OPENSSL_GROUPS else name for name in asked)
        # pyOpenSSL itself sets one curve of an old kind only.
        if lib.SSL_CTX_set1_curves_list(self._openssl._context, names.encode()) != 1:  # noqa: SLF001
            lib.ERR_clear_error()
            raise UsageError(f"the installed OpenSSL has not all groups of {', '.join(asked)}; a script can offer them")
        with NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(dh_parameters(self.settings.dh))
            file.flush()
            self._openssl.load_tmp_dh(file.name)

    def _present(self) -> None:
        credential = server_credential(self.settings.certificate, self._host)
        leaf, *others = credential.chain
        self._openssl.use_certificate(leaf)
        for other in others:
            self._openssl.add_extra_chain_cert(other)
        key = load_pem_private_key(credential.key.encode(), None)
        assert isinstance(key, Key)
        self._openssl.use_privatekey(key)
        if self.settings.ocsp is not Staple.NONE:
            response = staple(self.settings.ocsp, credential, issuer(self.settings.certificate))
            self._openssl.set_ocsp_server_callback(lambda *_: response)

    def _verify(self) -> None:
        trusting = self.settings.trust_any_client
        self._openssl.set_verify(_verification(self.wanted), lambda *seen: trusting or bool(seen[-1]))
        if self.wanted is not ClientCertificate.NONE and not trusting:
            store = self._openssl.get_cert_store()
            assert store is not None
            trusted = authority().certificate
            store.add_cert(crypto.X509.from_cryptography(trusted))
            self._openssl.add_client_ca(trusted)


class ServerSession:
    """One connection: bytes in through `feed`, bytes out through `outgoing`.

    `handshake`, `read` and `write` return None when they need more bytes; they raise ssl.SSLError when the session is
    over, after which `outgoing` has the alert.
    """

    def __init__(self, openssl: SSL.Connection) -> None:
        self._openssl = openssl
        self._secrets: list[bytes] = []
        self._answer: bytes | None = None
        openssl.set_app_data(self._secrets)
        openssl.set_accept_state()

    def feed(self, chunk: bytes) -> None:
        """Take bytes of the peer, at least one."""
        self._openssl.bio_write(chunk)

    def outgoing(self) -> bytes:
        """The bytes to send now."""
        if self._answer is not None:
            answer, self._answer = self._answer, b""
            return answer
        try:
            return self._openssl.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""

    def handshake(self) -> TlsPeer | None:
        """Go on with the handshake."""
        try:
            self._openssl.do_handshake()
        except SSL.WantReadError:
            return None
        except SSL.Error as cause:
            self._answer = self._refusal(cause)
            raise ssl.SSLError(f"the handshake failed: {cause}") from cause
        return self._peer()

    def read(self) -> bytes | None:
        """The next clear bytes, none (but not None) after the peer's close_notify."""
        return self._step(self._read)

    def _read(self) -> bytes:
        try:
            return self._openssl.recv(CHUNK)
        except SSL.ZeroReturnError:
            return b""

    def write(self, content: bytes) -> int | None:
        """Encrypt at most `CHUNK` bytes and tell how many were taken."""
        return self._step(lambda: self._openssl.send(content[:CHUNK]))

    def shutdown(self) -> None:
        """Say close_notify."""
        self._step(self._openssl.shutdown)

    def _step(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except SSL.WantReadError:
            return None
        except SSL.Error as cause:
            raise ssl.SSLError(f"TLS broke: {cause}") from cause

    def _peer(self) -> TlsPeer:
        certificate = self._openssl.get_peer_certificate(as_cryptography=True)
        suite = self._openssl.get_cipher_name()
        assert suite is not None
        return TlsPeer(
            version=TlsVersion(self._openssl.get_protocol_version_name()),
            suite=suite,
            subject=None if certificate is None else text(certificate.subject),
        )

    def _refusal(self, cause: SSL.Error) -> bytes | None:
        """The alert a JVM sends; None where OpenSSL's own will do."""
        listed = cause.args[0] if cause.args and isinstance(cause.args[0], list) else []
        found = list(chain.from_iterable(listed))
        if _LACKING in found:
            code = AlertDescription.BAD_CERTIFICATE
        elif "certificate verify failed" in found:
            code = AlertDescription.CERTIFICATE_UNKNOWN
        else:
            return None
        alert = bytes([AlertLevel.FATAL, code])
        version = self._openssl.get_protocol_version()
        if version < SSL.TLS1_3_VERSION:
            return _record(ContentType.ALERT, version, alert)
        suite = self._openssl.get_cipher_name()
        if suite not in _AEADS or not self._secrets:
            return None
        return _encrypted(alert, suite=suite, secret=self._secrets[-1])


def _is_modern(suite: str) -> bool:
    """Whether it is one of TLS 1.3's, whose names say nothing of the key exchange."""
    return suite.startswith("TLS_") and "_WITH_" not in suite


def _verification(wanted: ClientCertificate) -> int:
    match wanted:
        case ClientCertificate.NONE:
            return SSL.VERIFY_NONE
        case ClientCertificate.REQUESTED:
            return SSL.VERIFY_PEER
        case ClientCertificate.REQUIRED:
            return SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        case _:
            assert_never(wanted)


def _keep_secret(connection: SSL.Connection, line: bytes) -> None:
    label, _, secret = line.split(b" ")
    if label == _SECRET:
        connection.get_app_data().append(bytes.fromhex(secret.decode()))


def _record(content_type: ContentType, version: int, fragment: bytes) -> bytes:
    return bytes([content_type]) + version.to_bytes(2, "big") + len(fragment).to_bytes(2, "big") + fragment


def _encrypted(alert: bytes, *, suite: str, secret: bytes) -> bytes:
    """An alert as the first record under a server's traffic secret (RFC 8446, sections 5.2 and 7.3)."""
    cipher, key_size, digest = _AEADS[suite]
    inner = alert + bytes([ContentType.ALERT])
    header = _record(ContentType.APPLICATION, SSL.TLS1_2_VERSION, bytes(len(inner) + 16))[:5]
    key = _expand(secret, b"key", key_size, digest)
    return header + cipher(key).encrypt(_expand(secret, b"iv", _NONCE, digest), inner, header)


def _expand(secret: bytes, label: bytes, size: int, digest: str) -> bytes:
    """HKDF-Expand-Label for at most one block (RFC 8446, section 7.1)."""
    name = b"tls13 " + label
    return hmac(secret, size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0" + b"\1", digest)[:size]


def tls_context(wanted: ClientCertificate, settings: TlsSettings, host: str = "") -> TlsContext:
    """The context of all listeners of a process that want the same; one beyond loopback has a `host` of its own."""
    return _context(wanted, settings, "" if host.startswith("127.") else host)


@cache
def _context(wanted: ClientCertificate, settings: TlsSettings, host: str) -> TlsContext:
    return TlsContext(wanted, settings, host)
