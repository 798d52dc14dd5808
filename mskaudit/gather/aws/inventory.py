"""The clusters of a target, and what kept the list of them from being complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mskaudit.errors import CannotLook
from mskaudit.gather.aws.shapes import as_v2, cluster_key, read_cluster
from mskaudit.model.dossier import Note, Sighting, Subject
from mskaudit.model.evidence import Column, Gap, Reason

if TYPE_CHECKING:
    from mskaudit.model.subjects import SubjectKey

CLUSTERS: Final = "clusters"
"""The path of a gap in the inventory itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Clusters with one sighting each, in the order they were listed, and the gaps of the list (path `clusters`)."""

    clusters: tuple[Subject, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Entry(NamedTuple):
    """One element of a list of clusters: where it stood, what it says and when it was said (ISO 8601 in UTC)."""

    place: str
    document: object
    at: str


class _Seen(NamedTuple):
    at: str
    values: dict[str, Any]


def collect(entries: Iterable[Entry], *, origin: str, gaps: tuple[Gap, ...] = ()) -> Inventory:
    """The inventory that entries amount to, added to gaps already known.

    An entry that does not identify a cluster becomes a gap. A cluster that is listed twice is kept once, with a gap
    wherever its entries disagree.
    """
    found: dict[SubjectKey, _Seen] = {}
    unusable: list[Gap] = []
    for entry in entries:
        try:
            key = cluster_key(entry.document)
        except CannotLook as error:
            unusable.append(inventory_gap(CannotLook(error.reason, f"{entry.place}: {error.detail}"), origin))
            continue
        values = read_cluster(_as_cluster(entry.document))
        found[key] = _Seen(entry.at, _agreed(found[key].values, values) if key in found else values)
    clusters = (sighted(key, seen.values, origin=origin, at=seen.at) for key, seen in found.items())
    return Inventory(clusters=tuple(clusters), gaps=(*gaps, *unusable))


def _as_cluster(document: object) -> Mapping[str, Any]:
    assert isinstance(document, Mapping)  # it has a key
    return as_v2(document)


def sighted(key: SubjectKey, values: Mapping[str, Any], *, origin: str, at: str) -> Subject:
    """A cluster with the one sighting that values (or a `CannotLook` each) make."""
    gaps = {
        path: Note(reason=value.reason, detail=value.detail)
        for path, value in values.items()
        if isinstance(value, CannotLook)
    }
    known = {path: value for path, value in values.items() if path not in gaps}
    sighting = Sighting(origin=origin, column=Column.DECLARED, at=at, known=known, gaps=gaps)
    return Subject(kind=key.kind, id=key.id, cluster=key.cluster, sightings=(sighting,))


def inventory_gap(error: CannotLook, origin: str) -> Gap:
    """Why some or all clusters of a target are not in its inventory."""
    return Gap(path=CLUSTERS, reason=error.reason, origin=origin, detail=error.detail)


def _agreed(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value if _same(value, second[path]) else _disagreement() for path, value in first.items()}


def _same(one: object, other: object) -> bool:
    if isinstance(one, CannotLook) and isinstance(other, CannotLook):
        return (one.reason, one.detail) == (other.reason, other.detail)
    return one == other


def _disagreement() -> CannotLook:
    return CannotLook(
        Reason.UNRESOLVED, "the cluster is listed twice with different values; gather the inventory again"
    )
