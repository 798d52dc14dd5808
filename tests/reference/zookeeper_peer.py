"""A client of ZooKeeper that speaks byte by byte, and something to speak about."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.reference.znodes import OPEN, WORLD_READ, Tree, Znode, digest_id
from mskaudit.reference.zookeeper import serve_zookeeper
from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
from mskaudit.wire import zookeeper as zk
from mskaudit.wire.frames import FrameBuffer, frame
from mskaudit.wire.zookeeper_packets import (
    Reply,
    pack_record,
    pack_request,
    parse_connect_response,
    parse_reply,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

BOB = zk.Acl(perms=31, scheme="digest", id=digest_id(b"bob:pw"))
WORLD = OPEN[0]
NEW = zk.ConnectRequest(protocol=0, zxid=0, timeout=10_000, session=0, password=bytes(16), read_only=False)
HARDENED = ZooKeeperSettings(client_certificate=ClientCertificate.NONE)
TREE = Tree(
    nodes={
        "/open": Znode(data=b"x"),
        "/open/child": Znode(),
        "/closed": Znode(data=b"secret", acl=(BOB,)),
        "/shown": Znode(acl=(BOB, WORLD_READ)),
        "/administered": Znode(acl=(BOB, zk.Acl(perms=16, scheme="world", id="anyone"))),
        "/near": Znode(acl=(zk.Acl(perms=1, scheme="ip", id="127.0.0.0/8"),)),
        "/far": Znode(acl=(zk.Acl(perms=31, scheme="ip", id="10.0.0.0/8"),)),
        "/brokers/ids/1": Znode(ephemeral=True),
    }
)


class Peer:
    """A client, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.frames = FrameBuffer()
        self.waiting: list[bytes] = []
        self.xid = 0

    async def say(self, content: bytes) -> None:
        self.writer.write(content)
        with suppress(OSError):
            await self.writer.drain()

    async def packet(self) -> bytes | None:
        async with asyncio.timeout(10):
            while not self.waiting:
                chunk = await self.reader.read(1 << 16)
                if not chunk:
                    return None
                self.waiting += self.frames.feed(chunk)
        return self.waiting.pop(0)

    async def connect(self, request: zk.ConnectRequest = NEW) -> zk.ConnectResponse | None:
        await self.say(frame(pack_record(request)))
        packet = await self.packet()
        return None if packet is None else parse_connect_response(packet)

    async def ask(self, request: zk.Request, xid: int | None = None) -> Reply:
        self.xid += 1
        await self.say(frame(pack_request(request, xid=self.xid if xid is None else xid)))
        return await self.hear(type(request))

    async def hear(self, request: type[zk.Request] = zk.Ping) -> Reply:
        packet = await self.packet()
        assert packet is not None
        return parse_reply(packet, request=request)

    async def error(self, request: zk.Request) -> int:
        return (await self.ask(request)).error

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                return await self.reader.read()
        return b""


@asynccontextmanager
async def call(address: str | None, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    assert address is not None
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def session(
    settings: ZooKeeperSettings = HARDENED, tree: Tree = TREE, login: bytes | None = None
) -> AsyncIterator[Peer]:
    async with serve_zookeeper(settings, tree) as addresses, call(addresses.clear) as peer:
        await peer.connect()
        if login is not None:
            assert (await peer.ask(zk.Auth(type=0, scheme="digest", credential=login), -4)).error == 0
        yield peer


def made(path: str | None, *, acl: tuple[zk.Acl, ...] = OPEN, flags: int = 0) -> zk.Create:
    return zk.Create(path=path, data=b"x", acl=acl, flags=flags)


def entry(scheme: str | None, identity: str | None) -> tuple[zk.Acl, ...]:
    return (zk.Acl(perms=31, scheme=scheme, id=identity),)
