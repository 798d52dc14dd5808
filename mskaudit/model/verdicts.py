"""What judging says: verdicts, findings, and the result that renderers show."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from mskaudit import __version__
from mskaudit.model.dossier import TargetRecord
from mskaudit.model.evidence import Gap, Known
from mskaudit.model.subjects import SubjectKey

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORT_SCHEMA_VERSION: Final = 1


class Severity(StrEnum):
    """How much a failed rule matters, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFORMATIONAL = "informational"

    @property
    def rank(self) -> int:
        """0 for the gravest, so that sorting puts it first."""
        return _RANKS[self]

    def at_least(self, threshold: Severity) -> bool:
        """Whether this is as grave as the threshold or graver."""
        return self.rank <= threshold.rank


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}


class Verdict(StrEnum):
    """What a rule says of a subject; `error` is a fault of mskaudit or of the rule, never a missing answer."""

    FAIL = "fail"
    ERROR = "error"
    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105  a verdict
    NOT_APPLICABLE = "not-applicable"


class Basis(StrEnum):
    """What a verdict rests on, computed from the origins of its evidence."""

    PLANNED = "planned"
    DECLARED = "declared"
    OBSERVED = "observed"
    INFERRED = "inferred"


class Waiver(Struct, frozen=True, kw_only=True):
    """Who accepted a finding, why, and until when (ISO date)."""

    reason: str
    owner: str
    expires: str


class Finding(Struct, frozen=True, kw_only=True):
    """What one rule says about one subject: exactly one exists for each such pair.

    `evidence` decided the verdict, `gaps` prevented one. `basis` is None where no evidence was had. `fingerprint`
    is stable over runs: it depends on the rule and the subject alone.
    """

    rule: str
    category: str
    subject: SubjectKey
    verdict: Verdict
    severity: Severity
    basis: Basis | None
    message: str
    evidence: tuple[Known, ...]
    gaps: tuple[Gap, ...]
    controls: tuple[str, ...]
    waiver: Waiver | None = None
    fingerprint: str


class ExitStatus(IntEnum):
    """How the process ends."""

    CLEAN = 0
    VIOLATED = 1
    USAGE = 2
    INCOMPLETE = 3
    NOTHING_IN_SCOPE = 4
    INTERNAL = 70


class Tool(Struct, frozen=True, kw_only=True):
    """What made a report."""

    name: str = "mskaudit"
    version: str = __version__


class Summary(Struct, frozen=True, kw_only=True):
    """Counts of all findings, and the exit status with its reason in words."""

    clusters: int
    subjects: int
    findings: int
    verdicts: dict[Verdict, int]
    failed: dict[Severity, int]
    exit_status: ExitStatus
    exit_reason: str


class AuditResult(Struct, frozen=True, kw_only=True):
    """One audit, ready to be rendered. `as_of` is the ISO date that time-dependent rules were judged at."""

    schema_version: int = REPORT_SCHEMA_VERSION
    tool: Tool = Tool()
    as_of: str
    targets: tuple[TargetRecord, ...]
    summary: Summary
    findings: tuple[Finding, ...]


def count(findings: Iterable[Finding]) -> tuple[dict[Verdict, int], dict[Severity, int]]:
    """Findings by verdict, and failed ones by severity; every key is present."""
    verdicts = dict.fromkeys(Verdict, 0)
    failed = dict.fromkeys(Severity, 0)
    for finding in findings:
        verdicts[finding.verdict] += 1
        if finding.verdict is Verdict.FAIL:
            failed[finding.severity] += 1
    return verdicts, failed


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the JSON report."""
    return msgspec.json.schema(AuditResult)
