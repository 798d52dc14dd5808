"""Proofs: every rule seen to pass, to fail and to abstain on running reference worlds.

A proof is a world, a turn of it, and what is withheld. Equal states are started once and judged by all rules, so that
each proof is also a test of every other rule: a verdict that changes against the world as it stands must be somebody's
expectation.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from mskaudit.audit import Unwatched, look_at_world
from mskaudit.engine.judge import judge
from mskaudit.errors import MskAuditError
from mskaudit.gather.collect import Gatherer, dossier
from mskaudit.gather.live.dial import Limits
from mskaudit.model.verdicts import Finding, Verdict
from mskaudit.reference.worlds import parse_withhold, turned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mskaudit.engine.corpus import Corpus
    from mskaudit.engine.rule import Proof
    from mskaudit.gather.collect import Watch
    from mskaudit.model.dossier import Dossier

# A broker that is made to stay silent is waited for this long; everything else answers on loopback within a second.
PATIENCE = Limits(connect=1.0, connection=3.0)
# Brokers hold back the answer to a failed login, as Kafka does; meanwhile others can be looked at.
_AT_ONCE = 6

Judged = Mapping[str, "Sequence[Finding]"]


class State(NamedTuple):
    """A world as one proof wants it; the turn is JSON so that states can be compared."""

    world: str
    turn: str
    withhold: tuple[str, ...]

    @classmethod
    def of(cls, proof: Proof) -> State:
        """The state that a proof runs in."""
        turn = msgspec.json.encode(proof.turn, order="sorted").decode()
        return cls(proof.world, turn, tuple(sorted(proof.withhold)))

    @property
    def untouched(self) -> State:
        """The same world, seen under the same circumstances, without the turn."""
        return self._replace(turn="{}")

    @property
    def patch(self) -> dict[str, Any]:
        """The turn as values."""
        patch: dict[str, Any] = msgspec.json.decode(self.turn)
        return patch


class Outcome(Struct, frozen=True, kw_only=True):
    """One proof with what it got; `complaint` says what differs, None where nothing does."""

    rule: str
    world: str
    turn: dict[str, Any]
    withhold: tuple[str, ...]
    expected: Verdict
    got: Verdict | None
    complaint: str | None = None


def states(corpus: Corpus) -> list[State]:
    """Every state that proofs of the corpus run in, and the untouched worlds they are compared with."""
    wanted = [State.of(proof) for one in corpus for proof in one.rule.text.verify]
    return sorted({*wanted, *(state.untouched for state in wanted)})


def look(wanted: Sequence[State], *, watch: Watch | None = None) -> dict[State, Dossier]:
    """Start each state, look at it through the real pipeline, and stop it."""
    watcher = watch or Unwatched()
    watcher.expect(len(wanted))

    async def run() -> dict[State, Dossier]:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(state: State) -> Dossier:
            async with places:
                evidence = await _look(state)
            watcher.done(state.world)
            return evidence

        async with asyncio.TaskGroup() as tasks:
            looking = {state: tasks.create_task(one(state)) for state in wanted}
        return {state: task.result() for state, task in looking.items()}

    try:
        return asyncio.run(run())
    except* MskAuditError as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[MskAuditError]) -> MskAuditError:
    """The first of several: the others say the same of other states."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _look(state: State) -> Dossier:
    world = turned(state.world, state.patch)
    at = f"{world.as_of}T00:00:00Z"
    gatherer = Gatherer(clock=lambda: at, limits=PATIENCE, watch=Unwatched())
    part = await look_at_world(
        world, gatherer, text=f"reference:{state.world}", withhold=parse_withhold(state.withhold)
    )
    return dossier([part], at=at)


def findings(evidence: Dossier, corpus: Corpus) -> dict[str, list[Finding]]:
    """The findings on a state by rule."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in judge(evidence, corpus, as_of=evidence.gathered_at[:10]):
        by_rule[finding.rule].append(finding)
    return by_rule


def overall(found: Iterable[Finding]) -> Verdict | None:
    """The one verdict over all subjects: the gravest, None where the rule had no subject at all."""
    verdicts = {finding.verdict for finding in found}
    return next((verdict for verdict in Verdict if verdict in verdicts), None)


def prove(corpus: Corpus, seen: Mapping[State, Dossier], *, only: Sequence[str] = ()) -> Iterator[Outcome]:
    """Every proof with what it got, and every verdict that changed without being expected.

    With `only`, the proofs of these rules; what they change in other rules is told as well.
    """
    judged = {state: findings(evidence, corpus) for state, evidence in seen.items()}
    expected: dict[State, set[str]] = defaultdict(set)
    for one in corpus:
        for proof in one.rule.text.verify:
            state = State.of(proof)
            expected[state] |= {one.rule.id, *proof.also}
            if not only or one.rule.id in only:
                yield _outcome(one.rule.id, proof, judged[state], judged[state.untouched])
    for state in judged:
        yield from _collateral(state, expected[state], judged)


def _outcome(rule: str, proof: Proof, after: Judged, before: Judged) -> Outcome:
    got = overall(after[rule])
    return Outcome(
        rule=rule,
        world=proof.world,
        turn=proof.turn,
        withhold=proof.withhold,
        expected=proof.expect,
        got=got,
        complaint=_complaint(rule, proof, after, before),
    )


def _complaint(rule: str, proof: Proof, after: Judged, before: Judged) -> str | None:
    got = overall(after[rule])
    if got is not proof.expect:
        return f"expected {proof.expect}, got {got or 'no finding'}"
    messages = sorted({finding.message for finding in after[rule] if finding.verdict is got})
    if proof.says and not any(proof.says in message for message in messages):
        return f"no message says {proof.says!r}: {'; '.join(messages)}"
    unmoved = [other for other in proof.also if overall(before[other]) is overall(after[other])]
    return f"`also` names {', '.join(unmoved)}, whose verdict stays" if unmoved else None


def _collateral(state: State, named: set[str], judged: Mapping[State, Judged]) -> Iterator[Outcome]:
    for rule in judged[state.untouched]:
        before, after = overall(judged[state.untouched][rule]), overall(judged[state][rule])
        if before is after or rule in named or before is None:
            continue
        yield Outcome(
            rule=rule,
            world=state.world,
            turn=state.patch,
            withhold=state.withhold,
            expected=before,
            got=after,
            complaint="changed its verdict though no proof here expects that (name it in `also`)",
        )
