"""The side doors of a reference world: what stands beside the brokers and tells, or does, more than it should."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


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

Port = Annotated[int, Meta(ge=0, le=65535)]


class Door(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side door."""

    kind: Annotated[DoorKind, Meta(description="What stands behind it.")]
    protected: Annotated[bool, Meta(description="Whether it lets in only its user, by HTTP basic authentication.")] = (
        False
    )
    tls: Annotated[bool, Meta(description="Whether it is reached over TLS.")] = False
    secrets: Annotated[bool, Meta(description="Whether what it tells holds a password in clear (Kafka Connect).")] = (
        False
    )
    release: Annotated[str, Meta(description="The version that it names, empty for a recent one.")] = ""
    user: Annotated[str, Meta(description="The one user that a protected door lets in.")] = "operator"
    password: Annotated[str, Meta(description="The password of that user.")] = "open-sesame"  # noqa: S105  of a throw-away world
    port: Annotated[Port, Meta(description="The TCP port on loopback, 0 for any that is free.")] = 0

    def __post_init__(self) -> None:
        if self.secrets and self.kind is not DoorKind.CONNECT:
            raise ValueError(f"{self.kind} tells no secrets; only {DoorKind.CONNECT} does")
        if self.protected and self.kind is DoorKind.JMX_RMI:
            raise ValueError(f"{self.kind} asks for passwords only after what is answered here; it cannot be protected")
        if ":" in self.user:
            raise ValueError("the name of a user holds no colon in HTTP basic authentication")
