"""TLS flights as real servers send them, built byte by byte, cut anyhow and broken."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import RemoteWireError
from mskaudit.wire.tls import (
    Alert,
    CertificateChain,
    CertificateRequest,
    FirstByte,
    HandshakeBuffer,
    Message,
    RecordBuffer,
    ServerFlight,
    ServerHello,
    parse_alert,
    parse_certificate,
    parse_certificate_request,
    parse_server_hello,
)
from mskaudit.wire.tls_registry import ContentType, HandshakeType, Version

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = bytes(range(32))
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def vector(width: int, *parts: bytes) -> bytes:
    """Return the parts behind their length."""
    content = b"".join(parts)
    return len(content).to_bytes(width, "big") + content


def extension(number: int, content: bytes) -> bytes:
    """Return one extension."""
    return number.to_bytes(2, "big") + vector(2, content)


def handshake(kind: int, body: bytes) -> bytes:
    """Return one handshake message."""
    return bytes([kind]) + vector(3, body)


def record(content_type: int, fragment: bytes) -> bytes:
    """Return one record."""
    return bytes([content_type, 3, 3]) + vector(2, fragment)


def hello(*extensions: bytes, suite: str = "c030", version: str = "0303", random: bytes = RANDOM) -> bytes:
    """Return the body of a ServerHello."""
    head = bytes.fromhex(version) + random + vector(1, b"session") + bytes.fromhex(suite) + b"\0"
    return head + (vector(2, *extensions) if extensions else b"")


HELLO_12 = hello(extension(0xFF01, b"\0"), extension(23, b""))
HELLO_13 = hello(extension(43, b"\x03\x04"), extension(51, b"\x00\x1d" + vector(2, b"k" * 32)), suite="1302")
HELLO_RETRY = hello(extension(43, b"\x03\x04"), extension(51, b"\x11\xec"), suite="1301", random=RETRY)
CHAIN_12 = vector(3, vector(3, b"leaf"), vector(3, b"issuer"))
CHAIN_13 = b"\0" + vector(3, vector(3, b"leaf"), vector(2, extension(5, b"x")), vector(3, b"issuer"), vector(2))
REQUEST_12 = vector(1, b"\x01\x40") + vector(2, b"\x04\x03\x08\x04") + vector(2, vector(2, b"dn1"), vector(2, b"dn2"))
REQUEST_11 = vector(1, b"\x01") + vector(2)
REQUEST_13 = b"\0" + vector(2, extension(13, vector(2, b"\x04\x03")), extension(47, vector(2, vector(2, b"dn1"))))
FLIGHT_12 = b"".join(
    record(22, part)
    for part in (
        handshake(2, HELLO_12),
        handshake(11, CHAIN_12)[:9],
        handshake(11, CHAIN_12)[9:] + handshake(12, b"ecdhe"),
        handshake(13, REQUEST_12) + handshake(14, b""),
    )
)
FLIGHT_13 = record(22, handshake(2, HELLO_13)) + record(20, b"\1") + record(23, b"encrypted")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"\x16\x03\x03", FirstByte.HANDSHAKE),
        (b"\x15", FirstByte.ALERT),
        (b"\x00\x00\x00\x10", FirstByte.OTHER),
        (b"HTTP/1.1", FirstByte.OTHER),
    ],
    ids=["handshake", "alert", "kafka", "http"],
)
def test_the_first_byte_names_the_peer(answer: bytes, expected: FirstByte) -> None:
    assert FirstByte.of(answer) is expected


@pytest.mark.parametrize(
    ("fragment", "name", "level"),
    [
        ("0250", "internal_error", 2),
        ("0246", "protocol_version", 2),
        ("0228", "handshake_failure", 2),
        ("022a", "bad_certificate", 2),
        ("022e", "certificate_unknown", 2),
        ("0274", "certificate_required", 2),
        ("0100", "close_notify", 1),
        ("02ff", "alert_255", 2),
    ],
)
def test_alerts_have_the_names_of_the_rfcs(fragment: str, name: str, level: int) -> None:
    alert = parse_alert(bytes.fromhex(fragment))
    assert (alert.name, alert.level) == (name, level)


def test_a_tls_1_2_hello() -> None:
    found = parse_server_hello(HELLO_12)
    assert (found.version, found.cipher_suite, found.compression) == (Version.TLS_1_2, 0xC030, 0)
    assert found.extensions == ((0xFF01, b"\0"), (23, b""))
    assert (found.group, found.retry, found.random, found.session_id) == (None, False, RANDOM, b"session")


def test_a_tls_1_3_hello_and_a_retry() -> None:
    found, retry = parse_server_hello(HELLO_13), parse_server_hello(HELLO_RETRY)
    assert (found.version, found.cipher_suite, found.group, found.retry) == (Version.TLS_1_3, 0x1302, 29, False)
    assert (retry.version, retry.cipher_suite, retry.group, retry.retry) == (Version.TLS_1_3, 0x1301, 4588, True)


def test_an_old_hello_has_no_extensions() -> None:
    found = parse_server_hello(hello(version="0301", suite="000a"))
    assert (found.version, found.cipher_suite, found.extensions) == (Version.TLS_1_0, 0x000A, ())


def test_certificates_come_in_their_order() -> None:
    expected = CertificateChain(certificates=(b"leaf", b"issuer"))
    assert parse_certificate(CHAIN_12, version=Version.TLS_1_2) == expected
    assert parse_certificate(CHAIN_13, version=Version.TLS_1_3) == expected


@pytest.mark.parametrize(
    ("body", "version", "expected"),
    [
        pytest.param(REQUEST_11, Version.TLS_1_1, ((1,), (), ()), id="1.1"),
        pytest.param(REQUEST_12, Version.TLS_1_2, ((1, 64), (0x0403, 0x0804), (b"dn1", b"dn2")), id="1.2"),
        pytest.param(REQUEST_13, Version.TLS_1_3, ((), (0x0403,), (b"dn1",)), id="1.3"),
        pytest.param(b"\0\0\0", Version.TLS_1_3, ((), (), ()), id="1.3-bare"),
    ],
)
def test_certificate_requests(body: bytes, version: Version, expected: tuple[object, object, object]) -> None:
    types, algorithms, authorities = expected
    found = parse_certificate_request(body, version=version)
    assert (found.certificate_types, found.signature_algorithms, found.authorities) == (
        types,
        algorithms,
        authorities,
    )


def test_a_tls_1_2_flight() -> None:
    flight = ServerFlight()
    events = flight.feed(FLIGHT_12)
    assert [type(event) for event in events] == [
        ServerHello,
        CertificateChain,
        Message,
        CertificateRequest,
        Message,
    ]
    assert events[2] == Message(kind=HandshakeType.SERVER_KEY_EXCHANGE, body=b"ecdhe")
    assert flight.complete


def test_a_tls_1_3_flight_ends_with_its_hello() -> None:
    flight = ServerFlight()
    (found,) = flight.feed(FLIGHT_13)
    assert isinstance(found, ServerHello)
    assert flight.complete


def test_what_is_encrypted_is_skipped() -> None:
    flight = ServerFlight()
    flight.feed(FLIGHT_12)
    assert flight.feed(record(20, b"\1") + record(22, b"\xff" * 40) + record(21, b"\xff" * 26)) == []


def test_an_alert_completes_a_flight() -> None:
    flight = ServerFlight()
    assert flight.feed(bytes.fromhex("15030300020250")) == [Alert(level=2, code=80)]
    assert flight.complete


def test_decrypted_messages_are_parsed_without_records() -> None:
    decrypted = handshake(8, vector(2)) + handshake(13, REQUEST_13) + handshake(11, CHAIN_13)
    buffer = HandshakeBuffer()
    messages = [message for i in range(len(decrypted)) for message in buffer.feed(decrypted[i : i + 1])]
    assert [message.kind for message in messages] == [8, 13, 11]
    assert parse_certificate_request(messages[1].body, version=Version.TLS_1_3).authorities == (b"dn1",)
    assert parse_certificate(messages[2].body, version=Version.TLS_1_3).certificates == (b"leaf", b"issuer")


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param("4854545000", id="http"),
        pytest.param("16fe000000", id="version"),
        pytest.param("16030348ff", id="record-too-long"),
        pytest.param("1903030000", id="content-type"),
        pytest.param("1603030000", id="empty-handshake"),
        pytest.param("150303000102", id="half-an-alert"),
        pytest.param("150303000302500a", id="alert-and-more"),
        pytest.param("160303000402ffffff", id="message-too-long"),
        pytest.param("16030300040b000000", id="certificate-before-hello"),
        pytest.param("160303000402000000", id="empty-hello"),
    ],
)
def test_broken_flights_are_refused(stream: str) -> None:
    flight = ServerFlight()
    for _ in range(2):
        with pytest.raises(RemoteWireError):
            flight.feed(bytes.fromhex(stream))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(HELLO_12 + b"\0", id="trailing"),
        pytest.param(hello(extension(43, b"\x03")), id="half-a-version"),
        pytest.param(hello(extension(43, b"\x03\x04\x05")), id="version-and-more"),
        pytest.param(hello(extension(51, b"")), id="empty-share"),
        pytest.param(hello(extension(23, b""), extension(23, b"")), id="extension-twice"),
        pytest.param(hello() + b"\xff\xff", id="extensions-cut"),
    ],
)
def test_broken_hellos_are_refused(body: bytes) -> None:
    with pytest.raises(RemoteWireError):
        parse_server_hello(body)


def test_a_list_of_algorithms_has_an_even_size() -> None:
    with pytest.raises(RemoteWireError, match="odd"):
        parse_certificate_request(b"\0" + vector(2, b"abc") + vector(2), version=Version.TLS_1_2)


def read_all(chunks: list[bytes]) -> tuple[list[object], str]:
    """Return the events of a flight and how it ended."""
    flight = ServerFlight()
    events: list[object] = []
    try:
        for chunk in chunks:
            events += flight.feed(chunk)
        flight.feed(b"")
    except RemoteWireError as fault:
        return events, str(fault)
    return events, str(flight.complete)


@settings(deadline=None)
@given(
    stream=st.sampled_from([FLIGHT_12, FLIGHT_13, b""]),
    tail=st.binary(max_size=30),
    mutations=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=3),
)
def test_broken_flights_raise_remote_errors_only_and_alike_in_any_chunks(
    stream: bytes, tail: bytes, mutations: list[tuple[int, int]]
) -> None:
    broken = bytearray(stream + tail)
    for place, octet in mutations:
        broken[place : place + 1] = bytes([octet])
    singly = [bytes(broken[i : i + 1]) for i in range(len(broken))]
    assert read_all([bytes(broken)]) == read_all(singly)


@settings(deadline=None)
@given(body=st.binary(max_size=80), version=st.sampled_from(list(Version)))
def test_garbage_bodies_raise_remote_errors_only(body: bytes, version: Version) -> None:
    for act in (
        parse_alert,
        parse_server_hello,
        lambda body: parse_certificate(body, version=version),
        lambda body: parse_certificate_request(body, version=version),
    ):
        try:
            act(body)
        except RemoteWireError:
            continue


@pytest.fixture(scope="module")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a throw-away key and its self-signed certificate, made by the openssl command."""
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=broker", "-keyout", str(path), "-out", str(path) + ".crt"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own arguments
    path.write_bytes(path.read_bytes() + path.with_name("pair.pem.crt").read_bytes())
    return path


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_openssls_own_flight_is_understood(key_pair: Path, version: ssl.TLSVersion) -> None:
    answer = openssl_flight(key_pair, version)
    flight = ServerFlight()
    events = flight.feed(answer)
    found = events[0]
    assert isinstance(found, ServerHello)
    assert found.version == version
    assert flight.complete
    der = ssl.PEM_cert_to_DER_cert(key_pair.with_name("pair.pem.crt").read_text())
    if version is ssl.TLSVersion.TLSv1_2:
        assert CertificateChain(certificates=(der,)) in events
        assert any(isinstance(event, CertificateRequest) and event.signature_algorithms for event in events)
    else:
        assert len(events) == 1
    assert {found.content_type for found in RecordBuffer().feed(answer)} >= {ContentType.HANDSHAKE}


def openssl_flight(key_pair: Path, version: ssl.TLSVersion) -> bytes:
    """Return what OpenSSL as a server answers to OpenSSL's own ClientHello."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(key_pair)
    server_context.load_verify_locations(key_pair.with_name("pair.pem.crt"))
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    client_context.minimum_version = client_context.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(ssl.MemoryBIO(), to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            end.do_handshake()
    return to_client.read()
