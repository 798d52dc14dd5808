"""`python -m tests.real.proofs`: the proofs of all rules, run on Apache Kafka too, and written to `docs/proofs.md`.

A state that no broker of Apache Kafka can be in is impossible, with the reason. A rule whose verdicts rest on nothing
but what AWS declares has nothing to show on a broker.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from mskaudit.audit import Unwatched
from mskaudit.engine.corpus import load
from mskaudit.gather.aws.session import Account, Patience
from mskaudit.gather.collect import Gatherer, dossier
from mskaudit.gather.target import Address
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.verdicts import Verdict
from mskaudit.prove import PATIENCE, State, findings, look, overall, states
from mskaudit.reference import worlds
from mskaudit.reference.broker import Serving
from mskaudit.reference.state import State as Held
from tests.real.brokers import Impossible, Line, kafka
from tests.real.maven import CHECKOUT
from tests.real.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mskaudit.engine.corpus import Corpus
    from mskaudit.engine.rule import Proof
    from mskaudit.gather.collect import Part
    from mskaudit.model.dossier import Dossier
    from mskaudit.reference.cluster import Cluster
    from mskaudit.reference.worlds import World

PAGE: Final = CHECKOUT / "docs" / "proofs.md"
REFERENCE: Final = "reference"
SEEN: Final = "seen"

_INTRODUCTION: Final = """# Proofs

Every rule is seen to pass, to fail and to abstain on running brokers: on the reference cluster, and, where a real
broker can be brought into the same state, on Apache Kafka with ZooKeeper and with KRaft. Each cell says which
verdicts were seen there, and why others cannot be. `make real` runs all of it again, and
`python -m tests.real.proofs` writes this page.

