"""What a reference cluster is: brokers, listeners, users, ACLs and topics, as values that hold together.

Every field says in its description what turning it does; the page of worlds and turns is made from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from mskaudit.errors import UsageError
from mskaudit.facts.listeners import KINDS
from mskaudit.policy.acls import Acl, Operation, PatternType, Permission, ResourceType, parse_super_users
from mskaudit.policy.hosts import HostForm
from mskaudit.policy.principals import PrincipalMapping
from mskaudit.reference.config_keys import base_name
from mskaudit.reference.misbehaviour import Misbehaviour
from mskaudit.reference.realm import AwsCredential, IamSettings, OauthSettings, User
from mskaudit.reference.releases import Mode, Profile, profile
from mskaudit.reference.tls_settings import DEFAULT_TLS, ClientCertificate, TlsSettings

_TOPIC: Final = re.compile(r"(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}")
_CLUSTER: Final = "kafka-cluster"
_MOST_NODES: Final = 6
_NETWORKS_SINCE: Final = (4, 4)
_TOKEN_SECRETS: Final = ("delegation.token.secret.key", "delegation.token.master.key")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_NUMBERS: Final = ("socket.request.max.bytes", "connections.max.idle.ms")

# A line of `server.properties` that says something else than the world would be shown and not in force.
_TURNED_ELSEWHERE: Final = {
    "advertised.listeners": "listeners",
    "allow.everyone.if.no.acl.found": "authorizer.allow_everyone",
    "authorizer.class.name": "authorizer",
    "connections.max.reauth.ms": "listeners.LISTENER.max_reauth_ms",
    "listener.security.protocol.map": "listeners",
    "listeners": "listeners",
    "max.connections": "listeners.LISTENER.max_connections",
    "sasl.enabled.mechanisms": "listeners.LISTENER.mechanisms",
    "ssl.cipher.suites": "listeners.LISTENER.tls.suites",
    "ssl.client.auth": "listeners.LISTENER.client_certificate",
    "ssl.enabled.protocols": "listeners.LISTENER.tls.versions",
    "ssl.principal.mapping.rules": "listeners.LISTENER.principal_mapping",
    "super.users": "authorizer.super_users",
}


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
    """One listener of every broker."""

    protocol: Annotated[Protocol, Meta(description="the security protocol")]
    mechanisms: Annotated[tuple[Mechanism, ...], Meta(description="what SASL offers; none without SASL")] = ()
    client_certificate: Annotated[ClientCertificate, Meta(description="`ssl.client.auth`")] = ClientCertificate.NONE
    bootstrap: Annotated[
        str | None, Meta(description="the kind under which GetBootstrapBrokers lists it; unset, AWS does not list it")
    ] = None
    controller: Annotated[bool, Meta(description="the listener of a KRaft controller, not of a broker")] = False
    advertised: Annotated[
        str | None, Meta(description="a host that Metadata names instead of the address that answers")
    ] = None
    tls: Annotated[TlsSettings, Meta(description="how it speaks TLS")] = DEFAULT_TLS
    principal_mapping: Annotated[str, Meta(description="`ssl.principal.mapping.rules`")] = "DEFAULT"
    max_reauth_ms: Annotated[int, Meta(ge=0, description="`connections.max.reauth.ms`; 0 turns it off")] = 0
    max_connections: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="`max.connections`; further clients wait to be accepted")
    ] = None
    oauth: Annotated[OauthSettings, Meta(description="how tokens of OAUTHBEARER are checked")] = OauthSettings()
    iam: Annotated[IamSettings, Meta(description="how logins with IAM are checked")] = IamSettings()

    def fault(self) -> str | None:
        """What is wrong with it, as half a sentence."""
        if self.protocol.has_sasl != bool(self.mechanisms):
            return f"{self.protocol} {'needs' if self.protocol.has_sasl else 'has no'} mechanisms"
        if not self.protocol.has_tls and self.client_certificate is not ClientCertificate.NONE:
            return f"{self.protocol} has no client certificates"
        if not self.protocol.has_tls and self.tls != DEFAULT_TLS:
            return f"{self.protocol} has no TLS to turn"
        if self.bootstrap is not None and self.bootstrap not in KINDS:
            return f"{self.bootstrap!r} is no kind of bootstrap address; there are {', '.join(KINDS)}"
        try:
            PrincipalMapping.parse(self.principal_mapping)
        except UsageError as error:
            return str(error)
        return None


class AclEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one principal may do to resources of one kind: an ACL for each operation."""

    principal: Annotated[str, Meta(description="`User:name`, `User:CN=name`, or `User:*`")]
    operations: Annotated[tuple[str, ...], Meta(min_length=1, description="READ, WRITE, DESCRIBE, ALL and so on")]
    resource: Annotated[str, Meta(description="TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN or USER")]
    name: Annotated[str, Meta(min_length=1, description="of the resource, or `*`")] = _CLUSTER
    pattern: Annotated[str, Meta(description="LITERAL or PREFIXED")] = PatternType.LITERAL.name
    host: Annotated[str, Meta(description="the address the client comes from, or `*`")] = "*"
    permission: Annotated[str, Meta(description="ALLOW or DENY")] = Permission.ALLOW.name

    def __post_init__(self) -> None:
        self.acls()
        if ":" not in self.principal:
            raise ValueError(f"{self.principal!r} has no type; write it as Type:name, such as User:{self.principal}")

    def acls(self) -> tuple[Acl, ...]:
        """The ACLs; ValueError where Kafka has no such kind, pattern, operation or permission."""
        kind = _named(ResourceType, self.resource)
        if (kind is ResourceType.CLUSTER) != (self.name == _CLUSTER):
            raise ValueError(f"the cluster, and nothing else, is called {_CLUSTER!r}")
        return tuple(
            Acl(
                resource_type=kind,
                name=self.name,
                pattern_type=_named(PatternType, self.pattern),
                principal=self.principal,
                host=self.host,
                operation=_named(Operation, operation),
                permission=_named(Permission, self.permission),
            )
            for operation in self.operations
        )


