"""What other scanners get wrong, end to end: JSON of the AWS CLI in, findings and exit status out.

D1 to D7 are the defects found in every peer that was read (Prowler, CloudSploit, Trivy, Checkov, Steampipe and others).
"""

from __future__ import annotations

from typing import Any

import pytest

from mskaudit.model.evidence import SERVICE_DEFAULT, Known, Reason
from mskaudit.model.verdicts import Basis, ExitStatus, Verdict
from tests.engine.builders import (
    CORPUS,
    HARDENED,
    SERVERLESS,
    answer,
    audited,
    findings_of,
    gathered,
    turned,
    verdict_of,
    verdicts_of,
)

AUTHENTICATION = "ClientAuthentication"
UNAUTHENTICATED = f"{AUTHENTICATION}.Unauthenticated"
CLIENT_BROKER = "EncryptionInfo.EncryptionInTransit.ClientBroker"
IN_CLUSTER = "EncryptionInfo.EncryptionInTransit.InCluster"
PUBLIC = "BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess"
ANONYMOUS = "anonymous-access"


def look(**known: Any) -> Any:
    return answer({path.replace("__", "."): value for path, value in known.items()}, origin="kafka:GetBootstrapBrokers")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({AUTHENTICATION: None}, {"*:9094": "fail"}, id="no authentication block"),
        pytest.param({AUTHENTICATION: {}}, {"*:9094": "fail"}, id="empty authentication block"),
        pytest.param(
            {AUTHENTICATION: None, CLIENT_BROKER: "PLAINTEXT"}, {"*:9092": "fail"}, id="no authentication, clear text"
        ),
        pytest.param(
            {UNAUTHENTICATED: None, CLIENT_BROKER: "TLS_PLAINTEXT"},
            {"*:9092": "fail", "*:9094": "unknown", "*:9098": "unknown"},
            id="key missing, clear text beside TLS",
        ),
        pytest.param(
            {UNAUTHENTICATED: None}, {"*:9094": "unknown", "*:9098": "unknown"}, id="key missing, IAM over TLS"
        ),
        pytest.param(
            {UNAUTHENTICATED: None, f"{AUTHENTICATION}.Tls.Enabled": True},
            {"*:9094": "unknown", "*:9098": "unknown"},
            id="key missing, certificates over TLS",
        ),
        pytest.param({f"{UNAUTHENTICATED}.Enabled": True}, {"*:9094": "fail", "*:9098": "unknown"}, id="key says on"),
        pytest.param({}, {"*:9098": "unknown"}, id="key says off, nobody probed"),
    ],
)
def test_d1_missing_unauthenticated_is_not_off(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert verdicts_of(gathered(turned(HARDENED, changes)), ANONYMOUS) == expected


def test_d1_what_aws_does_not_say_is_asked_of_the_wire() -> None:
    finding = findings_of(gathered(turned(HARDENED, {UNAUTHENTICATED: None})), ANONYMOUS)["*:9094"]
    assert "does not say what cluster.declared.unauthenticated is" in finding.message
    assert any(gap.reason is Reason.UNRESOLVED for gap in finding.gaps)


def test_d1_an_anonymous_listener_violates_the_policy() -> None:
    result = audited(gathered(turned(HARDENED, {AUTHENTICATION: None})))
    assert result.summary.exit_status is ExitStatus.VIOLATED


@pytest.mark.parametrize(
    ("changes", "more", "expected"),
    [
        pytest.param({PUBLIC: None}, (), "pass", id="no block"),
        pytest.param({"BrokerNodeGroupInfo.ConnectivityInfo": None}, (), "pass", id="no connectivity at all"),
        pytest.param({PUBLIC: {}}, (), "pass", id="empty block"),
        pytest.param({PUBLIC: {"Type": "DISABLED"}}, (), "pass", id="off"),
        pytest.param({PUBLIC: {"Type": "SERVICE_PROVIDED_EIPS"}}, (), "fail", id="on"),
        pytest.param({PUBLIC: {"Type": "NEW"}}, (), "unknown", id="a value nobody knows"),
        pytest.param(
            {PUBLIC: None},
            (look(declared__bootstrap=[{"listener": "PublicSaslIam", "address": "b:9198"}]),),
            "fail",
            id="no block, a public address",
        ),
    ],
)
def test_d2_missing_public_access_is_off_unless_an_address_says_otherwise(
    changes: dict[str, Any], more: tuple[Any, ...], expected: str
) -> None:
    assert verdict_of(gathered(turned(HARDENED, changes), more=more), "public-access") == expected


def test_d2_absence_passes_by_the_default_and_says_so() -> None:
    (finding,) = findings_of(gathered(turned(HARDENED, {PUBLIC: None})), "public-access").values()
    assert any(there.origin.startswith(SERVICE_DEFAULT) for there in finding.evidence)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param((), "unknown", id="KMS not asked"),
        pytest.param(
            (answer({}, {"declared.key_manager": Reason.DENIED}, origin="kms:DescribeKey"),), "unknown", id="KMS denied"
        ),
        pytest.param((answer({"declared.key_manager": "AWS"}, origin="kms:DescribeKey"),), "fail", id="managed by AWS"),
        pytest.param(
            (answer({"declared.key_manager": "CUSTOMER"}, origin="kms:DescribeKey"),), "pass", id="customer's"
        ),
    ],
)
def test_d3_a_key_id_says_nothing_about_who_manages_the_key(more: tuple[Any, ...], expected: str) -> None:
    assert verdict_of(gathered(HARDENED, more=more), "at-rest-key-not-customer-managed") == expected


