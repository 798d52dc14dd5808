"""The reference with one answer turned wrong: a table of changes, each of which its transcripts must show.

A change lasts as long as a `MonkeyPatch` and replaces one name of the reference or of its authorizer. That what
Apache Kafka was heard to say then differs somewhere proves that it would tell such a fault of the reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import pytest

from mskaudit.policy import acls as policy
from mskaudit.policy.acls import CLUSTER_NAME, Decision, Ground, Operation, ResourceType
from mskaudit.reference import attendant, authority, broker, logins, session, spoken, state
from mskaudit.reference.asking import Asking, Identity, NoReply
from mskaudit.reference.broker_settings import BrokerSettings, Entry, Source
from mskaudit.reference.config_keys import ConfigType
from mskaudit.reference.services import acls as of_acls
from mskaudit.reference.services import (
    altering,
    configs,
    groups,
    membership,
    metadata,
    operations,
    partitions,
    quotas,
    topic_creation,
    topic_placing,
    topics,
    users,
)
from mskaudit.reference.session import Phase, Session
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import OPERATIONS_UNKNOWN, ApiKey
from tests.real.brokers import Line
from tests.real.differences import named
from tests.real.record import answers
from tests.real.scenes import scene
from tests.real.stage import reference
from tests.real.transcripts import TRANSCRIPTS, Difference, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from mskaudit.reference.releases import Mode, Profile
    from mskaudit.wire.messages import SaslHandshakeRequest

Turn = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """A change, the transcript that is to show it, and the line of Kafka that it is compared with."""

    transcript: str
    turn: Turn
    line: Line = Line.KRAFT


def unnamed(transcripts: Iterable[str], line: Line) -> Iterator[tuple[str, Difference]]:
    """Where the reference as it is now says something else than Kafka did, and nobody said that it would."""
    chosen = sorted((TRANSCRIPTS[name] for name in transcripts), key=lambda one: one.scene)
    for name, plays in groupby(chosen, key=lambda one: one.scene):
        with reference(scene(name, line)) as stage:
            for called, _, play in plays:
                told = json.loads(json.dumps(play(stage)))
                for one in differences(told, answers()[called][line]):
                    if not named(called, line, one.place):
                        yield called, one


def survives(mutant: Mutant) -> bool:
    """Whether its transcript says the same in spite of the change."""
    with pytest.MonkeyPatch.context() as patch:
        mutant.turn(patch)
        # To the end, since a change that brings the reference down is not what is meant.
        return not list(unnamed([mutant.transcript], mutant.line))


class _Turned:
    """An enumeration in which some members are others."""

    def __init__(self, kind: type[Any], others: Mapping[str, object]) -> None:
        self._kind = kind
        self._others = others

    def __getattr__(self, name: str) -> object:
        return self._others[name] if name in self._others else getattr(self._kind, name)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._kind)


def _code(module: ModuleType, right: ErrorCode, wrong: ErrorCode) -> Turn:
    """A service that says one error for another."""
    return _other(module, "ErrorCode", _Turned(ErrorCode, {right.name: wrong}))


def _other(owner: object, name: str, value: object) -> Turn:
    """Something else under a name."""
    return lambda patch: patch.setattr(owner, name, value)


def _around(owner: object, name: str, wrong: Callable[..., object]) -> Turn:
    """A function whose result is turned; `wrong` is handed the result and then what the function was."""

    def turn(patch: pytest.MonkeyPatch) -> None:
        right = getattr(owner, name)
        patch.setattr(owner, name, lambda *given, **more: wrong(right(*given, **more), *given))

    return turn


def _filled(module: ModuleType, name: str, **wrong: Callable[[Any], object]) -> Turn:
    """A message or value that is made with some fields turned."""

    def turn(patch: pytest.MonkeyPatch) -> None:
        right = getattr(module, name)

        def made(*given: object, **more: Any) -> object:
            return right(*given, **{key: wrong[key](value) if key in wrong else value for key, value in more.items()})

        patch.setattr(module, name, made)

    return turn


def _bit(kind: ResourceType, operation: Operation) -> Turn:
    """One operation of a kind of resource that is there, or not, contrary to Kafka."""

    def wrong(right: tuple[Operation, ...], asked: ResourceType) -> tuple[Operation, ...]:
        return tuple(sorted({*right} ^ {operation})) if asked is kind else right

    return _around(authority, "supported_operations", wrong)


def _profile(wrong: Callable[[Profile], Mapping[str, object]]) -> Turn:
    """A release that says something else of itself."""

    def turned(right: Profile, *_: str | Mode) -> Profile:
        return msgspec.structs.replace(right, **wrong(right))

    return _around(attendant, "profile", turned)


def _range(key: ApiKey, lowest: int, highest: int) -> Turn:
    """An API with so much added to its first and last version."""

    def wrong(right: Profile) -> Mapping[str, object]:
        first, last = right.apis[key]
        return {"apis": {**right.apis, key: (first + lowest, last + highest)}}

    return _profile(wrong)


def _decision(ground: Ground) -> Turn:
    """Decisions for one reason turned into their opposite."""

    def wrong(right: Decision, *_: object) -> Decision:
        return replace(right, allowed=not right.allowed) if right.ground is ground else right

    return _around(policy.Authorizer, "authorize", wrong)


def _all_operations(asking: Asking, *, wanted: bool) -> int:
    return asking.operations(ResourceType.CLUSTER, CLUSTER_NAME, wanted=wanted)


def _without_static(right: Entry, *_: object) -> Entry:
    return replace(right, source=Source.DYNAMIC_BROKER) if right.source is Source.STATIC else right


def _greeting(after: Phase) -> Callable[..., object]:
    """A session that is at its beginning again instead of in a phase."""

    def wrong(right: object, here: Session, *_: object) -> object:
        if here._phase is after:
            here._phase = Phase.GREETING
        return right

    return wrong


def _fewer_mechanisms(right: Any, _: Session, *__: SaslHandshakeRequest | int) -> object:
    return replace(right, mechanisms=right.mechanisms[1:])


_DENY: Final = "reading as anybody [deny]"
_REFUSED: Final = "writing where nothing is allowed [deny]"
_SEEN: Final = "topics in sight [deny]"
_SETTINGS: Final = "settings in sight [deny]"
_GROUPS: Final = "groups with a coordinator [workshop]"
_TRANSACTIONS: Final = "transactions with a coordinator [workshop]"
_WRONG: Final = "what an administrator gets wrong [workshop]"
_ITSELF: Final = "what a broker says of itself [deny]"
_LIMIT: Final = "lengths of frames before a login [deny]"
_WORKERS: Final = "topics in sight [deny, alice reads foo and makes topics]"
_NONE: Final = ErrorCode.NONE

_CODES: Final[Mapping[str, Mutant]] = {
    "a hidden topic is unknown": Mutant(
        _DENY, _code(metadata, ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    ),
    "an unknown topic is hidden": Mutant(
        _DENY, _code(metadata, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    ),
    "the settings of a hidden topic are unknown": Mutant(
        _DENY, _code(configs, ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    ),
    "the settings of a broker are refused as a topic's": Mutant(
        _DENY, _code(configs, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    ),
    "a partition of a hidden topic is unknown": Mutant(
        _DENY, _code(partitions, ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    ),
    "whoever may not see ACLs is told that there are none": Mutant(
        "the list of acls [deny]", _code(of_acls, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, _NONE)
    ),
    "no authorizer is a refusal": Mutant(
        "the list of acls [no authorizer]",
        _code(of_acls, ErrorCode.SECURITY_DISABLED, ErrorCode.CLUSTER_AUTHORIZATION_FAILED),
    ),
    "whoever may not see quotas is told that there are none": Mutant(
        _DENY, _code(quotas, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, _NONE)
    ),
    "whoever may not see reassignments is told that there are none": Mutant(
        _DENY, _code(topics, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, _NONE)
    ),
    "a member of a hidden group is unknown": Mutant(
        _REFUSED, _code(membership, ErrorCode.GROUP_AUTHORIZATION_FAILED, ErrorCode.UNKNOWN_MEMBER_ID)
    ),
    "a group without a coordinator has no members": Mutant(_DENY, _code(groups, ErrorCode.NOT_COORDINATOR, _NONE)),
    "every broker coordinates every group": Mutant(_DENY, _other(groups, "coordinates", lambda *_: True)),
    "a hidden transactional id is unknown": Mutant(
        _DENY,
        _code(operations, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ErrorCode.TRANSACTIONAL_ID_NOT_FOUND),
    ),
    "a transactional id without a coordinator is unknown": Mutant(
        _DENY, _code(operations, ErrorCode.NOT_COORDINATOR, ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
    ),
    "an unknown transactional id is refused": Mutant(
        _TRANSACTIONS,
        _code(operations, ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    ),
    "an unknown user has no credentials": Mutant(_DENY, _code(users, ErrorCode.RESOURCE_NOT_FOUND, _NONE)),
    "too few iterations are a bad request": Mutant(
        "iterations that are taken [workshop]",
        _code(users, ErrorCode.UNACCEPTABLE_CREDENTIAL, ErrorCode.INVALID_REQUEST),
    ),
    "a user twice is a bad request": Mutant(
        "credentials that cannot be changed [workshop]",
        _code(users, ErrorCode.DUPLICATE_RESOURCE, ErrorCode.INVALID_REQUEST),
    ),
    "tokens are not refused but switched off": Mutant(
        _DENY,
        _code(users, ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED),
    ),
    "tokens are not switched off": Mutant(_DENY, _code(users, ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED, _NONE)),
    "fixed settings can be altered": Mutant(
        "knobs that turn [deny]", _code(altering, ErrorCode.INVALID_REQUEST, _NONE)
    ),
    "the settings of an impossible topic are unknown": Mutant(
        "settings of what there is not [deny]",
        _code(configs, ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ),
    "a topic that exists is a bad request": Mutant(
        _WRONG, _code(topic_creation, ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.INVALID_REQUEST)
    ),
    "too many replicas are too few partitions": Mutant(
        _WRONG, _code(topic_placing, ErrorCode.INVALID_REPLICATION_FACTOR, ErrorCode.INVALID_PARTITIONS)
    ),
}

_RIGHTS: Final[Mapping[str, Mutant]] = {
    "nobody describes the settings of a topic": Mutant(_SEEN, _bit(ResourceType.TOPIC, Operation.DESCRIBE_CONFIGS)),
    "topics have actions of the cluster": Mutant(_SEEN, _bit(ResourceType.TOPIC, Operation.CLUSTER_ACTION)),
    "nobody writes idempotently": Mutant(_SEEN, _bit(ResourceType.CLUSTER, Operation.IDEMPOTENT_WRITE)),
    "clusters are read": Mutant(_SEEN, _bit(ResourceType.CLUSTER, Operation.READ)),
    "nobody reads as a group": Mutant(_GROUPS, _bit(ResourceType.GROUP, Operation.READ)),
    "groups of 3.9 have settings": Mutant(
        _GROUPS, _bit(ResourceType.GROUP, Operation.DESCRIBE_CONFIGS), Line.ZOOKEEPER
    ),
    "operations are kept from those who may not describe the cluster": Mutant(
        _SEEN, _around(Asking, "cluster_operations", lambda right, *_: right or OPERATIONS_UNKNOWN)
    ),
    "operations are told to those who may not describe the cluster": Mutant(
        _WORKERS, _other(Asking, "cluster_operations", _all_operations)
    ),
    "reading does not imply describing": Mutant(_WORKERS, _other(policy, "_IMPLIED", {})),
    "super users are nobody": Mutant(_SEEN, _other(state, "parse_super_users", lambda _: frozenset())),
    "super users are refused": Mutant(_SEEN, _decision(Ground.SUPER_USER)),
    "ACLs of others leave a topic open": Mutant("topics in sight [allow, bob reads foo]", _decision(Ground.UNMATCHED)),
    "no ACL refuses though everyone is allowed": Mutant("topics in sight [allow]", _decision(Ground.DEFAULT)),
    "no ACL allows": Mutant(_SEEN, _decision(Ground.DEFAULT)),
    "an ACL has another operation": Mutant(
        "the list of acls [deny, others have ACLs]", _filled(of_acls, "AclDescription", operation=lambda one: one + 1)
    ),
    "an ACL is not told": Mutant(
        "the list of acls [deny, others have ACLs]", _around(of_acls, "_by_resource", lambda right, *_: right[1:])
    ),
    "whoever has no name is an administrator": Mutant(
        _SEEN, _other(attendant, "identity_of", lambda *_: Identity(principal="User:admin"))
    ),
    "certificates name nobody": Mutant(_DENY, _other(attendant, "identity_of", lambda *_: Identity())),
    "whoever has no name has another": Mutant(_DENY, _other(users, "ANONYMOUS", "User:NOBODY")),
}

_OF_ITSELF: Final[Mapping[str, Mutant]] = {
    "a version more": Mutant(_ITSELF, _range(ApiKey.METADATA, 0, 1)),
    "a version less": Mutant(_ITSELF, _range(ApiKey.DESCRIBE_ACLS, 0, -1)),
    "an older version": Mutant(_ITSELF, _range(ApiKey.FETCH, -1, 0)),
    "a version less of 3.9": Mutant(_ITSELF, _range(ApiKey.CREATE_TOPICS, 0, -1), Line.ZOOKEEPER),
    "no ACLs are created": Mutant(
        _ITSELF,
        _profile(lambda right: {"apis": {key: right.apis[key] for key in right.apis if key != ApiKey.CREATE_ACLS}}),
    ),
    "a feature can have another level": Mutant(
        _ITSELF,
        _profile(lambda right: {"supported": tuple(one._replace(highest=one.highest + 1) for one in right.supported)}),
    ),
    "a feature has another level": Mutant(
        _ITSELF,
        _profile(lambda right: {"finalized": tuple(one._replace(highest=one.highest - 1) for one in right.finalized)}),
    ),
    "features without an epoch": Mutant(_ITSELF, _profile(lambda _: {"epoch": -1})),
    "features from level 0 are shown to older clients": Mutant(_ITSELF, _other(spoken, "_SHOWS_ALL_FEATURES", 3)),
}

_SETTINGS_SHOWN: Final[Mapping[str, Mutant]] = {
    "super users are not sensitive": Mutant(
        _SETTINGS, _other(Entry, "is_sensitive", property(lambda entry: entry.type is ConfigType.PASSWORD))
    ),
    "super users are shown": Mutant("values in sight [deny]", _other(Entry, "without_secrets", lambda entry: entry)),
    "what stands in a file was altered": Mutant(_SETTINGS, _around(BrokerSettings, "describe", _without_static)),
    "everything can be altered": Mutant(
        _SETTINGS, _around(BrokerSettings, "describe", lambda right, *_: replace(right, read_only=False))
    ),
    "settings have no defaults beneath": Mutant(
        _SETTINGS, _around(BrokerSettings, "synonyms", lambda right, *_: right[:1])
    ),
    "users have an iteration more": Mutant(
        "iterations of users [allow]", _filled(users, "CredentialInfo", iterations=lambda one: one + 1)
    ),
    "an iteration more is taken": Mutant(
        "iterations that are taken [workshop]", _other(users, "MAX_KAFKA_ITERATIONS", 16_385)
    ),
}

_CONNECTIONS: Final[Mapping[str, Mutant]] = {
    "what is never answered is closed on": Mutant(
        "silence is no answer [deny]", _other(users, "NoReply", _Turned(NoReply, {"SILENCE": NoReply.CLOSE}))
    ),
    "what comes after silence is answered": Mutant(
        "silence is no answer [deny]", _other(users, "NoReply", _Turned(NoReply, {"SILENCE": NoReply.NOTHING}))
    ),
    "a failed login may be tried again": Mutant("plain [deny]", _around(Session, "_step", _greeting(Phase.REFUSED))),
    "a refused handshake may be tried again": Mutant(
        "handshakes [deny]", _around(Session, "_shake_hands", _greeting(Phase.REFUSED))
    ),
    "ApiVersions is answered twice before a login": Mutant(
        "turns out of order [deny]", _around(Session, "_api_versions", _greeting(Phase.SHAKING_HANDS))
    ),
    "an unknown mechanism is a wrong turn": Mutant(
        "handshakes [deny]", _code(session, ErrorCode.UNSUPPORTED_SASL_MECHANISM, ErrorCode.ILLEGAL_SASL_STATE)
    ),
    "a wrong turn is none": Mutant("handshakes [deny]", _code(session, ErrorCode.ILLEGAL_SASL_STATE, _NONE)),
    "a failed login is a wrong turn": Mutant(
        "plain [deny]", _code(session, ErrorCode.SASL_AUTHENTICATION_FAILED, ErrorCode.ILLEGAL_SASL_STATE)
    ),
    "a mechanism less": Mutant("handshakes [deny]", _around(Session, "_shake_hands", _fewer_mechanisms)),
    "a byte more before a login": Mutant(_LIMIT, _other(session, "SASL_FRAME_LIMIT", 524_289)),
    "a byte less before a login": Mutant(_LIMIT, _other(session, "SASL_FRAME_LIMIT", 524_287)),
    "a byte less where there is no login": Mutant(
        "lengths of frames [deny]",
        _around(broker, "place_at", lambda right, *_: replace(right, frame_limit=right.frame_limit - 1)),
    ),
    "any name of software will do": Mutant("names of software [deny]", _other(session, "_is_named", lambda _: True)),
    "sessions have no end": Mutant("lifetimes of sessions [deny]", _other(logins, "_lifetime_ms", lambda *_: 0)),
}

MUTANTS: Final[Mapping[str, Mutant]] = {**_CODES, **_RIGHTS, **_OF_ITSELF, **_SETTINGS_SHOWN, **_CONNECTIONS}
