"""The dossier: everything that was seen in one run, frozen, and the file it is written to.

The file is canonical JSON (sorted keys, subjects and sightings), so that equal evidence is equal bytes. Loading checks
every path and value against the field tree: what judges a dossier may trust its types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from mskaudit import __version__
from mskaudit.errors import InputError
from mskaudit.model.evidence import Column, Gap, Reason
from mskaudit.model.subjects import CATALOGUE, Kind, SubjectKey, listener_key, typed

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
_INSTANT: Final = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T[0-9:.]+(Z|[+]00:00)$"


class Note(Struct, frozen=True, kw_only=True, gc=False):
    """Why one path of a sighting stayed open."""

    reason: Reason
    detail: str


class Sighting(Struct, frozen=True, kw_only=True):
    """One look by one source: what it saw and what it could not see, by path relative to the subject."""

    origin: str
    column: Column
    at: str
    known: dict[str, Any] = {}
    gaps: dict[str, Note] = {}


class Subject(Struct, frozen=True, kw_only=True):
    """One thing that findings are about, with every look at it."""

    kind: Kind
    id: str
    cluster: str
    sightings: tuple[Sighting, ...] = ()

    @property
    def key(self) -> SubjectKey:
        """What identifies the subject in a run."""
        return SubjectKey(self.kind, self.id, self.cluster)


class TargetRecord(Struct, frozen=True, kw_only=True):
    """One target as it was asked for, how many clusters it held, and what kept its inventory from being complete."""

    target: str
    clusters: int
    gaps: tuple[Gap, ...] = ()


class Dossier(Struct, frozen=True, kw_only=True):
    """All evidence of one run. `gathered_at` is ISO 8601 in UTC."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str = __version__
    gathered_at: Annotated[str, Meta(pattern=_INSTANT)]
    targets: tuple[TargetRecord, ...]
    subjects: tuple[Subject, ...]


class _Header(Struct):
    schema_version: Annotated[int, Meta(ge=1)]
    subjects: list[msgspec.Raw]


def store(dossier: Dossier) -> bytes:
    """The canonical JSON of a dossier, ending with a newline."""
    ordered = msgspec.structs.replace(
        dossier,
        subjects=tuple(
            msgspec.structs.replace(subject, sightings=in_order(subject.sightings))
            for subject in sorted(dossier.subjects, key=lambda s: s.key)
        ),
    )
    return msgspec.json.format(msgspec.json.encode(ordered, order="sorted"), indent=1) + b"\n"


def summary(dossier: Dossier) -> str:
    """How much was seen and how much was not, in one line."""
    clusters = sum(subject.kind is Kind.CLUSTER for subject in dossier.subjects)
    sightings = [sighting for subject in dossier.subjects for sighting in subject.sightings]
    gaps = sum(len(sighting.gaps) for sighting in sightings) + sum(len(target.gaps) for target in dossier.targets)
    return f"clusters: {clusters}, subjects: {len(dossier.subjects)}, sightings: {len(sightings)}, gaps: {gaps}"


def in_order(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """Sightings in the one order that a file has them in, whichever was made first."""
    return tuple(sorted(sightings, key=lambda s: (s.origin, s.at, msgspec.json.encode(s, order="sorted"))))


def looks_like_dossier(document: object) -> bool:
    """Whether parsed JSON is meant as a dossier, of whatever schema version."""
    return isinstance(document, dict) and "schema_version" in document and "subjects" in document


def load(content: bytes, name: str) -> Dossier:
    """The dossier in a file's bytes; `name` is how messages call the file.

    Raises:
        InputError: truncated, foreign, of a newer schema, or holding a path or value that the field tree does not know.
    """
    otherwise = f"; `mskaudit gather -o FILE` writes one, `mskaudit audit {name}` takes answers of the AWS CLI"
    header = _decoded(content, _Header, name, "is not a dossier", otherwise)
    if header.schema_version > SCHEMA_VERSION:
        raise InputError(
            f"{name} has dossier schema {header.schema_version} at `$.schema_version`, this mskaudit reads up to "
            f"{SCHEMA_VERSION}; use the newer mskaudit that wrote it"
        )
    dossier = _decoded(content, Dossier, name, f"does not follow dossier schema {SCHEMA_VERSION}")
    _check(dossier, name)
    return dossier


def _decoded(content: bytes, kind: type[T], name: str, misses: str, otherwise: str = "") -> T:
    """JSON as a typed value; `misses` says of a file with another shape what it is not."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{name} {misses}: {error}{otherwise}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name} is not complete JSON: {error}; gather it again") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply to be a dossier") from None


def _check(dossier: Dossier, name: str) -> None:
    seen: set[tuple[Kind, str]] = set()
    clusters = {subject.id for subject in dossier.subjects if subject.kind is Kind.CLUSTER}
    for number, subject in enumerate(dossier.subjects):
        if (subject.kind, subject.id) in seen:
            raise InputError(f"{name} holds {subject.kind} {subject.id} twice, at `$.subjects[{number}]`")
        seen.add((subject.kind, subject.id))
        if subject.cluster not in clusters or not _belongs(subject):
            raise InputError(f"{name} holds {subject.kind} {subject.id} without its cluster, at `$.subjects[{number}]`")
        for position, sighting in enumerate(subject.sightings):
            place = f"`$.subjects[{number}].sightings[{position}]`"
            for path, value in sighting.known.items():
                if not typed(subject.kind, path, value) and typed(subject.kind, path, None):
                    wanted = CATALOGUE[subject.kind][path].type
                    raise InputError(f"{name} has a value for {path!r} that is not {wanted}, at {place}")
            for path in (*sighting.known, *sighting.gaps):
                if not typed(subject.kind, path, None) or not path.startswith(sighting.column):
                    raise InputError(f"{name} has the unknown path {path!r} at {place}")


def _belongs(subject: Subject) -> bool:
    """Whether the id says the same about the cluster as the subject does."""
    if subject.kind is Kind.CLUSTER:
        return subject.id == subject.cluster
    return subject.key == listener_key(subject.cluster, subject.id.removeprefix(f"{subject.cluster}/"))


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the dossier file."""
    return msgspec.json.schema(Dossier)
