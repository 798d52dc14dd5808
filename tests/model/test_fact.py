"""The laws of Kleene's logic, and support that names what decided and nothing else."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.model.evidence import Column, Evidence, Gap, Known, Reason
from mskaudit.model.fact import MISSING, Fact, absent, all_of, any_of, apply, choose, lift, negate, unsettled


def known(name: str, value: object = "on") -> Known:
    return Known(path=name, value=value, column=Column.DECLARED, origin="o", at="t")


def gap(name: str, reason: Reason = Reason.DENIED) -> Gap:
    return Gap(path=name, reason=reason, origin="o", detail="d")


def fact(value: object, name: str) -> Fact:
    return Fact(value, (gap(name) if value is MISSING else known(name, value),))


VALUES = (True, False, MISSING)
FACTS = st.builds(fact, st.sampled_from(VALUES), st.sampled_from("abcdef"))
PAIRS = list(product(VALUES, VALUES))
TRIPLES = list(product(VALUES, VALUES, VALUES))
TRUE, FALSE = Fact(True, ()), Fact(False, ())


def names(of: Fact) -> set[str]:
    return {there.path for there in of.support}


@pytest.mark.parametrize(
    ("left", "right", "either", "both"),
    [
        pytest.param(True, True, True, True, id="T,T"),
        pytest.param(True, False, True, False, id="T,F"),
        pytest.param(True, MISSING, True, MISSING, id="T,?"),
        pytest.param(False, False, False, False, id="F,F"),
        pytest.param(False, MISSING, MISSING, False, id="F,?"),
        pytest.param(MISSING, MISSING, MISSING, MISSING, id="?,?"),
    ],
)
def test_truth_table_of_kleene_holds_in_both_orders(left: object, right: object, either: object, both: object) -> None:
    for one, other in ((left, right), (right, left)):
        assert any_of(fact(one, "a"), fact(other, "b")).value is either
        assert all_of(fact(one, "a"), fact(other, "b")).value is both


@pytest.mark.parametrize(("p", "q", "r"), TRIPLES)
def test_association_changes_neither_value_nor_support(p: object, q: object, r: object) -> None:
    a, b, c = fact(p, "a"), fact(q, "b"), fact(r, "c")
    for combine in (any_of, all_of):
        left, right, flat = combine(combine(a, b), c), combine(a, combine(b, c)), combine(a, b, c)
        assert left.value is right.value is flat.value
        assert names(left) == names(right) == names(flat)


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_de_morgan_holds_with_its_support(p: object, q: object) -> None:
    a, b = fact(p, "a"), fact(q, "b")
    assert negate(any_of(a, b)) == all_of(negate(a), negate(b))
    assert negate(all_of(a, b)) == any_of(negate(a), negate(b))


@pytest.mark.parametrize("value", VALUES)
def test_idempotence_identity_and_annihilator(value: object) -> None:
    a = fact(value, "a")
    for combine, neutral, ruling in ((any_of, FALSE, TRUE), (all_of, TRUE, FALSE)):
        assert combine(a, a).value is value
        assert names(combine(a, a)) == {"a"}
        assert combine(a, neutral) == combine(neutral, a) == combine(a) == a
        assert combine(a, ruling).value is ruling.value
    assert negate(negate(a)) == a


@pytest.mark.parametrize("value", VALUES)
def test_true_or_false_is_reached_without_what_is_missing(value: object) -> None:
    assert names(any_of(fact(value, "a"), fact(True, "b"))) == ({"a", "b"} if value is True else {"b"})
    assert names(all_of(fact(value, "a"), fact(False, "b"))) == ({"a", "b"} if value is False else {"b"})


@settings(max_examples=60)
@given(st.lists(FACTS, max_size=4))
def test_order_of_operands_changes_nothing(facts: list[Fact]) -> None:
    for combine in (any_of, all_of):
        results = [combine(*order) for order in permutations(facts)]
        assert len({result.value for result in results}) == 1
        assert len({frozenset(result.support) for result in results}) == 1


@settings(max_examples=60)
@given(st.lists(FACTS, max_size=5))
def test_support_is_exactly_the_operands_that_decide(facts: list[Fact]) -> None:
    for combine, deciding in ((any_of, True), (all_of, False)):
        result = combine(*facts)
        decisive = facts if result.value is (not deciding) else [f for f in facts if f.value is result.value]
        assert result.support == tuple(there for one in decisive for there in one.support)
        assert all(isinstance(there, Gap) for there in result.support) or result.value is not MISSING


def test_nothing_to_combine_is_the_neutral_value() -> None:
    assert any_of() == FALSE
    assert all_of() == TRUE


def test_a_hundred_thousand_operands_are_combined_in_one_pass() -> None:
    many = [fact(False, "a")] * 100_000
    assert len(any_of(*many).support) == 100_000


@pytest.mark.parametrize(
    ("evidence", "value", "support"),
    [
        pytest.param(known("p", False), False, known("p", False), id="a value that is false"),
        pytest.param(known("p", []), [], known("p", []), id="an empty list"),
        pytest.param(known("p", ""), "", known("p", ""), id="empty text"),
        pytest.param(known("p", 0), 0, known("p", 0), id="zero"),
        pytest.param(gap("p"), MISSING, gap("p"), id="a gap stays the same gap"),
        pytest.param(known("p", None), MISSING, absent(known("p", None)), id="absent becomes a gap"),
    ],
)
def test_lifting_keeps_values_and_turns_absence_into_a_gap(
    evidence: Evidence, value: object, support: Evidence
) -> None:
    assert lift(evidence) == Fact(value, (support,))


def test_absence_is_unresolved_and_names_the_answer_that_lacked_it() -> None:
    there = absent(known("cluster.declared.iam", None))
    assert (there.path, there.reason, there.origin) == ("cluster.declared.iam", Reason.UNRESOLVED, "o")
    assert there.detail == "o does not say what cluster.declared.iam is"


def test_missing_refuses_to_be_true_or_false() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(MISSING)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_gap_travels_unchanged_through_every_combinator(reason: Reason) -> None:
    a = Fact(MISSING, (gap("a", reason),))
    for result in (
        negate(a),
        apply(lambda value, _: value, a, TRUE),
        choose(a, TRUE, FALSE),
        choose(TRUE, a, FALSE),
        choose(FALSE, TRUE, a),
        any_of(a, FALSE),
        all_of(a, TRUE),
    ):
        assert result == a


def test_apply_names_all_that_is_missing_and_nothing_else() -> None:
    result = apply(lambda *_: True, fact(MISSING, "a"), fact(True, "b"), fact(MISSING, "c"))
    assert result.value is MISSING
    assert names(result) == {"a", "c"}


def test_a_choice_rests_on_its_condition_too() -> None:
    assert choose(fact(True, "if"), fact(7, "then"), fact(8, "else")) == Fact(7, (known("if", True), known("then", 7)))
    assert names(choose(fact(False, "if"), fact(7, "then"), fact(8, "else"))) == {"if", "else"}


def test_unsettled_has_one_gap_of_its_own() -> None:
    assert unsettled("p", Reason.UNRESOLVED, "o", "d") == Fact(MISSING, (gap("p", Reason.UNRESOLVED),))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_gap_says_what_would_settle_it(reason: Reason) -> None:
    remedy = Gap(path="p", reason=reason, origin="kms:DescribeKey", detail="do this").remedy
    assert "kms:DescribeKey" in remedy or "do this" in remedy
