"""What a reference broker says its settings are: what its world says, what clients altered, and Kafka's defaults.

That a setting is shown does not mean that it is in force: Kafka takes and shows many that it heeds at no time, or only
when it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.config_keys import Alteration, ConfigType, config_table, synonyms
from mskaudit.reference.releases import Mode
from mskaudit.reference.tls_settings import DEFAULT_TLS, ClientCertificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mskaudit.reference.asking import Asking
    from mskaudit.reference.cluster import Cluster, Listener
    from mskaudit.reference.config_keys import LowerKey
    from mskaudit.reference.state import Topic

LOG_DIRECTORY: Final = "/var/lib/kafka/data"
ALL_BROKERS: Final = ""
"""The name of what is set for all brokers."""

_MODULES: Final = "org.apache.kafka.common.security"
_LOGIN_MODULES: Final = {
    Mechanism.PLAIN: f"{_MODULES}.plain.PlainLoginModule",
    Mechanism.SCRAM_SHA_256: f"{_MODULES}.scram.ScramLoginModule",
    Mechanism.SCRAM_SHA_512: f"{_MODULES}.scram.ScramLoginModule",
    Mechanism.OAUTHBEARER: f"{_MODULES}.oauthbearer.OAuthBearerLoginModule",
    Mechanism.AWS_MSK_IAM: "software.amazon.msk.auth.iam.IAMLoginModule",
}
_ZOOKEEPER: Final = "localhost:2181"  # no broker starts without one, be there one beside it or not
_MS: Final = {".hours": 3_600_000, ".minutes": 60_000}


class Source(IntEnum):
    """Where a setting comes from, by the numbers of DescribeConfigs."""

    TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT = 3
    STATIC = 4
    DEFAULT = 5
    BROKER_LOGGER = 6
    CLIENT_METRICS = 7
    GROUP = 8


class Synonym(NamedTuple):
    """A value that a setting has somewhere, under the name it has there."""

    name: str
    value: str | None
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A setting as it is described; the first of its synonyms decides."""

    name: str
    value: str | None
    type: ConfigType
    synonyms: tuple[Synonym, ...]
    source: Source = Source.DEFAULT
    read_only: bool = False

    @property
    def is_sensitive(self) -> bool:
        """Whether its value is kept from everybody: a password, or nothing that Kafka knows."""
        return self.type in (ConfigType.PASSWORD, ConfigType.UNKNOWN) and self.source is not Source.BROKER_LOGGER

    def without_secrets(self) -> Entry:
        """The entry as it may be told."""
        if not self.is_sensitive:
            return self
        return replace(self, value=None, synonyms=tuple(synonym._replace(value=None) for synonym in self.synonyms))


class BrokerSettings:
    """The settings of one broker in the order in which they win."""

    def __init__(self, asking: Asking) -> None:
        self.table = config_table(asking.profile)
        altered = asking.state.broker_settings
        own = str(asking.node.number)
        self._layers: tuple[tuple[Source, Mapping[str, str]], ...] = (
            (Source.DYNAMIC_BROKER, altered[own] if own in altered else {}),
            (Source.DYNAMIC_DEFAULT, altered[ALL_BROKERS]),
            (Source.STATIC, static_settings(asking)),
        )

    def names(self) -> tuple[str, ...]:
        """Every setting there is."""
        found = set(self.table.broker_keys).union(*(layer for _, layer in self._layers))
        return tuple(sorted(found))

    def value(self, name: str) -> str | None:
        """The setting that is shown, synonyms regarded."""
        return next((synonym.value for synonym in self._found(synonyms(name))), None)

    def describe(self, name: str) -> Entry:
        """A setting of the broker."""
        found = self.synonyms(name)
        key = self.table.broker_keys[name] if name in self.table.broker_keys else None
        default = None if key is None else key.default
        entry = Entry(
            name=name,
            value=found[0].value if found else default,
            type=self.table.type_of(name),
            synonyms=found,
            source=found[0].source if found else Source.DEFAULT,
            read_only=key is None or key.alteration is Alteration.FIXED,
        )
        return entry.without_secrets()

    def describe_default(self, name: str) -> Entry:
        """A setting of all brokers, one of those that clients set."""
        full = self.describe(name)
        own = tuple(synonym for synonym in full.synonyms if synonym.source is Source.DYNAMIC_DEFAULT)
        return replace(full, value=own[0].value, synonyms=own, source=Source.DYNAMIC_DEFAULT)

    def synonyms(self, name: str) -> tuple[Synonym, ...]:
        """Where a setting has a value, the decisive first; values under other names count after one under its own."""
        found = list(self._found(synonyms(name)))
        own = next((at for at, synonym in enumerate(found) if synonym.name == name), len(found))
        return tuple(found[own:])

    def of_topic(self, key: LowerKey, topic: Topic) -> Entry:
        """A setting of a topic."""
        inherited = () if key.broker_key is None else self.synonyms(key.broker_key)
        value = key.default if key.broker_key is None else self._inherited(key.broker_key, key.default)
        found = inherited
        if key.name in topic.settings:
            value = topic.settings[key.name]
            found = (Synonym(key.name, value, Source.TOPIC), *inherited)
        source = found[0].source if found else Source.DEFAULT
        return Entry(name=key.name, value=value, type=key.type, synonyms=found, source=source)

    def _inherited(self, broker_key: str, default: str | None) -> str | None:
        for name, value, source in self._found(synonyms(broker_key)):
            unit = next((unit for suffix, unit in _MS.items() if name.endswith(suffix)), 1)
            if source is not Source.DEFAULT and value is not None:
                return value if unit == 1 or not value.isdecimal() else str(int(value) * unit)
        return default

    def _found(self, names: tuple[str, ...]) -> Iterator[Synonym]:
        for source, layer in self._layers:
            yield from (Synonym(name, layer[name], source) for name in names if name in layer)
        for name in names:
            if name in self.table.broker_keys and (default := self.table.broker_keys[name].default) is not None:
                yield Synonym(name, default, Source.DEFAULT)


