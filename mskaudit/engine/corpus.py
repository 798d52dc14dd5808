"""The corpus: every rule file, compiled, with the frameworks its controls come from and the dated tables."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mskaudit import resources, yaml_file
from mskaudit.engine.expression import Evaluate, compile_predicate, path_of
from mskaudit.engine.rule import Rule, RuleText
from mskaudit.errors import InputError, RuleError, UsageError
from mskaudit.facts.versions import SupportTable
from mskaudit.model.fact import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mskaudit.engine.expression import Scope
    from mskaudit.model.verdicts import Severity

_DEPTH: Final = len(("category", "id"))
SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


class Framework(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One framework in one version: the ids that rules may map to, with own short titles."""

    title: str
    source: str
    checked: str
    controls: dict[str, str]


class Message:
    """A sentence with placeholders, resolved against the field tree before any rule runs."""

    def __init__(self, template: str, evaluators: Sequence[tuple[str, Evaluate | None]]) -> None:
        self.template = template
        self.parts = evaluators

    def format(self, scope: Scope) -> str:
        """The sentence for one subject; what is missing reads as (unknown)."""
        return "".join(text + (_worded(evaluate(scope).value) if evaluate else "") for text, evaluate in self.parts)


def _worded(value: object) -> str:
    match value:
        case _ if value is MISSING:
            return "(unknown)"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value)) or "none"
        case _:
            return str(value)


class Compiled(Struct, frozen=True, kw_only=True):
    """A rule ready to judge by."""

    rule: Rule
    conditions: tuple[tuple[Evaluate, str], ...]
    assertion: Evaluate
    message: Message
    holds: Message


def compile_rule(rule: Rule, document: yaml_file.Document | None = None) -> Compiled:
    """Check a rule against the field tree and compile it.

    Raises:
        RuleError: with file and line.
    """

    def place(*path: str | int) -> str:
        return document.place(*path) if document else rule.file

    text = rule.text
    return Compiled(
        rule=rule,
        conditions=tuple(
            (
                compile_predicate(condition.expression, subject=text.subject, place=place("when", number, "if")),
                condition.otherwise,
            )
            for number, condition in enumerate(text.when)
        ),
        assertion=compile_predicate(text.assertion, subject=text.subject, place=place("assert")),
        message=_message(rule, text.message, place("message")),
        holds=_message(rule, text.holds, place("holds")),
    )


def _message(rule: Rule, template: str, place: str) -> Message:
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise RuleError(f"{place}: {error} in {template!r}") from None
    if any(form or conversion for _, _, form, conversion in pieces):
        raise RuleError(f"{place}: a placeholder is a path alone, without `!` or `:`, in {template!r}")
    return Message(
        template,
        [
            (literal, path_of(name, subject=rule.text.subject, place=place) if name is not None else None)
            for literal, name, _, _ in pieces
        ],
    )


class Corpus:
    """Rules by id, in the order of their category and id."""

    def __init__(self, rules: Iterable[Compiled]) -> None:
        self.compiled = tuple(sorted(rules, key=lambda one: (one.rule.category, one.rule.id)))
        self.rules = {one.rule.id: one.rule for one in self.compiled}

    def __iter__(self) -> Iterator[Compiled]:
        return iter(self.compiled)

    @cached_property
    def support(self) -> SupportTable:
        """The dated table of supported Kafka versions."""
        return yaml_file.read(resources.folder("rules") / "_tables" / "kafka_support.yaml").convert(SupportTable)

    def find(self, identifier: str) -> Rule:
        """A rule by its id.

        Raises:
            UsageError: there is none; the text names the nearest ids.
        """
        if identifier in self.rules:
            return self.rules[identifier]
        near = get_close_matches(identifier, self.rules, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `mskaudit rules list`"
        raise UsageError(f"there is no rule {identifier!r}; {hint}")

    def select(self, *, only: Sequence[str] = (), skip: Sequence[str] = ()) -> Corpus:
        """The corpus with some rules only, or without some."""
        for identifier in (*only, *skip):
            self.find(identifier)
        kept = [one for one in self if (not only or one.rule.id in only) and one.rule.id not in skip]
        return Corpus(kept)

    def at_least(self, severity: Severity) -> Corpus:
        """The corpus without rules below a severity."""
        return Corpus([one for one in self if one.rule.text.severity.at_least(severity)])


def load(*folders: Path) -> Corpus:
    """Our rules and those of a user's folders.

    Raises:
        InputError: a file that is not a rule, with file and line.
        RuleError: a rule that does not compile, or an id that stands twice.
    """
    compiled: dict[str, Compiled] = {}
    for root in (resources.folder("rules"), *folders):
        for path in rule_files(root):
            one, _ = read_rule(path)
            if one.rule.id in compiled:
                raise RuleError(f"{path}: the rule {one.rule.id} is already in {compiled[one.rule.id].rule.file}")
            compiled[one.rule.id] = one
    return Corpus(compiled.values())


def rule_files(root: Path) -> list[Path]:
    """Every rule file below a folder: `<category>/<id>.yaml`; folders that begin with _ hold other data."""
    wanted = "it wants files like <category>/<id>.yaml"
    if not root.is_dir():
        raise InputError(f"{root} is not a folder of rules; {wanted}")
    found = sorted(p for p in root.rglob("*.y*ml") if not _is_other_data(p.relative_to(root)))
    for path in found:
        if path.suffix != ".yaml" or len(path.relative_to(root).parts) != _DEPTH:
            raise InputError(f"{path} would not be read as a rule; {wanted} below {root}")
    if not found:
        raise InputError(f"{root} holds no rules; {wanted}")
    return found


def _is_other_data(path: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.parts)


def read_rule(path: Path) -> tuple[Compiled, yaml_file.Document]:
    """One rule file, compiled, and its lines.

    Raises:
        InputError: it is not a rule, with file and line.
        RuleError: it does not compile, with file and line.
    """
    document = yaml_file.read(path)
    category, identifier = path.parent.name, path.stem
    if not SLUG.fullmatch(identifier) or not SLUG.fullmatch(category):
        raise InputError(f"{path}: a rule's file and folder are named in lower-case words joined by hyphens")
    rule = Rule(id=identifier, category=category, file=str(path), text=document.convert(RuleText))
    return compile_rule(rule, document), document


def frameworks() -> dict[str, Framework]:
    """Every framework by the name rules map with, such as `pci-dss-4.0.1`."""
    root = resources.folder("rules") / "_frameworks"
    return {path.stem: yaml_file.read(path).convert(Framework) for path in sorted(root.glob("*.yaml"))}
