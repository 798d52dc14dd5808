"""A reference ZooKeeper answers as 3.8.4 was seen to answer the same requests."""

from __future__ import annotations

import pytest

from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.reference.znodes import OPEN, Tree
from mskaudit.reference.zookeeper import serve_zookeeper
from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
from mskaudit.wire import zookeeper as zk
from mskaudit.wire.zookeeper_codes import ErrorCode, EventType, OpCode
from mskaudit.wire.zookeeper_packets import (
    Multi,
    MultiReply,
    pack_request,
)
from tests.reference.zookeeper_peer import BOB, HARDENED, NEW, TREE, call, entry, made, session


# What ZooKeeper 3.8.4 answered to the same requests.
@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (zk.Exists(path="/open", watch=False), 0),
        (zk.Exists(path="/missing", watch=False), ErrorCode.NO_NODE),
        (zk.Exists(path="/closed", watch=False), ErrorCode.NO_AUTH),
        (zk.Exists(path="", watch=False), 0),
        (zk.Exists(path=None, watch=False), ErrorCode.MARSHALLING_ERROR),
        (zk.Exists(path="open", watch=False), ErrorCode.NO_NODE),
        (zk.GetData(path="/closed", watch=False), ErrorCode.NO_AUTH),
        (zk.GetData(path="/near", watch=False), 0),
        (zk.GetData(path="/far", watch=False), ErrorCode.NO_AUTH),
        (zk.GetData(path="/administered", watch=False), ErrorCode.NO_AUTH),
        (zk.GetChildren(path="/closed", watch=False), ErrorCode.NO_AUTH),
        (zk.GetChildren2(path="/closed", watch=False), ErrorCode.NO_AUTH),
        (zk.GetAcl(path="/closed"), ErrorCode.NO_AUTH),
        (zk.GetAcl(path="/missing"), ErrorCode.NO_NODE),
        (zk.Sync(path="/closed"), 0),
        (zk.Sync(path=None), 0),
        (made("/closed/child"), ErrorCode.NO_AUTH),
        (made("/shown/child"), ErrorCode.NO_AUTH),
        (made("/new"), 0),
        (made("/open"), ErrorCode.NODE_EXISTS),
        (made("/"), ErrorCode.NODE_EXISTS),
        (made("/a/b"), ErrorCode.NO_NODE),
        (made("/open//b"), ErrorCode.NO_NODE),
        (made("/brokers/ids/1/x"), ErrorCode.NO_CHILDREN_FOR_EPHEMERALS),
        (made("new"), ErrorCode.BAD_ARGUMENTS),
        (made(""), ErrorCode.BAD_ARGUMENTS),
        (made("/open/"), ErrorCode.BAD_ARGUMENTS),
        (made("/open/."), ErrorCode.BAD_ARGUMENTS),
        (made("/open/.hidden"), 0),
        (made("/open/\x01"), ErrorCode.BAD_ARGUMENTS),
        (made("/open/\0x"), ErrorCode.BAD_ARGUMENTS),
        (made("/open/\ue000"), ErrorCode.BAD_ARGUMENTS),
        (made("/open/\u00e9"), 0),
        (made(None), ErrorCode.MARSHALLING_ERROR),
        (made("/new", flags=4), 0),
        (made("/new", flags=5), ErrorCode.UNIMPLEMENTED),
        (made("/new", flags=7), ErrorCode.BAD_ARGUMENTS),
        (made("/new", flags=-1), ErrorCode.BAD_ARGUMENTS),
        (made("/new", acl=()), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("world", "me")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("auth", "")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("digest", "x")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("digest", "x:y:z")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("digest", None)), ErrorCode.MARSHALLING_ERROR),
        (made("/new", acl=entry("x509", "CN=me,O=us")), 0),
        (made("/new", acl=entry("x509", "junk")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("ip", "1.2.3.4/8")), 0),
        (made("/new", acl=entry("ip", "x")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("ip", "1.2.3.4/33")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("ip", "1.2.3.4/255.0.0.0")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("x509", "")), 0),
        (made("/new", acl=entry("world", None)), ErrorCode.MARSHALLING_ERROR),
        (made("/new", acl=entry("auth", None)), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry("sasl", "x")), ErrorCode.INVALID_ACL),
        (made("/new", acl=entry(None, None)), ErrorCode.INVALID_ACL),
        (zk.Delete(path="/open", version=-1), ErrorCode.NOT_EMPTY),
        (zk.Delete(path="/open/child", version=4), ErrorCode.BAD_VERSION),
        (zk.Delete(path="/open/child", version=0), 0),
        (zk.Delete(path="/closed", version=-1), 0),
        (zk.Delete(path="/missing", version=-1), ErrorCode.NO_NODE),
        (zk.Delete(path="/", version=-1), ErrorCode.BAD_ARGUMENTS),
        (zk.Delete(path="/zookeeper/quota", version=-1), ErrorCode.BAD_ARGUMENTS),
        (zk.SetData(path="/closed", data=b"", version=-1), ErrorCode.NO_AUTH),
        (zk.SetData(path="/open", data=None, version=-1), 0),
        (zk.SetData(path="/open", data=b"", version=5), ErrorCode.BAD_VERSION),
        (zk.SetData(path="/open", data=b"", version=-2), ErrorCode.BAD_VERSION),
        (zk.SetAcl(path="/shown", acl=OPEN, version=-1), ErrorCode.NO_AUTH),
        (zk.SetAcl(path="/administered", acl=OPEN, version=-1), 0),
        (zk.SetAcl(path="/open", acl=OPEN, version=3), ErrorCode.BAD_VERSION),
        (zk.SetAcl(path="/open", acl=(), version=-1), ErrorCode.INVALID_ACL),
    ],
    ids=lambda value: value if isinstance(value, int) else f"{type(value).__name__} {value}"[:70],
)
async def test_an_anonymous_client_is_answered_as_by_zookeeper(request_: zk.Request, error: int) -> None:
    async with session() as peer:
        assert await peer.error(request_) == error
        assert await peer.error(zk.Exists(path="/", watch=False)) == 0


