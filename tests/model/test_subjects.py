"""The field tree: what its types take, and that it is complete."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.gather.aws.shapes import PROMISES
from mskaudit.model.evidence import Column
from mskaudit.model.subjects import (
    BOOLEAN,
    BOOTSTRAP_ADDRESS,
    CATALOGUE,
    DATE,
    INTEGER,
    LOG_DESTINATION,
    TEXT,
    Field,
    Kind,
    SubjectKey,
    Type,
    gathered,
    list_of,
    listener_key,
    one_of,
    typed,
)
from tests.model.builders import values

LOG = {"destination": "s3", "enabled": True, "target": "bucket"}
FIELDS = [
    pytest.param(kind, path, field, id=f"{kind}.{path}") for kind in Kind for path, field in CATALOGUE[kind].items()
]


@pytest.mark.parametrize(
    ("kind", "value", "accepted"),
    [
        pytest.param(BOOLEAN, True, True, id="boolean"),
        pytest.param(BOOLEAN, 1, False, id="a number is no boolean"),
        pytest.param(BOOLEAN, "true", False, id="text is no boolean"),
        pytest.param(INTEGER, 7, True, id="integer"),
        pytest.param(INTEGER, True, False, id="a boolean is no integer"),
        pytest.param(INTEGER, 7.0, False, id="a float is no integer"),
        pytest.param(TEXT, "", True, id="empty text"),
        pytest.param(TEXT, b"x", False, id="bytes are no text"),
        pytest.param(DATE, "2026-11-23", True, id="date"),
        pytest.param(one_of("a", "b"), "b", True, id="a choice"),
        pytest.param(one_of("a", "b"), "B", False, id="no choice"),
        pytest.param(list_of(TEXT), [], True, id="an empty list"),
        pytest.param(list_of(TEXT), ("a",), True, id="a tuple is a list"),
        pytest.param(list_of(TEXT), ["a", 1], False, id="one wrong element"),
        pytest.param(list_of(TEXT), [None], False, id="an absent element"),
        pytest.param(list_of(TEXT), "ab", False, id="text is no list"),
        pytest.param(list_of(LOG_DESTINATION), [LOG], True, id="a list of records"),
        pytest.param(LOG_DESTINATION, LOG, True, id="record"),
        pytest.param(LOG_DESTINATION, {**LOG, "enabled": None, "target": None}, True, id="optional members absent"),
        pytest.param(LOG_DESTINATION, {**LOG, "destination": None}, False, id="required member absent"),
        pytest.param(LOG_DESTINATION, {**LOG, "enabled": "yes"}, False, id="wrong member"),
        pytest.param(LOG_DESTINATION, {"destination": "s3", "enabled": True}, False, id="missing member"),
        pytest.param(LOG_DESTINATION, [LOG], False, id="a list is no record"),
        pytest.param(BOOTSTRAP_ADDRESS, {"listener": "Tls", "address": None}, False, id="bootstrap without address"),
    ],
)
def test_type_takes_its_values_and_no_others(kind: Type, value: object, accepted: bool) -> None:  # noqa: FBT001  a column of the table
    assert kind.accepts(value) is accepted


@pytest.mark.parametrize(("kind", "path", "field"), FIELDS)
def test_every_field_is_documented_and_says_which_side_speaks(kind: Kind, path: str, field: Field) -> None:
    assert len(field.doc) > 3
    assert not field.doc.endswith(".")
    assert str(field.type)
    column = path.partition(".")[0]
    assert field.derived or (column in list(Column) and path in gathered(kind, Column(column)))


@pytest.mark.parametrize(("kind", "path", "field"), FIELDS)
def test_absence_is_a_value_of_every_gathered_field_and_of_no_other(kind: Kind, path: str, field: Field) -> None:
    assert field.type.accepts(None)
    assert not field.type.holds(None)
    assert typed(kind, path, None) is not field.derived
    assert not typed(kind, path, object())


def test_unknown_paths_are_not_typed() -> None:
    assert not typed(Kind.CLUSTER, "declared.nothing", None)
    assert not typed(Kind.CLUSTER, "observed.transport", "clear")


@settings(max_examples=30)
@given(st.data())
def test_what_the_strategies_draw_is_of_the_type(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(Kind))
    field = data.draw(st.sampled_from(list(CATALOGUE[kind].values())))
    assert field.type.holds(data.draw(values(field.type)))


def test_gathered_paths_are_those_sources_can_settle() -> None:
    declared = gathered(Kind.CLUSTER, Column.DECLARED)
    assert set(PROMISES) | {"declared.key_manager", "declared.bootstrap"} < set(declared)
    assert gathered(Kind.CLUSTER, Column.OBSERVED) == ()
    assert gathered(Kind.LISTENER, Column.DECLARED) == ()
    assert gathered(Kind.LISTENER, Column.OBSERVED) == (
        "observed.transport",
        "observed.sasl_mechanisms",
        "observed.serves_anonymous",
        "observed.client_certificate",
    )


def test_listener_is_named_by_its_cluster_and_address() -> None:
    assert listener_key("arn", "[::1]:20094") == SubjectKey(Kind.LISTENER, "arn/[::1]:20094", "arn")
