"""A conversation answers the same however the bytes arrive, and whatever they are it ends without an exception."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mskaudit.reference.cluster import Listener, Mechanism, Protocol
from mskaudit.reference.conversation import Conversation, Surroundings
from mskaudit.wire.connection import ClientConnection
from mskaudit.wire.frames import frame
from mskaudit.wire.messages import (
    ApiVersionsRequest,
    DescribeClusterRequest,
    MetadataRequest,
    Request,
    SaslAuthenticateRequest,
    SaslHandshakeRequest,
)

LISTENERS = (
    Listener(protocol=Protocol.PLAINTEXT),
    Listener(protocol=Protocol.SASL_PLAINTEXT, mechanisms=(Mechanism.PLAIN, Mechanism.OAUTHBEARER)),
)
REQUESTS: list[tuple[Request, int]] = [
    (ApiVersionsRequest(), 0),
    (ApiVersionsRequest(), 3),
    (MetadataRequest(topics=None), 8),
    (DescribeClusterRequest(), 0),
    (SaslHandshakeRequest(mechanism="PLAIN"), 1),
    (SaslHandshakeRequest(mechanism="OAUTHBEARER"), 1),
    (SaslAuthenticateRequest(auth_bytes=b"\0billing\0secret"), 1),
    (SaslAuthenticateRequest(auth_bytes=b"\0billing\0wrong"), 2),
]


def sent(request: tuple[Request, int]) -> bytes:
    return ClientConnection().send(request[0], version=request[1])


noise = st.binary(max_size=40)
headed = st.tuples(st.sampled_from([3, 17, 18, 36, 60]), st.integers(0, 14), noise).map(
    lambda parts: frame(parts[0].to_bytes(2, "big") + parts[1].to_bytes(2, "big") + b"\0\0\0\1\xff\xff" + parts[2])
)
streams = st.lists(st.sampled_from(REQUESTS).map(sent) | headed | noise.map(frame) | noise, max_size=8).map(b"".join)


def replies(listener: Listener, chunks: list[bytes]) -> tuple[bytes, bool]:
    """All that is said to some chunks, and whether the broker hangs up."""
    conversation = Conversation(
        Surroundings(
            cluster_id="c",
            listener=listener,
            brokers=(("127.0.0.1", 9092),),
            topics={"orders": 1},
            topic_names={},
            users={"billing": "secret"},
        )
    )
    said = b""
    for chunk in chunks:
        for reply in conversation.hear(chunk):
            said += reply.content
            if reply.last:
                return said, True
    return said, False


@given(listener=st.sampled_from(LISTENERS), stream=streams, cuts=st.lists(st.integers(0, 400), max_size=6))
def test_chunking_changes_nothing(listener: Listener, stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    assert replies(listener, chunks) == replies(listener, [stream])
