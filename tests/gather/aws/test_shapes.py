from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import CannotLook
from mskaudit.gather.aws.shapes import (
    PROMISES,
    as_v2,
    cluster_key,
    configuration_revision,
    named_configuration,
    read_cluster,
)
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import Kind, SubjectKey, gathered, typed
from mskaudit.reference.wire_shapes import to_wire

FIXTURES = Path(__file__).parents[3] / "fixtures" / "aws"
MODEL = ServiceModel(Loader().load_service_model("kafka", "service-2"), "kafka")
ASKED_ELSEWHERE = {"declared.key_manager", "declared.allow_everyone_if_no_acl_found", "declared.bootstrap"}
WHOLE = (
    "provisioned-zookeeper",
    "provisioned-minimal",
    "express-kraft",
    "serverless",
    "creating",
    "deleting",
    "v1-describe-cluster",
)
ZOOKEEPER = [f"z-{n}.orders.a1b2c3.c4.kafka.eu-west-1.amazonaws.com" for n in (1, 2, 3)]

FULL: dict[str, Any] = {
    "declared.name": "orders",
    "declared.type": "PROVISIONED",
    "declared.state": "UPDATING",
    "declared.instance_type": "kafka.m5.large",
    "declared.kafka_version": "3.6.0",
    "declared.client_broker": "TLS",
    "declared.in_cluster_tls": True,
    "declared.at_rest_key": "arn:aws:kms:eu-west-1:123456789012:key/7d4f0e6a-52b7-4a0e-8f3f-2b1c0d9e8f70",
    "declared.iam": True,
    "declared.scram": True,
    "declared.mtls": True,
    "declared.unauthenticated": False,
    "declared.public_access": "DISABLED",
    "declared.private_link_iam": True,
    "declared.private_link_scram": False,
    "declared.private_link_tls": False,
    "declared.enhanced_monitoring": "PER_TOPIC_PER_BROKER",
    "declared.broker_logs": [
        {"destination": "cloudwatch", "enabled": True, "target": "/msk/orders"},
        {"destination": "firehose", "enabled": False, "target": None},
        {"destination": "s3", "enabled": True, "target": "orders-broker-logs"},
    ],
    "declared.authorizer_logs": [{"destination": "cloudwatch", "enabled": True, "target": "/msk/orders-authorizer"}],
    "declared.zookeeper_connect": ",".join(f"{host}:2181" for host in ZOOKEEPER),
    "declared.zookeeper_connect_tls": ",".join(f"{host}:2182" for host in ZOOKEEPER),
    "declared.configuration": (
        "arn:aws:kafka:eu-west-1:123456789012:configuration/orders/0c6fae9a-8d2c-4a43-a2d3-3a2a6c1f6f11-4 revision 7"
    ),
}
STATED: dict[str, dict[str, Any]] = {
    "provisioned-zookeeper": FULL,
    "v1-describe-cluster": FULL,
    "provisioned-minimal": {
        "declared.name": "bare",
        "declared.type": "PROVISIONED",
        "declared.state": "ACTIVE",
        "declared.instance_type": "kafka.t3.small",
        "declared.kafka_version": "2.8.1",
    },
    "express-kraft": {
        "declared.name": "express",
        "declared.type": "PROVISIONED",
        "declared.state": "ACTIVE",
        "declared.instance_type": "express.m7g.large",
        "declared.kafka_version": "3.9.x.kraft",
        "declared.client_broker": "TLS",
        "declared.in_cluster_tls": True,
        "declared.at_rest_key": "arn:aws:kms:eu-west-1:123456789012:key/0a9b8c7d-6e5f-4a3b-9c2d-1e0f2a3b4c5d",
        "declared.iam": True,
        "declared.scram": False,
        "declared.unauthenticated": False,
        "declared.public_access": "DISABLED",
        "declared.enhanced_monitoring": "DEFAULT",
        "declared.broker_logs": [],
    },
    "serverless": {
        "declared.name": "events",
        "declared.type": "SERVERLESS",
        "declared.state": "ACTIVE",
        "declared.iam": True,
    },
    "creating": {
        "declared.name": "coming",
        "declared.type": "PROVISIONED",
        "declared.state": "CREATING",
        "declared.instance_type": "kafka.t3.small",
        "declared.kafka_version": "3.8.x",
        "declared.client_broker": "TLS_PLAINTEXT",
        "declared.in_cluster_tls": True,
        "declared.at_rest_key": FULL["declared.at_rest_key"],
        "declared.mtls": True,
    },
    "deleting": {
        "declared.name": "going",
        "declared.type": "PROVISIONED",
        "declared.state": "DELETING",
        "declared.instance_type": "kafka.t3.small",
        "declared.kafka_version": "2.8.1",
        "declared.client_broker": "PLAINTEXT",
        "declared.in_cluster_tls": False,
        "declared.unauthenticated": True,
    },
}


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    info: dict[str, Any] = loaded["ClusterInfo"]
    return info


