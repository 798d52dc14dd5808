"""kazoo, which knows nothing of us, works with a reference ZooKeeper as with a real one."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import (
    AuthFailedError,
    BadVersionError,
    InvalidACLError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl, make_digest_acl

from mskaudit.reference.kafka_znodes import StoredBroker, StoredEndpoint, StoredKafka, kafka_tree
from mskaudit.reference.pki import pki
from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.reference.zookeeper import serve_zookeeper
from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
from mskaudit.wire.scram import ScramCredential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mskaudit.reference.znodes import Tree

WAIT = 10.0
Options = dict[str, Any]


def tree(owner: str | None = None) -> Tree:
    credential = ScramCredential(salt=b"salt", iterations=4096, stored_key=b"stored", server_key=b"server")
    endpoint = StoredEndpoint(host="localhost", port=9092, protocol="PLAINTEXT")
    return kafka_tree(
        StoredKafka(
            cluster_id="cluster",
            brokers=(StoredBroker(id=1, endpoints={"INTERNAL": endpoint}),),
            controller=1,
            users={"alice": {"SCRAM-SHA-512": credential}},
            owner=owner,
        )
    )


@contextmanager
def connected(address: str, options: Options) -> Iterator[Any]:
    client = KazooClient(hosts=address, **options)
    client.start(WAIT)
    try:
        yield client
    finally:
        client.stop()
        client.close()


@pytest.fixture
def certificates(tmp_path: Path) -> Callable[[str | None], Options]:
    """Kazoo's options for TLS with somebody's certificate."""

    def options(name: str | None) -> Options:
        authority = tmp_path / "ca.pem"
        authority.write_text(pki().authority)
        chosen: Options = {"use_ssl": True, "ca": str(authority), "check_hostname": False}
        if name is not None:
            credential = getattr(pki(), name)
            (tmp_path / "certificate.pem").write_text(credential.certificate)
            (tmp_path / "key.pem").write_text(credential.key)
            chosen |= {"certfile": str(tmp_path / "certificate.pem"), "keyfile": str(tmp_path / "key.pem")}
        return chosen

    return options


def reading(address: str, options: Options) -> None:
    with connected(address, options) as client:
        assert client.get_children("/brokers/ids") == ["1"]
        content, stat = client.get("/brokers/ids/1")
        assert b'"INTERNAL://localhost:9092"' in content
        assert stat.dataLength == len(content)
        assert stat.ephemeralOwner
        assert client.get("/config/users/alice")[0].startswith(b'{"version":1,"config":{"SCRAM-SHA-512":"salt=')
        assert client.exists("/missing") is None
        with pytest.raises(NoNodeError):
            client.get("/missing")
        assert [entry.perms for entry in client.get_acls("/config/users/alice")[0]] == [31]
        assert client.sync("/brokers") == "/brokers"


def writing(address: str, options: Options) -> None:
    with connected(address, options) as client:
        assert client.create("/a/b/c", b"x", makepath=True) == "/a/b/c"
        with pytest.raises(NodeExistsError):
            client.create("/a")
        with pytest.raises(NotEmptyError):
            client.delete("/a")
        with pytest.raises(BadVersionError):
            client.set("/a", b"", version=7)
        assert client.set("/a", b"new").version == 1
        path, stat = client.create("/a/n-", sequence=True, ephemeral=True, include_data=True)
        assert path == "/a/n-0000000001"
        assert stat.ephemeralOwner == client.client_id[0]
        several = client.transaction()
        several.create("/a/d")
        several.check("/a", version=9)
        first, second = several.commit()
        assert isinstance(first, RolledBackError)
        assert isinstance(second, BadVersionError)
        assert client.exists("/a/d") is None
        client.delete("/a", recursive=True)
        assert client.exists("/a") is None


def watching(address: str, options: Options) -> None:
    with connected(address, options) as client, connected(address, options) as other:
        changed, grown = Event(), Event()
        client.create("/w")
        client.get("/w", watch=lambda _: changed.set())
        client.get_children("/w", watch=lambda _: grown.set())
        other.set("/w", b"new")
        other.create("/w/child")
        assert changed.wait(WAIT)
        assert grown.wait(WAIT)


def being_refused(address: str, options: Options) -> None:
    with connected(address, options) as client:
        client.create("/mine", b"secret", acl=[make_digest_acl("bob", "pw", all=True)])
        client.create(
            "/shown", b"seen", acl=[make_digest_acl("bob", "pw", all=True), make_acl("world", "anyone", read=True)]
        )
        refusals: list[Callable[[], Any]] = [
            lambda: client.get("/mine"),
            lambda: client.get_children("/mine"),
            lambda: client.get_acls("/mine"),
            lambda: client.set("/shown", b""),
            lambda: client.create("/shown/child"),
            lambda: client.set_acls("/shown", [make_acl("world", "anyone", all=True)]),
        ]
        for refused in refusals:
            with pytest.raises(NoAuthError):
                refused()
        assert client.get_acls("/shown")[0][0].id.id == "bob:x"
        with pytest.raises(InvalidACLError):
            client.create("/other", acl=[make_acl("digest", "halved", all=True)])
        assert client.add_auth("digest", "bob:pw")
        assert client.get("/mine")[0] == b"secret"
    with connected(address, options) as client, pytest.raises(AuthFailedError):
        client.add_auth("bogus", "x")


SCENARIOS = pytest.mark.parametrize("scenario", [reading, writing, watching, being_refused])


@SCENARIOS
async def test_in_clear(scenario: Callable[[str, Options], None]) -> None:
    async with serve_zookeeper(ZooKeeperSettings(), tree()) as addresses:
        assert addresses.clear is not None
        await asyncio.to_thread(scenario, addresses.clear, {})


@SCENARIOS
@pytest.mark.parametrize(
    ("wanted", "shown"),
    [(ClientCertificate.NONE, None), (ClientCertificate.REQUESTED, None), (ClientCertificate.REQUIRED, "client")],
)
async def test_behind_tls(
    scenario: Callable[[str, Options], None],
    wanted: ClientCertificate,
    shown: str | None,
    certificates: Callable[[str | None], Options],
) -> None:
    settings = ZooKeeperSettings(client_certificate=wanted)
    async with serve_zookeeper(settings, tree(), clear_port=None, tls_port=0) as addresses:
        assert addresses.tls is not None
        await asyncio.to_thread(scenario, addresses.tls, certificates(shown))


async def test_no_certificate_no_session(certificates: Callable[[str | None], Options]) -> None:
    def try_it(address: str) -> None:
        client = KazooClient(hosts=address, timeout=0.5, **certificates(None))
        with pytest.raises(KazooTimeoutError):
            client.start(0.5)
        client.close()

    async with serve_zookeeper(ZooKeeperSettings(), tree(), tls_port=0) as addresses:
        assert addresses.tls is not None
        await asyncio.to_thread(try_it, addresses.tls)


@pytest.mark.parametrize("shown", ["broker", "client"])
async def test_a_broker_owns_its_nodes(shown: str, certificates: Callable[[str | None], Options]) -> None:
    def visit(address: str) -> None:
        with connected(address, certificates(shown)) as client:
            acl = client.get_acls("/brokers")[0]
            assert [(each.perms, each.id.scheme, each.id.id) for each in acl] == [
                (31, "x509", "CN=broker"),
                (1, "world", "anyone"),
            ]
            if shown == "broker":
                assert client.get("/config/users/alice")[0]
                client.set("/brokers", b"mine")
                return
            assert client.get_children("/brokers/ids") == ["1"]
            for refused in (client.get, client.get_acls, client.get_children):
                with pytest.raises(NoAuthError):
                    refused("/config/users")
            with pytest.raises(NoAuthError):
                client.set("/brokers", b"mine")

    async with serve_zookeeper(ZooKeeperSettings(), tree("CN=broker"), tls_port=0) as addresses:
        assert addresses.tls is not None
        await asyncio.to_thread(visit, addresses.tls)
