"""Every shape of a cluster that AWS returns, and names that are out to harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

SHAPES = sorted(Path(__file__).parents[2].glob("fixtures/aws/*.json"))
ARN = "arn:aws:kafka:eu-west-1:111122223333:cluster/orders/b3d0a9c8-1f2e-4d3c-9b4a-5e6f7a8b9c0d-2"
HOSTILE = {
    "ansi": "\x1b[2J\x1b]0;owned\x07",
    "c1": "\x9b31m",
    "lines": "first\r\nClean: exit status 0\u2028third",
    "bidi": "abc\u202edef\u2066",
    "nul": "a\x00b",
    "lone surrogate": "a\ud800b",
    "markup": "[bold red]x[/] <script>alert(1)</script> {cluster.name} %s",
}
OBEYED = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u202e", "\u2066"} - {"\n"}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda path: path.stem)
def test_every_shape_gets_a_finding_per_rule_and_subject(cli: Cli, shape: Path) -> None:
    ran = cli("audit", shape, "--format", "json", "--format", "text:a.txt", "--format", "html:a.html")
    assert ran.status in {0, 1, 3}
    pairs = [(one["rule"], one["subject"]["id"]) for one in ran.report["findings"]]
    assert len(pairs) == len(set(pairs))
    rules = json.loads(cli("rules", "list", "--format", "json").out)
    for kind in ("cluster", "listener"):
        subjects = {one["subject"]["id"] for one in ran.report["findings"] if one["subject"]["kind"] == kind}
        wanted = {(rule["id"], subject) for rule in rules if rule["subject"] == kind for subject in subjects}
        assert wanted <= set(pairs)
        assert subjects, f"no {kind} was judged"
    assert ran.report["summary"]["verdicts"]["error"] == 0


@pytest.mark.parametrize(
    "cluster",
    [
        {},
        {"Provisioned": None},
        {"Provisioned": {}, "ClusterType": "PROVISIONED"},
        {"Provisioned": {"BrokerNodeGroupInfo": None, "EncryptionInfo": [], "ClientAuthentication": "yes"}},
        {"Provisioned": {"NumberOfBrokerNodes": -1, "CurrentBrokerSoftwareInfo": {"KafkaVersion": 3.5}}},
        {"Serverless": {}, "ClusterType": "SERVERLESS"},
        {"Serverless": {"VpcConfigs": None, "ClientAuthentication": {}}},
        {"ClusterType": "QUANTUM", "State": "DREAMING"},
    ],
    ids=str,
)
def test_a_cluster_that_lacks_almost_everything_is_judged(cli: Cli, cluster: dict[str, object]) -> None:
    given = json.dumps({"ClusterInfo": {"ClusterArn": ARN, **cluster}}).encode()
    ran = cli("audit", "-", "--format", "json", "--on-incomplete", "warn", stdin=given)
    assert ran.status in {0, 1}
    assert {one["subject"]["cluster"] for one in ran.report["findings"]} == {ARN}
    passed = {one["rule"] for one in ran.report["findings"] if one["verdict"] == "pass"}
    assert passed & {"plaintext-listener", "anonymous-access", "broker-logs-off", "in-cluster-plaintext"} == set()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_never_reaches_the_terminal_raw(cli: Cli, name: str) -> None:
    cluster = {
        "ClusterArn": ARN,
        "ClusterName": name,
        "State": name,
        "Provisioned": {
            "CurrentBrokerSoftwareInfo": {"KafkaVersion": name},
            "ZookeeperConnectString": name,
            "EnhancedMonitoring": name,
        },
    }
    given = json.dumps({"ClusterInfoList": [cluster, {"ClusterArn": name}], name: name}).encode()
    for form in ("text", "json", "html"):
        ran = cli("audit", "-", "--format", form, stdin=given)
        assert ran.status in {1, 2, 3}
        assert OBEYED.isdisjoint(ran.text + ran.err), (OBEYED & set(ran.text), form)
        assert "Clean: exit status 0" not in ran.text.splitlines()
