"""Every rule seen to pass, to fail and to abstain; and the prover seen to notice when one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mskaudit.engine.corpus import Corpus, compile_rule, load
from mskaudit.model.verdicts import Verdict
from mskaudit.prove import State, findings, overall, prove, states

if TYPE_CHECKING:
    from mskaudit.engine.rule import Rule
    from mskaudit.model.dossier import Dossier
    from mskaudit.prove import Outcome

RULES = sorted(load().rules)


@pytest.mark.parametrize("rule", RULES)
def test_every_proof_ends_as_the_rule_says(rule: str, corpus: Corpus, seen: dict[State, Dossier]) -> None:
    outcomes = [one for one in prove(corpus, seen, only=[rule]) if one.rule == rule]
    assert len(outcomes) == len(corpus.rules[rule].text.verify)
    assert [one for one in outcomes if one.complaint] == []


def test_no_verdict_changes_without_being_expected(corpus: Corpus, seen: dict[State, Dossier]) -> None:
    assert [one for one in prove(corpus, seen) if one.complaint] == []


def test_every_rule_passes_or_does_not_apply_on_the_hardened_world(corpus: Corpus, seen: dict[State, Dossier]) -> None:
    judged = findings(seen[State("hardened", "{}", ())], corpus)
    assert set(judged) == set(RULES)
    verdicts = {finding.verdict for found in judged.values() for finding in found}
    assert verdicts <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert {overall(judged[rule]) for rule in RULES} == {Verdict.PASS}


@pytest.mark.parametrize("world", ["hardened", "serverless", "legacy-zookeeper"])
def test_there_is_one_finding_per_rule_and_subject(world: str, corpus: Corpus, seen: dict[State, Dossier]) -> None:
    judged = findings(seen[State(world, "{}", ())], corpus)
    for kind in ("cluster", "listener"):
        rules = [rule for rule in RULES if corpus.rules[rule].text.subject == kind]
        subjects = {f.subject.id for rule in rules for f in judged[rule]}
        assert subjects
        for rule in rules:
            assert sorted(f.subject.id for f in judged[rule]) == sorted(subjects)


def with_text(corpus: Corpus, rule: str, **changes: Any) -> Corpus:
    """The corpus with another text of one rule."""
    old: Rule = corpus.rules[rule]
    new = msgspec.structs.replace(old, text=msgspec.structs.replace(old.text, **changes))
    rest = [one for one in corpus if one.rule.id != rule]
    return Corpus([*rest, compile_rule(new)])


def complaints(corpus: Corpus, seen: dict[State, Dossier]) -> list[Outcome]:
    return [one for one in prove(corpus, seen) if one.complaint]


def test_the_prover_notices_a_wrong_predicate(corpus: Corpus, seen: dict[State, Dossier]) -> None:
    wrong = with_text(corpus, "public-access", assertion="cluster.public")
    assert {one.rule for one in complaints(wrong, seen)} == {"public-access"}


def test_the_prover_notices_a_message_that_does_not_say_what_it_should(
    corpus: Corpus, seen: dict[State, Dossier]
) -> None:
    wrong = with_text(corpus, "public-access", message="something else")
    assert [one.complaint for one in complaints(wrong, seen)] == ["no message says 'public addresses': something else"]


def test_the_prover_notices_a_verdict_that_changes_unnamed(corpus: Corpus, seen: dict[State, Dossier]) -> None:
    text = corpus.rules["client-certificate-optional"].text
    forgetful = tuple(msgspec.structs.replace(proof, also=()) for proof in text.verify)
    wrong = with_text(corpus, "client-certificate-optional", verify=forgetful)
    found = complaints(wrong, {state: seen[state] for state in states(wrong)})
    assert {one.rule for one in found} == {"anonymous-access"}


def test_the_prover_notices_a_name_in_also_that_does_not_change(corpus: Corpus, seen: dict[State, Dossier]) -> None:
    text = corpus.rules["public-access"].text
    verify = (text.verify[0], msgspec.structs.replace(text.verify[1], also=("broker-logs-off",)), *text.verify[2:])
    found = complaints(with_text(corpus, "public-access", verify=verify), seen)
    assert [one.complaint for one in found] == ["`also` names broker-logs-off, whose verdict stays"]
