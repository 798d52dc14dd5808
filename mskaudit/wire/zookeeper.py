"""ZooKeeper's client protocol, both ends, without I/O (zookeeper.jute of 3.8).

A packet is a four-byte length and a record; `mskaudit.wire.frames` cuts and makes them. The first packet each way is a
connect request and its response; after that every packet begins with a header. Strings and byte arrays may be absent.
"""

from __future__ import annotations

from typing import ClassVar, Final

from mskaudit.wire.zookeeper_codes import OpCode
from mskaudit.wire.zookeeper_records import (
    BUFFER,
    FLAG,
    INT,
    LONG,
    TEXT,
    Nested,
    Record,
    TrailingFlag,
    Vector,
    hides,
    record,
    travels,
)


@record
class ConnectRequest(Record):
    """The first packet of a client: `timeout` in milliseconds, `session` 0 for a new one."""

    protocol: int = travels(INT)
    zxid: int = travels(LONG)
    timeout: int = travels(INT)
    session: int = travels(LONG)
    password: bytes | None = hides(BUFFER)
    read_only: bool | None = travels(TrailingFlag())


@record
class ConnectResponse(Record):
    """The first packet of a server; `timeout` 0 and `session` 0 say that the session has expired."""

    protocol: int = travels(INT)
    timeout: int = travels(INT)
    session: int = travels(LONG)
    password: bytes | None = hides(BUFFER)
    read_only: bool | None = travels(TrailingFlag())


@record
class RequestHeader(Record):
    """What every later packet of a client begins with."""

    xid: int = travels(INT)
    op: int = travels(INT)


@record
class ReplyHeader(Record):
    """What every later packet of a server begins with; the body follows when `error` is 0."""

    xid: int = travels(INT)
    zxid: int = travels(LONG)
    error: int = travels(INT)


@record
class Acl(Record):
    """An entry of an access list: permission bits, and whom it is for."""

    perms: int = travels(INT)
    scheme: str | None = travels(TEXT)
    id: str | None = travels(TEXT)


@record
class Stat(Record):
    """What a server knows about a node besides its data; times in milliseconds since 1970."""

    czxid: int = travels(LONG)
    mzxid: int = travels(LONG)
    ctime: int = travels(LONG)
    mtime: int = travels(LONG)
    version: int = travels(INT)
    cversion: int = travels(INT)
    aversion: int = travels(INT)
    ephemeral_owner: int = travels(LONG)
    data_length: int = travels(INT)
    num_children: int = travels(INT)
    pzxid: int = travels(LONG)


@record
class Identity(Record):
    """Who a session is, in one scheme."""

    scheme: str | None = travels(TEXT)
    user: str | None = travels(TEXT)


_ACLS: Final = Vector(Nested(Acl))
_STAT: Final = Nested(Stat)


@record
class Empty(Record):
    """An answer that is its header."""


@record
class PathReply(Record):
    """The path that was made or flushed."""

    path: str | None = travels(TEXT)


@record
class StatReply(Record):
    """What is known about a node."""

    stat: Stat = travels(_STAT)


@record
class PathStatReply(Record):
    """The path that was made, and what is known about it."""

    path: str | None = travels(TEXT)
    stat: Stat = travels(_STAT)


@record
class DataReply(Record):
    """What is in a node."""

    data: bytes | None = hides(BUFFER)
    stat: Stat = travels(_STAT)


@record
class AclReply(Record):
    """Who may do what with a node."""

    acl: tuple[Acl, ...] = travels(_ACLS)
    stat: Stat = travels(_STAT)


@record
class ChildrenReply(Record):
    """The names of a node's children."""

    children: tuple[str | None, ...] = travels(Vector(TEXT))


@record
class ChildrenStatReply(Record):
    """The names of a node's children, and what is known about it."""

    children: tuple[str | None, ...] = travels(Vector(TEXT))
    stat: Stat = travels(_STAT)


@record
class IdentityReply(Record):
    """Who this session is."""

    identities: tuple[Identity, ...] = travels(Vector(Nested(Identity)))


@record
class SaslReply(Record):
    """The next token of a SASL login."""

    token: bytes | None = hides(BUFFER)