def put(target: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The document with one value replaced, or removed where the value is None."""
    *parents, last = place.split(".")
    block = target
    for name in parents:
        block = block[name]
    if value is None:
        del block[last]
    else:
        block[last] = value
    return target


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values with each `CannotLook` as its reason and sentence."""
    return {k: (v.reason, v.detail) if isinstance(v, CannotLook) else v for k, v in values.items()}


def test_promises_are_what_the_field_tree_leaves_to_this_answer() -> None:
    assert set(PROMISES) == set(gathered(Kind.CLUSTER, Column.DECLARED)) - ASKED_ELSEWHERE


@pytest.mark.parametrize("name", WHOLE)
def test_fixture_gives_exactly_what_it_states(name: str) -> None:
    assert read_cluster(as_v2(document(name))) == {**dict.fromkeys(PROMISES), **STATED[name]}


@pytest.mark.parametrize("name", WHOLE)
def test_fixture_follows_the_service_model(name: str) -> None:
    shape = MODEL.shape_for("ClusterInfo" if name.startswith("v1-") else "Cluster")
    assert to_wire(document(name), shape, name)


@pytest.mark.parametrize(
    ("place", "value", "path", "wrong"),
    [
        pytest.param("ClusterName", 7, "declared.name", "ClusterName", id="number for text"),
        pytest.param("State", ["ACTIVE"], "declared.state", "State", id="list for text"),
        pytest.param(
            "Provisioned.EncryptionInfo.EncryptionInTransit.InCluster",
            "true",
            "declared.in_cluster_tls",
            "Provisioned.EncryptionInfo.EncryptionInTransit.InCluster",
            id="text for boolean",
        ),
        pytest.param(
            "Provisioned.ClientAuthentication.Tls.Enabled",
            1,
            "declared.mtls",
            "Provisioned.ClientAuthentication.Tls.Enabled",
            id="number for boolean",
        ),
        pytest.param(
            "Provisioned.ClientAuthentication.Sasl",
            [],
            "declared.iam",
            "Provisioned.ClientAuthentication.Sasl",
            id="list for parent",
        ),
        pytest.param(
            "Provisioned.ClientAuthentication",
            "none",
            "declared.scram",
            "Provisioned.ClientAuthentication",
            id="text for block",
        ),
        pytest.param(
            "Provisioned.LoggingInfo.BrokerLogs.S3",
            "bucket",
            "declared.broker_logs",
            "Provisioned.LoggingInfo.BrokerLogs.S3",
            id="text for log destination",
        ),
        pytest.param(
            "Provisioned.LoggingInfo.BrokerLogs.S3.Enabled",
            "yes",
            "declared.broker_logs",
            "Provisioned.LoggingInfo.BrokerLogs.S3.Enabled",
            id="text for log switch",
        ),
        pytest.param(
            "Provisioned.CurrentBrokerSoftwareInfo.ConfigurationRevision",
            True,
            "declared.configuration",
            "Provisioned.CurrentBrokerSoftwareInfo.ConfigurationRevision",
            id="boolean for revision",
        ),
        pytest.param(
            "Provisioned.CurrentBrokerSoftwareInfo.ConfigurationRevision",
            None,
            "declared.configuration",
            "Provisioned.CurrentBrokerSoftwareInfo.ConfigurationRevision",
            id="revision missing",
        ),
        pytest.param(
            "Provisioned.CurrentBrokerSoftwareInfo.ConfigurationArn",
            None,
            "declared.configuration",
            "Provisioned.CurrentBrokerSoftwareInfo.ConfigurationArn",
            id="configuration ARN missing",
        ),
    ],
)
def test_wrong_type_is_malformed_and_named(place: str, value: Any, path: str, wrong: str) -> None:
    seen = read_cluster(put(document("provisioned-zookeeper"), place, value))[path]
    assert isinstance(seen, CannotLook)
    assert seen.reason is Reason.MALFORMED
    assert f"`{wrong}`" in seen.detail


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("ClusterType", "declared.type"),
        ("Provisioned.EncryptionInfo.EncryptionInTransit.ClientBroker", "declared.client_broker"),
        ("Provisioned.EnhancedMonitoring", "declared.enhanced_monitoring"),
        ("Provisioned.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type", "declared.public_access"),
    ],
)
def test_value_of_tomorrow_is_unsupported(place: str, path: str) -> None:
    seen = read_cluster(put(document("provisioned-zookeeper"), place, "QUANTUM"))[path]
    assert isinstance(seen, CannotLook)
    assert (seen.reason, seen.detail) == (
        Reason.UNSUPPORTED,
        f"mskaudit does not know the value 'QUANTUM' of `{place}`",
    )


