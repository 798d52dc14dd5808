"""ZooKeeper's records travel both ways unchanged, and malformed ones are the peer's fault alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire import zookeeper as zk
from mskaudit.wire.primitives import Reader
from mskaudit.wire.zookeeper_codes import ErrorCode, OpCode, Xid
from mskaudit.wire.zookeeper_packets import (
    REQUESTS,
    Multi,
    MultiReply,
    Reply,
    pack_record,
    pack_reply,
    pack_request,
    parse_connect_request,
    parse_connect_response,
    parse_header,
    parse_reply,
)

if TYPE_CHECKING:
    from mskaudit.wire.zookeeper_records import Record

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ACL = st.builds(zk.Acl, perms=INT, scheme=TEXT, id=TEXT)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "int": INT,
    "bool": st.booleans(),
    "bool | None": st.none() | st.booleans(),
    "bytes | None": st.none() | st.binary(max_size=40),
    "str | None": TEXT,
    "tuple[Acl, ...]": st.lists(ACL, max_size=4).map(tuple),
    "tuple[str | None, ...]": st.lists(TEXT, max_size=4).map(tuple),
    "tuple[Identity, ...]": st.lists(st.builds(zk.Identity, scheme=TEXT, user=TEXT), max_size=4).map(tuple),
}
WIDE = {"zxid", "session", "czxid", "mzxid", "pzxid", "ctime", "mtime", "ephemeral_owner"}


def values(record: type[Record]) -> st.SearchStrategy[Record]:
    """Every value of a record."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in record.__annotations__.items():
        if name in WIDE:
            fields[name] = LONG
        elif hint == "Stat":
            fields[name] = values(zk.Stat)
        elif not hint.startswith("ClassVar"):
            fields[name] = FIELDS[hint]
    return st.builds(record, **fields)


ALONE = [each for each in REQUESTS.values() if each is not Multi]
STEPS: list[type[zk.Request]] = [zk.Create, zk.Create2, zk.Delete, zk.SetData, zk.Check]
MULTI = st.builds(Multi, steps=st.lists(st.one_of(*map(values, STEPS)), max_size=4).map(tuple))
RESULTS = st.one_of(
    values(zk.ErrorReply).map(lambda each: (OpCode.ERROR, each)),
    *(values(step.reply).map(lambda each, op=step.op: (op, each)) for step in STEPS),  # type: ignore[misc]
)
MULTI_REPLY = st.builds(MultiReply, results=st.lists(RESULTS, max_size=4).map(tuple))
RECORDS = [zk.ConnectRequest, zk.ConnectResponse, zk.RequestHeader, zk.ReplyHeader, zk.WatchEvent, zk.ErrorReply]


@pytest.mark.parametrize("record", RECORDS)
@given(content=st.data())
def test_a_record_travels_unchanged(record: type[Record], content: st.DataObject) -> None:
    value = content.draw(values(record))
    reader = Reader(pack_record(value))
    assert record.read(reader) == value
    assert reader.remaining == 0


def understand(packet: bytes) -> Record:
    header, body = parse_header(packet)
    return REQUESTS[header.op].read(body)


@given(request=st.one_of(MULTI, *map(values, ALONE)), xid=INT)
def test_a_request_travels_unchanged(request: zk.Request, xid: int) -> None:
    header, body = parse_header(pack_request(request, xid=xid))
    assert header == zk.RequestHeader(xid=xid, op=request.op)
    assert REQUESTS[header.op].read(body) == request
    assert body.remaining == 0


@pytest.mark.parametrize("request_type", REQUESTS.values())
@given(content=st.data())
def test_a_reply_travels_unchanged(request_type: type[zk.Request], content: st.DataObject) -> None:
    body = content.draw(MULTI_REPLY if request_type is Multi else values(request_type.reply))
    reply = Reply(xid=content.draw(st.integers(0, 2**31 - 1)), zxid=content.draw(LONG), error=0, body=body)
    assert parse_reply(pack_reply(reply), request=request_type) == reply


def test_a_refusal_has_no_body() -> None:
    refusal = Reply(xid=1, zxid=2, error=ErrorCode.NO_AUTH, body=None)
    assert parse_reply(pack_reply(refusal), request=zk.GetData) == refusal