def test_d3_no_key_id_is_not_read_as_unencrypted() -> None:
    evidence = gathered(turned(HARDENED, {"EncryptionInfo.EncryptionAtRest": None}))
    assert verdict_of(evidence, "at-rest-key-not-customer-managed") == "unknown"


@pytest.mark.parametrize(
    "rule",
    [
        "at-rest-key-not-customer-managed",
        "authorizer-logs-off",
        "broker-logs-off",
        "enhanced-monitoring-low",
        "in-cluster-plaintext",
        "public-access",
        "version-unsupported",
        "zookeeper-tls-unavailable",
        "default-allow",
    ],
)
def test_d4_serverless_is_visible_as_not_applicable_in_words(rule: str) -> None:
    (finding,) = findings_of(gathered(SERVERLESS), rule).values()
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "erverless" in finding.message or "IAM" in finding.message
    assert any("declared.type" in there.path for there in finding.evidence)


def test_d4_serverless_is_judged_by_what_it_does_have() -> None:
    evidence = gathered(SERVERLESS)
    assert verdict_of(evidence, "authentication-not-iam") == "pass"
    assert verdict_of(evidence, "no-strong-authentication") == "pass"
    assert set(verdicts_of(evidence, ANONYMOUS)) == {"*:9098"}
    without = {**SERVERLESS, "Serverless": {"ClientAuthentication": {"Sasl": {"Iam": {"Enabled": False}}}}}
    assert verdict_of(gathered(without), "no-strong-authentication") == "fail"


@pytest.mark.parametrize(
    ("rule", "absent", "expected"),
    [
        ("in-cluster-plaintext", IN_CLUSTER, "pass"),
        ("in-cluster-plaintext", "EncryptionInfo", "pass"),
        ("broker-logs-off", "LoggingInfo.BrokerLogs", "fail"),
        ("authorizer-logs-off", "LoggingInfo", "fail"),
        ("enhanced-monitoring-low", "EnhancedMonitoring", "fail"),
        ("public-access", "BrokerNodeGroupInfo.ConnectivityInfo", "pass"),
        ("no-strong-authentication", AUTHENTICATION, "fail"),
    ],
)
def test_d5_defaults_are_those_of_the_service_and_are_told_apart_from_settings(
    rule: str, absent: str, expected: str
) -> None:
    (unset,) = findings_of(gathered(turned(HARDENED, {absent: None})), rule).values()
    (set_,) = findings_of(gathered(HARDENED), rule).values()
    assert unset.verdict == expected
    assert any(there.origin.startswith(SERVICE_DEFAULT) for there in unset.evidence)
    assert not any(there.origin.startswith(SERVICE_DEFAULT) for there in set_.evidence)


def test_d5_client_broker_that_is_absent_is_tls() -> None:
    evidence = gathered(turned(HARDENED, {CLIENT_BROKER: None}))
    assert "*:9092" not in verdicts_of(evidence, "plaintext-listener")


def test_d5_a_verdict_on_defaults_alone_is_inferred() -> None:
    bare = turned(HARDENED, {IN_CLUSTER: None})
    (finding,) = findings_of(gathered(bare), "in-cluster-plaintext").values()
    assert finding.basis is Basis.INFERRED
    (default,) = finding.evidence
    assert default.origin.startswith(SERVICE_DEFAULT)