def test_long_value_is_told_in_part() -> None:
    seen = read_cluster(put(document("serverless"), "ClusterType", "x" * 5000))["declared.type"]
    assert len(seen.detail) < 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"Provisioned": None}, Reason.MALFORMED, id="the block is missing"),
        pytest.param({"Provisioned": []}, Reason.MALFORMED, id="the block is a list"),
        pytest.param({"ClusterType": "QUANTUM"}, Reason.UNSUPPORTED, id="a type of tomorrow"),
        pytest.param({"ClusterType": 1}, Reason.MALFORMED, id="the type is a number"),
        pytest.param({"ClusterType": None, "Provisioned": None}, Reason.MALFORMED, id="neither type nor block"),
    ],
)
def test_what_lies_in_an_unusable_block_is_never_taken_for_absent(change: dict[str, Any], reason: Reason) -> None:
    seen = read_cluster({**document("provisioned-zookeeper"), **change})
    inside = [path for path in PROMISES if path not in ("declared.name", "declared.type", "declared.state")]
    assert {seen[path].reason for path in inside} == {reason}


def test_type_may_be_told_by_the_block() -> None:
    seen = read_cluster(put(document("serverless"), "ClusterType", None))
    assert seen == {**dict.fromkeys(PROMISES), **STATED["serverless"], "declared.type": None}


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(None, id="null"),
        pytest.param("arn", id="text"),
        pytest.param({}, id="no ARN"),
        pytest.param({"ClusterArn": None}, id="null ARN"),
        pytest.param({"ClusterArn": 5}, id="number"),
        pytest.param({"ClusterArn": "arn:aws:s3:::bucket"}, id="another service"),
        pytest.param({"ClusterArn": "arn:aws:kafka:eu-west-1:123456789012:cluster/a b/1"}, id="blank inside"),
    ],
)
def test_entry_without_usable_arn_has_no_key(entry: object) -> None:
    with pytest.raises(CannotLook) as caught:
        cluster_key(entry)
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
def test_key_is_the_arn_in_every_partition(partition: str) -> None:
    arn = f"arn:{partition}:kafka:xx-east-1:123456789012:cluster/orders/0b1c2d3e-4"
    assert cluster_key({"ClusterArn": arn}) == SubjectKey(Kind.CLUSTER, arn, arn)


def test_configuration_is_told_and_read_back() -> None:
    assert configuration_revision(named_configuration("arn:x revision 2", 41)) == ("arn:x revision 2", 41)


@pytest.mark.parametrize("named", ["", "arn:x", "arn:x revision ", "arn:x revision -1", " revision 3"])
def test_configuration_without_revision_is_malformed(named: str) -> None:
    with pytest.raises(CannotLook):
        configuration_revision(named)


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({}), st.just({"Enabled": "x"})
)


def of(shape: Any) -> st.SearchStrategy[Any]:
    """Values of a shape, each member present, absent or junk."""
    match shape.type_name:
        case "structure":
            members = {name: st.one_of(of(member), of(member), JUNK) for name, member in shape.members.items()}
            return st.fixed_dictionaries({}, optional=members)
        case "list":
            return st.lists(of(shape.member), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=1)
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.integers(0, 9)
        case "timestamp":
            return st.just("2026-01-01T00:00:00Z")
        case _:
            return st.sampled_from(shape.enum) if shape.enum else st.text(max_size=9)


def assert_settled(seen: dict[str, Any]) -> None:
    assert tuple(seen) == PROMISES
    for path, value in seen.items():
        assert isinstance(value, CannotLook) or typed(Kind.CLUSTER, path, value), path


@settings(deadline=None, max_examples=150)
@given(of(MODEL.shape_for("Cluster")))
def test_every_cluster_settles_every_path(cluster: dict[str, Any]) -> None:
    assert_settled(read_cluster(cluster))


@settings(deadline=None, max_examples=100)
@given(of(MODEL.shape_for("ClusterInfo")))
def test_every_older_cluster_settles_every_path(cluster: dict[str, Any]) -> None:
    assert_settled(read_cluster(as_v2(cluster)))


@settings(deadline=None, max_examples=100)
@given(of(MODEL.shape_for("Cluster")))
def test_removing_a_block_never_turns_a_gap_into_good_news(cluster: dict[str, Any]) -> None:
    without = {name: value for name, value in cluster.items() if name not in ("Provisioned", "Serverless")}
    seen = plain(read_cluster(without))
    assert isinstance(seen["declared.client_broker"], tuple)
