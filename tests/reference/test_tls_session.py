"""Real handshakes with Python's own TLS: versions, suites, client certificates, and the alerts of a JVM."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import UsageError
from mskaudit.reference.certificates import client_credential, stranger_credential
from mskaudit.reference.pki import Credential, client_context, server_context
from mskaudit.reference.tls_session import TlsPeer
from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings, TlsVersion
from tests.reference.tls_listeners import listening

GUARD = 30.0
NUMBERS = {
    TlsVersion.TLS_1_0: 0x301,
    TlsVersion.TLS_1_1: 0x302,
    TlsVersion.TLS_1_2: 0x303,
    TlsVersion.TLS_1_3: 0x304,
}
BILLING = "CN=billing,OU=payments,O=Example"


async def met(port: int, context: ssl.SSLContext) -> TlsPeer:
    """What a listener says of a client, after a handshake."""
    async with asyncio.timeout(GUARD):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context, family=2)
        try:
            writer.write(b"?")
            line = await reader.readline()
        finally:
            writer.transport.abort()
        return msgspec.json.decode(line, type=TlsPeer)


def only(version: TlsVersion, credential: Credential | None = None) -> ssl.SSLContext:
    """A context of a client that speaks one version."""
    context = client_context(credential)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion(NUMBERS[version])
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize("spoken", TlsVersion)
@pytest.mark.parametrize(
    "served",
    [
        tuple(TlsVersion),
        (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3),
        (TlsVersion.TLS_1_0,),
        (TlsVersion.TLS_1_1,),
        (TlsVersion.TLS_1_2,),
        (TlsVersion.TLS_1_3,),
        (TlsVersion.TLS_1_0, TlsVersion.TLS_1_2),
    ],
    ids=",".join,
)
async def test_the_versions_of_a_listener_are_those_it_is_told(
    served: tuple[TlsVersion, ...], spoken: TlsVersion
) -> None:
    async with listening(TlsSettings(versions=served)) as port:
        if spoken in served:
            assert (await met(port, only(spoken))).version is spoken
        else:
            # A lower version is answered where there is one, which this client then refuses itself.
            with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL"):
                await met(port, only(spoken))


@pytest.mark.parametrize("version", [TlsVersion.TLS_1_2, TlsVersion.TLS_1_3])
@pytest.mark.parametrize(
    ("wanted", "credential", "trusting", "outcome"),
    [
        ("none", None, False, None),
        ("none", "stranger", False, None),
        ("requested", None, False, None),
        ("requested", "billing", False, BILLING),
        ("requested", "stranger", False, "CERTIFICATE_UNKNOWN"),
        ("required", None, False, "BAD_CERTIFICATE"),
        ("required", "billing", False, BILLING),
        ("required", "stranger", False, "CERTIFICATE_UNKNOWN"),
        ("required", "stranger", True, "CN=stranger"),
        ("requested", "stranger", True, "CN=stranger"),
        ("required", "billing", True, BILLING),
        ("required", None, True, "BAD_CERTIFICATE"),
    ],
)
async def test_client_certificates_are_judged_as_by_a_jvm(
    wanted: str, credential: str | None, outcome: str | None, version: TlsVersion, *, trusting: bool
) -> None:
    known = {None: None, "billing": client_credential(BILLING), "stranger": stranger_credential()}
    settings = TlsSettings(versions=(version,), trust_any_client=trusting)
    async with listening(settings, ClientCertificate(wanted)) as port:
        context = only(version, known[credential])
        if outcome is not None and "=" not in outcome:
            with pytest.raises(ssl.SSLError, match=rf"ALERT_{outcome}"):
                await met(port, context)
            return
        peer = await met(port, context)
    assert (peer.subject, peer.version) == (outcome, version)


@pytest.mark.parametrize(
    ("suites", "certificate", "expected"),
    [
        (("TLS_RSA_WITH_AES_128_CBC_SHA",), "rsa", "AES128-SHA"),
        (("AES256-GCM-SHA384", "AES128-SHA"), "rsa", "AES256-GCM-SHA384"),
        (("TLS_CHACHA20_POLY1305_SHA256",), "ec", "TLS_CHACHA20_POLY1305_SHA256"),
        (("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",), "rsa", "DHE-RSA-AES128-GCM-SHA256"),
        ((), "ec", "TLS_AES_256_GCM_SHA384"),
    ],
)
async def test_the_suites_of_a_listener_are_those_it_is_told(
    suites: tuple[str, ...], certificate: str, expected: str
) -> None:
    settings = msgspec.convert({"suites": suites, "certificate": certificate}, TlsSettings)
    async with listening(settings) as port:
        context = client_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        assert (await met(port, context)).suite == expected


async def test_a_version_without_a_suite_is_not_spoken() -> None:
    async with listening(TlsSettings(suites=("ECDHE-ECDSA-AES128-GCM-SHA256",))) as port:
        assert (await met(port, client_context())).version is TlsVersion.TLS_1_2
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            await met(port, only(TlsVersion.TLS_1_3))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"suites": ["TLS_RSA_WITH_ROT13"]}, "has none of the suites TLS_RSA_WITH_ROT13"),
        ({"groups": ["secp160r1"]}, "has not all groups of secp160r1"),
        ({"suites": ["AES128-SHA"], "versions": ["TLSv1.3"]}, "no version"),
    ],
)
def test_what_openssl_cannot_serve_is_refused_before_it_is_served(settings: dict[str, object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        server_context(ClientCertificate.NONE, msgspec.convert(settings, TlsSettings))


@pytest.mark.parametrize(
    "settings",
    [{"versions": []}, {"versions": ["TLSv1.2", "TLSv1.2"]}, {"suites": ["a:b"]}, {"dh": "1"}, {"colour": "red"}],
)
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, TlsSettings)


def test_every_setting_says_what_it_is() -> None:
    (schema,), components = msgspec.json.schema_components([TlsSettings])
    assert schema["$ref"].endswith("TlsSettings")
    assert all(shown.get("description") for shown in components["TlsSettings"]["properties"].values())


def flight_of_a_client() -> bytes:
    out = ssl.MemoryBIO()
    client = client_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


@given(st.data(), st.sampled_from(ClientCertificate))
def test_mutated_and_foreign_bytes_raise_nothing_but_an_error_of_tls(
    data: st.DataObject, wanted: ClientCertificate
) -> None:
    content = bytearray(flight_of_a_client())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    session = server_context(wanted).session()
    with suppress(ssl.SSLError):
        for chunk in (bytes(content), *data.draw(st.lists(st.binary(min_size=1, max_size=80), max_size=3))):
            session.feed(chunk)
            session.handshake()
            session.outgoing()
    assert session.outgoing()[:1] in (b"", b"\x15", b"\x16", b"\x17")
