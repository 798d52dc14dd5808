"""What goes on beside a block ends with it, and the block with that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mskaudit.reference.listening import working

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

PATIENCE = 20


class FaultError(Exception):
    """A fault of what goes on."""


async def fail() -> None:
    await asyncio.sleep(0)
    raise FaultError


async def forever() -> None:
    await asyncio.Event().wait()


async def finish() -> None:
    await asyncio.sleep(0)


async def test_a_block_that_would_wait_forever_ends_with_the_fault() -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(FaultError):
            async with working(fail(), "it"):
                await forever()
        await asyncio.sleep(0)


@pytest.mark.parametrize("work", [forever, finish])
async def test_a_block_ends_by_itself_where_nothing_fails(work: Callable[[], Coroutine[None, None, None]]) -> None:
    async with working(work(), "it"):
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_block_that_is_cancelled_stays_cancelled() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), working(forever(), "it"):
            await forever()
