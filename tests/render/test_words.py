"""Words, widths and wrapping."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.render.terminal import cells, wrap
from mskaudit.render.words import clip, listing, numbered, spoken, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünïcode, 漢字", "plain, ünïcode, 漢字"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
    ids=["plain", "ansi", "lines", "bidi", "surrogate", "tag"],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "absent"), (False, "false"), ("TLS", '"TLS"'), ([], "[]"), ({"b": 1, "a": None}, '{"a":null,"b":1}')],
    ids=str,
)
def test_spoken(value: Any, expected: str) -> None:
    assert spoken(value) == expected


@pytest.mark.parametrize(
    ("number", "noun", "expected"),
    [
        (0, "cluster", "0 clusters"),
        (1, "cluster", "1 cluster"),
        (2000, "cluster", "2,000 clusters"),
        (2, "cluster-policy", "2 cluster-policies"),
        (2, "vpc-connectivity", "2 vpc-connectivities"),
        (2, "proxy", "2 proxies"),
        (2, "key", "2 keys"),
    ],
    ids=str,
)
def test_numbered(number: int, noun: str, expected: str) -> None:
    assert numbered(number, noun) == expected


def test_listing_names_the_only_one_left() -> None:
    assert listing(["a", "b", "c"], 2) == "a, b, c"
    assert listing(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert listing([], 2) == ""


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("", 0), ("\uff41", 2)], ids=repr)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width


def test_wide_words_are_cut_by_cells() -> None:
    assert wrap("漢字漢字漢 ab", 6) == ["漢字漢", "字漢", "ab"]


@given(st.text(), st.integers(2, 40))
def test_no_line_is_wider_and_nothing_is_lost(text: str, width: int) -> None:
    shown = visible(text)
    lines = wrap(shown, width)
    assert max(map(cells, lines)) <= width
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")


@given(st.text(), st.integers(1, 40))
def test_clipped_text_is_short_and_visible(text: str, limit: int) -> None:
    assert len(clip(text, limit)) <= limit
    assert clip(text, limit).isprintable()
