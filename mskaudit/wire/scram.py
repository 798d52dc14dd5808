"""SCRAM-SHA-256 and SCRAM-SHA-512, both ends, without I/O (RFC 5802, RFC 7677).

As in Kafka, names and passwords are used as plain UTF-8 without SASLprep and there is no channel binding. What is
malformed or out of turn raises ``RemoteWireError``; a login that fails is a value, ``ScramRefusal``, on the server.
A broker answers both with error 58.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from mskaudit.errors import LocalWireError, RemoteWireError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ITERATIONS: Final = 1_000_000
"""More than this a server cannot make a client compute; Kafka itself stops at 16384."""

MIN_ITERATIONS: Final = 4096
"""Fewer would hand a rogue server a proof that is cheap to search (RFC 7677 section 4)."""

_ATTRIBUTES: Final = 16
_ATTRIBUTE: Final = re.compile(r"[A-Za-z]+=")
_GS2_HEADER: Final = "n,,"
_SALT_SIZE: Final = 16
_NONCE_SIZE: Final = 24
_NONCE: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,9}")
_NAME: Final = re.compile(r"(?:[^=,\x00]|=2C|=3D)+")
_DELEGATION: Final = "tokenauth=true"
_ERROR: Final = re.compile(r"[^,\x00]+")
_MANDATORY: Final = re.compile(r"m=[^,\x00]+,")


class ScramMechanism(StrEnum):
    """A SCRAM mechanism by its SASL name."""

    SHA_256 = "SCRAM-SHA-256"
    SHA_512 = "SCRAM-SHA-512"

    @property
    def digest(self) -> str:
        """The hash function, as hashlib names it."""
        return "sha256" if self is ScramMechanism.SHA_256 else "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramCredential:
    """What a server keeps instead of a password (RFC 5802 section 3)."""

    salt: bytes = field(repr=False)
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def derive(
        cls,
        mechanism: ScramMechanism,
        password: str,
        *,
        iterations: int = MIN_ITERATIONS,
        salt: bytes | None = None,
    ) -> Self:
        """Return the credential of ``password``, with a random salt unless one is given."""
        salt = secrets.token_bytes(_SALT_SIZE) if salt is None else salt
        salted = _salted_password(mechanism.digest, password, salt=salt, iterations=iterations)
        return cls(
            salt=salt,
            iterations=iterations,
            stored_key=_stored_key(mechanism.digest, salted),
            server_key=_server_key(mechanism.digest, salted),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFirst:
    """The server's challenge: the joint nonce, and the salt and iterations of the user's credential."""

    nonce: str
    salt: bytes = field(repr=False)
    iterations: int

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Return the challenge; RemoteWireError if malformed. It tells a user's iterations without a password."""
        nonce, salt, iterations = _attributes(message, "rsi")
        return cls(
            nonce=_match(_NONCE, nonce, "nonce"),
            salt=_decode(salt),
            iterations=int(_match(_COUNT, iterations, "iteration count")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramRefusal:
    """A login that failed, in the words Kafka sends with error 58."""

    message: str


class ScramClient:
    """One login of a client: ``first``, then ``respond``, then ``verify``."""

    __slots__ = ("_bare", "_limits", "_mechanism", "_nonce", "_password", "_server_signature")

    def __init__(
        self,
        *,
        mechanism: ScramMechanism,
        username: str,
        password: str,
        nonce: str | None = None,
        min_iterations: int = MIN_ITERATIONS,
        max_iterations: int = MAX_ITERATIONS,
    ) -> None:
        self._mechanism = mechanism
        self._password = password
        self._nonce = secrets.token_urlsafe(_NONCE_SIZE) if nonce is None else nonce
        self._bare = f"n={_escape(username)},r={self._nonce}"
        self._limits = range(min_iterations, max_iterations + 1)
        self._server_signature: bytes | None = None

    def first(self) -> bytes:
        """Return the client's first message."""
        return (_GS2_HEADER + self._bare).encode()

    def respond(self, server_first: bytes) -> bytes:
        """Return the client's final message, which proves the password without showing it.

        Raises RemoteWireError if the challenge is malformed, has a nonce that does not extend ours, or asks for
        iterations outside the limits; nothing is computed then.
        """
        challenge = ServerFirst.parse(server_first)
        if not challenge.nonce.startswith(self._nonce) or challenge.nonce == self._nonce:
            raise RemoteWireError("the server's SCRAM nonce does not extend the client's")
        if challenge.iterations not in self._limits:
            raise RemoteWireError(
                f"the server asks for {challenge.iterations} SCRAM iterations; "
                f"accepted are {self._limits.start} to {self._limits.stop - 1}"
            )
        digest = self._mechanism.digest
        salted = _salted_password(digest, self._password, salt=challenge.salt, iterations=challenge.iterations)
        without_proof = f"c={_encode(_GS2_HEADER.encode())},r={challenge.nonce}".encode()
        signed = b",".join((self._bare.encode(), server_first, without_proof))
        self._server_signature = _hmac(digest, _server_key(digest, salted), signed)
        signature = _hmac(digest, _stored_key(digest, salted), signed)
        proof = _xor(_client_key(digest, salted), signature)
        return without_proof + b",p=" + _encode(proof).encode()

    def verify(self, server_final: bytes) -> None:
        """Return if the server knows the credential; RemoteWireError if it refuses, fakes or is malformed."""
        if self._server_signature is None:
            raise LocalWireError("a SCRAM client responds before it verifies")
        if server_final.startswith(b"e="):
            (error,) = _attributes(server_final, "e")
            raise RemoteWireError(f"the server refused the SCRAM login: {_match(_ERROR, error, 'error')}")
        (signature,) = _attributes(server_final, "v")
        if not hmac.compare_digest(_decode(signature), self._server_signature):
            raise RemoteWireError("the server's SCRAM signature is wrong: it does not know the credential")


class ScramServer:
    """One login at a server: ``challenge``, then ``conclude``; afterwards ``username`` is who logged in."""

    __slots__ = ("_credentials", "_expected", "_mechanism", "_nonce", "_username")

    def __init__(
        self,
        *,
        mechanism: ScramMechanism,
        credentials: Mapping[str, ScramCredential],
        nonce: str | None = None,
    ) -> None:
        self._mechanism = mechanism
        self._credentials = credentials
        self._nonce = secrets.token_urlsafe(_NONCE_SIZE) if nonce is None else nonce
        self._expected: _Expected | None = None
        self._username: str | None = None

    @property
    def username(self) -> str | None:
        """The user who has proved the password, or None before."""
        return self._username

    def challenge(self, client_first: bytes) -> bytes | ScramRefusal:
        """Return the server's first message, or at once a refusal for an unknown user, as Kafka does."""
        first = _ClientFirst.parse(client_first)
        credential = self._credentials.get(first.username)
        if credential is None or first.names_token:
            return self._refusal()
        if first.authorization_id not in ("", first.username):
            return ScramRefusal(
                message="Authentication failed: Client requested an authorization id that is different from username"
            )
        nonce = first.nonce + self._nonce
        reply = f"r={nonce},s={_encode(credential.salt)},i={credential.iterations}"
        self._expected = _Expected(
            username=first.username,
            credential=credential,
            nonce=nonce,
            binding=_encode(first.gs2_header.encode()),
            signed=f"{first.bare},{reply}",
        )
        return reply.encode()

    def conclude(self, client_final: bytes) -> bytes | ScramRefusal:
        """Return the server's final message if the proof is right, otherwise a refusal; it can be asked once."""
        if self._expected is None:
            raise LocalWireError("a SCRAM server challenges before it concludes, and concludes once")
        expected, self._expected = self._expected, None
        binding, nonce, proof = _attributes(client_final, "cr", last="p")
        if binding != expected.binding or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
            return self._refusal()
        digest = self._mechanism.digest
        without_proof = client_final[: client_final.rindex(b",p=")]
        signed = expected.signed.encode() + b"," + without_proof
        signature = _hmac(digest, expected.credential.stored_key, signed)
        sent = _decode(proof)
        if len(sent) != len(signature):
            raise RemoteWireError("the client's SCRAM proof has the wrong length")
        stored_key = hashlib.new(digest, _xor(sent, signature)).digest()
        if not hmac.compare_digest(stored_key, expected.credential.stored_key):
            return self._refusal()
        self._username = expected.username
        return b"v=" + _encode(_hmac(digest, expected.credential.server_key, signed)).encode()

    def _refusal(self) -> ScramRefusal:
        return ScramRefusal(
            message="Authentication failed during authentication due to invalid credentials "
            f"with SASL mechanism {self._mechanism}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What a server remembers between challenge and proof."""

    username: str
    credential: ScramCredential
    nonce: str
    binding: str
    signed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClientFirst:
    """The client's first message, taken apart.

    A mandatory extension is what a server has to refuse by RFC 5802; Kafka drops it, and does not sign it either.
    """

    gs2_header: str
    authorization_id: str
    bare: str
    username: str
    nonce: str

    @property
    def names_token(self) -> bool:
        """Whether the name is that of a delegation token (KIP-48), of which a server here has none."""
        return _DELEGATION in self.bare.lower().split(",")[2:]

    @classmethod
    def parse(cls, message: bytes) -> Self:
        flag, authorization, bare = [*_text(message).split(",", 2), "", ""][:3]
        if flag != "n" or (authorization and not authorization.startswith("a=")):
            raise RemoteWireError("the client's SCRAM message asks for channel binding or is malformed")
        mandatory = _MANDATORY.match(bare)
        bare = bare[mandatory.end() :] if mandatory else bare
        name, nonce = _attributes(bare.encode(), "nr")
        return cls(
            gs2_header=f"{flag},{authorization},",
            authorization_id=_unescape(authorization[2:]) if authorization else "",
            bare=bare,
            username=_unescape(name),
            nonce=_match(_NONCE, nonce, "nonce"),
        )


def _attributes(message: bytes, leading: str, *, last: str = "") -> list[str]:
    """Return the values of the ``leading`` attributes and the ``last``; optional extensions in between are skipped."""
    parts = _text(message).split(",", _ATTRIBUTES)
    letters = leading + last
    if not len(letters) <= len(parts) <= _ATTRIBUTES:
        raise RemoteWireError(f"the peer sent a SCRAM message of {len(parts)} attributes where {letters} are due")
    if not all(_ATTRIBUTE.match(part) for part in parts):
        raise RemoteWireError("the peer sent a SCRAM message that is not a list of attributes")
    chosen = parts[: len(leading)] + (parts[-1:] if last else [])
    if [part[:2] for part in chosen] != [f"{letter}=" for letter in letters]:
        raise RemoteWireError(f"the peer sent a SCRAM message without the attributes {letters} in their order")
    return [part[2:] for part in chosen]


def _text(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError as cause:
        raise RemoteWireError(f"the peer sent a SCRAM message that is not UTF-8: {cause.reason}") from None


def _match(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise RemoteWireError(f"the peer sent a SCRAM message whose {what} is malformed")
    return value


def _escape(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _unescape(name: str) -> str:
    return _match(_NAME, name, "user name").replace("=2C", ",").replace("=3D", "=")


def _encode(content: bytes) -> str:
    return b64encode(content).decode()


def _decode(text: str) -> bytes:
    try:
        content = b64decode(text.encode(), validate=True)
    except binascii.Error as cause:
        raise RemoteWireError(f"the peer sent a SCRAM message with broken base64: {cause}") from None
    if not content:
        raise RemoteWireError("the peer sent a SCRAM message with an empty salt, proof or signature")
    return content


def _hmac(digest: str, key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, digest)


def _salted_password(digest: str, password: str, *, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)


def _client_key(digest: str, salted: bytes) -> bytes:
    return _hmac(digest, salted, b"Client Key")


def _stored_key(digest: str, salted: bytes) -> bytes:
    return hashlib.new(digest, _client_key(digest, salted)).digest()


def _server_key(digest: str, salted: bytes) -> bytes:
    return _hmac(digest, salted, b"Server Key")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
