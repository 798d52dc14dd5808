"""How things are put into words for people: names from outside made harmless, values, counts and lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mskaudit.model.verdicts import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mskaudit.model.subjects import SubjectKey

_ARN: Final = re.compile(
    r"arn:[\w-]+:kafka:(?P<region>[\w-]+):(?P<account>\d+):cluster/(?P<name>[\w.-]+)/[\w-]+", re.ASCII
)

OUTCOME: Final = {
    ExitStatus.CLEAN: "Clean",
    ExitStatus.VIOLATED: "Policy violated",
    ExitStatus.USAGE: "Could not be done as asked",
    ExitStatus.INCOMPLETE: "Evidence incomplete",
    ExitStatus.NOTHING_IN_SCOPE: "Nothing in scope",
    ExitStatus.INTERNAL: "Internal fault",
}


def visible(text: str) -> str:
    """The text with whatever a screen would obey and not show (controls, bidi, line breaks) as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def clip(text: str, limit: int) -> str:
    """The visible text, cut at a number of characters."""
    shown = visible(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def flow(prose: str) -> str:
    """Prose of a rule as one paragraph, whatever way its file wraps it."""
    return visible(" ".join(prose.split()))


def spoken(value: Any, limit: int = 400) -> str:
    """A JSON value as it is written in JSON; a field that a complete answer lacked is `absent`."""
    return "absent" if value is None else clip(msgspec.json.encode(value, order="deterministic").decode(), limit)


def numbered(number: int, noun: str) -> str:
    """A number with its noun: `1 listener`, `2,000 cluster policies`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{number:,} {noun}s"


def listing(names: Sequence[str], limit: int) -> str:
    """The first few names and how many more there are: `a, b and 3 more`; the only one left out is named instead."""
    shown = names if len(names) <= limit + 1 else names[:limit]
    rest = len(names) - len(shown)
    joined = ", ".join(clip(name, 120) for name in shown)
    return f"{joined} and {rest:,} more" if rest else joined


def short(cluster: str) -> str:
    """A cluster as people call it: name, region and account of an ARN, the first address of several."""
    arn = _ARN.fullmatch(cluster)
    if arn:
        return f"{arn['name']} ({arn['region']}, {arn['account']})"
    first, *more = cluster.split(",")
    return f"{first} and {len(more)} more" if more and first.startswith("kafka://") else cluster


def name(subject: SubjectKey) -> str:
    """A subject's name within its cluster."""
    return subject.id.removeprefix(f"{subject.cluster}/")
