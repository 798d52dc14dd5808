"""Reference worlds: one cluster as AWS describes it and as its brokers answer, kept as data.

A world is a YAML file in `fixtures/worlds`. A turn changes it at dotted paths; withholding makes a part of it
unreachable in the way reality does.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from mskaudit.errors import UsageError
from mskaudit.model.evidence import Reason
from mskaudit.reference.broker import DEFAULT_LIMITS, Limits, Manner, Ports, Serving, serve
from mskaudit.reference.cluster import Cluster
from mskaudit.resources import folder
from mskaudit.yaml_file import Document, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import boto3

    from mskaudit.reference.cluster import Listener
    from mskaudit.reference.control_plane import ControlPlane, Estate

LIVE: Final = "live"
AWS: Final = "aws"
_BOOTSTRAP: Final = "BootstrapBrokerString"
_MANNERS: Final = {Reason.REFUSED: Manner.REFUSING, Reason.TIMED_OUT: Manner.SILENT}


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MSK configuration that the cluster names: the text of its `server.properties`."""

    properties: str


class AwsSide(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What AWS knows, in the shapes of the API.

    `configuration` and `key` are found under the ARNs that the cluster names; `bootstrap` are members of
    GetBootstrapBrokers besides those of the brokers' listeners, and win over them.
    """

    account: Annotated[str, Meta(pattern="^[0-9]{12}$")]
    region: str
    cluster: Mapping[str, Any]
    configuration: Configuration | None = None
    key: Mapping[str, Any] | None = None
    bootstrap: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        if not isinstance(_within(self.cluster, "ClusterArn"), str):
            raise ValueError("the cluster has no ClusterArn")  # noqa: TRY004  msgspec turns it into a located error

    @property
    def arn(self) -> str:
        """The cluster's ARN."""
        return str(self.cluster["ClusterArn"])


class World(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One world; `as_of` is the ISO date it is to be judged at."""

    title: str
    description: str
    as_of: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    aws: AwsSide | None = None
    brokers: Cluster | None = None


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
    return Document(called, value, document.lines).convert(World)


def _document(name: str) -> Document:
    if name not in names():
        raise UsageError(f"there is no world {name!r}; there are {', '.join(names())}")
    file = f"{name}.yaml"
    return read(folder("fixtures/worlds") / file, f"fixtures/worlds/{file}")


def _set(document: Any, path: str, setting: Any) -> None:
    *parents, last = path.split(".")
    if (top := path.split(".", 1)[0]) not in World.__struct_fields__:
        raise UsageError(f"cannot turn {path}: a world has {', '.join(World.__struct_fields__)}, but no {top!r}")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict) or not all(path.split(".")):
        raise UsageError(f"cannot turn {path}: the path does not lead through mappings")
    if setting is not None:
        place[last] = setting
    elif last in place:
        del place[last]
    else:
        raise UsageError(f"cannot turn {path}: there is nothing to remove")


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

    def __init__(self, world: World, brokers: Serving | None, plane: ControlPlane | None) -> None:
        self.world = world
        self.brokers = brokers
        self._plane = plane

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
        if self._plane is None:
            raise UsageError("this world has no AWS side")
        return self._plane.session()


@asynccontextmanager
async def run(
    world: World,
    withhold: Mapping[str, Reason] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    ports: Ports = Ports.EPHEMERAL,
    host: str | None = None,
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
    async with AsyncExitStack() as stack:
        brokers = None
        if world.brokers is not None:
            arn = None if world.aws is None else world.aws.arn
            serving = serve(world.brokers, manner=manner, limits=limits, ports=ports, host=host, arn=arn)
            brokers = await stack.enter_async_context(serving)
        yield RunningWorld(world, brokers, _plane(world, brokers, refusals))


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
    if aws.configuration is not None and configuration is not None and revision is not None:
        configurations = {(configuration, revision): aws.configuration.properties}
    return Estate(
        account=aws.account,
        region=aws.region,
        clusters=(aws.cluster,),
        bootstrap={aws.arn: bootstrap},
        configurations=configurations,
        keys={key: {"Arn": key, **aws.key}} if key is not None and aws.key is not None else {},
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
