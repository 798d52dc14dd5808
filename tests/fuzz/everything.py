"""All targets, and a campaign against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import clients, entropy, hellos, planes, probes, sessions, sockets, zookeepers
from tests.fuzz.campaign import GROWTH_LIMIT, Side, Tally, attack, resident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGETS = (
    *(sessions.TARGET, sessions.FRESH, zookeepers.TARGET, hellos.TARGET, planes.TARGET, sockets.TARGET),
    *(*clients.TARGETS, probes.TARGET),
)
_WARMING = 0.02
_LEAST = 100


def campaign(*, seed: int, frames: int) -> Iterator[Tally]:
    """Attack every target with its share of so many spoilt frames for each side, after a warm-up that is not measured.

    Growth is resident memory beyond what there was after the warm-up, at its highest while a target is attacked.
    """
    with entropy.determined():
        for target in TARGETS:
            warmed = attack(target, seed=seed, frames=min(_LEAST, _frames(frames * _WARMING, target.share)))
            if warmed.failures:
                yield warmed
                return
        baseline = resident()
        for target in TARGETS:
            yield attack(target, seed=seed, frames=_frames(frames, target.share), baseline=baseline)


def _frames(frames: float, share: float) -> int:
    return max(1, round(frames * share))


def verdict(tallies: Sequence[Tally]) -> list[str]:
    """What is wrong with a campaign, nothing if all is well."""
    found = [f"{len(tally.failures)} failures of {tally.target.name}" for tally in tallies if tally.failures]
    growth = max((tally.growth for tally in tallies), default=0.0)
    if growth > GROWTH_LIMIT:
        found.append(f"memory grew by {growth:.0f} MiB, more than {GROWTH_LIMIT:.0f}")
    return found


def table(tallies: Sequence[Tally]) -> Iterator[str]:
    """Figures of a campaign, line by line."""
    yield "target          side       cases   frames   spoilt  per second  growth, MiB  failures"
    for tally in tallies:
        rate = tally.frames / tally.seconds if tally.seconds else 0.0
        yield (
            f"{tally.target.name:<16}{tally.target.side:<8}{tally.cases:>8}{tally.frames:>9}{tally.spoilt:>9}"
            f"{rate:>12.0f}{tally.growth:>13.1f}{len(tally.failures):>10}"
        )
    for side in Side:
        chosen = [tally for tally in tallies if tally.target.side is side]
        cases, frames = sum(tally.cases for tally in chosen), sum(tally.frames for tally in chosen)
        spoilt, seconds = sum(tally.spoilt for tally in chosen), sum(tally.seconds for tally in chosen)
        yield f"{'all':<16}{side:<8}{cases:>8}{frames:>9}{spoilt:>9}{frames / (seconds or 1):>12.0f}"
