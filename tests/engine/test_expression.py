"""The predicate language: what it refuses, and that its three values never contradict two-valued logic."""

from __future__ import annotations

import re
from itertools import permutations, product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mskaudit.engine.expression import LONGEST, MOST_ELEMENTS, compile_predicate, path_of
from mskaudit.errors import RuleError
from mskaudit.facts.versions import parse
from mskaudit.model.evidence import Column, Gap, Known, Reason
from mskaudit.model.fact import MISSING, Fact
from mskaudit.model.subjects import Kind

PLACE = "rules/made/made.yaml:7"
LOGS = "declared.broker_logs"


def known(path: str, value: object) -> Fact:
    return Fact(value, (Known(path=f"cluster.{path}", value=value, column=Column.DECLARED, origin="o", at="t"),))


def missing(path: str) -> Fact:
    return Fact(MISSING, (Gap(path=f"cluster.{path}", reason=Reason.DENIED, origin="o", detail="d"),))


def fact(path: str, value: object) -> Fact:
    return missing(path) if value is MISSING else known(path, value)


def evaluate(source: str, values: dict[str, Any], *, subject: Kind = Kind.CLUSTER, as_of: str = "2026-11-23") -> Fact:
    facts = {path: fact(path, value) for path, value in values.items()}
    scope = {"audit": {"as_of": Fact(as_of, ())}, "cluster": facts, subject.value: facts}
    return compile_predicate(source, subject=subject, place=PLACE)(scope)


def log(destination: str, enabled: bool | None, target: str | None = None) -> dict[str, Any]:  # noqa: FBT001  a member
    return {"destination": destination, "enabled": enabled, "target": target}


