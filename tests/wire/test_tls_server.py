"""ClientHellos read and flights written: round trips, real clients' hellos, and bytes that are none."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import suppress
from shutil import which
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.tls import (
    Alert,
    CertificateChain,
    CertificateRequest,
    ServerHello,
    parse_alert,
    parse_certificate,
    parse_certificate_request,
    parse_server_hello,
)
from mskaudit.wire.tls_registry import ContentType, Extension, Group, HandshakeType, Version
from mskaudit.wire.tls_server import (
    ClientHello,
    ClientHelloBuffer,
    build_alert,
    build_certificate,
    build_certificate_request,
    build_client_hello,
    build_server_hello,
    handshake,
    parse_client_hello,
    parse_ssl2_client_hello,
    records,
    ssl2_record,
)
from mskaudit.wire.tls_suites import Authentication, KeyExchange, numbers_of_suites, suites
from mskaudit.wire.tls_vectors import number_vector, vector

if TYPE_CHECKING:
    from mskaudit.wire.tls_vectors import Extensions

U16 = st.integers(0, 0xFFFF)
RANDOMS = st.binary(min_size=32, max_size=32)
LISTED = st.lists(U16, max_size=40).map(tuple)
OTHER = st.dictionaries(st.integers(100, 0xFFFF), st.binary(max_size=40), max_size=4).map(lambda d: tuple(d.items()))


@st.composite
def offers(draw: st.DrawFn) -> Extensions:
    """Extensions of a client, those that are understood well-formed."""
    share = b"".join(number_vector((group,))[2:] + vector(2, b"share") for group in draw(LISTED))
    known = {
        Extension.SUPPORTED_VERSIONS: number_vector(draw(LISTED), width=1),
        Extension.SUPPORTED_GROUPS: number_vector(draw(LISTED)),
        Extension.KEY_SHARE: vector(2, share),
    }
    kept = draw(st.sets(st.sampled_from(sorted(known))))
    return tuple((number, known[number]) for number in sorted(kept)) + draw(OTHER)


HELLOS = st.builds(
    ClientHello,
    version=U16,
    random=RANDOMS,
    session_id=st.binary(max_size=32),
    suites=LISTED,
    compressions=st.lists(st.integers(0, 255), max_size=5).map(tuple),
    extensions=offers(),
)
OLD_HELLOS = st.builds(
    ClientHello,
    version=U16,
    random=st.binary(max_size=32),
    session_id=st.binary(max_size=16),
    suites=st.lists(st.integers(0, 0xFFFFFF), max_size=20).map(tuple),
    ssl2=st.just(True),
)


def framed(hello: ClientHello) -> bytes:
    """A hello in the records of its kind."""
    body = build_client_hello(hello)
    if hello.ssl2:
        return ssl2_record(body)
    return records(ContentType.HANDSHAKE, Version.TLS_1_0, handshake(HandshakeType.CLIENT_HELLO, body))


@given(HELLOS)
def test_a_hello_is_read_as_it_was_written(hello: ClientHello) -> None:
    assert parse_client_hello(build_client_hello(hello)) == hello


@given(OLD_HELLOS)
def test_an_ssl2_hello_is_read_as_it_was_written(hello: ClientHello) -> None:
    assert parse_ssl2_client_hello(build_client_hello(hello)) == hello


@given(HELLOS | OLD_HELLOS, st.data())
def test_a_hello_may_come_in_any_pieces(hello: ClientHello, data: st.DataObject) -> None:
    content = framed(hello)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    buffer = ClientHelloBuffer()
    found = [found for piece in pieces if (found := buffer.feed(piece))]
    assert found == [hello]


def test_a_hello_may_be_split_over_records() -> None:
    hello = ClientHello(version=0x0303, random=bytes(32), session_id=b"", suites=tuple(range(20_000)))
    content = framed(hello)
    assert content[:5] == b"\x16\x03\x01\x40\x00"
    assert ClientHelloBuffer().feed(content) == hello


@given(
    st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([b"", b"\x16\3\1", b"\x80", b"\x16\3\1\0\x30\1\0\0"])
)
def test_no_bytes_raise_anything_but_a_fault_of_the_peer(chunks: list[bytes], start: bytes) -> None:
    buffer = ClientHelloBuffer()
    with suppress(RemoteWireError):
        for chunk in [start, *chunks]:
            buffer.feed(chunk)


@given(HELLOS | OLD_HELLOS, st.data())
def test_a_mutated_hello_raises_nothing_but_a_fault_of_the_peer(hello: ClientHello, data: st.DataObject) -> None:
    content = bytearray(framed(hello))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    with suppress(RemoteWireError):
        ClientHelloBuffer().feed(bytes(content))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("1703030001ff", id="application data"),
        pytest.param("1603010000", id="empty record"),
        pytest.param("16030100040200000000", id="another message"),
        pytest.param("1603010004010300000000", id="too large"),
        pytest.param("00000012001200000000", id="Kafka"),
        pytest.param("474554202f20", id="HTTP"),
        pytest.param("8003040002", id="no hello of SSL 2.0"),
        pytest.param("160301002901000025030300" + "00" * 34, id="nothing offered"),
    ],
)
def test_what_is_no_hello_is_refused(content: str) -> None:
    with pytest.raises(RemoteWireError):
        ClientHelloBuffer().feed(bytes.fromhex(content))


def test_a_fault_behind_a_begun_hello_is_not_kept_back() -> None:
    begun = bytes.fromhex("16030100050100010003")
    with pytest.raises(RemoteWireError):
        ClientHelloBuffer().feed(begun + b"\xff\xff\xff\xff\xff")


def test_a_change_cipher_spec_before_a_second_hello_is_passed_over() -> None:
    hello = ClientHello(version=0x0303, random=bytes(32), session_id=b"", suites=(1,))
    assert ClientHelloBuffer().feed(b"\x14\3\3\0\1\1" + framed(hello)) == hello


@pytest.mark.parametrize("extension", ["002b000103", "000a0003000100", "0033000400050000", "003300020001"])
def test_extensions_that_are_understood_are_checked(extension: str) -> None:
    body = bytes.fromhex("0303" + "00" * 32 + "00" + "0002c02f" + "0100") + vector(2, bytes.fromhex(extension))
    with pytest.raises(RemoteWireError):
        parse_client_hello(body)


def real_hello(context: ssl.SSLContext) -> ClientHello:
    """The hello of Python's own TLS."""
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = ClientHelloBuffer().feed(out.read())
    assert hello is not None
    return hello


