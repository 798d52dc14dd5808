"""Kafka frames: a four-byte length, then that many bytes."""

from __future__ import annotations

from typing import ClassVar, Final

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.buffers import SizedBuffer
from mskaudit.wire.primitives import INT32

SCANNER_FRAME_LIMIT: Final = 32 * 2**20
"""Bytes of the largest answer a scanner takes: over a hundred thousand topics in one Metadata response."""

BROKER_FRAME_LIMIT: Final = 2**20
"""Bytes of the largest request a reference broker takes."""

_FRAME_MAXIMUM: Final = 2**31 - 1


class FrameBuffer(SizedBuffer[bytes]):
    """A stream of frames; a length that is negative or over ``limit`` bytes is refused from its four bytes."""

    header_size: ClassVar[int] = INT32.size

    def __init__(self, *, limit: int = SCANNER_FRAME_LIMIT) -> None:
        super().__init__()
        self.limit = limit
        """Bytes of the largest frame; a change concerns frames whose length has not been read."""

    def _measure(self, header: bytes) -> int:
        size: int = INT32.unpack(header)[0]
        if not 0 <= size <= self.limit:
            raise RemoteWireError(f"the peer announced a frame of {size} bytes; the limit is {self.limit}")
        return size

    def _piece(self, content: bytes) -> bytes:
        return content[INT32.size :]


def frame(content: bytes) -> bytes:
    """Return ``content`` behind its length; LocalWireError above 2**31-1 bytes."""
    if len(content) > _FRAME_MAXIMUM:
        raise LocalWireError(f"{len(content)} bytes do not fit a Kafka frame")
    return INT32.pack(len(content)) + content
