"""The HTML report, read back with a parser."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from mskaudit.model.verdicts import ExitStatus, Verdict
from mskaudit.render import html

if TYPE_CHECKING:
    from tests.render.conftest import Builder, Case, Snapshots

TAGS = (
    "html head meta title style body a header p h1 dl div dt dd nav main section h2 table thead tr th tbody td ul li "
    "ol h3 b i small form label input select option button output details summary span strong code article figure "
    "figcaption pre footer script"
)
ATTRIBUTES = (
    "lang charset http-equiv content name class href id aria-label aria-labelledby aria-live role tabindex scope rel "
    "hidden type autocomplete value"
)


class Reader(HTMLParser):
    """What a browser would find in the report."""

    def __init__(self, report: bytes) -> None:
        super().__init__()
        self.starts: list[tuple[str, dict[str, str | None]]] = []
        self.inlined: dict[str, str] = {"style": "", "script": ""}
        self.words: list[str] = []
        self._within = ""
        self.feed(report.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data: str) -> None:
        if self._within in self.inlined:
            self.inlined[self._within] += data
        else:
            self.words.append(data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._within = ""

    @property
    def text(self) -> str:
        """The words outside of style and script."""
        return " ".join(" ".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [attrs[attribute] or "" for _, attrs in self.starts if attribute in attrs]


def read(case: Case) -> Reader:
    return Reader(html.render(case.result, case.rules))


def test_small_report(build: Builder, snapshots: Snapshots) -> None:
    case = build.small()
    snapshots.compare("small.html", html.render(case.result, case.rules))


def test_hostile_text_makes_no_markup(build: Builder, hostile: str) -> None:
    reader = read(build.hostile(hostile))
    assert {tag for tag, _ in reader.starts} <= set(TAGS.split())
    assert {name for _, attrs in reader.starts for name in attrs} <= set(ATTRIBUTES.split())
    assert Counter(tag for tag, _ in reader.starts)["script"] == 1


def test_hostile_text_is_visible(build: Builder, hostile: str) -> None:
    case = build.hostile(hostile)
    report = html.render(case.result, case.rules).decode()
    assert report.replace("\n", "").isprintable()
    assert len(report) < 1_000_000


def test_policy_allows_exactly_what_is_inlined(build: Builder) -> None:
    reader = read(build.small())
    policy = next(a["content"] or "" for tag, a in reader.starts if tag == "meta" and "http-equiv" in a)
    hashes = {kind: b64encode(sha256(content.encode()).digest()).decode() for kind, content in reader.inlined.items()}
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert all(reader.inlined.values())


def test_nothing_is_loaded(build: Builder) -> None:
    reader = read(build.small())
    assert not [a for _, a in reader.starts if a.keys() & {"src", "srcset", "action", "style", "data"}]
    assert not re.search(r"url\(|@import|https?:", reader.inlined["style"])
    assert not re.search(r"fetch|XMLHttp|import\(|https?:|innerHTML", reader.inlined["script"])


@pytest.mark.parametrize("name", ["small", "hostile"])
def test_links_lead_inside_or_to_references(build: Builder, name: str) -> None:
    reader = read(build.small() if name == "small" else build.hostile("<x> '\"&/"))
    links = [attrs for tag, attrs in reader.starts if tag == "a"]
    outside = [a for a in links if not (a["href"] or "").startswith("#")]
    assert all((a["href"] or "").startswith("https://") and a["rel"] == "noreferrer" for a in outside)
    inside = {(a["href"] or "")[1:] for a in links if (a["href"] or "").startswith("#")}
    assert inside <= set(reader.values("id"))


def test_ids_are_unique(build: Builder) -> None:
    assert [id_ for id_, times in Counter(read(build.small()).values("id")).items() if times > 1] == []


def test_labels_name_what_exists(build: Builder) -> None:
    reader = read(build.small())
    assert set(reader.values("aria-labelledby")) <= set(reader.values("id"))


def test_rule_text_stands_once_however_many_findings(build: Builder) -> None:
    case = build.large(50, 3)
    assert html.render(case.result, case.rules).count(b"A reason that says why") == 3


def test_every_finding_is_there(build: Builder) -> None:
    case = build.large(40, 5)
    ids = read(case).values("id")
    assert {f"f-{finding.fingerprint}" for finding in case.result.findings} <= set(ids)


def test_ten_thousand_findings_stay_small(build: Builder) -> None:
    case = build.large(200, 50)
    assert len(html.render(case.result, case.rules)) < 7_000_000


def test_controls_are_never_called_compliant(build: Builder) -> None:
    words = read(build.small()).text
    assert "supports evidence for" in words
    assert "incomplete" in words
    assert "complian" not in words.lower()


def test_the_filter_needs_a_script(build: Builder) -> None:
    (form,) = [attrs for tag, attrs in read(build.small()).starts if tag == "form"]
    assert "hidden" in form


def test_code_in_prose_and_lines_of_code(build: Builder) -> None:
    case = build.small()
    report = html.render(case.result, case.rules).decode()
    assert "<code>Unauthenticated</code>" in report
    assert "encryption_info {\n  encryption_in_transit {" in report


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        ((), "there was nothing to judge"),
        ((Verdict.PASS,), "Nothing failed ."),
        ((Verdict.UNKNOWN,), "Nothing failed among what could be judged ."),
    ],
    ids=["empty", "clean", "unknown"],
)
def test_nothing_failed(build: Builder, verdicts: tuple[Verdict, ...], says: str) -> None:
    findings = [build.finding(f"r{n}", "c", verdict) for n, verdict in enumerate(verdicts)]
    result = build.result(*findings, status=ExitStatus.CLEAN)
    words = Reader(html.render(result, {})).text
    assert says.replace(" .", ".") in words.replace(" .", ".")


def test_equal_results_give_equal_bytes(build: Builder) -> None:
    one, other = build.small(), build.small()
    assert html.render(one.result, one.rules) == html.render(other.result, dict(reversed(other.rules.items())))
