"""An audit from end to end: gather, derive, judge, apply the policy."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from msgspec import Struct

from mskaudit.engine.gate import Gate, conclude
from mskaudit.engine.judge import judge
from mskaudit.errors import InputError, UsageError
from mskaudit.gather.collect import Gatherer, Part, dossier, saved
from mskaudit.gather.live.dial import Limits
from mskaudit.gather.target import Address, Arn, Brokers, ReferenceWorld, Region, SavedFile, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mskaudit.engine.corpus import Corpus
    from mskaudit.gather.collect import Watch
    from mskaudit.gather.source import Clock
    from mskaudit.model.dossier import Dossier
    from mskaudit.model.evidence import Reason
    from mskaudit.model.verdicts import AuditResult
    from mskaudit.reference.worlds import World


class Scope(Struct, frozen=True, kw_only=True):
    """How far looking may go; `timeout` is in seconds per connection to a broker."""

    probe: bool = False
    offline: bool = False
    region: str | None = None
    profile: str | None = None
    timeout: float = 10.0


class Unwatched:
    """Nobody follows the progress."""

    def expect(self, steps: int) -> None:
        """Nothing to show."""

    def done(self, what: str) -> None:
        """Nothing to show."""


def now() -> str:
    """The present as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def gather(targets: Sequence[Target], scope: Scope, *, watch: Watch | None = None, clock: Clock = now) -> Dossier:
    """Everything that can be seen of the targets.

    Raises:
        UsageError: a target cannot be looked at as asked; evidence that cannot be had is a gap, never an error.
    """
    started = clock()
    limits = Limits(connect=min(5.0, scope.timeout), connection=scope.timeout)
    gatherer = Gatherer(clock=clock, limits=limits, watch=watch or Unwatched())

    # What can be refused is refused, and files are read, before anything is waited for.
    looks = [_prepared(target, scope, gatherer) for target in dict.fromkeys(targets)]

    async def run() -> Dossier:
        return dossier([await look() for look in looks], at=started)

    return asyncio.run(run())


Look = Callable[[], Awaitable["Part | Dossier"]]


def _prepared(target: Target, scope: Scope, gatherer: Gatherer) -> Look:
    """How to look at a target; whatever is wrong with the target itself is told now."""
    if scope.offline and not isinstance(target, SavedFile):
        raise UsageError(f"--offline forbids connections, and {target.text!r} needs them; hand over a file")
    match target:
        case SavedFile(text):
            return partial(_already, _read(text, gatherer.clock))
        case Region(text):
            return partial(_account, gatherer, scope, text=text, arn=None, region=scope.region)
        case Arn(text, region):
            return partial(_account, gatherer, scope, text=text, arn=text, region=region)
        case Brokers(text, addresses):
            return partial(gatherer.brokers, text, addresses)
        case ReferenceWorld(text, name):
            from mskaudit.reference.worlds import load

            return partial(look_at_world, load(name), gatherer, text=text, withhold={})
        case _:
            assert_never(target)


async def _already(seen: Part | Dossier) -> Part | Dossier:
    return seen


def _read(text: str, clock: Clock) -> Part | Dossier:
    # A file's name may have bytes that are no text.
    name = "standard input" if text == "-" else text.encode(errors="backslashreplace").decode()
    return saved(content(text), name=name, clock=clock)


async def _account(gatherer: Gatherer, scope: Scope, *, text: str, arn: str | None, region: str | None) -> Part:
    from mskaudit.gather.aws.session import open_session

    account = await asyncio.to_thread(open_session, region=region, profile=scope.profile)
    return await gatherer.aws(account, text=text, arn=arn, probe=scope.probe)


async def look_at_world(world: World, gatherer: Gatherer, *, text: str, withhold: Mapping[str, Reason]) -> Part:
    """Start a reference world, look at it as at any cluster, and stop it."""
    from mskaudit.reference.worlds import run

    async with run(world, withhold=withhold) as running:
        addresses = tuple(map(Address.parse, running.addresses))
        if running.arn is None:
            return await gatherer.brokers(f"kafka://{','.join(running.addresses)}", addresses)
        from mskaudit.gather.aws.session import Account, Patience

        account = Account(running.session(), Patience(attempts=1))
        return await gatherer.aws(account, text=text, arn=running.arn, probe=bool(addresses), also=addresses)


def content(text: str) -> bytes:
    """The bytes of a file, or of standard input for `-`.

    Raises:
        InputError: it cannot be read.
    """
    if text == "-":
        return sys.stdin.buffer.read()
    if not text:
        raise InputError("a target is empty; name a file, `aws`, a cluster ARN, kafka://host:port or reference:WORLD")
    try:
        return Path(text).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"there is no file {text!r}; a target is a file, `aws`, a cluster ARN, kafka://host:port or reference:WORLD"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{text!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def judged(evidence: Dossier, corpus: Corpus, *, gate: Gate, as_of: str | None = None) -> AuditResult:
    """The verdicts on a dossier; `as_of` (ISO date) is the day it was gathered unless given."""
    day = as_of or evidence.gathered_at[:10]
    return conclude(evidence, judge(evidence, corpus, as_of=day), gate=gate, as_of=day)