async def test_the_first_packet_each_way() -> None:
    async with serve_zookeeper(HARDENED, TREE) as addresses, call(addresses.clear) as peer:
        response = await peer.connect()
        assert response is not None
        assert (response.protocol, response.timeout, response.read_only) == (0, 10_000, False)
        assert len(response.password or b"") == 16


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"read_only": None}, (10_000, None)),
        ({"timeout": 1}, (6_000, False)),
        ({"timeout": 10**8}, (60_000, False)),
        ({"timeout": -5, "protocol": 7, "password": None}, (6_000, False)),
        ({"zxid": 10**9}, None),
        ({"session": 99}, (0, False)),
    ],
    ids=["old", "short", "long", "odd", "ahead of the server", "unknown session"],
)
async def test_connect_requests(request_: dict[str, int], expected: tuple[int, bool | None] | None) -> None:
    plain = {name: getattr(NEW, name) for name, _ in NEW.layout}
    async with serve_zookeeper(HARDENED, TREE) as addresses, call(addresses.clear) as peer:
        response = await peer.connect(zk.ConnectRequest(**plain | request_))
        assert (response and (response.timeout, response.read_only)) == expected
        if expected is None or not expected[0]:
            assert await peer.rest() == b""


async def test_a_session_is_resumed_with_its_password_and_taken_over() -> None:
    async with serve_zookeeper(HARDENED, TREE) as addresses, call(addresses.clear) as first:
        opened = await first.connect()
        assert opened is not None
        assert await first.error(made("/mine", flags=1)) == 0
        again = zk.ConnectRequest(
            protocol=0, zxid=0, timeout=20_000, session=opened.session, password=opened.password, read_only=False
        )
        wrong = zk.ConnectRequest(
            protocol=0, zxid=0, timeout=20_000, session=opened.session, password=b"y" * 16, read_only=False
        )
        async with call(addresses.clear) as thief, call(addresses.clear) as second:
            refused = await thief.connect(wrong)
            assert (refused and refused.session) == 0
            resumed = await second.connect(again)
            assert resumed is not None
            assert (resumed.session, resumed.timeout) == (opened.session, 20_000)
            assert await first.rest() == b""
            assert await second.error(zk.GetData(path="/mine", watch=False)) == 0


