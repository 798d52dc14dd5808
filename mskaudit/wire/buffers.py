"""Streams cut into pieces that begin with a header telling their size, however the bytes arrive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from mskaudit.errors import RemoteWireError

Piece = TypeVar("Piece")


class SizedBuffer(ABC, Generic[Piece]):
    """Bytes that wait for the rest of their piece; nothing is allocated but for bytes that came.

    A header that is refused ends the stream as soon as its last byte is there. Pieces before it in the same chunk
    are returned first; the fault is then kept and raised by the next call, so that chunking changes nothing.
    """

    header_size: ClassVar[int]

    def __init__(self) -> None:
        self._pending = bytearray()
        self._fault: RemoteWireError | None = None

    @property
    def fault(self) -> RemoteWireError | None:
        """What ended the stream, if something did."""
        return self._fault

    @property
    def pending(self) -> int:
        """Bytes of a piece that is not complete yet, its header included."""
        return len(self._pending)

    def feed(self, chunk: bytes) -> list[Piece]:
        """Return the pieces that ``chunk`` completes; RemoteWireError when a header is refused."""
        if self._fault:
            raise self._fault
        self._pending += chunk
        pieces: list[Piece] = []
        start = 0
        try:
            while (end := self._end(start)) is not None:
                pieces.append(self._piece(bytes(memoryview(self._pending)[start:end])))
                start = end
        except RemoteWireError as fault:
            self._fault = fault
        del self._pending[:start]
        if self._fault and not pieces:
            raise self._fault
        return pieces

    def _end(self, start: int) -> int | None:
        """Return where the complete piece at ``start`` ends, or None if bytes are missing."""
        body = start + self.header_size
        if len(self._pending) < body:
            return None
        end = body + self._measure(bytes(self._pending[start:body]))
        return end if len(self._pending) >= end else None

    @abstractmethod
    def _measure(self, header: bytes) -> int:
        """Return the size of the body behind ``header``; RemoteWireError if it is refused."""

    @abstractmethod
    def _piece(self, content: bytes) -> Piece:
        """Return the piece that ``content``, header and body, is."""