@pytest.mark.parametrize(
    ("changes", "verdicts"),
    [
        pytest.param({IN_CLUSTER: False}, {"in-cluster-plaintext": "fail"}, id="MSK.1 InCluster"),
        pytest.param({"EnhancedMonitoring": "PER_BROKER"}, {"enhanced-monitoring-low": "fail"}, id="MSK.2 monitoring"),
        pytest.param({PUBLIC: {"Type": "SERVICE_PROVIDED_EIPS"}}, {"public-access": "fail"}, id="MSK.4 public access"),
        pytest.param(
            {"LoggingInfo.BrokerLogs.CloudWatchLogs.Enabled": False}, {"broker-logs-off": "fail"}, id="broker logs"
        ),
        pytest.param(
            {"LoggingInfo.AuthorizerLogs.CloudWatchLogs.Enabled": False},
            {"authorizer-logs-off": "fail"},
            id="authorizer logs",
        ),
        pytest.param(
            {"CurrentBrokerSoftwareInfo.KafkaVersion": "3.7.x.kraft"}, {"version-unsupported": "fail"}, id="version"
        ),
    ],
)
def test_d6_one_field_decides_one_rule_about_clusters(changes: dict[str, Any], verdicts: dict[str, str]) -> None:
    def about_the_cluster(document: dict[str, Any]) -> dict[str, str]:
        found = audited(gathered(document)).findings
        return {one.rule: one.verdict.value for one in found if one.subject.kind == "cluster"}

    before, after = about_the_cluster(HARDENED), about_the_cluster(turned(HARDENED, changes))
    assert {rule: verdict for rule, verdict in after.items() if before[rule] != verdict} == verdicts


@pytest.mark.parametrize("client_broker", ["TLS", "TLS_PLAINTEXT", "PLAINTEXT"])
@pytest.mark.parametrize(("in_cluster", "expected"), [(True, "pass"), (False, "fail")])
def test_d6_msk_1_looks_at_in_cluster_and_not_at_client_broker(
    client_broker: str,
    in_cluster: bool,  # noqa: FBT001  a column of the table
    expected: str,
) -> None:
    evidence = gathered(turned(HARDENED, {IN_CLUSTER: in_cluster, CLIENT_BROKER: client_broker}))
    (finding,) = findings_of(evidence, "in-cluster-plaintext").values()
    assert finding.verdict == expected
    assert "aws-security-hub/MSK.1" in finding.controls
    assert not any("client_broker" in there.path for there in finding.evidence)


def test_d6_each_control_of_security_hub_is_decided_by_one_rule() -> None:
    mapped = [
        control for one in CORPUS for control in one.rule.text.controls if control.startswith("aws-security-hub/")
    ]
    assert sorted(mapped) == [f"aws-security-hub/MSK.{number}" for number in (1, 2, 4, 6)]


def test_d7_denied_is_unknown_with_its_remedy_and_exit_status_three() -> None:
    tls_scram = turned(
        HARDENED, {AUTHENTICATION: {"Sasl": {"Iam": {"Enabled": True}}, "Unauthenticated": {"Enabled": False}}}
    )
    denied = answer({}, {"declared.key_manager": Reason.DENIED}, origin="kms:DescribeKey")
    result = audited(gathered(tls_scram, more=(denied,)))
    (finding,) = [one for one in result.findings if one.rule == "at-rest-key-not-customer-managed"]
    assert finding.verdict is Verdict.UNKNOWN
    assert [gap.remedy for gap in finding.gaps] == ["grant kms:DescribeKey"]
    assert result.summary.exit_status is ExitStatus.INCOMPLETE
    assert "1 unknown finding" in result.summary.exit_reason


def test_d7_a_page_that_is_missing_is_exit_status_three_and_not_clean() -> None:
    from mskaudit.gather.aws.saved import read
    from mskaudit.gather.collect import Part, dossier
    from mskaudit.model.dossier import TargetRecord
    from tests.model.builders import AT

    inventory = read({"ClusterInfoList": [], "NextToken": "more"}, "page.json", AT)
    part = Part(TargetRecord(target="page.json", clusters=0, gaps=inventory.gaps), inventory.clusters)
    result = audited(dossier([part], at=AT))
    assert result.summary.exit_status is ExitStatus.INCOMPLETE


def test_d7_an_answer_that_cannot_be_read_is_unknown_everywhere() -> None:
    result = audited(gathered({**HARDENED, "Provisioned": "<html>"}))
    assert {one.verdict for one in result.findings if one.rule != "client-certificate-optional"} == {Verdict.UNKNOWN}
    assert result.summary.exit_status is ExitStatus.INCOMPLETE


def test_a_hardened_cluster_has_no_failing_rule_and_names_its_evidence() -> None:
    result = audited(gathered(HARDENED))
    assert [one.rule for one in result.findings if one.verdict is Verdict.FAIL] == []
    passed = [one for one in result.findings if one.verdict is Verdict.PASS]
    assert len(passed) >= 7
    assert all(isinstance(there, Known) for one in passed for there in one.evidence)
    assert all(one.evidence for one in passed)
