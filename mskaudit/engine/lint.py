"""Lint of the corpus: what a rule file must have beyond being readable."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mskaudit.engine.corpus import Compiled, frameworks, read_rule, rule_files
from mskaudit.errors import InputError, MskAuditError
from mskaudit.model.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from mskaudit.yaml_file import Document

PROVEN = (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)


def lint(folders: Iterable[Path], *, worlds: Collection[str]) -> list[str]:
    """Every problem of the rules in some folders, each with file and line; an empty list is a clean corpus."""
    problems: list[str] = []
    rules: list[tuple[Compiled, Document]] = []
    for folder in folders:
        for path in rule_files(folder):
            try:
                rules.append(read_rule(path))
            except MskAuditError as error:
                problems.append(str(error))
    ids = {one.rule.id for one, _ in rules}
    controls = {f"{name}/{control}" for name, framework in frameworks().items() for control in framework.controls}
    for one, document in rules:
        problems += _rule(one, document, ids=ids, controls=controls, worlds=worlds)
    return sorted(problems + list(_twins(rules)))


def _rule(
    one: Compiled, document: Document, *, ids: Collection[str], controls: Collection[str], worlds: Collection[str]
) -> Iterator[str]:
    text = one.rule.text
    for number, control in enumerate(text.controls):
        if control not in controls:
            yield f"{document.place('controls', number)}: the control {control} is not in rules/_frameworks"
    if not text.controls:
        yield f"{document.place('controls')}: no control says what the rule is evidence for"
    for number, reference in enumerate(text.references):
        if not reference.startswith("https://"):
            yield f"{document.place('references', number)}: {reference} is not an https address"
    yield from _proofs(one, document, ids=ids, worlds=worlds)


def _proofs(one: Compiled, document: Document, *, ids: Collection[str], worlds: Collection[str]) -> Iterator[str]:
    proofs = one.rule.text.verify
    for verdict in PROVEN:
        if all(proof.expect is not verdict for proof in proofs):
            yield f"{document.place('verify')}: no proof ends in {verdict}"
    for number, proof in enumerate(proofs):
        place = document.place("verify", number)
        if proof.world not in worlds:
            yield f"{place}: there is no world {proof.world}"
        for other in proof.also:
            if other not in ids or other == one.rule.id:
                yield f"{place}: `also` names {other}, which is no other rule"


def _twins(rules: Iterable[tuple[Compiled, Document]]) -> Iterator[str]:
    """Rules that would always say the same, and ids that stand twice."""
    by_predicate = defaultdict(list)
    by_id = defaultdict(list)
    for one, document in rules:
        text = one.rule.text
        conditions = tuple(" ".join(condition.expression.split()) for condition in text.when)
        by_predicate[text.subject, conditions, " ".join(text.assertion.split())].append((one, document))
        by_id[one.rule.id].append((one, document))
    for same in by_predicate.values():
        for one, document in same[1:]:
            yield f"{document.place('assert')}: the same predicate as {same[0][0].rule.id} ({one.rule.id})"
    for same in by_id.values():
        for one, document in same[1:]:
            yield f"{document.name}: the id {one.rule.id} is already in {same[0][1].name}"


SCAFFOLD = """\
title: What is wrong, as a short sentence
severity: medium
subject: cluster
assert: cluster.declared.name != "{slug}"
message: "{{cluster.name}} is not as it should be"
holds: "{{cluster.name}} is as it should be"
rationale: >-
  Why it matters: what somebody could do, and under which circumstances.
remedy:
  text: What to do, in the order it is done.
  effect: in-place
controls: [nist-800-53r5/CM-6]
references:
  - https://docs.aws.amazon.com/msk/latest/developerguide/
since: {version}
verify:
  - {{world: hardened, expect: pass}}
  - {{world: hardened, turn: {{aws.cluster.ClusterName: {slug}}}, expect: fail}}
  - {{world: hardened, withhold: ["kafka:DescribeClusterV2"], expect: unknown}}
"""


def scaffold(folder: Path, *, category: str, slug: str, version: str) -> Path:
    """A new rule file that lints and proves, to be changed into a real one.

    Raises:
        InputError: the file exists already.
    """
    path = folder / category / f"{slug}.yaml"
    if path.exists():
        raise InputError(f"{path} exists already")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCAFFOLD.format(slug=slug, version=version))
    return path
