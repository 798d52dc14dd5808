"""Attacks on the control plane of a world, behind the HTTP server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mskaudit.reference import worlds
from mskaudit.reference.control_plane import ControlPlane
from mskaudit.reference.http import Request
from tests.fuzz.campaign import Case, Side, Target
from tests.fuzz.mutation import Chance, mutate, sometimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fuzz.campaign import Play

_ARN = "arn%3Aaws%3Akafka%3Aeu-central-1%3A111122223333%3Acluster%2Flegacy%2Fb3d0a9c8-1f2e-4d3c-9b4a-5e6f7a8b9c0d-2"
_TARGETS = (
    *("/api/v2/clusters", "/api/v2/clusters?maxResults=1&nextToken=MQ==", "/v1/clusters?clusterNameFilter=l"),
    *(f"/api/v2/clusters/{_ARN}", f"/v1/clusters/{_ARN}/bootstrap-brokers", "/v1/configurations/x/revisions/1", "/"),
    *("/api/v2/clusters?maxResults=99999999999999999999", "/api/v2/clusters?nextToken=%FF", "/_reference/calls"),
)
_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-central-1/{}/aws4_request, Signature=0"
_BODIES = (
    b"",
    b'{"KeyId": "arn:aws:kms:eu-central-1:111122223333:key/4b8f2d6c-9a1e-4c7b-8d3f-6e5a4b3c2d1e"}',
    b"{" * 2000,
    b"[" * 100_000,
    b'{"KeyId": 1e999}',
    b"\xff\xfe",
    b"null",
)


def head(chance: Chance) -> dict[str, str]:
    """Headers in lower case."""
    found = {
        "host": "127.0.0.1",
        "authorization": _CREDENTIAL.format(chance.choice(("kafka", "kms", "s3", ""))),
        "x-amz-target": chance.choice(("TrentService.DescribeKey", "TrentService.", "Nobody.Nothing", "")),
        "content-type": chance.choice(("application/x-amz-json-1.1", "application/json", "text/plain")),
    }
    return {name: _spoilt(chance, value) for name, value in found.items() if chance.random() < 0.9}


def _spoilt(chance: Chance, text: str) -> str:
    if chance.random() < 0.8:
        return text
    return "".join(char for char in mutate(chance, text.encode()).decode("latin-1") if char.isprintable())


def request(chance: Chance) -> Request:
    """A request as the HTTP server hands it on."""
    return Request(
        method=chance.choice(("GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD")),
        target=_spoilt(chance, chance.choice(_TARGETS)).encode("ascii", "ignore").decode(),
        headers=head(chance),
        body=sometimes(chance, chance.choice(_BODIES)),
    )


def raw(chance: Chance) -> bytes:
    """A request as it comes in."""
    made = request(chance)
    lines = [f"{made.method} {made.target} HTTP/1.1", *(f"{name}: {value}" for name, value in made.headers.items())]
    if chance.random() < 0.3:
        lines.append("transfer-encoding: chunked")
        body = f"{len(made.body):x}\r\n".encode() + made.body + b"\r\n0\r\n\r\n"
    else:
        lines.append(f"content-length: {len(made.body)}")
        body = made.body
    return sometimes(chance, "\r\n".join([*lines, "", ""]).encode("utf-8") + body)


@asynccontextmanager
async def world(_: int) -> AsyncIterator[Play]:
    """The control plane of an old cluster."""
    side = worlds.load("legacy-zookeeper").aws
    assert side is not None
    plane = ControlPlane(worlds._estate(side, {"BootstrapBrokerString": "b:9092"}))

    async def play(case: Case) -> None:
        made = request(case.chance)
        case.note(f"{made.method} {made.target} {made.headers}".encode() + made.body)
        plane.answer(made)

    yield play


TARGET = Target(name="control-plane", side=Side.SERVER, share=0.02, world=world)
