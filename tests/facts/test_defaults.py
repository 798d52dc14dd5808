"""Service defaults: where absence gets a value, and where it must not."""

from __future__ import annotations

from datetime import date

import pytest

from mskaudit.facts.defaults import AS_OF, PROVISIONED, default_for
from mskaudit.facts.derive import derive
from mskaudit.model.evidence import SERVICE_DEFAULT, Column, Gap, Known, Reason
from mskaudit.model.fact import MISSING
from mskaudit.model.subjects import CATALOGUE, Kind
from tests.facts.builders import BARE, SERVERLESS, SUPPORT, facts_of, reasons, said
from tests.model.builders import cluster, dossier, sighting

PATHS = [pytest.param(path, id=path) for path in PROVISIONED]


@pytest.mark.parametrize("path", PATHS)
def test_absence_in_a_finished_provisioned_cluster_is_the_default_with_its_source(path: str) -> None:
    fact = facts_of({**BARE, path: None})[path]
    (default,) = fact.support
    assert isinstance(default, Known)
    assert fact.value == PROVISIONED[path][0] == default.value
    assert default.path == f"cluster.{path}"
    assert default.origin == f"{SERVICE_DEFAULT}: {PROVISIONED[path][1]}"
    assert default.at == AS_OF


@pytest.mark.parametrize("path", PATHS)
def test_default_has_the_type_of_its_field_and_a_page_of_aws(path: str) -> None:
    value, source = PROVISIONED[path]
    assert CATALOGUE[Kind.CLUSTER][path].type.holds(value)
    assert source.startswith("https://docs.aws.amazon.com/msk/")


def test_table_of_defaults_is_dated() -> None:
    date.fromisoformat(AS_OF)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "around",
    [
        pytest.param({"declared.state": "CREATING"}, id="being created"),
        pytest.param({"declared.state": "FAILED"}, id="never created"),
        pytest.param({"declared.state": None}, id="in a state not told"),
        pytest.param({"declared.type": "SERVERLESS"}, id="serverless"),
        pytest.param({"declared.type": None}, id="of a type not told"),
    ],
)
def test_absence_anywhere_else_stays_open(path: str, around: dict[str, object]) -> None:
    assert reasons(facts_of({**BARE, path: None, **around})[path]) == {Reason.UNRESOLVED}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("reason", list(Reason))
def test_a_gap_never_becomes_a_default(path: str, reason: Reason) -> None:
    fact = facts_of(BARE, {path: reason})[path]
    assert fact.value is MISSING
    assert reasons(fact) == {reason}


@pytest.mark.parametrize("path", PATHS)
def test_what_nobody_asked_never_becomes_a_default(path: str) -> None:
    known = {key: value for key, value in BARE.items() if key != path}
    assert reasons(facts_of(known)[path]) == {Reason.NOT_REQUESTED}


@pytest.mark.parametrize("path", PATHS)
def test_a_gap_in_the_type_keeps_every_default_away(path: str) -> None:
    assert said(facts_of({**BARE, path: None}, {"declared.type": Reason.DENIED})[path]) == "?"


@pytest.mark.parametrize(
    "path", ["declared.unauthenticated", "declared.at_rest_key", "declared.key_manager", "declared.name"]
)
def test_some_absences_have_no_default_on_purpose(path: str) -> None:
    assert path not in PROVISIONED
    assert said(facts_of({**BARE, path: None})[path]) == "?"


@pytest.mark.parametrize("value", [False, True])
def test_a_value_wins_over_its_default(value: bool) -> None:  # noqa: FBT001  a column of the table
    fact = facts_of({**BARE, "declared.in_cluster_tls": value})["declared.in_cluster_tls"]
    assert fact.value is value
    assert all(not there.origin.startswith(SERVICE_DEFAULT) for there in fact.support)


def test_evidence_that_is_not_an_absence_passes_unchanged() -> None:
    for there in (
        Known(path="cluster.declared.iam", value=True, column=Column.DECLARED, origin="o", at="t"),
        Gap(path="cluster.declared.iam", reason=Reason.DENIED, origin="o", detail="d"),
    ):
        assert default_for("declared.iam", there) is there


def test_serverless_has_no_default_at_all() -> None:
    facts = facts_of(SERVERLESS)
    assert not any(there.origin.startswith(SERVICE_DEFAULT) for fact in facts.values() for there in fact.support)


def test_a_known_value_wins_over_a_gap_in_whichever_order_they_were_seen() -> None:
    denied = sighting({}, {"declared.iam": Reason.DENIED}, origin="a")
    answered = sighting({"declared.iam": True}, origin="b")
    for order in ((denied, answered), (answered, denied)):
        (view, *_) = derive(dossier(cluster(*order)), support=SUPPORT, as_of="2026-11-23")
        assert view.facts["declared.iam"].value is True


def test_of_two_answers_the_same_one_is_taken_in_whichever_order_they_were_seen() -> None:
    looks = [sighting({"declared.iam": value}, origin=origin) for origin, value in (("b", True), ("a", False))]
    for order in (looks, looks[::-1]):
        (view, *_) = derive(dossier(cluster(*order)), support=SUPPORT, as_of="2026-11-23")
        assert view.facts["declared.iam"].value is False
