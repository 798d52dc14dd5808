"""The side doors of a reference world: what stands beside the brokers and tells, or does, more than it should."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, assert_never

from msgspec import Meta, Struct

from mskaudit.errors import UsageError
from mskaudit.reference import door_pages
from mskaudit.reference.http import Reply, Request, serve_http
from mskaudit.reference.listening import HOST, listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mskaudit.reference.channel import Channel
    from mskaudit.reference.door_pages import Site
    from mskaudit.reference.tls_session import TlsContext


class DoorKind(StrEnum):
    """What stands behind a side door."""

    JMX_EXPORTER = "jmx-exporter"
    NODE_EXPORTER = "node-exporter"
    CONNECT = "connect"
    SCHEMA_REGISTRY = "schema-registry"
    REST_PROXY = "rest-proxy"
    ADMIN_SERVER = "admin-server"
    JOLOKIA = "jolokia"
    JMX_RMI = "jmx-rmi"


USUAL_PORTS: Final[Mapping[DoorKind, int]] = {
    DoorKind.JMX_EXPORTER: 11001,
    DoorKind.NODE_EXPORTER: 11002,
    DoorKind.CONNECT: 8083,
    DoorKind.SCHEMA_REGISTRY: 8081,
    DoorKind.REST_PROXY: 8082,
    DoorKind.ADMIN_SERVER: 8080,
    DoorKind.JOLOKIA: 8778,
    DoorKind.JMX_RMI: 9999,
}
"""Where each is found in the field; of the exporters, where MSK puts them."""

_RELEASES: Final[Mapping[DoorKind, str]] = {
    DoorKind.JMX_EXPORTER: "1.0.1",
    DoorKind.NODE_EXPORTER: "1.8.2",
    DoorKind.CONNECT: "3.9.2",
    DoorKind.SCHEMA_REGISTRY: "7.7.1",
    DoorKind.ADMIN_SERVER: "3.8.4",
    DoorKind.JOLOKIA: "1.7.1",
}
"""The version that each names unless told otherwise; the others name none."""

Port = Annotated[int, Meta(ge=0, le=65535)]


class Door(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side door."""

    kind: Annotated[DoorKind, Meta(description="what stands behind it")]
    protected: Annotated[bool, Meta(description="it lets in only its user, by HTTP basic authentication")] = False
    tls: Annotated[bool, Meta(description="it is reached over TLS")] = False
    secrets: Annotated[bool, Meta(description="what it tells holds a password in clear (Kafka Connect)")] = False
    release: Annotated[str, Meta(description="the version that it names; empty for a recent one")] = ""
    user: Annotated[str, Meta(description="the one user that a protected door lets in")] = "operator"
    password: Annotated[str, Meta(description="the password of that user")] = "open-sesame"  # noqa: S105  of a throw-away world
    port: Annotated[Port, Meta(description="the TCP port on loopback; 0 for any that is free")] = 0

    def __post_init__(self) -> None:
        if self.secrets and self.kind is not DoorKind.CONNECT:
            raise ValueError(f"{self.kind} tells no secrets; only {DoorKind.CONNECT} does")
        if self.protected and self.kind is DoorKind.JMX_RMI:
            raise ValueError(f"{self.kind} asks for passwords only after what is answered here; it cannot be protected")
        if self.release and self.kind not in _RELEASES:
            raise ValueError(f"{self.kind} names no version")
        if ":" in self.user:
            raise ValueError("the name of a user holds no colon in HTTP basic authentication")


@asynccontextmanager
async def serve_doors(
    doors: Mapping[str, Door], *, tls_context: TlsContext | None = None
) -> AsyncIterator[Mapping[str, str]]:
    """Where the doors are, by name, until the context ends: a URL without trailing slash, `host:port` of JMX RMI.

    Raises:
        UsageError: a door wants TLS and there is no context, or a port that is not to be had.
    """
    async with AsyncExitStack() as stack:
        addresses = {}
        for name, door in doors.items():
            if door.tls and tls_context is None:
                raise UsageError(f"the side door {name} wants TLS, and there is none to give it")
            context = tls_context if door.tls else None
            if door.kind is DoorKind.JMX_RMI:
                port = await stack.enter_async_context(listen(shake_hands, port=door.port, tls_context=context))
                addresses[name] = f"{HOST}:{port}"
            else:
                respond = partial(_respond, door, _site(door))
                serving = serve_http(respond, port=door.port, tls_context=context)
                addresses[name] = await stack.enter_async_context(serving)
        yield addresses


def _site(door: Door) -> Site:
    release = door.release or (_RELEASES[door.kind] if door.kind in _RELEASES else "")
    match door.kind:
        case DoorKind.JMX_EXPORTER:
            return door_pages.jmx_exporter(release)
        case DoorKind.NODE_EXPORTER:
            return door_pages.node_exporter(release)
        case DoorKind.CONNECT:
            return door_pages.connect(release, password=door_pages.literal_or_reference(secrets=door.secrets))
        case DoorKind.SCHEMA_REGISTRY:
            return door_pages.schema_registry(release)
        case DoorKind.REST_PROXY:
            return door_pages.rest_proxy()
        case DoorKind.ADMIN_SERVER:
            return door_pages.admin_server(release)
        case DoorKind.JOLOKIA:
            return door_pages.jolokia(release)
        case DoorKind.JMX_RMI:
            raise AssertionError("JMX RMI has no pages")
        case _:
            assert_never(door.kind)


def _respond(door: Door, site: Site, request: Request) -> Reply:
    if door.protected and not _lets_in(door, request):
        return Reply(status=401, headers={"www-authenticate": f'Basic realm="{site.realm}"'})
    if request.method not in {"GET", "HEAD"}:
        return site.wrong_method
    return site.pages[request.path] if request.path in site.pages else site.missing(request.path)


def _lets_in(door: Door, request: Request) -> bool:
    given = request.headers["authorization"] if "authorization" in request.headers else ""
    scheme, _, credentials = given.partition(" ")
    known = base64.b64encode(f"{door.user}:{door.password}".encode()).decode("ascii")
    return scheme.lower() == "basic" and credentials.strip() == known


_RMI: Final = b"JRMI\x00\x02"
_STREAM: Final = 0x4B
_SINGLE: Final = 0x4C
_ACKNOWLEDGED: Final = b"N"
_NOT_SUPPORTED: Final = b"O"
_RMI_SECONDS: Final = 30.0


async def shake_hands(channel: Channel) -> None:
    """The beginning of RMI's wire protocol, as a JVM 17 answers it; nothing can be called.

    Source: the grammar of the stream in Oracle's RMI specification, and the registry of a JVM 17.
    """
    async with asyncio.timeout(_RMI_SECONDS):
        hello = await _hello(channel)
        if not hello.startswith(_RMI):
            return
        asked = hello[len(_RMI)]
        if asked not in {_STREAM, _SINGLE}:
            await channel.send(_NOT_SUPPORTED)
            return
        if asked == _STREAM:
            # A JVM tells the peer its own address; the port of the peer is not known at this place.
            await channel.send(_ACKNOWLEDGED + len(HOST).to_bytes(2, "big") + HOST.encode("ascii") + bytes(4))
        while await channel.receive():
            pass


async def _hello(channel: Channel) -> bytes:
    """The magic, the version and the protocol asked for, or as much as shows that they do not come."""
    hello = b""
    while len(hello) <= len(_RMI) and _RMI.startswith(hello[: len(_RMI)]):
        chunk = await channel.receive()
        if not chunk:
            return b""
        hello += chunk
    return hello
