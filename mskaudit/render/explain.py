"""A rule put into words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mskaudit.render.terminal import wrap
from mskaudit.render.words import flow, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.engine.rule import Proof, Rule

_LABEL = 12


def render(rule: Rule, *, width: int) -> str:
    """What the rule finds, why it matters, how to mend it, and how it is proven; commands may be wider."""
    return "\n".join(_lines(rule, width)) + "\n"


def _lines(rule: Rule, width: int) -> Iterator[str]:
    text = rule.text
    yield from wrap(f"{rule.id}: {text.title}", width)
    yield ""
    yield from _labelled("severity", f"{text.severity}, {rule.category}, about each {text.subject}", width)
    yield from _labelled("fails with", text.message, width)
    yield from _labelled("holds with", text.holds, width)
    for condition in text.when:
        yield from _labelled("only where", f"{condition.expression} (otherwise: {condition.otherwise})", width)
    yield from _labelled("asserts", text.assertion, width)
    yield ""
    yield from wrap(flow(text.rationale), width)
    yield ""
    yield from _labelled("remedy", f"{text.remedy.text} ({text.remedy.effect})", width)
    for command in (text.remedy.cli, text.remedy.terraform):
        if command is not None:
            yield ""
            yield from (f"    {line}" for line in command.rstrip().splitlines())
    yield ""
    yield from _labelled("controls", ", ".join(text.controls), width)
    for reference in text.references:
        yield from _labelled("see", reference, width)
    yield ""
    for proof in text.verify:
        yield from _labelled("proof", _proof(proof), width)


def _proof(proof: Proof) -> str:
    turn = "; ".join(f"{path} = {spoken(value)}" for path, value in proof.turn.items())
    circumstances = [f"with {turn}"] if turn else []
    if proof.withhold:
        circumstances.append(f"without {', '.join(proof.withhold)}")
    return f"{' '.join([proof.world, *circumstances])} ends in {proof.expect}"


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    first, *rest = wrap(flow(text), max(width - _LABEL, _LABEL))
    yield f"{label:<{_LABEL}}{first}"
    yield from (" " * _LABEL + line for line in rest)
