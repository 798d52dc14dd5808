"""Judging: one finding for every rule and subject, whatever the evidence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from mskaudit.engine.judge import fingerprint, judge
from mskaudit.engine.rule import Condition
from mskaudit.facts.derive import derive
from mskaudit.model.dossier import load, store
from mskaudit.model.evidence import SERVICE_DEFAULT, Reason
from mskaudit.model.subjects import Kind, SubjectKey
from mskaudit.model.verdicts import Basis, Verdict
from tests.engine.builders import AS_OF, CORPUS, corpus_of, lonely, rule
from tests.model.builders import ARN, cluster, dossier, dossiers, listener, sighting

if TYPE_CHECKING:
    from mskaudit.model.dossier import Dossier
    from mskaudit.model.verdicts import Finding

PROVISIONED = {
    "declared.type": "PROVISIONED",
    **dict.fromkeys(("declared.iam", "declared.scram", "declared.mtls"), False),
}
PROFILE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def verdicts(made: Dossier, **rules: Any) -> dict[str, Finding]:
    corpus = corpus_of(*(rule(text, identifier=name) for name, text in rules.items()))
    return {finding.rule: finding for finding in judge(made, corpus, as_of=AS_OF)}


@PROFILE
@given(dossiers())
def test_every_rule_says_exactly_one_thing_about_every_subject_of_its_kind(made: Dossier) -> None:
    found = Counter((one.rule, one.subject.kind, one.subject.id) for one in judge(made, CORPUS, as_of=AS_OF))
    subjects = [view.key for view in derive(made, support=CORPUS.support, as_of=AS_OF)]
    assert {subject.key for subject in made.subjects} <= set(subjects)
    assert found == Counter(
        (one.rule.id, key.kind, key.id) for key in subjects for one in CORPUS if one.rule.text.subject is key.kind
    )


@PROFILE
@given(dossiers())
def test_finding_is_unknown_exactly_where_it_has_gaps_and_is_never_our_fault(made: Dossier) -> None:
    for one in judge(made, CORPUS, as_of=AS_OF):
        assert one.verdict is not Verdict.ERROR, one.message
        assert (one.verdict is Verdict.UNKNOWN) is bool(one.gaps)
        assert (one.verdict is Verdict.UNKNOWN) is one.message.startswith("Cannot tell: ")
        assert one.verdict is Verdict.UNKNOWN or one.evidence
        assert one.message.strip()


@PROFILE
@given(dossiers())
def test_basis_is_the_nearest_to_the_wire_that_the_verdict_rests_on(made: Dossier) -> None:
    for one in judge(made, CORPUS, as_of=AS_OF):
        columns = {there.column.value for there in one.evidence if not there.origin.startswith(SERVICE_DEFAULT)}
        nearest = [basis for basis in (Basis.OBSERVED, Basis.DECLARED, Basis.PLANNED) if basis.value in columns]
        fallback = Basis.INFERRED if one.evidence else None
        assert one.basis is (nearest[0] if nearest else fallback)


@PROFILE
@given(dossiers())
def test_only_what_nobody_looked_at_is_not_requested(made: Dossier) -> None:
    looked = {
        (subject.id, f"{subject.kind}.{path}")
        for subject in made.subjects
        for look in subject.sightings
        for path in {*look.known, *look.gaps}
    }
    for one in judge(made, CORPUS, as_of=AS_OF):
        for gap in one.gaps:
            if gap.reason is Reason.NOT_REQUESTED:
                assert (
                    one.subject.id if gap.path.startswith(one.subject.kind) else one.subject.cluster,
                    gap.path,
                ) not in looked


@PROFILE
@given(dossiers())
def test_same_evidence_is_judged_the_same_again_and_from_its_file(made: Dossier) -> None:
    first = list(judge(made, CORPUS, as_of=AS_OF))
    assert list(judge(made, CORPUS, as_of=AS_OF)) == first
    again = judge(load(store(made), "d.json"), CORPUS, as_of=AS_OF)
    assert sorted(again, key=lambda one: one.fingerprint) == sorted(first, key=lambda one: one.fingerprint)
    assert len({one.fingerprint for one in first}) == len(first)


@pytest.mark.parametrize(
    ("assertion", "known", "gaps", "verdict"),
    [
        ("cluster.declared.iam", {"declared.iam": True}, {}, Verdict.PASS),
        ("cluster.declared.iam", {"declared.iam": False}, {}, Verdict.FAIL),
        ("cluster.declared.iam", {}, {"declared.iam": Reason.DENIED}, Verdict.UNKNOWN),
        ("cluster.declared.iam", {"declared.iam": None}, {}, Verdict.UNKNOWN),
        ("cluster.declared.iam", {}, {}, Verdict.UNKNOWN),
        ("cluster.declared.iam or cluster.declared.scram", {"declared.scram": True}, {}, Verdict.PASS),
        ("cluster.declared.iam and cluster.declared.scram", {"declared.scram": False}, {}, Verdict.FAIL),
    ],
)
def test_verdict_follows_from_the_assertion(
    assertion: str, known: dict[str, Any], gaps: dict[str, Reason], verdict: Verdict
) -> None:
    assert verdicts(lonely(known, gaps), it=assertion)["it"].verdict is verdict


@pytest.mark.parametrize(
    ("known", "verdict", "message"),
    [
        ({"declared.scram": False}, Verdict.NOT_APPLICABLE, "No SCRAM"),
        ({"declared.scram": True, "declared.mtls": False}, Verdict.NOT_APPLICABLE, "No certificates"),
        ({"declared.scram": True, "declared.mtls": True, "declared.iam": True}, Verdict.PASS, "good"),
        ({"declared.scram": True, "declared.mtls": True, "declared.iam": False}, Verdict.FAIL, "bad"),
        ({"declared.mtls": False, "declared.iam": False}, Verdict.UNKNOWN, "Cannot tell"),
    ],
)
def test_conditions_are_asked_in_order_before_the_assertion(
    known: dict[str, Any], verdict: Verdict, message: str
) -> None:
    conditions = (
        Condition(expression="cluster.declared.scram", otherwise="No SCRAM"),
        Condition(expression="cluster.declared.mtls", otherwise="No certificates"),
    )
    corpus = corpus_of(rule("cluster.declared.iam", when=conditions))
    (finding,) = judge(lonely(known), corpus, as_of=AS_OF)
    assert finding.verdict is verdict
    assert finding.message.startswith(message)


def test_verdict_names_the_evidence_that_decided_and_no_other() -> None:
    found = verdicts(
        lonely({"declared.iam": True, "declared.scram": False}), it="cluster.declared.scram or cluster.declared.iam"
    )
    assert [there.path for there in found["it"].evidence] == ["cluster.declared.iam"]


def test_evidence_read_twice_is_listed_once() -> None:
    found = verdicts(lonely({"declared.iam": True}), it="cluster.declared.iam and cluster.declared.iam")
    assert len(found["it"].evidence) == 1


def test_unknown_names_its_first_gap_and_counts_the_others() -> None:
    gaps = {"declared.iam": Reason.DENIED, "declared.scram": Reason.THROTTLED}
    found = verdicts(lonely({}, gaps), it="cluster.declared.iam and cluster.declared.scram")
    assert found["it"].message == "Cannot tell: it was denied (and 1 more)"
    assert {gap.reason for gap in found["it"].gaps} == set(gaps.values())


@pytest.mark.parametrize(
    ("placeholder", "known", "words"),
    [
        ("cluster.declared.iam", {"declared.iam": True}, "yes"),
        ("cluster.declared.iam", {"declared.iam": False}, "no"),
        ("cluster.declared.iam", {}, "(unknown)"),
        ("cluster.declared.name", {"declared.name": "{x}"}, "{x}"),
        (
            "cluster.authentication",
            {**PROVISIONED, "declared.scram": True, "declared.mtls": True},
            "mtls, scram",
        ),
        ("cluster.authentication", PROVISIONED, "none"),
    ],
)
def test_message_puts_values_into_words(placeholder: str, known: dict[str, Any], words: str) -> None:
    corpus = corpus_of(rule('"a" == "b"', message=f"<{{{placeholder}}}> {{{{}}}}"))
    (finding,) = judge(lonely(known), corpus, as_of=AS_OF)
    assert finding.message == f"<{words}> {{}}"


def test_fault_of_a_rule_is_an_error_and_no_verdict_on_the_cluster() -> None:
    logs = [{"destination": "s3", "enabled": True, "target": None}] * 100_001
    found = verdicts(lonely({"declared.broker_logs": logs}), it="any(l.enabled for l in cluster.declared.broker_logs)")
    assert found["it"].verdict is Verdict.ERROR
    assert "more than 100000" in found["it"].message


@pytest.mark.parametrize(
    ("known", "basis"),
    [
        pytest.param(
            {"declared.type": "PROVISIONED", "declared.state": "ACTIVE", "declared.in_cluster_tls": None},
            Basis.INFERRED,
            id="default",
        ),
        pytest.param({"declared.in_cluster_tls": True}, Basis.DECLARED, id="declared"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_default_alone_is_an_inference(known: dict[str, Any], basis: Basis | None) -> None:
    assert verdicts(lonely(known), it="cluster.declared.in_cluster_tls")["it"].basis is basis


def test_observed_beats_declared_as_basis() -> None:
    made = dossier(
        cluster(sighting({"declared.bootstrap": [{"listener": "Tls", "address": "b:1"}]})),
        listener("b:1", {"observed.transport": "tls"}),
    )
    asserts = 'listener.declared.exists and listener.observed.transport == "tls"'
    (finding,) = judge(made, corpus_of(rule(asserts, subject=Kind.LISTENER)), as_of=AS_OF)
    assert finding.basis is Basis.OBSERVED
    assert len(finding.evidence) == 2


def test_fingerprint_depends_on_rule_and_subject_alone_and_stays() -> None:
    subject = SubjectKey(kind=Kind.CLUSTER, id=ARN, cluster=ARN)
    assert fingerprint("public-access", subject) == "a5b04f0f1add803e"
    variants = [
        fingerprint("public-access", subject),
        fingerprint("default-allow", subject),
        fingerprint("public-access", SubjectKey(kind=Kind.LISTENER, id=ARN, cluster=ARN)),
        fingerprint("public-access", SubjectKey(kind=Kind.CLUSTER, id="other", cluster=ARN)),
    ]
    assert len(set(variants)) == 4
    moved = SubjectKey(kind=Kind.CLUSTER, id=ARN, cluster="elsewhere")
    assert fingerprint("public-access", moved) == variants[0]


def test_a_date_that_rules_read_is_the_date_given() -> None:
    corpus = corpus_of(rule('audit.as_of == "2031-01-01"'))
    (finding,) = judge(lonely({}), corpus, as_of="2031-01-01")
    assert finding.verdict is Verdict.PASS
