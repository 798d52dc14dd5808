"""Scripted and broken fronts over sockets: a scanner that enumerates them gets the right answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import RemoteWireError, UsageError
from mskaudit.reference.channel import BrokenChannel, ClearChannel, ScriptedChannel, secured
from mskaudit.reference.tls_flight import share_size
from mskaudit.reference.tls_script import Feature, Preference, Refusal, Script, answer
from mskaudit.reference.tls_scripts import SCRIPTS, script_named
from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings
from mskaudit.wire.primitives import Reader
from mskaudit.wire.tls import Alert, CertificateChain, CertificateRequest, Message, ServerFlight, ServerHello
from mskaudit.wire.tls_registry import ContentType, Extension, Group, HandshakeType, Version
from mskaudit.wire.tls_server import ClientHello, build_client_hello, handshake, records, ssl2_record
from mskaudit.wire.tls_suites import FALLBACK_SCSV, SSL2_SUITES, KeyExchange, numbers_of_suites, suites
from mskaudit.wire.tls_vectors import number_vector, opaque, vector

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mskaudit.wire.tls import FlightEvent

GUARD = 20.0
TLS = (Version.SSL_3_0, Version.TLS_1_0, Version.TLS_1_1, Version.TLS_1_2, Version.TLS_1_3)
ALL = tuple(suites())
CLASSIC = tuple(group for group in Group if group <= Group.X448)


def hello(
    version: Version,
    *,
    offered: tuple[int, ...] = ALL,
    groups: tuple[int, ...] | None = tuple(Group),
    shares: tuple[int, ...] = (),
    extra: tuple[tuple[int, bytes], ...] = (),
) -> ClientHello:
    """A hello that asks for one version, as scanners send them."""
    extensions = list(extra)
    if groups is not None and version is not Version.SSL_3_0:
        extensions.append((Extension.SUPPORTED_GROUPS, number_vector(groups)))
    if version is Version.TLS_1_3:
        extensions.append((Extension.SUPPORTED_VERSIONS, number_vector((version,), width=1)))
        keys = b"".join(group.to_bytes(2, "big") + vector(2, b"key") for group in shares)
        extensions.append((Extension.KEY_SHARE, vector(2, keys)))
    return ClientHello(
        version=min(version, Version.TLS_1_2),
        random=bytes(32),
        session_id=b"session",
        suites=offered,
        extensions=tuple(extensions),
    )


def framed(offer: ClientHello) -> bytes:
    body = build_client_hello(offer)
    if offer.ssl2:
        return ssl2_record(body)
    return records(ContentType.HANDSHAKE, Version.TLS_1_0, handshake(HandshakeType.CLIENT_HELLO, body))


def heard(script: Script, offer: ClientHello) -> list[FlightEvent]:
    """The events of an answer, without sockets."""
    content = answer(script, offer).content
    return ServerFlight().feed(content) if content else []


def chosen(script: Script, offer: ClientHello) -> ServerHello | None:
    """The ServerHello, None where the hello is refused."""
    return next((event for event in heard(script, offer) if isinstance(event, ServerHello)), None)


def eliminate(script: Script, version: Version, groups: tuple[int, ...] | None = tuple(Group)) -> list[str]:
    """The suites of a version by taking away what was chosen, as a scanner does."""
    left, found = list(ALL), []
    while (seen := chosen(script, hello(version, offered=tuple(left), groups=groups))) and seen.version == version:
        left.remove(seen.cipher_suite)
        found.append(suites()[seen.cipher_suite].name)
    return found


@pytest.mark.parametrize("version", TLS, ids=lambda version: version.name)
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_suites_of_every_version_are_enumerated_exactly(name: str, version: Version) -> None:
    script = SCRIPTS[name]
    expected = [
        suite for suite in script.suites if suite in (numbers := numbers_of_suites()) and version in script.versions
        and version in suites()[numbers[suite]].versions
    ]  # fmt: skip
    found = eliminate(script, version)
    assert sorted(found) == sorted(expected)
    if script.preference is Preference.SERVER:
        assert found == expected


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_groups_of_tls_1_3_are_enumerated_exactly(name: str) -> None:
    script = SCRIPTS[name]
    left, found = list(Group), []
    while seen := chosen(script, hello(Version.TLS_1_3, groups=tuple(left))):
        assert seen.retry
        assert seen.group is not None
        found.append(Group(seen.group))
        left.remove(found[-1])
    assert sorted(found) == sorted(script.groups if Version.TLS_1_3 in script.versions else ())


def key_exchange(script: Script, offer: ClientHello) -> Reader:
    """What the ServerKeyExchange holds."""
    (message,) = [
        event for event in heard(script, offer)
        if isinstance(event, Message) and event.kind == HandshakeType.SERVER_KEY_EXCHANGE
    ]  # fmt: skip
    return Reader(message.body)


def test_the_groups_of_ecdhe_are_enumerated_exactly() -> None:
    script, left, found = SCRIPTS["odd-groups"], list(CLASSIC), []
    while chosen(script, hello(Version.TLS_1_2, groups=tuple(left))):
        exchange = key_exchange(script, hello(Version.TLS_1_2, groups=tuple(left)))
        assert exchange.uint(1) == 3
        found.append(Group(exchange.uint(2)))
        assert len(opaque(exchange, 1)) == share_size(found[-1])
        left.remove(found[-1])
    assert tuple(found) == script.groups


@pytest.mark.parametrize(
    ("group", "size"),
    [
        (Group.X25519, 32),
        (Group.X448, 56),
        (Group.SECP256R1, 65),
        (Group.SECP521R1, 133),
        (Group.SECP160R1, 41),
        (Group.SECT163K1, 43),
        (Group.BRAINPOOLP512R1, 129),
        (Group.FFDHE2048, 256),
        (Group.X25519MLKEM768, 1120),
    ],
)
def test_a_share_has_the_size_of_its_group(group: Group, size: int) -> None:
    assert share_size(group) == size


def test_every_group_has_a_share() -> None:
    assert all(share_size(group) > 0 for group in Group)


@pytest.mark.parametrize(
    ("name", "suite", "bits"),
    [
        ("dh-512", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 512),
        ("dh-1024", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 1024),
        ("anonymous", "TLS_DH_anon_WITH_AES_128_GCM_SHA256", 2048),
        ("export", "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", 512),
        ("export", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", 512),
    ],
)
def test_the_short_keys_are_as_short_as_they_say(name: str, suite: str, bits: int) -> None:
    script = SCRIPTS[name]
    exchange = key_exchange(script, hello(max(script.versions), offered=(numbers_of_suites()[suite],)))
    assert int.from_bytes(opaque(exchange, 2), "big").bit_length() == bits


@pytest.mark.parametrize(
    ("name", "suite", "kinds"),
    [
        ("rc4", "TLS_RSA_WITH_RC4_128_SHA", [11, 14]),
        ("rc4", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", [11, 12, 14]),
        ("anonymous", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", [12, 14]),
        ("asks-certificate", "TLS_RSA_WITH_AES_128_CBC_SHA", [11, 13, 14]),
        ("ecdsa", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", [11, 12, 14]),
    ],
)
def test_a_flight_is_complete_for_its_suite(name: str, suite: str, kinds: list[int]) -> None:
    flight = ServerFlight()
    offer = hello(Version.TLS_1_2, offered=(numbers_of_suites()[suite],))
    hello_, *rest = flight.feed(answer(SCRIPTS[name], offer).content)
    assert isinstance(hello_, ServerHello)
    numbers: dict[type, int] = {CertificateChain: HandshakeType.CERTIFICATE, CertificateRequest: 13}
    assert [event.kind if isinstance(event, Message) else numbers[type(event)] for event in rest] == kinds
    assert flight.complete


@pytest.mark.parametrize(
    ("feature", "extra", "number"),
    [
        (Feature.SECURE_RENEGOTIATION, (Extension.RENEGOTIATION_INFO, b"\0"), Extension.RENEGOTIATION_INFO),
        (Feature.EXTENDED_MASTER_SECRET, (Extension.EXTENDED_MASTER_SECRET, b""), Extension.EXTENDED_MASTER_SECRET),
        (Feature.HEARTBEAT, (Extension.HEARTBEAT, b"\1"), Extension.HEARTBEAT),
    ],
)
def test_an_extension_is_answered_where_it_was_offered_and_the_server_has_it(
    feature: Feature, extra: tuple[int, bytes], number: int
) -> None:
    def answered(features: tuple[Feature, ...], *offered: tuple[int, bytes]) -> bool:
        script = Script(about="", suites=SCRIPTS["rc4"].suites, features=features)
        seen = chosen(script, hello(Version.TLS_1_2, extra=offered))
        assert seen is not None
        return number in dict(seen.extensions)

    assert answered((feature,), extra)
    assert not answered((feature,))
    assert not answered((), extra)


@pytest.mark.parametrize(("name", "compression"), [("compression", 1), ("heartbeat", 0)])
def test_compression_is_used_by_the_one_that_has_it(name: str, compression: int) -> None:
    offer = hello(Version.TLS_1_2)
    deflating = ClientHello(
        version=offer.version,
        random=offer.random,
        session_id=b"",
        suites=offer.suites,
        compressions=(1, 0),
        extensions=offer.extensions,
    )
    for sent, expected in ((deflating, compression), (offer, 0)):
        seen = chosen(SCRIPTS[name], sent)
        assert seen is not None
        assert seen.compression == expected


@pytest.mark.parametrize(
    ("name", "version", "ending"),
    [
        ("post-quantum", Version.TLS_1_2, b"DOWNGRD\1"),
        ("ssl3", Version.SSL_3_0, b"DOWNGRD\0"),
        ("rc4", Version.TLS_1_0, b"DOWNGRD\0"),
    ],
)
def test_a_downgrade_shows_in_the_random(name: str, version: Version, ending: bytes) -> None:
    seen = chosen(SCRIPTS[name], hello(version))
    assert seen is not None
    assert seen.random.endswith(ending)


@pytest.mark.parametrize(
    ("name", "version"),
    [("no-fallback-scsv", Version.TLS_1_0), ("rc4", Version.TLS_1_2), ("post-quantum", Version.TLS_1_3)],
)
def test_nothing_shows_where_there_was_no_downgrade(name: str, version: Version) -> None:
    seen = chosen(SCRIPTS[name], hello(version))
    assert seen is not None
    assert b"DOWNGRD" not in seen.random


@pytest.mark.parametrize(
    ("name", "offer", "code"),
    [
        ("post-quantum", hello(Version.TLS_1_1), 70),
        ("old-tls", hello(Version.TLS_1_3), 70),
        ("rc4", hello(Version.SSL_3_0), 70),
        ("rc4", hello(Version.TLS_1_2, offered=(0x1301,)), 40),
        ("insufficient-security", hello(Version.TLS_1_2, offered=(0x1301,)), 71),
        ("hybrid-only", hello(Version.TLS_1_3, groups=(Group.X25519,)), 40),
        ("ecdsa", hello(Version.TLS_1_2, groups=(Group.X25519,)), 40),
        ("rc4", hello(Version.TLS_1_0, offered=(*ALL, FALLBACK_SCSV)), 86),
        ("post-quantum", hello(Version.TLS_1_2, offered=(*ALL, FALLBACK_SCSV)), 86),
        ("post-quantum", ClientHello(version=2, random=b"", session_id=b"", suites=(0x010080,), ssl2=True), 40),
    ],
)
def test_refusals_have_the_alert_of_their_reason(name: str, offer: ClientHello, code: int) -> None:
    assert heard(SCRIPTS[name], offer) == [Alert(level=2, code=code)]


def test_tls_1_3_without_a_key_share_lacks_an_extension() -> None:
    offer = hello(Version.TLS_1_3)
    kept = tuple(extension for extension in offer.extensions if extension[0] != Extension.KEY_SHARE)
    bare = ClientHello(version=0x0303, random=bytes(32), session_id=b"", suites=ALL, extensions=kept)
    assert heard(SCRIPTS["hybrid-only"], bare) == [Alert(level=2, code=109)]


def test_a_fallback_is_believed_by_the_one_that_knows_no_better() -> None:
    assert chosen(SCRIPTS["no-fallback-scsv"], hello(Version.TLS_1_0, offered=(*ALL, FALLBACK_SCSV)))


def test_a_silent_refusal_says_nothing() -> None:
    assert SCRIPTS["silent-refusal"].refusal is Refusal.CLOSE
    assert answer(SCRIPTS["silent-refusal"], hello(Version.TLS_1_1)).content == b""


def test_the_order_of_the_one_who_decides_is_kept() -> None:
    for name, follows in (("client-order", True), ("rc4", False)):
        script = SCRIPTS[name]
        offered = tuple(numbers_of_suites()[suite] for suite in script.suites)
        firsts = []
        for order in (offered, offered[::-1]):
            seen = chosen(script, hello(Version.TLS_1_2, offered=order))
            assert seen is not None
            firsts.append(seen.cipher_suite)
        assert (firsts[0] != firsts[1]) is follows


def test_a_share_that_fits_is_taken_at_once() -> None:
    seen = chosen(SCRIPTS["post-quantum"], hello(Version.TLS_1_3, shares=(Group.X25519MLKEM768,)))
    assert seen is not None
    assert (seen.retry, seen.group, seen.session_id) == (False, Group.X25519MLKEM768, b"session")


@given(
    st.builds(
        ClientHello,
        version=st.integers(0, 0xFFFF),
        random=st.binary(min_size=32, max_size=32),
        session_id=st.binary(max_size=32),
        suites=st.lists(st.sampled_from(ALL) | st.integers(0, 0xFFFF), max_size=20).map(tuple),
        compressions=st.lists(st.integers(0, 255), max_size=3).map(tuple),
        extensions=st.just(()) | st.just(hello(Version.TLS_1_3).extensions),
        ssl2=st.booleans(),
    ),
    st.sampled_from(sorted(SCRIPTS)),
)
def test_every_script_answers_every_hello(offer: ClientHello, name: str) -> None:
    found = answer(SCRIPTS[name], offer)
    with suppress(RemoteWireError):  # an answer in SSL 2.0 is no record of TLS
        assert not found.content or ServerFlight().feed(found.content)


@pytest.mark.parametrize(
    "suite",
    [
        "TLS_RSA_WITH_ROT13",
        "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
        "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA",
        "TLS_SHA256_SHA256",
    ],
)
def test_a_script_has_only_suites_with_a_flight(suite: str) -> None:
    with pytest.raises(ValueError, match=suite):
        Script(about="", suites=(suite,))


def test_an_unknown_script_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="'sslv1'; there are ssl2"):
        script_named("sslv1")


def test_every_name_fits_the_settings_and_every_script_says_what_it_is() -> None:
    assert len(SCRIPTS) >= 12
    for name, script in SCRIPTS.items():
        assert TlsSettings(script=name).script == name
        assert script.about
        assert set(script.suites) <= set(SSL2_SUITES.values()) | numbers_of_suites().keys()
        assert any(version is Version.SSL_2_0 for version in script.versions) is (name == "ssl2")


# Over sockets


@asynccontextmanager
async def front(settings: TlsSettings) -> AsyncIterator[socket.socket]:
    """The client's end of a connection to a front, which has ended with TLS unfinished when the block is left."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.setblocking(False)
        clear = ClearChannel(theirs, patience=GUARD)
        channel = secured(clear, ClientCertificate.NONE, settings)
        opening = asyncio.create_task(channel.open())
        async with asyncio.timeout(GUARD):
            yield ours
            ours.close()
            with pytest.raises(ssl.SSLError):
                await opening
        assert await channel.receive() == b""


