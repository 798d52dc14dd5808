"""Apache ZooKeeper as a process: settings in, addresses out."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kazoo.client import KazooClient

from mskaudit.reference.tls_settings import ClientCertificate
from tests.real.jvm import Launch, Running, started
from tests.real.maven import Profile
from tests.real.ports import free_ports
from tests.real.servers import LOOPBACK, write_pki, write_properties

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mskaudit.reference.worlds import ZooKeeperSide
    from tests.real.talk import Address

# Without a suite of TLS 1.3 in the list that version is never spoken.
_SUITES: Final = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
)
_MAIN: Final = "org.apache.zookeeper.server.ZooKeeperServerMain"


class Keeper(NamedTuple):
    """A ZooKeeper that answers: its address in clear, and the one that speaks TLS if there is one."""

    clear: Address
    secure: Address | None
    directory: Path
    process: Running


@contextmanager
def keeper(
    settings: Mapping[str, str] | None = None, *, secure: bool = False, options: tuple[str, ...] = ()
) -> Iterator[Keeper]:
    """A ZooKeeper of the release that comes with Kafka 3.9; `secure` adds a port that speaks TLS."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="zookeeper-")))
        write_pki(directory)
        clear, tls = free_ports(2)
        lines = {
            "dataDir": "data",
            "tickTime": "2000",
            "clientPort": str(clear),
            "clientPortAddress": LOOPBACK,
            "admin.enableServer": "false",
            "maxClientCnxns": "0",
            **(_secure(tls) if secure else {}),
            **(settings or {}),
        }
        write_properties(directory / "zoo.cfg", lines)
        launch = Launch(
            name="zookeeper",
            profile=Profile.ZK39,
            main=_MAIN,
            arguments=("zoo.cfg",),
            directory=directory,
            heap_mb=64,
            options=options,
        )
        process = stack.enter_context(started(launch))
        process.await_ready(lambda: _serves(clear) and (not secure or _listens(tls)))
        yield Keeper((LOOPBACK, clear), (LOOPBACK, tls) if secure else None, directory, process)


def _secure(port: int) -> dict[str, str]:
    return {
        "secureClientPort": str(port),
        "secureClientPortAddress": LOOPBACK,
        "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
        "ssl.keyStore.location": "broker.pem",
        "ssl.keyStore.type": "PEM",
        "ssl.trustStore.location": "ca.pem",
        "ssl.trustStore.type": "PEM",
        "authProvider.x509": "org.apache.zookeeper.server.auth.X509AuthenticationProvider",
    }


@contextmanager
def zookeeper(side: ZooKeeperSide) -> Iterator[Keeper]:
    """A real ZooKeeper like the reference's; its clear port is there for the harness in any case."""
    wanted = {ClientCertificate.NONE: "none", ClientCertificate.REQUESTED: "want", ClientCertificate.REQUIRED: "need"}
    settings = {"4lw.commands.whitelist": ",".join(side.whitelist)}
    if side.tls is not None:
        settings |= {
            "ssl.clientAuth": wanted[side.client_certificate],
            "ssl.enabledProtocols": ",".join(side.tls.versions),
            "ssl.ciphersuites": ",".join(side.tls.suites or _SUITES),
            "client.portUnification": "true" if side.port_unification else "false",
        }
    with keeper(settings, secure=side.tls is not None) as running:
        yield running


def connecting(kept: Keeper, side: ZooKeeperSide) -> dict[str, str]:
    """The settings of a broker for its ZooKeeper: over TLS with the brokers' certificate where that is spoken."""
    settings = {"zookeeper.set.acl": "true"} if side.set_acl else {}
    if kept.secure is None:
        return settings | connect_string(kept.clear)
    return (
        settings
        | connect_string(kept.secure)
        | {
            "zookeeper.ssl.client.enable": "true",
            "zookeeper.clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
            "zookeeper.ssl.truststore.location": "ca.pem",
            "zookeeper.ssl.truststore.type": "PEM",
            "zookeeper.ssl.keystore.location": "broker.pem",
            "zookeeper.ssl.keystore.type": "PEM",
        }
    )


def _serves(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), 2.0) as stream:
            stream.sendall(b"srvr")
            return stream.recv(64).startswith(b"Zookeeper version")
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), 2.0):
            return True
    except OSError:
        return False


def connect_string(address: Address) -> dict[str, str]:
    """The settings of a broker that speaks to a ZooKeeper in clear."""
    return {"zookeeper.connect": f"localhost:{address[1]}"}


def name_cluster(address: Address, cluster_id: str) -> None:
    """Store the cluster's id, which the first broker would otherwise make up."""
    with session(address) as client:
        client.create("/cluster/id", json.dumps({"version": "1", "id": cluster_id}).encode(), makepath=True)


@contextmanager
def session(address: Address, **more: Any) -> Iterator[KazooClient]:
    """A client of the keeper; `more` is what kazoo wants for TLS."""
    client = KazooClient(hosts=f"{address[0]}:{address[1]}", timeout=10.0, **more)
    client.start(timeout=10.0)
    try:
        yield client
    finally:
        client.stop()
        client.close()
