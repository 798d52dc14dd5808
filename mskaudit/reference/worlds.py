"""Reference worlds: one cluster as AWS describes it and as its brokers answer, kept as data.

A world is a YAML file in `fixtures/worlds`. A turn changes it at dotted paths; withholding makes a part of it
unreachable in the way reality does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from copy import deepcopy
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from mskaudit.errors import UsageError
from mskaudit.model.evidence import Reason
from mskaudit.reference.broker import DEFAULT_LIMITS, Limits, Manner, Ports, Serving, serve
from mskaudit.reference.cluster import Cluster
from mskaudit.reference.doors import Door
from mskaudit.reference.releases import Mode
from mskaudit.reference.tls_settings import DEFAULT_TLS, ClientCertificate, TlsSettings
from mskaudit.reference.zookeeper_settings import ZooKeeperSettings
from mskaudit.resources import folder
from mskaudit.yaml_file import Document, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import boto3

    from mskaudit.reference.cluster import Listener
    from mskaudit.reference.control_plane import ControlPlane, Estate
    from mskaudit.reference.zookeeper import ZooKeeperAddresses

LIVE: Final = "live"
AWS: Final = "aws"
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\[\]]+)\]")
_PATH: Final = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^\[\]]+\])*")
_BOOTSTRAP: Final = "BootstrapBrokerString"
_MANNERS: Final = {Reason.REFUSED: Manner.REFUSING, Reason.TIMED_OUT: Manner.SILENT}


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MSK configuration that the cluster names: the text of its `server.properties`."""

    properties: Annotated[str, Meta(description="the text of `server.properties`")]


class AwsSide(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What AWS knows, in the shapes of the API.

    `configuration` and `key` are found under the ARNs that the cluster names; `bootstrap` are members of
    GetBootstrapBrokers besides those of the brokers' listeners, and win over them.
    """

    account: Annotated[str, Meta(pattern="^[0-9]{12}$", description="the id of the account")]
    region: Annotated[str, Meta(description="the region that the cluster is in")]
    cluster: Annotated[Mapping[str, Any], Meta(description="`ClusterInfo` as DescribeClusterV2 answers it")]
    configuration: Annotated[Configuration | None, Meta(description="the configuration that the cluster names")] = None
    key: Annotated[Mapping[str, Any] | None, Meta(description="`KeyMetadata` of the key that encrypts the volumes")] = (
        None
    )
    bootstrap: Annotated[
        Mapping[str, str], Meta(description="members of GetBootstrapBrokers besides the listeners' own")
    ] = {}

    def __post_init__(self) -> None:
        if not isinstance(_within(self.cluster, "ClusterArn"), str):
            raise ValueError("the cluster has no ClusterArn")  # noqa: TRY004  msgspec turns it into a located error

    @property
    def arn(self) -> str:
        """The cluster's ARN."""
        return str(self.cluster["ClusterArn"])


class ZooKeeperSide(ZooKeeperSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ZooKeeper of a cluster: one server that holds what its brokers would keep there."""

    clear: Annotated[bool, Meta(description="whether it has a port without TLS")] = True
    tls: Annotated[
        TlsSettings | None, Meta(description="how it speaks TLS on a port of its own; null is no such port")
    ] = None
    set_acl: Annotated[bool, Meta(description="`zookeeper.set.acl` of the brokers")] = False
    left_open: Annotated[
        tuple[str, ...], Meta(description="nodes that were there before `zookeeper.set.acl`, and are open still")
    ] = ()

    def __post_init__(self) -> None:
        if not self.clear and self.tls is None:
            raise ValueError("a ZooKeeper has a clear port, one for TLS, or both")
        if not self.clear and self.port_unification:
            raise ValueError("there is no clear port that could take TLS too")
        if self.left_open and not self.set_acl:
            raise ValueError("without set_acl every node is open")


class World(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One world."""

    title: Annotated[str, Meta(description="what it is, in a few words")]
    description: Annotated[str, Meta(description="what it is, in a sentence or two")]
    as_of: Annotated[
        str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="the date it is to be judged at, as YYYY-MM-DD")
    ]
    aws: Annotated[AwsSide | None, Meta(description="what AWS says of the cluster")] = None
    brokers: Annotated[Cluster | None, Meta(description="the brokers")] = None
    zookeeper: Annotated[ZooKeeperSide | None, Meta(description="the ZooKeeper that the brokers use")] = None
    doors: Annotated[Mapping[str, Door], Meta(description="what stands beside the brokers, by name")] = {}

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.as_of)
        except ValueError:
            raise ValueError(f"as_of is {self.as_of}, which is no day") from None
        if self.zookeeper is not None and (self.brokers is None or self.brokers.mode is not Mode.ZOOKEEPER):
            raise ValueError("only a cluster in zookeeper mode has a ZooKeeper")


def names() -> tuple[str, ...]:
    """The worlds there are, sorted."""
    return tuple(sorted(path.stem for path in folder("fixtures/worlds").glob("*.yaml")))


