"""The few values of ASN.1 that no library writes as they are needed here (X.690, DER)."""

from enum import IntEnum
from typing import Final


class DerTag(IntEnum):
    """The tags used here."""

    INTEGER = 0x02
    BIT_STRING = 0x03
    SEQUENCE = 0x30


_LONG: Final = 0x80


def der(tag: int, content: bytes) -> bytes:
    """A value with its tag and length."""
    size = len(content)
    if size < _LONG:
        return bytes([tag, size]) + content
    width = (size.bit_length() + 7) // 8
    return bytes([tag, _LONG | width]) + size.to_bytes(width, "big") + content


def der_contents(value: bytes) -> bytes:
    """What is inside one whole value."""
    return value[2 + (value[1] & ~_LONG if value[1] & _LONG else 0) :]
