"""Throw-away certificates, good and bad, each made when it is first asked for and trusted by nobody else.

Keys are EC on P-256 unless a kind is about RSA; all dates are relative to the moment of making. The certificates of
servers are for `localhost`, `127.0.0.1` to `127.0.0.6` and `::1`, and for the host of a server that is elsewhere.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, assert_never

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from mskaudit.errors import UsageError
from mskaudit.reference.der import DerTag, der, der_contents
from mskaudit.reference.tls_settings import CertificateKind

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_DAY: Final = timedelta(days=1)
_EVERY_USAGE: Final = {
    "digital_signature": False,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


class Credential(Struct, frozen=True, kw_only=True):
    """A private key (PKCS#8) and its certificate with the intermediates sent along, leaf first; all PEM."""

    certificate: str
    key: str

    @property
    def keystore(self) -> str:
        """The content of a PEM key store as Kafka and ZooKeeper take it."""
        return self.key + self.certificate

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates, leaf first."""
        return tuple(x509.load_pem_x509_certificates(self.certificate.encode()))


class Validity(Struct, frozen=True, kw_only=True):
    """When a certificate is valid, in days from now."""

    since: int = -1
    until: int = 90


_USUAL: Final = Validity()
# Beyond every leaf on either side, so that a leaf's dates are the only ones to complain about.
_OF_AUTHORITIES: Final = Validity(since=-400, until=3700)


class Identity:
    """A name and its key, able to sign."""

    def __init__(self, name: x509.Name, key: Key) -> None:
        self.name = name
        self.key = key

    @classmethod
    def called(cls, common_name: str, key: Key | None = None) -> Identity:
        """One with a common name only and, unless given, a new EC key."""
        return cls(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]), key or ec_key())

    def certify(
        self, subject: Identity, *extensions: x509.ExtensionType, validity: Validity = _USUAL
    ) -> x509.Certificate:
        """Sign a certificate; an extension is critical where RFC 5280 wants it."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject.name)
            .issuer_name(self.name)
            .public_key(subject.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + validity.since * _DAY)
            .not_valid_after(now + validity.until * _DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for extension in extensions:
            critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, SHA256())

    def credential(self, *certificates: x509.Certificate) -> Credential:
        """The key with certificates, its own first."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Credential(certificate="".join(map(pem, certificates)), key=key.decode())


class Authority(Struct, frozen=True):
    """A certificate authority: its identity and its own certificate."""

    identity: Identity
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The content of a PEM trust store with nothing but this authority."""
        return pem(self.certificate)


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def ec_key() -> ec.EllipticCurvePrivateKey:
    """A new key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _usage(*purposes: str) -> x509.KeyUsage:
    return x509.KeyUsage(**_EVERY_USAGE | dict.fromkeys(purposes, True))


_CA_USAGE: Final = _usage("key_cert_sign", "crl_sign")
_NO_CA: Final = x509.BasicConstraints(ca=False, path_length=None)
_FOR_CLIENTS: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
_FOR_BOTH: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
_NODES: Final = 6
# With fixed ports broker n is at 127.0.0.n.
_HERE: Final = x509.SubjectAlternativeName(
    [
        x509.DNSName("localhost"),
        *(x509.IPAddress(IPv4Address(f"127.0.0.{number}")) for number in range(1, _NODES + 1)),
        x509.IPAddress(IPv6Address("::1")),
    ]
)
_DNS_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,9}")
_ELSEWHERE: Final = x509.SubjectAlternativeName([x509.DNSName("elsewhere.example")])


def _root(name: str) -> Authority:
    identity = Identity.called(name)
    constraints = x509.BasicConstraints(ca=True, path_length=1)
    return Authority(identity, identity.certify(identity, constraints, _CA_USAGE, validity=_OF_AUTHORITIES))


@cache
def authority() -> Authority:
    """The authority that clients and listeners of this process trust."""
    return _root("authority")


@cache
def other_authority() -> Authority:
    """An authority that nobody trusts."""
    return _root("other authority")


@cache
def _intermediate() -> Authority:
    identity = Identity.called("intermediate")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    certificate = authority().identity.certify(identity, constraints, _CA_USAGE, validity=_OF_AUTHORITIES)
    return Authority(identity, certificate)


@cache
def _rsa_2048() -> rsa.RSAPrivateKey:
    return _rsa_key(2048)


@cache
def _rsa_1024() -> rsa.RSAPrivateKey:
    return _rsa_key(1024)


def _names(host: str) -> x509.SubjectAlternativeName:
    """The names of a server: those of loopback, and its host unless that is neither an address nor a name."""
    if not host:
        return _HERE
    try:
        own: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        if not _DNS_NAME.fullmatch(host):
            return _HERE
        own = x509.DNSName(host)
    return x509.SubjectAlternativeName([*_HERE, own])


def _server(
    names: x509.SubjectAlternativeName,
    issuer: Identity | None = None,
    *,
    key: Key | None = None,
    validity: Validity = _USUAL,
    purposes: x509.ExtendedKeyUsage = _FOR_BOTH,
) -> Credential:
    """A server's certificate by an issuer, the trusted authority if none is given."""
    subject = Identity.called("broker", key)
    usage = _usage("digital_signature", "key_encipherment") if isinstance(key, rsa.RSAPrivateKey) else _SIGNING
    signer = issuer or authority().identity
    extensions = (_NO_CA, usage, purposes, names)
    return subject.credential(signer.certify(subject, *extensions, validity=validity))


# AlgorithmIdentifiers (RFC 5758, 3.2; RFC 3279, 2.2.3).
_ECDSA_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA1: Final = bytes.fromhex("300906072a8648ce3d0401")
_SIGNING: Final = _usage("digital_signature")


def _with_intermediate(names: x509.SubjectAlternativeName) -> Credential:
    alone = _server(names, _intermediate().identity)
    return Credential(certificate=alone.certificate + _intermediate().pem, key=alone.key)


def _with_weak_signature(names: x509.SubjectAlternativeName) -> Credential:
    """A good certificate, signed again over SHA-1, since cryptography signs no certificates over it."""
    good = _server(names)
    key = authority().identity.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    body = der_contents(good.chain[0].tbs_certificate_bytes).replace(_ECDSA_SHA256, _ECDSA_SHA1, 1)
    signed = der(DerTag.SEQUENCE, body)
    signature = key.sign(signed, ec.ECDSA(SHA1()))  # noqa: S303  the fault that is asked for
    whole = der(DerTag.SEQUENCE, signed + _ECDSA_SHA1 + der(DerTag.BIT_STRING, b"\0" + signature))
    return Credential(certificate=pem(x509.load_der_x509_certificate(whole)), key=good.key)


def _self_signed(names: x509.SubjectAlternativeName) -> Credential:
    itself = Identity.called("broker")
    return itself.credential(itself.certify(itself, _NO_CA, _SIGNING, _FOR_BOTH, names))


def server_credential(kind: CertificateKind, host: str = "") -> Credential:
    """The certificate of a kind for a server on loopback, and at a host; the same for all of a process."""
    return _credential(kind, host)


@cache
def _credential(kind: CertificateKind, host: str) -> Credential:  # noqa: C901, PLR0912  one line for each kind
    names = _names(host)
    match kind:
        case CertificateKind.GOOD | CertificateKind.EC:
            return _good(host)
        case CertificateKind.RSA:
            return _server(names, key=_rsa_2048())
        case CertificateKind.EXPIRED:
            return _server(names, validity=Validity(since=-90, until=-1))
        case CertificateKind.NOT_YET_VALID:
            return _server(names, validity=Validity(since=10))
        case CertificateKind.EXPIRING:
            return _server(names, validity=Validity(since=-80, until=10))
        case CertificateKind.LONG_LIVED:
            return _server(names, validity=Validity(until=3650))
        case CertificateKind.WRONG_NAME:
            return _server(_ELSEWHERE)
        case CertificateKind.WEAK_KEY:
            return _server(names, key=_rsa_1024())
        case CertificateKind.WEAK_SIGNATURE:
            return _with_weak_signature(names)
        case CertificateKind.SELF_SIGNED:
            return _self_signed(names)
        case CertificateKind.MISSING_INTERMEDIATE:
            return _server(names, _intermediate().identity)
        case CertificateKind.WITH_INTERMEDIATE:
            return _with_intermediate(names)
        case CertificateKind.NO_SERVER_AUTH:
            return _server(names, purposes=_FOR_CLIENTS)
        case CertificateKind.OTHER_AUTHORITY:
            return _server(names, other_authority().identity)
        case _:
            assert_never(kind)


def issuer(kind: CertificateKind) -> Authority:
    """Who speaks for the certificate of a kind, as an OCSP responder must; for a self-signed one the authority does."""
    match kind:
        case CertificateKind.MISSING_INTERMEDIATE | CertificateKind.WITH_INTERMEDIATE:
            return _intermediate()
        case CertificateKind.OTHER_AUTHORITY:
            return other_authority()
        case _:
            return authority()


@cache
def _good(host: str) -> Credential:
    return _server(_names(host))


@cache
def client_credential(dn: str) -> Credential:
    """A client's certificate that every listener trusts, for a distinguished name as RFC 2253 writes it.

    Raises:
        UsageError: that is no distinguished name.
    """
    subject = Identity(_name(dn), ec_key())
    return subject.credential(authority().identity.certify(subject, _NO_CA, _SIGNING, _FOR_CLIENTS))


@cache
def stranger_credential() -> Credential:
    """A self-signed client certificate, which no listener trusts unless it trusts any."""
    subject = Identity.called("stranger")
    return subject.credential(subject.certify(subject, _NO_CA, _SIGNING, _FOR_CLIENTS))


def _name(dn: str) -> x509.Name:
    try:
        name = x509.Name.from_rfc4514_string(dn)
    except ValueError as cause:
        raise UsageError(f"{dn!r} is no distinguished name such as CN=billing,OU=payments,O=Example") from cause
    if not list(name):
        raise UsageError("a client certificate needs a name")
    return name
