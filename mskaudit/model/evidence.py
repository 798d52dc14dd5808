"""What was seen, or why it was not: the two things a source can say about a path.

`Known` and `Gap` travel unchanged from the source to the report: a finding lists the very objects it rests on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, assert_never

from msgspec import Struct


class Column(StrEnum):
    """Which side of the truth a piece of evidence speaks for; columns are never mixed."""

    PLANNED = "planned"
    DECLARED = "declared"
    OBSERVED = "observed"


class Reason(StrEnum):
    """Why evidence could not be had."""

    DENIED = "denied"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    THROTTLED = "throttled"
    UNSUPPORTED = "unsupported"
    MALFORMED = "malformed"
    UNRESOLVED = "unresolved"
    NOT_REQUESTED = "not_requested"
    TOOL_FAULT = "tool_fault"


SERVICE_DEFAULT = "service default"


class Known(Struct, frozen=True, kw_only=True, gc=False):
    """A value somebody looked at.

    `value` is JSON: None means that a complete answer did not have the field.
    `origin` is the API action (`kafka:ListClustersV2`), the address (`tcp://host:port`), the file, or the service
    default; `at` is when, as ISO 8601 in UTC (for a default, the date of the table it comes from).
    """

    path: str
    value: Any
    column: Column
    origin: str
    at: str


class Gap(Struct, frozen=True, kw_only=True, gc=False):
    """A value nobody could look at, and why."""

    path: str
    reason: Reason
    origin: str
    detail: str

    @property
    def remedy(self) -> str:
        """What would settle it, as an imperative half sentence."""
        match self.reason:
            case Reason.DENIED:
                return f"grant {self.origin}"
            case Reason.THROTTLED:
                return f"run again later: {self.origin} was throttled"
            case Reason.UNREACHABLE | Reason.REFUSED | Reason.TIMED_OUT:
                endpoint = self.origin if self.origin.startswith("tcp://") else f"the endpoint of {self.origin}"
                return f"open a connection to {endpoint}"
            case Reason.MALFORMED:
                return f"check the answer of {self.origin}"
            case Reason.UNSUPPORTED | Reason.UNRESOLVED | Reason.NOT_REQUESTED:
                return self.detail
            case Reason.TOOL_FAULT:
                return f"report this fault of mskaudit: {self.detail}"
            case _:
                assert_never(self.reason)


Evidence = Known | Gap
