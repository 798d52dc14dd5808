"""The predicate language: a small safe subset of Python's expressions over three-valued facts.

An expression is parsed with `ast`, checked against the field tree (every path exists, every literal fits) and compiled
to closures. There is no name, call or attribute beyond those listed here, so that a rule file can do nothing but read
facts. Cost is bounded: no quantifier inside a quantifier, no recursion, a bounded length.

    listener.declared.plaintext            a path of the rule's subject or of its cluster
    == != < <= > >= in not in              on text, numbers, dates, versions; choices are checked
    and or not                             Kleene
    any(log.enabled for log in PATH)       order-independent; `all` of nothing is unknown, never true
    version(PATH_OR_TEXT)                  a Kafka version, for ordering
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from mskaudit.errors import RuleError
from mskaudit.facts.versions import parse
from mskaudit.model.evidence import Reason
from mskaudit.model.fact import MISSING, Fact, all_of, any_of, apply, negate, unsettled
from mskaudit.model.subjects import BOOLEAN, CATALOGUE, DATE, INTEGER, TEXT, Kind, Type

if TYPE_CHECKING:
    from mskaudit.facts.derive import View

Scope = Mapping[str, Any]
"""Root name to facts by path; a loop variable to its element as a fact."""
Evaluate = Callable[[Scope], Fact]

VERSION: Final = Type("version")
LONGEST: Final = 400
MOST_ELEMENTS: Final = 100_000
_AS_OF: Final = {"as_of": DATE}
_DATE: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_NO_DATE: Final = "a date is compared with dates only"
_ORDERED: Final = {"integer", "date", "version"}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Node(NamedTuple):
    """A compiled part of an expression: its type, and how to evaluate it."""

    type: Type
    evaluate: Evaluate
    literal: Any = None


def compile_predicate(source: str, *, subject: Kind, place: str) -> Evaluate:
    """A boolean expression about a subject, ready to evaluate.

    Raises:
        RuleError: not in the language, a path that does not exist, a literal of the wrong type, or not boolean.
    """
    node = _Compiler(subject, place).compile(source)
    if node.type != BOOLEAN:
        raise RuleError(f"{place}: a predicate is true or false, this is {node.type}: {source}")
    return node.evaluate


def path_of(text: str, *, subject: Kind, place: str) -> Evaluate:
    """The path that a message placeholder names."""
    compiler = _Compiler(subject, place)
    tree = compiler.parse(text)
    if not isinstance(tree, ast.Attribute):
        compiler.fail(f"{{{text}}} is not a path")
    return compiler.path(tree).evaluate


class _Compiler:
    """Compiles one expression; `variables` holds the loop variable while inside a quantifier."""

    def __init__(self, subject: Kind, place: str) -> None:
        self.place = place
        self.source = ""
        self.roots: dict[str, Mapping[str, Type]] = {
            kind.value: {path: field.type for path, field in CATALOGUE[kind].items()}
            for kind in {subject, Kind.CLUSTER}
        }
        self.roots["audit"] = _AS_OF
        self.variables: dict[str, Type] = {}

    def fail(self, why: str) -> NoReturn:
        raise RuleError(f"{self.place}: {why}, in: {self.source}")

    def parse(self, source: str) -> ast.expr:
        self.source = source if len(source) <= LONGEST else f"{source[:LONGEST]}…"
        if len(source) > LONGEST:
            self.fail(f"an expression has at most {LONGEST} characters; make it a fact")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return ast.parse(" ".join(source.split()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.fail(f"not an expression ({error.args[0] if error.args else 'too deep'})")

    def compile(self, source: str) -> Node:
        return self.expression(self.parse(source))

    def expression(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant():
                return self.constant(tree)
            case ast.Attribute() | ast.Name():
                return self.path(tree)
            case ast.BoolOp():
                return self.boolean(tree)
            case ast.UnaryOp(op=ast.Not()):
                operand = self.predicate(tree.operand)
                return Node(BOOLEAN, lambda scope: negate(operand(scope)))
            case ast.Compare():
                return self.comparison(tree)
            case ast.List() | ast.Tuple():
                return self.list(tree)
            case ast.Call():
                return self.call(tree)
            case _:
                self.fail(f"{type(tree).__name__} is not part of the rule language")

    def constant(self, tree: ast.Constant) -> Node:
        types = {bool: BOOLEAN, int: INTEGER, str: TEXT}
        if type(tree.value) not in types:
            self.fail(f"{tree.value!r} is no literal of the rule language (a missing value is never compared)")
        fact = Fact(tree.value, ())
        return Node(types[type(tree.value)], lambda _: fact, tree.value)

    def path(self, tree: ast.expr) -> Node:
        names: list[str] = []
        while isinstance(tree, ast.Attribute):
            names.append(tree.attr)
            tree = tree.value
        if not isinstance(tree, ast.Name):
            self.fail("a path is names joined by dots")
        root, path = tree.id, ".".join(reversed(names))
        if root in self.variables:
            return self.member(root, path)
        if root not in self.roots:
            self.fail(f"unknown name {root!r} (there are {', '.join(sorted(self.roots))})")
        if path not in self.roots[root]:
            near = get_close_matches(path, self.roots[root], n=1)
            self.fail(f"unknown path {root}.{path}" + "".join(f"; did you mean {root}.{name}?" for name in near))
        return Node(self.roots[root][path], lambda scope: scope[root][path])

    def member(self, variable: str, name: str) -> Node:
        item = self.variables[variable]
        if not name:
            return Node(item, lambda scope: scope[variable])
        members = dict(item.members)
        if name not in members:
            self.fail(f"{variable} has no {name!r} (it is {item})")

        def evaluate(scope: Scope) -> Fact:
            record: Fact = scope[variable]
            value = record.value[name]
            return _element_gap(record, name) if value is None else Fact(value, record.support)

        return Node(members[name], evaluate)

    def predicate(self, tree: ast.expr) -> Evaluate:
        node = self.expression(tree)
        if node.type != BOOLEAN:
            self.fail(f"{ast.unparse(tree)} is {node.type}, not true or false")
        return node.evaluate

    def boolean(self, tree: ast.BoolOp) -> Node:
        operands = [self.predicate(operand) for operand in tree.values]
        combine = all_of if isinstance(tree.op, ast.And) else any_of
        return Node(BOOLEAN, lambda scope: combine(*(operand(scope) for operand in operands)))

    def comparison(self, tree: ast.Compare) -> Node:
        if len(tree.ops) != 1:
            self.fail("a comparison has two sides")
        left, right = self.expression(tree.left), self.expression(tree.comparators[0])
        match tree.ops[0]:
            case ast.In() | ast.NotIn():
                return self.membership(left, right, negated=isinstance(tree.ops[0], ast.NotIn))
            case ast.Is() | ast.IsNot():
                self.fail("`is` is not part of the rule language")
            case op:
                self.comparable(left, right)
                if not isinstance(op, ast.Eq | ast.NotEq) and not {left.type.name, right.type.name} & _ORDERED:
                    self.fail(f"{left.type} has no order")
                compare = _COMPARISONS[type(op)]
                return Node(BOOLEAN, lambda scope: apply(compare, left.evaluate(scope), right.evaluate(scope)))

    def comparable(self, left: Node, right: Node) -> None:
        for one, other in ((left, right), (right, left)):
            if one.type.choices and other.literal is not None and other.literal not in one.type.choices:
                self.fail(f"{other.literal!r} is never a value here ({one.type})")
            if one.type == DATE and other.type == TEXT and not _is_date(other.literal):
                self.fail(f"{other.literal!r} is not a date like 2026-11-23" if other.literal else _NO_DATE)
            for element in (other.literal if one.type.item and other.type.item else None) or ():
                self.comparable(
                    Node(one.type.item or TEXT, one.evaluate), Node(other.type.item or TEXT, other.evaluate, element)
                )
        names = {left.type.name, right.type.name}
        if len(names) > 1 and names != {"date", "text"}:
            self.fail(f"cannot compare {left.type} with {right.type}")

    def membership(self, left: Node, right: Node, *, negated: bool) -> Node:
        if right.type.item is None:
            self.fail(f"`in` wants a list, not {right.type}")
        for literal in right.literal or ():
            self.comparable(left, Node(right.type.item, right.evaluate, literal))
        self.comparable(left, Node(right.type.item, right.evaluate))
        contains = (lambda value, values: value not in values) if negated else (lambda value, values: value in values)
        return Node(BOOLEAN, lambda scope: apply(contains, left.evaluate(scope), right.evaluate(scope)))

    def list(self, tree: ast.List | ast.Tuple) -> Node:
        elements = [self.expression(element) for element in tree.elts]
        if any(element.literal is None for element in elements):
            self.fail("a list holds literals only")
        if len({element.type for element in elements}) > 1:
            self.fail("a list holds literals of one type")
        values = [element.literal for element in elements]
        item = elements[0].type if elements else TEXT
        fact = Fact(values, ())
        return Node(Type("list", item=item), lambda _: fact, values)

    def call(self, tree: ast.Call) -> Node:
        match tree:
            case ast.Call(func=ast.Name(id="any" | "all" as name), args=[ast.GeneratorExp() as loop], keywords=[]):
                return self.quantifier(name, loop)
            case ast.Call(func=ast.Name(id="version"), args=[argument], keywords=[]):
                node = self.expression(argument)
                if node.type.name != "text":
                    self.fail(f"version() wants text, not {node.type}")
                if node.literal is not None and parse(node.literal) is None:
                    self.fail(f"{node.literal!r} is not a version")
                return Node(VERSION, lambda scope: _version(node.evaluate(scope)))
            case _:
                self.fail(f"{ast.unparse(tree.func)} is not a function of the rule language (any, all, version)")

    def quantifier(self, name: str, loop: ast.GeneratorExp) -> Node:
        generator = loop.generators[0]
        if (
            self.variables
            or len(loop.generators) > 1
            or generator.is_async
            or not isinstance(generator.target, ast.Name)
        ):
            self.fail("one quantifier with one variable, not one inside another")
        items = self.expression(generator.iter)
        if items.type.item is None:
            self.fail(f"{name} wants a list, not {items.type}")
        variable = generator.target.id
        if variable in self.roots:
            self.fail(f"the loop variable {variable!r} hides a root")
        self.variables[variable] = items.type.item
        filters = [self.predicate(condition) for condition in generator.ifs]
        body = self.predicate(loop.elt)
        del self.variables[variable]
        quantifier = _Quantifier(
            existential=name == "any", variable=variable, items=items.evaluate, filters=filters, body=body
        )
        return Node(BOOLEAN, quantifier)


class _Quantifier:
    """`any` or `all` over a list, whatever the order of its elements."""

    def __init__(
        self, *, existential: bool, variable: str, items: Evaluate, filters: list[Evaluate], body: Evaluate
    ) -> None:
        self.existential = existential
        self.variable = variable
        self.items = items
        self.filters = filters
        self.body = body

    def __call__(self, scope: Scope) -> Fact:
        items = self.items(scope)
        if items.value is MISSING:
            return items
        if len(items.value) > MOST_ELEMENTS:
            raise RuleError(f"{items.support[0].path} has {len(items.value)} elements, more than {MOST_ELEMENTS}")
        inner = dict(scope)
        results = [self.one(inner, Fact(value, items.support)) for value in items.value]
        if self.existential:
            return any_of(*(all_of(kept, holds) for kept, holds in results)) if results else Fact(False, items.support)
        every = all_of(*(any_of(negate(kept), holds) for kept, holds in results))
        nothing_kept = not any(kept.value is True for kept, _ in results)
        return self.vacuous(items) if every.value is True and nothing_kept else every

    def one(self, scope: dict[str, Any], element: Fact) -> tuple[Fact, Fact]:
        """Whether the filters keep an element, and whether the body holds for it."""
        scope[self.variable] = element
        return all_of(*(condition(scope) for condition in self.filters)), self.body(scope)

    def vacuous(self, items: Fact) -> Fact:
        first = items.support[0] if items.support else None
        path, origin = (first.path, first.origin) if first else ("", "")
        return unsettled(path, Reason.UNRESOLVED, origin, "nothing is known to be in the list, so `all` says nothing")


def _element_gap(record: Fact, name: str) -> Fact:
    first = record.support[0]
    return unsettled(f"{first.path}[].{name}", Reason.UNRESOLVED, first.origin, f"{first.origin} does not say")


def _is_date(literal: object) -> bool:
    return isinstance(literal, str) and _DATE.fullmatch(literal) is not None


def _version(fact: Fact) -> Fact:
    if fact.value is MISSING:
        return fact
    parsed = parse(fact.value)
    if parsed is not None:
        return Fact(parsed, fact.support)
    path, origin = (fact.support[0].path, fact.support[0].origin) if fact.support else ("", "")
    return unsettled(path, Reason.UNRESOLVED, origin, f"{fact.value!r} cannot be read as a version")


def scope_of(view: View, *, as_of: Fact) -> Scope:
    """What the expressions of one subject can name."""
    return {"audit": {"as_of": as_of}, "cluster": view.cluster, view.key.kind.value: view.facts}
