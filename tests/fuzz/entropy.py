"""The randomness of the code under test, made repeatable: nonces, passwords and ids follow from the case as well."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCE = random.Random()  # noqa: S311  the point is that it can be repeated


def begin(case: str) -> None:
    """Let everything that is random from now on follow from a name."""
    _SOURCE.seed(case)


@contextmanager
def determined() -> Iterator[None]:
    """Put a seeded source in place of the system's; OpenSSL keeps its own."""
    before = os.urandom
    os.urandom = random._urandom = _SOURCE.randbytes  # type: ignore[attr-defined]
    try:
        yield
    finally:
        os.urandom = random._urandom = before  # type: ignore[attr-defined]
