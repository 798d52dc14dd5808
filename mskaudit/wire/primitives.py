"""The smallest things on the wire: a bounded reader, fixed-width numbers and variable-length integers."""

from __future__ import annotations

from struct import Struct, error
from typing import Any, Final

from mskaudit.errors import LocalWireError, RemoteWireError

INT8: Final = Struct(">b")
INT16: Final = Struct(">h")
INT32: Final = Struct(">i")
INT64: Final = Struct(">q")
UINT16: Final = Struct(">H")
FLOAT64: Final = Struct(">d")

UVARINT_MAX: Final = 2**32 - 1
_UVARINT_BYTES: Final = 5


class Reader:
    """A cursor over bytes from a peer that refuses to move past their end."""

    __slots__ = ("_at", "_bytes", "_end")

    def __init__(self, content: bytes) -> None:
        self._bytes = content
        self._at = 0
        self._end = len(content)

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return self._end - self._at

    def advance(self, size: int) -> int:
        """Move over ``size`` bytes and return where they began; RemoteWireError if there are fewer."""
        if not 0 <= size <= self.remaining:
            raise RemoteWireError(f"the peer announced {size} bytes where {self.remaining} remain")
        start = self._at
        self._at += size
        return start

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes; RemoteWireError if there are fewer."""
        start = self.advance(size)
        return self._bytes[start : start + size]

    def peek(self, size: int) -> bytes:
        """Return up to ``size`` of the next bytes without moving."""
        return self._bytes[self._at : min(self._at + size, self._end)]

    def accept(self, expected: bytes) -> bool:
        """Move past ``expected`` if it comes next, and tell whether it did."""
        found = self._bytes.startswith(expected, self._at, self._end)
        if found:
            self._at += len(expected)
        return found

    def within(self, size: int) -> Reader:
        """Return a reader confined to the next ``size`` bytes, without copying, and move past them."""
        start = self.advance(size)
        part = Reader(self._bytes)
        part._at, part._end = start, start + size
        return part

    def unpack(self, layout: Struct) -> Any:
        """Return one fixed-width big-endian value; RemoteWireError if it is cut short."""
        return layout.unpack_from(self._bytes, self.advance(layout.size))[0]

    def uint(self, width: int) -> int:
        """Return an unsigned big-endian integer of ``width`` bytes."""
        return int.from_bytes(self.take(width), "big")

    def uvarint(self) -> int:
        """Return an unsigned LEB128 integer below 2**32, at most five bytes long (KIP-482)."""
        value = 0
        for position in range(_UVARINT_BYTES):
            octet = self.uint(1)
            value |= (octet & 0x7F) << (7 * position)
            if octet < 0x80:  # noqa: PLR2004  the continuation bit
                break
        else:
            raise RemoteWireError("the peer sent a variable-length integer of more than five bytes")
        if value > UVARINT_MAX:
            raise RemoteWireError("the peer sent a variable-length integer above 32 bits")
        return value

    def finish(self, what: str) -> None:
        """Raise RemoteWireError if anything is left; ``what`` names the thing that should be over."""
        if self.remaining:
            raise RemoteWireError(f"the peer sent {self.remaining} bytes after the end of {what}")


def pack(out: bytearray, layout: Struct, value: Any) -> None:
    """Append one fixed-width big-endian value; LocalWireError if it does not fit the width."""
    try:
        out += layout.pack(value)
    except error as cause:
        raise LocalWireError(f"{value!r} does not fit the wire format {layout.format!r}: {cause}") from None


def pack_uvarint(out: bytearray, value: int) -> None:
    """Append an unsigned LEB128 integer; LocalWireError outside 0 to 2**32-1 (KIP-482)."""
    if not 0 <= value <= UVARINT_MAX:
        raise LocalWireError(f"{value} is not an unsigned 32-bit number")
    while value > 0x7F:  # noqa: PLR2004  seven bits travel in each byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
