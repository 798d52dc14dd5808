"""A session answers every frame with one reply, and whatever the frame is it ends without an exception."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.reference.asking import NOBODY, Asking, Node
from mskaudit.reference.authority import AclAuthority
from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.gates import realm_of
from mskaudit.reference.releases import Mode
from mskaudit.reference.session import Place, Reply, Session
from mskaudit.reference.spoken import Spoken
from mskaudit.reference.state import State
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.messages import (
    ApiVersionsRequest,
    DescribeClusterRequest,
    MetadataRequest,
    Request,
    SaslAuthenticateRequest,
    SaslHandshakeRequest,
)

LISTENERS = {
    "open": Listener(protocol=Protocol.PLAINTEXT),
    "login": Listener(protocol=Protocol.SASL_PLAINTEXT, mechanisms=(Mechanism.PLAIN, Mechanism.OAUTHBEARER)),
}
CLUSTER = Cluster(
    count=1,
    cluster_id="c",
    release="4.4",
    mode=Mode.KRAFT,
    users={"billing": "secret"},
    topics={"orders": 1},
    listeners=LISTENERS,
)
KEYS = sorted(Spoken(CLUSTER.profile))
REQUESTS: list[tuple[Request, int]] = [
    (ApiVersionsRequest(), 0),
    (ApiVersionsRequest(), 3),
    (MetadataRequest(topics=None), 8),
    (DescribeClusterRequest(), 0),
    (SaslHandshakeRequest(mechanism="PLAIN"), 0),
    (SaslHandshakeRequest(mechanism="PLAIN"), 1),
    (SaslHandshakeRequest(mechanism="OAUTHBEARER"), 1),
    (SaslAuthenticateRequest(auth_bytes=b"\0billing\0secret"), 1),
    (SaslAuthenticateRequest(auth_bytes=b"\0billing\0wrong"), 2),
]


def session(name: str) -> Session:
    state = State(CLUSTER)
    node = Node(number=1, rack=None, addresses=dict.fromkeys(LISTENERS, ("127.0.0.1", 9092)))
    asking = Asking(
        state=state,
        profile=CLUSTER.profile,
        nodes=(node,),
        node=node,
        listener_name=name,
        listener=LISTENERS[name],
        authority=AclAuthority(state, CLUSTER.profile.release),
    )
    place = Place(asking=asking, realm=realm_of(state, LISTENERS[name], node), frame_limit=1 << 20)
    return Session(place, NOBODY)


def sent(request: tuple[Request, int]) -> bytes:
    return ClientConnection().send(request[0], version=request[1])[4:]


noise = st.binary(max_size=60)
headed = st.tuples(st.sampled_from(KEYS), st.integers(0, 18), noise).map(
    lambda parts: parts[0].to_bytes(2, "big") + parts[1].to_bytes(2, "big") + b"\0\0\0\1\xff\xff" + parts[2]
)


@pytest.mark.parametrize("name", LISTENERS)
@given(frames=st.lists(st.sampled_from(REQUESTS).map(sent) | headed | noise, max_size=8))
def test_whatever_comes_has_a_reply(name: str, frames: list[bytes]) -> None:
    async def talk() -> None:
        talking = session(name)
        for content in frames:
            async with asyncio.timeout(30):
                reply = await talking.answer(content)
            if reply.last or reply.silent:
                return
            assert reply.content or reply == Reply()  # which is what Produce without acks gets

    asyncio.run(talk())
