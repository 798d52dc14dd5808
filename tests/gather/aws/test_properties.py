from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import CannotLook
from mskaudit.gather.aws.properties import read_flag
from mskaudit.model.evidence import Reason

NAME = "allow.everyone.if.no.acl.found"


@pytest.mark.parametrize(
    ("content", "flag"),
    [
        pytest.param(b"", None, id="empty"),
        pytest.param(b"auto.create.topics.enable=true\n", None, id="absent"),
        pytest.param(b"allow.everyone.if.no.acl.found=false", False, id="equals"),
        pytest.param(b"allow.everyone.if.no.acl.found:true", True, id="colon"),
        pytest.param(b"allow.everyone.if.no.acl.found false", False, id="space"),
        pytest.param(b"  allow.everyone.if.no.acl.found\t = \f false  \n", False, id="blanks around"),
        pytest.param(b"allow.everyone.if.no.acl.found=FaLsE", False, id="any case"),
        pytest.param(b"#allow.everyone.if.no.acl.found=false", None, id="comment"),
        pytest.param(b" ! allow.everyone.if.no.acl.found=false", None, id="other comment"),
        pytest.param(b"# end \\\nallow.everyone.if.no.acl.found=true", True, id="comments do not continue"),
        pytest.param(b"x=1\\\nallow.everyone.if.no.acl.found=true", None, id="part of another value"),
        pytest.param(b"x=1\\\\\nallow.everyone.if.no.acl.found=true", True, id="escaped backslash ends the line"),
        pytest.param(b"allow.everyone.\\\n   if.no.acl.found=tr\\\r\n\tue", True, id="continued"),
        pytest.param(b"allow.everyone.if.no.acl.found=true\\", True, id="continued by nothing"),
        pytest.param(b"a=\\\n\nallow.everyone.if.no.acl.found=true", True, id="blank line ends a continuation"),
        pytest.param(b"a=\\\n#b\nallow.everyone.if.no.acl.found=true", True, id="hash inside a continuation"),
        pytest.param(b" \\\n#\\u12", None, id="comment after an empty continuation"),
        pytest.param(b"allow.everyone.if.no.acl.found=true\rallow.everyone.if.no.acl.found=false", False, id="last"),
        pytest.param(b"allow\\.everyone.if.no.acl.found=\\u0074rue", True, id="escapes"),
        pytest.param(b"Allow.everyone.if.no.acl.found=true", None, id="names have a case"),
        pytest.param(b"b=\xff\xfe\x85allow.everyone.if.no.acl.found=true", None, id="not a line break"),
    ],
)
def test_flag(content: bytes, flag: bool | None) -> None:  # noqa: FBT001  the expectation
    assert read_flag(content, NAME) is flag


@pytest.mark.parametrize(
    "content",
    [b"=", b"=yes", b"=1", b"=true false", b"=secret-that-must-not-be-told", b"=\\true", b"=tr\\u00zzue", b"=\\u12"],
)
def test_what_is_no_boolean_is_malformed_and_not_quoted(content: bytes) -> None:
    with pytest.raises(CannotLook) as caught:
        read_flag(NAME.encode() + content, NAME)
    assert caught.value.reason is Reason.MALFORMED
    assert "secret" not in caught.value.detail


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_reason(content: bytes) -> None:
    with suppress(CannotLook):
        assert read_flag(content, NAME) in (True, False, None)


def escaped(text: str, extra: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if not c.isascii() or c in extra or not c.isprintable() else c for c in text)


@given(st.lists(st.tuples(st.text("abc= :#!\\\t\n\u00e9\u4e2d", min_size=1), st.text("x y=\\\n\u00e9")), max_size=5))
def test_other_properties_never_get_in_the_way(others: list[tuple[str, str]]) -> None:
    lines = [escaped(key, "= :#!\\") + "=" + escaped(value, " \\") for key, value in others]
    content = "\n".join([*lines, f"{NAME}=false", *lines]).encode("ascii")
    assert read_flag(content, NAME) is False
