"""Who decides on a listener: the ACLs, or IAM for those who logged in with it, whatever the ACLs say."""

from __future__ import annotations

from typing import Any

import pytest

from mskaudit.errors import UsageError
from mskaudit.policy.acls import CLUSTER_NAME, Operation, ResourceType
from mskaudit.reference.asking import Identity
from mskaudit.reference.cluster import AclEntry, AuthorizerRules, Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.gates import authority_of
from mskaudit.reference.realm import AwsCredential
from mskaudit.reference.state import State

ARN = "arn:aws:kafka:eu-central-1:111122223333:cluster/orders/6f2a1c54-0d1e-4a53-9a52-2f6a7d1b8c90-3"
PATH = ARN.partition(":cluster/")[2]
TOPICS = f"arn:aws:kafka:eu-central-1:111122223333:topic/{PATH}"
HOST = "10.0.0.1"
CONNECT = {"Effect": "Allow", "Action": "kafka-cluster:Connect", "Resource": ARN}
IAM = Listener(protocol=Protocol.SASL_SSL, mechanisms=(Mechanism.AWS_MSK_IAM,))
SCRAM = Listener(protocol=Protocol.SASL_SSL, mechanisms=(Mechanism.SCRAM_SHA_512,))


def allow(action: str, resource: str, **more: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": f"kafka-cluster:{action}", "Resource": resource} | more


def credential(*statements: dict[str, Any]) -> AwsCredential:
    """A role's session with one policy."""
    return AwsCredential(
        access_key="AKIDEXAMPLE",
        secret_key="secret",
        principal="arn:aws:sts::111122223333:assumed-role/writer/session",
        policies=({"Version": "2012-10-17", "Statement": list(statements)},),
    )


def made(known: AwsCredential, **more: Any) -> Cluster:
    """A cluster with an identity, and an ACL that lets everybody read everything."""
    everything = AclEntry(principal="User:*", operations=("ALL",), resource="TOPIC", name="*")
    values: dict[str, Any] = {
        "count": 1,
        "cluster_id": "with/aws:",
        "listeners": {"iam": IAM},
        "topics": {"orders": 1},
        "authorizer": AuthorizerRules(),
        "acls": {"everything": everything},
        "aws_credentials": {"writer": known},
    }
    return Cluster(**(values | more))


@pytest.mark.parametrize(
    ("statements", "kind", "name", "allowed"),
    [
        pytest.param([], ResourceType.TOPIC, "orders", set(), id="nothing"),
        pytest.param([allow("*", "*")], ResourceType.TOPIC, "orders", {3, 4, 5, 6, 7, 8, 10, 11}, id="everything"),
        pytest.param([allow("ReadData", f"{TOPICS}/orders")], ResourceType.TOPIC, "orders", set(), id="no-connection"),
        pytest.param([CONNECT, allow("ReadData", f"{TOPICS}/orders")], ResourceType.TOPIC, "orders", {3}, id="read"),
        pytest.param([CONNECT, allow("ReadData", f"{TOPICS}/orders")], ResourceType.TOPIC, "other", set(), id="other"),
        pytest.param([CONNECT, allow("*Topic*", f"{TOPICS}/o*")], ResourceType.TOPIC, "orders", {5, 6, 7, 8, 10, 11},
                     id="glob"),
        pytest.param([allow("*", "*"), {"Effect": "Deny", "Action": "*", "Resource": f"{TOPICS}/orders"}],
                     ResourceType.TOPIC, "orders", set(), id="denied"),
        pytest.param([CONNECT, allow("AlterCluster", ARN)], ResourceType.CLUSTER, CLUSTER_NAME, {7}, id="cluster"),
        pytest.param([allow("*", "*")], ResourceType.GROUP, "g", {3, 6, 8}, id="group"),
        pytest.param([CONNECT, allow("ReadData", f"{TOPICS}/*", Condition={"Bool": {"aws:SecureTransport": "true"}})],
                     ResourceType.TOPIC, "orders", set(), id="a-condition-on-what-there-is-not"),
        pytest.param(
            [CONNECT, allow("ReadData", f"{TOPICS}/*", Condition={
                "StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/writer"}})],
            ResourceType.TOPIC, "orders", {3}, id="a-condition-on-the-role"),
    ],
)  # fmt: skip
def test_policies_decide_for_those_who_came_with_iam(
    statements: list[dict[str, Any]], kind: ResourceType, name: str, allowed: set[int]
) -> None:
    known = credential(*statements) if statements else credential(allow("Connect", "arn:aws:kafka:*:*:cluster/x/*"))
    authority = authority_of(State(made(known)), IAM, "3.9.2", ARN)
    who = Identity(principal=f"User:{known.principal}", credential=known)
    assert authority.configured
    bits = authority.operations(who, HOST, kind=kind, name=name)
    assert {bit for bit in range(31) if bits >> bit & 1} == allowed
    for operation in (Operation.READ, Operation.WRITE, Operation.ALTER):
        expected = operation in allowed
        assert authority.allows(who, HOST, operation=operation, kind=kind, name=name) == expected