def load(name: str) -> World:
    """A world as it is.

    Raises:
        UsageError: there is no such world, or its file is wrong.
    """
    return turned(name, {})


def turned(name: str, turn: Mapping[str, Any]) -> World:
    """A world with a value set at each dotted path, parents made as needed; None removes what is there.

    Raises:
        UsageError: there is no such world, a path leads nowhere, or the turned world does not hold together.
    """
    document = _document(name)
    value = deepcopy(document.value)
    for path, setting in turn.items():
        _set(value, path, deepcopy(setting))
    called = f"{document.name}, turned," if turn else document.name
    return Document(called, value, document.lines).convert(World, strict=False)


def _document(name: str) -> Document:
    if name not in names():
        raise UsageError(f"there is no world {name!r}; there are {', '.join(names())}")
    file = f"{name}.yaml"
    return read(folder("fixtures/worlds") / file, f"fixtures/worlds/{file}")


def _set(document: Any, path: str, setting: Any) -> None:
    *parents, last = steps(path)
    if (top := [*parents, last][0]) not in World.__struct_fields__:
        raise UsageError(f"cannot turn {path}: a world has {', '.join(World.__struct_fields__)}, but no {top!r}")
    place = document
    for parent in parents:
        if isinstance(place, dict) and place.get(parent) is None:
            place[parent] = {}
        place = place[parent] if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise UsageError(f"cannot turn {path}: the path does not lead through mappings")
    if setting is not None:
        place[last] = setting
    elif last in place:
        del place[last]
    else:
        raise UsageError(f"cannot turn {path}: there is nothing to remove")


def steps(path: str) -> list[str]:
    """The keys of a path such as `brokers.settings[socket.request.max.bytes]`; brackets hold a key with dots.

    Raises:
        UsageError: that is no path.
    """
    if not _PATH.fullmatch(path):
        raise UsageError(f"cannot turn {path!r}: a path has keys with dots between them, such as brokers.release")
    return [plain or bracketed for plain, bracketed in _STEP.findall(path)]


def parse_withhold(entries: Iterable[str]) -> Mapping[str, Reason]:
    """What is withheld and how it fails: `live`, `aws`, `kms:DescribeKey`, or with `=reason` behind it.

    Left open, brokers refuse connections and AWS denies.

    Raises:
        UsageError: nothing of that name, or no such way to fail.
    """
    withheld: dict[str, Reason] = {}
    for entry in entries:
        name, given, reason = entry.partition("=")
        withheld[name] = _reason(entry, reason) if given else Reason.REFUSED if name == LIVE else Reason.DENIED
        _check(name, withheld[name])
    return withheld


def _reason(entry: str, name: str) -> Reason:
    try:
        return Reason(name)
    except ValueError:
        raise UsageError(f"cannot withhold {entry}: there is no reason {name!r}; use {', '.join(Reason)}") from None


def _check(name: str, reason: Reason) -> None:
    if name == LIVE:
        if reason not in _MANNERS:
            raise UsageError(f"brokers cannot be {reason}; use {', '.join(sorted(_MANNERS))}")
    elif name != AWS and ":" not in name:
        raise UsageError(f"cannot withhold {name!r}: use live, aws or an API action such as kms:DescribeKey")
    elif (name, reason) != (AWS, Reason.DENIED):
        from mskaudit.reference.control_plane import ControlPlane, Estate

        ControlPlane(Estate(), {name: reason})


class RunningWorld:
    """A world that can be audited."""

    def __init__(
        self,
        world: World,
        *,
        brokers: Serving | None,
        zookeeper: ZooKeeperAddresses | None,
        doors: Mapping[str, str],
        plane: ControlPlane | None,
        aws_endpoint: str | None,
    ) -> None:
        self.world = world
        self.brokers = brokers
        self.zookeeper = zookeeper
        self.doors = doors
        """Where the side doors are, by name: a URL, or `host:port`."""
        self.plane = plane
        self.aws_endpoint = aws_endpoint
        """The URL at which the AWS of the world answers, where it was wanted."""

    @property
    def arn(self) -> str | None:
        """The ARN of the cluster, None in a world without AWS."""
        return None if self.world.aws is None else self.world.aws.arn

    @property
    def region(self) -> str | None:
        """The AWS region, None in a world without AWS."""
        return None if self.world.aws is None else self.world.aws.region

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of every broker as `host:port`, sorted, whether the control plane lists it or not."""
        return () if self.brokers is None else self.brokers.addresses

    def listener_addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of one listener, in the order of the brokers; UsageError if there is no such listener."""
        known = {} if self.brokers is None else self.brokers.by_listener
        if name not in known:
            raise UsageError(f"there is no listener {name!r}; there are {', '.join(known) or 'none'}")
        return known[name]

    def session(self) -> boto3.Session:
        """A session with the AWS of this world; UsageError in a world without."""
        if self.plane is None:
            raise UsageError("this world has no AWS side")
        return self.plane.session()


