"""Answers of the AWS CLI that were saved as JSON: an audit without credentials.

Reads the output of `aws kafka list-clusters-v2`, `describe-cluster-v2`, `list-clusters` and `describe-cluster`. What
other calls would tell (bootstrap addresses, key manager, configuration) is simply not sighted.
"""

from __future__ import annotations

from typing import Any, Final

from mskaudit.errors import CannotLook
from mskaudit.gather.aws.inventory import Entry, Inventory, collect, inventory_gap
from mskaudit.model.evidence import Reason

_LIST: Final = "ClusterInfoList"
_ONE: Final = "ClusterInfo"


def recognize(document: object) -> bool:
    """Whether parsed JSON is meant as one of the four answers, whatever state it is in."""
    return isinstance(document, dict) and (_LIST in document or _ONE in document)


def read(document: dict[str, Any], name: str, at: str) -> Inventory:
    """The inventory in a recognized document; `name` is how messages call the file, `at` is ISO 8601 in UTC.

    Nothing in the file makes this raise: what cannot be used is a gap of the inventory.
    """
    problems: list[CannotLook] = []
    entries: list[Entry] = []
    if _ONE in document:
        entries.append(Entry(f"`{_ONE}`", document[_ONE], at))
    if _LIST in document:
        if isinstance(listed := document[_LIST], list):
            entries.extend(Entry(f"`{_LIST}[{number}]`", element, at) for number, element in enumerate(listed))
        else:
            problems.append(CannotLook(Reason.MALFORMED, f"`{_LIST}` is not a list"))
    if "NextToken" in document and document["NextToken"] is not None:
        problems.append(_incomplete(name))
    return collect(entries, origin=name, gaps=tuple(inventory_gap(problem, name) for problem in problems))


def _incomplete(name: str) -> CannotLook:
    return CannotLook(
        Reason.UNRESOLVED,
        f"{name} has a `NextToken`: it holds only some of the clusters; fetch all pages by running the aws command "
        f"again without --max-items, --starting-token and --no-paginate",
    )
