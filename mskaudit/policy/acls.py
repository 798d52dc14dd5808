"""Kafka's access control lists: what they say, which of them a filter means, and what an authorizer decides by them.

The semantics are those of ``StandardAuthorizer`` (KRaft); ``AclAuthorizer`` (ZooKeeper, gone in 4.0) decides the same
except where `Flavour` says so. Compared with StandardAuthorizer of 3.9.2 and 4.4.0 and AclAuthorizer of 3.9.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from mskaudit.errors import UsageError
from mskaudit.policy.hosts import WILDCARD, HostForm, complaint, covers_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WILDCARD_PRINCIPAL: Final = "User:*"
CLUSTER_NAME: Final = "kafka-cluster"
"""The only name a resource of type CLUSTER has."""

_JAVA_BLANKS: Final = "".join(map(chr, range(0x21)))
_PROBE: Final = "hardcode"  # the name StandardAuthorizer itself asks for before it looks at patterns


class _Code(IntEnum):
    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls(0) if isinstance(value, int) and value else None


class ResourceType(_Code):
    """What an ACL is about, by Kafka's codes; a code Kafka does not know becomes UNKNOWN, as in Kafka."""

    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class PatternType(_Code):
    """How an ACL's resource name is meant; ANY and MATCH occur in filters only."""

    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class Operation(_Code):
    """What is done to a resource; a bit field of operations has bit n set for the operation of code n."""

    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


class Permission(_Code):
    """Whether an ACL refuses or grants."""

    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3


class Flavour(StrEnum):
    """The authorizer in charge.

    They differ in "on at least one resource", and the standard one overlooks ACLs on `*` for names that begin with
    `*`: neither grants nor denials on every group reach one called `*a`.
    """

    STANDARD = "standard"
    ZOOKEEPER = "zookeeper"


class Ground(StrEnum):
    """What a decision rests on."""

    SUPER_USER = "super user"
    ACL = "ACL"
    DEFAULT = "no ACL on the resource"
    UNMATCHED = "no ACL for this request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """One entry: a principal (`User:alice`), from a host (textual address or `*`), may or may not do an operation."""

    resource_type: ResourceType
    name: str
    pattern_type: PatternType = PatternType.LITERAL
    principal: str
    host: str = WILDCARD
    operation: Operation
    permission: Permission = Permission.ALLOW

    def covers(self, name: str) -> bool:
        """Whether the resource ``name`` (of the right type) is one this entry is about."""
        if self.pattern_type is PatternType.PREFIXED:
            return name.startswith(self.name)
        return self.pattern_type is PatternType.LITERAL and self.name in (name, WILDCARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class AclFilter:
    """What DescribeAcls and DeleteAcls ask for; None and ANY stand for everything."""

    resource_type: ResourceType = ResourceType.ANY
    name: str | None = None
    pattern_type: PatternType = PatternType.ANY
    principal: str | None = None
    host: str | None = None
    operation: Operation = Operation.ANY
    permission: Permission = Permission.ANY

    @property
    def is_unknown(self) -> bool:
        """Whether it holds a code Kafka does not know, for which a broker refuses it (error 42)."""
        return 0 in (self.resource_type, self.pattern_type, self.operation, self.permission)

    def matches(self, acl: Acl) -> bool:
        """Whether ``acl`` is one of those asked for; MATCH means every pattern that covers the name."""
        return (
            self.resource_type in (ResourceType.ANY, acl.resource_type)
            and self.principal in (None, acl.principal)
            and self.host in (None, acl.host)
            and self.operation in (Operation.ANY, acl.operation)
            and self.permission in (Permission.ANY, acl.permission)
            and self._matches_pattern(acl)
        )

    def _matches_pattern(self, acl: Acl) -> bool:
        if self.pattern_type is PatternType.MATCH:
            return self.name is None or acl.covers(self.name)
        return self.pattern_type in (PatternType.ANY, acl.pattern_type) and self.name in (None, acl.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An authorizer's answer and its ground; ``acl`` is one deciding entry where the ground is an ACL."""

    allowed: bool
    ground: Ground
    acl: Acl | None = None


_Pattern = tuple[ResourceType, PatternType, str]
_ByPrincipal = dict[str, list[Acl]]


