"""ACL semantics: tables from the facts, the laws they must keep, and a literal second reading of the rules."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.policy.acls import (
    CLUSTER_NAME,
    Acl,
    AclFilter,
    AclSet,
    Authorizer,
    Decision,
    Flavour,
    Ground,
    Operation,
    PatternType,
    Permission,
    ResourceType,
    parse_super_users,
    supported_operations,
    validate,
)
from mskaudit.policy.hosts import HostForm

if TYPE_CHECKING:
    from collections.abc import Iterable

TOPIC, GROUP, CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.CLUSTER
LITERAL, PREFIXED = PatternType.LITERAL, PatternType.PREFIXED
DENY, ALLOW = Permission.DENY, Permission.ALLOW
READ, WRITE, DESCRIBE, ALL = Operation.READ, Operation.WRITE, Operation.DESCRIBE, Operation.ALL
ALICE, BOB, HOST = "User:alice", "User:bob", "10.0.0.1"
READS = Acl(resource_type=TOPIC, name="orders", principal=ALICE, operation=READ)


def _ask(
    acls: Iterable[Acl], operation: Operation = READ, *, name: str = "orders", authorizer: Authorizer | None = None
) -> Decision:
    asked = replace(authorizer or Authorizer(acls=AclSet()), acls=AclSet(acls))
    return asked.authorize(ALICE, HOST, operation=operation, resource_type=TOPIC, name=name)


DECISIONS: list[tuple[str, list[Acl], Operation, str, bool]] = [
    ("no ACL", [], READ, "orders", False),
    ("literal", [READS], READ, "orders", True),
    ("literal, other name", [READS], READ, "orders2", False),
    ("literal, other case", [READS], READ, "Orders", False),
    ("prefix", [replace(READS, pattern_type=PREFIXED)], READ, "orders2", True),
    ("prefix longer than the name", [replace(READS, pattern_type=PREFIXED)], READ, "order", False),
    ("wildcard", [replace(READS, name="*")], READ, "x", True),
    ("a prefixed * is no wildcard", [replace(READS, name="*", pattern_type=PREFIXED)], READ, "x", False),
    ("a prefixed * is a prefix", [replace(READS, name="*", pattern_type=PREFIXED)], READ, "*x", True),
    ("everybody", [replace(READS, principal="User:*")], READ, "orders", True),
    ("no wildcards within names", [replace(READS, principal="User:al*")], READ, "orders", False),
    ("another type of principal", [replace(READS, principal="Group:alice")], READ, "orders", False),
    ("host", [replace(READS, host=HOST)], READ, "orders", True),
    ("other host", [replace(READS, host="10.0.0.2")], READ, "orders", False),
    ("no networks", [replace(READS, host="10.0.0.0/8")], READ, "orders", False),
    ("all", [replace(READS, operation=ALL)], WRITE, "orders", True),
    ("other operation", [READS], WRITE, "orders", False),
    ("other type of resource", [replace(READS, resource_type=GROUP)], READ, "orders", False),
    ("deny wins", [READS, replace(READS, permission=DENY)], READ, "orders", False),
    (
        "deny by prefix wins",
        [READS, replace(READS, name="o", pattern_type=PREFIXED, permission=DENY)],
        READ,
        "orders",
        False,
    ),
    ("deny for everybody wins", [READS, replace(READS, principal="User:*", permission=DENY)], READ, "orders", False),
    ("deny read leaves describe", [READS, replace(READS, permission=DENY)], DESCRIBE, "orders", True),
    ("deny describe leaves read", [READS, replace(READS, operation=DESCRIBE, permission=DENY)], READ, "orders", True),
    ("deny all", [READS, replace(READS, operation=ALL, permission=DENY)], DESCRIBE, "orders", False),
    *[
        (f"{granted.name} gives {asked.name}", [replace(READS, operation=granted)], asked, "orders", True)
        for granted, asked in (
            (READ, DESCRIBE),
            (WRITE, DESCRIBE),
            (Operation.DELETE, DESCRIBE),
            (Operation.ALTER, DESCRIBE),
            (Operation.ALTER_CONFIGS, Operation.DESCRIBE_CONFIGS),
        )
    ],
    *[
        (f"{granted.name} does not give {asked.name}", [replace(READS, operation=granted)], asked, "orders", False)
        for granted, asked in (
            (Operation.CREATE, DESCRIBE),
            (Operation.ALTER_CONFIGS, DESCRIBE),
            (Operation.DESCRIBE_CONFIGS, DESCRIBE),
            (DESCRIBE, READ),
            (Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS),
        )
    ],
]


@pytest.mark.parametrize(
    ("acls", "operation", "name", "allowed"), [case[1:] for case in DECISIONS], ids=[case[0] for case in DECISIONS]
)
def test_decides_as_kafka_decides(acls: list[Acl], operation: Operation, name: str, *, allowed: bool) -> None:
    assert _ask(acls, operation, name=name).allowed is allowed


DEFAULTS = [
    ("no ACL", [], True, Ground.DEFAULT),
    ("an ACL on another topic", [replace(READS, name="x")], True, Ground.DEFAULT),
    ("an ACL on a group of that name", [replace(READS, resource_type=GROUP)], True, Ground.DEFAULT),
    ("an ACL for somebody else", [replace(READS, principal=BOB)], False, Ground.UNMATCHED),
    (
        "a prefix for somebody else",
        [replace(READS, principal=BOB, name="o", pattern_type=PREFIXED)],
        False,
        Ground.UNMATCHED,
    ),
    ("a wildcard for somebody else", [replace(READS, principal=BOB, name="*")], False, Ground.UNMATCHED),
    ("a denial for somebody else", [replace(READS, principal=BOB, permission=DENY)], False, Ground.UNMATCHED),
    ("from another host", [replace(READS, host="10.9.9.9")], False, Ground.UNMATCHED),
]


@pytest.mark.parametrize(
    ("acls", "allowed", "ground"), [case[1:] for case in DEFAULTS], ids=[case[0] for case in DEFAULTS]
)
def test_the_default_holds_only_where_no_acl_is_about_the_resource(
    acls: list[Acl], *, allowed: bool, ground: Ground
) -> None:
    authorizer = Authorizer(acls=AclSet(), allow_everyone=True)
    assert _ask(acls, authorizer=authorizer) == Decision(allowed=allowed, ground=ground)
    assert not _ask(acls).allowed


def test_a_super_user_is_allowed_before_any_denial() -> None:
    authorizer = Authorizer(acls=AclSet(), super_users=frozenset({ALICE}))
    denial = replace(READS, principal="User:*", permission=DENY)
    assert _ask([denial], authorizer=authorizer) == Decision(allowed=True, ground=Ground.SUPER_USER)


def test_a_decision_names_its_acl() -> None:
    denial = replace(READS, name="*", permission=DENY)
    assert _ask([READS]) == Decision(allowed=True, ground=Ground.ACL, acl=READS)
    assert _ask([READS, denial]) == Decision(allowed=False, ground=Ground.ACL, acl=denial)


FIELDS = [
    (TOPIC, "3.9.2", 3576),
    (TOPIC, "4.3.1", 3576),
    (CLUSTER, "2.8.2", 8096),
    (CLUSTER, "4.4.0", 8096),
    (GROUP, "3.9.2", 328),
    (GROUP, "4.0.2", 3400),
    (ResourceType.TRANSACTIONAL_ID, "3.9.2", 272),
    (ResourceType.TRANSACTIONAL_ID, "4.3.1", 33040),
    (ResourceType.DELEGATION_TOKEN, "4.3.1", 256),
    (ResourceType.USER, "4.3.1", 24576),
]


@pytest.mark.parametrize(("resource_type", "release", "field"), FIELDS, ids=[f"{t.name} {r}" for t, r, _ in FIELDS])
def test_everything_allowed_is_the_field_that_brokers_send(
    resource_type: ResourceType, release: str, field: int
) -> None:
    authorizer = Authorizer(acls=AclSet(), allow_everyone=True)
    assert authorizer.operations(ALICE, HOST, resource_type=resource_type, name="x", release=release) == field


def test_the_field_has_the_operations_allowed() -> None:
    authorizer = Authorizer(acls=AclSet([READS]))
    assert authorizer.operations(ALICE, HOST, resource_type=TOPIC, name="orders", release="3.9.2") == 1 << 3 | 1 << 8
    assert authorizer.operations(BOB, HOST, resource_type=TOPIC, name="orders", release="3.9.2") == 0


def _acl(name: str, pattern_type: PatternType = LITERAL, permission: Permission = ALLOW) -> Acl:
    return replace(READS, name=name, pattern_type=pattern_type, permission=permission)


SOMEWHERE = [
    ("nothing", [], False),
    ("literal", [_acl("a")], True),
    ("literal denied", [_acl("a"), _acl("a", permission=DENY)], False),
    ("literal under a denied prefix", [_acl("ab"), _acl("a", PREFIXED, DENY)], False),
    ("literal beside a denied prefix", [_acl("ab"), _acl("b", PREFIXED, DENY)], True),
    ("prefix under a denied prefix", [_acl("ab", PREFIXED), _acl("a", PREFIXED, DENY)], False),
    ("prefix over a denied prefix", [_acl("a", PREFIXED), _acl("ab", PREFIXED, DENY)], True),
    ("prefix with a denied literal", [_acl("a", PREFIXED), _acl("a", permission=DENY)], True),
    ("wildcard over denied prefixes", [_acl("*"), _acl("a", PREFIXED, DENY)], True),
    ("denied wildcard", [_acl("a"), _acl("*", permission=DENY)], False),
    ("all", [replace(_acl("a"), operation=ALL)], True),
    ("nothing is implied", [replace(_acl("a"), operation=Operation.ALTER)], False),
    ("for somebody else", [replace(_acl("a"), principal=BOB)], False),
    ("from elsewhere", [replace(_acl("a"), host="10.9.9.9")], False),
]


@pytest.mark.parametrize("flavour", Flavour)
@pytest.mark.parametrize(("acls", "allowed"), [case[1:] for case in SOMEWHERE], ids=[case[0] for case in SOMEWHERE])
def test_on_at_least_one_resource(acls: list[Acl], flavour: Flavour, *, allowed: bool) -> None:
    authorizer = Authorizer(acls=AclSet(acls), flavour=flavour)
    decision = authorizer.authorize_by_resource_type(ALICE, HOST, operation=READ, resource_type=TOPIC)
    assert decision.allowed is allowed


def test_the_authorizers_differ_where_a_wildcard_hides_the_default() -> None:
    acls = AclSet([replace(READS, name="*", principal=BOB)])
    for flavour, allowed in ((Flavour.STANDARD, False), (Flavour.ZOOKEEPER, True)):
        authorizer = Authorizer(acls=acls, allow_everyone=True, flavour=flavour)
        decision = authorizer.authorize_by_resource_type(ALICE, HOST, operation=READ, resource_type=TOPIC)
        assert decision.allowed is allowed


NETWORKS = [
    ("10.0.0.0/8", HOST, True),
    ("10.9.9.9/8", HOST, True),
    ("010.0.0.0/08", HOST, True),
    ("10.0.0.1/32", HOST, True),
    ("10.0.0.0/32", HOST, False),
    ("10.0.0.0/0", "0.0.0.0", True),
    ("10.0.0.0/33", HOST, False),
    ("10.0.0.256/8", HOST, False),
    ("10.0.0/8", HOST, False),
    ("10.0.0.0/+8", HOST, False),
    ("::/0", HOST, False),
    ("::/0", "2001:db8:0:0:0:0:0:a", True),
    ("2001:DB8::/32", "2001:db8:0:0:0:0:0:a", True),
    ("2001:db8::a/129", "2001:db8:0:0:0:0:0:a", False),
    ("2001:db8::a", "2001:db8:0:0:0:0:0:a", False),
    ("0.0.0.0/0", "2001:db8:0:0:0:0:0:a", False),
    ("fe80::/10", "fe80:0:0:0:0:0:0:1%eth0", True),
    ("/8", HOST, False),
    ("localhost/8", "localhost", False),
]


@pytest.mark.parametrize(("pattern", "host", "covered"), NETWORKS, ids=[f"{h} in {p}" for p, h, _ in NETWORKS])
def test_networks_are_hosts_where_the_release_has_them(pattern: str, host: str, *, covered: bool) -> None:
    acls = AclSet([replace(READS, host=pattern)])
    for form, allowed in ((HostForm.NETWORK, covered), (HostForm.ADDRESS, False)):
        authorizer = Authorizer(acls=acls, hosts=form)
        decision = authorizer.authorize(ALICE, host, operation=READ, resource_type=TOPIC, name="orders")
        assert decision.allowed is allowed
        somewhere = authorizer.authorize_by_resource_type(ALICE, host, operation=READ, resource_type=TOPIC)
        assert somewhere.allowed is allowed


@pytest.mark.parametrize("permission", [ALLOW, DENY])
def test_the_standard_authorizer_overlooks_wildcards_for_names_that_begin_with_one(permission: Permission) -> None:
    acls = AclSet([_acl("*", permission=permission)])
    for flavour, ground in ((Flavour.STANDARD, Ground.DEFAULT), (Flavour.ZOOKEEPER, Ground.ACL)):
        authorizer = Authorizer(acls=acls, flavour=flavour)
        assert _ask(acls, name="*a", authorizer=authorizer).ground is ground
        assert _ask(acls, name="*", authorizer=authorizer).ground is Ground.ACL


FILTERS = [
    ("everything", AclFilter(), {"orders", "o*", "*", "group"}),
    ("type", AclFilter(resource_type=TOPIC), {"orders", "o*", "*"}),
    ("any pattern of that name", AclFilter(name="orders"), {"orders"}),
    ("what matches a name", AclFilter(name="orders", pattern_type=PatternType.MATCH), {"orders", "o*", "*"}),
    ("what matches another name", AclFilter(name="other", pattern_type=PatternType.MATCH), {"o*", "*"}),
    ("match without a name", AclFilter(pattern_type=PatternType.MATCH), {"orders", "o*", "*", "group"}),
    ("a literal *", AclFilter(name="*", pattern_type=LITERAL), {"*"}),
    ("prefixed", AclFilter(pattern_type=PREFIXED), {"o*"}),
    ("principal", AclFilter(principal=BOB), {"group"}),
    ("User:* is literal in a filter", AclFilter(principal="User:*"), set()),
    ("host", AclFilter(host="1.1.1.1"), {"o*"}),
    ("operation", AclFilter(operation=WRITE), {"*"}),
    ("ALL is literal in a filter", AclFilter(operation=ALL), set()),
    ("permission", AclFilter(permission=DENY), {"group"}),
    ("unknown", AclFilter(resource_type=ResourceType(99)), set()),
]
LABELLED = {
    "orders": READS,
    "o*": replace(READS, name="o", pattern_type=PREFIXED, host="1.1.1.1"),
    "*": replace(READS, name="*", operation=WRITE),
    "group": replace(READS, resource_type=GROUP, name="g", principal=BOB, permission=DENY),
}


@pytest.mark.parametrize(("wanted", "labels"), [case[1:] for case in FILTERS], ids=[case[0] for case in FILTERS])
def test_filters_select_as_describe_and_delete_do(wanted: AclFilter, labels: set[str]) -> None:
    selected = AclSet(LABELLED.values()).select(wanted)
    assert selected == tuple(acl for label, acl in LABELLED.items() if label in labels)
    assert wanted.is_unknown is (wanted.resource_type is ResourceType.UNKNOWN)


INVALID = [
    ("cluster name", replace(READS, resource_type=CLUSTER), "The only valid name for the CLUSTER"),
    ("empty name", replace(READS, name=""), "Invalid empty resource name"),
    ("any type", replace(READS, resource_type=ResourceType.ANY), "Invalid resourceType ANY"),
    ("match", replace(READS, pattern_type=PatternType.MATCH), "Invalid patternType MATCH"),
    ("unknown pattern", replace(READS, pattern_type=PatternType.UNKNOWN), "Invalid patternType UNKNOWN"),
    ("any operation", replace(READS, operation=Operation.ANY), "Invalid operation ANY"),
    ("any permission", replace(READS, permission=Permission.ANY), "Invalid permissionType ANY"),
    ("principal", replace(READS, principal="alice"), "Could not parse principal from `alice`"),
]


@pytest.mark.parametrize(("acl", "words"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_what_create_refuses(acl: Acl, words: str) -> None:
    complaint = validate(acl)
    assert complaint is not None
    assert complaint.startswith(words)


def test_hosts_are_looked_at_where_they_may_be_networks() -> None:
    for host in ("", "10.0.0.0/33", "x/y"):
        assert validate(replace(READS, host=host)) is None
        assert validate(replace(READS, host=host), hosts=HostForm.NETWORK) is not None
    for host in ("*", "10.0.0.0/8", "::/0", "localhost"):
        assert validate(replace(READS, host=host), hosts=HostForm.NETWORK) is None


def test_what_create_takes() -> None:
    assert validate(READS) is None
    assert validate(replace(READS, resource_type=CLUSTER, name=CLUSTER_NAME, principal="User:")) is None


def test_codes_kafka_does_not_know_are_unknown() -> None:
    assert [ResourceType(8), PatternType(-1), Operation(16), Permission(127)] == [0, 0, 0, 0]


def test_super_users_are_separated_by_semicolons() -> None:
    assert parse_super_users(" User:a; User:CN=b,O=c ;;") == {"User:a", "User:CN=b,O=c"}
    assert parse_super_users("") == frozenset()
    with pytest.raises(UsageError, match="User:a"):
        parse_super_users("User:b;a")


def test_a_set_keeps_order_and_has_no_doubles() -> None:
    other = replace(READS, name="other")
    acls = AclSet([READS, other]).including([READS, replace(READS, name="third")])
    assert [acl.name for acl in acls] == ["orders", "other", "third"]
    assert [acl.name for acl in acls.excluding([other, replace(READS, name="none")])] == ["orders", "third"]
    assert len(acls) == 3


names = st.sampled_from(["a", "ab", "abc", "b", "*", "*a"])
principals = st.sampled_from([ALICE, BOB, "User:*"])
hosts = st.sampled_from([HOST, "10.0.0.2", "*"])
acls_ = st.builds(
    Acl,
    resource_type=st.sampled_from([TOPIC, GROUP]),
    name=names,
    pattern_type=st.sampled_from([LITERAL, PREFIXED]),
    principal=principals,
    host=hosts,
    operation=st.sampled_from([each for each in Operation if each >= ALL]),
    permission=st.sampled_from([DENY, ALLOW]),
)
authorizers = st.builds(
    Authorizer,
    acls=st.lists(acls_, max_size=6).map(AclSet),
    super_users=st.sampled_from([frozenset(), frozenset({BOB})]),
    allow_everyone=st.booleans(),
    flavour=st.sampled_from(Flavour),
)
Request = tuple[str, Operation, str]
requests = st.tuples(
    st.sampled_from([ALICE, BOB, "User:carol"]), st.sampled_from(supported_operations(TOPIC, release="4.4.0")), names
)
REQUESTS = list(
    product(
        [ALICE, BOB, "User:carol"], supported_operations(TOPIC, release="4.4.0"), ["a", "ab", "abc", "b", "*", "*a"]
    )
)


def _decide(authorizer: Authorizer, request: Request) -> Decision:
    principal, operation, name = request
    return authorizer.authorize(principal, HOST, operation=operation, resource_type=TOPIC, name=name)


def _literal_reading(authorizer: Authorizer, request: Request) -> bool:
    """Read the rules of the facts word by word, without an index."""
    principal, operation, name = request
    if principal in authorizer.super_users:
        return True
    overlooked = name.startswith("*") and authorizer.flavour is Flavour.STANDARD
    about = [
        acl
        for acl in authorizer.acls
        if acl.resource_type == TOPIC
        and (
            (acl.pattern_type == LITERAL and acl.name == name)
            or (acl.pattern_type == LITERAL and acl.name == "*" and not overlooked)
            or (acl.pattern_type == PREFIXED and name.startswith(acl.name))
        )
    ]
    if not about:
        return authorizer.allow_everyone
    ours = [acl for acl in about if acl.principal in {principal, "User:*"} and acl.host in {HOST, "*"}]
    if any(acl.permission == DENY and acl.operation in {operation, ALL} for acl in ours):
        return False
    granting = {operation, ALL}
    if operation == DESCRIBE:
        granting |= {READ, WRITE, Operation.DELETE, Operation.ALTER}
    if operation == Operation.DESCRIBE_CONFIGS:
        granting |= {Operation.ALTER_CONFIGS}
    return any(acl.permission == ALLOW and acl.operation in granting for acl in ours)


@settings(max_examples=300)
@given(authorizer=authorizers)
def test_agrees_with_a_literal_reading_of_the_rules(authorizer: Authorizer) -> None:
    for request in REQUESTS:
        assert _decide(authorizer, request).allowed is _literal_reading(authorizer, request)


@given(authorizer=authorizers, added=acls_, request_=requests)
def test_a_denial_never_widens_access_that_acls_govern(authorizer: Authorizer, added: Acl, request_: Request) -> None:
    wider = replace(authorizer, acls=authorizer.acls.including([replace(added, permission=DENY)]))
    assert _decide(authorizer, request_).allowed >= _decide(wider, request_).allowed


@given(authorizer=authorizers, added=acls_, request_=requests)
def test_a_grant_narrows_only_where_the_default_held(authorizer: Authorizer, added: Acl, request_: Request) -> None:
    before = _decide(authorizer, request_)
    after = _decide(replace(authorizer, acls=authorizer.acls.including([replace(added, permission=ALLOW)])), request_)
    assert before.allowed <= after.allowed or before.ground is Ground.DEFAULT


@given(authorizer=authorizers, data=st.data(), request_=requests)
def test_order_does_not_matter(authorizer: Authorizer, data: st.DataObject, request_: Request) -> None:
    other = replace(authorizer, acls=AclSet(data.draw(st.permutations(list(authorizer.acls)))))
    assert _decide(authorizer, request_).allowed is _decide(other, request_).allowed


@given(authorizer=authorizers, added=acls_, request_=requests)
def test_a_literal_adds_nothing_to_its_prefix(authorizer: Authorizer, added: Acl, request_: Request) -> None:
    assume(added.name != "*")
    prefix = authorizer.acls.including([replace(added, pattern_type=PREFIXED)])
    both = prefix.including([replace(added, pattern_type=LITERAL)])
    assert (
        _decide(replace(authorizer, acls=prefix), request_).allowed
        is _decide(replace(authorizer, acls=both), request_).allowed
    )


@given(authorizer=authorizers, added=acls_, request_=requests)
def test_allow_all_is_every_operation_allowed(authorizer: Authorizer, added: Acl, request_: Request) -> None:
    whole = authorizer.acls.including([replace(added, operation=ALL, permission=ALLOW)])
    split = authorizer.acls.including(
        replace(added, operation=each, permission=ALLOW) for each in supported_operations(TOPIC, release="4.4.0")
    )
    assert (
        _decide(replace(authorizer, acls=whole), request_).allowed
        is _decide(replace(authorizer, acls=split), request_).allowed
    )


@given(authorizer=authorizers, operation=st.sampled_from(supported_operations(TOPIC, release="4.4.0")))
def test_an_operation_allowed_somewhere_is_allowed_on_a_name_of_its_acl(
    authorizer: Authorizer, operation: Operation
) -> None:
    decision = authorizer.authorize_by_resource_type(ALICE, HOST, operation=operation, resource_type=TOPIC)
    if decision.acl is not None and decision.allowed and decision.acl.name != "hardcode":
        name = "unheard-of" if decision.acl.name == "*" and decision.acl.pattern_type is LITERAL else decision.acl.name
        assume(not any(acl.permission is DENY and acl.name == name for acl in authorizer.acls))
        assert _decide(authorizer, (ALICE, operation, name)).allowed


def test_an_operation_allowed_on_a_name_is_allowed_somewhere_if_nothing_is_implied() -> None:
    authorizer = Authorizer(acls=AclSet([READS]))
    assert _decide(authorizer, (ALICE, READ, "orders")).allowed
    assert authorizer.authorize_by_resource_type(ALICE, HOST, operation=READ, resource_type=TOPIC).allowed
