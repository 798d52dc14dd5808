"""The dossier file: canonical, complete, and refused with a place when it is anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import InputError
from mskaudit.model.dossier import Dossier, in_order, load, looks_like_dossier, schema, store
from mskaudit.model.evidence import Column, Gap, Reason
from tests.model.builders import ARN, AT, cluster, dossier, dossiers, listener, sighting

if TYPE_CHECKING:
    import random

LOG = {"destination": "s3", "enabled": None, "target": "bücket"}
FULL = dossier(
    cluster(
        sighting({"declared.name": "orders", "declared.iam": None, "declared.broker_logs": [LOG]}),
        sighting({}, {"declared.key_manager": Reason.DENIED}, origin="kms:DescribeKey"),
    ),
    listener("b-1:9094", {"observed.transport": "tls"}, {"observed.serves_anonymous": Reason.TIMED_OUT}),
    gaps=(Gap(path="clusters", reason=Reason.THROTTLED, origin="kafka:ListClustersV2", detail="page 2"),),
)


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(store(FULL))
    return loaded


def refused(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        load(content, "evidence.json")
    text = str(caught.value)
    assert text.startswith("evidence.json ")
    assert "\n" not in text
    return text


def with_known(path: str, value: object) -> bytes:
    changed = document()
    changed["subjects"][0]["sightings"][0]["known"] = {path: value}
    return json.dumps(changed).encode()


@settings(max_examples=50)
@given(dossiers())
def test_loading_what_was_stored_loses_nothing(made: Dossier) -> None:
    stored = store(made)
    loaded = load(stored, "d.json")
    assert store(loaded) == stored
    assert {s.key: in_order(s.sightings) for s in loaded.subjects} == {
        s.key: in_order(s.sightings) for s in made.subjects
    }
    assert (loaded.gathered_at, loaded.targets) == (made.gathered_at, made.targets)


@settings(max_examples=50)
@given(dossiers(), st.randoms(use_true_random=False))
def test_equal_evidence_is_equal_bytes_in_whatever_order_it_came(made: Dossier, chance: random.Random) -> None:
    subjects = [
        msgspec.structs.replace(subject, sightings=tuple(chance.sample(subject.sightings, len(subject.sightings))))
        for subject in made.subjects
    ]
    chance.shuffle(subjects)
    assert store(msgspec.structs.replace(made, subjects=tuple(subjects))) == store(made)


def test_file_is_for_people_too() -> None:
    content = store(FULL)
    assert content.endswith(b"}\n")
    assert content.count(b"\n") > 20
    assert "bücket".encode() in content


@settings(max_examples=40)
@given(dossiers())
def test_stored_dossier_follows_its_published_schema(made: Dossier) -> None:
    jsonschema.Draft202012Validator(schema()).validate(json.loads(store(made)))


@pytest.mark.parametrize("place", ["subjects", "gathered_at", "targets"])
def test_schema_refuses_what_loading_refuses(place: str) -> None:
    broken = document()
    del broken[place]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(broken)
    refused(json.dumps(broken).encode())


@pytest.mark.parametrize("residue", range(7))
def test_a_file_cut_at_any_byte_is_refused(residue: int) -> None:
    whole = store(FULL).rstrip()
    for length in range(residue, len(whole), 7):
        assert "is not complete JSON" in refused(whole[:length])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "not complete JSON", id="nothing"),
        pytest.param(b"null", "is not a dossier", id="null"),
        pytest.param(b"[]", "is not a dossier", id="a list"),
        pytest.param(b"{}", "schema_version", id="an empty object"),
        pytest.param(b'{"ClusterInfoList": []}', "is not a dossier", id="another tool's JSON"),
        pytest.param(b'{"schema_version": "1", "subjects": []}', "`$.schema_version`", id="schema as text"),
        pytest.param(b'{"schema_version": 0, "subjects": []}', "`$.schema_version`", id="schema zero"),
        pytest.param(b'{"schema_version": 2, "subjects": []}', "use the newer mskaudit", id="newer schema"),
        pytest.param(b'{"schema_version": 2, "subjects": [7]}', "`$.schema_version`", id="newer and of another shape"),
        pytest.param(b'{"schema_version": 1' + b"0" * 400 + b', "subjects": []}', "", id="a huge schema version"),
        pytest.param(b'{"schema_version": 1, "subjects": [7]}', "does not follow", id="a subject that is a number"),
        pytest.param(b"[" * 100_000, "", id="100,000 brackets"),
        pytest.param(b'{"schema_version": 1, "subjects": ' + b"[" * 100_000, "nested too deeply", id="deep subjects"),
        pytest.param(b'{"schema_version": 1, "x": ' + b"[" * 100_000, "nested too deeply", id="deep unknown member"),
        pytest.param(
            b'{"schema_version": 1, "subjects": [' + b'{"a":' * 100_000, "nested too deeply", id="deep objects"
        ),
        pytest.param(b"\xff\xfe{}", "not complete JSON", id="not UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", "not complete JSON", id="a byte order mark"),
        pytest.param(b"PK\x03\x04\x00\x00", "not complete JSON", id="binary"),
        pytest.param(store(FULL) * 2, "not complete JSON", id="two files in one"),
    ],
)
def test_foreign_content_is_refused_in_a_sentence(content: bytes, says: str) -> None:
    assert says in refused(content)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(b"NaN", "not complete JSON", id="NaN"),
        pytest.param(b"-Infinity", "not complete JSON", id="infinity"),
        pytest.param(b"9" * 5000, "$.subjects[0].sightings[0]", id="5000 digits"),
        pytest.param(b"1e999", "$.subjects[0].sightings[0]", id="a float out of range"),
        pytest.param(b'"\\ud800"', "not complete JSON", id="a lone high surrogate"),
        pytest.param(b'"\\udc00x"', "not complete JSON", id="a lone low surrogate"),
        pytest.param(b'"\xff"', "not complete JSON", id="a byte that is not UTF-8"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep value"),
        pytest.param(b"[[[[]]]]", "not text", id="a list where text is expected"),
        pytest.param(b"7", "not text", id="a number where text is expected"),
    ],
)
def test_hostile_value_is_refused_in_a_sentence(value: bytes, says: str) -> None:
    content = with_known("declared.name", "VALUE").replace(b'"VALUE"', value)
    assert says in refused(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("declared.nothing", 1, id="no such path"),
        pytest.param("", 1, id="no path"),
        pytest.param("service", "standard", id="derived path"),
        pytest.param("cluster.declared.name", "x", id="with the root"),
        pytest.param("observed.transport", "tls", id="path of another kind"),
    ],
)
def test_unknown_path_is_named_with_its_place(path: str, value: object) -> None:
    text = refused(with_known(path, value))
    assert f"unknown path {path!r} at `$.subjects[0].sightings[0]`" in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("declared.iam", "true", id="text for boolean"),
        pytest.param("declared.iam", 1, id="number for boolean"),
        pytest.param("declared.client_broker", "tls", id="no such choice"),
        pytest.param("declared.broker_logs", {}, id="object for list"),
        pytest.param("declared.broker_logs", [None], id="absent element"),
        pytest.param("declared.bootstrap", [{"listener": None, "address": None}], id="address that is absent"),
        pytest.param("declared.bootstrap", [{"address": "b:9092"}], id="address without listener"),
    ],
)
def test_value_of_the_wrong_type_is_named_with_its_place(path: str, value: object) -> None:
    text = refused(with_known(path, value))
    assert f"value for {path!r} that is not " in text
    assert "`$.subjects[0].sightings[0]`" in text


def test_gap_of_an_unknown_path_or_of_another_column_is_refused() -> None:
    for path in ("declared.nothing", "service", "observed.transport"):
        changed = document()
        changed["subjects"][0]["sightings"][0]["gaps"] = {path: {"reason": "denied", "detail": "d"}}
        assert "unknown path" in refused(json.dumps(changed).encode())


def test_evidence_of_one_column_is_not_taken_for_another() -> None:
    changed = document()
    changed["subjects"][0]["sightings"][0]["column"] = "observed"
    assert "unknown path" in refused(json.dumps(changed).encode())


@pytest.mark.parametrize("number", [0, 1])
def test_subject_that_stands_twice_is_refused(number: int) -> None:
    changed = document()
    changed["subjects"].append(changed["subjects"][number])
    text = refused(json.dumps(changed).encode())
    assert "twice, at `$.subjects[2]`" in text
    assert ARN in text


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        pytest.param(1, {"cluster": "another"}, id="listener of a cluster that is not there"),
        pytest.param(1, {"id": "b-1:9094"}, id="listener whose id does not begin with its cluster"),
        pytest.param(0, {"id": "another"}, id="cluster with two names"),
    ],
)
def test_subject_that_would_fall_silent_is_refused(number: int, changes: dict[str, str]) -> None:
    changed = document()
    changed["subjects"][number] |= changes
    assert "without its cluster, at `$.subjects[" in refused(json.dumps(changed).encode())


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-23", "2026-11-23T08:00:00+02:00"])
def test_moment_that_rules_are_judged_at_is_a_moment(text: str) -> None:
    assert "`$.gathered_at`" in refused(json.dumps({**document(), "gathered_at": text}).encode())


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "broker"), ("sightings", {}), ("id", None)], ids=["kind", "sightings", "id"]
)
def test_wrong_member_of_a_subject_is_named_with_its_place(field: str, value: object) -> None:
    changed = document()
    changed["subjects"][0][field] = value
    assert f"`$.subjects[0].{field}`" in refused(json.dumps(changed).encode())


@settings(max_examples=80)
@given(st.data())
def test_no_damage_makes_loading_raise_anything_but_input_errors(data: st.DataObject) -> None:
    content = bytearray(store(FULL))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        assert isinstance(load(bytes(content), "d.json"), Dossier)


@pytest.mark.parametrize(
    ("parsed", "meant"),
    [
        ({"schema_version": 9, "subjects": None}, True),
        ({"schema_version": 1}, False),
        ({"subjects": []}, False),
        ([], False),
        (None, False),
    ],
)
def test_dossier_is_recognized_by_two_members(parsed: object, meant: bool) -> None:  # noqa: FBT001  a column of the table
    assert looks_like_dossier(parsed) is meant


def test_defaults_of_a_sighting_may_be_left_out() -> None:
    content = json.dumps(
        {
            "schema_version": 1,
            "gathered_at": AT,
            "targets": [],
            "subjects": [
                {
                    "kind": "cluster",
                    "id": "c",
                    "cluster": "c",
                    "sightings": [{"origin": "o", "column": "declared", "at": AT}],
                }
            ],
        }
    )
    (subject,) = load(content.encode(), "d.json").subjects
    assert subject.sightings[0].column is Column.DECLARED
    assert subject.sightings[0].known == {}
