from __future__ import annotations

import asyncio
import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.client import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.model.evidence import Reason
from mskaudit.reference.aws_endpoint import serve_aws
from mskaudit.reference.control_plane import ACCESS_KEY, ControlPlane, Estate, Fault, Outage
from mskaudit.reference.estate import OPERATIONS, every_call
from mskaudit.reference.http import Reply, Request
from mskaudit.reference.worlds import load, names, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REGION = "eu-west-1"
ARN = "arn:aws:kafka:eu-west-1:123456789012:cluster/orders/6f2a1c54-0d1e-4a53-9a52-2f6a7d1b8c90-3"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
CONFIGURATION = "arn:aws:kafka:eu-west-1:123456789012:configuration/c/1"
CLUSTERS = tuple(
    {"ClusterArn": f"{ARN}{number}", "ClusterName": f"c{number}", "ClusterType": "SERVERLESS", "State": "ACTIVE"}
    for number in range(5)
)
ESTATE = Estate(
    clusters=({"ClusterArn": ARN, "ClusterName": "orders", "ClusterType": "SERVERLESS", "State": "ACTIVE"}, *CLUSTERS),
    bootstrap={ARN: {"BootstrapBrokerStringTls": "b-1:9094"}},
    configurations={(CONFIGURATION, 3): "a=b\n"},
    keys={KEY: {"KeyId": "1", "KeyManager": "CUSTOMER", "CreationDate": "2026-01-01T00:00:00.250Z"}},
)
EVERY_ACTION: Mapping[str, dict[str, Any]] = {
    "kafka:ListClustersV2": {},
    "kafka:DescribeClusterV2": {"ClusterArn": ARN},
    "kafka:GetBootstrapBrokers": {"ClusterArn": ARN},
    "kafka:DescribeConfigurationRevision": {"Arn": CONFIGURATION, "Revision": 3},
    "kms:DescribeKey": {"KeyId": KEY},
}
ONCE = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    read_timeout=5,
    connect_timeout=5,
)
BRIEF = ONCE.merge(Config(read_timeout=1))


def afar(service: str, url: str, *, config: Config = ONCE, key: str = "AKIAOFNOBODY", region: str = REGION) -> Any:
    """A client of the endpoint."""
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key="x", region_name=region)
    made: Any = session.client(service, endpoint_url=url, config=config)  # type: ignore[call-overload]  # the stubs want literal names
    return made


def inside(service: str, plane: ControlPlane) -> Any:
    """A client inside the process."""
    made: Any = plane.session().client(service, config=ONCE)  # type: ignore[call-overload]  # the stubs want literal names
    return made


def ask(client: Any, action: str, asked: Mapping[str, Any]) -> Any:
    """The answer as both ways should give it, errors as their code and status."""
    operation = action.partition(":")[2]
    (method,) = (python for python, name in client.meta.method_to_api_mapping.items() if name == operation)
    try:
        answer = getattr(client, method)(**asked)
    except ClientError as error:
        answer = error.response
    told = dict(answer["ResponseMetadata"]["HTTPHeaders"])
    length = told.pop("content-length", None)  # an answer inside the process has no framing
    return {**answer, "ResponseMetadata": (answer["ResponseMetadata"]["HTTPStatusCode"], told)}, length is None


async def both(plane: ControlPlane, url: str, action: str, asked: Mapping[str, Any]) -> tuple[Any, Any]:
    service = action.partition(":")[0]
    near, _ = await asyncio.to_thread(ask, inside(service, plane), action, asked)
    far, framed = await asyncio.to_thread(
        ask, afar(service, url, region=plane.session().region_name or ""), action, asked
    )
    assert not framed
    return near, far


