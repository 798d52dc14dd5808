"""What a reference ZooKeeper holds at its start, and who may do what with it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit.wire.zookeeper import Acl, Identity
from mskaudit.wire.zookeeper_codes import ErrorCode, Perms

if TYPE_CHECKING:
    from collections.abc import Iterable

WORLD_ALL: Final = Acl(perms=Perms.ALL, scheme="world", id="anyone")
WORLD_READ: Final = Acl(perms=Perms.READ, scheme="world", id="anyone")
OPEN: Final = (WORLD_ALL,)
"""The access list of a node that nobody cared about."""

_MOST_ENTRIES: Final = 100
_WITH_ID: Final = ("digest", "ip", "world", "x509")
_WORLD: Final = ("world", "anyone")
# Control characters and what UTF-16 cannot stand for or Java's path check forbids.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff]")
_PATH: Final = re.compile(r"/|(?:/(?!\.{1,2}(?:/|\Z))[^/]+)+")
_NETWORK: Final = re.compile(r"[0-9.]{7,15}(?:/[0-9]{1,2})?", re.ASCII)
_DN: Final = re.compile(r"\s*[A-Za-z][\w.-]*\s*=(?:[^,\\]|\\.)*(?:,\s*[A-Za-z][\w.-]*\s*=(?:[^,\\]|\\.)*)*|", re.DOTALL)


class Znode(Struct, frozen=True, kw_only=True):
    """A node: its data, its access list, and whether it goes with the session of who made it."""

    data: bytes | None = b""
    acl: tuple[Acl, ...] = OPEN
    ephemeral: bool = False


class Tree(Struct, frozen=True, kw_only=True):
    """Nodes by path; parents that are not listed are empty and open."""

    nodes: Mapping[str, Znode] = {}

    def __post_init__(self) -> None:
        for path in self.nodes:
            if not is_path(path):
                raise ValueError(f"{path!r} is no path of a node")


def is_path(path: str) -> bool:
    """Whether ZooKeeper takes a path (PathUtils.validatePath)."""
    return bool(_PATH.fullmatch(path)) and not _FORBIDDEN.search(path)


def digest_id(credential: bytes) -> str:
    """The id of the `digest` scheme for `user:password`: unsalted SHA-1, as ZooKeeper has it."""
    user = credential.decode(errors="replace").partition(":")[0]
    digest = hashlib.sha1(credential).digest()  # noqa: S324  the scheme is what it is
    return f"{user}:{base64.b64encode(digest).decode()}"


def allows(acl: Iterable[Acl], perms: int, identities: Iterable[Identity]) -> bool:
    """Whether an access list gives one of `perms` to somebody; an empty one gives all to everybody."""
    entries = tuple(acl)
    return not entries or any(
        entry.perms & perms
        and ((entry.scheme, entry.id) == _WORLD or any(_matches(entry, identity) for identity in identities))
        for entry in entries
    )


def _matches(entry: Acl, identity: Identity) -> bool:
    if entry.scheme != identity.scheme:
        return False
    if entry.scheme != "ip":
        return entry.id == identity.user
    network = _network(entry.id)
    return network is not None and IPv4Address(identity.user or "") in network


def _network(text: str | None) -> IPv4Network | None:
    if text is None or not _NETWORK.fullmatch(text):
        return None
    try:
        return IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError):
        return None


def masked(acl: Iterable[Acl]) -> tuple[Acl, ...]:
    """What somebody without ADMIN sees: digests are left out."""
    return tuple(
        Acl(perms=entry.perms, scheme="digest", id=(entry.id or "").partition(":")[0] + ":x")
        if entry.scheme == "digest"
        else entry
        for entry in acl
    )


def granted(acl: Iterable[Acl], identities: tuple[Identity, ...]) -> tuple[Acl, ...] | ErrorCode:
    """The access list a node gets when this one is asked for: without doubles, `auth` replaced by who asks."""
    entries: list[Acl] = []
    asked = tuple(dict.fromkeys(acl))
    if len(asked) > _MOST_ENTRIES:
        return ErrorCode.INVALID_ACL
    for entry in asked:
        if entry.id is None and entry.scheme in _WITH_ID:
            return ErrorCode.MARSHALLING_ERROR
        found = _granted(entry, identities)
        if not found:
            return ErrorCode.INVALID_ACL
        entries += found
    return tuple(dict.fromkeys(entries)) or ErrorCode.INVALID_ACL


def _granted(entry: Acl, identities: tuple[Identity, ...]) -> list[Acl]:
    match entry.scheme:
        case "world":
            valid = entry.id == "anyone"
        case "auth":
            return [
                Acl(perms=entry.perms, scheme=each.scheme, id=each.user) for each in identities if each.scheme != "ip"
            ]
        case "digest":
            valid = (entry.id or "").count(":") == 1
        case "ip":
            valid = _network(entry.id) is not None
        case "x509":
            valid = _DN.fullmatch(entry.id or "") is not None
        case _:
            valid = False
    return [entry] if valid else []
