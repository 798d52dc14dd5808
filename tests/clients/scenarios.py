"""The one table that every client passes: ways in, what is done there, and what comes of it.

A client that cannot do a thing at all is named with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from mskaudit.reference.cluster import Mechanism
from mskaudit.wire.codes import ErrorCode
from tests.clients.visits import COMPLETE, Client, Deed, Outcome, Refused, Verb
from tests.clients.world import (
    ADMIN,
    ALICE,
    ARCHIVE,
    BOB,
    CAROL,
    DESK,
    DESKS,
    GUEST,
    NEW,
    ORDERS,
    PAYMENTS,
    RECORDS,
    TEAM,
    WRITER,
)

assert (len(RECORDS), len(Client)) == (COMPLETE, DESKS)


class Certificate(StrEnum):
    """What a client shows."""

    TRUSTED = "client"
    OTHER = "other"
    STRANGER = "stranger"


class Token(StrEnum):
    """What a client has for OAUTHBEARER."""

    GOOD = "good"
    EXPIRED = "expired"
    WRONG_KEY = "of a wrong key"
    UNSIGNED = "unsigned"
    SIGNER = "of the official signer"
    TAMPERED = "tampered"
    SIGNER_EXPIRED = "of the signer, expired"


class Secret(StrEnum):
    """Whether a user has the right password, or an AWS identity the right secret key."""

    RIGHT = "right"
    WRONG = "wrong"


class Lack(StrEnum):
    """Why a client does not read a line."""

    NO_IAM = "it has no AWS_MSK_IAM"
    OWN_TOKENS = "its login module for tokens of AWS makes them itself, of keys that it holds"
    NO_ACLS = "its admin client has no ACLs"
    NO_USERS = "its admin client has no SCRAM users"
    CRASHES = "a refusal makes it free memory twice, Apache Kafka's as well"


class Way(Struct, frozen=True, kw_only=True):
    """How somebody comes in: the listener, and what is shown there."""

    listener: str
    user: str | None = None
    certificate: Certificate | None = None
    mechanism: Mechanism | None = None
    secret: Secret = Secret.RIGHT
    token: Token | None = None

    @property
    def name(self) -> str:
        """A few words."""
        secret = None if self.secret is Secret.RIGHT else f"{self.secret} secret"
        told = (self.listener, self.certificate, self.mechanism, self.user, secret, self.token)
        return ", ".join(filter(None, told))


class Scenario(Struct, frozen=True, kw_only=True):
    """One line of the table; `outcome.says` is part of what clients say that pass on a broker's words.

    `brief` ones are read on old releases too.
    """

    way: Way
    deed: Deed
    outcome: Outcome
    cannot: Mapping[Client, Lack] = {}
    differs: Mapping[Client, Outcome] = {}
    brief: bool = False

    @property
    def name(self) -> str:
        """A few words, one of a kind."""
        return f"{self.way.name}: {' '.join(filter(None, self.deed))}"


LOOK: Final = Deed(Verb.LOOK)
_WORKED: Final = {ORDERS: 3, ARCHIVE: 2}
_PLAIN, _SHA_256, _SHA_512 = Mechanism.PLAIN, Mechanism.SCRAM_SHA_256, Mechanism.SCRAM_SHA_512
_BEARER, _IAM = Mechanism.OAUTHBEARER, Mechanism.AWS_MSK_IAM
_NO_IAM: Final = {Client.LIBRDKAFKA: Lack.NO_IAM, Client.AIOKAFKA: Lack.NO_IAM}
_OWN_TOKENS: Final = {Client.JAVA: Lack.OWN_TOKENS}
_INVALID_TOKEN: Final = '{"status":"invalid_token"}'
_INVALID_USER: Final = "Authentication failed: Invalid username or password"


def _scram(mechanism: Mechanism) -> str:
    return (
        f"Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism.value}"
    )


def _sees(way: Way, topics: Mapping[str, int] = _WORKED, **rest: Any) -> Scenario:
    return Scenario(way=way, deed=LOOK, outcome=Outcome(seen=dict(topics)), **rest)


def _kept_out(way: Way, where: Refused, says: str = "", **rest: Any) -> Scenario:
    return Scenario(way=way, deed=LOOK, outcome=Outcome(refused=where, says=says), **rest)


def _user(listener: str, mechanism: Mechanism, user: str = ALICE, secret: Secret = Secret.RIGHT) -> Way:
    return Way(listener=listener, mechanism=mechanism, user=user, secret=secret)


def _bearer(listener: str, token: Token, user: str | None = ALICE) -> Way:
    return Way(listener=listener, mechanism=_BEARER, token=token, user=user)


def _iam(user: str, secret: Secret = Secret.RIGHT) -> Way:
    return Way(listener="iam", mechanism=_IAM, user=user, secret=secret)


_TRUSTED, _OTHER, _STRANGER = Certificate.TRUSTED, Certificate.OTHER, Certificate.STRANGER
ANYBODY: Final = Way(listener="plaintext")
UNKNOWN_CLIENT: Final = Way(listener="tls")
CERTIFIED: Final = Way(listener="required", certificate=_TRUSTED)
OTHERWISE: Final = Way(listener="required", certificate=_OTHER)
WORKING: Final = _user("sasl", _SHA_512)
SEEING: Final = _user("scram", _SHA_512, CAROL)
IDLE: Final = _user("sasl_clear", _SHA_256, BOB)
RULING: Final = _user("sasl", _PLAIN, ADMIN)
BEARING: Final = _bearer("tokens", Token.GOOD)
SIGNING: Final = _iam(WRITER)
PRESENTING: Final = _bearer("iam", Token.SIGNER, WRITER)

_LET_IN: Final = (
    _sees(ANYBODY, brief=True),
    _sees(UNKNOWN_CLIENT),
    _sees(Way(listener="tls", certificate=_TRUSTED)),
    _sees(Way(listener="requested")),
    _sees(Way(listener="requested", certificate=_TRUSTED)),
    _sees(Way(listener="requested", certificate=_OTHER), {}),
    _sees(CERTIFIED, brief=True),
    _sees(OTHERWISE, {}),
    _sees(_user("sasl_clear", _PLAIN)),
    _sees(_user("sasl_clear", _SHA_256)),
    _sees(_user("sasl_clear", _SHA_512)),
    _sees(IDLE, {}),
    _sees(_user("sasl", _PLAIN), brief=True),
    _sees(_user("sasl", _SHA_256), brief=True),
    _sees(WORKING, brief=True),
    _sees(SEEING, {ORDERS: 3}),
    _sees(Way(listener="both", certificate=_OTHER, mechanism=_SHA_512, user=ALICE)),
    _sees(BEARING, brief=True),
    _sees(_bearer("unsigned", Token.UNSIGNED), brief=True),
    _sees(PRESENTING, brief=True),
    _sees(SIGNING, cannot=_NO_IAM, brief=True),
    _sees(_iam(GUEST), {}, cannot=_NO_IAM),
)
_BAD: Final = "bad certificate"
_PRESENTED: Final = Outcome(refused=Refused.TLS, says="certificate unknown")
"""Python presents any certificate."""
_STRANGE: Final = {Client.KAFKA_PYTHON: _PRESENTED, Client.AIOKAFKA: _PRESENTED}
_UNSUPPORTED: Final = Outcome(refused=Refused.LOGIN, says="UnsupportedSaslMechanism")
_NOT_OFFERED: Final = {Client.KAFKA_PYTHON: _UNSUPPORTED, Client.AIOKAFKA: _UNSUPPORTED}
"""Python does not tell what the broker offers instead."""
_WITHHELD: Final = Outcome(seen=_WORKED)
"""librdkafka and Java keep a certificate back whose issuer the broker does not name."""
_KEPT_OUT: Final = (
    _kept_out(
        Way(listener="requested", certificate=_STRANGER),
        Refused.TLS,
        "certificate unknown",
        differs={Client.LIBRDKAFKA: _WITHHELD, Client.JAVA: _WITHHELD},
    ),
    _kept_out(Way(listener="required"), Refused.TLS, _BAD, brief=True),
    _kept_out(Way(listener="required", certificate=_STRANGER), Refused.TLS, _BAD, differs=_STRANGE),
    _kept_out(Way(listener="both", mechanism=_SHA_512, user=ALICE), Refused.TLS, _BAD),
    _kept_out(_user("sasl_clear", _PLAIN, secret=Secret.WRONG), Refused.LOGIN, _INVALID_USER, brief=True),
    _kept_out(_user("sasl", _PLAIN, secret=Secret.WRONG), Refused.LOGIN, _INVALID_USER),
    _kept_out(_user("sasl", _PLAIN, "nobody"), Refused.LOGIN, _INVALID_USER),
    _kept_out(_user("sasl_clear", _SHA_256, secret=Secret.WRONG), Refused.LOGIN, _scram(_SHA_256)),
    _kept_out(_user("sasl", _SHA_512, secret=Secret.WRONG), Refused.LOGIN, _scram(_SHA_512), brief=True),
    _kept_out(_user("sasl", _SHA_512, "nobody"), Refused.LOGIN, _scram(_SHA_512)),
    _kept_out(_user("sasl", _SHA_256, CAROL), Refused.LOGIN, _scram(_SHA_256)),
    _kept_out(_user("sasl", _PLAIN, CAROL), Refused.LOGIN, _INVALID_USER),
    _kept_out(_user("scram", _SHA_256), Refused.LOGIN, _SHA_512, differs=_NOT_OFFERED),
    _kept_out(_user("scram", _PLAIN), Refused.LOGIN, _SHA_512, differs=_NOT_OFFERED),
    _kept_out(
        Way(listener="both", certificate=_TRUSTED, mechanism=_SHA_512, user=ALICE, secret=Secret.WRONG),
        Refused.LOGIN,
        _scram(_SHA_512),
    ),
    _kept_out(_bearer("tokens", Token.EXPIRED), Refused.LOGIN, _INVALID_TOKEN),
    _kept_out(_bearer("tokens", Token.WRONG_KEY), Refused.LOGIN, _INVALID_TOKEN, brief=True),
    _kept_out(_bearer("tokens", Token.UNSIGNED), Refused.LOGIN, _INVALID_TOKEN),
    _kept_out(_bearer("iam", Token.TAMPERED, WRITER), Refused.LOGIN, _INVALID_TOKEN, cannot=_OWN_TOKENS, brief=True),
    _kept_out(
        _bearer("iam", Token.SIGNER_EXPIRED, WRITER), Refused.LOGIN, _INVALID_TOKEN, cannot=_OWN_TOKENS, brief=True
    ),
    _kept_out(_iam(WRITER, Secret.WRONG), Refused.LOGIN, "Access denied", cannot=_NO_IAM, brief=True),
)

_NO_TOPIC, _NO_GROUP = ErrorCode.TOPIC_AUTHORIZATION_FAILED, ErrorCode.GROUP_AUTHORIZATION_FAILED
_NO_CLUSTER: Final = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
_NO_ACLS: Final = {Client.AIOKAFKA: Lack.NO_ACLS}
_NO_USERS: Final = {Client.AIOKAFKA: Lack.NO_USERS}
_NOTHING: Final = {Client.KAFKA_PYTHON: Outcome()}
"""kafka-python takes settings that are refused for none at all."""
_NO_ERROR: Final = {Client.LIBRDKAFKA: Outcome(seen=[])}
"""librdkafka takes ACLs that are refused for none at all."""


def _done(way: Way, *deed: str, seen: Any = None, **rest: Any) -> Scenario:
    return Scenario(way=way, deed=Deed(Verb(deed[0]), *deed[1:]), outcome=Outcome(seen=seen), **rest)


def _denied(way: Way, error: ErrorCode, *deed: str, **rest: Any) -> Scenario:
    return Scenario(way=way, deed=Deed(Verb(deed[0]), *deed[1:]), outcome=Outcome(error=error), **rest)


_ALL: Final = list(RECORDS)
_RECORDS: Final = (
    _done(WORKING, Verb.PRODUCE, ORDERS, brief=True),
    _done(ANYBODY, Verb.PRODUCE, ORDERS),
    _done(CERTIFIED, Verb.PRODUCE, ORDERS),
    _done(BEARING, Verb.PRODUCE, ORDERS),
    _done(PRESENTING, Verb.PRODUCE, ORDERS),
    _done(SIGNING, Verb.PRODUCE, ORDERS, cannot=_NO_IAM),
    _denied(WORKING, _NO_TOPIC, Verb.PRODUCE, PAYMENTS, brief=True),
    _denied(WORKING, _NO_TOPIC, Verb.PRODUCE, ARCHIVE),
    _denied(OTHERWISE, _NO_TOPIC, Verb.PRODUCE, ORDERS),
    _denied(IDLE, _NO_TOPIC, Verb.PRODUCE, ORDERS),
    _denied(PRESENTING, _NO_TOPIC, Verb.PRODUCE, PAYMENTS),
    _done(WORKING, Verb.PRODUCE_ONCE, ORDERS, brief=True),
    _done(RULING, Verb.PRODUCE_ONCE, ORDERS),
    _denied(SEEING, _NO_CLUSTER, Verb.PRODUCE_ONCE, ORDERS),
    _done(WORKING, Verb.CONSUME, ARCHIVE, TEAM, seen=_ALL, brief=True),
    _done(ANYBODY, Verb.CONSUME, ARCHIVE, TEAM, seen=_ALL),
    _done(PRESENTING, Verb.CONSUME, ARCHIVE, TEAM, seen=_ALL),
    _denied(WORKING, _NO_GROUP, Verb.CONSUME, ARCHIVE, "others-", brief=True),
    _denied(WORKING, _NO_TOPIC, Verb.CONSUME, PAYMENTS, TEAM),
    _denied(PRESENTING, _NO_GROUP, Verb.CONSUME, ARCHIVE, "others-"),
    _denied(SEEING, _NO_GROUP, Verb.CONSUME, ORDERS, TEAM),
)
_ADMINISTRATION: Final = (
    _done(WORKING, Verb.CREATE_TOPIC, NEW, brief=True),
    _denied(WORKING, _NO_TOPIC, Verb.CREATE_TOPIC, "old-", brief=True),
    _done(RULING, Verb.CREATE_TOPIC, "old-"),
    _denied(OTHERWISE, _NO_TOPIC, Verb.CREATE_TOPIC, NEW),
    _done(PRESENTING, Verb.CREATE_TOPIC, NEW),
    _denied(PRESENTING, _NO_TOPIC, Verb.CREATE_TOPIC, "old-"),
    _done(RULING, Verb.DESCRIBE_ACLS, ARCHIVE, seen=3 * ["READ"], cannot=_NO_ACLS, brief=True),
    _denied(WORKING, _NO_CLUSTER, Verb.DESCRIBE_ACLS, ARCHIVE, cannot=_NO_ACLS, differs=_NO_ERROR, brief=True),
    _done(RULING, Verb.CREATE_ACL, PAYMENTS, cannot=_NO_ACLS),
    _denied(CERTIFIED, _NO_CLUSTER, Verb.CREATE_ACL, PAYMENTS, cannot=_NO_ACLS),
    _done(WORKING, Verb.ALTER_TOPIC, DESK, brief=True),
    _denied(WORKING, _NO_TOPIC, Verb.ALTER_TOPIC, ARCHIVE),
    _done(CERTIFIED, Verb.DESCRIBE_TOPIC, ORDERS, seen="delete", brief=True),
    _denied(SEEING, _NO_TOPIC, Verb.DESCRIBE_TOPIC, ORDERS, differs=_NOTHING),
    _done(RULING, Verb.DESCRIBE_BROKER, "1", seen="true"),
    _denied(WORKING, _NO_CLUSTER, Verb.DESCRIBE_BROKER, "1", differs=_NOTHING, brief=True),
    _done(RULING, Verb.DESCRIBE_USER, CAROL, seen=[["SCRAM-SHA-512", 8192]], cannot=_NO_USERS, brief=True),
    _denied(WORKING, _NO_CLUSTER, Verb.DESCRIBE_USER, CAROL, cannot=_NO_USERS | {Client.LIBRDKAFKA: Lack.CRASHES}),
)

TABLE: Final = (*_LET_IN, *_KEPT_OUT, *_RECORDS, *_ADMINISTRATION)
