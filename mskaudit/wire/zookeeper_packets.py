"""Packets of a ZooKeeper session: what is behind the headers, and several operations in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.primitives import Reader
from mskaudit.wire.zookeeper import (
    Auth,
    Check,
    Close,
    ConnectRequest,
    ConnectResponse,
    Create,
    Create2,
    Delete,
    ErrorReply,
    Exists,
    GetAcl,
    GetChildren,
    GetChildren2,
    GetData,
    Ping,
    ReplyHeader,
    Request,
    RequestHeader,
    Sasl,
    SetAcl,
    SetData,
    Sync,
    WatchEvent,
    WhoAmI,
)
from mskaudit.wire.zookeeper_codes import ErrorCode, OpCode, Xid
from mskaudit.wire.zookeeper_records import FLAG, INT, Record, record, travels

if TYPE_CHECKING:
    from collections.abc import Mapping

Step = Create | Create2 | Delete | SetData | Check
Result = Record

_STEPS: Final[Mapping[int, type[Request]]] = {each.op: each for each in (Create, Create2, Delete, SetData, Check)}
_END: Final = -1


@record
class _StepHeader(Record):
    op: int = travels(INT)
    done: bool = travels(FLAG)
    error: int = travels(INT)


class _Steps:
    """Operations, each behind a header, up to a header that says it is done."""

    def write(self, out: bytearray, value: Any) -> None:
        for step in value:
            if type(step) not in _STEPS.values():
                raise LocalWireError(f"{type(step).__name__} cannot be one of several operations")
            _StepHeader(op=step.op, done=False, error=_END).write(out)
            step.write(out)
        _StepHeader(op=_END, done=True, error=_END).write(out)

    def read(self, reader: Reader) -> Any:
        steps = []
        while not (header := _StepHeader.read(reader)).done:
            if header.op not in _STEPS:
                raise RemoteWireError(f"the peer put operation {header.op} among several")
            steps.append(_STEPS[header.op].read(reader))
        return tuple(steps)


class _Results:
    """What became of each operation: its reply, or an `ErrorReply`."""

    def write(self, out: bytearray, value: Any) -> None:
        for op, result in value:
            error = result.error if isinstance(result, ErrorReply) else ErrorCode.OK
            _StepHeader(op=op, done=False, error=error).write(out)
            result.write(out)
        _StepHeader(op=_END, done=True, error=_END).write(out)

    def read(self, reader: Reader) -> Any:
        results: list[tuple[int, Record]] = []
        while not (header := _StepHeader.read(reader)).done:
            results.append((header.op, _result_of(header.op).read(reader)))
        return tuple(results)


def _result_of(op: int) -> type[Record]:
    if op == OpCode.ERROR:
        return ErrorReply
    if op not in _STEPS:
        raise RemoteWireError(f"the peer answered operation {op} among several")
    return _STEPS[op].reply


@record
class MultiReply(Record):
    """What became of several operations: pairs of an `OpCode` and its result; any error means that none was done."""

    results: tuple[tuple[int, Record], ...] = travels(_Results())


@record
class Multi(Request):
    """Several operations, of which all or none are done."""

    op = OpCode.MULTI
    reply = MultiReply
    steps: tuple[Request, ...] = travels(_Steps())


REQUESTS: Final[Mapping[int, type[Request]]] = {
    each.op: each
    for each in (
        *(Create, Create2, Delete, Exists, GetData, SetData, GetAcl, SetAcl, GetChildren, GetChildren2),
        *(Sync, Ping, Check, Multi, Auth, Sasl, WhoAmI, Close),
    )
}
"""Every request that is understood, by its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A server's answer: `body` is None where `error` is not 0."""

    xid: int
    zxid: int
    error: int
    body: Record | None


def pack_record(value: Record) -> bytes:
    """Return a record alone, as a connect request and its response travel."""
    out = bytearray()
    value.write(out)
    return bytes(out)


def pack_request(request: Request, *, xid: int) -> bytes:
    """Return a request behind its header."""
    out = bytearray()
    RequestHeader(xid=xid, op=request.op).write(out)
    request.write(out)
    return bytes(out)


def pack_reply(reply: Reply) -> bytes:
    """Return an answer behind its header."""
    out = bytearray()
    ReplyHeader(xid=reply.xid, zxid=reply.zxid, error=reply.error).write(out)
    if reply.body is not None:
        reply.body.write(out)
    return bytes(out)


def parse_connect_request(packet: bytes) -> ConnectRequest:
    """Return a client's first packet; RemoteWireError if malformed. Bytes after it are ignored, as by ZooKeeper."""
    return ConnectRequest.read(Reader(packet))


def parse_connect_response(packet: bytes) -> ConnectResponse:
    """Return a server's first packet; RemoteWireError if malformed."""
    return ConnectResponse.read(Reader(packet))


def parse_header(packet: bytes) -> tuple[RequestHeader, Reader]:
    """Return the header of a client's packet and what follows it; RemoteWireError if it is cut short."""
    reader = Reader(packet)
    return RequestHeader.read(reader), reader


def parse_reply(packet: bytes, *, request: type[Request]) -> Reply:
    """Return a server's answer to a request of this kind, or the event that came instead; RemoteWireError if malformed.

    An event has the request number -1 and a `WatchEvent` as its body.
    """
    reader = Reader(packet)
    header = ReplyHeader.read(reader)
    body = WatchEvent if header.xid == Xid.NOTIFICATION else request.reply
    return Reply(
        xid=header.xid,
        zxid=header.zxid,
        error=header.error,
        body=body.read(reader) if header.error == ErrorCode.OK else None,
    )