async def test_ephemeral_nodes_go_with_their_session() -> None:
    async with (
        serve_zookeeper(HARDENED, TREE) as addresses,
        call(addresses.clear) as watching,
        call(addresses.clear) as owning,
    ):
        await watching.connect()
        await owning.connect()
        await owning.ask(made("/mine", flags=1))
        await watching.ask(zk.Exists(path="/mine", watch=True))
        assert await owning.error(zk.Close()) == 0
        assert await owning.rest() == b""
        gone = await watching.hear()
        assert gone.body == zk.WatchEvent(type=EventType.DELETED, state=3, path="/mine")


async def test_an_idle_session_expires() -> None:
    async with session(ZooKeeperSettings(tick_time=10, client_certificate=ClientCertificate.NONE)) as peer:
        assert await peer.rest() == b""


async def test_a_login_opens_what_its_digest_may() -> None:
    async with session(login=b"bob:pw") as peer:
        found = await peer.ask(zk.GetData(path="/closed", watch=False))
        assert isinstance(found.body, zk.DataReply)
        assert found.body.data == b"secret"
        who = await peer.ask(zk.WhoAmI())
        assert isinstance(who.body, zk.IdentityReply)
        assert {each.user for each in who.body.identities} == {"127.0.0.1", "bob"}
        assert await peer.error(made("/bobs", acl=entry("auth", ""))) == 0
        kept = await peer.ask(zk.GetAcl(path="/bobs"))
        assert isinstance(kept.body, zk.AclReply)
        assert kept.body.acl == (BOB,)


@pytest.mark.parametrize(
    ("scheme", "credential", "error"),
    [
        ("digest", b"nocolon", 0),
        ("digest", None, ErrorCode.AUTH_FAILED),
        ("ip", b"10.0.0.1", 0),
        ("world", b"anyone", ErrorCode.AUTH_FAILED),
        ("x509", b"CN=broker", ErrorCode.AUTH_FAILED),
        ("sasl", b"", ErrorCode.AUTH_FAILED),
        (None, b"", ErrorCode.AUTH_FAILED),
    ],
)
async def test_credentials(scheme: str | None, credential: bytes | None, error: int) -> None:
    async with session() as peer:
        reply = await peer.ask(zk.Auth(type=0, scheme=scheme, credential=credential), -4)
        assert (reply.xid, reply.error) == (-4, error)
        if error:
            assert await peer.rest() == b""
        else:
            assert await peer.error(zk.GetData(path="/far", watch=False)) == ErrorCode.NO_AUTH


@pytest.mark.parametrize(
    ("version", "path", "shown"),
    [
        ("3.8.4", "/shown", "bob:x"),
        ("3.8.4", "/administered", BOB.id),
        ("3.4.13", "/closed", BOB.id),
        ("3.5.4", "/shown", BOB.id),
        ("3.5.5", "/closed", None),
        ("3.4.14", "/closed", None),
    ],
)
async def test_who_sees_digests(version: str, path: str, shown: str | None) -> None:
    async with session(ZooKeeperSettings(version=version, client_certificate=ClientCertificate.NONE)) as peer:
        reply = await peer.ask(zk.GetAcl(path=path))
        if shown is None:
            assert reply.error == ErrorCode.NO_AUTH
        else:
            assert isinstance(reply.body, zk.AclReply)
            assert reply.body.acl[0].id == shown


async def test_numbers_and_versions() -> None:
    async with session(tree=Tree()) as peer:
        root = await peer.ask(zk.Exists(path="/", watch=False))
        assert isinstance(root.body, zk.StatReply)
        assert (root.body.stat.cversion, root.body.stat.num_children) == (-1, 1)
        paths = [(await peer.ask(made("/n-", flags=2))).body for _ in range(2)]
        assert paths == [zk.PathReply(path="/n-0000000000"), zk.PathReply(path="/n-0000000001")]
        changed = await peer.ask(zk.SetData(path="/n-0000000000", data=b"xyz", version=0))
        assert isinstance(changed.body, zk.StatReply)
        assert (changed.body.stat.version, changed.body.stat.data_length) == (1, 3)
        assert changed.body.stat.mzxid == changed.zxid


