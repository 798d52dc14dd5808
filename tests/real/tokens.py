"""The key set against which real brokers check bearer tokens: that of the reference's own keys."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mskaudit.reference.tokens import TokenAlgorithm, own_key


def key_set() -> str:
    """The public keys of this process as a JSON Web Key Set (RFC 7517)."""
    return json.dumps({"keys": [_key(algorithm) for algorithm in TokenAlgorithm]})


def _key(algorithm: TokenAlgorithm) -> dict[str, Any]:
    public = own_key(algorithm).public_key()
    named = {"use": "sig", "alg": algorithm.value, "kid": algorithm.value}
    match public:
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            return {**named, "kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        case ec.EllipticCurvePublicKey():
            point = public.public_numbers()
            return {**named, "kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}


def _number(value: int, size: int | None = None) -> str:
    length = size or (value.bit_length() + 7) // 8
    return urlsafe_b64encode(value.to_bytes(length, "big")).rstrip(b"=").decode()
