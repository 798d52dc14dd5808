"""Servers that answer a ClientHello with the flight they are told to and never complete a handshake.

They serve what no OpenSSL does any more: SSL 2.0 and 3.0, RC4, 3DES, EXPORT, NULL, anonymous suites, short DH groups,
groups nobody uses, compression.
"""

from __future__ import annotations

from enum import StrEnum
from secrets import token_bytes
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeVar

from msgspec import Meta, Struct

from mskaudit.reference.tls_flight import Flight, certificates, legacy, modern, retry
from mskaudit.reference.tls_settings import CertificateKind
from mskaudit.wire.tls import Alert
from mskaudit.wire.tls_registry import AlertDescription, AlertLevel, Extension, Group, Version
from mskaudit.wire.tls_server import build_alert, ssl2_error, ssl2_server_hello
from mskaudit.wire.tls_suites import (
    FALLBACK_SCSV,
    RENEGOTIATION_SCSV,
    SSL2_SUITES,
    Authentication,
    KeyExchange,
    Suite,
    numbers_of_suites,
    suites,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mskaudit.wire.tls_server import ClientHello

T = TypeVar("T")

_DEFLATE: Final = 1
_NO_CIPHER: Final = 1
_SSL2_CONNECTION_ID: Final = 16
_CERTIFICATES_CURVE: Final = Group.SECP256R1
_OLD_ONLY: Final = frozenset(
    {*(group for group in Group if group < Group.SECP256R1), *(Group.BRAINPOOLP256R1, Group.BRAINPOOLP384R1)}
    | {Group.BRAINPOOLP512R1}
)
_NEW_ONLY: Final = frozenset(group for group in Group if group > Group.X448)
_SERVED: Final = frozenset({KeyExchange.MODERN, KeyExchange.RSA, KeyExchange.DHE, KeyExchange.ECDHE})


class Preference(StrEnum):
    """Whose order of suites and groups decides."""

    SERVER = "server"
    CLIENT = "client"


class Refusal(StrEnum):
    """What a hello with nothing in common gets: an alert, or the end without one."""

    ALERT = "alert"
    CLOSE = "close"


class Feature(StrEnum):
    """What a server can do beyond the least."""

    SECURE_RENEGOTIATION = "secure-renegotiation"
    EXTENDED_MASTER_SECRET = "extended-master-secret"  # noqa: S105  the name of an extension
    HEARTBEAT = "heartbeat"
    COMPRESSION = "compression"
    FALLBACK_SCSV = "fallback-scsv"
    DOWNGRADE_SENTINEL = "downgrade-sentinel"


SOUND: Final = (
    Feature.SECURE_RENEGOTIATION,
    Feature.EXTENDED_MASTER_SECRET,
    Feature.FALLBACK_SCSV,
    Feature.DOWNGRADE_SENTINEL,
)
"""What a good server does."""


class Script(Struct, frozen=True, kw_only=True):
    """How a scripted server answers; suites (IANA names) and groups are in its order of preference.

    Without a `certificate` it presents the one that fits the suite; `dh_bits` are those of the prime of DHE suites;
    `suite_alert` refuses a hello without a common suite or group.
    """

    about: str
    versions: tuple[Version, ...] = (Version.TLS_1_2,)
    suites: tuple[str, ...]
    groups: tuple[Group, ...] = (Group.X25519, Group.SECP256R1)
    preference: Preference = Preference.SERVER
    features: tuple[Feature, ...] = SOUND
    certificate: CertificateKind | None = None
    asks_certificate: bool = False
    dh_bits: Annotated[int, Meta(ge=256, le=8192)] = 2048
    refusal: Refusal = Refusal.ALERT
    suite_alert: AlertDescription = AlertDescription.HANDSHAKE_FAILURE

    def __post_init__(self) -> None:
        if not self.versions or not self.suites:
            raise ValueError("a script needs a version and a suite")
        known = numbers_of_suites()
        for name in set(self.suites) - set(SSL2_SUITES.values()):
            if name not in known:
                raise ValueError(f"{name!r} is no cipher suite")
            suite = suites()[known[name]]
            if suite.exchange not in _SERVED or suite.authentication is Authentication.DSS:
                raise ValueError(f"there is no flight for {name}")


class Answer(NamedTuple):
    """What to send, and whether another hello may follow: only a HelloRetryRequest asks for one."""

    content: bytes
    again: bool = False


class _RefusedError(Exception):
    """There is nothing in common, and the alert says what."""

    def __init__(self, code: AlertDescription) -> None:
        super().__init__(code.name)
        self.code = code


def answer(script: Script, hello: ClientHello) -> Answer:
    """What the scripted server says to a hello; nothing where it closes without a word."""
    if hello.ssl2 and hello.version == Version.SSL_2_0:
        return Answer(_ssl2_answer(script, hello))
    try:
        flight = _choose(script, hello)
    except _RefusedError as refused:
        return Answer(_refusal(script, hello, refused.code))
    if flight.version is not Version.TLS_1_3:
        return Answer(legacy(flight, hello))
    if flight.group in (hello.shares or ()):
        return Answer(modern(flight, hello))
    return Answer(retry(flight, hello), again=True)


def _refusal(script: Script, hello: ClientHello, code: AlertDescription) -> bytes:
    if script.refusal is Refusal.CLOSE:
        return b""
    shown = max(min(hello.version, Version.TLS_1_2), Version.SSL_3_0)
    return build_alert(Alert(level=AlertLevel.FATAL, code=code), shown)


def _ssl2_answer(script: Script, hello: ClientHello) -> bytes:
    if Version.SSL_2_0 not in script.versions:
        return _refusal(script, hello, AlertDescription.HANDSHAKE_FAILURE)
    served = [kind for kind, name in SSL2_SUITES.items() if name in script.suites]
    common = tuple(kind for kind in hello.suites if kind in served)
    if not common:
        return ssl2_error(_NO_CIPHER)
    leaf, *_ = certificates(script.certificate or CertificateKind.RSA)
    return ssl2_server_hello(leaf, common, token_bytes(_SSL2_CONNECTION_ID))


def _choose(script: Script, hello: ClientHello) -> Flight:
    version = _choose_version(script, hello)
    group = _choose_group(script, hello, version)
    suite = next((suite for suite in _common(script, hello) if _fits(suite, version, hello, group)), None)
    if suite is None:
        raise _RefusedError(script.suite_alert)
    if version is Version.TLS_1_3 and hello.shares is None:
        raise _RefusedError(AlertDescription.MISSING_EXTENSION)
    compresses = Feature.COMPRESSION in script.features and _DEFLATE in hello.compressions
    return Flight(
        version=version,
        suite=suite,
        group=group,
        certificate=script.certificate,
        asks_certificate=script.asks_certificate,
        dh_bits=script.dh_bits,
        compression=_DEFLATE if compresses and version is not Version.TLS_1_3 else 0,
        extensions=tuple(_extensions(script, hello, suite)) if version is not Version.SSL_3_0 else (),
        sentinel=_sentinel(script, version),
    )


def _choose_version(script: Script, hello: ClientHello) -> Version:
    """The highest common version (RFC 8446, 4.2.1); a fallback below the best is refused (RFC 7507)."""
    offered = hello.versions
    spoken = [version for version in script.versions if version is not Version.SSL_2_0]
    if offered is None:
        common = [version for version in spoken if version <= min(hello.version, Version.TLS_1_2)]
    else:
        common = [version for version in spoken if version in offered]
    if not common:
        raise _RefusedError(AlertDescription.PROTOCOL_VERSION)
    best = max(common)
    if best < max(spoken) and FALLBACK_SCSV in hello.suites and Feature.FALLBACK_SCSV in script.features:
        raise _RefusedError(AlertDescription.INAPPROPRIATE_FALLBACK)
    return best


def _choose_group(script: Script, hello: ClientHello, version: Version) -> Group | None:
    """The preferred common group; a client that names none takes any up to TLS 1.2 (RFC 8422, 4)."""
    unfit = _OLD_ONLY if version is Version.TLS_1_3 else _NEW_ONLY
    served = [group for group in script.groups if group not in unfit]
    named = hello.groups
    if named is None:
        return next(iter(served), None) if version is not Version.TLS_1_3 else None
    return next(iter(_ordered(script.preference, served, named)), None)


def _common(script: Script, hello: ClientHello) -> Iterator[Suite]:
    known = numbers_of_suites()
    served = [known[name] for name in script.suites if name in known]
    return (suites()[number] for number in _ordered(script.preference, served, hello.suites))


def _ordered(preference: Preference, served: Sequence[T], offered: Collection[int]) -> list[T]:
    """What both have, in the order of the one who decides."""
    if preference is Preference.SERVER:
        return [one for one in served if one in offered]
    return [served[served.index(one)] for one in offered if one in served]


def _fits(suite: Suite, version: Version, hello: ClientHello, group: Group | None) -> bool:
    if version not in suite.versions:
        return False
    if suite.authentication is Authentication.ECDSA and _CERTIFICATES_CURVE not in (hello.groups or Group):
        return False
    return group is not None or suite.exchange not in (KeyExchange.MODERN, KeyExchange.ECDHE)


def _extensions(script: Script, hello: ClientHello, suite: Suite) -> Iterator[tuple[int, bytes]]:
    """The answers to the extensions that the client sent, up to TLS 1.2."""
    sent = {number for number, _ in hello.extensions}
    renegotiates = Extension.RENEGOTIATION_INFO in sent or RENEGOTIATION_SCSV in hello.suites
    if Feature.SECURE_RENEGOTIATION in script.features and renegotiates:
        yield Extension.RENEGOTIATION_INFO, b"\0"
    if suite.exchange is KeyExchange.ECDHE and Extension.EC_POINT_FORMATS in sent:
        yield Extension.EC_POINT_FORMATS, b"\1\0"
    if Feature.EXTENDED_MASTER_SECRET in script.features and Extension.EXTENDED_MASTER_SECRET in sent:
        yield Extension.EXTENDED_MASTER_SECRET, b""
    if Feature.HEARTBEAT in script.features and Extension.HEARTBEAT in sent:
        yield Extension.HEARTBEAT, b"\1"


def _sentinel(script: Script, version: Version) -> bytes:
    """What a random ends with when the server could do better (RFC 8446, 4.1.3)."""
    best = max(script.versions)
    if Feature.DOWNGRADE_SENTINEL not in script.features or version >= min(best, Version.TLS_1_3):
        return b""
    if version is Version.TLS_1_2:
        return b"DOWNGRD\1"
    return b"DOWNGRD\0" if best >= Version.TLS_1_2 else b""
