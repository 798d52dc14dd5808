"""A pytest fixture for tests of one's own clients: reference clusters that end with the test.

Installed with mskaudit, found by pytest on its own:

    def test_my_client_is_refused_without_a_certificate(reference_world):
        cluster = reference_world("hardened", turn={"brokers.listeners.tls.client_certificate": "required"})
        ...
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mskaudit.reference.threaded import ReferenceCluster


@pytest.fixture
def reference_world() -> Iterator[Callable[..., ReferenceCluster]]:
    """Start reference worlds as `mskaudit.reference.world` does; all of them end with the test."""
    from mskaudit import reference

    with ExitStack() as worlds:

        def start(name: str, **settings: Any) -> ReferenceCluster:
            return worlds.enter_context(reference.world(name, **settings))

        yield start
