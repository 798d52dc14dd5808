"""The nodes of a running reference ZooKeeper: read and changed as ZooKeeper 3.8.4 does, one request after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mskaudit.reference.znodes import WORLD_READ, Tree, Znode, allows, granted, is_path, masked
from mskaudit.wire.zookeeper import Acl, Identity, Stat
from mskaudit.wire.zookeeper_codes import CreateMode, ErrorCode, EventType, Perms

if TYPE_CHECKING:
    from collections.abc import Callable

ANY_VERSION: Final = -1
FOREIGN_SESSION: Final = 0x1000_0000_0000_0001
"""The owner of ephemeral nodes that are there from the start: the session of a broker."""

_BUILT_IN: Final = {"/": Znode(), "/zookeeper": Znode(), "/zookeeper/quota": Znode()}
_CONFIG: Final = {"/zookeeper/config": Znode(acl=(WORLD_READ,))}
_KEPT: Final = ("/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config")
_SEQUENTIAL: Final = (CreateMode.PERSISTENT_SEQUENTIAL, CreateMode.EPHEMERAL_SEQUENTIAL)
_EPHEMERAL: Final = (CreateMode.EPHEMERAL, CreateMode.EPHEMERAL_SEQUENTIAL)
_CONTAINER: Final = 4
_WITH_TIME_TO_LIVE: Final = (5, 6)

Change = tuple[EventType, str]


class Refused(Exception):  # noqa: N818  an answer to a client, no error of the program
    """A request that is answered with an error."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(slots=True, kw_only=True)
class _Node:
    data: bytes | None
    acl: tuple[Acl, ...]
    owner: int
    czxid: int
    mzxid: int
    pzxid: int
    ctime: int
    mtime: int
    version: int = 0
    created: int = 0
    aversion: int = 0
    children: set[str] = field(default_factory=set)

    @property
    def stat(self) -> Stat:
        return Stat(
            czxid=self.czxid,
            mzxid=self.mzxid,
            ctime=self.ctime,
            mtime=self.mtime,
            version=self.version,
            # ZooKeeper counts creations only, and shows creations and deletions.
            cversion=self.created * 2 - len(self.children),
            aversion=self.aversion,
            ephemeral_owner=self.owner,
            data_length=len(self.data or b""),
            num_children=len(self.children),
            pzxid=self.pzxid,
        )


