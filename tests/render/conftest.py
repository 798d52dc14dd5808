"""Audit results built by hand: a small one a person can read, an empty one, hostile ones and large ones."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from mskaudit.engine.rule import Effect, Remedy, Rule, RuleText
from mskaudit.model.dossier import TargetRecord
from mskaudit.model.evidence import Column, Gap, Known, Reason
from mskaudit.model.subjects import Kind, SubjectKey
from mskaudit.model.verdicts import (
    AuditResult,
    Basis,
    ExitStatus,
    Finding,
    Severity,
    Summary,
    Tool,
    Verdict,
    Waiver,
    count,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

AT = "2026-02-03T04:05:06Z"
DENIED = "AccessDeniedException: arn:aws:sts::111122223333:assumed-role/audit/ci is not authorized to perform "


class Case(Struct, frozen=True):
    """A result with the rules it was judged by."""

    result: AuditResult
    rules: dict[str, Rule]


class Builder:
    """Makes values of the model with plausible defaults."""

    def known(self, path: str, value: Any, origin: str = "kafka:ListClustersV2") -> Known:
        """Evidence whose column follows from its path."""
        column = Column.OBSERVED if path.startswith("observed.") else Column.DECLARED
        return Known(path=path, value=value, column=column, origin=origin, at=AT)

    def gap(self, path: str, reason: Reason, origin: str, detail: str = "") -> Gap:
        """A gap."""
        return Gap(path=path, reason=reason, origin=origin, detail=detail)

    def rule(self, id_: str, category: str = "transport", **changes: Any) -> Rule:
        """A rule; `changes` replace fields of its text."""
        fields: dict[str, Any] = {
            "title": f"The title of {id_}",
            "severity": Severity.HIGH,
            "subject": Kind.CLUSTER,
            "assertion": "declared.iam",
            "message": "it fails",
            "holds": "it holds",
            "rationale": "A reason that says why this matters to somebody.",
            "remedy": Remedy(text="Change the setting.", effect=Effect.ROLLING),
            "controls": (),
            "references": ("https://docs.aws.amazon.com/msk/latest/developerguide/what-is-msk.html",),
            "since": "0.1.0",
            "verify": (),
        }
        return Rule(id=id_, category=category, file=f"rules/{category}/{id_}.yaml", text=RuleText(**fields | changes))

    def finding(
        self, rule: str, cluster: str, verdict: Verdict, listener: str | None = None, **changes: Any
    ) -> Finding:
        """A finding on a cluster or on one of its listeners."""
        kind, id_ = (Kind.LISTENER, f"{cluster}/{listener}") if listener else (Kind.CLUSTER, cluster)
        fields: dict[str, Any] = {
            "rule": rule,
            "category": "transport",
            "subject": SubjectKey(kind=kind, id=id_, cluster=cluster),
            "verdict": verdict,
            "severity": Severity.HIGH,
            "basis": Basis.DECLARED,
            "message": f"{rule} says {verdict} of {listener or cluster}",
            "evidence": (),
            "gaps": (),
            "controls": (),
            "fingerprint": sha256(f"{rule}\0{id_}".encode()).hexdigest()[:16],
        }
        return Finding(**fields | changes)

    def result(
        self,
        *findings: Finding,
        targets: Sequence[TargetRecord] = (),
        status: ExitStatus = ExitStatus.VIOLATED,
        reason: str = "1 finding of high severity or graver",
    ) -> AuditResult:
        """A result whose summary agrees with its findings."""
        verdicts, failed = count(findings)
        summary = Summary(
            clusters=len({f.subject.cluster for f in findings}),
            subjects=len({f.subject.id for f in findings}),
            findings=len(findings),
            verdicts=verdicts,
            failed=failed,
            exit_status=status,
            exit_reason=reason,
        )
        # The version is fixed so that stored snapshots outlive releases.
        tool = Tool(version="1.2.3")
        return AuditResult(tool=tool, as_of="2026-02-03", targets=tuple(targets), summary=summary, findings=findings)

    def small(self) -> Case:
        """Two clusters with every verdict, a waiver, gaps of several reasons and an incomplete inventory."""
        rules = {rule.id: rule for rule in (*self._rich_rules(), *self._plain_rules())}
        listing = "kafka:ListClustersV2"
        uninventoried = self.gap("clusters", Reason.DENIED, listing, DENIED + listing)
        result = self.result(
            *self._small_listeners(rules),
            *self._small_clusters(rules),
            targets=(
                TargetRecord(target="aws:111122223333/eu-west-1", clusters=3),
                TargetRecord(target="aws:111122223333/eu-central-1", clusters=0, gaps=(uninventoried,)),
            ),
            reason="4 failed findings of high severity or graver; the policy allows none",
        )
        return Case(result, rules)

    def _rich_rules(self) -> tuple[Rule, ...]:
        update = "aws kafka update-security --cluster-arn ARN --current-version VERSION \\\n    --encryption-info "
        return (
            self.rule(
                "anonymous-access",
                "authentication",
                title="A listener serves clients without credentials",
                severity=Severity.CRITICAL,
                subject=Kind.LISTENER,
                rationale="Anybody who reaches the port reads, writes and deletes.\n\nAbsence of `Unauthenticated` in "
                "an answer does not mean that it is off.",
                remedy=Remedy(
                    text="Turn unauthenticated access off once every client has credentials.",
                    effect=Effect.ROLLING_RESTART,
                    cli="aws kafka update-security --cluster-arn ARN --client-authentication "
                    "'Unauthenticated={Enabled=false}'",
                ),
                controls=("nist-800-53r5/AC-14", "pci-dss-4.0.1/8.2.1"),
            ),
            self.rule(
                "plaintext-listener",
                title="A client listener answers without encryption",
                subject=Kind.LISTENER,
                rationale="Records and credentials can be read and changed on the way.",
                remedy=Remedy(
                    text="Set encryption in transit between clients and brokers to `TLS`, after the last client has "
                    "moved to a TLS port.",
                    effect=Effect.ROLLING,
                    cli=update + "'EncryptionInTransit={ClientBroker=TLS}'",
                    terraform='encryption_info {\n  encryption_in_transit {\n    client_broker = "TLS"\n  }\n}',
                ),
                controls=("nist-800-53r5/SC-8", "pci-dss-4.0.1/4.2.1"),
            ),
        )

    def _plain_rules(self) -> tuple[Rule, ...]:
        return (
            self.rule(
                "broker-logs-off",
                "logging",
                title="Broker logs go nowhere",
                severity=Severity.MEDIUM,
                controls=("nist-800-53r5/AU-12",),
            ),
            self.rule(
                "default-allow",
                "authorization",
                title="Topics without an ACL are open to every principal",
                controls=("nist-800-53r5/AC-3",),
            ),
            self.rule(
                "public-access",
                "exposure",
                title="Brokers have public addresses",
                severity=Severity.CRITICAL,
                controls=("nist-800-53r5/SC-7",),
            ),
            self.rule("kafka-version-unsupported", "lifecycle", title="AWS no longer supports the Kafka version"),
            self.rule("tls13-not-offered", title="TLS 1.3 is refused", subject=Kind.LISTENER, severity=Severity.LOW),
        )

    def _say(self, rule: Rule, cluster: str, verdict: Verdict, listener: str | None = None, **changes: Any) -> Finding:
        """A finding that agrees with its rule."""
        fixed = {"category": rule.category, "severity": rule.text.severity, "controls": rule.text.controls}
        basis = None if verdict in {Verdict.UNKNOWN, Verdict.ERROR} else Basis.DECLARED
        return self.finding(rule.id, cluster, verdict, listener, **fixed | {"basis": basis} | changes)

    def _small_listeners(self, rules: Mapping[str, Rule]) -> Iterator[Finding]:
        hosts = [f"b-{n}.orders.a1b2c3.c4.kafka.eu-west-1.amazonaws.com:9092" for n in (1, 2, 3)]
        for host in hosts:
            yield self._say(
                rules["plaintext-listener"],
                "orders",
                Verdict.FAIL,
                host,
                basis=Basis.OBSERVED,
                message=f"{host} accepts Kafka requests in clear text",
                evidence=(
                    self.known("observed.transport", "clear", f"tcp://{host}"),
                    self.known("declared.client_broker", "TLS_PLAINTEXT"),
                ),
            )
        yield self._say(
            rules["anonymous-access"],
            "orders",
            Verdict.FAIL,
            hosts[0],
            basis=Basis.INFERRED,
            message=f"{hosts[0]} serves clients that show no credentials",
            evidence=(
                self.known("declared.unauthenticated", None),
                self.known("declared.iam", value=False),
                self.known("observed.serves_anonymous", value=True, origin=f"tcp://{hosts[0]}"),
            ),
        )
        for host in hosts[1:]:
            yield self._say(
                rules["anonymous-access"],
                "orders",
                Verdict.UNKNOWN,
                host,
                message="whether clients without credentials are served is not known",
                gaps=(self.gap("observed.transport", Reason.TIMED_OUT, f"tcp://{host}", "no answer in 5 s"),),
            )
        yield self._say(
            rules["tls13-not-offered"],
            "payments",
            Verdict.UNKNOWN,
            "b-1.payments:9098",
            message="whether TLS 1.3 is offered is not known",
            gaps=(self.gap("observed.tls_version", Reason.NOT_REQUESTED, "probe", "add --probe"),),
        )

    def _small_clusters(self, rules: Mapping[str, Rule]) -> Iterator[Finding]:
        revision = "kafka:DescribeConfigurationRevision"
        configuration = self.gap("declared.allow_everyone_if_no_acl_found", Reason.DENIED, revision, DENIED + revision)
        waiver = Waiver(reason="Moves to CloudWatch with the next release", owner="platform team", expires="2026-06-30")
        for cluster, held in (("orders", waiver), ("payments", None)):
            yield self._say(
                rules["default-allow"],
                cluster,
                Verdict.UNKNOWN,
                message="whether topics without an ACL are open is not known",
                gaps=(configuration,),
            )
            yield self._say(
                rules["public-access"],
                cluster,
                Verdict.PASS,
                message="No broker has a public address",
                evidence=(self.known("declared.public_access", "DISABLED", "kafka:DescribeClusterV2"),),
            )
            yield self._say(
                rules["broker-logs-off"],
                cluster,
                Verdict.FAIL,
                message="No destination for broker logs is enabled",
                evidence=(self.known("declared.broker_logs", [], "kafka:DescribeClusterV2"),),
                waiver=held,
            )
        yield self._say(
            rules["default-allow"],
            "reports",
            Verdict.NOT_APPLICABLE,
            message="Kafka ACLs do not govern IAM principals",
        )
        yield self._say(
            rules["kafka-version-unsupported"],
            "reports",
            Verdict.ERROR,
            message="the rule compares a version with a date",
        )

    def hostile(self, text: str) -> Case:
        """Every string that can come from outside, and every string of a rule, is the text."""
        known = Known(path=text, value={text: [text]}, column=Column.OBSERVED, origin=text, at=text)
        gaps = tuple(Gap(path=text, reason=reason, origin=text, detail=text) for reason in Reason)
        waiver = Waiver(reason=text, owner=text, expires=text)
        # A rule's id is the name of a file: hostile perhaps, but never longer than a file system allows.
        id_ = text[:80]
        findings = tuple(
            self.finding(
                id_,
                text,
                verdict,
                listener,
                message=text,
                category=text,
                evidence=(known,),
                gaps=gaps,
                controls=(text,),
                waiver=held,
                fingerprint=text,
            )
            for verdict in Verdict
            for listener in (None, text)
            for held in (None, waiver)
        )
        remedy = Remedy(text=text, effect=Effect.IN_PLACE, cli=text, terraform=text)
        words = {"title": text, "rationale": text, "remedy": remedy, "since": text, "message": text, "holds": text}
        references = (text, f"https://example.com/{text}", f"javascript:{text}")
        rule = self.rule(id_, id_, controls=(text, f"{text}/{text}"), references=references, **words)
        targets = (TargetRecord(target=text, clusters=1, gaps=gaps),)
        return Case(self.result(*findings, targets=targets, reason=text), {id_: rule})

    def large(self, clusters: int, rules: int) -> Case:
        """Every rule judged on every cluster, with the verdicts in turn."""
        names = [f"rule-{n:03d}" for n in range(rules)]
        severities, verdicts = list(Severity), (Verdict.FAIL, Verdict.PASS, Verdict.PASS, Verdict.UNKNOWN)
        gap = self.gap("declared.iam", Reason.DENIED, "kafka:DescribeClusterV2", "AccessDeniedException")
        known = (
            self.known("declared.client_broker", "TLS_PLAINTEXT", "kafka:ListClustersV2"),
            self.known("declared.in_cluster_tls", value=True, origin="kafka:ListClustersV2"),
        )
        findings = [
            self.finding(
                name,
                f"cluster-{cluster:05d}",
                verdict,
                severity=severities[number % len(severities)],
                message=f"The setting of cluster-{cluster:05d} that {name} looks at is {verdict}",
                evidence=() if verdict is Verdict.UNKNOWN else known,
                gaps=(gap,) if verdict is Verdict.UNKNOWN else (),
                controls=("nist-800-53r5/SC-8", "pci-dss-4.0.1/4.2.1"),
            )
            for cluster in range(clusters)
            for number, name in enumerate(names)
            for verdict in (verdicts[(number + cluster) % len(verdicts)],)
        ]
        targets = [TargetRecord(target=f"aws:111122223333/region-{n}", clusters=clusters // 20) for n in range(20)]
        return Case(self.result(*findings, targets=targets), {name: self.rule(name) for name in names})


HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "end of style": "</style></script></title><!--",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "template": "{{ 7 * 7 }}{% raw %}",
    "ansi": "\x1b[2J\x1b]8;;https://evil.example\x07name\x1b[31m\x9b31m",
    "bidi": "abc\u202edef\u2066\u200b\ufeff",
    "lines": "first\r\nsecond\u2028third\x0b\x00\ttab\n\n",
    "long": "n" * 10_000,
    "wide": "\u6f22" * 5_000,
    "combining": "e\u0301" * 5_000,
    "empty": "",
    "blank": "   ",
}


@pytest.fixture(params=list(HOSTILE.values()), ids=list(HOSTILE))
def hostile(request: pytest.FixtureRequest) -> str:
    """A text that someone may give a cluster, a tag or an error message."""
    return str(request.param)


class Snapshots:
    """Stored output, compared exactly; `MSKAUDIT_UPDATE_SNAPSHOTS=1` writes it anew."""

    folder = Path(__file__).parent / "snapshots"

    def compare(self, name: str, content: bytes) -> None:
        """Fail if the content differs from what is stored under the name."""
        path = self.folder / name
        if os.environ.get("MSKAUDIT_UPDATE_SNAPSHOTS") == "1":
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        assert content == path.read_bytes(), f"{name} changed: look at it, then run with MSKAUDIT_UPDATE_SNAPSHOTS=1"


@pytest.fixture
def snapshots() -> Snapshots:
    """Stored output."""
    return Snapshots()


@pytest.fixture
def build() -> Builder:
    """The maker of results."""
    return Builder()