async def said(ours: socket.socket, *, size: int = 1) -> bytes:
    """What the front says, at least so many bytes."""
    found = b""
    while len(found) < size and (piece := await asyncio.get_running_loop().sock_recv(ours, 1 << 16)):
        found += piece
    return found


async def test_a_scripted_front_answers_a_hello_and_ends_when_more_comes() -> None:
    loop = asyncio.get_running_loop()
    async with front(TlsSettings(script="rc4")) as ours:
        content = framed(hello(Version.TLS_1_2))
        await loop.sock_sendall(ours, content[:7])
        await loop.sock_sendall(ours, content[7:])
        flight, events = ServerFlight(), list[object]()
        while not flight.complete:
            events += flight.feed(await said(ours))
        assert isinstance(events[0], ServerHello)
        assert events[0].cipher_suite == numbers_of_suites()["TLS_RSA_WITH_RC4_128_SHA"]
        await loop.sock_sendall(ours, b"client key exchange")
        assert (await said(ours, size=7)).hex() == "15030300020228"


@pytest.mark.parametrize("shares", [(Group.X25519MLKEM768,), ()], ids=["share", "none"])
async def test_a_retry_is_followed_by_another_hello_with_the_share_and_by_no_third(shares: tuple[Group, ...]) -> None:
    loop = asyncio.get_running_loop()
    async with front(TlsSettings(script="post-quantum")) as ours:
        await loop.sock_sendall(ours, framed(hello(Version.TLS_1_3)))
        (seen,) = ServerFlight().feed(await said(ours))
        assert isinstance(seen, ServerHello)
        assert seen.retry
        await loop.sock_sendall(ours, b"\x14\3\3\0\1\1" + framed(hello(Version.TLS_1_3, shares=shares)))
        answered = await said(ours)
        seen, *_ = ServerFlight().feed(answered)
        assert isinstance(seen, ServerHello)
        assert seen.retry is not bool(shares)
        while not shares and not answered.endswith(bytes.fromhex("1503030002022f")):
            answered += await said(ours)