@pytest.mark.parametrize(
    ("declared", "observed", "holds"),
    [
        pytest.param(False, "tls", True, id="F,F pass"),
        pytest.param(False, "clear", False, id="F,T fail"),
        pytest.param(False, MISSING, MISSING, id="F,? unknown"),
        pytest.param(True, "tls", False, id="T,F fail"),
        pytest.param(True, "clear", False, id="T,T fail"),
        pytest.param(True, MISSING, False, id="T,? fail"),
        pytest.param(MISSING, "clear", False, id="?,T fail"),
        pytest.param(MISSING, "tls", MISSING, id="?,F unknown"),
        pytest.param(MISSING, MISSING, MISSING, id="?,? unknown"),
    ],
)
def test_declared_and_observed_meet_in_seven_cases(declared: object, observed: object, holds: object) -> None:
    source = 'not (listener.declared.plaintext or listener.observed.transport == "clear")'
    values = {"declared.plaintext": declared, "observed.transport": observed}
    assert evaluate(source, values, subject=Kind.LISTENER).value is holds


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param("server.declared.iam", "unknown name 'server'", id="unknown root"),
        pytest.param("listener.declared.exists", "unknown name 'listener'", id="root of another kind"),
        pytest.param("iam", "unknown name 'iam'", id="bare name"),
        pytest.param("cluster.declared.iamm", "unknown path cluster.declared.iamm", id="unknown path"),
        pytest.param("cluster.declared", "unknown path cluster.declared", id="half a path"),
        pytest.param("cluster", "unknown path cluster.", id="root alone"),
        pytest.param("cluster.declared.iam.x", "unknown path", id="path too long"),
        pytest.param("cluster.__class__", "unknown path", id="dunder"),
        pytest.param("len(cluster.declared.broker_logs) == 0", "len is not a function", id="unknown function"),
        pytest.param('cluster.declared.name.upper() == "A"', "is not a function", id="method"),
        pytest.param('version(text="1.0") == version("1.0")', "version is not a function", id="keyword"),
        pytest.param('version(*("1.0",)) == version("1.0")', "", id="star"),
        pytest.param('version("1.0", "2.0") == version("1.0")', "version is not a function", id="two arguments"),
        pytest.param('version("x") == version("1.0")', "'x' is not a version", id="version that is none"),
        pytest.param(
            "version(cluster.declared.iam) == version('1.0')", "wants text, not boolean", id="version of boolean"
        ),
        pytest.param('cluster.declared.kafka_version > "2.5.1"', "text has no order", id="order of text"),
        pytest.param('version(cluster.declared.kafka_version) > "2.5.1"', "cannot compare", id="version with text"),
        pytest.param("cluster.declared.iam > False", "boolean has no order", id="order of booleans"),
        pytest.param("cluster.declared.iam == 1", "cannot compare", id="boolean with number"),
        pytest.param('cluster.declared.iam == "true"', "cannot compare", id="boolean with text"),
        pytest.param('cluster.declared.client_broker == "SSL"', "'SSL' is never a value here", id="impossible choice"),
        pytest.param('"SSL" != cluster.declared.client_broker', "'SSL' is never a value", id="impossible choice, left"),
        pytest.param(
            'cluster.service in ("standard", "tiny")', "'tiny' is never a value", id="impossible choice in a list"
        ),
        pytest.param('"sasl" in cluster.authentication', "'sasl' is never a value", id="impossible element"),
        pytest.param(
            'cluster.authentication == ["sasl"]', "'sasl' is never a value", id="impossible element of equals"
        ),
        pytest.param("cluster.authentication == [1]", "", id="list of another type"),
        pytest.param("1 in cluster.authentication", "", id="element of another type"),
        pytest.param('"a" in cluster.declared.name', "`in` wants a list", id="in text"),
        pytest.param('audit.as_of < "yesterday"', "is not a date", id="date with text"),
        pytest.param(
            "audit.as_of < cluster.declared.name", "a date is compared with dates only", id="date with a path"
        ),
        pytest.param("cluster.declared.name == None", "a missing value is never compared", id="None"),
        pytest.param("cluster.declared.name is None", "", id="is None"),
        pytest.param("cluster.declared.iam is True", "`is` is not part", id="is"),
        pytest.param("cluster.declared.iam is not True", "`is` is not part", id="is not"),
        pytest.param("1 < 2 < 3", "two sides", id="chained comparison"),
        pytest.param("lambda: True", "Lambda is not part", id="lambda"),
        pytest.param('cluster.declared.name == f"{cluster.declared.name}"', "JoinedStr is not part", id="f-string"),
        pytest.param('cluster.declared.broker_logs[0] == "a"', "Subscript is not part", id="subscript"),
        pytest.param('cluster.declared.broker_logs[0].x == "a"', "names joined by dots", id="path through a subscript"),
        pytest.param("(x := True)", "NamedExpr is not part", id="walrus"),
        pytest.param("*cluster.declared.iam", "not an expression", id="starred"),
        pytest.param("[*cluster.authentication] == []", "Starred is not part", id="starred in a list"),
        pytest.param("True if cluster.declared.iam else False", "IfExp is not part", id="conditional"),
        pytest.param("1if True else 2", "", id="conditional that Python only warns of"),
        pytest.param("cluster.declared.name == '\\d'", "", id="escape that Python only warns of"),
        pytest.param("1 + 1 == 2", "BinOp is not part", id="arithmetic"),
        pytest.param("-1 == 1", "UnaryOp is not part", id="minus"),
        pytest.param("1.5 == 1.5", "no literal", id="float"),
        pytest.param("b'a' == b'a'", "no literal", id="bytes"),
        pytest.param("... == ...", "no literal", id="ellipsis"),
        pytest.param("{} == {}", "Dict is not part", id="dict"),
        pytest.param("{1} == {1}", "Set is not part", id="set"),
        pytest.param("await cluster.declared.iam", "", id="await"),
        pytest.param("(yield)", "", id="yield"),
        pytest.param("[x for x in cluster.authentication] == []", "ListComp is not part", id="comprehension"),
        pytest.param("any(cluster.authentication)", "any is not a function", id="any of a list"),
        pytest.param(
            "any([l.enabled for l in cluster.declared.broker_logs])", "any is not a", id="any of a comprehension"
        ),
        pytest.param(
            "any(l.enabled for l in cluster.declared.name)", "any wants a list, not text", id="loop over text"
        ),
        pytest.param("any(l.on for l in cluster.declared.broker_logs)", "l has no 'on'", id="unknown member"),
        pytest.param("any(l for l in cluster.declared.broker_logs)", "not true or false", id="record as predicate"),
        pytest.param("any(m.enabled for l in cluster.declared.broker_logs)", "unknown name 'm'", id="unknown variable"),
        pytest.param("any(True for cluster in cluster.authentication)", "hides a root", id="variable hides a root"),
        pytest.param("any(True for a, b in cluster.authentication)", "one variable", id="two variables"),
        pytest.param(
            "any(True for a in cluster.authentication for b in cluster.authentication)",
            "one quantifier",
            id="two loops",
        ),
        pytest.param(
            "any(all(b.enabled for b in cluster.declared.broker_logs) for a in cluster.declared.broker_logs)",
            "not one inside another",
            id="nested quantifiers",
        ),
        pytest.param("any(True for a in (b for b in cluster.authentication))", "", id="nested generator"),
        pytest.param("any(a == 'iam' async for a in cluster.authentication)", "", id="async loop"),
        pytest.param("[cluster.declared.iam] == []", "literals only", id="list of paths"),
        pytest.param('cluster.declared.name in ("a", 1)', "one type", id="list of two types"),
        pytest.param('"a" and True', "is text, not true or false", id="text as operand"),
        pytest.param("not cluster.declared.name", "is text, not true or false", id="not of text"),
        pytest.param("cluster.declared.name", "a predicate is true or false, this is text", id="text"),
        pytest.param("7", "a predicate is true or false", id="number"),
        pytest.param('["a"]', "a predicate is true or false", id="list"),
        pytest.param("", "not an expression", id="nothing"),
        pytest.param("# comment", "not an expression", id="comment"),
        pytest.param("cluster.declared.iam =", "not an expression", id="assignment"),
        pytest.param("import os", "not an expression", id="statement"),
        pytest.param("cluster.declared.iam\x00", "not an expression", id="null byte"),
        pytest.param("'\ud800' == 'a'", "not an expression", id="lone surrogate"),
        pytest.param("(" * 250 + ")" * 50, "not an expression", id="250 parentheses"),
        pytest.param("[" * 190 + "]" * 190, "", id="190 lists"),
        pytest.param("-" * 390 + "1", "", id="390 minus signs"),
        pytest.param("True" + " " * LONGEST, f"at most {LONGEST} characters", id="too long"),
        pytest.param(" or ".join(["True"] * 100_000), f"at most {LONGEST} characters", id="much too long"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_file_and_line(source: str, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_predicate(source, subject=Kind.CLUSTER, place=PLACE)
    text = str(caught.value)
    assert text.startswith(f"{PLACE}: ")
    assert says in text
    assert len(text) < 6 * LONGEST


@pytest.mark.parametrize(
    ("source", "values", "result"),
    [
        ("True", {}, True),
        ("cluster.declared.iam", {"declared.iam": False}, False),
        ("not " * 90 + "True", {}, True),
        ("(" * 100 + "True" + ")" * 100, {}, True),
        ('cluster.declared.name == "a" "b"', {"declared.name": "ab"}, True),
        ("cluster.declared.name == 'x' # why", {"declared.name": "x"}, True),
        ("\n  cluster.declared.iam or True\n", {"declared.iam": MISSING}, True),
        ('"iam" in cluster.authentication', {"authentication": ["iam"]}, True),
        ('"mtls" not in cluster.authentication', {"authentication": ["iam"]}, True),
        ("cluster.authentication == []", {"authentication": []}, True),
        ('cluster.authentication != ["iam", "scram"]', {"authentication": ["iam", "scram"]}, False),
        ('cluster.service in ("standard", "express")', {"service": "serverless"}, False),
        ("cluster.declared.name in []", {"declared.name": "x"}, False),
        ('audit.as_of >= "2026-11-23"', {}, True),
        ('"2026-11-24" <= audit.as_of', {}, False),
        ("cluster.support_end < audit.as_of", {"support_end": "2026-11-22"}, True),
        ("1 < 2", {}, True),
        ('"a" == "b"', {}, False),
    ],
)
def test_expression_has_the_value_python_would_give_it(source: str, values: dict[str, Any], result: object) -> None:
    assert evaluate(source, values).value is result


@pytest.mark.parametrize(
    ("version", "result"),
    [
        ("2.5.1", True),
        ("2.10.0", True),
        ("2.5.0", False),
        ("2.4.1.1", False),
        ("3.7.x.kraft", True),
        ("2.5.x", True),
        ("newest", MISSING),
        ("", MISSING),
        (MISSING, MISSING),
    ],
)
def test_versions_are_ordered_as_versions_and_unknown_where_unreadable(version: object, result: object) -> None:
    found = evaluate('version(cluster.declared.kafka_version) >= version("2.5.1")', {"declared.kafka_version": version})
    assert found.value is result
    assert found.value is not MISSING or all(isinstance(there, Gap) for there in found.support)


def test_version_of_a_value_without_evidence_is_unknown_and_no_crash() -> None:
    predicate = compile_predicate('version(cluster.name) > version("1.0")', subject=Kind.CLUSTER, place=PLACE)
    result = predicate({"cluster": {"name": Fact("orders", ())}})
    assert result.value is MISSING
    assert len(result.support) == 1


@pytest.mark.parametrize(
    ("source", "logs", "result"),
    [
        ("any(l.enabled for l in cluster.declared.broker_logs)", [], False),
        ("any(l.enabled for l in cluster.declared.broker_logs)", [log("s3", None), log("s3", True)], True),
        ("any(l.enabled for l in cluster.declared.broker_logs)", [log("s3", None), log("s3", False)], MISSING),
        ("any(l.enabled for l in cluster.declared.broker_logs)", MISSING, MISSING),
        ("all(l.enabled for l in cluster.declared.broker_logs)", [], MISSING),
        ("all(l.enabled for l in cluster.declared.broker_logs)", [log("s3", True)], True),
        ("all(l.enabled for l in cluster.declared.broker_logs)", [log("s3", None), log("s3", False)], False),
        ("all(l.enabled for l in cluster.declared.broker_logs)", [log("s3", None), log("s3", True)], MISSING),
        (
            'any(l.enabled for l in cluster.declared.broker_logs if l.destination == "s3")',
            [log("firehose", True)],
            False,
        ),
        ('any(l.enabled for l in cluster.declared.broker_logs if l.destination == "s3")', [log("s3", True)], True),
        (
            'all(l.enabled for l in cluster.declared.broker_logs if l.destination == "s3")',
            [log("firehose", False)],
            MISSING,
        ),
        (
            'all(l.enabled for l in cluster.declared.broker_logs if l.destination == "s3")',
            [log("firehose", False), log("s3", True)],
            True,
        ),
        ('any(l.destination == "s3" for l in cluster.declared.broker_logs if l.enabled)', [log("s3", None)], MISSING),
        (
            'all(l.destination == "s3" for l in cluster.declared.broker_logs if l.enabled)',
            [log("firehose", None)],
            MISSING,
        ),
        ('all(l.destination == "s3" for l in cluster.declared.broker_logs if l.enabled)', [log("s3", None)], MISSING),
        ('any(l.target in ("a", "b") for l in cluster.declared.broker_logs)', [log("s3", True, "b")], True),
        (
            'any(l.enabled for l in cluster.declared.broker_logs if l.enabled if l.target == "a")',
            [log("s3", True, "a")],
            True,
        ),
    ],
)
def test_quantifier_and_its_filters_over_whole_and_broken_elements(source: str, logs: Any, result: object) -> None:
    orders = permutations(logs) if logs is not MISSING else [MISSING]
    for order in orders:
        value = order if order is MISSING else list(order)
        found = evaluate(source, {LOGS: value})
        assert found.value is result
        assert found.value is not MISSING or all(isinstance(there, Gap) for there in found.support)


def test_broken_element_names_its_member() -> None:
    found = evaluate("any(l.enabled for l in cluster.declared.broker_logs)", {LOGS: [log("s3", None)]})
    (gap,) = found.support
    assert isinstance(gap, Gap)
    assert (gap.path, gap.reason) == ("cluster.declared.broker_logs[].enabled", Reason.UNRESOLVED)


def test_loop_variable_ends_with_its_loop() -> None:
    source = "any(l.enabled for l in cluster.declared.broker_logs) and l.enabled"
    with pytest.raises(RuleError, match="unknown name 'l'"):
        compile_predicate(source, subject=Kind.CLUSTER, place=PLACE)


def test_two_quantifiers_side_by_side_are_allowed() -> None:
    source = (
        "any(l.enabled for l in cluster.declared.broker_logs) or all(l.enabled for l in cluster.declared.broker_logs)"
    )
    assert evaluate(source, {LOGS: [log("s3", True)]}).value is True


@pytest.mark.parametrize("literals", ["any(x == 'a' for x in ('a', 'b'))", "not all(x == 'a' for x in ('a', 'b'))"])
def test_quantifier_over_literals(literals: str) -> None:
    assert evaluate(literals, {}) == Fact(True, ())


def test_all_over_no_literal_is_unknown_with_a_gap() -> None:
    found = evaluate("all(x == 'a' for x in [])", {})
    assert found.value is MISSING
    assert len(found.support) == 1


def test_list_beyond_the_bound_is_an_error_of_the_rule_and_not_an_hour() -> None:
    source = "any(x == 'iam' for x in cluster.authentication)"
    assert evaluate(source, {"authentication": ["scram"] * MOST_ELEMENTS}).value is False
    with pytest.raises(RuleError, match=f"more than {MOST_ELEMENTS}"):
        evaluate(source, {"authentication": ["scram"] * (MOST_ELEMENTS + 1)})


@pytest.mark.parametrize(
    "text",
    ["", "cluster", "0", "cluster.nothing", "cluster.name()", "cluster[0]", "a b", "x.y", "cluster.name or x", "\x00"],
)
def test_placeholder_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(PLACE)}: "):
        path_of(text, subject=Kind.CLUSTER, place=PLACE)


def test_placeholder_is_the_fact_of_its_path() -> None:
    there = known("name", "orders")
    assert path_of("cluster.name", subject=Kind.LISTENER, place=PLACE)({"cluster": {"name": there}}) is there


# An oracle: Python itself evaluates the same text over every completion of what is missing.

DOMAINS: dict[str, list[Any]] = {
    "declared.iam": [False, True],
    "declared.scram": [False, True],
    "declared.mtls": [False, True],
    "declared.client_broker": ["TLS", "TLS_PLAINTEXT", "PLAINTEXT"],
    "declared.kafka_version": ["2.4.1.1", "2.8.2-tiered", "3.7.x.kraft"],
    LOGS: [
        [log("s3", True)],
        [log("s3", False), log("firehose", True)],
        [log("cloudwatch", False)],
        [log("firehose", False), log("s3", True), log("s3", False)],
    ],
}
BROKEN = [[log("s3", None)], [log("s3", None), log("firehose", True)], [log("firehose", False), log("s3", None)]]
ATOMS = st.sampled_from(
    [
        "True",
        "False",
        "cluster.declared.iam",
        "cluster.declared.scram",
        "cluster.declared.mtls == cluster.declared.iam",
        "cluster.declared.scram != True",
        'cluster.declared.client_broker == "TLS"',
        'cluster.declared.client_broker not in ("TLS", "PLAINTEXT")',
        'version(cluster.declared.kafka_version) >= version("2.8.2")',
        "version(cluster.declared.kafka_version) < version('2.5.1')",
        'audit.as_of < "2026-11-24"',
        "any(l.enabled for l in cluster.declared.broker_logs)",
        "all(l.enabled for l in cluster.declared.broker_logs)",
        'any(l.enabled for l in cluster.declared.broker_logs if l.destination == "s3")',
        'all(l.enabled or cluster.declared.iam for l in cluster.declared.broker_logs if l.destination != "s3")',
        'all(l.destination == "s3" for l in cluster.declared.broker_logs if l.enabled if cluster.declared.scram)',
    ]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) or ({pair[1]})"),
    ),
    max_leaves=5,
)
VALUES = st.fixed_dictionaries(
    {path: st.sampled_from([*domain, MISSING, *(BROKEN if path == LOGS else [])]) for path, domain in DOMAINS.items()}
)


