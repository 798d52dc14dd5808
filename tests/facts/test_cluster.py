"""What follows for a cluster, and that every gap on the way reaches it with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from mskaudit.facts.derive import derive
from mskaudit.model.evidence import SERVICE_DEFAULT, Gap, Known, Reason
from mskaudit.model.fact import MISSING
from mskaudit.model.subjects import CATALOGUE
from tests.facts.builders import BARE, SERVERLESS, SUPPORT, facts_of, reasons, said
from tests.model.builders import ARN, dossiers

if TYPE_CHECKING:
    from mskaudit.model.dossier import Dossier

ZOOKEEPER = {"declared.zookeeper_connect": "z:2181", "declared.zookeeper_connect_tls": "z:2182"}
CONFIGURED = {"declared.configuration": "arn revision 7"}
FLAG = "declared.allow_everyone_if_no_acl_found"
EIPS = {"declared.public_access": "SERVICE_PROVIDED_EIPS"}
PUBLIC = {"declared.bootstrap": [{"listener": "PublicTls", "address": "b:9194"}]}
PRIVATE = {"declared.bootstrap": [{"listener": "Tls", "address": "b:9094"}]}
CREATING = {"declared.state": "CREATING"}


@pytest.mark.parametrize(
    ("fact", "evidence", "value"),
    [
        pytest.param("service", {}, "standard", id="service: standard"),
        pytest.param("service", {"declared.instance_type": "express.m7g.large"}, "express", id="service: express"),
        pytest.param("service", SERVERLESS, "serverless", id="service: serverless"),
        pytest.param("service", {"declared.instance_type": None}, "?", id="service: no instance type"),
        pytest.param("service", {"declared.type": None}, "?", id="service: no type"),
        pytest.param("metadata_mode", ZOOKEEPER, "zookeeper", id="mode: zookeeper"),
        pytest.param("metadata_mode", {"declared.kafka_version": "3.7.x.kraft"}, "kraft", id="mode: suffix"),
        pytest.param("metadata_mode", {"declared.kafka_version": "4.1.x"}, "kraft", id="mode: release four"),
        pytest.param("metadata_mode", {}, "kraft", id="mode: no connect string"),
        pytest.param("metadata_mode", CREATING, "?", id="mode: being created"),
        pytest.param("metadata_mode", {"declared.state": "FAILED"}, "?", id="mode: never created"),
        pytest.param("metadata_mode", {"declared.state": None}, "?", id="mode: state not told"),
        pytest.param("metadata_mode", {"declared.kafka_version": None}, "?", id="mode: version not told"),
        pytest.param("zookeeper_tls", ZOOKEEPER, True, id="zookeeper TLS"),
        pytest.param("zookeeper_tls", {}, False, id="zookeeper without TLS"),
        pytest.param("zookeeper_tls", CREATING, "?", id="zookeeper TLS: being created"),
        pytest.param("authentication", {}, [], id="authentication: none"),
        pytest.param("authentication", {"declared.mtls": True}, ["mtls"], id="authentication: mtls"),
        pytest.param(
            "authentication",
            {"declared.mtls": True, "declared.iam": True, "declared.scram": True},
            ["iam", "mtls", "scram"],
            id="authentication: all, sorted",
        ),
        pytest.param("authentication", SERVERLESS, ["iam"], id="authentication: serverless has IAM only"),
        pytest.param("default_allow", {}, True, id="flag: no configuration"),
        pytest.param("default_allow", {**CONFIGURED, FLAG: None}, True, id="flag: not in the configuration"),
        pytest.param("default_allow", {**CONFIGURED, FLAG: True}, True, id="flag: on"),
        pytest.param("default_allow", {**CONFIGURED, FLAG: False}, False, id="flag: off"),
        pytest.param("default_allow", CONFIGURED, "?", id="flag: configuration not read"),
        pytest.param("default_allow", CREATING, "?", id="flag: being created"),
        pytest.param("default_allow", {"declared.type": "SERVERLESS"}, "?", id="flag: serverless has none"),
        pytest.param("public", {}, False, id="public: absent is off"),
        pytest.param("public", {"declared.public_access": "DISABLED"}, False, id="public: off"),
        pytest.param("public", EIPS, True, id="public: on"),
        pytest.param("public", {**EIPS, **PRIVATE}, True, id="public: on, no public address yet"),
        pytest.param("public", PUBLIC, True, id="public: an address says so"),
        pytest.param("public", PRIVATE, False, id="public: addresses agree"),
        pytest.param("public", {**CREATING, **PRIVATE}, "?", id="public: private addresses prove nothing"),
        pytest.param("public", {**CREATING, **PUBLIC}, True, id="public: a public address does"),
        pytest.param("public", {"declared.bootstrap": []}, False, id="public: no address"),
        pytest.param("support_end", {}, "2026-06-01", id="support: date"),
        pytest.param("support_ended", {}, True, id="support: over"),
        pytest.param("support_end", {"declared.kafka_version": "3.9.x"}, "?", id="support: no date announced"),
        pytest.param("support_ended", {"declared.kafka_version": "3.9.x"}, False, id="support: goes on"),
        pytest.param("support_ended", {"declared.kafka_version": "9.9.9"}, "?", id="support: no such line"),
        pytest.param("support_ended", {"declared.kafka_version": "newest"}, "?", id="support: not a version"),
        pytest.param("support_ended", {"declared.kafka_version": None}, "?", id="support: version not told"),
        pytest.param("name", {}, "orders", id="name"),
        pytest.param("name", {"declared.name": None}, ARN, id="name: the id where there is none"),
    ],
)
def test_fact_follows_from_the_settings(fact: str, evidence: dict[str, Any], value: object) -> None:
    assert said(facts_of({**BARE, "declared.instance_type": "kafka.m5.large", **evidence})[fact]) == value


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize(
    ("fact", "path", "around"),
    [
        ("service", "declared.type", {}),
        ("service", "declared.instance_type", {}),
        ("metadata_mode", "declared.kafka_version", ZOOKEEPER),
        ("metadata_mode", "declared.zookeeper_connect", {}),
        ("metadata_mode", "declared.state", {}),
        ("zookeeper_tls", "declared.zookeeper_connect_tls", {}),
        ("zookeeper_tls", "declared.state", {}),
        ("authentication", "declared.iam", {}),
        ("authentication", "declared.mtls", {}),
        ("authentication", "declared.scram", {}),
        ("default_allow", "declared.configuration", {FLAG: True}),
        ("default_allow", FLAG, CONFIGURED),
        ("public", "declared.public_access", {}),
        ("public", "declared.public_access", PRIVATE),
        ("support_end", "declared.kafka_version", {}),
        ("support_ended", "declared.kafka_version", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_gap_in_what_is_read_reaches_the_fact(fact: str, path: str, around: dict[str, Any], reason: Reason) -> None:
    derived = facts_of({**BARE, **around}, {path: reason})[fact]
    assert derived.value is MISSING
    (gap,) = derived.support
    assert isinstance(gap, Gap)
    assert (gap.path, gap.reason, gap.detail) == (f"cluster.{path}", reason, f"it was {reason}")


@pytest.mark.parametrize(
    ("fact", "path", "around", "value"),
    [
        pytest.param("service", "declared.instance_type", {"declared.type": "SERVERLESS"}, "serverless", id="service"),
        pytest.param(
            "metadata_mode", "declared.zookeeper_connect", {"declared.kafka_version": "4.0.x"}, "kraft", id="mode"
        ),
        pytest.param("zookeeper_tls", "declared.state", ZOOKEEPER, True, id="zookeeper"),
        pytest.param("default_allow", FLAG, {}, True, id="flag that nothing overrides"),
        pytest.param("public", "declared.bootstrap", {}, False, id="public"),
        pytest.param("public", "declared.public_access", PUBLIC, True, id="public by address"),
    ],
)
def test_gap_that_makes_no_difference_is_not_felt(fact: str, path: str, around: dict[str, Any], value: object) -> None:
    derived = facts_of({**BARE, **around}, {path: Reason.DENIED})[fact]
    assert derived.value == value
    assert all(isinstance(there, Known) for there in derived.support)


@pytest.mark.parametrize(
    ("as_of", "ended"), [("2026-05-31", False), ("2026-06-01", False), ("2026-06-02", True), ("2030-01-01", True)]
)
def test_support_ends_after_its_last_day(as_of: str, ended: bool) -> None:  # noqa: FBT001  a column of the table
    assert facts_of(BARE, as_of=as_of)["support_ended"].value is ended


@pytest.mark.parametrize(
    ("version", "words"), [("9.9.9", "has no line for 9.9.9"), ("newest", "cannot read the version newest")]
)
def test_unlisted_version_is_unknown_in_words(version: str, words: str) -> None:
    (gap,) = facts_of({**BARE, "declared.kafka_version": version})["support_ended"].support
    assert isinstance(gap, Gap)
    assert words in gap.detail
    assert gap.reason is Reason.UNRESOLVED


def test_default_flag_rests_on_the_absence_and_on_the_default() -> None:
    absence, default = facts_of(BARE)["default_allow"].support
    assert isinstance(absence, Known)
    assert (absence.path, absence.value) == ("cluster.declared.configuration", None)
    assert default.origin.startswith(SERVICE_DEFAULT)


def test_nothing_asked_leaves_every_cluster_fact_not_requested_but_its_name() -> None:
    facts = facts_of({})
    assert facts["name"].value == ARN
    for path, fact in facts.items():
        if path != "name":
            assert reasons(fact) == {Reason.NOT_REQUESTED}, path


@settings(max_examples=60)
@given(dossiers())
def test_every_subject_has_every_fact_of_its_kind_and_each_is_of_its_type(made: Dossier) -> None:
    for view in derive(made, support=SUPPORT, as_of="2026-11-23"):
        assert set(view.facts) == set(CATALOGUE[view.key.kind])
        for path, fact in view.facts.items():
            if said(fact) != "?":
                assert CATALOGUE[view.key.kind][path].type.holds(fact.value), path
                assert all(isinstance(there, Known) for there in fact.support), path


@settings(max_examples=60)
@given(dossiers())
def test_every_subject_of_a_dossier_is_seen_once_and_each_cluster_has_a_listener(made: Dossier) -> None:
    keys = [view.key for view in derive(made, support=SUPPORT, as_of="2026-11-23")]
    assert len(set(keys)) == len(keys)
    assert {subject.key for subject in made.subjects} <= set(keys)
    assert {key.cluster for key in keys if key.kind == "listener"} == {subject.cluster for subject in made.subjects}
