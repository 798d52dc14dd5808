from __future__ import annotations

import json
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import RemoteWireError, UsageError
from mskaudit.model.evidence import Reason
from mskaudit.reference.control_plane import ControlPlane, Estate
from mskaudit.reference.wire_shapes import from_text, from_wire, to_wire

FIXTURES = Path(__file__).parents[2] / "fixtures" / "aws"
SHAPES = ("provisioned-zookeeper", "provisioned-minimal", "express-kraft", "serverless", "creating", "deleting")
CLUSTERS: dict[str, dict[str, Any]] = {
    name: json.loads((FIXTURES / f"{name}.json").read_text())["ClusterInfo"] for name in SHAPES
}
MODELS = {name: ServiceModel(Loader().load_service_model(name, "service-2"), name) for name in ("kafka", "kms")}
BOOTSTRAP = {
    member: f"b-1.{number}:9094"
    for number, member in enumerate(MODELS["kafka"].shape_for("GetBootstrapBrokersResponse").members)  # type: ignore[attr-defined]  # a structure
}
ARN: str = CLUSTERS["provisioned-zookeeper"]["ClusterArn"]
KEY = "arn:aws:kms:eu-west-1:123456789012:key/7d4f0e6a-52b7-4a0e-8f3f-2b1c0d9e8f70"
METADATA = {
    "AWSAccountId": "123456789012",
    "KeyId": "7d4f0e6a-52b7-4a0e-8f3f-2b1c0d9e8f70",
    "Arn": KEY,
    "CreationDate": "2024-02-11T09:14:22.500Z",
    "Enabled": True,
    "KeyUsage": "ENCRYPT_DECRYPT",
    "KeyState": "Enabled",
    "Origin": "AWS_KMS",
    "KeyManager": "CUSTOMER",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
    "MultiRegion": False,
}
ESTATE = Estate(
    clusters=tuple(CLUSTERS.values()),
    bootstrap={ARN: BOOTSTRAP},
    configurations={("arn:configuration", 3): "a=\u00e9 \u4e2d\n"},
    keys={KEY: METADATA},
)
WIRE_NAMES = sorted(
    {member.serialization.get("name", name) for name, member in MODELS["kafka"].shape_for("Cluster").members.items()}  # type: ignore[attr-defined]  # a structure
    | {"name", "clusterName", "serverProperties", "provisioned", "serverless", "kafkaVersions"}
)
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


def client(plane: ControlPlane, service: str = "kafka") -> Any:
    made: Any = plane.session().client(service, config=ONCE)  # type: ignore[call-overload]  # the stubs want literal names
    return made


def plain(value: Any) -> Any:
    """A parsed answer without what belongs to the transport, times as seconds."""
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {name: plain(member) for name, member in value.items() if name != "ResponseMetadata"}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def timed(document: Any, *members: str) -> Any:
    """A document with the named members as seconds."""
    return {
        name: datetime.fromisoformat(value).timestamp() if name in members else value
        for name, value in document.items()
    }


@pytest.mark.parametrize("name", SHAPES)
def test_cluster_loses_no_member_on_the_way(name: str) -> None:
    told = timed(CLUSTERS[name], "CreationTime")
    asking = client(ControlPlane(ESTATE))
    assert plain(asking.describe_cluster_v2(ClusterArn=told["ClusterArn"])) == {"ClusterInfo": told}
    assert told in plain(asking.list_clusters_v2())["ClusterInfoList"]


def test_every_kind_of_address_arrives() -> None:
    assert len(BOOTSTRAP) == 14
    assert plain(client(ControlPlane(ESTATE)).get_bootstrap_brokers(ClusterArn=ARN)) == BOOTSTRAP


def test_configuration_arrives_as_bytes() -> None:
    answer = client(ControlPlane(ESTATE)).describe_configuration_revision(Arn="arn:configuration", Revision=3)
    assert plain(answer) == {
        "Arn": "arn:configuration",
        "Revision": 3,
        "ServerProperties": b"a=\xe9 \\u4e2d\n",
    }


def test_key_arrives_with_its_date() -> None:
    answer = client(ControlPlane(ESTATE), "kms").describe_key(KeyId=KEY)
    assert plain(answer) == {"KeyMetadata": timed(METADATA, "CreationDate")}