async def test_several_at_once() -> None:
    async with session() as peer:
        good = await peer.ask(
            Multi(steps=(made("/m"), zk.SetData(path="/m", data=b"1", version=0), zk.Check(path="/m", version=1)))
        )
        assert isinstance(good.body, MultiReply)
        assert [op for op, _ in good.body.results] == [OpCode.CREATE, OpCode.SET_DATA, OpCode.CHECK]
        steps = (
            made("/n"),
            zk.SetAcl(path="/open", acl=OPEN, version=-1),
        )
        with pytest.raises(Exception, match="SetAcl cannot be one of several"):
            pack_request(Multi(steps=steps), xid=1)


async def test_none_is_done_when_one_cannot() -> None:
    async with session() as peer:
        before = await peer.ask(zk.Exists(path="/open", watch=False))
        bad = await peer.ask(
            Multi(
                steps=(
                    made("/open/new"),
                    zk.SetData(path="/open", data=b"changed", version=-1),
                    zk.Delete(path="/open/child", version=-1),
                    zk.Check(path="/open", version=9),
                    made("/later"),
                )
            )
        )
        assert bad.error == 0
        assert isinstance(bad.body, MultiReply)
        codes = [result.error for _, result in bad.body.results if isinstance(result, zk.ErrorReply)]
        assert codes == [0, 0, 0, ErrorCode.BAD_VERSION, ErrorCode.RUNTIME_INCONSISTENCY]
        assert (await peer.ask(zk.Exists(path="/open", watch=False))).body == before.body
        assert await peer.error(zk.Exists(path="/open/child", watch=False)) == 0
        assert await peer.error(zk.Exists(path="/open/new", watch=False)) == ErrorCode.NO_NODE


@pytest.mark.parametrize(
    ("watch", "change", "events"),
    [
        (zk.GetData(path="/open", watch=True), zk.SetData(path="/open", data=b"", version=-1), [(3, "/open")]),
        (zk.Exists(path="/new", watch=True), made("/new"), [(1, "/new")]),
        (zk.GetChildren(path="/open", watch=True), made("/open/new"), [(4, "/open")]),
        (
            zk.GetChildren2(path="/open/child", watch=True),
            zk.Delete(path="/open/child", version=-1),
            [(2, "/open/child")],
        ),
        (zk.GetData(path="/open", watch=True), zk.SetAcl(path="/open", acl=OPEN, version=-1), []),
        (zk.GetData(path="/missing", watch=True), made("/missing"), []),
    ],
    ids=["data", "creation", "children", "deletion", "access list", "data that was not there"],
)
async def test_watches(watch: zk.Request, change: zk.Request, events: list[tuple[int, str]]) -> None:
    async with (
        serve_zookeeper(HARDENED, TREE) as addresses,
        call(addresses.clear) as watching,
        call(addresses.clear) as changing,
    ):
        await watching.connect()
        await changing.connect()
        await watching.ask(watch)
        assert await changing.error(change) == 0
        heard = [(await watching.hear()).body for _ in events]
        assert heard == [zk.WatchEvent(type=kind, state=3, path=path) for kind, path in events]
        # It is told once: the next thing that comes is the answer to the next question.
        assert await changing.error(change) != ErrorCode.NO_AUTH
        assert (await watching.ask(zk.Ping(), -2)).body == zk.Empty()


async def test_a_client_hears_of_its_own_change_before_the_answer() -> None:
    async with session() as peer:
        await peer.ask(zk.GetData(path="/open", watch=True))
        event = await peer.ask(zk.SetData(path="/open", data=b"", version=-1))
        assert isinstance(event.body, zk.WatchEvent)
        assert isinstance((await peer.hear(zk.SetData)).body, zk.StatReply)