"""


class Looked(NamedTuple):
    """What was seen of the states on one kind of broker, and why others could not be had."""

    seen: Mapping[State, Dossier]
    impossible: Mapping[State, str]


def look_at_kafka(line: Line, wanted: Sequence[State]) -> Looked:
    """Bring each state about on Apache Kafka and look at it; brokers that are alike are started once."""
    seen: dict[State, Dossier] = {}
    impossible: dict[State, str] = {}
    alike: dict[bytes, list[State]] = defaultdict(list)
    for state in wanted:
        if reason := _out_of_reach(state):
            impossible[state] = reason
        else:
            alike[_brokers(state)].append(state)
    for group in alike.values():
        try:
            seen |= _look_at_alike(line, group)
        except Impossible as reason:
            impossible |= dict.fromkeys(group, str(reason))
    return Looked(seen, impossible)


def _world(state: State) -> World:
    return worlds.turned(state.world, state.patch)


def _out_of_reach(state: State) -> str | None:
    if _world(state).brokers is None:
        return "nobody but AWS runs serverless brokers"
    withheld = worlds.parse_withhold(state.withhold)
    if worlds.LIVE in withheld and withheld[worlds.LIVE] is not Reason.REFUSED:
        return "a broker that runs is not silent"
    return None


def _brokers(state: State) -> bytes:
    """What tells apart the brokers of states: those that are stopped are all alike."""
    stopped = worlds.LIVE in worlds.parse_withhold(state.withhold)
    return b"stopped" if stopped else msgspec.json.encode(_world(state).brokers)


def _look_at_alike(line: Line, group: Sequence[State]) -> dict[State, Dossier]:
    """The states of brokers that are alike; where they are withheld none runs, and connections are refused."""
    world = _world(group[0])
    assert world.brokers is not None  # others are out of reach
    if worlds.LIVE in worlds.parse_withhold(group[0].withhold):
        return {state: asyncio.run(_look(state, _stopped(state))) for state in group}
    with kafka(replace(world.brokers, count=1), line) as running:
        by_listener = {name: (f"{host}:{port}",) for name, (host, port) in running.by_listener.items()}
        return {state: asyncio.run(_look(state, by_listener)) for state in group}


def _stopped(state: State) -> dict[str, tuple[str, ...]]:
    brokers = _world(state).brokers
    assert brokers is not None  # others are out of reach
    ports = free_ports(len(brokers.listeners))
    return {name: (f"127.0.0.1:{port}",) for name, port in zip(brokers.listeners, ports, strict=True)}


async def _look(state: State, by_listener: Mapping[str, tuple[str, ...]]) -> Dossier:
    world = _world(state)
    assert world.brokers is not None  # others are out of reach
    at = f"{world.as_of}T00:00:00Z"
    gatherer = Gatherer(clock=lambda: at, limits=PATIENCE, watch=Unwatched())
    refusals = dict(worlds.parse_withhold(state.withhold))
    refusals.pop(worlds.LIVE, None)
    part = await _part(world, world.brokers, by_listener, gatherer, refusals)
    return dossier([part], at=at)


async def _part(
    world: World,
    cluster: Cluster,
    by_listener: Mapping[str, tuple[str, ...]],
    gatherer: Gatherer,
    refusals: Mapping[str, Reason],
) -> Part:
    serving = Serving(by_listener=by_listener, nodes=(), state=Held(cluster))
    addresses = tuple(map(Address.parse, serving.addresses))
    plane = worlds._plane(world, serving, refusals)
    if world.aws is None or plane is None:
        return await gatherer.brokers(f"kafka://{','.join(serving.addresses)}", addresses)
    account = Account(plane.session(), Patience(attempts=1))
    return await gatherer.aws(account, text="real", arn=world.aws.arn, probe=True, also=addresses)


def cells(corpus: Corpus) -> dict[str, dict[str, str]]:
    """For each rule what each kind of broker showed, by the name of the column."""
    seen = look(states(corpus))
    declared = _judged_by_aws_alone(corpus, seen)
    shown = [one for one in corpus if one.rule.id not in declared]
    wanted = sorted({State.of(proof) for one in shown for proof in one.rule.text.verify})
    columns = {REFERENCE: Looked(seen, {})} | {line.value: look_at_kafka(line, wanted) for line in Line}
    return {
        one.rule.id: {
            name: "impossible: rests on what AWS declares, and on nothing that a broker shows"
            if name != REFERENCE and one.rule.id in declared
            else _cell(corpus, one.rule.id, one.rule.text.verify, looked)
            for name, looked in columns.items()
        }
        for one in corpus
    }


def _judged_by_aws_alone(corpus: Corpus, seen: Mapping[State, Dossier]) -> set[str]:
    """The rules that never rest on anything a broker showed, nor ever lacked it."""
    rules = {one.rule.id for one in corpus}
    for evidence in seen.values():
        for rule, found in findings(evidence, corpus).items():
            observed = any(known.column is Column.OBSERVED for finding in found for known in finding.evidence)
            lacking = any(gap.origin.startswith("tcp://") for finding in found for gap in finding.gaps)
            if observed or lacking:
                rules.discard(rule)
    return rules


def _cell(corpus: Corpus, rule: str, proofs: Sequence[Proof], looked: Looked) -> str:
    shown: dict[Verdict, str] = {}
    for proof in proofs:
        outcome = _outcome(corpus, rule, proof, looked)
        # What was seen once was seen; what differs once is told whatever else was seen.
        if (
            proof.expect not in shown
            or outcome.startswith("missing")
            or (outcome == SEEN and not shown[proof.expect].startswith("missing"))
        ):
            shown[proof.expect] = outcome
    together: dict[str, list[str]] = defaultdict(list)
    for verdict in Verdict:
        if verdict in shown:
            together[shown[verdict]].append(verdict)
    return "; ".join(
        f"{outcome}: {', '.join(verdicts)}" if outcome == SEEN else f"{', '.join(verdicts)} {outcome}"
        for outcome, verdicts in together.items()
    )


def _outcome(corpus: Corpus, rule: str, proof: Proof, looked: Looked) -> str:
    state = State.of(proof)
    if state in looked.impossible:
        return f"impossible: {looked.impossible[state]}"
    found = findings(looked.seen[state], corpus)[rule]
    if (got := overall(found)) is not proof.expect:
        return f"missing: {got} in {state.world} {state.turn} {','.join(state.withhold)}"
    if proof.says and not any(proof.says in finding.message for finding in found if finding.verdict is got):
        return f"missing: no message says {proof.says!r}"
    return SEEN


def page(corpus: Corpus) -> str:
    """The whole page."""
    return _INTRODUCTION + "".join(f"{row}\n" for row in _rows(corpus, cells(corpus)))


def _rows(corpus: Corpus, told: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    columns = (REFERENCE, *(line.value for line in Line))
    yield f"| rule | proofs | {' | '.join(columns)} |"
    yield f"|---|---|{'---|' * len(columns)}"
    for one in sorted(corpus, key=lambda one: one.rule.id):
        rule = one.rule.id
        shown = " | ".join(told[rule][name] for name in columns)
        yield f"| [{rule}](rules/{rule}.md) | {len(one.rule.text.verify)} | {shown} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(load()))


if __name__ == "__main__":
    main()
