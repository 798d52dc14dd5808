"""How a reference ZooKeeper lets clients in, and what hostile ones gain: nothing."""

from __future__ import annotations

import random
import ssl
import warnings
from contextlib import suppress

import pytest

from mskaudit.errors import UsageError
from mskaudit.reference.pki import client_context, pki
from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings, TlsVersion
from mskaudit.reference.znodes import OPEN, Tree
from mskaudit.reference.zookeeper import serve_zookeeper
from mskaudit.reference.zookeeper_conversation import Conversation
from mskaudit.reference.zookeeper_server import Server
from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
from mskaudit.wire import zookeeper as zk
from mskaudit.wire.frames import frame
from mskaudit.wire.zookeeper_codes import ErrorCode
from mskaudit.wire.zookeeper_packets import (
    Multi,
    pack_record,
    pack_request,
)
from tests.reference.zookeeper_peer import HARDENED, NEW, TREE, call, made, session

EVERY_WORD = "srvr ruok conf envi stat mntr isro cons dirs wchs dump hash gtmk wchc wchp".split()  # noqa: SIM905  a list


@pytest.mark.parametrize(
    ("whitelist", "word", "answer"),
    [
        (("srvr",), b"ruok", b"ruok is not executed because it is not in the whitelist.\n"),
        (("srvr",), b"isro", b"isro is not executed because it is not in the whitelist.\n"),
        (("srvr",), b"zzzz", b""),
        (("ruok",), b"ruok", b"imok"),
        (("*",), b"isro", b"rw"),
        (("*",), b"gtmk", b"306"),
        (("*",), b"crst", b"Connection stats reset.\n"),
        (("*",), b"wchs", b"0 connections watching 0 paths\nTotal watches:0\n"),
        ((), b"srvr", b"srvr is not executed because it is not in the whitelist.\n"),
    ],
)
async def test_four_letter_words(whitelist: tuple[str, ...], word: bytes, answer: bytes) -> None:
    async with (
        serve_zookeeper(ZooKeeperSettings(whitelist=whitelist), Tree()) as addresses,
        call(addresses.clear) as peer,
    ):
        await peer.say(word[:2])
        await peer.say(word[2:])
        assert await peer.rest() == answer


@pytest.mark.parametrize(
    "word",
    [
        "srvr",
        "ruok",
        "conf",
        "envi",
        "stat",
        "mntr",
        "isro",
        "cons",
        "dirs",
        "wchs",
        "dump",
        "hash",
        "gtmk",
        "wchc",
        "wchp",
    ],
)
async def test_every_word_is_answered_when_all_are_listed(word: str) -> None:
    async with serve_zookeeper(ZooKeeperSettings(whitelist=("*",)), Tree()) as addresses, call(addresses.clear) as peer:
        await peer.say(word.encode())
        answer = await peer.rest()
        assert b"whitelist" not in answer
        assert (answer == b"") is (word == "hash")


async def test_the_server_tells_its_version() -> None:
    async with serve_zookeeper(ZooKeeperSettings(), Tree()) as addresses, call(addresses.clear) as peer:
        await peer.say(b"srvr")
        lines = (await peer.rest()).decode().splitlines()
    assert lines == [
        "Zookeeper version: 3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC",
        "Latency min/avg/max: 0/0.0/0",
        "Received: 1",
        "Sent: 0",
        "Connections: 1",
        "Outstanding: 0",
        "Zxid: 0x0",
        "Mode: standalone",
        "Node count: 5",
    ]


REQUIRING = ZooKeeperSettings(require_auth=True, client_certificate=ClientCertificate.REQUESTED)


@pytest.mark.parametrize(
    "packet",
    [
        pack_request(zk.Ping(), xid=-2),
        pack_request(zk.GetData(path="/", watch=False), xid=1),
        pack_request(zk.Close(), xid=1),
        b"\0\0\0\1\0\0\3\xe7",
    ],
    ids=["ping", "data", "close", "unknown"],
)
async def test_a_stranger_is_sent_away_where_logins_are_required(packet: bytes) -> None:
    async with session(REQUIRING) as peer:
        await peer.say(frame(packet))
        assert (await peer.hear()).error == ErrorCode.SESSION_CLOSED_REQUIRE_AUTH
        assert await peer.rest() == b""


