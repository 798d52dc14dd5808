"""Bearer tokens at a reference broker: JWTs that Kafka's validators would take, and the making of some.

Unsigned tokens are checked as Kafka 4.3.1 was seen to do with no key set, signed ones as with one, except that claims
named twice are refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mskaudit.wire.oauthbearer import UNSIGNED, Jwt, compact, signing_input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.realm import OauthSettings

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_HALF: Final = 32
_SMALLEST_RSA: Final = 2048
_KEY_SETS: Final = 64


class TokenAlgorithm(StrEnum):
    """The algorithms that tokens are signed with (RFC 7518 section 3.1)."""

    RS256 = "RS256"
    ES256 = "ES256"


class Bearer(NamedTuple):
    """Who a token is for, and until when."""

    principal: str
    expires: datetime


class TokenRefusal(NamedTuple):
    """Why a token is not taken; the client is not told."""

    reason: str


def bearer(token: str, settings: OauthSettings, now: datetime) -> Bearer | TokenRefusal:
    """Whom the token names, or why it is refused; RemoteWireError if it is no token at all."""
    jwt = Jwt.parse(token)
    moment = now.timestamp()
    if jwt.algorithm == UNSIGNED:
        refusal = _unsigned(jwt, settings) or _times(jwt, moment, skew=0) or _issued(jwt, moment)
    else:
        refusal = _signed(jwt, settings) or _times(jwt, moment, skew=settings.clock_skew_s)
        refusal = refusal or _addressed(jwt, settings, moment)
    if refusal is not None:
        return TokenRefusal(refusal)
    principal, expires = jwt.text(settings.principal_claim), jwt.instant("exp")
    if not principal or not principal.strip():
        return TokenRefusal("no principal")
    assert expires is not None  # its time has been checked
    return Bearer(principal, datetime.fromtimestamp(expires, UTC))


def _unsigned(jwt: Jwt, settings: OauthSettings) -> str | None:
    if not settings.accept_unsigned:
        return "not signed"
    return "a signature where none is due" if jwt.signature else None


def _signed(jwt: Jwt, settings: OauthSettings) -> str | None:
    if settings.skip_signature:
        return None
    if jwt.algorithm not in tuple(TokenAlgorithm):
        return "another algorithm"
    algorithm = TokenAlgorithm(jwt.algorithm)
    keys = public_keys(settings.key_set) if settings.key_set else (own_key(algorithm).public_key(),)
    return None if any(_verifies(key, algorithm, jwt) for key in keys) else "the signature of no known key"


def _verifies(key: PublicKey, algorithm: TokenAlgorithm, jwt: Jwt) -> bool:
    """Whether the key made the signature; a key of another kind than the algorithm's never did."""
    try:
        match algorithm, key:
            case TokenAlgorithm.RS256, rsa.RSAPublicKey():
                key.verify(jwt.signature, jwt.signed, padding.PKCS1v15(), SHA256())
                return True
            case TokenAlgorithm.ES256, ec.EllipticCurvePublicKey() if len(jwt.signature) == 2 * _HALF:
                halves = (int.from_bytes(half) for half in (jwt.signature[:_HALF], jwt.signature[_HALF:]))
                key.verify(encode_dss_signature(*halves), jwt.signed, ec.ECDSA(SHA256()))
                return True
    except InvalidSignature:
        return False
    return False


def _times(jwt: Jwt, now: float, *, skew: int) -> str | None:
    expires, issued = jwt.instant("exp"), jwt.instant("iat")
    if expires is None:
        return "no end"
    if now - skew >= expires:
        return "expired"
    return "issued after its end" if issued is not None and issued >= expires else None


def _issued(jwt: Jwt, now: float) -> str | None:
    """What only unsigned tokens are asked for: that they be of the past, if they say of when they are."""
    issued = jwt.instant("iat")
    return "issued in the future" if issued is not None and issued > now else None


def _addressed(jwt: Jwt, settings: OauthSettings, now: float) -> str | None:
    """What only signed tokens are asked for: a time of issue, and whom they are from and for."""
    starts = jwt.instant("nbf")
    if jwt.instant("iat") is None:
        return "no time of issue"
    if starts is not None and starts > now + settings.clock_skew_s:
        return "not valid yet"
    audiences = jwt.texts("aud")
    foreign = bool(audiences) if settings.audience is None else settings.audience not in audiences
    if foreign:
        return "for another audience"
    return None if settings.issuer in (None, jwt.text("iss")) else "from another issuer"


@cache
def own_key(algorithm: TokenAlgorithm) -> PrivateKey:
    """The key that signs for reference clusters, made at first use and gone with the process."""
    match algorithm:
        case TokenAlgorithm.RS256:
            return rsa.generate_private_key(public_exponent=65537, key_size=_SMALLEST_RSA)
        case TokenAlgorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            assert_never(algorithm)


def signed_jwt(claims: Mapping[str, object], key: PrivateKey | None = None) -> str:
    """A token of the claims, signed with an RSA or P-256 key, or with the reference clusters' own."""
    key = own_key(TokenAlgorithm.ES256) if key is None else key
    if isinstance(key, rsa.RSAPrivateKey):
        signed = signing_input(TokenAlgorithm.RS256, claims)
        return compact(signed, key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))
    signed = signing_input(TokenAlgorithm.ES256, claims)
    halves = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return compact(signed, b"".join(half.to_bytes(_HALF) for half in halves))


@lru_cache(maxsize=_KEY_SETS)
def public_keys(pems: tuple[str, ...]) -> tuple[PublicKey, ...]:
    """The keys of PEM texts; ValueError if one is no RSA key of 2048 bits or more and no P-256 key."""
    return tuple(_public_key(pem) for pem in pems)


def _public_key(pem: str) -> PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("a key of the key set is no public key in PEM") from None
    match key:
        case rsa.RSAPublicKey() if key.key_size >= _SMALLEST_RSA:
            return key
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            return key
    raise ValueError("a key of the key set is neither RSA of 2048 bits or more nor P-256")