@record
class ErrorReply(Record):
    """Why one operation of several was not done."""

    error: int = travels(INT)


@record
class WatchEvent(Record):
    """What happened to a watched node; comes with request number -1."""

    type: int = travels(INT)
    state: int = travels(INT)
    path: str | None = travels(TEXT)


class Request(Record):
    """A request: what it asks for, and how it is answered."""

    __slots__ = ()
    op: ClassVar[OpCode]
    reply: ClassVar[type[Record]]


@record
class Create(Request):
    """Make a node; `flags` are a `CreateMode`."""

    op = OpCode.CREATE
    reply = PathReply
    path: str | None = travels(TEXT)
    data: bytes | None = hides(BUFFER)
    acl: tuple[Acl, ...] = travels(_ACLS)
    flags: int = travels(INT)


@record
class Create2(Request):
    """Make a node and tell what is known about it."""

    op = OpCode.CREATE2
    reply = PathStatReply
    path: str | None = travels(TEXT)
    data: bytes | None = hides(BUFFER)
    acl: tuple[Acl, ...] = travels(_ACLS)
    flags: int = travels(INT)


@record
class Delete(Request):
    """Remove a node; version -1 is any."""

    op = OpCode.DELETE
    reply = Empty
    path: str | None = travels(TEXT)
    version: int = travels(INT)


@record
class Exists(Request):
    """Ask whether there is a node."""

    op = OpCode.EXISTS
    reply = StatReply
    path: str | None = travels(TEXT)
    watch: bool = travels(FLAG)


@record
class GetData(Request):
    """Ask what is in a node."""

    op = OpCode.GET_DATA
    reply = DataReply
    path: str | None = travels(TEXT)
    watch: bool = travels(FLAG)


@record
class SetData(Request):
    """Change what is in a node; version -1 is any."""

    op = OpCode.SET_DATA
    reply = StatReply
    path: str | None = travels(TEXT)
    data: bytes | None = hides(BUFFER)
    version: int = travels(INT)


@record
class GetAcl(Request):
    """Ask who may do what with a node."""

    op = OpCode.GET_ACL
    reply = AclReply
    path: str | None = travels(TEXT)


@record
class SetAcl(Request):
    """Change who may do what with a node; version -1 is any."""

    op = OpCode.SET_ACL
    reply = StatReply
    path: str | None = travels(TEXT)
    acl: tuple[Acl, ...] = travels(_ACLS)
    version: int = travels(INT)


@record
class GetChildren(Request):
    """Ask for the names of a node's children."""

    op = OpCode.GET_CHILDREN
    reply = ChildrenReply
    path: str | None = travels(TEXT)
    watch: bool = travels(FLAG)


@record
class GetChildren2(Request):
    """Ask for the names of a node's children, and what is known about it."""

    op = OpCode.GET_CHILDREN2
    reply = ChildrenStatReply
    path: str | None = travels(TEXT)
    watch: bool = travels(FLAG)


@record
class Sync(Request):
    """Wait until this server knows all that was written before."""

    op = OpCode.SYNC
    reply = PathReply
    path: str | None = travels(TEXT)


@record
class Ping(Request):
    """Keep the session; comes with request number -2."""

    op = OpCode.PING
    reply = Empty


@record
class Check(Request):
    """Ask that a node has a version, inside `Multi`."""

    op = OpCode.CHECK
    reply = Empty
    path: str | None = travels(TEXT)
    version: int = travels(INT)


@record
class Auth(Request):
    """Show a credential of a scheme; comes with request number -4."""

    op = OpCode.AUTH
    reply = Empty
    type: int = travels(INT)
    scheme: str | None = travels(TEXT)
    credential: bytes | None = hides(BUFFER)


@record
class Sasl(Request):
    """One token of a SASL login."""

    op = OpCode.SASL
    reply = SaslReply
    token: bytes | None = hides(BUFFER)


@record
class WhoAmI(Request):
    """Ask who this session is (since 3.7)."""

    op = OpCode.WHO_AM_I
    reply = IdentityReply


@record
class Close(Request):
    """End the session."""

    op = OpCode.CLOSE
    reply = Empty
