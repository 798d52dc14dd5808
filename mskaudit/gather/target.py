"""What was asked for, as text and as a typed value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from mskaudit.errors import UsageError

_ARN: Final = re.compile(r"arn:[a-z0-9-]+:kafka:([a-z0-9-]+):\d{12}:cluster/[\w.-]{1,64}/[\w-]+", re.ASCII)
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,255})):(\d{1,5})", re.ASCII)
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host (name, IPv4 or IPv6 without brackets) and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """`host:port` or `[IPv6]:port`.

        Raises:
            UsageError: it is neither.
        """
        form = _ADDRESS.fullmatch(text)
        if form is None or not 0 < int(form[3]) <= _HIGHEST_PORT or not (form[2] or _is_ipv6(form[1])):
            raise UsageError(f"{text!r} is no address; write host:port, or [address]:port for IPv6")
        return cls(form[1] or form[2], int(form[3]))

    def __str__(self) -> str:
        """The address as `parse` takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Region:
    """Every cluster of the current AWS credentials and region."""

    text: str = "aws"


@dataclass(frozen=True, slots=True)
class Arn:
    """One cluster by its ARN."""

    text: str
    region: str


@dataclass(frozen=True, slots=True)
class Brokers:
    """One cluster by the addresses of its brokers, no AWS needed."""

    text: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A dossier, or JSON as the AWS CLI prints it; `-` is standard input."""

    text: str


@dataclass(frozen=True, slots=True)
class ReferenceWorld:
    """One of the reference worlds, started for this audit."""

    text: str
    name: str


Target = Region | Arn | Brokers | SavedFile | ReferenceWorld


def parse(text: str) -> Target:
    """A target as the command line has it.

    Raises:
        UsageError: it looks like one kind of target and is malformed.
    """
    if text == "aws":
        return Region()
    if text.startswith("arn:"):
        form = _ARN.fullmatch(text)
        if form is None:
            raise UsageError(
                f"{text!r} is not the ARN of an MSK cluster (arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/ID)"
            )
        return Arn(text, form[1])
    if text.startswith("kafka://"):
        addresses = dict.fromkeys(Address.parse(part) for part in text.removeprefix("kafka://").rstrip("/").split(","))
        return Brokers(f"kafka://{','.join(map(str, addresses))}", tuple(addresses))
    if text.startswith("reference:"):
        return ReferenceWorld(text, text.removeprefix("reference:"))
    return SavedFile(text)
