"""No changed rule survives its proofs, and the search for survivors can find one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from mskaudit.engine.corpus import Corpus, compile_rule, load
from tests.proofs.mutants import changed, mutants, survives

if TYPE_CHECKING:
    from mskaudit.model.dossier import Dossier
    from mskaudit.prove import State


@pytest.mark.parametrize("rule", sorted(load().rules))
def test_every_change_of_a_predicate_breaks_a_proof(rule: str, corpus: Corpus, seen: dict[State, Dossier]) -> None:
    tried = list(mutants(corpus.rules[rule]))
    assert tried
    assert [mutant.change for mutant in tried if survives(mutant, corpus, seen)] == []


def test_a_change_that_means_nothing_survives(corpus: Corpus, seen: dict[State, Dossier]) -> None:
    old = corpus.rules["public-access"]
    text = msgspec.structs.replace(old.text, assertion="not cluster.public or not cluster.public")
    doubled = msgspec.structs.replace(old, text=text)
    redundant = Corpus([*(one for one in corpus if one.rule.id != old.id), compile_rule(doubled)])
    survivors = [mutant.change for mutant in mutants(doubled) if survives(mutant, redundant, seen)]
    assert survivors == ["assert: not cluster.public and (not cluster.public)"]


def test_each_operator_is_turned_once() -> None:
    assert list(changed('a.b == "x" and not (c.d or 3 < e.f)')) == [
        'not (a.b == "x" and not (c.d or 3 < e.f))',
        "a.b == 'x' or not (c.d or 3 < e.f)",
        "a.b != 'x' and (not (c.d or 3 < e.f))",
        "a.b == 'x' and (not (c.d and 3 < e.f))",
        "a.b == 'x' and (not (c.d or 3 <= e.f))",
    ]