async def test_a_login_is_enough_where_logins_are_required() -> None:
    async with session(REQUIRING, login=b"any:body") as peer:
        assert await peer.error(zk.GetData(path="/open", watch=False)) == 0


async def test_a_certificate_is_a_login() -> None:
    async with serve_zookeeper(REQUIRING, TREE, clear_port=None, tls_port=0) as addresses:
        assert addresses.clear is None
        async with call(addresses.tls, client_context(pki().client)) as peer:
            await peer.connect()
            who = await peer.ask(zk.WhoAmI())
            assert isinstance(who.body, zk.IdentityReply)
            assert zk.Identity(scheme="x509", user="CN=client") in who.body.identities
            assert await peer.error(zk.GetData(path="/open", watch=False)) == 0


@pytest.mark.parametrize(
    ("wanted", "shown", "served"),
    [
        (ClientCertificate.NONE, None, True),
        (ClientCertificate.REQUESTED, None, True),
        (ClientCertificate.REQUIRED, None, False),
        (ClientCertificate.REQUIRED, "client", True),
        (ClientCertificate.REQUIRED, "stranger", False),
        (ClientCertificate.REQUESTED, "stranger", False),
    ],
)
async def test_client_certificates(wanted: ClientCertificate, shown: str | None, *, served: bool) -> None:
    context = client_context(None if shown is None else getattr(pki(), shown))
    async with serve_zookeeper(ZooKeeperSettings(client_certificate=wanted), TREE, tls_port=0) as addresses:
        answer = None
        with suppress(ssl.SSLError, OSError):
            async with call(addresses.tls, context) as peer:
                answer = await peer.connect()
        assert (answer is not None) is served


async def test_old_tls_versions() -> None:
    tls = TlsSettings(versions=(TlsVersion.TLS_1_0, TlsVersion.TLS_1_1))
    context = client_context()
    with warnings.catch_warnings():  # the module warns of what is wanted here
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with (
        serve_zookeeper(HARDENED, TREE, tls_port=0, tls=tls) as addresses,
        call(addresses.tls, context) as peer,
    ):
        assert await peer.connect() is not None
        assert peer.writer.get_extra_info("ssl_object").version() == "TLSv1.1"


async def test_one_port_for_both() -> None:
    settings = ZooKeeperSettings(port_unification=True, client_certificate=ClientCertificate.REQUESTED)
    async with serve_zookeeper(settings, TREE) as addresses:
        async with call(addresses.clear) as plain, call(addresses.clear, client_context(pki().client)) as secured:
            assert await plain.connect() is not None
            assert await secured.connect() is not None
        async with call(addresses.clear) as peer:
            await peer.say(b"srvr")
            assert (await peer.rest()).startswith(b"Zookeeper version")


async def test_clear_bytes_at_the_tls_port_are_not_answered() -> None:
    async with serve_zookeeper(HARDENED, TREE, tls_port=0) as addresses:
        async with call(addresses.tls) as peer:
            await peer.say(b"srvr")
            # Four bytes begin nothing: silence, until a fifth shows that they are no record.
            await peer.say(b"\n")
            assert await peer.rest() == b""
        async with call(addresses.tls, client_context()) as peer:
            await peer.say(b"srvr")
            assert (await peer.rest()).startswith(b"Zookeeper version")


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        ("00000001000003e7", ErrorCode.UNIMPLEMENTED),
        ("000000010000000d000000012fffffffff", ErrorCode.UNIMPLEMENTED),
        ("0000000100000004000000322f78", ErrorCode.MARSHALLING_ERROR),
        ("0000000100000004fffffff7", ErrorCode.MARSHALLING_ERROR),
        ("0000000100000001000000022f710000000040000000", ErrorCode.MARSHALLING_ERROR),
        ("000000010000000e0000", ErrorCode.MARSHALLING_ERROR),
        ("0000", None),
        ("", None),
    ],
    ids=["unknown", "lone check", "cut path", "negative path", "huge list", "cut steps", "cut header", "empty"],
)
async def test_malformed_requests(packet: str, error: int | None) -> None:
    async with session() as peer:
        await peer.say(frame(bytes.fromhex(packet)))
        if error is None:
            assert await peer.rest() == b""
            return
        assert (await peer.hear()).error == error
        if error == ErrorCode.UNIMPLEMENTED:
            assert await peer.rest() == b""
        else:
            assert await peer.error(zk.Exists(path="/", watch=False)) == 0