def test_the_hello_of_a_real_client() -> None:
    hello = real_hello(ssl.create_default_context())
    assert hello.versions is not None
    assert hello.groups is not None
    assert set(hello.versions) >= {Version.TLS_1_2, Version.TLS_1_3}
    assert Group.X25519 in hello.groups
    assert set(hello.shares or ()) <= set(hello.groups)
    assert hello.shares
    assert numbers_of_suites()["TLS_AES_128_GCM_SHA256"] in hello.suites
    assert hello.extension(Extension.SERVER_NAME) == b"\0\x0c\0\0\x09localhost"


def test_the_hello_of_a_real_client_without_tls_1_3() -> None:
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    hello = real_hello(context)
    assert (hello.version, hello.versions, hello.shares) == (Version.TLS_1_2, None, None)


SERVER_HELLOS = st.builds(
    ServerHello,
    version=st.sampled_from(list(Version)[1:5]),
    random=RANDOMS,
    session_id=st.binary(max_size=32),
    cipher_suite=U16,
    compression=st.integers(0, 255),
    extensions=OTHER,
    group=st.none(),
    retry=st.just(False),
)


@given(SERVER_HELLOS)
def test_a_server_hello_is_read_as_it_was_written(hello: ServerHello) -> None:
    assert parse_server_hello(build_server_hello(hello)) == hello


@given(st.lists(st.binary(max_size=50), max_size=4).map(tuple))
def test_certificates_are_read_as_they_were_written(listed: tuple[bytes, ...]) -> None:
    chain = CertificateChain(certificates=listed)
    assert parse_certificate(build_certificate(chain), version=Version.TLS_1_2) == chain


