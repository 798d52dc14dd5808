"""A source that refuses turns exactly the verdicts that needed it into unknown, and the report names what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mskaudit.audit import judged
from mskaudit.engine.corpus import Corpus, load
from mskaudit.engine.gate import Gate
from mskaudit.model.evidence import Reason
from mskaudit.model.verdicts import ExitStatus, Verdict
from mskaudit.prove import State, findings, look, overall

if TYPE_CHECKING:
    from mskaudit.model.dossier import Dossier

BARE = State("hardened", "{}", ())
OF_CLUSTERS = {rule.id for rule in load().rules.values() if rule.text.subject == "cluster"}
OF_LISTENERS = {rule.id for rule in load().rules.values() if rule.text.subject == "listener"}

# What each source is needed for on the hardened world, by reasoning from the rules.
NEEDED = {
    "kafka:DescribeClusterV2": {*OF_CLUSTERS, "anonymous-access"},
    "kafka:GetBootstrapBrokers": {"anonymous-access", "plaintext-listener", "declared-observed-disagree"},
    "kafka:DescribeConfigurationRevision": {"default-allow"},
    "kms:DescribeKey": {"at-rest-key-not-customer-managed"},
    "live": OF_LISTENERS,
}
NEEDED_ALSO_FOR_UNPROBED_KINDS = {"client-certificate-optional", "sasl-without-tls"}
BY_REASON = {
    "denied": Reason.DENIED,
    "throttled": Reason.THROTTLED,
    "timed_out": Reason.TIMED_OUT,
    "refused": Reason.REFUSED,
}
CASES = [
    (source, reason)
    for source in NEEDED
    for reason in (("refused", "timed_out") if source == "live" else ("denied", "throttled", "timed_out"))
]


@pytest.fixture(scope="module")
def withheld() -> dict[State, Dossier]:
    return look([BARE, *(State("hardened", "{}", (f"{source}={reason}",)) for source, reason in CASES)])


@pytest.mark.parametrize(("source", "reason"), CASES, ids=[f"{source} {reason}" for source, reason in CASES])
def test_exactly_the_verdicts_that_needed_a_source_become_unknown(
    source: str, reason: str, corpus: Corpus, withheld: dict[State, Dossier]
) -> None:
    before = findings(withheld[BARE], corpus)
    after = findings(withheld[State("hardened", "{}", (f"{source}={reason}",))], corpus)
    changed = {rule for rule in corpus.rules if overall(before[rule]) is not overall(after[rule])}
    expected = NEEDED[source]
    if source == "kafka:GetBootstrapBrokers":
        # Listeners that are known by settings alone have no address to probe.
        expected = expected | NEEDED_ALSO_FOR_UNPROBED_KINDS
    assert changed == expected
    assert {overall(after[rule]) for rule in changed} == {Verdict.UNKNOWN}


@pytest.mark.parametrize(("source", "reason"), CASES, ids=[f"{source} {reason}" for source, reason in CASES])
def test_each_unknown_names_the_source_and_what_would_settle_it(
    source: str, reason: str, corpus: Corpus, withheld: dict[State, Dossier]
) -> None:
    after = findings(withheld[State("hardened", "{}", (f"{source}={reason}",))], corpus)
    unknown = [one for found in after.values() for one in found if one.verdict is Verdict.UNKNOWN]
    assert unknown
    for finding in unknown:
        named = [gap for gap in finding.gaps if gap.reason is BY_REASON[reason]]
        assert named, finding
        for gap in named:
            origin = gap.origin if source != "live" else "live"
            assert gap.origin == source or (origin == "live" and gap.origin.startswith("tcp://127.0.0.1:"))
            assert gap.origin in gap.remedy


@pytest.mark.parametrize(("source", "reason"), CASES, ids=[f"{source} {reason}" for source, reason in CASES])
def test_an_audit_that_lacks_a_source_ends_incomplete(
    source: str, reason: str, corpus: Corpus, withheld: dict[State, Dossier]
) -> None:
    evidence = withheld[State("hardened", "{}", (f"{source}={reason}",))]
    assert judged(evidence, corpus, gate=Gate()).summary.exit_status is ExitStatus.INCOMPLETE
