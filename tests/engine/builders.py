"""The shipped corpus, rules made in a line, and clusters as the AWS CLI prints them, all the way to findings."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mskaudit.audit import judged
from mskaudit.engine.corpus import Corpus, compile_rule, load
from mskaudit.engine.gate import Gate
from mskaudit.engine.rule import Effect, Remedy, Rule, RuleText
from mskaudit.gather.collect import Part, dossier
from mskaudit.gather.collect import saved as read_saved
from mskaudit.model.dossier import Subject
from mskaudit.model.subjects import Kind
from mskaudit.model.verdicts import Severity
from tests.model.builders import ARN, AT, sighting
from tests.model.builders import dossier as handmade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.model.dossier import Dossier, Sighting
    from mskaudit.model.evidence import Reason
    from mskaudit.model.verdicts import AuditResult, Finding

AS_OF: Final = "2026-11-23"
CORPUS: Final = load()
HARDENED: Final[dict[str, Any]] = {
    "ClusterType": "PROVISIONED",
    "ClusterArn": ARN,
    "ClusterName": "orders",
    "State": "ACTIVE",
    "Provisioned": {
        "BrokerNodeGroupInfo": {
            "InstanceType": "kafka.m5.large",
            "ConnectivityInfo": {"PublicAccess": {"Type": "DISABLED"}},
        },
        "CurrentBrokerSoftwareInfo": {"KafkaVersion": "3.9.x.kraft"},
        "ClientAuthentication": {
            "Sasl": {"Iam": {"Enabled": True}, "Scram": {"Enabled": False}},
            "Tls": {"Enabled": False},
            "Unauthenticated": {"Enabled": False},
        },
        "EncryptionInfo": {
            "EncryptionAtRest": {"DataVolumeKMSKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1"},
            "EncryptionInTransit": {"ClientBroker": "TLS", "InCluster": True},
        },
        "EnhancedMonitoring": "PER_TOPIC_PER_BROKER",
        "LoggingInfo": {
            "BrokerLogs": {"CloudWatchLogs": {"Enabled": True, "LogGroup": "g"}},
            "AuthorizerLogs": {"CloudWatchLogs": {"Enabled": True, "LogGroup": "g"}},
        },
    },
}
SERVERLESS: Final[dict[str, Any]] = {
    "ClusterType": "SERVERLESS",
    "ClusterArn": ARN,
    "ClusterName": "events",
    "State": "ACTIVE",
    "Serverless": {"ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}},
}


def turned(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A cluster with values at dotted places below `Provisioned`; None removes."""
    changed: dict[str, Any] = deepcopy(dict(document))
    for place, value in changes.items():
        *parents, last = f"Provisioned.{place}".split(".")
        inner = changed
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return changed


def gathered(*clusters: Mapping[str, Any], more: tuple[Sighting, ...] = ()) -> Dossier:
    """What the AWS CLI saved, as evidence; `more` are looks at the first cluster that other calls would add."""
    content = msgspec.json.encode({"ClusterInfoList": clusters})
    part = read_saved(content, name="clusters.json", clock=lambda: AT)
    assert isinstance(part, Part)
    first, *others = part.subjects
    subjects = (msgspec.structs.replace(first, sightings=(*first.sightings, *more)), *others)
    return dossier([Part(part.record, subjects)], at=AT)


def audited(evidence: Dossier, *, gate: Gate | None = None, corpus: Corpus = CORPUS) -> AuditResult:
    """The whole result, as the command line would have it."""
    return judged(evidence, corpus, gate=gate or Gate(), as_of=AS_OF)


def findings_of(evidence: Dossier, rule: str) -> dict[str, Finding]:
    """The findings of one rule, by the subject's id without its cluster."""
    return {
        finding.subject.id.removeprefix(f"{finding.subject.cluster}/"): finding
        for finding in audited(evidence).findings
        if finding.rule == rule
    }


def verdicts_of(evidence: Dossier, rule: str) -> dict[str, str]:
    """The verdicts of one rule in words, likewise."""
    return {id_: finding.verdict.value for id_, finding in findings_of(evidence, rule).items()}


def verdict_of(evidence: Dossier, rule: str) -> str:
    """The verdict of a rule about clusters on the only cluster."""
    (verdict,) = verdicts_of(evidence, rule).values()
    return verdict


def answer(known: Mapping[str, Any], gaps: Mapping[str, Reason] | None = None, *, origin: str) -> Sighting:
    """What one more call of AWS answered."""
    return sighting(known, gaps, origin=origin)


def rule(
    assertion: str,
    *,
    identifier: str = "made",
    subject: Kind = Kind.CLUSTER,
    severity: Severity = Severity.HIGH,
    message: str = "bad",
    **more: Any,
) -> Rule:
    """A rule in one line."""
    text = RuleText(
        title="A rule",
        severity=severity,
        subject=subject,
        assertion=assertion,
        message=message,
        holds="good",
        rationale="Because.",
        remedy=Remedy(text="Do it.", effect=Effect.IN_PLACE),
        controls=("nist-800-53r5/AC-3",),
        references=(),
        since="0.1.0",
        verify=(),
        **more,
    )
    return Rule(id=identifier, category="made", file="made/made.yaml", text=text)


def corpus_of(*rules: Rule) -> Corpus:
    """A corpus of rules that have no files."""
    return Corpus([compile_rule(one) for one in rules])


def lonely(known: Mapping[str, Any], gaps: Mapping[str, Reason] | None = None) -> Dossier:
    """A dossier of one cluster with one look at it."""
    return handmade(Subject(kind=Kind.CLUSTER, id=ARN, cluster=ARN, sightings=(sighting(known, gaps),)))
