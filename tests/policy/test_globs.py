"""IAM's patterns against the same pattern as a regular expression, and three-valued logic against its tables."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.policy.globs import Glob, Literal, matches
from mskaudit.policy.kleene import Truth, all_of, any_of, negate

CASES = [
    ("", "", True),
    ("", "a", False),
    ("*", "", True),
    ("?", "", False),
    ("a*b", "ab", True),
    ("a*b", "aXbY", False),
    ("a*a", "a", False),
    ("*ab", "aab", True),
    ("a?c", "abc", True),
    ("a?c", "ac", False),
    ("[ab]", "a", False),
    ("[ab]", "[ab]", True),
    ("kafka-cluster:?riteData", "kafka-cluster:WriteData", True),
    ("topic/c/*", "topic/c/uuid/a/b:c", True),
    ("Orders", "orders", False),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES, ids=[f"{p} on {t}" for p, t, _ in CASES])
def test_matches(pattern: str, text: str, *, expected: bool) -> None:
    assert matches(pattern, text) is expected


@settings(max_examples=1000)
@given(pattern=st.text(alphabet="ab*?", max_size=8), text=st.text(alphabet="ab*?", max_size=10))
def test_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
    regex = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    assert matches(pattern, text) is (re.fullmatch(regex, text, re.DOTALL) is not None)


@given(pieces=st.lists(st.text(alphabet="a*?", max_size=3), max_size=4), text=st.text(alphabet="a*?", max_size=8))
def test_literals_mean_themselves(pieces: list[str], text: str) -> None:
    literal = Glob.compile(Literal(text=each) for each in pieces)
    assert literal.matches(text) is ("".join(pieces) == text)
    assert Glob.compile(["*", *(Literal(text=each) for each in pieces)]).matches("x" + "".join(pieces))


def test_many_signs_cost_little() -> None:
    assert not matches("*a" * 500 + "b", "a" * 2000)
    assert not matches("*a?" * 300 + "b", "a" * 2000)


@pytest.mark.parametrize("values", list(product([True, False, None], repeat=2)))
def test_kleene(values: tuple[Truth, Truth]) -> None:
    worth = {True: 2, None: 1, False: 0}
    by_worth = {number: value for value, number in worth.items()}
    assert all_of(values) is by_worth[min(worth[each] for each in values)]
    assert any_of(values) is by_worth[max(worth[each] for each in values)]
    assert negate(values[0]) is by_worth[2 - worth[values[0]]]


def test_nothing_is_all_and_not_any() -> None:
    assert all_of([]) is True
    assert any_of([]) is False
