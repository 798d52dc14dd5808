"""The result as JSON: the machine-readable report, described by `mskaudit.model.verdicts.schema`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from mskaudit.model.verdicts import AuditResult

# JSON allows these raw, but a terminal that shows the file would obey them: C1 controls, bidi and line separators.
_OBEYED: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def render(result: AuditResult) -> bytes:
    """The report in UTF-8, indented, ending with a newline."""
    encoded = msgspec.json.format(msgspec.json.encode(result, order="deterministic"), indent=2)
    return _OBEYED.sub(_escape, encoded.decode()).encode() + b"\n"


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
