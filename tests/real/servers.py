"""Apache Kafka as a process: settings in, addresses out.

Every broker has one listener more than it is asked for: `HARNESS`, with client certificates required, over which
brokers speak among themselves and the harness makes users, ACLs and topics. Its certificate's name is a super user.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from mskaudit.reference.pki import client_context, pki
from mskaudit.reference.releases import Mode
from mskaudit.wire.messages import MetadataRequest, MetadataResponse
from tests.real.jvm import Launch, Running, run, started
from tests.real.maven import CACHE, Profile, RealError, locked
from tests.real.ports import free_ports
from tests.real.talk import Address, Closed, answers, talk

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

HARNESS: Final = "HARNESS"
CONTROLLER: Final = "CONTROLLER"
SUPER_USER: Final = "User:CN=broker"
LOOPBACK: Final = "127.0.0.1"
CLUSTER_ID: Final = "bXNrYXVkaXRfX19yZWFsMQ"
_ATTEMPTS: Final = 3
_HERE: Final = "$DIRECTORY"

RELEASES: Final[Mapping[str, Profile]] = {
    "2.8.2": Profile.R282,
    "3.3.2": Profile.R332,
    "3.9.2": Profile.ZK39,
    "4.0.2": Profile.R402,
    "4.4.0": Profile.KRAFT4,
}

_SLIM: Final = {
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.cleaner.io.buffer.size": "65536",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "background.threads": "2",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # A header of four bytes must not cost a small heap all it has.
    "socket.request.max.bytes": "1048576",
}


class Setup(Struct, frozen=True, kw_only=True):
    """A broker to start: `listeners` gives the protocol of each, `settings` what stands in `server.properties` besides.

    `files` are written beside it; `options` go to the JVM. `$DIRECTORY` in either is where they are.
    """

    release: str
    mode: Mode
    listeners: Mapping[str, str]
    settings: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    options: tuple[str, ...] = ()
    cluster_id: str = CLUSTER_ID


class Server(NamedTuple):
    """A broker that answers: its addresses by listener, the process, and the seconds it took."""

    setup: Setup
    addresses: Mapping[str, Address]
    directory: Path
    process: Running
    seconds: float

    @property
    def harness(self) -> Address:
        """Where the super user is let in."""
        return self.addresses[HARNESS]


@cache
def harness_context() -> ssl.SSLContext:
    """TLS as the super user."""
    return client_context(pki().broker)


def write_pki(directory: Path) -> None:
    """The stores that every process may read: `broker.pem`, and `ca.pem` to trust."""
    (directory / "broker.pem").write_text(pki().broker.key + pki().broker.certificate)
    (directory / "ca.pem").write_text(pki().authority)


@contextmanager
def broker(setup: Setup, *, zookeeper: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A broker that answers and knows itself; `zookeeper` are its `zookeeper.*` settings in that mode.

    Raises:
        RealError: it did not start; its logs are in the message.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="kafka-")))
        yield stack.enter_context(broker_in(directory, setup, zookeeper=zookeeper))


@contextmanager
def broker_in(directory: Path, setup: Setup, *, zookeeper: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The same with what an earlier one left in a directory, as after a restart."""
    for attempt in range(1, _ATTEMPTS + 1):
        with ExitStack() as stack:
            try:
                server = stack.enter_context(_attempt(directory, setup, zookeeper or {}))
            except RealError as fault:
                if attempt == _ATTEMPTS or "Address already in use" not in str(fault):
                    raise
                continue
            yield server
            return


