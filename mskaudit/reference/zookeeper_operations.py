"""Requests about nodes, done: reads with their watches, changes one by one or several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from mskaudit.reference.zookeeper_store import Refused, Store
from mskaudit.reference.zookeeper_watches import Watched, Watcher, Watches
from mskaudit.wire.zookeeper import (
    AclReply,
    Check,
    ChildrenReply,
    ChildrenStatReply,
    Create,
    Create2,
    DataReply,
    Delete,
    Empty,
    ErrorReply,
    Exists,
    GetAcl,
    GetChildren,
    GetChildren2,
    GetData,
    Identity,
    PathReply,
    PathStatReply,
    Request,
    SetAcl,
    SetData,
    Stat,
    StatReply,
    Sync,
)
from mskaudit.wire.zookeeper_codes import ErrorCode, OpCode
from mskaudit.wire.zookeeper_packets import Multi, MultiReply

if TYPE_CHECKING:
    from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
    from mskaudit.wire.zookeeper_records import Record

_CHANGES: Final = (Create, Create2, Delete, SetData, SetAcl)


class Client(Watcher, Protocol):
    """Who asks."""

    identities: tuple[Identity, ...]


class Ground(Protocol):
    """What is asked about."""

    settings: ZooKeeperSettings
    store: Store
    watches: Watches


def operate(ground: Ground, request: Request, *, watcher: Client, session: int) -> Record:
    """Do what is asked; Refused where ZooKeeper says no."""
    match request:
        case Multi():
            return _several(ground, request, watcher.identities, session)
        case Sync():
            return PathReply(path=request.path)
        case _ if isinstance(request, _CHANGES):
            return _alone(ground, request, watcher.identities, session)
        case _:
            return _read(ground, request, watcher)


def _path(path: str | None) -> str:
    if path is None:
        raise Refused(ErrorCode.MARSHALLING_ERROR)
    return path


def _alone(ground: Ground, request: Request, identities: tuple[Identity, ...], session: int) -> Record:
    ground.store.begin()
    try:
        result = _change(ground.store, request, identities, session)
    except Refused:
        ground.store.abandon()
        raise
    ground.watches.tell(ground.store.commit())
    return result


def _several(ground: Ground, request: Multi, identities: tuple[Identity, ...], session: int) -> MultiReply:
    ground.store.begin()
    results: list[tuple[int, Record]] = []
    for step in request.steps:
        try:
            results.append((step.op, _change(ground.store, step, identities, session)))
        except Refused as refused:
            ground.store.abandon()
            return _failed(len(results), refused.code, of=len(request.steps))
    ground.watches.tell(ground.store.commit())
    return MultiReply(results=tuple(results))


def _failed(at: int, code: ErrorCode, *, of: int) -> MultiReply:
    """None was done: those before the fault say 0, those after it that they were not tried."""
    codes = [ErrorCode.OK] * at + [code] + [ErrorCode.RUNTIME_INCONSISTENCY] * (of - at - 1)
    return MultiReply(results=tuple((OpCode.ERROR, ErrorReply(error=each)) for each in codes))


def _change(store: Store, request: Request, identities: tuple[Identity, ...], session: int) -> Record:
    match request:
        case Create() | Create2():
            path, stat = store.create(
                _path(request.path),
                request.data,
                acl=request.acl,
                flags=request.flags,
                identities=identities,
                session=session,
            )
            return PathReply(path=path) if isinstance(request, Create) else PathStatReply(path=path, stat=stat)
        case Delete():
            store.delete(_path(request.path), version=request.version, identities=identities)
            return Empty()
        case SetData():
            path, version = _path(request.path), request.version
            return StatReply(stat=store.set_data(path, request.data, version=version, identities=identities))
        case SetAcl():
            path, version = _path(request.path), request.version
            return StatReply(stat=store.set_acl(path, request.acl, version=version, identities=identities))
        case Check():
            store.check(_path(request.path), version=request.version, identities=identities)
            return Empty()
        case _:
            raise Refused(ErrorCode.UNIMPLEMENTED)


def _read(ground: Ground, request: Request, client: Client) -> Record:
    store, identities = ground.store, client.identities
    match request:
        case Exists():
            return StatReply(stat=_exists(ground, request, client))
        case GetData():
            data, stat = store.data(_path(request.path), identities)
            if request.watch:
                ground.watches.add(client, Watched.DATA, _path(request.path))
            return DataReply(data=data, stat=stat)
        case GetChildren() | GetChildren2():
            names, stat = store.children(_path(request.path), identities)
            if request.watch:
                ground.watches.add(client, Watched.CHILDREN, _path(request.path))
            if isinstance(request, GetChildren):
                return ChildrenReply(children=names)
            return ChildrenStatReply(children=names, stat=stat)
        case GetAcl():
            path = _path(request.path)
            checked = ground.settings.checks_acl_readers
            acl, stat = store.acl(path, identities) if checked else store.bare_acl(path)
            return AclReply(acl=acl, stat=stat)
        case _:
            raise Refused(ErrorCode.UNIMPLEMENTED)


def _exists(ground: Ground, request: Exists, client: Client) -> Stat:
    """Ask for a node, and watch even one that is not there."""
    path = _path(request.path)
    try:
        stat = ground.store.stat(path, client.identities)
    except Refused as refused:
        if request.watch and refused.code is ErrorCode.NO_NODE:
            ground.watches.add(client, Watched.DATA, path)
        raise
    if request.watch:
        ground.watches.add(client, Watched.DATA, path)
    return stat