class AclSet:
    """An immutable set of ACLs in the order they were added, indexed so that a decision looks at few of them."""

    def __init__(self, acls: Iterable[Acl] = ()) -> None:
        self._acls: Final = dict.fromkeys(acls)

    def __iter__(self) -> Iterator[Acl]:
        return iter(self._acls)

    def __len__(self) -> int:
        return len(self._acls)

    def including(self, acls: Iterable[Acl]) -> AclSet:
        """Return a set with ``acls`` too; those already there keep their place."""
        return AclSet((*self._acls, *acls))

    def excluding(self, acls: Iterable[Acl]) -> AclSet:
        """Return a set without ``acls``; those not there do not matter."""
        gone = frozenset(acls)
        return AclSet(acl for acl in self._acls if acl not in gone)

    def select(self, wanted: AclFilter) -> tuple[Acl, ...]:
        """Return the entries the filter asks for, in their order."""
        return tuple(acl for acl in self._acls if wanted.matches(acl))

    def covering(
        self, resource_type: ResourceType, name: str, *, flavour: Flavour = Flavour.STANDARD
    ) -> Iterator[Mapping[str, list[Acl]]]:
        """Yield, for each pattern that covers the resource, its entries by principal: the most specific first."""
        for pattern in self._patterns(resource_type, name, flavour):
            entries = self._index.get(pattern)
            if entries is not None:
                yield entries

    def of_type(self, resource_type: ResourceType, principal: str) -> Iterator[Acl]:
        """Yield the entries about any resource of a type that name ``principal`` or everybody."""
        for each in dict.fromkeys((principal, WILDCARD_PRINCIPAL)):
            yield from self._by_type.get((resource_type, each), ())

    def _patterns(self, resource_type: ResourceType, name: str, flavour: Flavour) -> Iterator[_Pattern]:
        yield resource_type, PatternType.LITERAL, name
        for length in self._prefix_lengths.get(resource_type, ()):
            if length <= len(name):
                yield resource_type, PatternType.PREFIXED, name[:length]
        if not name.startswith(WILDCARD) or (flavour is Flavour.ZOOKEEPER and name != WILDCARD):
            yield resource_type, PatternType.LITERAL, WILDCARD

    @cached_property
    def _index(self) -> Mapping[_Pattern, _ByPrincipal]:
        index: dict[_Pattern, _ByPrincipal] = {}
        for acl in self._acls:
            entries = index.setdefault((acl.resource_type, acl.pattern_type, acl.name), {})
            entries.setdefault(acl.principal, []).append(acl)
        return index

    @cached_property
    def _by_type(self) -> Mapping[tuple[ResourceType, str], list[Acl]]:
        index: dict[tuple[ResourceType, str], list[Acl]] = {}
        for acl in self._acls:
            index.setdefault((acl.resource_type, acl.principal), []).append(acl)
        return index

    @cached_property
    def _prefix_lengths(self) -> Mapping[ResourceType, tuple[int, ...]]:
        lengths: dict[ResourceType, set[int]] = {}
        for resource_type, pattern_type, name in self._index:
            if pattern_type is PatternType.PREFIXED:
                lengths.setdefault(resource_type, set()).add(len(name))
        return {each: tuple(sorted(found, reverse=True)) for each, found in lengths.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """Decides requests by ACLs, super users and ``allow.everyone.if.no.acl.found``."""

    acls: AclSet
    super_users: frozenset[str] = frozenset()
    allow_everyone: bool = False
    flavour: Flavour = Flavour.STANDARD
    hosts: HostForm = HostForm.ADDRESS

    def authorize(
        self, principal: str, host: str, *, operation: Operation, resource_type: ResourceType, name: str
    ) -> Decision:
        """Decide an operation on a resource; ``host`` is the client's address as `principals.host_text` writes it."""
        if principal in self.super_users:
            return Decision(allowed=True, ground=Ground.SUPER_USER)
        granting: Acl | None = None
        covered = False
        for entries in self.acls.covering(resource_type, name, flavour=self.flavour):
            covered = True
            for acl in _naming(entries, principal):
                if not covers_host(acl.host, host, form=self.hosts):
                    continue
                if acl.permission is Permission.DENY and acl.operation in (operation, Operation.ALL):
                    return Decision(allowed=False, ground=Ground.ACL, acl=acl)
                if granting is None and acl.permission is Permission.ALLOW and _grants(acl.operation, operation):
                    granting = acl
        if granting is not None:
            return Decision(allowed=True, ground=Ground.ACL, acl=granting)
        if covered:
            return Decision(allowed=False, ground=Ground.UNMATCHED)
        return Decision(allowed=self.allow_everyone, ground=Ground.DEFAULT)

    def authorize_by_resource_type(
        self, principal: str, host: str, *, operation: Operation, resource_type: ResourceType
    ) -> Decision:
        """Decide whether the operation is allowed on at least one resource of the type (KIP-679)."""
        if principal in self.super_users:
            return Decision(allowed=True, ground=Ground.SUPER_USER)
        found = [
            acl
            for acl in self.acls.of_type(resource_type, principal)
            if covers_host(acl.host, host, form=self.hosts) and acl.operation in (operation, Operation.ALL)
        ]
        default = self._default_somewhere(principal, host, operation=operation, resource_type=resource_type)
        if default.allowed and self.flavour is Flavour.STANDARD:
            return default
        denied = [acl for acl in found if acl.permission is Permission.DENY]
        refusing = next(filter(_is_wildcard, denied), None)
        if refusing is not None or default.allowed:
            return default if refusing is None else Decision(allowed=False, ground=Ground.ACL, acl=refusing)
        granting = _undenied((acl for acl in found if acl.permission is Permission.ALLOW), denied)
        ground = Ground.UNMATCHED if granting is None else Ground.ACL
        return Decision(allowed=granting is not None, ground=ground, acl=granting)

    def operations(self, principal: str, host: str, *, resource_type: ResourceType, name: str, release: str) -> int:
        """Return the bit field of operations allowed on a resource, as Metadata and the Describe answers carry it.

        ``release`` is Kafka's own, such as `3.9.2`. A broker answers 0 for the cluster to whom may not DESCRIBE it.
        """
        field = 0
        for operation in supported_operations(resource_type, release=release):
            decision = self.authorize(principal, host, operation=operation, resource_type=resource_type, name=name)
            field |= decision.allowed << operation
        return field

    def _default_somewhere(
        self, principal: str, host: str, *, operation: Operation, resource_type: ResourceType
    ) -> Decision:
        if self.flavour is Flavour.ZOOKEEPER:
            return Decision(allowed=self.allow_everyone, ground=Ground.DEFAULT)
        return self.authorize(principal, host, operation=operation, resource_type=resource_type, name=_PROBE)


@cache
def supported_operations(resource_type: ResourceType, *, release: str) -> tuple[Operation, ...]:
    """Return the operations that exist on a type of resource in a release such as `3.9.2`, by ascending code."""
    before, since = _SUPPORTED[resource_type]
    field = since if int(release.partition(".")[0]) >= 4 else before  # noqa: PLR2004  a major release
    return tuple(each for each in Operation if field >> each & 1)


def validate(acl: Acl, *, hosts: HostForm = HostForm.ADDRESS) -> str | None:
    """Return why CreateAcls refuses ``acl`` (error 42), in Kafka's words, or None if it takes it."""
    if acl.resource_type is ResourceType.CLUSTER and acl.name != CLUSTER_NAME:
        return f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}"
    if not acl.name:
        return "Invalid empty resource name"
    if acl.resource_type <= ResourceType.ANY:
        return f"Invalid resourceType {acl.resource_type.name}"
    if acl.pattern_type not in (PatternType.LITERAL, PatternType.PREFIXED):
        return f"Invalid patternType {acl.pattern_type.name}"
    if acl.operation <= Operation.ANY:
        return f"Invalid operation {acl.operation.name}"
    if acl.permission <= Permission.ANY:
        return f"Invalid permissionType {acl.permission.name}"
    if ":" not in acl.principal:
        reason = "no colon is present separating the principal type from the principal name"
        return f"Could not parse principal from `{acl.principal}` ({reason})"
    return complaint(acl.host, form=hosts)


