"""Amazon's own login module for Java logs in to the reference's IAM listener, and only with the right keys."""

from __future__ import annotations

from typing import Final

from mskaudit.reference.cluster import Cluster, Listener, Mechanism, Protocol
from mskaudit.reference.realm import AwsCredential
from tests.real.clients import EVERYTHING, Client, java_clients, tls
from tests.real.maven import Profile
from tests.real.stage import reference

_SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_KEY: Final = "AKIAIOSFODNN7EXAMPLE"
_HANDLER: Final = "software.amazon.msk.auth.iam.IAMClientCallbackHandler"

_ACTIONS: Final = (
    "Connect",
    "WriteDataIdempotently",
    "DescribeTopic",
    "ReadData",
    "WriteData",
    "DescribeGroup",
    "AlterGroup",
)
_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": [f"kafka-cluster:{name}" for name in _ACTIONS], "Resource": "*"}],
}

CLUSTER: Final = Cluster(
    count=1,
    cluster_id="bXNrYXVkaXRfX19yZWFsMQ",
    listeners={"iam": Listener(protocol=Protocol.SASL_SSL, mechanisms=(Mechanism.AWS_MSK_IAM,))},
    aws_credentials={
        "reader": AwsCredential(
            access_key=_KEY,
            secret_key=_SECRET,
            principal="arn:aws:iam::111122223333:user/reader",
            policies=(_POLICY,),
        )
    },
    topics={"foo": 1},
)


def _told(secret: str, region: str = "us-east-1", wanted: tuple[str, ...] = EVERYTHING) -> dict[str, str]:
    trust, files = tls()
    with reference(CLUSTER) as stage:
        properties = {
            "bootstrap.servers": f"localhost:{stage.by_listener['iam'][1]}",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "AWS_MSK_IAM",
            "sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
            "sasl.client.callback.handler.class": _HANDLER,
            **trust,
        }
        options = (f"-Daws.accessKeyId={_KEY}", f"-Daws.secretAccessKey={secret}", f"-Daws.secretKey={secret}")
        (told,) = java_clients(
            [Client(properties, files, wanted)], profile=Profile.IAM, options=(*options, f"-Daws.region={region}")
        )
    return told


def test_the_login_module_is_let_in_and_may_do_what_its_policy_allows() -> None:
    assert _told(_SECRET) == {
        "cluster": CLUSTER.cluster_id,
        "topics": "foo",
        "create": "TopicAuthorizationException",
        "acls": "ClusterAuthorizationException",
        "produce": "ok",
        "consume": "value-0,value-1,value-2",
    }


def test_the_login_module_with_a_wrong_secret_is_not() -> None:
    assert _told("wrong", wanted=("cluster",)) == {"cluster": "SaslAuthenticationException"}


def test_the_login_module_of_another_region_is_not() -> None:
    assert _told(_SECRET, region="eu-west-1", wanted=("cluster",)) == {"cluster": "SaslAuthenticationException"}
