"""A world, on Apache Kafka: what the reference is told by a value, a real broker is told by its settings.

What no setting of one real broker brings about is `Impossible`, with the reason; nothing is left out in silence. A
world of several brokers is one broker here, and `User:CN=broker` is a super user besides those of the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from msgspec import Struct

from mskaudit.reference.certificates import server_credential
from mskaudit.reference.cluster import Cluster, Mechanism
from mskaudit.reference.releases import Mode
from mskaudit.reference.tls_settings import CertificateKind, Staple, TlsVersion
from mskaudit.reference.worlds import ZooKeeperSide
from tests.real.admin import alter_settings, create_acls, create_topics, create_users
from tests.real.keepers import Keeper, connecting, name_cluster, zookeeper
from tests.real.maven import RealError
from tests.real.servers import CONTROLLER, HARNESS, SUPER_USER, Server, Setup, broker, harness_context
from tests.real.talk import Address, talk
from tests.real.tokens import key_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.reference.cluster import Listener
    from mskaudit.reference.tls_settings import TlsSettings

_MODULES: Final = "org.apache.kafka.common.security"
_LEGACY_FILE: Final = "legacy.security"
_LEGACY: Final = """jdk.tls.disabledAlgorithms=SSLv2Hello, RC4_40
jdk.tls.legacyAlgorithms=
jdk.certpath.disabledAlgorithms=
"""
_OLD: Final = frozenset({TlsVersion.TLS_1_0, TlsVersion.TLS_1_1})
_MODERN: Final = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
)
_ALWAYS_DISABLED: Final = "SSL_RSA_EXPORT_WITH_RC4_40_MD5"


class Impossible(Exception):  # noqa: N818  it says what cannot be, and nothing has gone wrong
    """A world that Apache Kafka cannot be in; the text says why."""


class Line(StrEnum):
    """The two kinds of real cluster, by the names that tables have for them."""

    ZOOKEEPER = "Kafka 3.9 + ZooKeeper"
    KRAFT = "Kafka 4 KRaft"

    @property
    def release(self) -> str:
        """The release that is run."""
        return "3.9.2" if self is Line.ZOOKEEPER else "4.4.0"

    @property
    def mode(self) -> Mode:
        """Where it keeps its metadata."""
        return Mode.ZOOKEEPER if self is Line.ZOOKEEPER else Mode.KRAFT

    @property
    def authorizer(self) -> str:
        """The class that decides by ACLs in that mode."""
        if self is Line.ZOOKEEPER:
            return "kafka.security.authorizer.AclAuthorizer"
        return "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


class Real(Struct, frozen=True, kw_only=True):
    """A real broker in a world: the address of each of its listeners, the process, and its ZooKeeper."""

    cluster: Cluster
    line: Line
    by_listener: Mapping[str, Address]
    server: Server
    keeper: Keeper | None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address as `host:port`, sorted."""
        return tuple(sorted(f"{host}:{port}" for host, port in self.by_listener.values()))


@contextmanager
def kafka(cluster: Cluster, line: Line, *, side: ZooKeeperSide = ZooKeeperSide()) -> Iterator[Real]:  # noqa: B008  a value
    """A real broker in the same world as the reference's, and in ZooKeeper mode with a ZooKeeper of that kind.

    Raises:
        Impossible: Apache Kafka cannot be like that.
        RealError: it did not start.
    """
    with ExitStack() as stack:
        setup = setting_up(cluster, line)
        kept = stack.enter_context(zookeeper(side)) if line is Line.ZOOKEEPER else None
        if kept is not None and not side.set_acl:  # what is there before a broker stays open to the world
            name_cluster(kept.clear, cluster.cluster_id)
        zookeeper_settings = {} if kept is None else connecting(kept, side)
        server = stack.enter_context(broker(setup, zookeeper=zookeeper_settings))
        _populate(cluster, server)
        by_listener = {name: server.addresses[real_name(name)] for name in cluster.listeners}
        yield Real(cluster=cluster, line=line, by_listener=by_listener, server=server, keeper=kept)


def real_name(name: str) -> str:
    """What a listener of the world is called on the real broker."""
    return name.upper()


def _populate(cluster: Cluster, server: Server) -> None:
    with talk(server.harness, harness_context()) as conversation:
        create_topics(conversation, cluster.topics)
        create_users(conversation, cluster.known_users)
        if cluster.authorizer is not None:
            create_acls(conversation, (acl for entry in cluster.acls.values() for acl in entry.acls()))
        if cluster.dynamic_settings:
            code, message = alter_settings(conversation, "", cluster.dynamic_settings)
            if code:
                raise RealError(f"the dynamic settings were refused: error {code}, {message}")


def setting_up(cluster: Cluster, line: Line) -> Setup:
    """The settings that make a real broker like the world; `Impossible` where none do."""
    if cluster.misbehaviour is not None:
        raise Impossible("Apache Kafka keeps to the protocol")
    settings: dict[str, str] = dict(cluster.settings) | _authorizer(cluster, line)
    files: dict[str, str] = {}
    for name, listener in cluster.listeners.items():
        if real_name(name) in {HARNESS, CONTROLLER}:
            raise Impossible(f"{name} is what a listener of the harness is called")
        prefix = f"listener.name.{real_name(name).lower()}."
        own = _listener(listener) | _sasl(cluster, listener) | _tls(listener, real_name(name), files)
        settings |= {prefix + key: value for key, value in own.items()}
    options = ["-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file:$DIRECTORY/jwks.json"]
    if any(_is_legacy(listener.tls) for listener in cluster.listeners.values() if listener.protocol.has_tls):
        files[_LEGACY_FILE] = _LEGACY
        options.append(f"-Djava.security.properties={_LEGACY_FILE}")
    return Setup(
        release=line.release,
        mode=line.mode,
        listeners={real_name(name): listener.protocol.value for name, listener in cluster.listeners.items()},
        settings=settings,
        files=files | {"jwks.json": key_set()},
        options=tuple(options),
        cluster_id=cluster.cluster_id,
    )


