"""From a target to its subjects with every sighting: who is asked what, in which order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from mskaudit.errors import InputError
from mskaudit.gather.source import Clock, Source, settle_all
from mskaudit.gather.target import Address
from mskaudit.model import dossier as dossiers
from mskaudit.model.dossier import Dossier, Sighting, Subject, TargetRecord
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import Kind, SubjectKey, listener_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mskaudit.gather.aws.inventory import Inventory
    from mskaudit.gather.aws.session import Account
    from mskaudit.gather.live.dial import Limits

AWS_AT_ONCE: Final = 8
PROBES_AT_ONCE: Final = 16
# A broker of Amazon MSK may answer on any of these, declared or not.
SIBLING_PORTS: Final = (frozenset({9092, 9094, 9096, 9098}), frozenset({9194, 9196, 9198}))
_SILENCE: Final = {Reason.REFUSED, Reason.TIMED_OUT, Reason.UNREACHABLE}


class Watch(Protocol):
    """Somebody who follows the progress of a run."""

    def expect(self, steps: int) -> None:
        """So many more looks are to come."""

    def done(self, what: str) -> None:
        """One look is over; `what` names who was asked."""


class Part(NamedTuple):
    """What one target added to the dossier."""

    record: TargetRecord
    subjects: tuple[Subject, ...]


class Gatherer:
    """Looks at targets one after the other, with one clock, one set of limits and one watcher."""

    def __init__(self, *, clock: Clock, limits: Limits, watch: Watch) -> None:
        self.clock = clock
        self.limits = limits
        self.watch = watch

    async def aws(
        self, account: Account, *, text: str, arn: str | None, probe: bool, also: Sequence[Address] = ()
    ) -> Part:
        """Clusters through AWS, and their brokers on the wire where asked for; `also` are more addresses to probe."""
        from mskaudit.gather.aws.clusters import inventory, sources

        found = await inventory(account, clock=self.clock, arn=arn)
        questions = [source for cluster in found.clusters for source in sources(account, cluster)]
        clusters = _merged(found.clusters, await self._settle(questions, at_once=AWS_AT_ONCE))
        listeners = await self._probe(clusters, also) if probe or also else ()
        return Part(_record(text, found), (*clusters, *listeners))

    async def brokers(self, text: str, addresses: Sequence[Address]) -> Part:
        """One cluster by its addresses alone."""
        cluster = Subject(kind=Kind.CLUSTER, id=text, cluster=text)
        listeners = await self._look_at((text, address) for address in addresses)
        return Part(TargetRecord(target=text, clusters=1), (cluster, *listeners))

    async def _probe(self, clusters: Sequence[Subject], also: Sequence[Address]) -> tuple[Subject, ...]:
        """The declared listeners of all clusters at once, those named besides, and what else answers beside them."""
        named = {(one.id, address) for one in clusters for address in (*_bootstrap(one), *also)}
        beside = {(one.id, address) for one in clusters for address in _siblings(_bootstrap(one))} - named
        unnamed = {listener_key(cluster, str(address)) for cluster, address in beside}
        seen = await self._look_at(sorted(named | beside))
        return tuple(one for one in seen if not (one.key in unnamed and _is_silent(one)))

    async def _look_at(self, wanted: Iterable[tuple[str, Address]]) -> tuple[Subject, ...]:
        from mskaudit.gather.live.dial import Dialer
        from mskaudit.gather.live.listener import listener

        wanted = tuple(wanted)
        dialer = Dialer((address for _, address in wanted), self.limits)
        sources = [listener(cluster, address, dialer) for cluster, address in wanted]
        seen = await self._settle(sources, at_once=PROBES_AT_ONCE)
        return tuple(_subject(key, sightings) for key, sightings in seen.items())

    async def _settle(self, sources: Sequence[Source], *, at_once: int) -> dict[SubjectKey, list[Sighting]]:
        self.watch.expect(len(sources))
        sightings = await settle_all(
            tuple(sources), clock=self.clock, at_once=at_once, done=lambda source: self.watch.done(source.origin)
        )
        by_subject: dict[SubjectKey, list[Sighting]] = defaultdict(list)
        for source, sighting in zip(sources, sightings, strict=True):
            by_subject[source.subject].append(sighting)
        return by_subject


def saved(content: bytes, *, name: str, clock: Clock) -> Part | Dossier:
    """A file that was handed over: a dossier as it is, or answers of the AWS CLI.

    Raises:
        InputError: neither, or not readable as what it is.
    """
    from mskaudit.gather.aws import saved as aws_cli

    document = _parsed(content, name)
    if dossiers.looks_like_dossier(document):
        return dossiers.load(content, name)
    if isinstance(document, dict) and aws_cli.recognize(document):
        found = aws_cli.read(document, name, clock())
        return Part(_record(name, found), found.clusters)
    raise InputError(
        f"{name} is neither a dossier nor what `aws kafka list-clusters-v2` or `describe-cluster-v2` prints; it wants "
        "`ClusterInfoList`, `ClusterInfo` or `subjects` at the top"
    )


def _parsed(content: bytes, name: str) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name} is not complete JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply to be what mskaudit reads") from None


def dossier(parts: Iterable[Part | Dossier], *, at: str) -> Dossier:
    """One dossier of all parts; a subject that several targets reached keeps every sighting once.

    It was gathered `at` that time, or, where every part is a dossier already, when the last of them was.
    """
    parts = tuple(parts)
    earlier = [part.gathered_at for part in parts if isinstance(part, Dossier)]
    records: list[TargetRecord] = []
    subjects: dict[SubjectKey, list[Sighting]] = {}
    for part in parts:
        records += part.targets if isinstance(part, Dossier) else (part.record,)
        for subject in part.subjects:
            sightings = subjects.setdefault(subject.key, [])
            sightings += [one for one in subject.sightings if one not in sightings]
    return Dossier(
        gathered_at=max(earlier) if earlier and len(earlier) == len(parts) else at,
        targets=tuple(records),
        subjects=tuple(_subject(key, sightings) for key, sightings in sorted(subjects.items())),
    )


def _record(text: str, found: Inventory) -> TargetRecord:
    return TargetRecord(target=text, clusters=len(found.clusters), gaps=found.gaps)


def _subject(key: SubjectKey, sightings: Iterable[Sighting]) -> Subject:
    return Subject(kind=key.kind, id=key.id, cluster=key.cluster, sightings=tuple(sightings))


def _merged(clusters: Iterable[Subject], more: dict[SubjectKey, list[Sighting]]) -> tuple[Subject, ...]:
    return tuple(_subject(one.key, (*one.sightings, *more[one.key])) for one in clusters)


def _bootstrap(cluster: Subject) -> set[Address]:
    entries = [
        entry
        for sighting in cluster.sightings
        if "declared.bootstrap" in sighting.known
        for entry in sighting.known["declared.bootstrap"]
    ]
    return {Address.parse(entry["address"]) for entry in entries}


def _siblings(declared: set[Address]) -> set[Address]:
    """The other ports that a broker with a declared listener might have open."""
    return {
        Address(address.host, port)
        for address in declared
        for ports in SIBLING_PORTS
        if address.port in ports
        for port in ports
    }


def _is_silent(listener: Subject) -> bool:
    """Whether nothing answers there, so that there is no listener to speak of."""
    return all(
        not sighting.known and all(note.reason in _SILENCE for note in sighting.gaps.values())
        for sighting in listener.sightings
        if sighting.column is Column.OBSERVED
    )
