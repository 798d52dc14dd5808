"""A cluster without sockets: requests are answered by real sessions, bytes in and bytes out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.asking import Asking, Identity, Node
from mskaudit.reference.authority import AclAuthority
from mskaudit.reference.cluster import AclEntry, AuthorizerRules, Cluster, Listener, Protocol
from mskaudit.reference.gates import realm_of
from mskaudit.reference.releases import Mode
from mskaudit.reference.session import Place, Reply, Session
from mskaudit.reference.spoken import Spoken
from mskaudit.reference.state import State
from mskaudit.wire.apis import APIS
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from mskaudit.wire.messages import Request

R = TypeVar("R", bound=Response)

ALICE = "User:alice"
"""Who may work with `orders`, the groups `team` and `other`, and the transactional id `pay`."""
BOB = "User:bob"
"""Who may see the same and nothing else."""
MALLORY = "User:mallory"
"""Who may nothing."""
ROOT = "User:root"
"""A super user."""

RELEASES = {"2.8": Mode.ZOOKEEPER, "3.9": Mode.ZOOKEEPER, "4.0": Mode.KRAFT, "4.4": Mode.KRAFT}
NAMES = {"orders": "TOPIC", "team": "GROUP", "other": "GROUP", "pay": "TRANSACTIONAL_ID"}


def rights(principal: str, *operations: Operation, name: str) -> AclEntry:
    """What somebody may do with something of `NAMES`."""
    kind = ResourceType[NAMES[name]].name
    return AclEntry(principal=principal, operations=tuple(one.name for one in operations), resource=kind, name=name)


def cluster(release: str = "4.4", *, authorizer: bool = True, brokers: int = 3) -> Cluster:
    """Brokers with the topics `orders` and `secrets`; partition n of a topic is led by broker n + 1."""
    given = {
        f"alice-{name}": rights(ALICE, Operation.READ, Operation.WRITE, Operation.DELETE, name=name)
        if NAMES[name] != "GROUP"
        else rights(ALICE, Operation.READ, Operation.DELETE, name=name)
        for name in NAMES
    }
    seen = {f"bob-{name}": rights(BOB, Operation.DESCRIBE, name=name) for name in NAMES}
    return Cluster(
        count=brokers,
        cluster_id="desk",
        release=release,
        mode=RELEASES[release],
        topics={"orders": 3, "secrets": 1},
        listeners={"plaintext": Listener(protocol=Protocol.PLAINTEXT)},
        authorizer=AuthorizerRules(super_users=(ROOT,)) if authorizer else None,
        acls=given | seen,
        settings={"group.initial.rebalance.delay.ms": "0", "message.max.bytes": "2000"},
    )


async def until(condition: Callable[[], bool]) -> None:
    """Let others have turns until something is so, which needs no time but theirs."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


class Desk:
    """Where requests are put to brokers; everybody comes from 127.0.0.1."""

    def __init__(self, made: Cluster) -> None:
        self.state = State(made)
        self.profile = made.profile
        self.apis = Spoken(made.profile)
        self._nodes = tuple(
            Node(number=number, rack=None, addresses={"plaintext": (f"127.0.0.{number}", 9092)})
            for number in range(1, made.count + 1)
        )

    def session(self, *, at: int = 1, who: str = ALICE) -> Session:
        """A connection to a broker."""
        node = self._nodes[at - 1]
        listener = self.state.cluster.listeners["plaintext"]
        asking = Asking(
            state=self.state,
            profile=self.profile,
            nodes=self._nodes,
            node=node,
            listener_name="plaintext",
            listener=listener,
            authority=AclAuthority(self.state, self.profile.release),
            host="127.0.0.1",
        )
        place = Place(asking=asking, realm=realm_of(self.state, listener, node), frame_limit=1 << 20)
        return Session(place, Identity(principal=who))

    async def put(
        self, request: Request, version: int, *, at: int = 1, who: str = ALICE, client_id: str = "desk"
    ) -> tuple[Reply, Response | None]:
        """What a broker does about a request, and the message if it answers with one."""
        client = ClientConnection(client_id=client_id, apis=APIS)
        content = client.send(request, version=version)
        async with asyncio.timeout(30):
            reply = await self.session(at=at, who=who).answer(content[4:])
        return reply, client.receive(reply.content)[0].message if reply.content else None

    async def ask(
        self, kind: type[R], request: Request, version: int, *, at: int = 1, who: str = ALICE, client_id: str = "desk"
    ) -> R:
        """The answer, which is of a kind."""
        _, answer = await self.put(request, version, at=at, who=who, client_id=client_id)
        assert isinstance(answer, kind)
        return answer
