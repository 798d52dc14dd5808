"""Peers that break every rule leave gaps with the right reason: no exception, no hang, no memory."""

from __future__ import annotations

import random
import ssl
import tracemalloc
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from OpenSSL import SSL

from mskaudit.audit import judged
from mskaudit.engine.corpus import load
from mskaudit.engine.gate import Gate
from mskaudit.gather.live.dial import Limits
from mskaudit.gather.live.listener import PATHS
from mskaudit.model.dossier import load as load_dossier
from mskaudit.model.dossier import store
from mskaudit.model.evidence import Reason
from mskaudit.model.verdicts import ExitStatus
from mskaudit.wire.messages import ApiKey
from tests.gather.live.peers import (
    GUARDED,
    NO_SASL,
    OPEN,
    SPEAKS,
    Attend,
    TlsEnd,
    asked,
    behind_tls,
    drips,
    floods,
    in_clear,
    kafka,
    linger,
    offers,
    openssl_context,
    reply,
    resets,
    says,
    serving,
    sighted,
    silent,
    speaks,
    tls_context,
)

if TYPE_CHECKING:
    import asyncio

    from mskaudit.engine.corpus import Corpus
    from mskaudit.model.dossier import Dossier, Sighting

SHORT = Limits(connect=5, connection=0.3, received=1 << 20)
# Where a peer is to end by itself, a limit of time must not be what ends it.
LONG = Limits(connect=10, connection=20)
MEMORY = 16 << 20

TRANSPORT = "observed.transport"
CERTIFICATE = "observed.client_certificate"
MECHANISMS = "observed.sasl_mechanisms"
ANONYMOUS = "observed.serves_anonymous"


class Case(NamedTuple):
    """A peer, what is known of it all the same, and why all else is not."""

    peer: Attend
    reason: Reason | None
    known: dict[str, Any] = {}  # noqa: RUF012  never changed
    limits: Limits = LONG
    status: ExitStatus = ExitStatus.INCOMPLETE
    detail: str = ""


def record(content: bytes, *, kind: int = 22, size: int | None = None) -> bytes:
    return bytes([kind, 3, 3]) + (len(content) if size is None else size).to_bytes(2, "big") + content


def hello(*, version: int = 0x0303, suite: int = 0xC02F) -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + b"\0" + suite.to_bytes(2, "big") + b"\0"
    return record(b"\2" + len(body).to_bytes(3, "big") + body)


GARBAGE = random.Random(20261123).randbytes(1 << 20)  # noqa: S311  the same garbage every time
HELLO_REQUEST = record(bytes(4) * 4000)
CERTIFICATE_REQUEST = b"\x0d\0\0\x08\x01\x40\0\2\4\3\0\0"
IN_TLS = {TRANSPORT: "tls"}
CLEAR = {TRANSPORT: "clear", CERTIFICATE: "off"}

