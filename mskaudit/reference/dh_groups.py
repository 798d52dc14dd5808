"""Diffie-Hellman groups of chosen sizes, for DHE suites: the MODP groups of RFC 2409 and RFC 3526, computed."""

from __future__ import annotations

from base64 import encodebytes
from typing import Final

from mskaudit.reference.der import DerTag, der
from mskaudit.reference.tls_settings import DhSize

# Each prime is 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + offset); the offsets are from the RFCs.
_OFFSETS: Final = {
    DhSize.BITS_768: 149_686,
    DhSize.BITS_1024: 129_093,
    DhSize.BITS_2048: 124_476,
    DhSize.BITS_3072: 1_690_314,
}
_GENERATOR: Final = 2
_GUARD_BITS: Final = 32


def dh_prime(size: DhSize) -> int:
    """The prime of the group with so many bits."""
    bits = int(size)
    return (1 << bits) - (1 << bits - 64) - 1 + ((_pi(bits - 130) + _OFFSETS[size]) << 64)


def dh_parameters(size: DhSize) -> str:
    """The group as PEM of PKCS #3, written here since cryptography is giving such groups up."""
    numbers = (dh_prime(size), _GENERATOR)
    content = b"".join(der(DerTag.INTEGER, _positive(number)) for number in numbers)
    body = encodebytes(der(DerTag.SEQUENCE, content)).decode()
    return f"-----BEGIN DH PARAMETERS-----\n{body}-----END DH PARAMETERS-----\n"


def _positive(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _pi(bits: int) -> int:
    """Pi times 2 to the power of `bits`, rounded down, by Machin's formula."""
    one = 1 << bits + _GUARD_BITS
    return (16 * _arctan_of_inverse(5, one) - 4 * _arctan_of_inverse(239, one)) >> _GUARD_BITS


def _arctan_of_inverse(whole: int, one: int) -> int:
    total = term = one // whole
    divisor, sign = 1, 1
    while term:
        term //= whole * whole
        divisor += 2
        sign = -sign
        total += sign * (term // divisor)
    return total
