"""The JSON report."""

from __future__ import annotations

import json as standard
from typing import TYPE_CHECKING

import jsonschema
import msgspec

from mskaudit.model.verdicts import AuditResult, schema
from mskaudit.render import json

if TYPE_CHECKING:
    from tests.render.conftest import Builder


def test_top_level(build: Builder) -> None:
    report = standard.loads(json.render(build.small().result))
    assert list(report) == ["schema_version", "tool", "as_of", "targets", "summary", "findings"]


def test_follows_its_schema(build: Builder) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(standard.loads(json.render(build.small().result)))
    validator.validate(standard.loads(json.render(build.result())))


def test_reads_back_as_the_same_result(build: Builder, hostile: str) -> None:
    result = build.hostile(hostile).result
    assert json.render(msgspec.json.decode(json.render(result), type=AuditResult)) == json.render(result)


def test_equal_values_give_equal_bytes(build: Builder) -> None:
    one, other = (
        build.result(
            build.finding(
                "r", "c", build.small().result.findings[0].verdict, evidence=(build.known("declared.x", value),)
            )
        )
        for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    )
    assert json.render(one) == json.render(other)


def test_is_indented_and_ends_with_a_newline(build: Builder) -> None:
    report = json.render(build.small().result)
    assert report.startswith(b'{\n  "schema_version": 1,\n')
    assert report.endswith(b"}\n")


def test_shows_nothing_that_a_terminal_obeys(build: Builder, hostile: str) -> None:
    report = json.render(build.hostile(hostile).result).decode()
    assert not [c for c in report if c != "\n" and ord(c) < 0x20]
    assert not set(report) & set("\x7f\x9b\u2028\u202e\u2066")