def test_acls_decide_for_all_others() -> None:
    authority = authority_of(State(made(credential(CONNECT))), IAM, "3.9.2", ARN)
    others = Identity(principal="User:billing")
    assert authority.allows(others, HOST, operation=Operation.READ, kind=ResourceType.TOPIC, name="orders")
    assert authority.allows_on_any(others, HOST, operation=Operation.READ, kind=ResourceType.TOPIC)
    assert not authority.allows(others, HOST, operation=Operation.READ, kind=ResourceType.GROUP, name="g")


def test_on_other_listeners_there_is_no_iam() -> None:
    known = credential(allow("*", "*"))
    authority = authority_of(State(made(known, authorizer=None)), SCRAM, "3.9.2", ARN)
    assert not authority.configured


def test_making_any_topic_is_decided_topic_by_topic() -> None:
    known = credential(CONNECT, allow("CreateTopic", f"{TOPICS}/mine-*"))
    authority = authority_of(State(made(known)), IAM, "3.9.2", ARN)
    who = Identity(principal="User:x", credential=known)

    def may(kind: ResourceType, name: str) -> bool:
        return authority.allows(who, HOST, operation=Operation.CREATE, kind=kind, name=name)

    assert may(ResourceType.TOPIC, "mine-1")
    assert not may(ResourceType.TOPIC, "other")
    assert not may(ResourceType.CLUSTER, CLUSTER_NAME)


@pytest.mark.parametrize(
    ("resource", "allowed"), [(f"{TOPICS}/orders", True), (f"{TOPICS}/*", True), (f"{TOPICS}/nope", False)]
)
def test_something_somewhere(resource: str, allowed: bool) -> None:  # noqa: FBT001  a column
    known = credential(CONNECT, allow("WriteData", resource))
    authority = authority_of(State(made(known)), IAM, "3.9.2", ARN)
    who = Identity(principal="User:x", credential=known)
    assert authority.allows_on_any(who, HOST, operation=Operation.WRITE, kind=ResourceType.TOPIC) == allowed


def test_a_cluster_without_an_arn_has_one_made_up() -> None:
    made_up = "arn:aws:kafka:us-east-1:123456789012:*/with-aws-/00000000-0000-4000-8000-000000000000-1*"
    known = credential(allow("Connect", made_up), allow("ReadData", made_up))
    authority = authority_of(State(made(known)), IAM, "3.9.2", None)
    who = Identity(principal="User:x", credential=known)
    assert authority.allows(who, HOST, operation=Operation.READ, kind=ResourceType.TOPIC, name="orders")


@pytest.mark.parametrize(
    ("known", "arn"),
    [
        pytest.param(credential({"Effect": "Maybe"}), ARN, id="policy"),
        pytest.param(credential(CONNECT), "arn:aws:kafka:eu-central-1:1:cluster/x", id="arn"),
    ],
)
def test_what_is_wrong_is_said_at_once(known: AwsCredential, arn: str) -> None:
    with pytest.raises(UsageError):
        authority_of(State(made(known)), IAM, "3.9.2", arn)
