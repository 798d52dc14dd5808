"""How a TLS listener of a reference cluster behaves, as values that a world can turn."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct


class ClientCertificate(StrEnum):
    """What a TLS listener wants of a client: Kafka's `ssl.client.auth`."""

    NONE = "none"
    REQUESTED = "requested"
    REQUIRED = "required"


class CertificateKind(StrEnum):
    """The certificates that a listener can present; each but the good ones has exactly one fault.

    `good` and `ec` have an EC key on P-256, `rsa` an RSA key of 2048 bits.
    """

    GOOD = "good"
    EC = "ec"
    RSA = "rsa"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRING = "expiring"
    LONG_LIVED = "long-lived"
    WRONG_NAME = "wrong-name"
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    SELF_SIGNED = "self-signed"
    MISSING_INTERMEDIATE = "missing-intermediate"
    WITH_INTERMEDIATE = "with-intermediate"
    NO_SERVER_AUTH = "no-server-auth"
    OTHER_AUTHORITY = "other-authority"


class TlsVersion(StrEnum):
    """The versions that a real handshake can have, by their names in Kafka's `ssl.enabled.protocols`."""

    TLS_1_0 = "TLSv1"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"


class Staple(StrEnum):
    """The OCSP response that a server sends to a client that asks for one."""

    NONE = "none"
    GOOD = "good"
    REVOKED = "revoked"


class DhSize(StrEnum):
    """The bits of the group that DHE suites use."""

    BITS_768 = "768"
    BITS_1024 = "1024"
    BITS_2048 = "2048"
    BITS_3072 = "3072"


Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TLS of a listener; the defaults are those of a Kafka broker on Java 17 with an EC certificate."""

    versions: Annotated[
        tuple[TlsVersion, ...], Meta(min_length=1, description="the TLS versions it speaks; gaps are allowed")
    ] = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    suites: Annotated[
        tuple[Name, ...], Meta(description="cipher suites by their IANA or OpenSSL names, best first; none: a JVM's")
    ] = ()
    groups: Annotated[
        tuple[Name, ...], Meta(description="key exchange groups by their IANA names, best first; none: a JVM's")
    ] = ()
    dh: Annotated[DhSize, Meta(description="bits of the group of DHE suites up to TLS 1.2")] = DhSize.BITS_2048
    certificate: Annotated[CertificateKind, Meta(description="the certificate it presents")] = CertificateKind.GOOD
    trust_any_client: Annotated[bool, Meta(description="believe every client certificate, whoever signed it")] = False
    ocsp: Annotated[Staple, Meta(description="the OCSP response stapled to the certificate")] = Staple.NONE
    broken: Annotated[bool, Meta(description="close every connection at its first bytes, without an alert")] = False
    script: Annotated[
        Name | None, Meta(description="a scripted front that answers hellos and never completes a handshake")
    ] = None

    def __post_init__(self) -> None:
        if self.broken and self.script is not None:
            raise ValueError("a listener is broken or scripted, not both")
        if len(set(self.versions)) != len(self.versions):
            raise ValueError("a TLS version is named twice")


DEFAULT_TLS: Final = TlsSettings()
