"""The throw-away certificates are what TLS needs, and are made once."""

from __future__ import annotations

import ssl
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from mskaudit.reference.pki import ClientCertificate, Credential, client_context, pki, server_context


def load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def store() -> Store:
    return Store([load(pki().authority)])


def test_everything_is_made_once() -> None:
    assert pki() is pki()
    assert server_context(ClientCertificate.NONE) is server_context(ClientCertificate.NONE)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_broker_is_who_it_says(name: str) -> None:
    subject = x509.DNSName(name) if name == "localhost" else x509.IPAddress(IPv4Address(name))
    verifier = PolicyBuilder().store(store()).build_server_verifier(subject)
    assert len(verifier.verify(load(pki().broker.certificate), [])) == 2


def test_the_broker_can_be_server_and_client() -> None:
    extension = load(pki().broker.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert set(extension.value) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_the_client_is_trusted_and_the_stranger_is_not() -> None:
    load(pki().client.certificate).verify_directly_issued_by(load(pki().authority))
    stranger = load(pki().stranger.certificate)
    stranger.verify_directly_issued_by(stranger)
    with pytest.raises(ValueError, match="does not match certificate issuer"):
        stranger.verify_directly_issued_by(load(pki().authority))


@pytest.mark.parametrize("name", ["broker", "client", "stranger"])
def test_names_are_plain(name: str) -> None:
    credential: Credential = getattr(pki(), name)
    (common_name,) = load(credential.certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == name


@pytest.mark.parametrize(
    ("wanted", "mode"),
    [
        (ClientCertificate.NONE, ssl.CERT_NONE),
        (ClientCertificate.REQUESTED, ssl.CERT_OPTIONAL),
        (ClientCertificate.REQUIRED, ssl.CERT_REQUIRED),
    ],
)
def test_a_listener_wants_the_certificate_it_is_told_to(wanted: ClientCertificate, mode: ssl.VerifyMode) -> None:
    assert server_context(wanted).verify_mode is mode


def test_a_client_checks_the_name() -> None:
    context = client_context(pki().client)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