Named = TypeVar("Named", ResourceType, PatternType, Operation, Permission)


def _named(kind: type[Named], name: str) -> Named:
    """The member of a name, but for those that only filters have."""
    real = [member.name for member in kind if member.name not in {"UNKNOWN", "ANY", "MATCH"}]
    if name not in real:
        raise ValueError(f"{name!r} is none of {', '.join(real)}")
    return kind[name]


class AuthorizerRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How requests are decided on where no ACL says anything."""

    allow_everyone: Annotated[bool, Meta(description="`allow.everyone.if.no.acl.found`")] = False
    super_users: Annotated[tuple[str, ...], Meta(description="`super.users`")] = ("User:CN=broker",)

    def __post_init__(self) -> None:
        try:
            parse_super_users(";".join(self.super_users))
        except UsageError as error:
            raise ValueError(str(error)) from None


class Cluster(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The brokers of a world."""

    count: Annotated[int, Meta(ge=1, le=_MOST_NODES, description="how many brokers")]
    cluster_id: Annotated[str, Meta(min_length=1, max_length=100, description="the id that Metadata gives")]
    release: Annotated[str, Meta(description="the release of Apache Kafka whose ApiVersions they answer with")] = "3.9"
    mode: Annotated[
        Mode,
        Meta(
            description="where they keep their metadata",
            extra_json_schema={"enum": [Mode.ZOOKEEPER.value, Mode.KRAFT.value]},
        ),
    ] = Mode.ZOOKEEPER
    listeners: Annotated[
        Mapping[str, Listener], Meta(min_length=1, description="by name; every broker has each of them")
    ]
    users: Annotated[
        Mapping[str, User | str],
        Meta(description="who logs in with a password; a bare text is a password for all ways"),
    ] = {}
    certificates: Annotated[
        Mapping[str, str], Meta(description="client certificates to hand out: distinguished names by name")
    ] = {}
    aws_credentials: Annotated[Mapping[str, AwsCredential], Meta(description="who logs in with IAM")] = {}
    topics: Annotated[
        Mapping[str, Annotated[int, Meta(ge=1, le=1000)]], Meta(description="the number of partitions by name")
    ] = {}
    authorizer: Annotated[
        AuthorizerRules | None, Meta(description="how requests are decided on; null is a cluster without authorizer")
    ] = None
    acls: Annotated[
        Mapping[str, AclEntry], Meta(description="what the authorizer reads, each under a name of its own")
    ] = {}
    settings: Annotated[
        Mapping[str, str],
        Meta(
            description="further lines of `server.properties`: all are shown; limits on requests and what new topics "
            "are like are in force"
        ),
    ] = {}
    dynamic_settings: Annotated[
        Mapping[str, str], Meta(description="settings altered while running: shown, and not all of them in force")
    ] = {}
    misbehaviour: Annotated[Misbehaviour | None, Meta(description="how the brokers break the protocol")] = None

    def __post_init__(self) -> None:
        for name, listener in self.listeners.items():
            if fault := listener.fault():
                raise ValueError(f"listener {name}: {fault}")
        for topic in self.topics:
            if not _TOPIC.fullmatch(topic):
                raise ValueError(f"{topic!r} is no name of a topic")
        for setting in self.settings:
            if base_name(setting) in _TURNED_ELSEWHERE:
                raise ValueError(f"{setting} is not set here; turn brokers.{_TURNED_ELSEWHERE[base_name(setting)]}")
        for setting in _NUMBERS:
            self.number(setting, 1)
        self._check_mode()

    def _check_mode(self) -> None:
        if self.mode is Mode.CONTROLLER:
            raise ValueError("a cluster is in zookeeper or kraft mode; a listener can be that of a controller")
        if self.mode is Mode.ZOOKEEPER and any(listener.controller for listener in self.listeners.values()):
            raise ValueError("a cluster in zookeeper mode has no listeners of controllers")
        try:
            _ = self.profile
        except UsageError as error:
            raise ValueError(str(error)) from None

    def number(self, setting: str, default: int) -> int:
        """A number among the settings, `default` where it is not set; ValueError if it is none above 0."""
        if setting not in self.settings:
            return default
        text = self.settings[setting]
        if not _NUMBER.fullmatch(text) or int(text) == 0:
            raise ValueError(f"{setting} is {text!r}; write a number above 0")
        return int(text)

    @property
    def known_users(self) -> Mapping[str, User]:
        """The users, each in full."""
        return {name: User(password=user) if isinstance(user, str) else user for name, user in self.users.items()}

    @property
    def has_tokens(self) -> bool:
        """Whether delegation tokens are enabled, which a secret does (KIP-48)."""
        return any(secret in self.settings for secret in _TOKEN_SECRETS)

    @property
    def host_form(self) -> HostForm:
        """What the host of an ACL may be: since 4.4 networks, too."""
        line = tuple(map(int, self.profile.line.split(".")))
        return HostForm.NETWORK if line >= _NETWORKS_SINCE else HostForm.ADDRESS

    @property
    def profile(self) -> Profile:
        """What its release says of itself."""
        return profile(self.release, self.mode)