UNANSWERED = {
    "closes at once": Case(resets, Reason.UNRESOLVED, detail="alike"),
    "closes hellos and requests without a word": Case(asked(says(b"")), Reason.UNRESOLVED, detail="alike"),
    "resets hellos and requests": Case(asked(resets), Reason.UNRESOLVED, detail="alike"),
    "accepts and never answers": Case(silent, Reason.TIMED_OUT, limits=SHORT),
    "never answers in clear": Case(in_clear(silent), Reason.TIMED_OUT, limits=SHORT),
    "drips a TLS record": Case(asked(drips(record(b"", size=16000) + bytes(16000))), Reason.TIMED_OUT, limits=SHORT),
    "drips a frame": Case(in_clear(drips(b"\0\0\xff\0" + bytes(65000))), Reason.TIMED_OUT, limits=SHORT),
    "drips half a record and then no more": Case(
        asked(says(record(bytes(20), size=400), then=silent)), Reason.TIMED_OUT, limits=SHORT
    ),
}
IN_CLEAR = {
    "announces 2 GiB": Case(in_clear(says(b"\x7f\xff\xff\xff", then=silent)), Reason.MALFORMED, detail="2147483647"),
    "announces a negative length": Case(in_clear(says(b"\xff\xff\xff\xff")), Reason.MALFORMED, detail="-1"),
    "announces more than a probe needs": Case(in_clear(says(b"\0\x10\0\0", then=silent)), Reason.MALFORMED),
    "closes in the middle of a frame": Case(in_clear(says(b"\0\0\0\x10\0\0")), Reason.MALFORMED, detail="6 bytes"),
    "resets in the middle of a frame": Case(in_clear(says(b"\0\0\0\x10\0\0", then=resets)), Reason.MALFORMED),
    "answers hellos with HTTP": Case(asked(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")), Reason.MALFORMED),
    "floods with text": Case(asked(floods(b"GARBAGE!" * 8000)), Reason.MALFORMED),
    "floods with zeros": Case(asked(floods(bytes(64000))), Reason.MALFORMED),
    "floods with one frame": Case(
        in_clear(floods(b"\0\3\0\0" + bytes(64000))), Reason.MALFORMED, limits=LONG, detail="broke the protocol"
    ),
    "sends a megabyte of noise": Case(asked(says(b"\0" + GARBAGE)), Reason.MALFORMED),
}
KAFKA = {
    "answers another request": Case(
        kafka({ApiKey.API_VERSIONS: lambda _: b"\0\0\0\x0a\0\0\0\x09\0\0\0\0\0\0"}),
        Reason.MALFORMED,
        detail="request 9",
    ),
    "answers ApiVersions with too little": Case(kafka({ApiKey.API_VERSIONS: reply(b"\0\0\0")}), Reason.MALFORMED),
    "answers ApiVersions with too much": Case(
        kafka({ApiKey.API_VERSIONS: reply(bytes(6) + b"more")}), Reason.MALFORMED, detail="after the end"
    ),
    "announces two billion APIs": Case(
        kafka({ApiKey.API_VERSIONS: reply(b"\0\0\x7f\xff\xff\xff" + bytes(600))}), Reason.MALFORMED, detail="elements"
    ),
    "has more APIs than a probe takes": Case(
        kafka({ApiKey.API_VERSIONS: reply(b"\0\0\0\x0a\xae\x60" + b"\1\2\3\4\5\6" * 700_000)}), Reason.MALFORMED
    ),
    "has very many APIs": Case(
        kafka({**OPEN, ApiKey.API_VERSIONS: reply(b"\0\0\0\0\x9c\x40" + b"\1\2\3\4\5\6" * 40_000)}),
        Reason.UNSUPPORTED,
        known={**CLEAR, MECHANISMS: []},
        status=ExitStatus.VIOLATED,
    ),
    "answers twice": Case(
        kafka({**OPEN, ApiKey.API_VERSIONS: lambda number: SPEAKS(number) * 2}),
        Reason.MALFORMED,
        known=CLEAR,
        status=ExitStatus.VIOLATED,
    ),
    "refuses ApiVersions": Case(
        kafka({**OPEN, ApiKey.API_VERSIONS: reply(b"\0\x23\0\0\0\0")}),
        Reason.UNSUPPORTED,
        known={**CLEAR, MECHANISMS: []},
        status=ExitStatus.VIOLATED,
    ),
    "speaks no Metadata that we do": Case(
        kafka({**OPEN, ApiKey.API_VERSIONS: reply(b"\0\0\0\0\0\1\0\3\0\x0a\0\x0d")}),
        Reason.UNSUPPORTED,
        known={**CLEAR, MECHANISMS: []},
        status=ExitStatus.VIOLATED,
    ),
    "serves everybody": Case(
        kafka(OPEN), None, known={**CLEAR, MECHANISMS: [], ANONYMOUS: True}, status=ExitStatus.VIOLATED
    ),
    "serves before the login": Case(
        kafka({**OPEN, **GUARDED}),
        None,
        known={**CLEAR, MECHANISMS: ["PLAIN"], ANONYMOUS: True},
        status=ExitStatus.VIOLATED,
    ),
    "closes on Metadata though it has no SASL": Case(
        kafka({ApiKey.API_VERSIONS: SPEAKS, ApiKey.SASL_HANDSHAKE: NO_SASL}),
        Reason.UNRESOLVED,
        known={**CLEAR, MECHANISMS: []},
        status=ExitStatus.VIOLATED,
        detail="closed on Metadata",
    ),
    "repeats a mechanism": Case(
        kafka({**GUARDED, ApiKey.SASL_HANDSHAKE: offers("PLAIN", "PLAIN", "GSSAPI")}),
        None,
        known={**CLEAR, MECHANISMS: ["GSSAPI", "PLAIN"], ANONYMOUS: False},
        status=ExitStatus.VIOLATED,
    ),
    "answers Metadata with nonsense": Case(
        kafka({**OPEN, ApiKey.METADATA: reply(b"\xff" * 40)}),
        Reason.MALFORMED,
        known=CLEAR,
        status=ExitStatus.VIOLATED,
    ),
    "answers Metadata of a SASL listener with nonsense": Case(
        kafka({**GUARDED, ApiKey.METADATA: reply(b"\xff" * 40)}),
        Reason.MALFORMED,
        known={**CLEAR, MECHANISMS: ["PLAIN"]},
        status=ExitStatus.VIOLATED,
    ),
}
SASL = {
    "unknown error": offers("PLAIN", error=999),
    "negative error": offers("PLAIN", error=-1),
    "no error": offers("PLAIN", error=0),
    "no mechanism": offers(),
    "10,000 mechanisms": offers(*(f"M-{number}" for number in range(10_000))),
    "control characters": offers("PLAIN", "\x1b[2J\x07"),
    "a name with a line break": offers("PLAIN\nOK"),
    "a name with bidi": offers("\u202eNIALP"),
    "an empty name": offers(""),
    "an endless name": offers("A" * 30_000),
    "not UTF-8": reply(b"\0\x21\0\0\0\1\0\4\xff\xfe\xfd\xfc"),
    "null": reply(b"\0\x21\xff\xff\xff\xff"),
    "too little": reply(b"\0"),
    "an end": lambda _: None,
}
TLS = {
    "refuses with an alert": Case(
        asked(says(record(b"\2\x28", kind=21))), Reason.UNRESOLVED, known=IN_TLS, detail="the alert handshake_failure"
    ),
    "refuses with an alert nobody knows": Case(
        asked(says(record(b"\2\xee", kind=21))), Reason.UNRESOLVED, known=IN_TLS, detail="alert_238"
    ),
    "warns without end": Case(
        asked(floods(record(b"\1\x5a", kind=21) * 1000)), Reason.UNRESOLVED, known=IN_TLS, detail="user_canceled"
    ),
    "says goodbye at once": Case(
        asked(says(record(b"\1\0", kind=21))), Reason.UNRESOLVED, known=IN_TLS, detail="without an alert"
    ),
    "sends half a record and closes": Case(asked(says(b"\x16\3\3")), Reason.MALFORMED),
    "sends half an alert and closes": Case(asked(says(b"\x15")), Reason.MALFORMED),
    "sends an alert too long": Case(asked(says(record(b"\2\x28\0", kind=21))), Reason.MALFORMED),
    "announces a record of 65535 bytes": Case(asked(says(record(b"", size=65535), then=silent)), Reason.MALFORMED),
    "sends noise that begins like TLS": Case(asked(says(b"\x16" + GARBAGE[:1000])), Reason.MALFORMED),
    "sends noise in a record": Case(asked(says(record(GARBAGE[:1000]))), Reason.MALFORMED),
    "says an empty hello": Case(asked(says(record(b"\2\0\0\0"))), Reason.MALFORMED),
    "asks for hellos without end": Case(asked(floods(HELLO_REQUEST)), Reason.MALFORMED, detail="without ending"),
    "asks for hellos and closes": Case(asked(says(HELLO_REQUEST * 15)), Reason.MALFORMED),
    "chooses a suite nobody offered": Case(asked(says(hello(suite=0xFEFE))), Reason.UNRESOLVED, known=IN_TLS),
    "chooses a version nobody offered": Case(asked(says(hello(version=0x0399))), Reason.UNRESOLVED, known=IN_TLS),
    "says hello and no more": Case(asked(says(hello())), Reason.UNRESOLVED, known=IN_TLS, detail="handshake"),
    "says hello and falls silent": Case(asked(says(hello(), then=silent)), Reason.TIMED_OUT, limits=SHORT),
    "asks for a certificate and closes": Case(
        asked(says(hello() + record(CERTIFICATE_REQUEST))), Reason.UNRESOLVED, known=IN_TLS, detail="may require one"
    ),
    "asks for a certificate and talks nonsense": Case(
        asked(says(hello() + record(CERTIFICATE_REQUEST) + record(GARBAGE[:50]))),
        Reason.UNRESOLVED,
        known=IN_TLS,
        detail="may require one",
    ),
    "asks for a certificate and refuses for another reason": Case(
        asked(says(hello() + record(CERTIFICATE_REQUEST) + record(b"\2\x50", kind=21))),
        Reason.UNRESOLVED,
        known=IN_TLS,
        detail="may require one",
    ),
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load()


def missing(case: Case) -> set[str]:
    return set(PATHS) - set(case.known)


async def check(case: Case, corpus: Corpus, *, tls: ssl.SSLContext | None = None) -> Sighting:
    """Probe a peer within limits and memory, and judge what came of it."""
    async with serving(case.peer, tls=tls) as address:
        tracemalloc.start()
        try:
            sighting, evidence = await sighted(address, case.limits)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < MEMORY
    assert {note.reason for note in sighting.gaps.values()} == ({case.reason} if case.reason else set())
    assert sighting.known == case.known
    assert set(sighting.gaps) == missing(case)
    assert all(case.detail in note.detail and note.detail.isprintable() for note in sighting.gaps.values())
    assert status(evidence, corpus) == case.status
    assert load_dossier(store(evidence), "d") == load_dossier(store(evidence), "d")
    return sighting


def status(evidence: Dossier, corpus: Corpus) -> ExitStatus:
    return judged(evidence, corpus, gate=Gate()).summary.exit_status


@pytest.mark.parametrize("name", UNANSWERED)
async def test_a_peer_that_gives_no_answer_is_open(name: str, corpus: Corpus) -> None:
    await check(UNANSWERED[name], corpus)


@pytest.mark.parametrize("name", IN_CLEAR)
async def test_a_peer_that_is_not_kafka_is_malformed(name: str, corpus: Corpus) -> None:
    await check(IN_CLEAR[name], corpus)


@pytest.mark.parametrize("name", KAFKA)
async def test_kafka_that_breaks_its_protocol_leaves_what_it_did_not_break(name: str, corpus: Corpus) -> None:
    await check(KAFKA[name], corpus)


@pytest.mark.parametrize("name", SASL)
async def test_a_broken_offer_of_mechanisms_is_none(name: str, corpus: Corpus) -> None:
    peer = kafka({ApiKey.API_VERSIONS: SPEAKS, ApiKey.SASL_HANDSHAKE: SASL[name]})
    await check(Case(peer, Reason.MALFORMED, known=CLEAR, status=ExitStatus.VIOLATED), corpus)


async def test_a_broker_that_breaks_the_offer_but_serves_everybody_is_caught(corpus: Corpus) -> None:
    peer = kafka({**OPEN, ApiKey.SASL_HANDSHAKE: offers()})
    known = {**CLEAR, ANONYMOUS: True}
    await check(Case(peer, Reason.MALFORMED, known=known, status=ExitStatus.VIOLATED), corpus)


@pytest.mark.parametrize("name", TLS)
async def test_a_peer_that_breaks_tls_is_at_most_known_to_speak_it(name: str, corpus: Corpus) -> None:
    await check(TLS[name], corpus)


@pytest.mark.parametrize("seed", range(20))
async def test_noise_of_any_kind_tells_nothing(seed: int, corpus: Corpus) -> None:
    chance = random.Random(seed)  # noqa: S311  the same noise every time
    noise = chance.choice([b"", b"\x16", b"\x16\3", b"\x15\3\3", b"\0", b"\0\0\0", b"\x17\3\3\0"]) + chance.randbytes(
        300
    )
    async with serving(asked(says(noise))) as address:
        sighting, evidence = await sighted(address, LONG)
    assert sighting.known == {}
    assert {note.reason for note in sighting.gaps.values()} <= {Reason.MALFORMED, Reason.UNRESOLVED}
    assert status(evidence, corpus) is ExitStatus.INCOMPLETE


BEHIND_TLS = {
    "closes": Case(says(b""), Reason.UNRESOLVED, known=IN_TLS, detail="may not be Kafka"),
    "garbage": Case(asked(says(GARBAGE[:1000])), Reason.MALFORMED),
    "a flood": Case(floods(b"GARBAGE!" * 8000), Reason.MALFORMED),
    "a flood of zeros": Case(floods(bytes(64000)), Reason.MALFORMED),
    "silence": Case(silent, Reason.TIMED_OUT, limits=SHORT),
    "drips": Case(asked(drips(b"\0\0\xff\0" + bytes(65000))), Reason.TIMED_OUT, limits=SHORT),
    "2 GiB": Case(asked(says(b"\x7f\xff\xff\xff", then=silent)), Reason.MALFORMED),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("name", BEHIND_TLS)
async def test_nonsense_behind_proper_tls_is_nonsense(name: str, version: ssl.TLSVersion, corpus: Corpus) -> None:
    await check(BEHIND_TLS[name], corpus, tls=tls_context(version=version))


async def test_a_flood_of_session_tickets_is_cut_off(corpus: Corpus) -> None:
    context = tls_context(version=ssl.TLSVersion.TLSv1_3)
    context.num_tickets = 3000
    limits = Limits(connect=10, connection=20, received=1 << 18)
    await check(Case(silent, Reason.MALFORMED, limits=limits, detail="more than a probe takes"), corpus, tls=context)


@pytest.mark.parametrize("times", [1, 50])
async def test_a_server_that_wants_to_renegotiate_is_not_followed(times: int, corpus: Corpus) -> None:
    async def talk(end: TlsEnd) -> None:
        request = await end.receive()
        for _ in range(times):
            end.openssl.renegotiate()
            end.openssl.do_handshake()
        await end.send(SPEAKS(request[8:12]))
        await speaks(OPEN)(end)

    peer = behind_tls(openssl_context(version=SSL.TLS1_2_VERSION), talk)
    await check(Case(peer, Reason.MALFORMED, known={**IN_TLS, CERTIFICATE: "off"}, detail="closed on"), corpus)


async def test_a_second_connection_that_fails_takes_nothing_from_the_first(corpus: Corpus) -> None:
    connections = 0

    async def thrice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections < 3:
            await kafka(GUARDED)(reader, writer)

    known = {**CLEAR, MECHANISMS: ["PLAIN"]}
    case = Case(thrice, Reason.UNRESOLVED, known=known, status=ExitStatus.VIOLATED, detail="closed the next")
    await check(case, corpus)


@pytest.mark.parametrize(("second", "reason"), [(silent, Reason.TIMED_OUT), (says(b"\xff" * 99), Reason.MALFORMED)])
async def test_a_second_connection_that_breaks_is_a_gap_of_its_own(
    second: Attend, reason: Reason, corpus: Corpus
) -> None:
    connections = 0

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await (kafka(GUARDED) if connections < 3 else asked(second))(reader, writer)

    limits = Limits(connect=5, connection=1)
    known = {**CLEAR, MECHANISMS: ["PLAIN"]}
    await check(Case(twice, reason, known=known, status=ExitStatus.VIOLATED, limits=limits), corpus)


async def test_a_tls_handshake_that_works_only_once_leaves_the_login_open(corpus: Corpus) -> None:
    context = openssl_context(version=SSL.TLS1_3_VERSION)
    connections = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await behind_tls(context, speaks(GUARDED))(reader, writer)
        else:
            await linger(writer)

    known = {**IN_TLS, CERTIFICATE: "off", MECHANISMS: ["PLAIN"]}
    await check(Case(once, Reason.UNRESOLVED, known=known, detail="closed the next"), corpus)


async def test_a_handshake_that_cannot_be_read_is_open_and_never_off(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mskaudit.gather.live import tls

    monkeypatch.delitem(tls._TLS13_SUITES, "TLS_CHACHA20_POLY1305_SHA256")
    context = openssl_context(version=SSL.TLS1_3_VERSION, suite=b"TLS_CHACHA20_POLY1305_SHA256")
    await check(Case(behind_tls(context, speaks(OPEN)), Reason.UNSUPPORTED, detail="CHACHA20"), corpus)
