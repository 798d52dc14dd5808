"""Changed rules that no proof notices: `make mutants` lists the survivors, and there must be none.

Each predicate of each rule (its conditions and its assertion) is negated, and each of its operators is turned into
its opposite, one at a time. A mutant is killed when a proof of the rule then ends otherwise.
"""

from __future__ import annotations

import ast
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mskaudit.engine.corpus import Corpus, compile_rule, load
from mskaudit.prove import look, prove, states

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mskaudit.engine.rule import Rule
    from mskaudit.model.dossier import Dossier
    from mskaudit.prove import State

OPPOSITES: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}


class Mutant(NamedTuple):
    """A rule with one change, and the change in words."""

    rule: Rule
    change: str


def changed(expression: str) -> Iterator[str]:
    """The negation of an expression, and the expression with each operator turned."""
    yield f"not ({expression})"
    tree = ast.parse(expression.strip(), mode="eval")
    for number, node in enumerate(ast.walk(tree)):
        copy = deepcopy(tree)
        match node, list(ast.walk(copy))[number]:
            case ast.BoolOp(), ast.BoolOp() as twin:
                twin.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            case ast.Compare(), ast.Compare() as twin:
                twin.ops = [OPPOSITES[type(node.ops[0])]()]
            case _:
                continue
        yield ast.unparse(copy)


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Every rule that differs from this one in one predicate."""
    for expression in changed(rule.text.assertion):
        text = msgspec.structs.replace(rule.text, assertion=expression)
        yield Mutant(msgspec.structs.replace(rule, text=text), f"assert: {expression}")
    for number, condition in enumerate(rule.text.when):
        for expression in changed(condition.expression):
            conditions = list(rule.text.when)
            conditions[number] = msgspec.structs.replace(condition, expression=expression)
            text = msgspec.structs.replace(rule.text, when=tuple(conditions))
            yield Mutant(msgspec.structs.replace(rule, text=text), f"when: {expression}")


def survives(mutant: Mutant, corpus: Corpus, seen: Mapping[State, Dossier]) -> bool:
    """Whether every proof of the changed rule still ends as expected."""
    rest = [one for one in corpus if one.rule.id != mutant.rule.id]
    turned = Corpus([*rest, compile_rule(mutant.rule)])
    wanted = states(turned.select(only=[mutant.rule.id]))
    outcomes = prove(turned, {state: seen[state] for state in wanted}, only=[mutant.rule.id])
    return all(one.complaint is None for one in outcomes if one.rule == mutant.rule.id)


def main() -> int:
    """Print the survivors; 1 when there are any."""
    corpus = load()
    seen = look(states(corpus))
    tried = survivors = 0
    for one in corpus:
        for mutant in mutants(one.rule):
            tried += 1
            if survives(mutant, corpus, seen):
                survivors += 1
                print(f"{mutant.rule.file}: survives {mutant.change}")
    print(f"{tried} mutants of {len(corpus.rules)} rules, {survivors} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
