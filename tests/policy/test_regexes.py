"""The machine against Python's backtracking engine on what both read alike, and what is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.policy.regex_code import MAX_DEPTH
from mskaudit.policy.regexes import MAX_PATTERN, compile_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTERS = "abc,="
REFUSED = [
    ("a**", "repeated or possessive"),
    ("a*+", "repeated or possessive"),
    ("*a", "repeats nothing"),
    ("^*", "is repeated"),
    ("(a*)*", "may be empty"),
    ("(a|)*", "may be empty"),
    ("(?=a)", "of a kind"),
    ("(?<=a)b", "of a kind"),
    ("(?<!a)b", "of a kind"),
    ("(?i)a", "of a kind"),
    ("(?>a)", "of a kind"),
    ("(a)\\1", "not supported"),
    (r"\bword", "not supported"),
    (r"\p{L}", "not supported"),
    (r"\Qa\E", "not supported"),
    (r"\Z", "not supported"),
    ("[a[b]]", "unescaped"),
    ("[a&&b]", "unescaped"),
    ("[]a]", "unescaped"),
    ("[z-a]", "upside down"),
    ("[a-", "ends within"),
    ("[", "ends within"),
    ("a{", "not between"),
    ("a{2,1}", "starts no"),
    ("a{101}", "not between"),
    ("a{1", "starts no"),
    ("(a){2}", "is repeated by"),
    ("(?:a?){2}", "is repeated by"),
    ("((a)+b)*", "repeated itself"),
    ("(?:(a)+b)?", "repeated itself"),
    ("(?:(?:(?:a{100}){100}){100})", "too big"),
    ("(" * (MAX_DEPTH + 1), "too deep"),
    ("a)", "without its"),
    ("(a", "without its"),
    ("\\", "ends within"),
    (r"\xg0", "hexadecimal"),
    ("(?<n>a)(?<n>b)", "taken or odd"),
    ("a" * (MAX_PATTERN + 1), "keep it to"),
]

atoms = st.one_of(
    st.sampled_from(LETTERS),
    st.sampled_from([".", "[ab]", "[^a,]", "[a-c]", r"\w", r"\W", r"\d", "^", "$"]),
)
quantifiers = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{1,}"])


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        inner.map(lambda body: f"({body})"),
        st.tuples(inner, quantifiers).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(inner, quantifiers).map(lambda pair: f"({pair[0]}){pair[1]}"),
    )


patterns = st.recursive(atoms, _extend, max_leaves=6)
texts = st.text(alphabet=LETTERS, max_size=10)


def _found(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield matches by Java's rule that one starts past an empty one; Python's own tries the same place again."""
    start = 0
    while start <= len(text) and (found := pattern.search(text, start)) is not None:
        yield found
        start = found.end() + (found.end() == found.start())


@settings(max_examples=500)
@given(pattern=patterns, text=texts)
def test_finds_what_a_backtracking_engine_finds(pattern: str, text: str) -> None:
    try:
        ours = compile_regex(pattern)
    except UsageError:
        return
    theirs = re.compile(pattern, re.ASCII)
    assert ours.matches(text) == (theirs.fullmatch(text) is not None)
    for mine, yours in zip_longest(ours.find_all(text), _found(theirs, text)):
        assert mine is not None
        assert yours is not None
        spans = [yours.span(each) for each in range(ours.groups + 1)]
        assert mine.groups == tuple(None if span == (-1, -1) else span for span in spans)
        assert (mine.start, mine.end) == yours.span()


@settings(max_examples=500)
@given(pattern=st.text(alphabet="ab\\()[]{}*+?|^$.,-:<>=!xpd109", max_size=20))
def test_any_text_is_compiled_or_refused(pattern: str) -> None:
    with suppress(UsageError):
        assert compile_regex(pattern).matches("ab") in (True, False)


@pytest.mark.parametrize(("pattern", "words"), REFUSED, ids=[pattern[:30] for pattern, _ in REFUSED])
def test_what_engines_read_differently_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        compile_regex(pattern)
    assert words in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u0085", "\u2028", "\u2029"])
def test_lines_end_where_java_ends_them(end: str) -> None:
    assert list(compile_regex("a$").find_all(f"a{end}"))
    assert not compile_regex(".+").matches(f"a{end}")
    assert [found.start for found in compile_regex(r"a$").find_all(f"a{end}a")] == [len(end) + 1]


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(.*)(.*)(.*)(.*)(.*)(.*)b"])
def test_what_blows_up_a_backtracking_engine_is_answered(pattern: str) -> None:
    assert not compile_regex(pattern).matches("a" * 1500)


def test_a_search_that_costs_too_much_is_given_up() -> None:
    with pytest.raises(UsageError, match="costs too much"):
        compile_regex("a*" * 450 + "b").matches("a" * 4000)


def test_many_searches_share_one_allowance() -> None:
    with pytest.raises(UsageError, match="costs too much"):
        list(compile_regex("(?:a*b|a|a*)").find_all("a" * 4000))
