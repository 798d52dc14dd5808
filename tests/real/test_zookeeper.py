"""TLS between brokers and ZooKeeper: whom a real one lets in, and what a broker leaves there for whom; so does ours."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from kazoo.exceptions import NoAuthError, NoNodeError
from msgspec import structs

from mskaudit.reference import worlds
from mskaudit.reference.pki import client_context, pki
from mskaudit.reference.tls_settings import ClientCertificate, TlsSettings, TlsVersion
from mskaudit.reference.worlds import World, ZooKeeperSide
from tests.real.beside import beside
from tests.real.brokers import Line, kafka
from tests.real.keepers import session, zookeeper
from tests.real.scenes import scene
from tests.real.stage import address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kazoo.client import KazooClient

    from tests.real.talk import Address

_BOTH: Final = TlsSettings(versions=(TlsVersion.TLS_1_2, TlsVersion.TLS_1_3))
_OLD: Final = TlsSettings(versions=(TlsVersion.TLS_1_2,))
_VERSIONS: Final = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
_SIDES: Final = {
    "no certificates": ZooKeeperSide(tls=_BOTH, client_certificate=ClientCertificate.NONE),
    "certificates requested": ZooKeeperSide(tls=_BOTH, client_certificate=ClientCertificate.REQUESTED),
    "certificates required": ZooKeeperSide(tls=_BOTH),
    "TLS 1.2 alone": ZooKeeperSide(tls=_OLD),
    "one port for both": ZooKeeperSide(tls=_BOTH, port_unification=True),
}
_PATHS: Final = (
    "/",
    "/brokers",
    "/brokers/ids",
    "/brokers/ids/1",
    "/brokers/topics",
    "/brokers/topics/foo",
    "/controller",
    "/config",
    "/config/topics",
    "/config/users",
    "/config/users/alice",
    "/config/brokers",
    "/kafka-acl",
    "/kafka-acl/Topic",
    "/kafka-acl/Topic/foo",
    "/kafka-acl-extended",
    "/admin",
    "/consumers",
    "/isr_change_notification",
    "/delegation_token",
    "/delegation_token/tokens",
    "/feature",
    "/no-such-node",
)


@contextmanager
def _reference(world: World) -> Iterator[tuple[Address, Address]]:
    """The reference's ZooKeeper: its clear and its TLS address."""
    with beside(lambda: worlds.run(world)) as running:
        assert running.zookeeper is not None  # the world has one
        assert running.zookeeper.clear is not None
        assert running.zookeeper.tls is not None
        yield address(running.zookeeper.clear), address(running.zookeeper.tls)


def _world(side: ZooKeeperSide) -> World:
    cluster = scene("deny, others have ACLs", Line.ZOOKEEPER)
    return World(title="x", description="x", as_of="2026-11-23", brokers=cluster, zookeeper=side)


def _greeted(place: Address, context: ssl.SSLContext | None) -> Any:
    """What comes of the word `srvr`: an answer, or how it ends."""
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(socket.create_connection(place, 1.0))
            if context is not None:
                stream = stack.enter_context(context.wrap_socket(stream, server_hostname="localhost"))
            stream.sendall(b"srvr")
            return stream.recv(64).startswith(b"Zookeeper version")
    except ssl.SSLError as fault:
        return fault.reason or type(fault).__name__
    except TimeoutError:
        return "silence"
    except ConnectionError:
        return "closed"


def _let_in(clear: Address, secure: Address) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, version in _VERSIONS.items():
        for who, credential in {"nobody": None, "client": pki().client, "stranger": pki().stranger}.items():
            context = client_context(credential)
            context.minimum_version = context.maximum_version = version
            told[f"{name}, {who}"] = _greeted(secure, context)
    told["in clear"] = _greeted(clear, None)
    told["in clear at the TLS port"] = _greeted(secure, None)
    told["TLS at the clear port"] = _greeted(clear, client_context(pki().client))
    return told


@pytest.mark.parametrize("name", _SIDES)
def test_who_is_let_in(name: str) -> None:
    side = _SIDES[name]
    with zookeeper(side) as running:
        assert running.secure is not None  # every side has TLS
        theirs = _let_in(running.clear, running.secure)
    with _reference(_world(side)) as (clear, secure):
        ours = _let_in(clear, secure)
    assert ours == theirs


def _nodes(client: KazooClient) -> dict[str, Any]:
    """For each node its access list, and whether it can be read."""
    return {path: _node(client, path) for path in _PATHS}


def _node(client: KazooClient, path: str) -> Any:
    listed: Any
    try:
        acls, _ = client.get_acls(path)
        listed = sorted([one.id.scheme, one.id.id, one.perms] for one in acls)
    except NoNodeError:
        return "no node"
    except NoAuthError:
        listed = "not allowed"
    try:
        client.get(path)
    except NoAuthError:
        return [listed, "not allowed"]
    return [listed, "readable"]


@pytest.mark.parametrize(
    ("set_acl", "settings"),
    [(True, {}), (False, {}), (True, {"delegation.token.secret.key": "x"})],
    ids=["zookeeper.set.acl", "open", "with tokens"],
)
def test_what_a_broker_leaves_for_whom(set_acl: bool, settings: dict[str, str]) -> None:  # noqa: FBT001  a setting
    side = ZooKeeperSide(tls=_BOTH, set_acl=set_acl)
    world = _world(side)
    assert world.brokers is not None  # it is made of them
    world = structs.replace(world, brokers=structs.replace(world.brokers, settings=settings))
    assert world.brokers is not None  # it is made of them
    with kafka(world.brokers, Line.ZOOKEEPER, side=side) as running:
        assert running.keeper is not None  # that line has one
        with session(running.keeper.clear) as client:
            theirs = _nodes(client)
    with _reference(world) as (clear, _), session(clear) as client:
        ours = _nodes(client)
    assert ours == theirs
    owner = [["world", "anyone", 1], ["x509", "CN=broker", 31]]
    assert theirs["/kafka-acl/Topic/foo"][0] == (owner if set_acl else [["world", "anyone", 31]])
    assert (theirs["/delegation_token"] != "no node") == bool(settings)
    assert theirs["/config/users/alice"][1] == ("not allowed" if set_acl else "readable")
