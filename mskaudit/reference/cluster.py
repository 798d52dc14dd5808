"""What a reference cluster is: its brokers, listeners, users and topics, as values that hold together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from mskaudit.facts.listeners import KINDS
from mskaudit.reference.pki import ClientCertificate

_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class Protocol(StrEnum):
    """Kafka's security protocols."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def has_tls(self) -> bool:
        """Whether it speaks TLS."""
        return self in (Protocol.SSL, Protocol.SASL_SSL)

    @property
    def has_sasl(self) -> bool:
        """Whether a client logs in with SASL."""
        return self in (Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL)


class Mechanism(StrEnum):
    """The SASL mechanisms a listener can offer."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    AWS_MSK_IAM = "AWS_MSK_IAM"
    OAUTHBEARER = "OAUTHBEARER"


class Listener(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One listener of every broker.

    `bootstrap` is the kind under which the control plane lists its addresses; without one it does not.
    """

    protocol: Protocol
    mechanisms: tuple[Mechanism, ...] = ()
    client_certificate: ClientCertificate = ClientCertificate.NONE
    bootstrap: str | None = None

    def fault(self) -> str | None:
        """What is wrong with it, as half a sentence."""
        if self.protocol.has_sasl != bool(self.mechanisms):
            return f"{self.protocol} {'needs' if self.protocol.has_sasl else 'has no'} mechanisms"
        if not self.protocol.has_tls and self.client_certificate is not ClientCertificate.NONE:
            return f"{self.protocol} has no client certificates"
        if self.bootstrap is not None and self.bootstrap not in KINDS:
            return f"{self.bootstrap!r} is no kind of bootstrap address; there are {', '.join(KINDS)}"
        return None


class Cluster(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cluster: `users` gives the passwords for SCRAM and PLAIN, `topics` the number of partitions."""

    count: Annotated[int, Meta(ge=1, le=15)]
    cluster_id: Annotated[str, Meta(min_length=1, max_length=100)]
    users: Mapping[str, str] = {}
    topics: Mapping[str, Annotated[int, Meta(ge=1, le=1000)]] = {}
    listeners: Mapping[str, Listener]

    def __post_init__(self) -> None:
        for name, listener in self.listeners.items():
            if fault := listener.fault():
                raise ValueError(f"listener {name}: {fault}")
        for topic in self.topics:
            if not _TOPIC.fullmatch(topic):
                raise ValueError(f"{topic!r} is no name of a topic")
