"""Every kind of listener of the reference broker is seen as what it is."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from OpenSSL import SSL

from mskaudit.gather.live.dial import Dialer, Limits
from mskaudit.gather.live.listener import PATHS, listener
from mskaudit.gather.source import settle
from mskaudit.gather.target import Address
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import Kind, listener_key, typed
from mskaudit.reference.broker import serve
from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.pki import ClientCertificate
from mskaudit.reference.tls_settings import DEFAULT_TLS, TlsSettings, TlsVersion
from tests.gather.live.peers import AT, GUARDED, OPEN, behind_tls, clock, openssl_context, serving, sighted, speaks

LIMITS = Limits(connect=10, connection=10)
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def seen(
    transport: str, *, certificate: str = "off", mechanisms: tuple[str, ...] = (), anonymous: bool
) -> dict[str, Any]:
    return {
        "observed.transport": transport,
        "observed.client_certificate": certificate,
        "observed.sasl_mechanisms": list(mechanisms),
        "observed.serves_anonymous": anonymous,
    }


KINDS = {
    "PLAINTEXT": (Listener(protocol=Protocol.PLAINTEXT), seen("clear", anonymous=True)),
    "SASL_PLAINTEXT": (
        Listener(protocol=Protocol.SASL_PLAINTEXT, mechanisms=(Mechanism.SCRAM_SHA_512, Mechanism.PLAIN)),
        seen("clear", mechanisms=("PLAIN", "SCRAM-SHA-512"), anonymous=False),
    ),
    "SSL": (Listener(protocol=Protocol.SSL), seen("tls", anonymous=True)),
    "SSL requested": (
        Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUESTED),
        seen("tls", certificate="requested", anonymous=True),
    ),
    "SASL_SSL": (
        Listener(protocol=Protocol.SASL_SSL, mechanisms=tuple(Mechanism)),
        seen("tls", mechanisms=tuple(sorted(Mechanism)), anonymous=False),
    ),
    "SASL_SSL requested": (
        Listener(
            protocol=Protocol.SASL_SSL,
            mechanisms=(Mechanism.AWS_MSK_IAM,),
            client_certificate=ClientCertificate.REQUESTED,
        ),
        seen("tls", certificate="requested", mechanisms=("AWS_MSK_IAM",), anonymous=False),
    ),
}
REQUIRED = {
    "SSL required": Listener(protocol=Protocol.SSL, client_certificate=ClientCertificate.REQUIRED),
    "SASL_SSL required": Listener(
        protocol=Protocol.SASL_SSL, mechanisms=(Mechanism.PLAIN,), client_certificate=ClientCertificate.REQUIRED
    ),
}


VERSIONS = pytest.mark.parametrize(
    "versions", [DEFAULT_TLS.versions, (TlsVersion.TLS_1_2,), (TlsVersion.TLS_1_3,)], ids=["any", "1.2", "1.3"]
)


def one(kind: Listener, versions: tuple[TlsVersion, ...]) -> Cluster:
    listener = replace(kind, tls=TlsSettings(versions=versions)) if kind.protocol.has_tls else kind
    return Cluster(count=1, cluster_id="one", users={"billing": "secret"}, listeners={"it": listener})


@VERSIONS
@pytest.mark.parametrize("name", KINDS)
async def test_a_listener_is_seen_as_it_is(name: str, versions: tuple[TlsVersion, ...]) -> None:
    kind, expected = KINDS[name]
    async with serve(one(kind, versions)) as addresses:
        sighting, _ = await sighted(Address.parse(addresses.addresses[0]), LIMITS)
    assert (sighting.known, sighting.gaps) == (expected, {})
    assert all(typed(Kind.LISTENER, path, value) for path, value in sighting.known.items())


@VERSIONS
@pytest.mark.parametrize("name", REQUIRED)
async def test_a_required_certificate_hides_the_mechanisms_and_nothing_else(
    name: str, versions: tuple[TlsVersion, ...]
) -> None:
    async with serve(one(REQUIRED[name], versions)) as addresses:
        sighting, _ = await sighted(Address.parse(addresses.addresses[0]), LIMITS)
    assert sighting.known == {
        "observed.transport": "tls",
        "observed.client_certificate": "required",
        "observed.serves_anonymous": False,
    }
    (note,) = sighting.gaps.values()
    assert list(sighting.gaps) == ["observed.sasl_mechanisms"]
    assert note.reason is Reason.UNRESOLVED
    assert "only to clients with a certificate" in note.detail


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(("verify", "certificate"), [(SSL.VERIFY_NONE, "off"), (SSL.VERIFY_PEER, "requested")])
async def test_the_request_for_a_certificate_is_read_under_every_suite_of_tls_1_3(
    suite: str, verify: int, certificate: str
) -> None:
    context = openssl_context(version=SSL.TLS1_3_VERSION, suite=suite.encode(), verify=verify)
    async with serving(behind_tls(context, speaks(OPEN))) as address:
        sighting, _ = await sighted(address, LIMITS)
    assert (sighting.known, sighting.gaps) == (seen("tls", certificate=certificate, anonymous=True), {})


@pytest.mark.parametrize("suite", SUITES)
async def test_a_required_certificate_is_seen_under_every_suite_of_tls_1_3(suite: str) -> None:
    verify = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context = openssl_context(version=SSL.TLS1_3_VERSION, suite=suite.encode(), verify=verify)
    async with serving(behind_tls(context, speaks(OPEN))) as address:
        sighting, _ = await sighted(address, LIMITS)
    assert sighting.known["observed.client_certificate"] == "required"


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION], ids=["1.0", "1.1"])
@pytest.mark.parametrize(("verify", "certificate"), [(SSL.VERIFY_NONE, "off"), (SSL.VERIFY_PEER, "requested")])
async def test_a_listener_with_old_tls_is_seen_too(version: int, verify: int, certificate: str) -> None:
    context = openssl_context(version=version, verify=verify)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    async with serving(behind_tls(context, speaks(OPEN))) as address:
        sighting, _ = await sighted(address, LIMITS)
    assert (sighting.known, sighting.gaps) == (seen("tls", certificate=certificate, anonymous=True), {})


async def test_a_sasl_listener_behind_tls_that_serves_before_the_login_is_caught() -> None:
    context = openssl_context(version=SSL.TLS1_3_VERSION)
    async with serving(behind_tls(context, speaks({**OPEN, **GUARDED}))) as address:
        sighting, _ = await sighted(address, LIMITS)
    assert sighting.known == seen("tls", mechanisms=("PLAIN",), anonymous=True)


async def test_a_listener_is_asked_once_for_every_path() -> None:
    address = Address("127.0.0.1", 9)
    source = listener("kafka://x", address, Dialer([]))
    assert source.subject == listener_key("kafka://x", "127.0.0.1:9")
    assert (source.origin, source.column) == ("tcp://127.0.0.1:9", Column.OBSERVED)
    assert set(source.promises) == set(PATHS) == set(seen("clear", anonymous=True))
    sighting = await settle(source, clock)
    assert sighting.at == AT
    assert {note.reason for note in sighting.gaps.values()} == {Reason.TOOL_FAULT}
