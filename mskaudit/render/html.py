"""The result as one HTML file for a browser, a printer or an auditor's archive: no network, no script needed."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter, defaultdict
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import Struct

from mskaudit.model.evidence import Reason
from mskaudit.model.verdicts import Finding, Severity, Verdict
from mskaudit.render.digest import controls, extent, fixes, sentence, settlements, unexplained
from mskaudit.render.terminal import continued
from mskaudit.render.words import OUTCOME, clip, flow, listing, name, numbered, short, spoken, visible
from mskaudit.resources import folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.engine.rule import Rule
    from mskaudit.model.verdicts import AuditResult
    from mskaudit.render.digest import Control

_CODE: Final = re.compile("`([^`]+)`")
_COLUMNS: Final = 90
_OPEN: Final = (Verdict.FAIL, Verdict.ERROR, Verdict.UNKNOWN)

# What the findings of a control let an auditor say; never that the control is met.
_SUPPORT: Final = {
    Verdict.FAIL: "evidence against",
    Verdict.ERROR: "incomplete",
    Verdict.UNKNOWN: "incomplete",
    Verdict.PASS: "supports evidence for",
    Verdict.NOT_APPLICABLE: "not applicable",
}


class ClusterSection(Struct, frozen=True):
    """The findings of one cluster: open ones, and those that stay folded."""

    name: str
    anchor: str
    counts: Counter[Verdict]
    open: tuple[Finding, ...]
    passed: tuple[Finding, ...]
    inapplicable: tuple[Finding, ...]


def render(result: AuditResult, rules: Mapping[str, Rule]) -> bytes:
    """The report in UTF-8."""
    environment = _environment()
    return environment.get_template("report.html").render(_view(result, rules)).encode()


@cache
def _environment() -> Environment:
    reports = folder("reports")
    environment = Environment(
        loader=FileSystemLoader(reports / "templates"),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "anchor": _anchor,
        "clip": clip,
        "code": _code,
        "extent": extent,
        "listing": listing,
        "name": name,
        "numbered": numbered,
        "prose": _prose,
        "sentence": sentence,
        "short": short,
        "spoken": spoken,
    }
    style, script = ((reports / "assets" / asset).read_text("utf-8") for asset in ("report.css", "report.js"))
    environment.globals |= {
        "Reason": Reason,
        "Severity": Severity,
        "Verdict": Verdict,
        "outcome": OUTCOME,
        "support": _SUPPORT,
        "script": Markup(script),  # noqa: S704  our own file
        "script_hash": _hash(script),
        "style": Markup(style),  # noqa: S704  our own file
        "style_hash": _hash(style),
    }
    return environment


def _hash(content: str) -> str:
    return "sha256-" + b64encode(sha256(content.encode()).digest()).decode()


def _harmless(value: object) -> object:
    """What every expression of the template passes through before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _anchor(rule: str) -> str:
    return "rule-" + quote(rule, safe="")


def _prose(text: str) -> Markup:
    """Paragraphs of a rule's text, with code between backticks."""
    paragraphs = (_CODE.sub(r"<code>\1</code>", str(escape(flow(paragraph)))) for paragraph in text.split("\n\n"))
    return Markup("".join(f"<p>{paragraph}</p>" for paragraph in paragraphs))  # noqa: S704  escaped above


def _code(text: str) -> Markup:
    """Lines of code as they are, but for a command that goes on after a backslash."""
    lines = (visible(line.expandtabs(4)) for line in text.rstrip().split("\n"))
    return Markup("\n").join(piece for line in lines for piece in continued(line, _COLUMNS))


def _view(result: AuditResult, rules: Mapping[str, Rule]) -> dict[str, Any]:
    clusters = _clusters(result.findings)
    found = settlements(result.findings)
    return {
        "result": result,
        "rules": rules,
        "waived": sum(f.verdict is Verdict.FAIL and f.waiver is not None for f in result.findings),
        "fixes": fixes(result.findings),
        "steps": [s for s in found if s.reason is not Reason.NOT_REQUESTED],
        "unasked": [s for s in found if s.reason is Reason.NOT_REQUESTED],
        "unexplained": sorted({f.rule for f in unexplained(result.findings)}),
        "clusters": clusters,
        "anchors": {section.name: section.anchor for section in clusters},
        "ordered": _by_category(rules.values()),
        "said": _said(result.findings),
        "frameworks": _frameworks(controls(result.findings, rules)),
    }


def _clusters(findings: Iterable[Finding]) -> list[ClusterSection]:
    grouped: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        grouped[finding.subject.cluster].append(finding)
    return [_cluster(number, name_, grouped[name_]) for number, name_ in enumerate(sorted(grouped), start=1)]


def _cluster(number: int, name_: str, findings: list[Finding]) -> ClusterSection:
    order = {verdict: rank for rank, verdict in enumerate(Verdict)}
    ordered = sorted(
        findings,
        key=lambda f: (order[f.verdict], f.waiver is not None, f.severity.rank, f.rule, f.subject.id),
    )
    return ClusterSection(
        name=name_,
        anchor=f"cluster-{number}",
        counts=Counter(f.verdict for f in ordered),
        open=tuple(f for f in ordered if f.verdict in _OPEN),
        passed=tuple(f for f in ordered if f.verdict is Verdict.PASS),
        inapplicable=tuple(f for f in ordered if f.verdict is Verdict.NOT_APPLICABLE),
    )


def _by_category(rules: Iterable[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: (rule.category, rule.text.severity.rank, rule.id))


def _said(findings: Iterable[Finding]) -> defaultdict[str, Counter[Verdict]]:
    """How often each rule gave each verdict."""
    counts: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    for finding in findings:
        counts[finding.rule][finding.verdict] += 1
    return counts


def _frameworks(found: Iterable[Control]) -> dict[str, list[Control]]:
    frameworks: defaultdict[str, list[Control]] = defaultdict(list)
    for control in found:
        frameworks[control.framework].append(control)
    return dict(frameworks)