@pytest.mark.parametrize("length", [-1, 2**31 - 1, 0x100000, -(2**31)])
async def test_impossible_lengths_end_the_connection(length: int) -> None:
    async with session() as peer:
        await peer.say(length.to_bytes(4, "big", signed=True))
        assert await peer.rest() == b""


async def test_the_largest_packet_is_taken() -> None:
    async with session() as peer:
        create = zk.Create(path="/big", data=bytes(0xFFFFF - 8 - 4 - 4 - 4 - 31), acl=OPEN, flags=0)
        assert len(pack_request(create, xid=1)) == 0xFFFFF
        assert await peer.error(create) == 0
        for _ in range(20):
            create = zk.Create(path="/big-", data=create.data[:-11] if create.data else b"", acl=OPEN, flags=2)
            error = await peer.error(create)
        assert error == ErrorCode.QUOTA_EXCEEDED


async def test_one_too_many_is_closed_at_once() -> None:
    settings = ZooKeeperSettings(connections=1, client_certificate=ClientCertificate.NONE)
    async with serve_zookeeper(settings, TREE) as addresses, call(addresses.clear) as first:
        await first.connect()
        async with call(addresses.clear) as second:
            assert await second.rest() == b""
        assert await first.error(zk.Exists(path="/", watch=False)) == 0


async def test_a_slow_client_is_let_go() -> None:
    async with (
        serve_zookeeper(ZooKeeperSettings(patience=0.05), TREE, tls_port=0) as addresses,
        call(addresses.clear) as peer,
        call(addresses.tls) as other,
    ):
        await peer.say(b"\0\0")
        assert await peer.rest() == b""
        assert await other.rest() == b""


async def test_garbage_leaves_the_server_as_it_was() -> None:
    chance = random.Random(20)  # noqa: S311  a seed, no secret
    good = [frame(pack_record(NEW)), *(frame(pack_request(each, xid=1)) for each in (made("/g"), zk.GetAcl(path="/")))]
    async with serve_zookeeper(HARDENED, TREE) as addresses:
        for _ in range(150):
            content = bytearray(b"".join(good))
            for _ in range(chance.randrange(1, 6)):
                content[chance.randrange(len(content))] = chance.randrange(256)
            async with call(addresses.clear) as peer:
                await peer.say(bytes(content[: chance.randrange(1, len(content))]))
                peer.writer.write_eof()
                await peer.rest()
        async with call(addresses.clear) as peer:
            assert await peer.connect() is not None
            assert await peer.error(zk.GetData(path="/open", watch=False)) == 0


GOOD = (
    frame(pack_record(NEW)),
    *(
        frame(pack_request(each, xid=7))
        for each in (
            made("/g", flags=3),
            zk.GetAcl(path="/shown"),
            zk.GetChildren2(path="/open", watch=True),
            zk.SetAcl(path="/open", acl=OPEN, version=-1),
            Multi(steps=(made("/m"), zk.Check(path="/open", version=0), zk.Delete(path="/m", version=-1))),
            zk.Auth(type=0, scheme="digest", credential=b"bob:pw"),
            zk.Close(),
        )
    ),
)


async def test_mutated_packets_raise_nothing() -> None:
    chance = random.Random(19)  # noqa: S311  a seed, no secret
    server = Server(HARDENED, TREE, ports=(None, None))
    answers = 0
    for _ in range(3000):
        # The connect request is left whole more often than not, so that what follows is reached.
        content = bytearray(b"".join(GOOD))
        for _ in range(chance.randrange(1, 8)):
            content[chance.randrange(0 if chance.random() < 0.2 else len(GOOD[0]), len(content))] = chance.randrange(
                256
            )
        conversation = Conversation(server, address="127.0.0.1", certificate=None)
        for start in range(0, len(content), 97):
            if not conversation.over:
                answers += sum(1 for _ in conversation.hear(bytes(content[start : start + 97])))
        conversation.leave()
    server.sessions.close()
    assert answers > 3000
    assert (len(server.watches), server.watches.watchers, server.watches.paths) == (0, 0, 0)
    assert server.store.data("/open", ())[0] == b"x"


async def test_a_port_that_is_taken() -> None:
    async with serve_zookeeper(HARDENED, TREE) as addresses:
        assert addresses.clear is not None
        port = int(addresses.clear.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve_zookeeper(HARDENED, TREE, clear_port=port):
                pass
