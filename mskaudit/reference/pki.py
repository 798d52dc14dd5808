"""The certificates that every reference world has, and TLS contexts that use them."""

from __future__ import annotations

import ssl
from functools import cache
from tempfile import NamedTemporaryFile

from msgspec import Struct

from mskaudit.reference.certificates import (
    Credential,
    authority,
    client_credential,
    server_credential,
    stranger_credential,
)
from mskaudit.reference.tls_session import TlsContext, tls_context
from mskaudit.reference.tls_settings import DEFAULT_TLS, CertificateKind, ClientCertificate, TlsSettings

__all__ = ["ClientCertificate", "Credential", "Pki", "client_context", "pki", "server_context"]


class Pki(Struct, frozen=True, kw_only=True):
    """The certificates of a world; `authority` is the CA's, in PEM, and signed `broker` and `client`."""

    authority: str
    broker: Credential
    client: Credential
    stranger: Credential


@cache
def pki() -> Pki:
    """The certificates of this process."""
    return Pki(
        authority=authority().pem,
        broker=server_credential(CertificateKind.GOOD),
        client=client_credential("CN=client"),
        stranger=stranger_credential(),
    )


def server_context(wanted: ClientCertificate, settings: TlsSettings = DEFAULT_TLS) -> TlsContext:
    """The context of a listener that really shakes hands, shared by all of a process.

    Raises:
        UsageError: the installed OpenSSL cannot serve these settings.
    """
    return tls_context(wanted, settings)


def client_context(credential: Credential | None = None) -> ssl.SSLContext:
    """A new context that trusts the authority, checks names, and presents `credential` where one is asked for."""
    context = ssl.create_default_context(cadata=pki().authority)
    if credential is not None:
        _present(context, credential)
    return context


def _present(context: ssl.SSLContext, credential: Credential) -> None:
    # The ssl module reads a key from a file only; this one is gone before the function returns.
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(credential.keystore)
        file.flush()
        context.load_cert_chain(file.name)
