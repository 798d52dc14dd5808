"""Everything mskaudit raises on purpose.

MskAuditError            explains itself in one sentence and says what to do
├── UsageError           what was asked cannot be done as asked           exit status 2
│   └── InputError       a file that was handed over cannot be used       exit status 2
├── RuleError            a rule is wrong, not the cluster                 exit status 2; verdict `error` when judging
├── CannotLook           evidence that could not be had; becomes a Gap, never a verdict
└── WireError            bytes that break the protocol
    ├── LocalWireError   we were asked to send what the protocol forbids
    └── RemoteWireError  the peer sent what the protocol forbids
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mskaudit.model.evidence import Reason


class MskAuditError(Exception):
    """An expected failure whose text is one sentence a person can act on."""


class UsageError(MskAuditError):
    """What was asked cannot be done as asked; the text names the remedy."""


class InputError(UsageError):
    """A file that was handed over cannot be used; the text gives file and place."""


class RuleError(MskAuditError):
    """A rule is wrong, not the cluster; the text gives the rule's file and line."""


class CannotLook(MskAuditError):  # noqa: N818  it is not an error of the program: it becomes a Gap
    """Evidence that could not be had, with the reason why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class WireError(MskAuditError):
    """Bytes that break the protocol; the connection they came from is finished."""


class LocalWireError(WireError):
    """We were asked to send what the protocol forbids: a mistake on this side."""


class RemoteWireError(WireError):
    """The peer sent what the protocol forbids: malformed, oversized or out of turn."""