def static_settings(asking: Asking) -> Mapping[str, str]:
    """What stands in the `server.properties` of the broker asked: what its world follows from, and what it adds."""
    cluster = asking.state.cluster
    settings = _places(asking) | _identity(asking) | _authorizer(cluster)
    for name, listener in cluster.listeners.items():
        prefix = f"listener.name.{name.lower()}."
        settings |= {prefix + key: value for key, value in _listener(listener)}
    if any(listener.protocol.has_tls for listener in cluster.listeners.values()):
        settings |= _STORES
    if cluster.mode is Mode.ZOOKEEPER:
        settings |= asking.state.surroundings
    return settings | dict(cluster.settings)


_STORES: Final[Mapping[str, str]] = {
    "ssl.keystore.location": "/etc/kafka/broker.pem",
    "ssl.keystore.type": "PEM",
    "ssl.truststore.location": "/etc/kafka/authorities.pem",
    "ssl.truststore.type": "PEM",
}


def _places(asking: Asking) -> dict[str, str]:
    """Where the listeners are."""
    listeners = asking.state.cluster.listeners
    places = {name: asking.node.addresses[name] for name in listeners}
    return {
        "listeners": ",".join(f"{name.upper()}://{host}:{port}" for name, (host, port) in places.items()),
        "advertised.listeners": ",".join(
            f"{name.upper()}://{listeners[name].advertised or host}:{port}"
            for name, (host, port) in places.items()
            if not listeners[name].controller
        ),
        "listener.security.protocol.map": ",".join(
            f"{name.upper()}:{listener.protocol}" for name, listener in listeners.items()
        ),
        "inter.broker.listener.name": _inner(listeners).upper(),
        "log.dirs": LOG_DIRECTORY,
    }


def _inner(listeners: Mapping[str, Listener]) -> str:
    """The listener that brokers would use among themselves: the best there is."""

    def badness(name: str) -> tuple[bool, bool]:
        listener = listeners[name]
        return not listener.protocol.has_tls, listener.client_certificate is not ClientCertificate.REQUIRED

    return min((name for name, listener in listeners.items() if not listener.controller), key=badness, default="")


def _identity(asking: Asking) -> dict[str, str]:
    """Which broker this is, and who controls the cluster."""
    number = str(asking.node.number)
    cluster = asking.state.cluster
    if cluster.mode is Mode.ZOOKEEPER:
        return {"broker.id": number, "node.id": number, "zookeeper.connect": _ZOOKEEPER}
    controllers = [name for name, listener in cluster.listeners.items() if listener.controller]
    if not controllers:
        return {"broker.id": number, "node.id": number, "process.roles": "broker"}
    voters = ((node.number, node.addresses[controllers[0]]) for node in asking.nodes)
    return {
        "broker.id": number,
        "node.id": number,
        "process.roles": "broker,controller",
        "controller.listener.names": ",".join(name.upper() for name in controllers),
        "controller.quorum.voters": ",".join(f"{voter}@{host}:{port}" for voter, (host, port) in voters),
    }


def _authorizer(cluster: Cluster) -> dict[str, str]:
    rules = cluster.authorizer
    if rules is None:
        return {}
    in_zookeeper = "kafka.security.authorizer.AclAuthorizer"
    return {
        "authorizer.class.name": in_zookeeper
        if cluster.mode is Mode.ZOOKEEPER
        else "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true" if rules.allow_everyone else "false",
        "super.users": ";".join(rules.super_users),
    }


def _listener(listener: Listener) -> Iterable[tuple[str, str]]:
    """What stands under the prefix of a listener."""
    if listener.protocol.has_tls:
        yield "ssl.client.auth", listener.client_certificate.value
        if listener.tls.versions != DEFAULT_TLS.versions:
            yield "ssl.enabled.protocols", ",".join(listener.tls.versions)
        if listener.tls.suites:
            yield "ssl.cipher.suites", ",".join(listener.tls.suites)
        if listener.principal_mapping != "DEFAULT":
            yield "ssl.principal.mapping.rules", listener.principal_mapping
    if listener.mechanisms:
        yield "sasl.enabled.mechanisms", ",".join(listener.mechanisms)
    for mechanism in listener.mechanisms:
        yield f"{mechanism.lower()}.sasl.jaas.config", f"{_LOGIN_MODULES[mechanism]} required;"
    if listener.max_reauth_ms:
        yield "connections.max.reauth.ms", str(listener.max_reauth_ms)
    if listener.max_connections is not None:
        yield "max.connections", str(listener.max_connections)
    if Mechanism.OAUTHBEARER in listener.mechanisms:
        yield from _oauth(listener)


def _oauth(listener: Listener) -> Iterable[tuple[str, str]]:
    if listener.oauth.audience is not None:
        yield "sasl.oauthbearer.expected.audience", listener.oauth.audience
    if listener.oauth.issuer is not None:
        yield "sasl.oauthbearer.expected.issuer", listener.oauth.issuer
    if not listener.oauth.accept_unsigned:
        yield "sasl.oauthbearer.jwks.endpoint.url", "file:/etc/kafka/jwks.json"
