"""The evaluators against Apache Kafka's authorizers and SslPrincipalMapper, and Java's names and expressions.

All questions to one authorizer are asked of one JVM. The cases are random; the seed is fixed, so a failure comes back.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from mskaudit.errors import UsageError
from mskaudit.policy.acls import (
    Acl,
    AclFilter,
    AclSet,
    Authorizer,
    Flavour,
    Operation,
    PatternType,
    Permission,
    ResourceType,
    supported_operations,
)
from mskaudit.policy.hosts import HostForm
from mskaudit.policy.principals import PrincipalMapping, distinguished_name, host_text
from mskaudit.policy.regexes import compile_regex
from tests.real.maven import Profile, class_path

if TYPE_CHECKING:
    from collections.abc import Callable

SEED: Final = 20240229
SOURCE: Final = Path(__file__).with_name("Oracle.java")
PATIENCE: Final = 300
TYPES: Final = (ResourceType.TOPIC, ResourceType.GROUP)
NAMES: Final = ("a", "ab", "abc", "b", "*", "*a", "hardcode", "hard", "\u00e9\u4e2d")
PRINCIPALS: Final = ("User:alice", "User:CN=b,O=c", "Group:alice", "User:", "User:a:b")
ADDRESSES: Final = ("10.0.0.1", "10.0.0.2", "::1", "2001:db8::a")
NETWORKS: Final = (
    "10.0.0.0/8",
    "10.0.0.3/31",
    "010.0.0.0/08",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "10.0.0.0/33",
    "10.0.0/8",
    "10.0.0.999/8",
    "::/0",
    "::/127",
    "2001:DB8::/32",
    "2001:db8::a/129",
    "2001:db8:0:0:0:0:0:0/0128",
    "2001:db8::a/+32",
    "2001:db8::a/-0",
    "::ffff:10.0.0.0/104",
    "a/8",
    "10.0.0.0/",
)
AUTHORIZERS: Final = (
    (Profile.ZK39, Flavour.STANDARD, HostForm.ADDRESS),
    (Profile.ZK39, Flavour.ZOOKEEPER, HostForm.ADDRESS),
    (Profile.KRAFT4, Flavour.STANDARD, HostForm.NETWORK),
)
OPERATIONS: Final = supported_operations(ResourceType.TOPIC, release="4.4.0")
Answers = list[str]


def _word(letter: str, *fields: object) -> str:
    texts = (None if field is None else str(field).encode("utf-8", "surrogatepass").hex() for field in fields)
    return " ".join((letter, *("-" if text is None else text for text in texts)))


def _ask(profile: Profile, lines: list[str]) -> Answers:
    """Ask a JVM everything at once."""
    answered = subprocess.run(  # noqa: S603  the Java that everything here is run with
        ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", class_path(profile), str(SOURCE)],  # noqa: S607
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr[-3000:]
    return answered.stdout.splitlines()


def _acl(random: Random) -> Acl:
    return Acl(
        resource_type=random.choice(TYPES),
        name=random.choice(NAMES),
        pattern_type=random.choice((PatternType.LITERAL, PatternType.PREFIXED)),
        principal=random.choice((*PRINCIPALS, "User:*")),
        host=random.choice((*map(host_text, ADDRESSES), *["*"] * 4, random.choice(NETWORKS), "10.0.0.0/8")),
        operation=random.choice((Operation.ALL, *OPERATIONS)),
        permission=random.choice((Permission.ALLOW, Permission.ALLOW, Permission.DENY)),
    )


def _filter(random: Random) -> AclFilter:
    return AclFilter(
        resource_type=random.choice((ResourceType.ANY, *TYPES)),
        name=random.choice((None, *NAMES)),
        pattern_type=random.choice([each for each in PatternType if each is not PatternType.UNKNOWN]),
        principal=random.choice((None, None, "User:*", *PRINCIPALS)),
        host=random.choice((None, None, "*", "10.0.0.1")),
        operation=random.choice((Operation.ANY, Operation.ANY, Operation.ALL, *OPERATIONS)),
        permission=random.choice((Permission.ANY, Permission.ALLOW, Permission.DENY)),
    )


def _codes(acl: Acl | AclFilter) -> tuple[object, ...]:
    return (
        acl.resource_type.value,
        acl.name,
        acl.pattern_type.value,
        acl.principal,
        acl.host,
        acl.operation.value,
        acl.permission.value,
    )


def _world(random: Random, flavour: Flavour, hosts: HostForm) -> tuple[Authorizer, list[str]]:
    acls = AclSet(_acl(random) for _ in range(random.randrange(7)))
    supers = frozenset(random.sample(PRINCIPALS, random.choice((0, 0, 1))))
    allow_everyone = random.random() < 1 / 2
    authorizer = Authorizer(acls=acls, super_users=supers, allow_everyone=allow_everyone, flavour=flavour, hosts=hosts)
    world = _word("W", "; ".join(supers), str(allow_everyone).lower(), flavour)
    return authorizer, [world, *(_word("A", *_codes(acl)) for acl in acls)]


def _questions(random: Random, authorizer: Authorizer) -> list[tuple[str, str]]:
    """Return lines to ask and what we answer to each."""
    asked = []
    for _ in range(10):
        kind, operation = random.choice(TYPES), random.choice(OPERATIONS)
        who, where, name = random.choice(PRINCIPALS), random.choice(ADDRESSES), random.choice(NAMES)
        decision = authorizer.authorize(who, host_text(where), operation=operation, resource_type=kind, name=name)
        asked.append((_word("Q", kind.value, name, who, where, operation.value), str(int(decision.allowed))))
        somewhere = authorizer.authorize_by_resource_type(
            who, host_text(where), operation=operation, resource_type=kind
        )
        asked.append((_word("S", kind.value, who, where, operation.value), str(int(somewhere.allowed))))
        wanted = _filter(random)
        places = [str(place) for place, acl in enumerate(authorizer.acls) if wanted.matches(acl)]
        asked.append((_word("F", *_codes(wanted)), "=" + "".join(f"{place}," for place in places)))
    return asked


@pytest.mark.parametrize(("profile", "flavour", "hosts"), AUTHORIZERS)
def test_kafka_decides_and_filters_likewise(profile: Profile, flavour: Flavour, hosts: HostForm) -> None:
    random = Random(SEED)  # noqa: S311  the same cases each time
    lines: list[str] = []
    expected: list[tuple[str, str, list[str]]] = []
    for _ in range(1500):
        authorizer, world = _world(random, flavour, hosts)
        questions = _questions(random, authorizer)
        lines += (*world, *(line for line, _ in questions))
        expected += ((line, ours, world) for line, ours in questions)
    answers = _ask(profile, lines)
    assert len(answers) == len(expected)
    assert {answer[0] for answer in answers} == {"0", "1", "="}
    different = [(case, answer) for case, answer in zip(expected, answers, strict=True) if case[1] != answer]
    assert different == []


def _text(random: Random, alphabet: str, most: int) -> str:
    return "".join(random.choices(alphabet, k=random.randrange(most + 1)))


def _regex(random: Random, depth: int = 3) -> str:
    """Return a random expression, most of them within the subset."""
    if depth == 0:
        return str(random.choice((*"abc,=", ".", "[ab]", "[^a,]", r"\w", r"\D", r"\s", "^", "$", r"\.", r"\x41")))
    inner = [_regex(random, depth - 1) for _ in range(2)]
    quantifier = random.choice(("*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}?", "{0,2}", "{1,}"))
    forms = (
        inner[0],
        "".join(inner),
        f"({inner[0]}|{inner[1]})",
        f"(?:{inner[0]}){quantifier}",
        f"({inner[0]}){quantifier}",
    )
    return str(random.choice(forms))


def _spans(pattern: str, text: str) -> str:
    regex = compile_regex(pattern)
    found = [
        "|" + "".join("-1:-1," if span is None else f"{span[0]}:{span[1]}," for span in match.groups)
        for match in regex.find_all(text)
    ]
    return "".join((str(int(regex.matches(text))), *found))


def _hex(text: str) -> str:
    return f"={text.encode().hex()}"


def _answer(ours: Callable[[str, str], str], first: str, second: str) -> str | None:
    """Return our answer, or None where we refuse."""
    try:
        return ours(first, second)
    except UsageError:
        return None


def test_java_finds_likewise() -> None:
    random = Random(SEED)  # noqa: S311  the same cases each time
    cases: list[tuple[str, str, str]] = []
    while len(cases) < 6000:
        pattern, text = _regex(random), _text(random, "aabbc,=A\n\r\u2028", 9)
        ours = _answer(_spans, pattern, text)
        if ours is not None:
            cases.append((pattern, text, ours))
    answers = _ask(Profile.KRAFT4, [_word("R", pattern, text) for pattern, text, _ in cases])
    assert [(case, answer) for case, answer in zip(cases, answers, strict=True) if case[2] != answer] == []


PATTERNS: Final = (
    "^CN=(.*?),.*$",
    ".*",
    "^(.*)$",
    "CN=([a-c]*)(,?)(.*)",
    "(a)|(.*)",
    r"^CN=a\,b$",
    r"[^\/]*",
    "^CN=(.*?),O=(.*?)$",
    "",
)
REPLACEMENTS: Final = ("$1", "$2", "$1-$3", "x", "", "$0", r"\$1", "$12", r"a\/b", "$", "$1$2$9", "${n}", "$3$4")


def _rule(random: Random) -> str:
    case = random.choice(("", "", "L", "U", "X"))
    rule = f"RULE:{random.choice(PATTERNS)}/{random.choice(REPLACEMENTS)}/{case}"
    return str(random.choice(("DEFAULT", "", "nonsense", *(rule,) * 5)))


def _rules(random: Random) -> list[str]:
    return [_rule(random) for _ in range(random.randrange(1, 4))]


def _map(rules: str, name: str) -> str:
    mapped = PrincipalMapping.parse(rules).map(name)
    return "-" if mapped is None else _hex(mapped)


def test_kafka_maps_names_likewise() -> None:
    random = Random(SEED)  # noqa: S311  the same cases each time
    cases = []
    for _ in range(4000):
        rules, name = _rules(random), "CN=" + _text(random, "abc,=\u00e9OU", 12)
        text = random.choice((",", " , ", ", ")).join(rules)
        cases.append((len(rules), text, name, _answer(_map, text, name)))
    answers = _ask(Profile.KRAFT4, [_word("M", text, name) for _, text, name, _ in cases])
    answered = list(zip(cases, answers, strict=True))
    assert [(case, answer) for case, answer in answered if case[-1] not in (None, answer)] == []
    refused = [(case, answer) for case, answer in answered if case[-1] is None and case[0] == 1]
    # a single rule that we refuse Kafka refuses too, at once or as soon as it applies to a name
    assert [case for case, answer in refused if answer not in ("!", "-")] == []
    assert len({case[1] for case, _ in refused}) > 50


NAME_OIDS: Final = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "T": NameOID.TITLE,
}


def test_java_writes_names_and_addresses_likewise() -> None:
    random = Random(SEED)  # noqa: S311  the same cases each time
    cases = []
    for _ in range(2000):
        attributes = [
            (random.choice(list(NAME_OIDS)), "".join(random.choices('ab ,=+<>#;"\\\r\n\0/', k=random.randrange(1, 9))))
            for _ in range(random.randrange(1, 4))
        ]
        name = x509.Name([x509.NameAttribute(NAME_OIDS[short], value) for short, value in attributes])
        cases.append((f"N {name.public_bytes().hex()}", attributes, _hex(distinguished_name(attributes))))
    for _ in range(500):
        address = str(random.choice(("2001:db8::{:x}", "::ffff:10.0.0.{0}", "10.0.0.{0}", "::{:x}:0:1"))).format(
            random.randrange(256)
        )
        cases.append((_word("H", address), [("address", address)], _hex(host_text(address))))
    answers = _ask(Profile.KRAFT4, [line for line, _, _ in cases])
    different = [(case[1], case[2], answer) for case, answer in zip(cases, answers, strict=True) if case[2] != answer]
    assert different == []