@given(LISTED, st.lists(st.binary(max_size=50), max_size=4).map(tuple), st.sampled_from([0x0301, 0x0303]))
def test_requests_are_read_as_they_were_written(algorithms: tuple[int, ...], names: tuple[bytes, ...], at: int) -> None:
    named = algorithms if at == Version.TLS_1_2 else ()
    request = CertificateRequest(certificate_types=(1, 64), signature_algorithms=named, authorities=names)
    assert parse_certificate_request(build_certificate_request(request, version=at), version=at) == request


def test_an_alert_is_read_as_it_was_written() -> None:
    content = build_alert(Alert(level=2, code=70), Version.TLS_1_2)
    assert content.hex() == "15030300020246"
    assert parse_alert(content[5:]).name == "protocol_version"


@pytest.mark.parametrize("size", [31, 33])
def test_a_random_of_another_size_is_our_mistake(size: int) -> None:
    with pytest.raises(LocalWireError):
        build_client_hello(ClientHello(version=0x0303, random=bytes(size), session_id=b"", suites=()))


def test_what_is_too_long_is_our_mistake() -> None:
    with pytest.raises(LocalWireError):
        vector(1, bytes(256))
    with pytest.raises(LocalWireError):
        number_vector((0x10000,))
    with pytest.raises(LocalWireError):
        ssl2_record(bytes(0x8000))


@pytest.mark.parametrize(
    ("name", "number", "exchange", "authentication", "export", "oldest"),
    [
        ("TLS_AES_256_GCM_SHA384", 0x1302, KeyExchange.MODERN, Authentication.MODERN, False, Version.TLS_1_3),
        ("TLS_RSA_WITH_RC4_128_SHA", 5, KeyExchange.RSA, Authentication.RSA, False, Version.SSL_3_0),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", 3, KeyExchange.RSA, Authentication.RSA, True, Version.SSL_3_0),
        ("TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", 6, KeyExchange.RSA, Authentication.RSA, True, Version.SSL_3_0),
        ("TLS_DHE_DSS_WITH_AES_128_CBC_SHA", 0x32, KeyExchange.DHE, Authentication.DSS, False, Version.SSL_3_0),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", 0x34, KeyExchange.DHE, Authentication.ANONYMOUS, False, Version.SSL_3_0),
        ("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", 0xC00E, KeyExchange.FIXED, Authentication.RSA, False, Version.SSL_3_0),
        ("TLS_PSK_WITH_AES_128_CBC_SHA", 0x8C, KeyExchange.OTHER, Authentication.OTHER, False, Version.SSL_3_0),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xC027, KeyExchange.ECDHE, Authentication.RSA, False, 0x0303),
        ("TLS_RSA_WITH_AES_128_CCM_8", 0xC0A0, KeyExchange.RSA, Authentication.RSA, False, Version.TLS_1_2),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", 0xC0AC, KeyExchange.ECDHE, Authentication.ECDSA, False, 0x0303),
    ],
)
def test_a_suite_is_what_its_name_says(
    name: str, number: int, exchange: KeyExchange, authentication: Authentication, *, export: bool, oldest: int
) -> None:
    suite = suites()[numbers_of_suites()[name]]
    assert (suite.number, suite.exchange, suite.authentication, suite.export) == (
        number,
        exchange,
        authentication,
        export,
    )
    assert min(suite.versions) == oldest


def test_numbers_and_names_are_one_to_one() -> None:
    assert len(numbers_of_suites()) == len(suites()) > 300


@pytest.mark.skipif(which("openssl") is None, reason="needs the openssl command")
def test_openssl_knows_its_suites_by_the_same_names_and_numbers() -> None:
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]
    listed = subprocess.run(  # noqa: S603  a fixed command
        command, capture_output=True, text=True, timeout=30, check=True
    ).stdout.splitlines()
    theirs = {}
    for line in listed:
        number, _, name, *_ = line.split()
        theirs[int(number.replace("0x", "").replace(",", ""), 16)] = name
    assert len(theirs) > 50
    assert theirs == {number: suites()[number].name for number in theirs}
