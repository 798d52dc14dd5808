"""The throw-away certificates are what TLS needs, and are made once."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.ocsp import load_der_ocsp_response
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from mskaudit.errors import UsageError
from mskaudit.reference.certificates import authority, client_credential, issuer, server_credential
from mskaudit.reference.dh_groups import dh_parameters, dh_prime
from mskaudit.reference.distinguished import text
from mskaudit.reference.pki import ClientCertificate, Credential, client_context, pki, server_context
from mskaudit.reference.stapling import staple
from mskaudit.reference.tls_settings import CertificateKind, DhSize, Staple


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


def test_a_client_context_checks_names_and_presents_what_it_is_given() -> None:
    context = client_context(pki().client)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


NOW = datetime.now(UTC)


def verified(kind: CertificateKind, *, at: datetime = NOW) -> bool:
    """Whether a strict client of the web's believes a server that presents a kind."""
    leaf, *others = server_credential(kind).chain
    verifier = PolicyBuilder().store(store()).time(at).build_server_verifier(x509.DNSName("localhost"))
    try:
        verifier.verify(leaf, others)
    except VerificationError:
        return False
    return True


BELIEVED = {
    CertificateKind.GOOD,
    CertificateKind.EC,
    CertificateKind.RSA,
    CertificateKind.EXPIRING,
    CertificateKind.LONG_LIVED,
    CertificateKind.WITH_INTERMEDIATE,
    CertificateKind.WEAK_KEY,  # the verifier does not look at the size of a leaf's key
}


@pytest.mark.parametrize("kind", CertificateKind)
def test_only_the_good_are_believed(kind: CertificateKind) -> None:
    assert verified(kind) is (kind in BELIEVED)
    assert server_credential(kind) is server_credential(kind)


@pytest.mark.parametrize(
    ("kind", "at"),
    [(CertificateKind.EXPIRED, -10), (CertificateKind.NOT_YET_VALID, 20)],
)
def test_what_is_out_of_time_is_good_at_its_time(kind: CertificateKind, at: int) -> None:
    assert verified(kind, at=NOW + timedelta(days=at))


@pytest.mark.parametrize(
    ("kind", "days", "whole"),
    [
        (CertificateKind.GOOD, 90, 91),
        (CertificateKind.EXPIRING, 10, 90),
        (CertificateKind.LONG_LIVED, 3650, 3651),
        (CertificateKind.EXPIRED, -1, 89),
    ],
)
def test_dates_are_relative_to_now(kind: CertificateKind, days: int, whole: int) -> None:
    leaf = server_credential(kind).chain[0]
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    assert abs(left - timedelta(days=days)) < timedelta(hours=1)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=whole)


@pytest.mark.parametrize(
    ("kind", "bits"),
    [(CertificateKind.RSA, 2048), (CertificateKind.WEAK_KEY, 1024), (CertificateKind.GOOD, 256)],
)
def test_keys_have_their_size(kind: CertificateKind, bits: int) -> None:
    key = server_credential(kind).chain[0].public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    assert key.key_size == bits


def test_a_weak_signature_is_a_real_one() -> None:
    leaf = server_credential(CertificateKind.WEAK_SIGNATURE).chain[0]
    assert isinstance(leaf.signature_hash_algorithm, SHA1)
    key = authority().certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(SHA1()))  # noqa: S303
    assert leaf.issuer == authority().certificate.subject


@pytest.mark.parametrize("kind", CertificateKind)
def test_every_issuer_signed_its_certificates(kind: CertificateKind) -> None:
    leaf = server_credential(kind).chain[0]
    if kind is CertificateKind.SELF_SIGNED:
        leaf.verify_directly_issued_by(leaf)
    elif kind is not CertificateKind.WEAK_SIGNATURE:
        leaf.verify_directly_issued_by(issuer(kind).certificate)
    assert len(server_credential(kind).chain) == (2 if kind is CertificateKind.WITH_INTERMEDIATE else 1)


@pytest.mark.parametrize(
    ("kind", "purposes"),
    [
        (CertificateKind.NO_SERVER_AUTH, {ExtendedKeyUsageOID.CLIENT_AUTH}),
        (CertificateKind.RSA, {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}),
    ],
)
def test_purposes(kind: CertificateKind, purposes: set[x509.ObjectIdentifier]) -> None:
    extension = server_credential(kind).chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert set(extension.value) == purposes


def test_a_key_store_is_pkcs8_and_the_chain() -> None:
    content = server_credential(CertificateKind.WITH_INTERMEDIATE).keystore
    assert re.findall(r"-----BEGIN ([A-Z ]+)-----", content) == ["PRIVATE KEY", "CERTIFICATE", "CERTIFICATE"]


@pytest.mark.parametrize(
    ("dn", "expected"),
    [
        ("CN=billing,OU=payments,O=Example", "CN=billing,OU=payments,O=Example"),
        ("CN=a\\,b,C=DE", "CN=a\\,b,C=DE"),
        ("CN=Łódź", "CN=Łódź"),
        ("UID=7,DC=example,DC=com", "UID=7,DC=example,DC=com"),
        ("2.5.4.5=42,CN=x", "2.5.4.5=#13023432,CN=x"),
        ("CN=a+OU=b,O=c", "CN=a+OU=b,O=c"),
    ],
)
def test_a_client_has_the_name_it_is_given(dn: str, expected: str) -> None:
    leaf = client_credential(dn).chain[0]
    assert text(leaf.subject) == expected
    leaf.verify_directly_issued_by(authority().certificate)
    assert client_credential(dn) is client_credential(dn)


@pytest.mark.parametrize("dn", ["billing", "CN", "NOTHING=x", ""])
def test_what_is_no_name_is_refused(dn: str) -> None:
    with pytest.raises(UsageError):
        client_credential(dn)


@pytest.mark.parametrize("size", DhSize)
def test_the_groups_of_diffie_hellman_are_safe_primes(size: DhSize) -> None:
    prime = dh_prime(size)
    assert prime.bit_length() == int(size)
    for number in (prime, prime // 2):
        assert all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7))


def test_the_group_of_1024_bits_is_that_of_the_rfc() -> None:
    assert f"{dh_prime(DhSize.BITS_1024):X}".startswith("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1")
    assert f"{dh_prime(DhSize.BITS_1024):X}".endswith("49286651ECE65381FFFFFFFFFFFFFFFF")


def test_openssl_takes_the_groups_as_they_are_written() -> None:
    assert dh_parameters(DhSize.BITS_768).startswith("-----BEGIN DH PARAMETERS-----\n")


@pytest.mark.parametrize(("wanted", "status"), [(Staple.GOOD, "GOOD"), (Staple.REVOKED, "REVOKED")])
def test_a_staple_speaks_of_the_certificate(wanted: Staple, status: str) -> None:
    credential = server_credential(CertificateKind.GOOD)
    response = load_der_ocsp_response(staple(wanted, credential, authority()))
    assert response.certificate_status.name == status
    assert response.serial_number == credential.chain[0].serial_number
    key = authority().certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(SHA256()))
    assert staple(Staple.NONE, credential, authority()) == b""


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("", None),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("b.example", "b.example"),
        ("no name", None),
        ("\ud800", None),
    ],
    ids=ascii,
)
def test_a_server_beyond_loopback_is_named_too(host: str, named: str | None) -> None:
    leaf = server_credential(CertificateKind.GOOD, host).chain[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    here = {"localhost", "::1", *(f"127.0.0.{number}" for number in range(1, 7))}
    assert found - here == ({named} if named else set())
    assert here <= found
