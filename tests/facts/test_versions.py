"""Versions as Amazon MSK writes them, and the dated table of their support."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.engine.corpus import load
from mskaudit.facts.versions import Release, SupportTable, is_kraft, parse

NEWEST = 10_000
TABLE = SupportTable(
    as_of="2026-01-01",
    sources=("https://example.org",),
    releases=tuple(
        Release(version=version, support_end=end)
        for version, end in {
            "2.4.1": "2024-01-01",
            "2.4.1.1": "2024-02-02",
            "2.8.1": "2024-03-03",
            "2.8.2-tiered": "2025-01-14",
            "3.7.x": "2026-09-01",
            "3.8.x": None,
            "3.8.0": "2025-05-05",
        }.items()
    ),
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.8.1", (2, 8, 1, 0)),
        ("2.4.1.1", (2, 4, 1, 1)),
        ("2.8.2-tiered", (2, 8, 2, 0)),
        ("2.8.2.tiered", (2, 8, 2, 0)),
        ("3.7.x", (3, 7, NEWEST, 0)),
        ("3.7.x.kraft", (3, 7, NEWEST, 0)),
        ("3.7.1.kraft", (3, 7, 1, 0)),
        ("4.0", (4, 0, 0, 0)),
        ("3.10.0", (3, 10, 0, 0)),
        ("9999.9999.9999.9999", (9999, 9999, 9999, 9999)),
        ("", None),
        ("3", None),
        ("3.", None),
        ("3.7.", None),
        ("3.7.X", None),
        ("3.7.x.x", None),
        ("x.7.1", None),
        ("v3.7.1", None),
        ("3.7.1 ", None),
        ("3.7.1\n", None),
        ("3.7.1-rc1", None),
        ("3.7.1kraft", None),
        ("-3.7.1", None),
        ("3.7.1.2.3", None),
        ("10000.0.0", None),
        ("\N{ARABIC-INDIC DIGIT THREE}.7.1", None),
        ("3.7.\N{FULLWIDTH DIGIT ONE}", None),
        ("9" * 100_000, None),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_version_is_read_or_refused(text: str, version: object) -> None:
    assert parse(text) == version


@given(st.text(alphabet="0123456789.x-kratie\N{ARABIC-INDIC DIGIT THREE} \n", max_size=20))
@settings(max_examples=100)
def test_no_text_makes_reading_a_version_raise(text: str) -> None:
    version = parse(text)
    assert version is None or all(0 <= number <= NEWEST for number in version)


@given(st.lists(st.integers(0, 9999), min_size=3, max_size=3), st.lists(st.integers(0, 9999), min_size=3, max_size=3))
@settings(max_examples=50)
def test_versions_have_the_order_of_their_numbers(one: list[int], other: list[int]) -> None:
    left, right = parse(".".join(map(str, one))), parse(".".join(map(str, other)))
    assert left is not None
    assert right is not None
    assert (left < right) is (one < other)
    line = parse(f"{one[0]}.{one[1]}.x")
    assert line is not None
    assert left < line


@pytest.mark.parametrize(
    ("text", "kraft"),
    [
        ("3.7.x.kraft", True),
        ("3.9.x", False),
        ("2.8.2-tiered", False),
        ("4.0.x", True),
        ("4.1.0.kraft", True),
        ("nonsense", False),
        ("", False),
    ],
)
def test_kraft_is_said_by_the_suffix_or_by_release_four(text: str, kraft: bool) -> None:  # noqa: FBT001  a column
    assert is_kraft(text) is kraft


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2.4.1", "2.4.1"),
        ("2.4.1.1", "2.4.1.1"),
        ("2.8.2-tiered", "2.8.2-tiered"),
        ("2.8.2", None),
        ("2.8.1-tiered", None),
        ("3.7.x.kraft", "3.7.x"),
        ("3.7.x", "3.7.x"),
        ("3.7.1", "3.7.x"),
        ("3.8.1", "3.8.x"),
        ("3.8.0", "3.8.0"),
        ("3.8.0.kraft", "3.8.0"),
        ("9.9.9", None),
        ("garbage", None),
        ("\N{ARABIC-INDIC DIGIT THREE}.7.x", None),
    ],
)
def test_line_of_the_table_is_found_by_version(text: str, line: str | None) -> None:
    found = TABLE.find(text)
    assert (found.version if found else None) == line


def test_shipped_table_names_each_version_once_with_a_real_date() -> None:
    table = load().support
    versions = [release.version for release in table.releases]
    assert len(set(versions)) == len(versions)
    date.fromisoformat(table.as_of)
    for release in table.releases:
        found = table.find(release.version)
        assert found is release
        if release.support_end is not None:
            date.fromisoformat(release.support_end)


@pytest.mark.parametrize(
    ("version", "end"),
    [
        ("2.4.1.1", "2024-06-08"),
        ("2.8.2-tiered", "2025-01-14"),
        ("3.6.0", "2026-06-01"),
        ("3.7.x.kraft", "2026-09-01"),
        ("3.9.x", None),
        ("4.0.x", None),
    ],
)
def test_shipped_table_has_the_dates_of_aws(version: str, end: str | None) -> None:
    release = load().support.find(version)
    assert release is not None
    assert release.support_end == end
