"""What a client is told to do and what it tells: the values that every adapter takes and gives."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct

from mskaudit.reference.certificates import Credential
from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.realm import AwsCredential
from mskaudit.wire.codes import ErrorCode

PATIENCE: Final = 30
"""Seconds that a client waits for what should come at once; a loaded machine takes its time."""
COMPLETE: Final = 3
"""Records in the topic that is read."""


class Client(StrEnum):
    """Who reads the table."""

    LIBRDKAFKA = "librdkafka"
    KAFKA_PYTHON = "kafka-python"
    AIOKAFKA = "aiokafka"
    JAVA = "Apache Kafka"


class Verb(StrEnum):
    """What is done once a client is in."""

    LOOK = "look"
    """Describe the cluster and list the topics that are shown."""
    PRODUCE = "produce"
    PRODUCE_ONCE = "produce once"
    """With an idempotent producer."""
    CONSUME = "consume"
    """In a group, all that there is, and commit."""
    CREATE_TOPIC = "create topic"
    DESCRIBE_ACLS = "describe acls"
    CREATE_ACL = "create acl"
    ALTER_TOPIC = "alter topic"
    DESCRIBE_TOPIC = "describe topic"
    """Its settings."""
    DESCRIBE_BROKER = "describe broker"
    """Its settings."""
    DESCRIBE_USER = "describe user"
    """The SCRAM credentials."""


class Deed(NamedTuple):
    """A verb, the name of what it is done to, and the group of a consumer.

    `text` is what is written: a record, a number of milliseconds, the name of a user.
    """

    verb: Verb
    target: str = ""
    group: str = ""
    text: str = ""


class Visit(Struct, frozen=True, kw_only=True):
    """A way in, in all detail: `address` is that of one broker, `overrides` are set over the Java properties.

    `token` is for OAUTHBEARER, `aws` signs for AWS_MSK_IAM, and `system` are system properties of Java.
    """

    address: str
    protocol: str
    authority: str
    credential: Credential | None = None
    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = None
    token: str | None = None
    aws: AwsCredential | None = None
    region: str = ""
    properties: Path
    overrides: dict[str, str | None] = {}
    system: dict[str, str] = {}


class Refused(StrEnum):
    """Where a client was turned away."""

    LOGIN = "login"
    TLS = "TLS"


class Outcome(Struct, frozen=True, kw_only=True):
    """What a client met with: refused at the door, refused with a code, or not, and what it then saw.

    `says` are the client's words for a refusal.
    """

    refused: Refused | None = None
    error: ErrorCode | None = None
    seen: Any = None
    says: str = ""


class Adapter(Protocol):
    """One client; any number of threads may use it."""

    def do(self, visit: Visit, deed: Deed) -> Outcome:
        """Go in, do it, leave nothing open, and tell; AssertionError if the client tells nothing sensible."""