def test_an_event_comes_instead_of_an_answer() -> None:
    event = Reply(xid=Xid.NOTIFICATION, zxid=-1, error=0, body=zk.WatchEvent(type=3, state=3, path="/orders"))
    assert parse_reply(pack_reply(event), request=zk.GetData) == event


@pytest.mark.parametrize(
    ("packet", "value"),
    [
        pytest.param(
            # The 45 bytes behind the length that an anonymous client begins with, as recorded.
            "00000000000000000000000000002710000000000000000000000010" + "00" * 16 + "00",
            zk.ConnectRequest(protocol=0, zxid=0, timeout=10000, session=0, password=bytes(16), read_only=False),
            id="current",
        ),
        pytest.param(
            "00000000000000000000000000002710000000000000000000000010" + "00" * 16,
            zk.ConnectRequest(protocol=0, zxid=0, timeout=10000, session=0, password=bytes(16), read_only=None),
            id="before 3.4, without the read-only flag",
        ),
        pytest.param(
            "000000000000000000000000000000000000000000000000ffffffff01",
            zk.ConnectRequest(protocol=0, zxid=0, timeout=0, session=0, password=None, read_only=True),
            id="no password",
        ),
    ],
)
def test_connect_requests_by_the_byte(packet: str, value: zk.ConnectRequest) -> None:
    assert pack_record(value).hex() == packet
    assert parse_connect_request(bytes.fromhex(packet)) == value


def test_requests_by_the_byte() -> None:
    packet = pack_request(zk.GetChildren2(path="/brokers/ids", watch=True), xid=7)
    assert packet.hex() == "000000070000000c0000000c" + b"/brokers/ids".hex() + "01"


@given(st.binary(max_size=200))
def test_any_bytes_are_understood_or_the_peers_fault(packet: bytes) -> None:
    readers = [parse_connect_request, parse_connect_response, parse_header]
    readers += [lambda content, each=each: parse_reply(content, request=each) for each in REQUESTS.values()]  # type: ignore[misc]
    readers += [lambda content, each=each: each.read(Reader(content)) for each in REQUESTS.values()]  # type: ignore[misc]
    for read in readers:
        try:
            read(packet)
        except RemoteWireError:
            continue


@given(request=st.one_of(MULTI, *map(values, ALONE)), size=st.integers(0, 100))
def test_a_request_cut_short_is_the_peers_fault(request: zk.Request, size: int) -> None:
    packet = pack_request(request, xid=1)
    if size >= len(packet):
        return
    with pytest.raises(RemoteWireError):
        understand(packet[:size])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("fffffff7", id="negative length"),
        pytest.param("40000000", id="a length of a gigabyte"),
        pytest.param("00000002fffe00", id="no UTF-8"),
        pytest.param("000000012f", id="without the watch flag"),
    ],
)
def test_hostile_paths(body: str) -> None:
    with pytest.raises(RemoteWireError):
        zk.GetData.read(Reader(bytes.fromhex(body)))


def test_a_count_costs_nothing() -> None:
    with pytest.raises(RemoteWireError, match="1073741824 elements"):
        zk.SetAcl.read(Reader(bytes.fromhex("000000012f40000000" + "00" * 40)))


@pytest.mark.parametrize("op", [OpCode.GET_DATA, OpCode.MULTI, 999, -5])
def test_only_changes_come_several_at_once(op: int) -> None:
    header = op.to_bytes(4, "big", signed=True) + b"\0" + b"\xff" * 4
    with pytest.raises(RemoteWireError, match="among several"):
        Multi.read(Reader(header + bytes(40)))
    with pytest.raises(RemoteWireError, match="among several"):
        MultiReply.read(Reader(header + bytes(40)))


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(zk.Delete(path="/", version=2**31), id="too large a number"),
        pytest.param(zk.Delete(path="/\ud800", version=0), id="half a character"),
        pytest.param(Multi(steps=(zk.Ping(),)), id="a ping among several"),
    ],
)
def test_our_own_misuse_is_ours(request_: zk.Request) -> None:
    with pytest.raises(LocalWireError):
        pack_request(request_, xid=1)


def test_what_may_be_secret_is_not_shown() -> None:
    assert "hunter2" not in repr(zk.Auth(type=0, scheme="digest", credential=b"bob:hunter2"))
    assert "hunter2" not in repr(zk.SetData(path="/", data=b"hunter2", version=-1))