def completions(path: str, value: Any) -> list[Any]:
    """Every value that something missing could have."""
    if value is MISSING:
        return DOMAINS[path]
    if path != LOGS:
        return [value]
    elements = [
        [{**one, "enabled": choice} for choice in ((False, True) if one["enabled"] is None else (one["enabled"],))]
        for one in value
    ]
    return [list(chosen) for chosen in product(*elements)]


def python(source: str, values: dict[str, Any]) -> object:
    """What Python says of the text, with records as objects."""
    declared = {
        path.removeprefix("declared."): [SimpleNamespace(**one) for one in value] if path == LOGS else value
        for path, value in values.items()
        if value is not MISSING
    }
    names = {
        "cluster": SimpleNamespace(declared=SimpleNamespace(**declared)),
        "audit": SimpleNamespace(as_of="2026-11-23"),
        "version": parse,
    }
    return eval(source, names)  # noqa: S307  the text is made of the atoms above


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, VALUES)
def test_three_values_never_contradict_a_completion(source: str, values: dict[str, Any]) -> None:
    assume(len(source) <= LONGEST)
    found = evaluate(source, values)
    used = [path for path in DOMAINS if path in source]
    possible = {
        python(source, {**values, **dict(zip(used, chosen, strict=True))})
        for chosen in product(*(completions(path, values[path]) for path in used))
    }
    if found.value is MISSING:
        assert found.support
        assert all(isinstance(there, Gap) for there in found.support)
    else:
        assert possible == {found.value}
        assert all(isinstance(there, Known) for there in found.support)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, st.fixed_dictionaries({path: st.sampled_from(domain) for path, domain in DOMAINS.items()}))
def test_with_everything_known_the_value_is_that_of_python_but_for_all_of_nothing(
    source: str, values: dict[str, Any]
) -> None:
    assume(len(source) <= LONGEST)
    found = evaluate(source, values)
    if found.value is MISSING:
        assert "all(" in source
        assert all(isinstance(gap, Gap) and "nothing is known to be in the list" in gap.detail for gap in found.support)
    else:
        assert found.value is python(source, values)


@settings(max_examples=200)
@given(st.text(alphabet="cluster.declared.iam()[]{}\"' =!<>andornotif,:\\\n\t0x1", max_size=40) | st.text(max_size=20))
def test_no_text_makes_compiling_raise_anything_but_rule_errors(source: str) -> None:
    try:
        compile_predicate(source, subject=Kind.CLUSTER, place=PLACE)
    except RuleError as error:
        assert str(error).startswith(f"{PLACE}: ")  # noqa: PT017  both ends are right
