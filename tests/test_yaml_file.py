"""YAML read for hostile and mistyped files: located, bounded, without surprises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mskaudit.errors import InputError
from mskaudit.yaml_file import LARGEST, Document, parse, read

if TYPE_CHECKING:
    from pathlib import Path


class Inner(Struct, forbid_unknown_fields=True):
    """A shape to convert to."""

    number: int
    flag: bool = False


class Outer(Struct, forbid_unknown_fields=True):
    """A shape with a list and a mapping."""

    name: str
    items: list[Inner] = []
    free: dict[str, int] = {}


def refused(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse(content, "f.yaml")
    text = str(caught.value)
    assert text.startswith("f.yaml")
    assert "\n" not in text
    assert len(text) < 300
    return text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("Yes", True),
        ("on", True),
        ("FALSE", False),
        ("no", False),
        ("off", False),
        ("'yes'", "yes"),
        ("y", "y"),
        ("null", None),
        ("~", None),
        ("7", 7),
        ("+7", 7),
        ("-7", -7),
        ("1_000", 1000),
        ("0x10", 16),
        ("0b11", 3),
        ("'7'", "7"),
        ("0o17", "0o17"),
        ("1e3", "1e3"),
        ("1.5", 1.5),
        ("1_0.5", 10.5),
        ("1.5e+3", 1500.0),
        ("3.7.1", "3.7.1"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        ("=", "="),
        ("'null'", "null"),
        ("!!python/object/apply:os.system [x]", ["x"]),
        ("!!binary aGk=", "aGk="),
        ("9" * 100, int("9" * 100)),
    ],
    ids=lambda value: str(value)[:24],
)
def test_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    built = parse(f"key: {text}".encode(), "f").value["key"]
    assert built == value
    assert type(built) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "017",
        "1:30",
        ".inf",
        "-.INF",
        ".nan",
        "1.0e+400",
        "9" * 5000,
        "!!bool maybe",
        "!!int x",
        "!!float x",
        "!!int ''",
    ],
    ids=lambda text: text[:12],
)
def test_scalar_that_could_be_read_two_ways_is_refused_with_the_remedy(text: str) -> None:
    message = refused(f"a: 1\nb: {text}\n".encode())
    assert message.startswith("f.yaml:2: ")
    assert message.endswith("is not a value; quote it to make it text")


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        pytest.param(b"a: 1\na: 2", 2, "the key 'a' stands twice", id="duplicate key"),
        pytest.param(b"x:\n  a: 1\n  'a': 2", 3, "the key 'a' stands twice", id="duplicate key, quoted"),
        pytest.param(b"1: a\n'1': b", 2, "the key '1' stands twice", id="number and text are one key"),
        pytest.param(b"k" * 1000 + b": 1\n" + b"k" * 1000 + b": 2", 2, "stands twice", id="long duplicate key"),
        pytest.param(b"a: &x 1\nb: *x", 1, "aliases are not allowed", id="alias"),
        pytest.param(b"&a [*a]", 1, "aliases are not allowed", id="alias of itself"),
        pytest.param(
            b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]", 1, "aliases are not allowed", id="alias bomb"
        ),
        pytest.param(b"x: &m {a: 1}\ny:\n  <<: *m", 1, "aliases are not allowed", id="merge key"),
        pytest.param(b"a: *nothing", 1, "undefined alias", id="undefined alias"),
        pytest.param(b"? [a]\n: b", 1, "a key is text", id="key that is a list"),
        pytest.param(b"a: 1\n\tb: 2", 2, "not YAML", id="tab"),
        pytest.param(b"a: [1,\nb", 2, "not YAML", id="list that does not end"),
        pytest.param(b"a: 'x", 1, "not YAML", id="quote that does not end"),
        pytest.param(b"--- 1\n--- 2", 2, "another document", id="two documents"),
        pytest.param(b"a: @x", 1, "not YAML", id="reserved character"),
        pytest.param(b'"\\ud800"', 1, "not YAML", id="lone surrogate"),
        pytest.param(b"- " * 41 + b"x", 1, "nested too deeply", id="41 lists"),
        pytest.param(b"a:\n " + b"[" * 40 + b"]" * 40, 2, "nested too deeply", id="40 lists in a mapping"),
        pytest.param(b"[" * (LARGEST // 2), 1, "nested too deeply", id="half a million brackets"),
        pytest.param(b"{a: " * (LARGEST // 4), 1, "nested too deeply", id="a quarter of a million braces"),
        pytest.param(b"? " * (LARGEST // 2), 1, "nested too deeply", id="half a million question marks"),
    ],
)
def test_content_is_refused_with_its_line(content: bytes, line: int, says: str) -> None:
    message = refused(content)
    assert message.startswith((f"f.yaml:{line}: ", f"f.yaml:{line + 1}: "))
    assert says in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"\xff\xfe", "not UTF-8", id="UTF-16"),
        pytest.param(b"a: \xed\xa0\x80", "not UTF-8", id="encoded surrogate"),
        pytest.param(b"\x00\x01\x02", "characters that YAML does not allow", id="binary"),
        pytest.param(b"#" * (LARGEST + 1), f"at most {LARGEST}", id="too large"),
    ],
)
def test_content_that_is_no_text_is_refused_by_name(content: bytes, says: str) -> None:
    assert says in refused(content)


def test_the_largest_and_the_deepest_that_are_allowed_are_read() -> None:
    assert parse(b"#" * LARGEST, "f").value is None
    assert parse(b"- " * 40 + b"x", "f").value is not None


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment", b"---", b"~"])
def test_empty_file_is_no_value_and_has_a_place(content: bytes) -> None:
    document = parse(content, "f.yaml")
    assert document.value is None
    with pytest.raises(InputError, match=r"^f\.yaml:[12]: Expected `object`, got `null`"):
        document.convert(Outer)


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse(b"\xef\xbb\xbfa: 1", "f").value == {"a": 1}


def test_every_value_knows_its_line_and_what_has_none_the_nearest() -> None:
    document = parse(b"name: x\nitems:\n  - number: 1\n  -\n    number: 2\n", "f.yaml")
    assert document.place("name") == "f.yaml:1"
    assert document.place("items", 0, "number") == "f.yaml:3"
    assert document.place("items", 1, "number") == "f.yaml:5"
    assert document.place("items", 1, "flag", "deeper") == "f.yaml:5"
    assert document.place("nothing") == document.place() == "f.yaml:1"
    assert Document("f.yaml", None, {}).place("x") == "f.yaml"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"items: []", "f.yaml:1: Object missing required field `name`", id="missing"),
        pytest.param(b"name: x\nitems:\n- {number: 1}\n- {number: x}", "f.yaml:4: ", id="wrong type in a list"),
        pytest.param(b"name: x\nitems:\n- {number: 1, flag: 1}", "f.yaml:3: Expected `bool`", id="number for boolean"),
        pytest.param(b"name: x\nitems:\n- nummer: 1", "f.yaml:3: ", id="unknown key in a list"),
        pytest.param(b"name: x\nfree:\n  a: 1\n  b: x", "f.yaml:3: ", id="value of a free mapping"),
        pytest.param(b"name: 7", "f.yaml:1: Expected `str`, got `int`, at name", id="number for text"),
        pytest.param(b"- 1", "f.yaml:1: Expected `object`, got `array`", id="list for mapping"),
    ],
)
def test_wrong_shape_is_located(content: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(content, "f.yaml").convert(Outer)
    assert str(caught.value).startswith(says)


def test_right_shape_is_a_typed_value() -> None:
    document = parse(b"name: x\nitems:\n- {number: 0x10, flag: yes}\nfree: {a: 1}", "f")
    assert document.convert(Outer) == Outer("x", [Inner(16, flag=True)], {"a": 1})


def test_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.yaml cannot be read: No such file"):
        read(tmp_path / "nothing.yaml")
    with pytest.raises(InputError, match=r"^the rules cannot be read: Is a directory"):
        read(tmp_path, "the rules")


def test_file_is_called_by_its_path_or_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1")
    assert read(path).name == str(path)
    assert read(path, "short").place("a") == "short:1"


@settings(max_examples=150)
@given(st.text(alphabet="ab:-[]{}&*!'\"|>?#%@` \n\t0x1.\\u\x00\x85~,", max_size=30) | st.binary(max_size=30))
def test_no_content_makes_reading_raise_anything_but_input_errors(content: str | bytes) -> None:
    try:
        document = parse(content.encode() if isinstance(content, str) else content, "f.yaml")
    except InputError:
        return
    assert document.place().startswith("f.yaml")
