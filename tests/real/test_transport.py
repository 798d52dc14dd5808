"""One real broker with a listener for every kind of TLS: what each chooses and shows, and the reference's beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import pytest
from cryptography.x509 import load_der_x509_certificate

from mskaudit.reference.certificates import server_credential
from mskaudit.reference.cluster import Cluster, Listener, Protocol
from mskaudit.reference.tls_settings import CertificateKind, TlsSettings, TlsVersion
from mskaudit.wire.tls_suites import numbers_of_suites
from tests.real.brokers import Line, setting_up
from tests.real.hellos import VERSIONS, chosen
from tests.real.servers import broker
from tests.real.stage import reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.real.talk import Address

_TLS_1_2: Final = (TlsVersion.TLS_1_2,)
_OLD: Final = (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2)


def _listener(**settings: object) -> Listener:
    return Listener(protocol=Protocol.SSL, tls=msgspec.convert(settings, TlsSettings))


def _weak(*suites: str) -> Listener:
    return _listener(versions=_TLS_1_2, suites=suites, certificate=CertificateKind.RSA)


LISTENERS: Final = {
    "usual": _listener(),
    "tls12": _listener(versions=_TLS_1_2),
    "tls13": _listener(versions=(TlsVersion.TLS_1_3,)),
    "old": _listener(versions=_OLD, suites=("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",), certificate=CertificateKind.RSA),
    "static": _weak("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    "dhe": _weak("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    "broken": _listener(broken=True),
    **{
        kind.replace("-", ""): _listener(versions=_TLS_1_2, certificate=kind)
        for kind in CertificateKind
        if kind not in {CertificateKind.GOOD, CertificateKind.EC}
    },
}
"""What both can serve."""

WEAKER: Final = {
    "tripledes": _weak("TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    "rc4": _weak("TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_MD5"),
    "nothing": _weak("TLS_RSA_WITH_NULL_SHA256", "TLS_RSA_WITH_NULL_SHA"),
    "anonymous": _weak("TLS_DH_anon_WITH_AES_128_CBC_SHA", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"),
}
"""What no OpenSSL of today serves, and a JVM does that is told to."""

_SSL_3: Final = "sslthree"


def _cluster(listeners: Mapping[str, Listener]) -> Cluster:
    return Cluster(count=1, cluster_id="bXNrYXVkaXRfX19yZWFsMQ", listeners=listeners)


@pytest.fixture(scope="module")
def kafkas() -> Iterator[Mapping[str, Address]]:
    setup = setting_up(_cluster(LISTENERS | WEAKER), Line.KRAFT)
    more = {
        f"listener.name.{_SSL_3}.ssl.enabled.protocols": "SSLv3,TLSv1",
        f"listener.name.{_SSL_3}.ssl.cipher.suites": "TLS_RSA_WITH_AES_128_CBC_SHA",
        f"listener.name.{_SSL_3}.ssl.keystore.type": "PEM",
        f"listener.name.{_SSL_3}.ssl.keystore.location": "RSA.pem",
    }
    setup = msgspec.structs.replace(
        setup, listeners={**setup.listeners, _SSL_3.upper(): "SSL"}, settings={**setup.settings, **more}
    )
    with broker(setup) as server:
        yield {name.lower(): address for name, address in server.addresses.items()}


@pytest.fixture(scope="module")
def ours() -> Iterator[Mapping[str, Address]]:
    with reference(_cluster(LISTENERS)) as stage:
        yield stage.by_listener


@pytest.mark.parametrize("name", LISTENERS)
def test_the_same_is_chosen_from_every_version(
    name: str, kafkas: Mapping[str, Address], ours: Mapping[str, Address]
) -> None:
    theirs = {version: chosen(kafkas[name], version)[0] for version in VERSIONS}
    assert {version: chosen(ours[name], version)[0] for version in VERSIONS} == theirs


@pytest.mark.parametrize(
    "name", [kind.replace("-", "") for kind in CertificateKind if kind.replace("-", "") in LISTENERS]
)
def test_the_certificate_that_is_wanted_is_shown(
    name: str, kafkas: Mapping[str, Address], ours: Mapping[str, Address]
) -> None:
    kind = LISTENERS[name].tls.certificate
    own = server_credential(kind).chain[0]
    for address in (kafkas[name], ours[name]):
        _, certificates = chosen(address, "TLSv1.2")
        assert load_der_x509_certificate(certificates[0]) == own


@pytest.mark.parametrize("name", WEAKER)
def test_a_weak_suite_is_chosen(name: str, kafkas: Mapping[str, Address]) -> None:
    for suite in WEAKER[name].tls.suites:
        assert chosen(kafkas[name], "TLSv1.2", (numbers_of_suites()[suite],))[0] == f"TLSv1.2 {suite}"
    assert chosen(kafkas[name], "TLSv1.2", (0xC02F,))[0] == "handshake_failure"


def test_ssl_3_is_spoken(kafkas: Mapping[str, Address]) -> None:
    assert chosen(kafkas[_SSL_3], "SSLv3")[0] == "SSLv3 TLS_RSA_WITH_AES_128_CBC_SHA"