async def fetch(
    url: str, target: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    def fetching() -> tuple[int, bytes]:
        calling = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        try:
            calling.request(method, target, headers=dict(headers or {}))
            answer = calling.getresponse()
            return answer.status, answer.read()
        finally:
            calling.close()

    return await asyncio.to_thread(fetching)


def test_every_action_is_tried_here() -> None:
    assert EVERY_ACTION.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("world", [name for name in names() if load(name).aws is not None])
async def test_worlds_look_the_same_from_inside_and_from_afar(world: str) -> None:
    async with run(load(world)) as running:
        plane = running.plane
        assert plane is not None
        asked = [("kafka:ListClustersV2", {}), *every_call(plane._estate)]
        asked += [("kafka:GetBootstrapBrokers", {"ClusterArn": running.arn})]
        async with serve_aws(plane) as url:
            for action, parameters in asked:
                near, far = await both(plane, url, action, parameters)
                assert near == far
                assert near["ResponseMetadata"][0] == 200


@pytest.mark.parametrize("action", EVERY_ACTION)
async def test_every_action_is_answered_the_same(action: str) -> None:
    plane = ControlPlane(ESTATE)
    async with serve_aws(plane) as url:
        near, far = await both(plane, url, action, EVERY_ACTION[action])
    assert near == far
    assert near["ResponseMetadata"][0] == 200
    assert plane.calls == {action: 2}


@pytest.mark.parametrize("action", EVERY_ACTION)
@pytest.mark.parametrize("trouble", [Reason.DENIED, Reason.THROTTLED, Fault.SERVER_ERROR, Fault.EXPIRED])
async def test_refusals_are_the_same(action: str, trouble: Reason | Fault) -> None:
    plane = ControlPlane(ESTATE, {action: trouble})
    async with serve_aws(plane) as url:
        near, far = await both(plane, url, action, EVERY_ACTION[action])
    assert near == far
    assert near["ResponseMetadata"][0] >= 400
    assert near["Error"]["Code"]
    assert near["Error"]["Message"]


@pytest.mark.parametrize("action", EVERY_ACTION)
@pytest.mark.parametrize(
    ("trouble", "near", "far"),
    [
        (Reason.UNREACHABLE, EndpointConnectionError, ConnectionClosedError),
        (Reason.TIMED_OUT, ReadTimeoutError, ReadTimeoutError),
    ],
)
async def test_outages_are_those_of_a_network(
    action: str, trouble: Reason, near: type[Exception], far: type[Exception]
) -> None:
    plane = ControlPlane(ESTATE, {action: trouble})
    service = action.partition(":")[0]
    with pytest.raises(near):
        ask(inside(service, plane), action, EVERY_ACTION[action])
    async with serve_aws(plane) as url:
        with pytest.raises(far):
            await asyncio.to_thread(ask, afar(service, url, config=BRIEF), action, EVERY_ACTION[action])


@pytest.mark.parametrize("action", EVERY_ACTION)
@pytest.mark.parametrize("trouble", [Reason.MALFORMED, Fault.TRUNCATED])
async def test_what_is_no_json_is_the_same_from_inside_and_from_afar(action: str, trouble: Reason | Fault) -> None:
    plane = ControlPlane(ESTATE, {action: trouble})
    async with serve_aws(plane) as url:
        near, far = await both(plane, url, action, EVERY_ACTION[action])
    assert near == far
    # botocore takes it for an answer without any member.
    assert near.keys() == {"ResponseMetadata"}


@pytest.mark.parametrize("trouble", [Reason.MALFORMED, Fault.TRUNCATED])
async def test_what_is_no_json_is_sent_as_if_it_were_a_good_answer(trouble: Reason | Fault) -> None:
    whole = ControlPlane(ESTATE).answer(Request(method="GET", target="/api/v2/clusters"))
    assert isinstance(whole, Reply)
    async with serve_aws(ControlPlane(ESTATE, {"aws": trouble})) as url:
        status, body = await fetch(url, "/api/v2/clusters")
    assert status == 200
    assert body.startswith(b"<html>") or whole.body.startswith(body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def test_hanging_ends() -> None:
    async with serve_aws(ControlPlane(ESTATE, {"aws": Reason.TIMED_OUT}), hanging_seconds=0.05) as url:
        with pytest.raises(ConnectionClosedError):
            await asyncio.to_thread(afar("kafka", url).list_clusters_v2)


async def test_only_the_nth_call_is_refused_and_all_are_counted() -> None:
    plane = ControlPlane(ESTATE, {"kafka:ListClustersV2/2": Reason.DENIED})
    async with serve_aws(plane) as url:
        assert await fetch(url, "/_reference/calls") == (200, b"{}")
        status = [(await fetch(url, "/api/v2/clusters"))[0] for _ in range(3)]
        await asyncio.to_thread(afar("kms", url).describe_key, KeyId=KEY)
        told = await fetch(url, "/_reference/calls")
        assert (await fetch(url, "/_reference/calls", "POST"))[0] == 405
    assert status == [200, 403, 200]
    assert json.loads(told[1]) == plane.counted() == {"kafka:ListClustersV2": 3, "kms:DescribeKey": 1}


async def test_retries_of_a_client_get_through() -> None:
    plane = ControlPlane(
        ESTATE, {"kafka:ListClustersV2/1": Reason.THROTTLED, "kafka:ListClustersV2/2": Reason.UNREACHABLE}
    )
    patient = Config(retries={"mode": "standard", "total_max_attempts": 3})
    async with serve_aws(plane) as url:
        answer = await asyncio.to_thread(afar("kafka", url, config=patient).list_clusters_v2)
    assert len(answer["ClusterInfoList"]) == 6
    assert plane.calls["kafka:ListClustersV2"] == 3


@pytest.mark.parametrize("size", [1, 4, 6])
async def test_pages_from_afar_hold_everything_once(size: int) -> None:
    plane = ControlPlane(Estate(clusters=ESTATE.clusters, page_size=size))

    def pages(url: str) -> list[Any]:
        return list(afar("kafka", url).get_paginator("list_clusters_v2").paginate())

    async with serve_aws(plane) as url:
        found = await asyncio.to_thread(pages, url)
    assert len(found) == -(-6 // size)
    assert [c["ClusterName"] for page in found for c in page["ClusterInfoList"]] == [
        "orders",
        "c0",
        "c1",
        "c2",
        "c3",
        "c4",
    ]


async def test_other_regions_hold_nothing() -> None:
    async with serve_aws(ControlPlane(ESTATE)) as url:
        answer = await asyncio.to_thread(afar("kafka", url, region="us-east-1").list_clusters_v2)
    assert answer["ClusterInfoList"] == []


@pytest.mark.parametrize(("service", "status"), [("kafka", 403), ("kms", 400)])
async def test_keys_of_nobody_can_be_refused(service: str, status: int) -> None:
    plane = ControlPlane(ESTATE, access_keys=frozenset({ACCESS_KEY}))
    action = "kms:DescribeKey" if service == "kms" else "kafka:ListClustersV2"
    async with serve_aws(plane) as url:
        refused, _ = await asyncio.to_thread(ask, afar(service, url), action, EVERY_ACTION[action])
        known, _ = await asyncio.to_thread(ask, afar(service, url, key=ACCESS_KEY), action, EVERY_ACTION[action])
        unsigned = await fetch(url, "/api/v2/clusters")
    assert refused["Error"]["Code"] == "UnrecognizedClientException"
    assert refused["ResponseMetadata"][0] == status
    assert known["ResponseMetadata"][0] == 200
    assert unsigned[0] == 403


PATH = f"/api/v2/clusters/{quote(ARN, safe='')}"
WRONG: list[tuple[str, str, dict[str, str], bytes, int, str]] = [
    ("no such path", "GET /nowhere", {}, b"", 404, "UnknownOperationException"),
    ("no such method", f"DELETE {PATH}", {}, b"", 404, "UnknownOperationException"),
    ("an operation of AWS that the world lacks", "GET /v1/kafka-versions", {}, b"", 404, "UnknownOperationException"),
    ("no number", "GET /api/v2/clusters?maxResults=many", {}, b"", 400, "BadRequestException"),
    ("too large a number", "GET /api/v2/clusters?maxResults=101", {}, b"", 400, "BadRequestException"),
    ("too small a number", "GET /api/v2/clusters?maxResults=0", {}, b"", 400, "BadRequestException"),
    ("a negative token", "GET /api/v2/clusters?nextToken=LTE%3D", {}, b"", 400, "BadRequestException"),
    ("no revision", "GET /v1/configurations/x/revisions/last", {}, b"", 400, "BadRequestException"),
    ("no such cluster", "GET /api/v2/clusters/x", {}, b"", 404, "NotFoundException"),
    ("no JSON", "POST /", {"x-amz-target": "TrentService.DescribeKey"}, b"{", 400, "SerializationException"),
    ("too deep", "POST /", {"x-amz-target": "TrentService.DescribeKey"}, b"[" * 99999, 400, "SerializationException"),
    ("a list", "POST /", {"x-amz-target": "TrentService.DescribeKey"}, b"[]", 400, "SerializationException"),
    ("no key", "POST /", {"x-amz-target": "TrentService.DescribeKey"}, b"{}", 400, "SerializationException"),
    (
        "a number for a key",
        "POST /",
        {"x-amz-target": "TrentService.DescribeKey"},
        b'{"KeyId":1}',
        400,
        "SerializationException",
    ),
    ("no such target", "POST /", {"x-amz-target": "TrentService.Dance"}, b"{}", 404, "UnknownOperationException"),
    (
        "a service that the world lacks",
        "POST /",
        {"host": "sts.eu-west-1.amazonaws.com"},
        b"",
        404,
        "UnknownOperationException",
    ),
]


@pytest.mark.parametrize(("asked", "headers", "body", "status", "code"), [pytest.param(*w[1:], id=w[0]) for w in WRONG])
def test_what_cannot_be_asked_is_refused(
    asked: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    method, _, target = asked.partition(" ")
    answer = ControlPlane(ESTATE).answer(Request(method=method, target=target, headers=headers, body=body))
    assert isinstance(answer, Reply)
    told = json.loads(answer.body)
    assert answer.status == status
    assert code in {told.get("__type"), answer.headers.get("x-amzn-errortype")}


def test_an_error_names_itself_where_its_protocol_does() -> None:
    plane = ControlPlane(ESTATE, {"aws": Reason.DENIED})
    rest = plane.answer(Request(method="GET", target="/api/v2/clusters"))
    target = {"x-amz-target": "TrentService.DescribeKey"}
    other = plane.answer(Request(method="POST", target="/", headers=target, body=b'{"KeyId": "1"}'))
    assert isinstance(rest, Reply)
    assert isinstance(other, Reply)
    assert rest.headers["content-type"] == "application/json"
    assert rest.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert "__type" not in json.loads(rest.body)
    assert other.headers["content-type"] == "application/x-amz-json-1.1"
    assert "x-amzn-errortype" not in other.headers
    assert json.loads(other.body)["__type"] == "AccessDeniedException"


text = st.text(max_size=30)
signed: Callable[[str, str], str] = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/{}/{}/aws4_request".format
PLANE = ControlPlane(ESTATE)


@settings(max_examples=300)
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    st.one_of(text, st.sampled_from(["/", "/api/v2/clusters", PATH, f"{PATH}/bootstrap-brokers"])),
    st.one_of(text, st.builds("{}={}".format, st.sampled_from(["maxResults", "nextToken", "clusterNameFilter"]), text)),
    st.fixed_dictionaries(
        {},
        optional={
            "authorization": st.one_of(text, st.builds(signed, text, st.sampled_from(["kafka", "kms", "sts"]))),
            "x-amz-target": st.one_of(text, st.just("TrentService.DescribeKey")),
            "host": text,
        },
    ),
    st.one_of(
        st.binary(max_size=60),
        st.recursive(st.none() | text, st.lists).map(lambda v: json.dumps({"KeyId": v}).encode()),
    ),
)
def test_any_request_has_an_answer(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> None:
    answer = PLANE.answer(Request(method=method, target=f"{path}?{query}", headers=headers, body=body))
    assert isinstance(answer, Reply | Outage)
    assert isinstance(answer, Outage) or json.loads(answer.body) is not None
