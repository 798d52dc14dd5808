"""The result as JSON: the machine-readable report, described by `mskaudit.model.verdicts.schema`.

A finding is one line, so that thousands of them can be searched and compared by line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from mskaudit.model.verdicts import AuditResult

# JSON allows these raw, but a terminal that shows the file would obey them: C1 controls, bidi and line separators.
_OBEYED: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NO_FINDINGS: Final = b'"findings": []\n}'


def render(result: AuditResult) -> bytes:
    """The report in UTF-8, ending with a newline."""
    around = msgspec.json.format(_encode(msgspec.structs.replace(result, findings=())), indent=2)
    if not result.findings:
        return around + b"\n"
    findings = b",\n    ".join(map(_encode, result.findings))
    return b"".join((around.removesuffix(_NO_FINDINGS), b'"findings": [\n    ', findings, b"\n  ]\n}\n"))


def _encode(value: Any) -> bytes:
    encoded = msgspec.json.encode(value, order="deterministic")
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return _OBEYED.sub(_escape, encoded.decode()).encode()


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
