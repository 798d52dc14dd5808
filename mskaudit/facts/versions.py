"""Kafka versions as Amazon MSK and Apache Kafka write them, and the dated table of their support."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

Version = tuple[int, int, int, int]

_FORM: Final = re.compile(
    r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}|x))?(?:\.(\d{1,4}))?((?:[.-](?:kraft|tiered))*)", re.ASCII
)
_ANY_PATCH: Final = 10_000  # `.x` stands for the newest patch, so it sorts after every numbered one


@lru_cache(maxsize=1024)
def parse(text: str) -> Version | None:
    """Major, minor, patch and fourth number of `3.7.x.kraft`, `2.8.2-tiered`, `2.4.1.1`; None if it is no version."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    major, minor, patch, fourth, _ = form.groups()
    return int(major), int(minor), _ANY_PATCH if patch == "x" else int(patch or 0), int(fourth or 0)


def is_kraft(text: str) -> bool:
    """Whether the version alone says KRaft: the `.kraft` suffix, or a release that has no ZooKeeper mode (4.0)."""
    version = parse(text)
    return ".kraft" in text or (version is not None and version[0] >= 4)  # noqa: PLR2004  KIP-833


class Release(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the support table; `support_end` is an ISO date, None where AWS announced none."""

    version: str
    support_end: str | None


class SupportTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What AWS supports until when, as read on `as_of` (ISO date) from `sources`."""

    as_of: str
    sources: tuple[str, ...]
    releases: tuple[Release, ...]

    def find(self, text: str) -> Release | None:
        """The line of a version; a metadata suffix makes no difference, and 3.8.1 is found under 3.8.x."""
        wanted = parse(text)
        if wanted is None:
            return None
        tiered = "-tiered" in text
        exact = [r for r in self.releases if parse(r.version) == wanted and ("-tiered" in r.version) == tiered]
        line = [r for r in self.releases if parse(r.version) == (*wanted[:2], _ANY_PATCH, 0)]
        return next(iter(exact or line), None)
