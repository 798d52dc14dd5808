"""Throw-away certificates of a reference world, and TLS contexts that use them.

Everything is made once per process and trusted by nobody else. The broker's certificate is for `localhost` and
`127.0.0.1`; the stranger's is self-signed, so no broker here trusts it.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Address
from tempfile import NamedTemporaryFile
from typing import Final, assert_never

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

_BEFORE: Final = timedelta(days=1)
_AFTER: Final = timedelta(days=90)
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


class ClientCertificate(StrEnum):
    """What a TLS listener wants of a client: Kafka's `ssl.client.auth`."""

    NONE = "none"
    REQUESTED = "requested"
    REQUIRED = "required"


class Credential(Struct, frozen=True, kw_only=True):
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


class Pki(Struct, frozen=True, kw_only=True):
    """The certificates of a world; `authority` is the CA's, in PEM, and signed `broker` and `client`."""

    authority: str
    broker: Credential
    client: Credential
    stranger: Credential


class _Identity:
    """A name and its key, able to sign."""

    def __init__(self, name: str) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())

    def certify(self, subject: _Identity, *extensions: x509.ExtensionType) -> x509.Certificate:
        """Sign a certificate; an extension is critical where RFC 5280 wants it."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject.name)
            .issuer_name(self.name)
            .public_key(subject.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BEFORE)
            .not_valid_after(now + _AFTER)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for extension in extensions:
            critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, SHA256())

    def credential(self, certificate: x509.Certificate) -> Credential:
        """The key with a certificate of it."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Credential(certificate=_pem(certificate), key=key.decode())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _usage(*purposes: str) -> x509.KeyUsage:
    return x509.KeyUsage(**_EVERY_USAGE | dict.fromkeys(purposes, True))


@cache
def pki() -> Pki:
    """The certificates of this process."""
    authority, broker, client, stranger = (_Identity(name) for name in ("authority", "broker", "client", "stranger"))
    leaf = (x509.BasicConstraints(ca=False, path_length=None), _usage("digital_signature"))
    for_client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    for_both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    here = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    root = (x509.BasicConstraints(ca=True, path_length=0), _usage("key_cert_sign", "crl_sign"))
    return Pki(
        authority=_pem(authority.certify(authority, *root)),
        broker=broker.credential(authority.certify(broker, *leaf, for_both, here)),
        client=client.credential(authority.certify(client, *leaf, for_client)),
        stranger=stranger.credential(stranger.certify(stranger, *leaf, for_client)),
    )


@cache
def server_context(wanted: ClientCertificate) -> ssl.SSLContext:
    """The context of a listener, shared by all of a process: TLS 1.2 and 1.3 as in Kafka's defaults.

    Sessions are not resumed, so that every connection shows the whole handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = _verification(wanted)
    if wanted is not ClientCertificate.NONE:
        context.load_verify_locations(cadata=pki().authority)
    _present(context, pki().broker)
    return context


def _verification(wanted: ClientCertificate) -> ssl.VerifyMode:
    match wanted:
        case ClientCertificate.NONE:
            return ssl.CERT_NONE
        case ClientCertificate.REQUESTED:
            return ssl.CERT_OPTIONAL
        case ClientCertificate.REQUIRED:
            return ssl.CERT_REQUIRED
        case _:
            assert_never(wanted)


def client_context(credential: Credential | None = None) -> ssl.SSLContext:
    """A new context that trusts the authority, checks names, and presents `credential` where one is asked for."""
    context = ssl.create_default_context(cadata=pki().authority)
    if credential is not None:
        _present(context, credential)
    return context


def _present(context: ssl.SSLContext, credential: Credential) -> None:
    # The ssl module reads a key from a file only; this one is gone before the function returns.
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(credential.key + credential.certificate)
        file.flush()
        context.load_cert_chain(file.name)