class Store:
    """Nodes, bounded in number and bytes; `now` gives milliseconds since 1970."""

    def __init__(self, tree: Tree, *, now: Callable[[], int], most_nodes: int, most_bytes: int) -> None:
        self._now = now
        self._most_nodes = most_nodes
        self._most_bytes = most_bytes
        self._nodes: dict[str, _Node] = {}
        self._owned: dict[int, set[str]] = {}
        self._undo: list[Callable[[], None]] = []
        self._changes: list[Change] = []
        self.zxid = 0
        self.size = 0
        for path, node in (_BUILT_IN | _CONFIG).items():
            self._plant(path, node, zxid=0)
        self._nodes["/zookeeper/config"].aversion = -1
        for each in self._nodes.values():
            each.created = 0
        for path in sorted(tree.nodes):
            self._grow(path, tree.nodes[path])

    def _grow(self, path: str, node: Znode) -> None:
        """Put a node of the start in its place, below parents that may be missing."""
        if path in self._nodes:
            self._nodes[path].data, self._nodes[path].acl = node.data, node.acl
            return
        parent = _parent(path)
        if parent not in self._nodes:
            self._grow(parent, Znode())
        self.zxid += 1
        self._plant(path, node, zxid=self.zxid)

    def _plant(self, path: str, node: Znode, *, zxid: int) -> None:
        now = self._now() if zxid else 0
        owner = FOREIGN_SESSION if node.ephemeral else 0
        made = _Node(
            data=node.data, acl=node.acl, owner=owner, czxid=zxid, mzxid=zxid, pzxid=zxid, ctime=now, mtime=now
        )
        self._nodes[path] = made
        self.size += _cost(path, made)
        if path != "/":
            parent = self._nodes[_parent(path)]
            parent.children.add(_name(path))
            parent.created += 1
            parent.pzxid = zxid

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def ephemerals(self) -> int:
        """How many nodes go with their sessions."""
        return sum(bool(node.owner) for node in self._nodes.values())

    def begin(self) -> None:
        """Begin a change: what follows is one, until `commit` or `abandon`."""
        self.zxid += 1
        self._undo.clear()
        self._changes.clear()

    def commit(self) -> tuple[Change, ...]:
        """Keep what changed since `begin`, and tell it."""
        self._undo.clear()
        changes = tuple(self._changes)
        self._changes.clear()
        return changes

    def abandon(self) -> None:
        """Take back what changed since `begin`."""
        for undo in reversed(self._undo):
            undo()
        self.commit()

    def stat(self, path: str, identities: tuple[Identity, ...]) -> Stat:
        """What is known about a node."""
        return self._readable(path, identities).stat

    def data(self, path: str, identities: tuple[Identity, ...]) -> tuple[bytes | None, Stat]:
        """What is in a node."""
        node = self._readable(path, identities)
        return node.data, node.stat

    def children(self, path: str, identities: tuple[Identity, ...]) -> tuple[tuple[str, ...], Stat]:
        """The names of a node's children, sorted; ZooKeeper has no order."""
        node = self._readable(path, identities)
        return tuple(sorted(node.children)), node.stat

    def acl(self, path: str, identities: tuple[Identity, ...]) -> tuple[tuple[Acl, ...], Stat]:
        """The access list of a node, without digests for those who may not change it."""
        node = self._find(path)
        _check(node, Perms.READ | Perms.ADMIN, identities)
        acl = node.acl if allows(node.acl, Perms.ADMIN, identities) else masked(node.acl)
        return acl, node.stat

    def bare_acl(self, path: str) -> tuple[tuple[Acl, ...], Stat]:
        """The access list of a node for everybody: releases before 3.4.14 and 3.5.5 (CVE-2019-0201)."""
        node = self._find(path)
        return node.acl, node.stat

    def create(
        self,
        path: str,
        data: bytes | None,
        *,
        acl: tuple[Acl, ...],
        flags: int,
        identities: tuple[Identity, ...],
        session: int,
    ) -> tuple[str, Stat]:
        """Make a node; return its path, which a sequential one gets only now."""
        mode = _mode(flags)
        if "/" not in path or "\0" in path:
            raise Refused(ErrorCode.BAD_ARGUMENTS)
        kept = granted(acl, identities)
        if isinstance(kept, ErrorCode):
            raise Refused(kept)
        parent = self._find(_parent(path))
        _check(parent, Perms.CREATE, identities)
        if mode in _SEQUENTIAL:
            path = f"{path}{parent.created:010d}"
        _validate(path)
        if path in self._nodes:
            raise Refused(ErrorCode.NODE_EXISTS)
        if parent.owner:
            raise Refused(ErrorCode.NO_CHILDREN_FOR_EPHEMERALS)
        self._reserve(len(path) + len(data or b"") + _acl_cost(kept), nodes=1)
        node = self._insert(path, parent, Znode(data=data, acl=kept), owner=session if mode in _EPHEMERAL else 0)
        return path, node.stat

    def delete(self, path: str, *, version: int, identities: tuple[Identity, ...]) -> None:
        """Remove a node."""
        if "/" not in path or "\0" in path or path in _KEPT:
            raise Refused(ErrorCode.BAD_ARGUMENTS)
        parent = self._find(_parent(path))
        node = self._find(path)
        _check(parent, Perms.DELETE, identities)
        _expect(version, node.version)
        if node.children:
            raise Refused(ErrorCode.NOT_EMPTY)
        self._remove(path)

    def set_data(self, path: str, data: bytes | None, *, version: int, identities: tuple[Identity, ...]) -> Stat:
        """Change what is in a node."""
        _validate(path)
        node = self._find(path)
        _check(node, Perms.WRITE, identities)
        _expect(version, node.version)
        grown = len(data or b"") - len(node.data or b"")
        self._reserve(grown, nodes=0)
        before = node.data, node.version, node.mzxid, node.mtime

        def undo() -> None:
            node.data, node.version, node.mzxid, node.mtime = before
            self.size -= grown

        node.data, node.version, node.mzxid, node.mtime = data, node.version + 1, self.zxid, self._now()
        self.size += grown
        self._record(undo, (EventType.DATA_CHANGED, path))
        return node.stat

    def set_acl(self, path: str, acl: tuple[Acl, ...], *, version: int, identities: tuple[Identity, ...]) -> Stat:
        """Change who may do what with a node."""
        _validate(path)
        kept = granted(acl, identities)
        if isinstance(kept, ErrorCode):
            raise Refused(kept)
        node = self._find(path)
        _check(node, Perms.ADMIN, identities)
        _expect(version, node.aversion)
        grown = _acl_cost(kept) - _acl_cost(node.acl)
        self._reserve(grown, nodes=0)
        before = node.acl, node.aversion

        def undo() -> None:
            node.acl, node.aversion = before
            self.size -= grown

        self.size += grown
        node.acl, node.aversion = kept, node.aversion + 1
        self._record(undo)
        return node.stat

    def check(self, path: str, *, version: int, identities: tuple[Identity, ...]) -> None:
        """Refuse unless a node has a version."""
        _validate(path)
        node = self._find(path)
        _check(node, Perms.READ, identities)
        _expect(version, node.version)

    def forget(self, session: int) -> None:
        """Remove the nodes that go with a session."""
        for path in sorted(self._owned.pop(session, ())):
            self._remove(path)

    def _find(self, path: str) -> _Node:
        node = self._nodes.get(path or "/")
        if node is None:
            raise Refused(ErrorCode.NO_NODE)
        return node

    def _readable(self, path: str, identities: tuple[Identity, ...]) -> _Node:
        node = self._find(path)
        _check(node, Perms.READ, identities)
        return node

    def _reserve(self, size: int, *, nodes: int) -> None:
        if len(self._nodes) + nodes > self._most_nodes or self.size + size > self._most_bytes:
            raise Refused(ErrorCode.QUOTA_EXCEEDED)

    def _record(self, undo: Callable[[], None], *changes: Change) -> None:
        self._undo.append(undo)
        self._changes += changes

    def _insert(self, path: str, parent: _Node, node: Znode, *, owner: int) -> _Node:
        before = parent.created, parent.pzxid
        self._plant(path, node, zxid=self.zxid)
        made = self._nodes[path]
        made.owner = owner
        if owner:
            self._owned.setdefault(owner, set()).add(path)

        def undo() -> None:
            self._detach(path)
            parent.created, parent.pzxid = before

        self._record(undo, (EventType.CREATED, path), (EventType.CHILDREN_CHANGED, _parent(path)))
        return made

    def _remove(self, path: str) -> None:
        parent = self._nodes[_parent(path)]
        pzxid = parent.pzxid
        node = self._detach(path)
        parent.pzxid = self.zxid

        def undo() -> None:
            self._attach(path, node)
            parent.pzxid = pzxid

        self._record(undo, (EventType.DELETED, path), (EventType.CHILDREN_CHANGED, _parent(path)))

    def _attach(self, path: str, node: _Node) -> None:
        self._nodes[path] = node
        self._nodes[_parent(path)].children.add(_name(path))
        self.size += _cost(path, node)
        if node.owner:
            self._owned.setdefault(node.owner, set()).add(path)

    def _detach(self, path: str) -> _Node:
        node = self._nodes.pop(path)
        self._nodes[_parent(path)].children.discard(_name(path))
        self.size -= _cost(path, node)
        if node.owner in self._owned:
            self._owned[node.owner].discard(path)
        return node


def _acl_cost(acl: tuple[Acl, ...]) -> int:
    return sum(len(entry.scheme or "") + len(entry.id or "") for entry in acl)


def _cost(path: str, node: _Node) -> int:
    """Characters and bytes that a node keeps."""
    return len(path) + len(node.data or b"") + _acl_cost(node.acl)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _validate(path: str) -> None:
    if not is_path(path):
        raise Refused(ErrorCode.BAD_ARGUMENTS)


def _check(node: _Node, perms: int, identities: tuple[Identity, ...]) -> None:
    if not allows(node.acl, perms, identities):
        raise Refused(ErrorCode.NO_AUTH)


def _expect(expected: int, version: int) -> None:
    if expected not in (ANY_VERSION, version):
        raise Refused(ErrorCode.BAD_VERSION)


def _mode(flags: int) -> CreateMode:
    if flags in _WITH_TIME_TO_LIVE:
        raise Refused(ErrorCode.UNIMPLEMENTED)
    if flags == _CONTAINER:
        return CreateMode.PERSISTENT
    try:
        return CreateMode(flags)
    except ValueError:
        raise Refused(ErrorCode.BAD_ARGUMENTS) from None
