"""The vectors that TLS messages are made of, read and written: bytes behind their length (RFC 8446, section 3.4)."""

from __future__ import annotations

from struct import pack, unpack
from typing import TYPE_CHECKING

from mskaudit.errors import LocalWireError, RemoteWireError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mskaudit.wire.primitives import Reader

Extensions = tuple[tuple[int, bytes], ...]
"""Extensions as (number, content), in the order sent."""


def opaque(reader: Reader, width: int) -> bytes:
    """Return the bytes behind a length of ``width`` bytes."""
    return reader.take(reader.uint(width))


def numbers(reader: Reader, *, width: int = 2) -> tuple[int, ...]:
    """Return the 16-bit numbers behind a length of ``width`` bytes."""
    content = opaque(reader, width)
    if len(content) % 2:
        raise RemoteWireError("the peer sent a list of 16-bit numbers with an odd size")
    return unpack(f">{len(content) // 2}H", content)


def extensions(reader: Reader) -> Extensions:
    """Return the extensions of a message; none may come twice."""
    content = reader.within(reader.uint(2))
    found: dict[int, bytes] = {}
    while content.remaining:
        number = content.uint(2)
        if number in found:
            raise RemoteWireError(f"the peer sent TLS extension {number} twice")
        found[number] = opaque(content, 2)
    return tuple(found.items())


def vector(width: int, content: bytes) -> bytes:
    """Return ``content`` behind its length in ``width`` bytes; LocalWireError if that is too short for it."""
    if len(content) >= 1 << 8 * width:
        raise LocalWireError(f"{len(content)} bytes do not fit behind a length of {width} bytes")
    return len(content).to_bytes(width, "big") + content


def number_vector(values: Iterable[int], *, width: int = 2) -> bytes:
    """Return 16-bit numbers behind their length; LocalWireError if one is no such number."""
    listed = tuple(values)
    if any(not 0 <= value <= 0xFFFF for value in listed):  # noqa: PLR2004
        raise LocalWireError(f"{listed} are not all 16-bit numbers")
    return vector(width, pack(f">{len(listed)}H", *listed))


def extension_block(listed: Extensions) -> bytes:
    """Return extensions as a message ends with them; LocalWireError if one is too long."""
    return vector(2, b"".join(number.to_bytes(2, "big") + vector(2, content) for number, content in listed))
