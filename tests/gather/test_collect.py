"""Who is asked what, which listeners are spoken of, and what becomes of several targets and of files."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AsyncExitStack, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import InputError
from mskaudit.gather.aws.session import Account, Patience
from mskaudit.gather.collect import Gatherer, Part, _is_silent, _siblings, dossier, saved
from mskaudit.gather.live.dial import Limits
from mskaudit.gather.target import Address
from mskaudit.model.dossier import Dossier, Note, Sighting, Subject, TargetRecord, load, store
from mskaudit.model.evidence import Column, Gap, Reason
from mskaudit.model.subjects import Kind
from mskaudit.reference.control_plane import ControlPlane, Estate
from tests.gather.live.peers import AT, GUARD, OPEN, Unwatched, clock, in_clear, kafka, resets, serving, silent

if TYPE_CHECKING:
    from collections.abc import Sequence


FIXTURES = Path(__file__).parents[2] / "fixtures" / "aws"
ORDERS: dict[str, Any] = json.loads((FIXTURES / "provisioned-zookeeper.json").read_text())["ClusterInfo"]
ARN: str = ORDERS["ClusterArn"]
LIMITS = Limits(connect=5, connection=1)

# All of 127/8 is this machine: a host of its own per test has the ports of Amazon MSK to itself.
_HOSTS = count(2)


@pytest.fixture
def host() -> str:
    return f"127.77.{os.getpid() % 250 + 1}.{next(_HOSTS)}"


def gatherer(limits: Limits = LIMITS) -> Gatherer:
    return Gatherer(clock=clock, limits=limits, watch=Unwatched())


async def through_aws(
    bootstrap: dict[str, str], *, probe: bool = True, also: Sequence[Address] = (), by: Gatherer | None = None
) -> Part:
    """The one cluster of an account whose GetBootstrapBrokers answers this."""
    plane = ControlPlane(Estate(clusters=(ORDERS,), bootstrap={ARN: bootstrap}))
    account = Account(plane.session(), Patience(attempts=1))
    async with asyncio.timeout(GUARD):
        return await (by or gatherer()).aws(account, text="aws", arn=None, probe=probe, also=also)


def listeners(part: Part) -> dict[str, Subject]:
    """The listeners of a part by address."""
    return {one.id.removeprefix(f"{one.cluster}/"): one for one in part.subjects if one.kind is Kind.LISTENER}


def transports(part: Part) -> dict[str, Any]:
    """What each listener speaks, or why nobody knows."""
    return {
        address: one.sightings[0].known.get("observed.transport") or one.sightings[0].gaps["observed.transport"].reason
        for address, one in listeners(part).items()
    }


def at(host: str, *ports: int) -> set[Address]:
    return {Address(host, port) for port in ports}


@pytest.mark.parametrize(
    ("declared", "siblings"),
    [
        (set(), set()),
        (at("b", 9092), at("b", 9092, 9094, 9096, 9098)),
        (at("b", 9098), at("b", 9092, 9094, 9096, 9098)),
        (at("b", 9194), at("b", 9194, 9196, 9198)),
        (at("b", 9094, 9198), at("b", 9092, 9094, 9096, 9098, 9194, 9196, 9198)),
        (at("a", 9092) | at("b", 9196), at("a", 9092, 9094, 9096, 9098) | at("b", 9194, 9196, 9198)),
        (at("b", 14001, 20092, 2181, 9093, 9192), set()),
    ],
)
def test_brokers_may_have_the_other_ports_of_their_family(declared: set[Address], siblings: set[Address]) -> None:
    assert _siblings(declared) == siblings


async def test_undeclared_listeners_that_answer_are_spoken_of_and_those_that_do_not_are_not(host: str) -> None:
    async with AsyncExitStack() as stack:
        for port, peer in {9098: kafka(OPEN), 9092: kafka(OPEN), 9096: resets}.items():
            await stack.enter_async_context(serving(peer, host=host, port=port))
        part = await through_aws({"BootstrapBrokerStringSaslIam": f"{host}:9098"})
    assert transports(part) == {f"{host}:9092": "clear", f"{host}:9096": Reason.UNRESOLVED, f"{host}:9098": "clear"}


async def test_a_declared_listener_that_does_not_answer_is_spoken_of(host: str) -> None:
    part = await through_aws({"BootstrapBrokerStringTls": f"{host}:9094"})
    assert transports(part) == {f"{host}:9094": Reason.REFUSED}


async def test_a_named_address_is_spoken_of_though_it_is_silent_and_undeclared(host: str) -> None:
    also = [Address(host, 9092), Address(host, 1)]
    part = await through_aws({"BootstrapBrokerStringTls": f"{host}:9094"}, also=also, probe=False)
    assert transports(part) == {
        f"{host}:1": Reason.REFUSED,
        f"{host}:9092": Reason.REFUSED,
        f"{host}:9094": Reason.REFUSED,
    }


async def test_nobody_is_called_who_was_not_to_be_probed(host: str) -> None:
    called = False

    async def note(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        nonlocal called
        called = True

    async with serving(note, host=host, port=9094):
        part = await through_aws({"BootstrapBrokerStringTls": f"{host}:9094"}, probe=False)
    assert listeners(part) == {}
    assert not called


@pytest.mark.parametrize(
    "answer",
    [
        "",
        ",",
        "no address",
        "b",
        "b:",
        ":9092",
        "b:0",
        "b:65536",
        "b:99999999999",
        "b:9094,",
        "b:9094,nonsense",
        "b:9094;c:9094",
        "[::1]:9094",
        "::1:9094",
        "http://b:9094/",
        "b\x00:9094",
        "b\n:9094",
        "bücher:9094",
        "b:٩٠٩٤",
        "a" * 300 + ":9094",
    ],
)
async def test_an_answer_that_is_no_list_of_addresses_is_a_gap(answer: str) -> None:
    part = await through_aws({"BootstrapBrokerStringTls": answer})
    (cluster,) = part.subjects
    gaps = {path: note.reason for sighting in cluster.sightings for path, note in sighting.gaps.items()}
    assert gaps["declared.bootstrap"] is Reason.MALFORMED


@pytest.mark.parametrize("address", ["a..b:9094", "a" * 64 + ":9094"])
async def test_an_address_that_leads_nowhere_is_a_listener_that_cannot_be_reached(address: str) -> None:
    part = await through_aws({"BootstrapBrokerStringTls": address})
    assert transports(part) == {address: Reason.UNREACHABLE}


async def test_the_progress_is_told() -> None:
    by = gatherer()
    async with serving(kafka(OPEN)) as one, serving(in_clear(resets)) as other:
        await by.brokers("kafka://x", [one, other])
    watch = by.watch
    assert isinstance(watch, Unwatched)
    assert watch.expected == 2
    assert set(watch.asked) == {f"tcp://{one}", f"tcp://{other}"}


async def test_brokers_are_one_cluster_with_a_listener_each() -> None:
    async with serving(kafka(OPEN)) as one, serving(silent) as other:
        part = await gatherer(Limits(connect=5, connection=0.2)).brokers("kafka://x", [one, other])
    assert part.record == TargetRecord(target="kafka://x", clusters=1)
    cluster, *_ = part.subjects
    assert cluster == Subject(kind=Kind.CLUSTER, id="kafka://x", cluster="kafka://x")
    assert transports(part) == {str(one): "clear", str(other): Reason.TIMED_OUT}
    whole = dossier([part], at=AT)
    assert load(store(whole), "d").subjects == whole.subjects


@pytest.mark.parametrize("peers", [1, 40])
async def test_many_listeners_are_all_seen(peers: int) -> None:
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serving(kafka(OPEN))) for _ in range(peers)]
        part = await gatherer(Limits(connect=GUARD, connection=GUARD)).brokers("kafka://x", addresses)
    assert transports(part) == {str(address): "clear" for address in addresses}


def sighting(*, column: Column = Column.OBSERVED, known: bool = False, reason: Reason | None = None) -> Sighting:
    return Sighting(
        origin="o",
        column=column,
        at=AT,
        known={"observed.transport": "tls"} if known else {},
        gaps={"observed.sasl_mechanisms": Note(reason=reason, detail="d")} if reason else {},
    )


@pytest.mark.parametrize(
    ("sightings", "silence"),
    [
        ([sighting(reason=Reason.REFUSED)], True),
        ([sighting(reason=Reason.TIMED_OUT)], True),
        ([sighting(reason=Reason.UNREACHABLE)], True),
        ([sighting(reason=Reason.UNRESOLVED)], False),
        ([sighting(reason=Reason.MALFORMED)], False),
        ([sighting(reason=Reason.TOOL_FAULT)], False),
        ([sighting(known=True)], False),
        ([sighting(known=True, reason=Reason.TIMED_OUT)], False),
        ([sighting(reason=Reason.REFUSED), sighting(reason=Reason.MALFORMED)], False),
        ([sighting(reason=Reason.REFUSED), sighting(column=Column.DECLARED, known=True)], True),
    ],
)
def test_silence_is_when_no_connection_led_to_anything(sightings: list[Sighting], silence: bool) -> None:  # noqa: FBT001  a column of the table
    one = Subject(kind=Kind.LISTENER, id="c/b:9092", cluster="c", sightings=tuple(sightings))
    assert _is_silent(one) is silence


# Several targets


def cluster_of(name: str, *sightings: Sighting) -> Subject:
    return Subject(kind=Kind.CLUSTER, id=name, cluster=name, sightings=sightings)


def seen(origin: str, **known: Any) -> Sighting:
    return Sighting(origin=origin, column=Column.DECLARED, at=AT, known={f"declared.{k}": v for k, v in known.items()})


def part_of(name: str, *subjects: Subject, gaps: tuple[Gap, ...] = ()) -> Part:
    return Part(TargetRecord(target=name, clusters=len(subjects), gaps=gaps), subjects)


def test_nothing_makes_an_empty_dossier() -> None:
    assert dossier([], at=AT) == Dossier(gathered_at=AT, targets=(), subjects=())


def test_subjects_come_in_one_order_whichever_target_is_first() -> None:
    parts = [part_of("1", cluster_of("b")), part_of("2", cluster_of("a"))]
    assert [subject.id for subject in dossier(parts, at=AT).subjects] == ["a", "b"]
    assert dossier(parts, at=AT).subjects == dossier(parts[::-1], at=AT).subjects


def test_a_subject_of_two_targets_has_the_sightings_of_both() -> None:
    first, second = seen("kafka:ListClustersV2", name="orders"), seen("a.json", name="orders", state="ACTIVE")
    whole = dossier([part_of("1", cluster_of("a", first)), part_of("2", cluster_of("a", second))], at=AT)
    assert whole.subjects == (cluster_of("a", first, second),)
    assert [target.target for target in whole.targets] == ["1", "2"]


def test_the_same_target_twice_adds_no_sighting() -> None:
    one = part_of("1", cluster_of("a", seen("x", name="orders"), seen("y", name="orders")))
    assert dossier([one, one], at=AT).subjects == dossier([one], at=AT).subjects


def test_gaps_of_the_inventory_stay_with_their_target() -> None:
    gap = Gap(path="clusters", reason=Reason.DENIED, origin="kafka:ListClustersV2", detail="no")
    whole = dossier([part_of("1", gaps=(gap,)), part_of("2", cluster_of("a"))], at=AT)
    assert [target.gaps for target in whole.targets] == [(gap,), ()]


def test_a_saved_dossier_is_a_part_like_any_other() -> None:
    known = dossier([part_of("1", cluster_of("a", seen("x", name="orders")))], at=AT)
    again = saved(store(known), name="d.json", clock=clock)
    assert again == known
    assert dossier([again, again, part_of("2", cluster_of("b"))], at=AT).subjects == (*known.subjects, cluster_of("b"))


# Files


@pytest.mark.parametrize("name", ["list-clusters-v2", "provisioned-zookeeper", "serverless", "v1-list-clusters"])
def test_what_the_aws_command_prints_is_read(name: str) -> None:
    content = (FIXTURES / f"{name}.json").read_bytes()
    part = saved(content, name=f"{name}.json", clock=clock)
    assert isinstance(part, Part)
    assert part.record.target == f"{name}.json"
    assert part.record.clusters == len(part.subjects) > 0
    assert (
        dossier([part, saved(content, name=f"{name}.json", clock=clock)], at=AT).subjects
        == dossier([part], at=AT).subjects
    )


FOREIGN = {
    "an empty object": b"{}",
    "a list": b"[]",
    "a list of clusters": b'[{"ClusterArn": "x"}]',
    "a number": b"7",
    "text": b'"ClusterInfoList"',
    "null": b"null",
    "true": b"true",
    "Terraform": b'{"format_version": "1.2", "planned_values": {}}',
    "other AWS": b'{"Reservations": []}',
    "half a dossier": b'{"schema_version": 1}',
    "the other half": b'{"subjects": []}',
    "a huge number": b"1" * 5000,
    "a huge exponent": b'{"a": 1e308}',
}
BROKEN = {
    "nothing": b"",
    "spaces": b" \n\t",
    "half an object": b'{"ClusterInfoList": [',
    "half a word": b"nul",
    "two documents": b"{}{}",
    "a comment": b"// hello",
    "YAML": b"clusters:\n- a\n",
    "binary": bytes(range(256)),
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"ClusterInfoList": []}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"ClusterInfoList": []}',
    "NaN": b'{"a": NaN}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "a control character": b'{"a": "\x01"}',
    "too deep a list": b"[" * 100_000,
    "too deep an object": b'{"a":' * 100_000,
    "a closed depth": b"[" * 50_000 + b"]" * 50_000,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(InputError, match=r"f\.json (is neither a dossier nor|is not complete JSON)"):
        saved(FOREIGN[name], name="f.json", clock=clock)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(InputError, match=r"f\.json is (not complete JSON|nested too deeply)"):
        saved(BROKEN[name], name="f.json", clock=clock)


DEEP = {
    "a dossier": b'{"schema_version": 1, "subjects": [' + b"[" * 100_000,
    "an answer of AWS": b'{"ClusterInfo": ' + b'{"a":' * 100_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_depth_below_a_known_top_is_refused_too(name: str) -> None:
    with pytest.raises(InputError, match=r"nested too deeply|not complete"):
        saved(DEEP[name], name="f.json", clock=clock)


@pytest.mark.parametrize("name", ["list-clusters-v2", "serverless"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_refused(name: str, share: float) -> None:
    content = (FIXTURES / f"{name}.json").read_bytes().rstrip()
    with pytest.raises(InputError, match="not complete JSON"):
        saved(content[: int(len(content) * share)], name="f.json", clock=clock)


def test_a_dossier_that_was_cut_off_is_refused() -> None:
    content = store(dossier([part_of("1", cluster_of("a", seen("x", name="orders")))], at=AT)).rstrip()
    for size in range(len(content)):
        with pytest.raises(InputError):
            saved(content[:size], name="f.json", clock=clock)


@given(st.binary(max_size=100))
def test_no_bytes_make_it_raise_anything_but_an_input_error(content: bytes) -> None:
    with suppress(InputError):
        saved(content, name="f.json", clock=clock)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ClusterInfo", "ClusterInfoList", "schema_version", "subjects", "gathered_at"]), inner
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_no_document_makes_it_raise_anything_but_an_input_error(document: object) -> None:
    with suppress(InputError):
        saved(json.dumps(document).encode(), name="f.json", clock=clock)