async def test_an_ssl2_front_answers_in_ssl2() -> None:
    offer = ClientHello(version=2, random=bytes(16), session_id=b"", suites=tuple(SSL2_SUITES), ssl2=True)
    async with front(TlsSettings(script="ssl2")) as ours:
        await asyncio.get_running_loop().sock_sendall(ours, framed(offer))
        content = await said(ours, size=2)
        size = int.from_bytes(content[:2], "big") & 0x7FFF
        content += await said(ours, size=size + 2 - len(content)) if len(content) < size + 2 else b""
    reader = Reader(content[2:])
    assert [reader.uint(1) for _ in range(3)] == [4, 0, 1]
    assert reader.uint(2) == 2
    certificate, kinds, connection = reader.uint(2), reader.uint(2), reader.uint(2)
    assert reader.take(certificate)[:1] == b"\x30"
    assert reader.take(kinds) == b"".join(kind.to_bytes(3, "big") for kind in SSL2_SUITES)
    assert reader.take(connection)
    reader.finish("the hello")


async def test_an_ssl2_front_has_an_error_for_strangers() -> None:
    offer = ClientHello(version=2, random=bytes(16), session_id=b"", suites=(0x999999,), ssl2=True)
    async with front(TlsSettings(script="ssl2")) as ours:
        await asyncio.get_running_loop().sock_sendall(ours, framed(offer))
        assert (await said(ours, size=5)).hex() == "8003000001"


