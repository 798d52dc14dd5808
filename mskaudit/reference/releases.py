"""What every release of Apache Kafka says of itself in ApiVersions, as running brokers of it were seen to say."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec import Struct

from mskaudit.errors import UsageError
from mskaudit.resources import folder


class Mode(StrEnum):
    """Where a cluster keeps its metadata, or that the process is a KRaft controller."""

    ZOOKEEPER = "zookeeper"
    KRAFT = "kraft"
    CONTROLLER = "controller"


class Levels(NamedTuple):
    """A feature and its lowest and highest level (KIP-584)."""

    name: str
    lowest: int
    highest: int


class FinalLevels(NamedTuple):
    """A feature in force: the highest level comes first, as it does on the wire."""

    name: str
    highest: int
    lowest: int


class Profile(Struct, frozen=True, kw_only=True):
    """One release in one mode: for each API the lowest and highest version, and the features from version 3 on."""

    release: str
    mode: Mode
    apis: Mapping[int, tuple[int, int]]
    supported: tuple[Levels, ...]
    epoch: int
    finalized: tuple[FinalLevels, ...]

    @property
    def line(self) -> str:
        """The release without its patch level, such as `3.9`."""
        return self.release.rpartition(".")[0]

    @property
    def major(self) -> int:
        """The first number of the release."""
        return int(self.release.partition(".")[0])


@cache
def profiles() -> tuple[Profile, ...]:
    """Every release and mode there is, in the order of the file."""
    content = (folder("fixtures/releases") / "api-versions.json").read_bytes()
    return msgspec.json.decode(content, type=tuple[Profile, ...], strict=False)


@cache
def profile(release: str, mode: Mode) -> Profile:
    """The profile of a release such as `3.9` or `3.9.2`.

    Raises:
        UsageError: that release was never seen in that mode.
    """
    for known in profiles():
        if known.mode is mode and release in {known.line, known.release}:
            return known
    there = ", ".join(known.line for known in profiles() if known.mode is mode)
    raise UsageError(f"there is no release {release!r} in {mode} mode; there are {there}")