@asynccontextmanager
async def run(
    world: World,
    withhold: Mapping[str, Reason] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    ports: Ports = Ports.EPHEMERAL,
    host: str | None = None,
    endpoint: bool = False,
) -> AsyncIterator[RunningWorld]:
    """A world, running until the context ends; `withhold` is what `parse_withhold` returns.

    Raises:
        UsageError: what AWS is to say contradicts its service model, or something cannot be withheld that way.
    """
    refusals = dict(withhold or {})
    live = refusals.pop(LIVE, None)
    if live is not None:
        _check(LIVE, live)
    manner = Manner.ANSWERING if live is None else _MANNERS[live]
    from mskaudit.reference.registered import zookeeper_settings

    async with AsyncExitStack() as stack:
        brokers = None
        if world.brokers is not None:
            arn = None if world.aws is None else world.aws.arn
            serving = serve(world.brokers, manner=manner, limits=limits, ports=ports, host=host, arn=arn)
            brokers = await stack.enter_async_context(serving)
        zookeeper = None
        if world.zookeeper is not None and brokers is not None:
            zookeeper = await stack.enter_async_context(_zookeeper(world.zookeeper, brokers, ports))
            brokers.state.surroundings |= zookeeper_settings(zookeeper, set_acl=world.zookeeper.set_acl)
        doors = {}
        if world.doors:
            doors = dict(await stack.enter_async_context(_doors(world.doors)))
        plane = _plane(world, brokers, refusals)
        yield RunningWorld(
            world,
            brokers=brokers,
            zookeeper=zookeeper,
            doors=doors,
            plane=plane,
            aws_endpoint=await stack.enter_async_context(_endpoint(plane)) if endpoint and plane is not None else None,
        )


def _zookeeper(side: ZooKeeperSide, brokers: Serving, ports: Ports) -> AbstractAsyncContextManager[ZooKeeperAddresses]:
    from mskaudit.reference.registered import cluster_tree
    from mskaudit.reference.zookeeper import serve_zookeeper

    fixed = ports is Ports.FIXED
    return serve_zookeeper(
        side,
        cluster_tree(brokers, set_acl=side.set_acl, left_open=side.left_open),
        clear_port=(2181 if fixed else 0) if side.clear else None,
        tls_port=(2182 if fixed else 0) if side.tls is not None else None,
        tls=side.tls or DEFAULT_TLS,
    )


def _doors(doors: Mapping[str, Door]) -> AbstractAsyncContextManager[Mapping[str, str]]:
    from mskaudit.reference.doors import serve_doors
    from mskaudit.reference.tls_session import tls_context

    return serve_doors(doors, tls_context=tls_context(ClientCertificate.NONE, DEFAULT_TLS))


def _endpoint(plane: ControlPlane) -> AbstractAsyncContextManager[str]:
    from mskaudit.reference.aws_endpoint import serve_aws

    return serve_aws(plane)


def _plane(world: World, brokers: Serving | None, refusals: Mapping[str, Reason]) -> ControlPlane | None:
    if world.aws is None:
        for name, reason in refusals.items():
            _check(name, reason)
        return None
    from mskaudit.reference.control_plane import ControlPlane

    listed = {} if world.brokers is None or brokers is None else _bootstrap(world.brokers.listeners, brokers)
    return ControlPlane(_estate(world.aws, listed | dict(world.aws.bootstrap)), refusals)


def _estate(aws: AwsSide, bootstrap: Mapping[str, str]) -> Estate:
    from mskaudit.reference.control_plane import Estate

    software = ("Provisioned", "CurrentBrokerSoftwareInfo")
    configuration = _within(aws.cluster, *software, "ConfigurationArn")
    revision = _within(aws.cluster, *software, "ConfigurationRevision")
    key = _within(aws.cluster, "Provisioned", "EncryptionInfo", "EncryptionAtRest", "DataVolumeKMSKeyId")
    configurations = {}
    if aws.configuration is not None and isinstance(configuration, str) and isinstance(revision, int):
        configurations = {(configuration, revision): aws.configuration.properties}
    return Estate(
        account=aws.account,
        region=aws.region,
        clusters=(aws.cluster,),
        bootstrap={aws.arn: bootstrap},
        configurations=configurations,
        keys={key: {"Arn": key, **aws.key}} if isinstance(key, str) and aws.key is not None else {},
    )


def _within(value: Any, *path: str) -> Any:
    """What stands at a path of members, None if nothing does."""
    for member in path:
        if not isinstance(value, Mapping) or member not in value:
            return None
        value = value[member]
    return value


def _bootstrap(listeners: Mapping[str, Listener], brokers: Serving) -> dict[str, str]:
    """The members of GetBootstrapBrokers: for every kind the addresses of all brokers and listeners."""
    members: dict[str, list[str]] = {}
    for name, bound in brokers.by_listener.items():
        if (kind := listeners[name].bootstrap) is not None:
            members.setdefault(_BOOTSTRAP + kind.removeprefix("Plaintext"), []).extend(bound)
    return {member: ",".join(listed) for member, listed in members.items()}