@pytest.mark.parametrize("content", [b"\0\0\0\x12", b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1\0\0"])
async def test_a_scripted_front_answers_what_is_no_hello_as_a_jvm_does(content: bytes) -> None:
    async with front(TlsSettings(script="rc4")) as ours:
        await asyncio.get_running_loop().sock_sendall(ours, content)
        if len(content) > 4:
            assert (await said(ours, size=7)).hex() == "15030300020250"


@pytest.mark.parametrize("content", [framed(hello(Version.TLS_1_2)), bytes.fromhex("00000012001200000000000100086d")])
async def test_a_broken_front_closes_without_a_word(content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        ours.sendall(content)
        channel = secured(ClearChannel(theirs, patience=GUARD), ClientCertificate.NONE, TlsSettings(broken=True))
        assert isinstance(channel, BrokenChannel)
        with pytest.raises(ssl.SSLError, match="broken"):
            await channel.open()
        await channel.close()
        theirs.close()
        assert ours.recv(1) == b""


def test_settings_pick_their_front() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        clear = ClearChannel(theirs, patience=GUARD)
        assert isinstance(secured(clear, ClientCertificate.NONE, TlsSettings(script="rc4")), ScriptedChannel)
    with pytest.raises(ValueError, match="not both"):
        TlsSettings(script="rc4", broken=True)


def test_the_exchange_of_every_scripted_suite_is_one_that_has_a_flight() -> None:
    named = {suite for script in SCRIPTS.values() for suite in script.suites} - set(SSL2_SUITES.values())
    exchanges = {suites()[numbers_of_suites()[suite]].exchange for suite in named}
    assert exchanges == {KeyExchange.MODERN, KeyExchange.RSA, KeyExchange.DHE, KeyExchange.ECDHE}
