"""The openssl command sees the reference's TLS as the world says, in real handshakes and in scripted flights."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT
from shutil import which
from typing import TYPE_CHECKING

import msgspec
import pytest

from mskaudit.reference.certificates import authority, client_credential, stranger_credential
from mskaudit.reference.tls_settings import CertificateKind, ClientCertificate, TlsSettings
from mskaudit.wire.tls import parse_server_hello
from mskaudit.wire.tls_suites import suites
from tests.reference.tls_listeners import listening

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="needs the openssl command")

GUARD = 60.0
EVERYTHING = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")


async def s_client(port: int, *options: str) -> str:
    """Everything that `openssl s_client` says of a listener."""
    command = ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-ign_eof", *options)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(GUARD):
            output, _ = await process.communicate(b"?\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="replace")


def settled(**settings: object) -> TlsSettings:
    return msgspec.convert(settings, TlsSettings)


async def seen(settings: TlsSettings, *options: str) -> str:
    async with listening(settings) as port:
        return await s_client(port, *options)


def alert(output: str) -> int | None:
    found = re.search(r"SSL alert number (\d+)", output)
    return found and int(found[1])


def negotiated(output: str) -> tuple[str, str] | None:
    found = re.search(r"New, (\S+), Cipher is (\S+)", output)
    return None if found is None or found[2] == "(NONE)" else (found[1], found[2])


@pytest.mark.parametrize(
    ("option", "name"), [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")]
)
async def test_versions(option: str, name: str) -> None:
    every = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
    assert f'"version":"{name}"' in await seen(settled(versions=every), option, *EVERYTHING)
    output = await seen(settled(versions=every[every.index(name) + 1 :] or every[:-1]), option, *EVERYTHING)
    assert alert(output) == 70


@pytest.mark.parametrize(
    ("suite", "certificate"),
    [
        ("ECDHE-ECDSA-AES128-SHA", "ec"),
        ("ECDHE-RSA-AES256-GCM-SHA384", "rsa"),
        ("DHE-RSA-CHACHA20-POLY1305", "rsa"),
        ("AES128-GCM-SHA256", "rsa"),
        ("CAMELLIA256-SHA", "rsa"),
        ("NULL-SHA256", "rsa"),
        ("ADH-AES128-SHA256", "rsa"),
        ("AECDH-AES256-SHA", "rsa"),
    ],
)
async def test_suites(suite: str, certificate: str) -> None:
    settings = settled(suites=[suite], certificate=certificate)
    found = negotiated(await seen(settings, "-tls1_2", *EVERYTHING))
    assert found is not None
    assert found[1] == suite
    assert alert(await seen(settings, "-tls1_2", "-cipher", f"ALL:!{suite}:@SECLEVEL=0")) == 40


async def test_a_default_listener_offers_the_suites_of_a_jvm_in_its_order() -> None:
    found, left = [], "ALL:!PSK:!SRP"
    async with listening(settled(certificate="rsa")) as port:
        while chosen := negotiated(await s_client(port, "-tls1_2", "-cipher", f"{left}:@SECLEVEL=0")):
            found.append(chosen[1])
            left += f":!{chosen[1]}"
    assert len(found) == 20
    assert found[:3] == ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"]
    assert found[-1] == "AES128-SHA"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("group", "shown"),
    [("X25519", "X25519"), ("P-256", "P-256|prime256v1"), ("P-521", "P-521|secp521r1"), ("X448", "X448")],
)
async def test_groups(version: str, group: str, shown: str) -> None:
    names = {"X25519": "x25519", "X448": "x448", "P-256": "secp256r1", "P-521": "secp521r1"}
    # The curve of the certificate must be there up to TLS 1.2, so the key exchange has a certificate without one.
    settings = settled(
        groups=[names[group]], certificate="rsa", suites=["ECDHE-RSA-AES128-SHA", "TLS_AES_128_GCM_SHA256"]
    )
    found = await seen(settings, version, "-groups", "X25519:P-256:P-384:P-521:X448")
    assert re.search(rf"Server Temp Key: (ECDH, )?({shown})", found)
    assert alert(await seen(settings, version, "-groups", "P-384")) == 40


@pytest.mark.parametrize("bits", ["1024", "2048", "3072"])
async def test_the_size_of_diffie_hellman(bits: str) -> None:
    settings = settled(suites=["DHE-RSA-AES128-SHA"], dh=bits, certificate="rsa")
    assert f"Server Temp Key: DH, {bits} bits" in await seen(settings, "-tls1_2", *EVERYTHING)


@pytest.mark.parametrize(
    ("staple", "shown"),
    [("none", "no response sent"), ("good", "Cert Status: good"), ("revoked", "Cert Status: revoked")],
)
async def test_staples(staple: str, shown: str) -> None:
    assert shown in await seen(settled(ocsp=staple), "-status")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (CertificateKind.GOOD, 0),
        (CertificateKind.EC, 0),
        (CertificateKind.RSA, 0),
        (CertificateKind.EXPIRED, 10),
        (CertificateKind.NOT_YET_VALID, 9),
        (CertificateKind.EXPIRING, 0),
        (CertificateKind.LONG_LIVED, 0),
        (CertificateKind.WRONG_NAME, 62),
        (CertificateKind.WEAK_KEY, 66),
        (CertificateKind.WEAK_SIGNATURE, 68),
        (CertificateKind.SELF_SIGNED, 18),
        (CertificateKind.MISSING_INTERMEDIATE, 21),
        (CertificateKind.WITH_INTERMEDIATE, 0),
        (CertificateKind.NO_SERVER_AUTH, 26),
        (CertificateKind.OTHER_AUTHORITY, 21),
    ],
)
async def test_certificates(kind: CertificateKind, code: int, tmp_path: Path) -> None:
    trusted = tmp_path / "authority.pem"
    trusted.write_text(authority().pem)
    options = ("-CAfile", str(trusted), "-verify_hostname", "localhost", "-auth_level", "2", "-purpose", "sslserver")
    output = await seen(settled(certificate=kind), *options)
    found = re.search(r"Verify return code: (\d+)", output)
    assert found is not None
    assert int(found[1]) == code


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("who", "trusting", "expected"),
    [("nobody", False, 42), ("stranger", False, 46), ("stranger", True, None), ("client", False, None)],
)
async def test_client_certificates(
    who: str, expected: int | None, version: str, tmp_path: Path, *, trusting: bool
) -> None:
    known = {"stranger": stranger_credential(), "client": client_credential("CN=client,O=Example")}
    options = [version]
    if who in known:
        store = tmp_path / "client.pem"
        store.write_text(known[who].keystore)
        options += ["-cert", str(store), "-key", str(store)]
    async with listening(settled(trust_any_client=trusting), ClientCertificate.REQUIRED) as port:
        output = await s_client(port, *options)
    assert alert(output) == expected
    assert ("Acceptable client certificate CA names\nCN = authority" in output) is not trusting
    assert ('"subject":"CN=' in output) is (expected is None)


# Scripted flights, as far as the command offers what they have.


@pytest.mark.parametrize(
    ("script", "options", "suite", "messages"),
    [
        ("null", ("-tls1_2", "-cipher", "NULL-SHA256"), "TLS_RSA_WITH_NULL_SHA256", ["Certificate", "ServerHelloDone"]),
        ("legacy-certificate", ("-tls1_2",), "TLS_RSA_WITH_AES_256_CBC_SHA", ["Certificate", "ServerHelloDone"]),
        ("anonymous", ("-tls1_2", "-cipher", "ADH"), "TLS_DH_anon_WITH_AES_128_GCM_SHA256", ["ServerKeyExchange"]),
        ("dh-1024", ("-tls1_2",), "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", ["Certificate", "ServerKeyExchange"]),
        ("old-tls", ("-tls1",), "TLS_RSA_WITH_AES_256_CBC_SHA", ["Certificate", "ServerHelloDone"]),
        ("old-tls", ("-tls1_1",), "TLS_RSA_WITH_AES_256_CBC_SHA", ["Certificate", "ServerHelloDone"]),
        (
            "asks-certificate",
            ("-tls1_2", "-cipher", "AES128-SHA"),
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            ["CertificateRequest"],
        ),
        ("post-quantum", ("-tls1_3", "-groups", "P-384"), "TLS_AES_256_GCM_SHA384", []),
    ],
)
async def test_scripts(script: str, options: tuple[str, ...], suite: str, messages: list[str]) -> None:
    if "-cipher" not in options:
        options = (*options, *EVERYTHING)
    else:
        options = tuple(
            f"{option}:@SECLEVEL=0" if before == "-cipher" else option
            for before, option in zip(("", *options), options, strict=False)
        )
    output = await seen(settled(script=script), "-msg", *options)
    found = re.search(r"<<< .*, ServerHello\n((?:    [0-9a-f ]+\n)+)", output)
    assert found is not None
    hello = parse_server_hello(bytes.fromhex(found[1])[4:])
    assert suites()[hello.cipher_suite].name == suite
    for message in messages:
        assert re.search(rf"<<< .*, {message}\n", output)


@pytest.mark.parametrize(
    ("script", "options", "expected"),
    [
        ("hybrid-only", ("-tls1_3",), 40),
        ("post-quantum", ("-tls1_1",), 70),
        ("insufficient-security", ("-tls1_2", "-cipher", "AES128-SHA"), 71),
        ("rc4", ("-tls1", "-fallback_scsv", *EVERYTHING), 86),
    ],
)
async def test_refusals_of_scripts(script: str, options: tuple[str, ...], expected: int) -> None:
    options = options if "-tls1_1" not in options else (*options, *EVERYTHING)
    assert alert(await seen(settled(script=script), *options)) == expected


async def test_a_retry_is_understood() -> None:
    output = await seen(settled(script="post-quantum"), "-tls1_3", "-msg", "-groups", "X448:P-384")
    assert len(re.findall(r"<<< .*, ServerHello\n", output)) == 2
    assert len(re.findall(r">>> .*, ClientHello\n", output)) == 2


async def test_a_broken_listener_says_nothing() -> None:
    output = await seen(settled(broken=True))
    assert (alert(output), negotiated(output)) == (None, None)
    assert re.search(r"unexpected eof|errno=", output)
