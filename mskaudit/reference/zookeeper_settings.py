"""How a reference ZooKeeper is set up."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.wire.zookeeper_codes import PACKET_LIMIT

_BUILDS: Final = {
    "3.8.4": "3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC",
}
_EPOCH: Final = "1970-01-01 00:00 UTC"
_ACL_READ_CHECKED: Final = ((3, 4, 14), (3, 5, 5))


class ZooKeeperSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ZooKeeper server, hardened as far as its defaults are."""

    version: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+$", description="the release it says it is")] = "3.8.4"
    whitelist: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^(\*|[a-z]{4})$")], ...],
        Meta(description="the four-letter words it answers; `*` is all of them"),
    ] = ("srvr",)
    require_auth: Annotated[
        bool, Meta(description="a session must log in with `digest` or a certificate before it asks anything")
    ] = False
    port_unification: Annotated[bool, Meta(description="the clear port takes TLS too")] = False
    client_certificate: Annotated[
        ClientCertificate, Meta(description="what TLS wants of a client: `ssl.clientAuth`")
    ] = ClientCertificate.REQUIRED
    packet_limit: Annotated[
        int, Meta(ge=1024, le=PACKET_LIMIT, description="bytes of the largest packet it takes: `jute.maxbuffer`")
    ] = PACKET_LIMIT
    tick_time: Annotated[
        int,
        Meta(ge=10, le=60_000, description="milliseconds of a tick: a session lasts from 2 to 20 of them untouched"),
    ] = 3000
    connections: Annotated[int, Meta(ge=1, le=1000, description="how many clients it serves at once")] = 60
    patience: Annotated[
        float, Meta(gt=0, le=3600, description="seconds it waits for a client that has no session or takes no answer")
    ] = 10.0

    @property
    def build(self) -> str:
        """The version as `srvr` shows it; the build of a release that was not measured is nought."""
        return _BUILDS[self.version] if self.version in _BUILDS else f"{self.version}-{'0' * 40}, built on {_EPOCH}"

    @property
    def checks_acl_readers(self) -> bool:
        """Whether an access list is kept from those who may not read the node: since 3.4.14 and 3.5.5."""
        release = tuple(map(int, self.version.split(".")))
        old, new = _ACL_READ_CHECKED
        return release >= new or old <= release < (3, 5)

    def listens_to(self, word: str) -> bool:
        """Whether a four-letter word is on the whitelist."""
        return word in self.whitelist or "*" in self.whitelist