def parse_super_users(text: str) -> frozenset[str]:
    """Return the principals of a ``super.users`` value, `User:a;User:CN=b,O=c`; UsageError if one has no type."""
    users = frozenset(filter(None, (each.strip(_JAVA_BLANKS) for each in text.split(";"))))
    for user in users:
        if ":" not in user:
            raise UsageError(f"super.users has {user!r}; write it as Type:name, such as User:{user}")
    return users


def _naming(entries: Mapping[str, list[Acl]], principal: str) -> Iterator[Acl]:
    for each in dict.fromkeys((principal, WILDCARD_PRINCIPAL)):
        yield from entries.get(each, ())


def _grants(granted: Operation, asked: Operation) -> bool:
    return granted in (asked, Operation.ALL) or (asked in _IMPLIED and granted in _IMPLIED[asked])


def _is_wildcard(acl: Acl) -> bool:
    return acl.pattern_type is PatternType.LITERAL and acl.name == WILDCARD


def _undenied(allowed: Iterable[Acl], denied: Iterable[Acl]) -> Acl | None:
    """Return an entry no denial swallows whole; a wildcard first, which only a wildcard swallows."""
    literals = {acl.name for acl in denied if acl.pattern_type is PatternType.LITERAL}
    prefixes = {acl.name for acl in denied if acl.pattern_type is PatternType.PREFIXED}
    lengths = sorted({len(prefix) for prefix in prefixes})
    for acl in sorted(allowed, key=_is_wildcard, reverse=True):
        if _is_wildcard(acl):
            return acl
        if acl.pattern_type is PatternType.LITERAL and acl.name in literals:
            continue
        if not any(acl.name[:length] in prefixes for length in lengths if length <= len(acl.name)):
            return acl
    return None


_SUPPORTED: Final[Mapping[ResourceType, tuple[int, int]]] = MappingProxyType(
    {
        ResourceType.TOPIC: (0x0DF8, 0x0DF8),
        ResourceType.GROUP: (0x0148, 0x0D48),  # 4.0 gave groups configs (KIP-848)
        ResourceType.CLUSTER: (0x1FA0, 0x1FA0),
        ResourceType.TRANSACTIONAL_ID: (0x0110, 0x8110),  # and two-phase commit (KIP-939)
        ResourceType.DELEGATION_TOKEN: (0x0100, 0x0100),
        ResourceType.USER: (0x6000, 0x6000),
    }
)
_IMPLIED: Final[Mapping[Operation, frozenset[Operation]]] = MappingProxyType(
    {
        Operation.DESCRIBE: frozenset({Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER}),
        Operation.DESCRIBE_CONFIGS: frozenset({Operation.ALTER_CONFIGS}),
    }
)
