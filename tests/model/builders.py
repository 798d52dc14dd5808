"""Dossiers built by hand and by hypothesis, every value typed by the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from hypothesis import strategies as st

from mskaudit.facts.listeners import KINDS
from mskaudit.model.dossier import Dossier, Note, Sighting, Subject, TargetRecord
from mskaudit.model.evidence import Column, Gap, Reason
from mskaudit.model.subjects import CATALOGUE, Kind, Type, gathered, listener_key

if TYPE_CHECKING:
    from collections.abc import Mapping

AT: Final = "2026-11-23T08:00:00Z"
ARN: Final = "arn:aws:kafka:eu-west-1:123456789012:cluster/orders/0b1c2d3e-4f50-4617-8829-3a4b5c6d7e8f-4"
SAW: Final = "kafka:DescribeClusterV2"


def sighting(
    known: Mapping[str, Any] | None = None,
    gaps: Mapping[str, Reason] | None = None,
    *,
    origin: str = SAW,
    column: Column = Column.DECLARED,
    at: str = AT,
) -> Sighting:
    """One look; each gap gets a detail that names its reason."""
    notes = {path: Note(reason=reason, detail=f"it was {reason}") for path, reason in (gaps or {}).items()}
    return Sighting(origin=origin, column=column, at=at, known=dict(known or {}), gaps=notes)


def cluster(*sightings: Sighting, id_: str = ARN) -> Subject:
    """A cluster."""
    return Subject(kind=Kind.CLUSTER, id=id_, cluster=id_, sightings=sightings)


def listener(
    address: str,
    known: Mapping[str, Any] | None = None,
    gaps: Mapping[str, Reason] | None = None,
    *,
    id_: str = ARN,
) -> Subject:
    """A probed listener of a cluster."""
    key = listener_key(id_, address)
    look = sighting(known, gaps, origin=f"tcp://{address}", column=Column.OBSERVED)
    return Subject(kind=key.kind, id=key.id, cluster=key.cluster, sightings=(look,))


def dossier(*subjects: Subject, gaps: tuple[Gap, ...] = ()) -> Dossier:
    """A dossier of one target."""
    clusters = sum(subject.kind is Kind.CLUSTER for subject in subjects)
    target = TargetRecord(target="aws", clusters=clusters, gaps=gaps)
    return Dossier(gathered_at=AT, targets=(target,), subjects=subjects)


_TEXTS: Final = {
    "declared.state": st.sampled_from(["ACTIVE", "CREATING", "DELETING", ""]),
    "declared.instance_type": st.sampled_from(["kafka.m5.large", "express.m7g.large", ""]),
    "declared.kafka_version": st.sampled_from(["2.4.1", "2.8.2-tiered", "3.6.0", "3.9.x.kraft", "4.0.x", "٣.6.0", ""]),
}
_ADDRESSES: Final = ("b-1:9092", "b-1:9094", "b-1:9096", "[2001:db8::1]:20094", "*:9094", "*")


def values(kind: Type) -> st.SearchStrategy[Any]:
    """Every sort of value that a type holds, without None."""
    match kind.name:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(-(1 << 40), 1 << 40)
        case "text" | "date":
            return st.sampled_from(kind.choices) if kind.choices else st.text(max_size=8)
        case "list" if kind.item is not None:
            return st.lists(values(kind.item), max_size=3)
        case "record":
            return st.fixed_dictionaries(
                {
                    name: st.none() | values(member) if name in kind.optional else values(member)
                    for name, member in kind.members
                }
            )
    raise AssertionError(kind)


def _field(kind: Kind, path: str) -> st.SearchStrategy[Any]:
    if path == "declared.bootstrap":
        names = st.sampled_from([*KINDS, "SaslNew"])
        entry = st.fixed_dictionaries({"listener": names, "address": st.sampled_from(_ADDRESSES)})
        return st.none() | st.lists(entry, max_size=4)
    return st.none() | (_TEXTS[path] if path in _TEXTS else values(CATALOGUE[kind][path].type))


@st.composite
def sightings(draw: st.DrawFn, kind: Kind) -> Sighting:
    """A look at any subset of what sources can settle."""
    match kind:
        case Kind.CLUSTER:
            column, origins = Column.DECLARED, ["kafka:ListClustersV2", "kafka:GetBootstrapBrokers", "saved.json"]
        case Kind.LISTENER:
            column, origins = Column.OBSERVED, ["tcp://b-1", "tcp://b-2"]
        case _:
            assert_never(kind)
    paths = gathered(kind, column)
    known = draw(st.fixed_dictionaries({}, optional={path: _field(kind, path) for path in paths}))
    gaps = draw(st.dictionaries(st.sampled_from(paths), st.sampled_from(Reason), max_size=4))
    gaps = {path: reason for path, reason in gaps.items() if path not in known and reason is not Reason.NOT_REQUESTED}
    at = draw(st.sampled_from([AT, "2026-11-24T08:00:00Z"]))
    return sighting(known, gaps, origin=draw(st.sampled_from(origins)), column=column, at=at)


@st.composite
def dossiers(draw: st.DrawFn) -> Dossier:
    """Clusters with any evidence, and listeners of theirs that were probed."""
    subjects: list[Subject] = []
    for id_ in draw(st.lists(st.sampled_from([ARN, "kafka://b-1:9092", "c"]), max_size=2, unique=True)):
        subjects.append(cluster(*draw(st.lists(sightings(Kind.CLUSTER), max_size=3)), id_=id_))
        for address in draw(st.lists(st.sampled_from(_ADDRESSES), max_size=2, unique=True)):
            key = listener_key(id_, address)
            looks = tuple(draw(st.lists(sightings(Kind.LISTENER), max_size=2)))
            subjects.append(Subject(kind=key.kind, id=key.id, cluster=key.cluster, sightings=looks))
    return dossier(*draw(st.permutations(subjects)))
