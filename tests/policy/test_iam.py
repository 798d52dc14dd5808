"""IAM's decisions on the data plane of MSK: tables from the facts, and laws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.policy.acls import Operation, ResourceType, supported_operations
from mskaudit.policy.context import Context, Rest
from mskaudit.policy.iam import Caller, Outcome, PolicySet, decide
from mskaudit.policy.kafka_actions import Action, Kind, action_for, kind_of, required, resource_arn
from mskaudit.policy.statements import MAX_CHARACTERS, MAX_STATEMENTS, MAX_TEXT, Attachment, Policy, parse_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER = "arn:aws:kafka:eu-west-1:111122223333:cluster/c/0a1b-2"
TOPIC = "arn:aws:kafka:eu-west-1:111122223333:topic/c/0a1b-2/Orders"
READ, WRITE = Action.READ_DATA, Action.WRITE_DATA
USER = "arn:aws:iam::111122223333:user/team/ann"
ROLE = "arn:aws:iam::111122223333:role/app"
SESSION = "arn:aws:sts::111122223333:assumed-role/app/s1"
FOREIGN = "arn:aws:iam::999988887777:role/app"
ALLOWED, DENIED, NOT_ALLOWED, UNKNOWN = Outcome.ALLOWED, Outcome.DENIED, Outcome.NOT_ALLOWED, Outcome.UNKNOWN
Json = dict[str, Any]


def _statement(**elements: object) -> Json:
    statement = {"Effect": "Allow", "Action": "kafka-cluster:*", "Resource": "*"} | elements
    return {name: value for name, value in statement.items() if value is not None}


def _document(*statements: Json, version: str = "2012-10-17") -> Json:
    return {"Version": version, "Statement": list(statements)}


def _identity(*statements: Json, version: str = "2012-10-17") -> Policy:
    return parse_policy(_document(*statements, version=version), name="reader")


def _cluster(*statements: Json) -> Policy:
    return parse_policy(_document(*statements), name="cluster", attachment=Attachment.RESOURCE)


def _outcome(
    *statements: Json,
    action: str = READ,
    resource: str = TOPIC,
    context: Context | None = None,
    version: str = "2012-10-17",
) -> Outcome:
    policies = PolicySet(identity=(_identity(*statements, version=version),))
    return decide(policies, action=action, resource=resource, context=context).outcome


MATCHING: list[tuple[str, list[Json], Outcome]] = [
    ("nothing", [], NOT_ALLOWED),
    ("everything", [_statement(Action="*")], ALLOWED),
    ("service", [_statement()], ALLOWED),
    ("other service", [_statement(Action="kafka:*")], NOT_ALLOWED),
    ("exact", [_statement(Action="kafka-cluster:ReadData")], ALLOWED),
    ("action in other case", [_statement(Action="KAFKA-Cluster:readDATA")], ALLOWED),
    ("question mark", [_statement(Action="kafka-cluster:?eadData")], ALLOWED),
    ("no character classes", [_statement(Action="kafka-cluster:[Rr]eadData")], NOT_ALLOWED),
    ("blanks are not trimmed", [_statement(Action="kafka-cluster:ReadData ")], NOT_ALLOWED),
    ("NotAction", [_statement(Action=None, NotAction="kafka-cluster:WriteData")], ALLOWED),
    ("NotAction of it", [_statement(Action=None, NotAction="kafka-cluster:R*")], NOT_ALLOWED),
    ("list of actions", [_statement(Action=["s3:Get*", "kafka-cluster:ReadData"])], ALLOWED),
    ("topic", [_statement(Resource=TOPIC)], ALLOWED),
    ("topic in other case", [_statement(Resource=TOPIC.replace("Orders", "orders"))], NOT_ALLOWED),
    ("fields in other case", [_statement(Resource=TOPIC.replace("eu-west", "EU-West"))], ALLOWED),
    ("any incarnation", [_statement(Resource="arn:aws:kafka:eu-west-1:111122223333:topic/c/*/Orders")], ALLOWED),
    ("any topic", [_statement(Resource="arn:aws:kafka:eu-west-1:111122223333:topic/c/*")], ALLOWED),
    ("wildcard account", [_statement(Resource="arn:aws:kafka:*:1111*:topic/c/*")], ALLOWED),
    ("short ARN", [_statement(Resource="arn:aws:kafka:*")], ALLOWED),
    ("very short ARN", [_statement(Resource="arn")], ALLOWED),
    ("wildcards stay in their field", [_statement(Resource="arn:aws:*:topic/c/0a1b-2/Orders")], NOT_ALLOWED),
    ("cluster for a topic action", [_statement(Resource=CLUSTER)], NOT_ALLOWED),
    ("service in the ARN", [_statement(Resource=TOPIC.replace(":kafka:", ":kafka-cluster:"))], NOT_ALLOWED),
    ("NotResource", [_statement(Resource=None, NotResource=CLUSTER)], ALLOWED),
    ("NotResource of it", [_statement(Resource=None, NotResource=TOPIC)], NOT_ALLOWED),
    ("deny wins", [_statement(), _statement(Effect="Deny", Action="*:ReadData")], DENIED),
    ("deny of something else", [_statement(), _statement(Effect="Deny", Action="*:WriteData")], ALLOWED),
    ("deny by overlap", [_statement(), _statement(Effect="Deny", Resource="*:*:*:*:*:*/Orders")], DENIED),
    ("deny alone", [_statement(Effect="Deny")], DENIED),
    ("deny by NotResource", [_statement(), _statement(Effect="Deny", Resource=None, NotResource="*/x")], DENIED),
]


@pytest.mark.parametrize(("statements", "outcome"), [c[1:] for c in MATCHING], ids=[c[0] for c in MATCHING])
def test_actions_and_resources(statements: list[Json], outcome: Outcome) -> None:
    assert _outcome(*statements) is outcome


def _known(**values: str | tuple[str, ...]) -> Context:
    found = {f"aws:{key}": (value,) if isinstance(value, str) else value for key, value in values.items()}
    return Context(values=found, rest=Rest.ABSENT)


CONDITIONS: list[tuple[str, str, object, str | tuple[str, ...] | None, bool | None]] = [
    ("equal", "StringEquals", "a", "a", True),
    ("one of", "StringEquals", ["b", "a"], "a", True),
    ("case matters", "StringEquals", "A", "a", False),
    ("signs are literal", "StringEquals", "*", "a", False),
    ("case ignored", "StringEqualsIgnoreCase", "A", "a", True),
    ("not equal", "StringNotEquals", "b", "a", True),
    ("not one of", "StringNotEquals", ["b", "a"], "a", False),
    ("not equal, case ignored", "StringNotEqualsIgnoreCase", "A", "a", False),
    ("like", "StringLike", "a*:?", "ab:c:d", True),
    ("not like", "StringNotLike", "b*", "ab", True),
    ("absent", "StringEquals", "a", None, False),
    ("absent, negated", "StringNotEquals", "a", None, True),
    ("absent, if exists", "StringEqualsIfExists", "a", None, True),
    ("present, if exists", "StringEqualsIfExists", "a", "b", False),
    ("null", "Null", "true", None, True),
    ("null, present", "Null", "true", "a", False),
    ("not null", "Null", False, "a", True),
    ("null of nonsense", "Null", "perhaps", "a", None),
    ("all, empty", "ForAllValues:StringEquals", "a", None, True),
    ("all", "ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
    ("not all", "ForAllValues:StringEquals", "a", ("a", "b"), False),
    ("all not", "ForAllValues:StringNotEquals", "a", ("c", "b"), True),
    ("any, empty", "ForAnyValue:StringEquals", "a", None, False),
    ("any negated, empty", "ForAnyValue:StringNotEquals", "a", None, False),
    ("any", "ForAnyValue:StringLike", "a*", ("b", "ab"), True),
    ("none", "ForAnyValue:StringLike", "a*", ("b", "c"), False),
    ("several values without a quantifier", "StringEquals", "a", ("a", "b"), None),
    ("bool", "Bool", "true", "True", True),
    ("bool as JSON", "Bool", True, "false", False),
    ("bool of nonsense", "Bool", "yes", "true", None),
    ("number", "NumericEquals", 5, "5.0", True),
    ("number differs", "NumericNotEquals", "5", "6", True),
    ("less", "NumericLessThan", "10", "9", True),
    ("at most", "NumericLessThanEquals", "9", "9", True),
    ("greater", "NumericGreaterThan", "10", "9", False),
    ("at least", "NumericGreaterThanEquals", 1.5, "1.5", True),
    ("no number", "NumericEquals", "x", "5", None),
    ("no number to compare", "NumericEquals", "5", "NaN", None),
    ("date", "DateGreaterThan", "2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z", True),
    ("date and epoch", "DateEquals", "1704067200", "2024-01-01T00:00:00Z", True),
    ("date in another zone", "DateLessThan", "2024-01-01T00:00:00+02:00", "2023-12-31T23:00:00Z", False),
    ("date without zone", "DateNotEquals", "2024-01-01", "2024-01-01T00:00:00Z", False),
    ("no date", "DateEquals", "soon", "2024-01-01T00:00:00Z", None),
    ("a date past all bounds", "DateEquals", "999999999999", "2024-01-01T00:00:00Z", None),
    ("address", "IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("address in halves", "IpAddress", ["0.0.0.0/1", "128.0.0.0/1"], "203.0.113.9", True),
    ("not in network", "NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
    ("address of version 6", "IpAddress", "2001:db8::/32", "2001:db8::1", True),
    ("address of another version", "IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    ("no address", "IpAddress", "10.0.0.0/33", "10.0.0.1", None),
    ("ARN", "ArnLike", "arn:aws:iam::*:role/app*", ROLE, True),
    ("ARN equals takes signs", "ArnEquals", "arn:aws:iam::*:role/a?p", ROLE, True),
    ("ARN stays in fields", "ArnLike", "arn:aws:*:role/app", ROLE, False),
    ("string crosses fields", "StringLike", "arn:aws:*:role/app", ROLE, True),
    ("ARN differs", "ArnNotEquals", "arn:aws:iam::*:role/other", ROLE, True),
    ("ARN not like", "ArnNotLike", "arn:aws:iam::*:role/app", ROLE, False),
    ("no ARN", "ArnLike", "arn:aws:iam::*:role/app", "app", False),
    ("binary", "BinaryEquals", "QmFy", "QmFy", True),
    ("operator in other case", "stringequalsifexists", "a", None, True),
    ("unheard-of operator", "StringResembles", "a", "a", None),
]


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"), [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS]
)
def test_conditions(operator: str, wanted: object, value: str | tuple[str, ...] | None, expected: bool | None) -> None:  # noqa: FBT001
    outcome = {True: ALLOWED, False: NOT_ALLOWED, None: UNKNOWN}[expected]
    context = _known() if value is None else _known(k=value)
    statement = _statement(Condition={operator: {"AWS:K": wanted}})
    assert _outcome(statement, context=context) is outcome
    assert _outcome(statement) is UNKNOWN


def test_all_lines_of_a_condition_must_hold() -> None:
    block = {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}, "StringEquals": {"aws:PrincipalAccount": "1", "aws:x": "2"}}
    context = {"SourceIp": "192.0.2.1", "PrincipalAccount": "1", "x": "2"}
    for lacking in (None, *context):
        known = _known(**{key: value for key, value in context.items() if key != lacking})
        expected = ALLOWED if lacking is None else NOT_ALLOWED
        assert _outcome(_statement(Condition=block), context=known) is expected


CONDITION = {"StringEquals": {"aws:k": "a"}}
THREE_VALUED = [
    ("unknown allow", [_statement(Condition=CONDITION)], UNKNOWN),
    ("unknown allow beside a sure one", [_statement(Condition=CONDITION), _statement()], ALLOWED),
    ("unknown deny", [_statement(), _statement(Effect="Deny", Condition=CONDITION)], UNKNOWN),
    ("unknown deny of what is not allowed", [_statement(Effect="Deny", Condition=CONDITION)], NOT_ALLOWED),
    (
        "unknown deny beside a sure one",
        [_statement(Effect="Deny", Condition=CONDITION), _statement(Effect="Deny")],
        DENIED,
    ),
    ("unknown but about something else", [_statement(Action="s3:*", Condition=CONDITION)], NOT_ALLOWED),
]


@pytest.mark.parametrize(("statements", "outcome"), [c[1:] for c in THREE_VALUED], ids=[c[0] for c in THREE_VALUED])
def test_what_hangs_on_an_unknown_key_is_unknown(statements: list[Json], outcome: Outcome) -> None:
    assert _outcome(*statements) is outcome


def _topic(text: str) -> Json:
    return _statement(Resource=f"arn:aws:kafka:*:*:topic/c/*/{text}")


VARIABLES = [
    ("value", _topic("${aws:username}"), {"username": "Orders"}, ALLOWED),
    ("other value", _topic("${aws:username}"), {"username": "orders"}, NOT_ALLOWED),
    ("signs in a value are literal", _topic("${aws:username}"), {"username": "*"}, NOT_ALLOWED),
    ("a value stays in its field", _statement(Resource="arn:aws:kafka:*:${aws:a}"), {"a": "1:topic/c"}, NOT_ALLOWED),
    ("account", _statement(Resource="arn:aws:kafka:*:${aws:A}:topic/*"), {"a": "111122223333"}, ALLOWED),
    ("absent", _topic("${aws:username}*"), {}, NOT_ALLOWED),
    ("default", _topic("${aws:username, 'Orders'}"), {}, ALLOWED),
    ("no default needed", _topic("${aws:username, 'x'}"), {"username": "Orders"}, ALLOWED),
    ("star", _topic("${*}"), {}, NOT_ALLOWED),
    ("in a condition", _statement(Condition={"StringEquals": {"aws:x": "${aws:y}"}}), {"x": "1", "y": "1"}, ALLOWED),
    ("absent in a condition", _statement(Condition={"StringEquals": {"aws:x": "${aws:y}"}}), {"x": "1"}, NOT_ALLOWED),
    ("absent in its opposite", _statement(Condition={"StringNotEquals": {"aws:x": "${aws:y}"}}), {"x": "1"}, UNKNOWN),
    ("deny with an absent one", _statement(Effect="Deny", Resource="${aws:y}"), {}, NOT_ALLOWED),
]


@pytest.mark.parametrize(("statement", "values", "outcome"), [c[1:] for c in VARIABLES], ids=[c[0] for c in VARIABLES])
def test_variables(statement: Json, values: Mapping[str, str], outcome: Outcome) -> None:
    assert _outcome(statement, context=_known(**values)) is outcome


def test_unknown_variables_match_as_far_as_they_could() -> None:
    assert _outcome(_topic("${aws:username}")) is UNKNOWN
    assert _outcome(_topic("x${aws:username}")) is NOT_ALLOWED


def test_the_old_language_has_no_variables() -> None:
    old = _topic("${aws:username, 'Orders'}")
    assert _outcome(old, context=_known(), version="2008-10-17") is NOT_ALLOWED
    literal = TOPIC.replace("Orders", "${aws:username}")
    assert _outcome(_topic("${aws:username}"), resource=literal, version="2008-10-17") is ALLOWED


def _grant(principal: object = None, **elements: object) -> Json:
    return _statement(Principal=principal, **elements)


YES, NARROW = [_statement()], [_statement(Action="s3:*")]
EVERYONE: Json = {"AWS": "*"}
ROOT = "arn:aws:iam::111122223333:root"
COMBINED: list[tuple[str, str, list[Json], list[Json] | None, list[Json], Outcome]] = [
    ("identity alone", USER, YES, None, [], ALLOWED),
    ("within the boundary", USER, YES, YES, [], ALLOWED),
    ("outside the boundary", USER, YES, NARROW, [], NOT_ALLOWED),
    ("the boundary grants nothing", USER, [], YES, [], NOT_ALLOWED),
    ("denied by the boundary", USER, YES, [_statement(), _statement(Effect="Deny")], [], DENIED),
    ("user named", USER, [], None, [_grant({"AWS": USER})], ALLOWED),
    ("user named past the boundary", USER, [], NARROW, [_grant({"AWS": USER})], ALLOWED),
    ("role named", ROLE, [], None, [_grant({"AWS": ROLE})], ALLOWED),
    ("role named for its session", SESSION, [], None, [_grant({"AWS": [ROLE]})], ALLOWED),
    ("role named within the boundary", SESSION, [], YES, [_grant({"AWS": ROLE})], ALLOWED),
    ("role named outside the boundary", SESSION, [], NARROW, [_grant({"AWS": ROLE})], NOT_ALLOWED),
    ("session named past the boundary", SESSION, [], NARROW, [_grant({"AWS": SESSION})], ALLOWED),
    ("everybody past the boundary", SESSION, [], NARROW, [_grant(EVERYONE)], ALLOWED),
    ("everybody in short", USER, [], None, [_grant("*")], ALLOWED),
    ("account only delegates", ROLE, [], None, [_grant({"AWS": ROOT})], NOT_ALLOWED),
    ("account by number only delegates", ROLE, [], None, [_grant({"AWS": "111122223333"})], NOT_ALLOWED),
    ("account and identity", ROLE, YES, None, [_grant({"AWS": ROOT})], ALLOWED),
    ("somebody else named", USER, [], None, [_grant({"AWS": ROLE})], NOT_ALLOWED),
    ("part of a name", ROLE, [], None, [_grant({"AWS": "arn:aws:iam::111122223333:role/*"})], NOT_ALLOWED),
    ("a service named *", ROLE, [], None, [_grant({"Service": "*"})], NOT_ALLOWED),
    ("denied by the cluster", USER, YES, None, [_grant({"AWS": ROOT}, Effect="Deny")], DENIED),
    ("denied to somebody else", USER, YES, None, [_grant({"AWS": ROLE}, Effect="Deny")], ALLOWED),
    ("foreign, identity alone", FOREIGN, YES, None, [_grant({"AWS": ROLE})], NOT_ALLOWED),
    ("foreign, cluster alone", FOREIGN, [], None, [_grant({"AWS": FOREIGN})], NOT_ALLOWED),
    ("foreign, both", FOREIGN, YES, None, [_grant({"AWS": FOREIGN})], ALLOWED),
    ("foreign, account", FOREIGN, YES, None, [_grant({"AWS": "999988887777"})], ALLOWED),
    ("foreign, everybody", FOREIGN, YES, None, [_grant(EVERYONE)], ALLOWED),
    ("foreign, everybody but no identity", FOREIGN, [], None, [_grant(EVERYONE)], NOT_ALLOWED),
    ("foreign, outside the boundary", FOREIGN, YES, NARROW, [_grant({"AWS": FOREIGN})], NOT_ALLOWED),
    ("all but another", USER, [], None, [_grant(NotPrincipal={"AWS": ROLE})], ALLOWED),
    ("all but me", USER, [], None, [_grant(NotPrincipal={"AWS": USER})], NOT_ALLOWED),
    ("deny all but another", USER, YES, None, [_grant(NotPrincipal={"AWS": ROLE}, Effect="Deny")], DENIED),
    ("deny all but me", ROLE, YES, None, [_grant(NotPrincipal={"AWS": ROLE}, Effect="Deny")], ALLOWED),
    ("deny all but me, under a boundary", ROLE, YES, YES, [_grant(NotPrincipal={"AWS": ROLE}, Effect="Deny")], DENIED),
    ("no Resource", USER, [], None, [_grant(EVERYONE, Resource=None)], ALLOWED),
    ("a short ARN without signs", USER, [], None, [_grant(EVERYONE, Resource="arn:aws:kafka")], NOT_ALLOWED),
    ("a short ARN with signs", USER, [], None, [_grant(EVERYONE, Resource="arn:aws:kaf?a")], ALLOWED),
    ("perhaps", USER, [], None, [_grant(EVERYONE, Condition=CONDITION)], UNKNOWN),
]


@pytest.mark.parametrize(
    ("caller", "identity", "boundary", "cluster", "outcome"), [c[1:] for c in COMBINED], ids=[c[0] for c in COMBINED]
)
def test_policies_together(
    caller: str, identity: list[Json], boundary: list[Json] | None, cluster: list[Json], outcome: Outcome
) -> None:
    policies = PolicySet(
        identity=(_identity(*identity),),
        boundary=None if boundary is None else _identity(*boundary),
        cluster=_cluster(*cluster),
        caller=Caller.parse(caller),
    )
    assert decide(policies, action=READ, resource=TOPIC).outcome is outcome


def test_a_cluster_policy_needs_a_caller() -> None:
    with pytest.raises(UsageError, match="say who calls"):
        decide(PolicySet(cluster=_cluster()), action=READ, resource=TOPIC)


def test_a_decision_names_its_statement() -> None:
    policies = PolicySet(identity=(_identity(_statement(Action="s3:*"), _statement(Sid="Kafka")),))
    decision = decide(policies, action=READ, resource=TOPIC)
    assert decision.allowed
    assert decision.statement is not None
    assert decision.statement.place == "reader.Statement[1] (Kafka)"


def test_what_follows_from_a_caller() -> None:
    assert Caller.parse(SESSION).keys()["aws:PrincipalArn"] == (ROLE,)
    assert Caller.parse(USER).keys() == {
        "aws:PrincipalArn": (USER,),
        "aws:PrincipalAccount": ("111122223333",),
        "aws:username": ("ann",),
    }
    with pytest.raises(UsageError, match="is no user, role or session"):
        Caller.parse("User:alice")


HOSTILE: list[tuple[str, object, str]] = [
    ("text", "{}", "not an object"),
    ("null", None, "not an object"),
    ("no statement", {"Version": "2012-10-17"}, "no Statement"),
    ("null statement", {"Statement": None}, "not an object"),
    ("a statement is text", {"Statement": ["x"]}, "not an object"),
    ("unknown version", _document(_statement(), version="2020-01-01"), "none of"),
    ("unknown element", {"Statement": [], "x": 1}, "unknown element"),
    ("unknown element within", _document(_statement(Actions="*")), "unknown element"),
    ("no effect", _document(_statement(Effect=None)), "no Effect"),
    ("effect in lower case", _document(_statement(Effect="allow")), "none of"),
    ("no action", _document(_statement(Action=None)), "neither Action"),
    ("both actions", _document(_statement(NotAction="x")), "both Action"),
    ("no resource", _document(_statement(Resource=None)), "neither Resource"),
    ("no actions", _document(_statement(Action=[])), "is empty"),
    ("an action is an object", _document(_statement(Action=[{}])), "dict where text"),
    ("an action is null", _document(_statement(Action=[None])), "NoneType where text"),
    ("principal", _document(_statement(Principal="*")), "has no Principal"),
    ("condition is a list", _document(_statement(Condition=["a"])), "not an object"),
    ("condition of text", _document(_statement(Condition={"Bool": "a"})), "not an object"),
    ("condition of objects", _document(_statement(Condition={"Bool": {"k": {}}})), "dict where text"),
    ("no text as a name", {1: 2}, "no text"),
    ("a long value", _document(_statement(Action="a" * (MAX_TEXT + 1))), "too long"),
    ("a long number", _document(_statement(Condition={"NumericEquals": {"k": 10**6000}})), "too long"),
    ("many values", _document(_statement(Action=["a"] * MAX_CHARACTERS)), "characters"),
    ("many statements", _document(*[_statement()] * (MAX_STATEMENTS + 1)), "more than"),
]


@pytest.mark.parametrize(("document", "words"), [c[1:] for c in HOSTILE], ids=[c[0] for c in HOSTILE])
def test_malformed_documents_are_refused_with_the_place(document: object, words: str) -> None:
    with pytest.raises(UsageError, match=r"^the policy hostile.* is not valid: ") as caught:
        parse_policy(document, name="hostile")
    assert words in str(caught.value)


RESOURCE_HOSTILE: list[tuple[str, Json, str]] = [
    ("nobody", _statement(), "neither Principal"),
    ("both", _grant("*", NotPrincipal="*"), "both Principal"),
    ("a bare ARN", _grant(USER), "only \\* stands alone"),
    ("unknown kind", _grant({"Group": "x"}), "unknown element"),
    ("a list", _grant(["*"]), "not an object"),
    ("an object within", _grant({"AWS": [{}]}), "dict where text"),
]


@pytest.mark.parametrize(
    ("statement", "words"), [c[1:] for c in RESOURCE_HOSTILE], ids=[c[0] for c in RESOURCE_HOSTILE]
)
def test_malformed_principals_are_refused(statement: Json, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _cluster(statement)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["*", "Allow"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Condition", "Bool", "k"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500)
@given(document=json_values, attachment=st.sampled_from(Attachment))
def test_any_json_is_a_policy_or_refused(document: object, attachment: Attachment) -> None:
    try:
        policy = parse_policy(document, name="p", attachment=attachment)
    except UsageError:
        return
    decide(PolicySet(identity=(policy,)), action=READ, resource=TOPIC)


patterns = st.sampled_from(["*", "kafka-cluster:*", "kafka-cluster:ReadData", "kafka-cluster:?riteData", "s3:*"])
resources = st.sampled_from(["*", CLUSTER, TOPIC, "arn:aws:kafka:*:*:topic/c/*", "arn:aws:kafka:*:*:topic/*/O*"])
conditions = st.sampled_from(
    [{}, {"StringEquals": {"aws:k": "a"}}, {"StringNotEquals": {"aws:k": "a"}}, {"Null": {"aws:k": "true"}}]
)
statements = st.builds(
    lambda effect, element, action, resource, condition: _statement(
        Effect=effect, Resource=resource, Condition=condition, **{"Action": None, element: action}
    ),
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["Action", "NotAction"]),
    patterns,
    resources,
    conditions,
)
documents = st.lists(statements, max_size=4)
ORDER = {DENIED: 0, NOT_ALLOWED: 0, UNKNOWN: 1, ALLOWED: 2}
CONTEXTS = [_known(), _known(k="a"), _known(k="b")]


@given(document=documents, added=statements, context=st.sampled_from([None, *CONTEXTS]))
def test_a_denial_never_widens_and_a_grant_never_narrows(
    document: list[Json], added: Json, context: Context | None
) -> None:
    before = ORDER[_outcome(*document, context=context)]
    assert ORDER[_outcome(*document, added | {"Effect": "Deny"}, context=context)] <= before
    assert ORDER[_outcome(*document, added | {"Effect": "Allow"}, context=context)] >= before


@given(document=documents, data=st.data())
def test_order_does_not_matter(document: list[Json], data: st.DataObject) -> None:
    assert _outcome(*data.draw(st.permutations(document))) is _outcome(*document)


@given(document=documents)
def test_a_known_context_never_contradicts_an_unknown_one(document: list[Json]) -> None:
    unknown = _outcome(*document)
    for context in CONTEXTS:
        known = _outcome(*document, context=context)
        assert known is not UNKNOWN
        assert unknown is UNKNOWN or ORDER[unknown] == ORDER[known]


@given(document=documents, caller=st.sampled_from([USER, ROLE, SESSION]))
def test_a_cluster_policy_that_grants_nothing_changes_nothing_at_home(document: list[Json], caller: str) -> None:
    policies = PolicySet(identity=(_identity(*document),), caller=Caller.parse(caller))
    with_cluster = replace(policies, cluster=_cluster(_grant({"AWS": FOREIGN})))
    assert decide(with_cluster, action=READ, resource=TOPIC) == decide(policies, action=READ, resource=TOPIC)


def test_every_action_has_a_kind_and_needs_a_connection() -> None:
    assert len(Action) == 19
    for action in Action:
        assert kind_of(action) in Kind
        assert (Action.CONNECT in required(action)) is (action is not Action.CONNECT)
        for other in required(action):
            assert required(other) <= required(action)


def test_what_actions_need() -> None:
    assert required(READ) == {Action.CONNECT, Action.DESCRIBE_TOPIC, Action.ALTER_GROUP, Action.DESCRIBE_GROUP}
    assert required(Action.ALTER_TRANSACTIONAL_ID) == {
        Action.CONNECT,
        Action.DESCRIBE_TRANSACTIONAL_ID,
        WRITE,
        Action.DESCRIBE_TOPIC,
    }


def test_operations_have_actions_of_their_kind_but_for_those_msk_lacks() -> None:
    lacking = set()
    kinds = {
        ResourceType.TOPIC: Kind.TOPIC,
        ResourceType.GROUP: Kind.GROUP,
        ResourceType.CLUSTER: Kind.CLUSTER,
        ResourceType.TRANSACTIONAL_ID: Kind.TRANSACTIONAL_ID,
    }
    found = set()
    for resource_type, kind in kinds.items():
        for operation in supported_operations(resource_type, release="3.9.2"):
            action = action_for(operation, resource_type)
            if action is None:
                lacking.add(operation)
            elif operation is not Operation.CREATE:
                assert kind_of(action) is kind
            found.add(action)
    assert lacking == {Operation.CLUSTER_ACTION}
    assert found - {None} == set(Action) - {Action.CONNECT}


def test_arns_of_a_clusters_resources() -> None:
    assert resource_arn(CLUSTER, Kind.TOPIC, "Orders") == TOPIC
    assert resource_arn(CLUSTER, Kind.CLUSTER, "kafka-cluster") == CLUSTER
    assert resource_arn(CLUSTER, Kind.GROUP, "a/b:c").endswith(":group/c/0a1b-2/a/b:c")
    for wrong in (TOPIC, "arn:aws:kafka", CLUSTER + "/x", CLUSTER.replace("kafka", "s3"), "", CLUSTER[:-6]):
        with pytest.raises(UsageError, match="is no ARN of a cluster"):
            resource_arn(wrong, Kind.TOPIC, "x")