def _authorizer(cluster: Cluster, line: Line) -> dict[str, str]:
    if cluster.authorizer is None:
        return {}
    everyone = "true" if cluster.authorizer.allow_everyone else "false"
    return {
        "authorizer.class.name": line.authorizer,
        "allow.everyone.if.no.acl.found": everyone,
        "super.users": ";".join(dict.fromkeys((SUPER_USER, *cluster.authorizer.super_users))),
    }


def _listener(listener: Listener) -> dict[str, str]:
    if listener.controller:
        raise Impossible("the controller's listener is the harness's own")
    if listener.advertised is not None:
        raise Impossible("every listener is advertised as localhost, where it is")
    settings = {"connections.max.reauth.ms": str(listener.max_reauth_ms)} if listener.max_reauth_ms else {}
    if listener.max_connections is not None:
        settings["max.connections"] = str(listener.max_connections)
    return settings


def _sasl(cluster: Cluster, listener: Listener) -> dict[str, str]:
    if not listener.protocol.has_sasl:
        return {}
    settings = {"sasl.enabled.mechanisms": ",".join(listener.mechanisms)}
    for mechanism in listener.mechanisms:
        settings |= {f"{mechanism.lower()}.{key}": value for key, value in _mechanism(cluster, mechanism).items()}
    if Mechanism.OAUTHBEARER in listener.mechanisms and not listener.oauth.accept_unsigned:
        settings |= _signed_tokens(listener)
    return settings


def _mechanism(cluster: Cluster, mechanism: Mechanism) -> dict[str, str]:
    match mechanism:
        case Mechanism.PLAIN:
            passwords = [
                f'user_{name}="{user.password}"'
                for name, user in cluster.known_users.items()
                if user.password is not None and mechanism.value in user.mechanisms
            ]
            return _jaas("plain.PlainLoginModule", *passwords)
        case Mechanism.SCRAM_SHA_256 | Mechanism.SCRAM_SHA_512:
            return _jaas("scram.ScramLoginModule")
        case Mechanism.OAUTHBEARER:
            return _jaas("oauthbearer.OAuthBearerLoginModule", 'unsecuredLoginStringClaim_sub="broker"')
        case Mechanism.AWS_MSK_IAM:
            # Apache Kafka has no such mechanism and yet offers it: nobody can log in, and clients see it in the list.
            return _jaas("plain.PlainLoginModule")
        case _:
            assert_never(mechanism)


def _jaas(module: str, *options: str) -> dict[str, str]:
    return {"sasl.jaas.config": " ".join((f"{_MODULES}.{module} required", *options)) + ";"}


def _signed_tokens(listener: Listener) -> dict[str, str]:
    if listener.oauth.key_set or listener.oauth.skip_signature:
        raise Impossible("Apache Kafka checks tokens against the key set of this process")
    settings = {
        "oauthbearer.sasl.server.callback.handler.class": f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler",
        "sasl.oauthbearer.jwks.endpoint.url": "file:$DIRECTORY/jwks.json",
        "sasl.oauthbearer.sub.claim.name": listener.oauth.principal_claim,
        "sasl.oauthbearer.clock.skew.seconds": str(listener.oauth.clock_skew_s),
    }
    for claim, expected in (("audience", listener.oauth.audience), ("issuer", listener.oauth.issuer)):
        # Since 4.4 a broker does not start unless it is told that anybody's tokens, or tokens for anybody, are meant.
        key = f"allow.unverified.{claim}" if expected is None else f"expected.{claim}"
        settings[f"sasl.oauthbearer.{key}"] = expected or "true"
    return settings


def _tls(listener: Listener, name: str, files: dict[str, str]) -> dict[str, str]:
    if not listener.protocol.has_tls:
        return {}
    tls = listener.tls
    _refuse(tls)
    settings = {
        "ssl.client.auth": listener.client_certificate.value,
        "ssl.enabled.protocols": ",".join(tls.versions),
        "ssl.cipher.suites": ",".join(tls.suites or _MODERN),
        "ssl.principal.mapping.rules": listener.principal_mapping,
    }
    if tls.broken:
        settings["ssl.cipher.suites"] = _ALWAYS_DISABLED
    if tls.certificate is not CertificateKind.GOOD:
        files[f"{name}.pem"] = server_credential(tls.certificate).keystore
        settings |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": f"{name}.pem"}
    return settings


def _refuse(tls: TlsSettings) -> None:
    if tls.script is not None:
        raise Impossible("a scripted front answers what no server of today does")
    if tls.trust_any_client:
        raise Impossible("Apache Kafka trusts every client certificate only with code of one's own")
    if tls.ocsp is not Staple.NONE:
        raise Impossible("OCSP stapling is a matter of the whole JVM and of a responder")
    if tls.groups:
        raise Impossible("key exchange groups are a matter of the whole JVM")


def _is_legacy(tls: TlsSettings) -> bool:
    """Whether a JVM must be told to allow what it disables by default."""
    old = bool(_OLD & set(tls.versions)) or tls.certificate in {
        CertificateKind.WEAK_KEY,
        CertificateKind.WEAK_SIGNATURE,
    }
    return not tls.broken and (old or any(suite not in _MODERN for suite in tls.suites))
