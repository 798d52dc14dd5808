"""Attacks with TLS hellos, on what reads them and on the scripted fronts that answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mskaudit.errors import RemoteWireError
from mskaudit.reference.channel import _is_alert
from mskaudit.reference.tls_script import answer
from mskaudit.reference.tls_scripts import SCRIPTS
from mskaudit.wire.tls_registry import ContentType, Extension, HandshakeType, Version
from mskaudit.wire.tls_server import ClientHello, ClientHelloBuffer, build_client_hello, handshake, records, ssl2_record
from mskaudit.wire.tls_vectors import number_vector, vector
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.mutation import Chance, pieces, sometimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fuzz.campaign import Play

_NAMES = tuple(sorted(SCRIPTS))
_SUITES = (0x1301, 0x1302, 0x1303, 0xC02F, 0xC030, 0xC013, 0x009E, 0x0033, 0x002F, 0x0005, 0x0001, 0x00FF, 0x5600)
_GROUPS = (29, 23, 24, 25, 30, 256, 257, 4588, 4587, 4589, 0x0A0A)
_SSL2_KINDS = (0x010080, 0x020080, 0x0700C0, 0x000035, 0x00002F)


def hello(chance: Chance) -> ClientHello:
    """What a client could offer."""
    if chance.random() < 0.15:
        kinds = tuple(chance.choices(_SSL2_KINDS, k=3))
        return ClientHello(
            version=chance.choice((2, 0x0300, 0x0303)),
            random=chance.randbytes(16),
            session_id=b"",
            suites=kinds,
            ssl2=True,
        )
    return ClientHello(
        version=chance.choice((0x0300, 0x0301, 0x0302, 0x0303, 0x0303, 0x0399)),
        random=chance.randbytes(32),
        session_id=chance.randbytes(chance.choice((0, 32))),
        suites=tuple(chance.choices(_SUITES, k=chance.randint(1, 8))),
        extensions=tuple(_extensions(chance)) if chance.random() < 0.9 else (),
    )


def _extensions(chance: Chance) -> list[tuple[int, bytes]]:
    groups = chance.choices(_GROUPS, k=chance.randint(1, 4))
    shares = vector(2, b"".join(group.to_bytes(2, "big") + vector(2, chance.randbytes(32)) for group in groups[:2]))
    versions = tuple(chance.choices(tuple(Version), k=2))
    found = [
        (Extension.SUPPORTED_GROUPS, number_vector(tuple(groups))),
        (Extension.SUPPORTED_VERSIONS, _versions(versions)),
        (Extension.KEY_SHARE, shares),
        (Extension.EC_POINT_FORMATS, b"\1\0"),
        (Extension.RENEGOTIATION_INFO, b"\0"),
        (Extension.EXTENDED_MASTER_SECRET, b""),
        (Extension.HEARTBEAT, b"\1"),
        (Extension.SIGNATURE_ALGORITHMS, number_vector((0x0403, 0x0804, 0x0401))),
        (chance.randrange(0x1000, 2**15), chance.randbytes(8)),
    ]
    chance.shuffle(found)
    return [(int(number), content) for number, content in found[: chance.randint(0, len(found))]]


def _versions(versions: tuple[int, ...]) -> bytes:
    return vector(1, b"".join(version.to_bytes(2, "big") for version in versions))


def flight(chance: Chance) -> bytes:
    """The bytes of a hello."""
    made = hello(chance)
    if made.ssl2:
        return ssl2_record(build_client_hello(made))
    return records(
        ContentType.HANDSHAKE, Version.TLS_1_0, handshake(HandshakeType.CLIENT_HELLO, build_client_hello(made))
    )


@asynccontextmanager
async def world(_: int) -> AsyncIterator[Play]:
    """Nothing is kept between hellos."""

    async def play(case: Case) -> None:
        buffer = ClientHelloBuffer()
        script = SCRIPTS[case.chance.choice(_NAMES)]
        for chunk in pieces(case.chance, case.note(sometimes(case.chance, flight(case.chance)))):
            try:
                heard = buffer.feed(chunk)
            except RemoteWireError:
                return
            if heard is not None:
                said = answer(script, heard)
                assert not said.content or isinstance(_is_alert(said.content), bool)
                return

    yield play


TARGET = Target(name="hellos", side=Side.SERVER, share=0.04, world=world)