def of(shape: Any) -> st.SearchStrategy[Any]:
    """Values that follow a shape."""
    match shape.type_name:
        case "structure":
            required = {name: of(shape.members[name]) for name in shape.required_members}
            optional = {name: of(member) for name, member in shape.members.items() if name not in required}
            return st.fixed_dictionaries(required, optional=optional)
        case "list":
            return st.lists(of(shape.member), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.integers(1, 9)
        case "timestamp":
            return st.just("2026-01-01T00:00:00+00:00")
        case _:
            shortest = shape.metadata["min"] if "min" in shape.metadata else 0
            return st.sampled_from(shape.enum) if shape.enum else st.text(min_size=shortest, max_size=shortest + 9)


@settings(deadline=None, max_examples=25)
@given(of(MODELS["kafka"].shape_for("Cluster")))
def test_any_cluster_that_follows_the_model_loses_no_member(cluster: dict[str, Any]) -> None:
    named = {**cluster, "ClusterArn": ARN, "ClusterName": "x", "ClusterType": "PROVISIONED", "State": "ACTIVE"}
    asking = client(ControlPlane(Estate(clusters=(named,))))
    assert plain(asking.list_clusters_v2())["ClusterInfoList"] == [timed(named, "CreationTime")]


@pytest.mark.parametrize("size", [1, 2, 4, 6, 7])
def test_pages_hold_what_they_may_and_together_everything(size: int) -> None:
    plane = ControlPlane(Estate(clusters=ESTATE.clusters, page_size=size))
    pages = list(client(plane).get_paginator("list_clusters_v2").paginate())
    assert [len(page["ClusterInfoList"]) <= size for page in pages] == [True] * -(-len(SHAPES) // size)
    found = [cluster["ClusterName"] for page in pages for cluster in page["ClusterInfoList"]]
    assert found == [cluster["ClusterName"] for cluster in ESTATE.clusters]


def test_caller_may_ask_for_smaller_pages_and_by_filter() -> None:
    asking = client(ControlPlane(ESTATE))
    assert len(asking.list_clusters_v2(MaxResults=2)["ClusterInfoList"]) == 2
    by_name = asking.list_clusters_v2(ClusterNameFilter="e")["ClusterInfoList"]
    assert [cluster["ClusterName"] for cluster in by_name] == ["express", "events"]
    by_type = asking.list_clusters_v2(ClusterTypeFilter="SERVERLESS")["ClusterInfoList"]
    assert [cluster["ClusterName"] for cluster in by_type] == ["events"]


@pytest.mark.parametrize(
    ("service", "method", "asked", "code", "status"),
    [
        ("kafka", "describe_cluster_v2", {"ClusterArn": "arn:x"}, "NotFoundException", 404),
        ("kafka", "get_bootstrap_brokers", {"ClusterArn": "arn:x"}, "NotFoundException", 404),
        (
            "kafka",
            "get_bootstrap_brokers",
            {"ClusterArn": CLUSTERS["creating"]["ClusterArn"]},
            "ConflictException",
            409,
        ),
        (
            "kafka",
            "describe_configuration_revision",
            {"Arn": "arn:configuration", "Revision": 4},
            "NotFoundException",
            404,
        ),
        ("kms", "describe_key", {"KeyId": "alias/aws/kafka"}, "NotFoundException", 400),
        ("kafka", "list_clusters_v2", {"NextToken": "bm9uc2Vuc2U="}, "BadRequestException", 400),
        ("kafka", "list_nodes", {"ClusterArn": ARN}, "UnknownOperationException", 404),
        ("kafka", "delete_cluster", {"ClusterArn": ARN}, "UnknownOperationException", 404),
    ],
)
def test_what_is_not_there_is_told_as_aws_tells_it(
    service: str, method: str, asked: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(ControlPlane(ESTATE), service), method)(**asked)
    response: Any = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


@pytest.mark.parametrize(
    ("action", "reason", "code", "status"),
    [
        ("kafka:ListClustersV2", Reason.DENIED, "AccessDeniedException", 403),
        ("kafka:ListClustersV2", Reason.THROTTLED, "TooManyRequestsException", 429),
        ("kms:DescribeKey", Reason.DENIED, "AccessDeniedException", 400),
        ("kms:DescribeKey", Reason.THROTTLED, "ThrottlingException", 400),
    ],
)
@pytest.mark.parametrize("everything", [True, False])
def test_refusal_is_worded_as_aws_words_it(
    action: str, reason: Reason, code: str, status: int, *, everything: bool
) -> None:
    plane = ControlPlane(ESTATE, {"aws" if everything else action: reason})
    with pytest.raises(ClientError) as caught:
        ask(plane, action)
    response: Any = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def ask(plane: ControlPlane, action: str) -> Any:
    if action == "kms:DescribeKey":
        return client(plane, "kms").describe_key(KeyId=KEY)
    return client(plane).list_clusters_v2()


@pytest.mark.parametrize(
    ("reason", "failure"), [(Reason.TIMED_OUT, ReadTimeoutError), (Reason.UNREACHABLE, EndpointConnectionError)]
)
@pytest.mark.parametrize("action", ["kafka:ListClustersV2", "kms:DescribeKey"])
def test_network_fails_as_botocore_tells_it(action: str, reason: Reason, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        ask(ControlPlane(ESTATE, {action: reason}), action)


def test_only_the_refused_action_and_call_is_refused() -> None:
    plane = ControlPlane(ESTATE, {"kafka:ListClustersV2/2": Reason.DENIED, "kms:DescribeKey": Reason.DENIED})
    asking = client(plane)
    asking.list_clusters_v2()
    with pytest.raises(ClientError):
        asking.list_clusters_v2()
    asking.list_clusters_v2()
    asking.describe_cluster_v2(ClusterArn=ARN)
    assert plane.calls == {"kafka:ListClustersV2": 3, "kafka:DescribeClusterV2": 1}


@pytest.mark.parametrize(
    "refusals",
    [{"kafka:ListNodes": Reason.DENIED}, {"kafka": Reason.DENIED}, {"aws": Reason.UNSUPPORTED}],
)
def test_refusal_that_cannot_be_is_refused(refusals: dict[str, Reason]) -> None:
    with pytest.raises(UsageError, match="the reference world cannot"):
        ControlPlane(ESTATE, refusals)


BARE = CLUSTERS["provisioned-minimal"]["Provisioned"]
NUMBER: Any = {"BootstrapBrokerString": 1}
BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("unknown member", {"Colour": "red"}, r"DescribeClusterV2.ClusterInfo.Colour` is not in"),
    ("unknown nested member", {"StateInfo": {"code": "x"}}, r"StateInfo.code` is not in"),
    ("wrong type", {"CurrentVersion": 7}, "CurrentVersion` is int"),
    ("text for a structure", {"StateInfo": "x"}, r"StateInfo` is str"),
    ("text for a list", {"Serverless": {"VpcConfigs": "all of them"}}, "VpcConfigs` is str"),
    ("boolean for a number", {"Provisioned": {**BARE, "NumberOfBrokerNodes": True}}, "NumberOfBrokerNodes` is bool"),
    ("required member missing", {"Provisioned": {}}, "is missing"),
    ("value the enumeration lacks", {"State": "SLEEPING"}, "cannot be 'SLEEPING'"),
    ("no time", {"CreationTime": "yesterday"}, "is not a time"),
    ("time without zone", {"CreationTime": "2026-01-01T00:00:00"}, "without zone"),
    ("nothing", {"State": None}, "State"),
]


@pytest.mark.parametrize(("change", "told"), [pytest.param(c, t, id=i) for i, c, t in BROKEN])
def test_cluster_that_breaks_the_model_is_refused_at_the_start(change: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ControlPlane(Estate(clusters=({**CLUSTERS["provisioned-minimal"], **change},)))


@pytest.mark.parametrize(
    ("estate", "told"),
    [
        pytest.param(Estate(clusters=({"ClusterArn": ARN},)), "has no ClusterName", id="bare cluster"),
        pytest.param(Estate(bootstrap={"arn:x": {}}), "none of its clusters", id="addresses of nobody"),
        pytest.param(
            Estate(clusters=ESTATE.clusters, bootstrap={ARN: {"Tls": "b:1"}}), "not in the AWS", id="unknown listener"
        ),
        pytest.param(
            Estate(clusters=ESTATE.clusters, bootstrap={CLUSTERS["creating"]["ClusterArn"]: NUMBER}),
            "wants string",
            id="address of a cluster in creation",
        ),
        pytest.param(Estate(clusters=ESTATE.clusters * 2), "two clusters with one ARN", id="twice"),
        pytest.param(Estate(keys={KEY: {"KeyManager": "AWS"}}), "KeyId` is missing", id="key without id"),
        pytest.param(
            Estate(keys={KEY: {"KeyId": "x", "KeyManager": "ME"}}), "cannot be 'ME'", id="key of an unknown manager"
        ),
    ],
)
def test_estate_that_contradicts_itself_is_refused_at_the_start(estate: Estate, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ControlPlane(estate)


def test_other_regions_hold_nothing() -> None:
    asking: Any = ControlPlane(ESTATE).session().client("kafka", region_name="us-east-1", config=ONCE)
    assert asking.list_clusters_v2()["ClusterInfoList"] == []
    with pytest.raises(ClientError):
        asking.describe_cluster_v2(ClusterArn=ARN)


def test_no_socket_is_opened_and_the_environment_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, forbidden)
    monkeypatch.setenv("AWS_PROFILE", "of-somebody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/elsewhere")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    plane = ControlPlane(ESTATE)
    session = plane.session()
    assert isinstance(session, boto3.Session)
    assert session.region_name == "eu-west-1"
    assert len(client(plane).list_clusters_v2()["ClusterInfoList"]) == len(SHAPES)
    assert client(plane, "kms").describe_key(KeyId=KEY)


def test_times_may_be_datetimes() -> None:
    shape = MODELS["kafka"].shape_for("Cluster")
    moment = datetime.fromisoformat("2026-01-01T01:30:00.250+01:00")
    assert to_wire({"CreationTime": moment}, shape, "x") == {"creationTime": "2026-01-01T00:30:00.250Z"}


@settings(max_examples=50)
@given(of(MODELS["kafka"].shape_for("Cluster")))
def test_what_goes_out_comes_back(cluster: dict[str, Any]) -> None:
    shape = MODELS["kafka"].shape_for("Cluster")
    assert from_wire(to_wire(cluster, shape, "x"), shape, "x") == timed(cluster, "CreationTime") | {
        name: "2026-01-01T00:00:00.000Z" for name in cluster if name == "CreationTime"
    }


def test_bytes_come_back() -> None:
    shape = MODELS["kafka"].shape_for("CreateConfigurationRequest")
    document = {"Name": "x", "ServerProperties": b"a=\xff\n", "KafkaVersions": ["3.9.x"]}
    assert from_wire(to_wire(document, shape, "x"), shape, "x") == document


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WIRE_NAMES) | st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=200)
@given(json_values, st.sampled_from(["CreateClusterV2Request", "CreateConfigurationRequest", "Cluster"]))
def test_any_json_is_understood_or_refused(value: Any, name: str) -> None:
    shape = MODELS["kafka"].shape_for(name)
    try:
        understood = from_wire(value, shape, "x")
    except RemoteWireError:
        return
    assert isinstance(understood, dict)
    assert understood.keys() <= set(shape.members)  # type: ignore[attr-defined]  # a structure


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("MaxResults", "100", 100),
        ("MaxResults", "1", 1),
        ("MaxResults", "101", None),
        ("MaxResults", "0", None),
        ("MaxResults", "-1", None),
        ("MaxResults", "1_0", None),
        ("MaxResults", "\u0661", None),
        ("MaxResults", "9" * 5000, None),
        ("__string", "", ""),
        ("__boolean", "true", True),
        ("__boolean", "yes", None),
        ("__blob", "yes", None),
    ],
)
def test_text_of_a_path_or_query_is_read_as_the_model_says(kind: str, text: str, value: Any) -> None:
    shape = MODELS["kafka"].shape_for(kind)
    if value is None:
        with pytest.raises(RemoteWireError):
            from_text(text, shape, "x")
    else:
        assert from_text(text, shape, "x") == value