@contextmanager
def _attempt(directory: Path, setup: Setup, zookeeper: Mapping[str, str]) -> Iterator[Server]:
    write_pki(directory)
    for name, content in setup.files.items():
        (directory / name).write_text(content)
    names = (*setup.listeners, HARNESS, *([CONTROLLER] if setup.mode is not Mode.ZOOKEEPER else []))
    addresses = {name: (LOOPBACK, port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    settings = _properties(setup, addresses) | dict(zookeeper)
    placed = {key: value.replace(_HERE, str(directory)) for key, value in settings.items()}
    write_properties(directory / "server.properties", placed)
    if setup.mode is not Mode.ZOOKEEPER and not (directory / "data").exists():
        _format(directory / "data", setup)
    launch = Launch(
        name="kafka",
        profile=RELEASES[setup.release],
        main="kafka.Kafka",
        arguments=("server.properties",),
        directory=directory,
        options=tuple(option.replace(_HERE, str(directory)) for option in setup.options),
    )
    with started(launch) as process:
        seconds = process.await_ready(lambda: answers(addresses[HARNESS], harness_context()))
        seconds += process.await_ready(lambda: _knows_itself(addresses[HARNESS]))
        yield Server(setup, addresses, directory, process, seconds)


def _knows_itself(address: Address) -> bool:
    """Whether Metadata lists a broker and a controller, which takes half a second longer in ZooKeeper mode."""
    try:
        with talk(address, harness_context()) as conversation:
            told = conversation.ask(MetadataRequest(topics=()), 7, MetadataResponse)
    except (OSError, Closed):
        return False
    return bool(told.brokers) and told.controller_id >= 0


def _properties(setup: Setup, addresses: Mapping[str, Address]) -> dict[str, str]:
    protocols = {**setup.listeners, HARNESS: "SSL"}
    advertised = {name: f"{name}://localhost:{addresses[name][1]}" for name in protocols}
    bound = {name: f"{name}://{LOOPBACK}:{port}" for name, (_, port) in addresses.items()}
    settings = {
        **_SLIM,
        "listeners": ",".join(bound.values()),
        "advertised.listeners": ",".join(advertised.values()),
        "inter.broker.listener.name": HARNESS,
        "ssl.keystore.type": "PEM",
        **_keystore(setup),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "ca.pem",
        "listener.name.harness.ssl.client.auth": "required",
        "super.users": SUPER_USER,
        "log.dirs": "data",
    }
    if setup.mode is Mode.ZOOKEEPER:
        settings["broker.id"] = "1"
    else:
        protocols[CONTROLLER] = "SSL"
        settings |= {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@localhost:{addresses[CONTROLLER][1]}",
            "controller.listener.names": CONTROLLER,
            "listener.name.controller.ssl.client.auth": "required",
        }
    settings["listener.security.protocol.map"] = ",".join(f"{name}:{protocol}" for name, protocol in protocols.items())
    return settings | dict(setup.settings)


def _keystore(setup: Setup) -> dict[str, str]:
    if setup.release.startswith("2."):
        # Such a release wants a password for a key in a file, also where the key has none.
        return {"ssl.keystore.key": pki().broker.key, "ssl.keystore.certificate.chain": pki().broker.certificate}
    return {"ssl.keystore.location": "broker.pem"}


def write_properties(file: Path, settings: Mapping[str, str]) -> None:
    """A file of Java properties."""
    lines = [f"{key}={_escaped(value)}\n" for key, value in settings.items()]
    file.write_text("".join(lines), encoding="latin-1")


def _escaped(value: str) -> str:
    """A value as the class Properties reads it back."""
    doubled = value.replace("\\", "\\\\").replace("\n", "\\n")
    leading = re.sub(r"^ ", r"\\ ", doubled)
    return leading.encode("ascii", "backslashreplace").decode().replace("\\x", "\\u00")


def _format(data: Path, setup: Setup) -> None:
    """A formatted directory, copied from one that is formatted once per class path."""
    shutil.copytree(_formatted(RELEASES[setup.release]), data)
    file = data / "meta.properties"
    file.write_text(re.sub("(?m)^cluster.id=.*$", f"cluster.id={setup.cluster_id}", file.read_text()))


@cache
def _formatted(profile: Profile) -> Path:
    place = CACHE / "formatted" / profile
    with locked(place):
        if not (place / "data" / "meta.properties").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            _run_format(place, profile)
    return place / "data"


def _run_format(place: Path, profile: Profile) -> None:
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": "1@localhost:1",
        "controller.listener.names": CONTROLLER,
        "listeners": f"{CONTROLLER}://{LOOPBACK}:1,PLAINTEXT://{LOOPBACK}:2",
        "listener.security.protocol.map": f"{CONTROLLER}:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": "data",
    }
    write_properties(place / "format.properties", settings)
    arguments = ("format", "--cluster-id", CLUSTER_ID, "--config", "format.properties")
    main = "kafka.tools.StorageTool"
    run(Launch(name="format", profile=profile, main=main, arguments=arguments, directory=place))
