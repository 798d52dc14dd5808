"""AWS's own signers and kafka-python's against ours: what they sign we verify, and we sign what botocore signs."""

from __future__ import annotations

import json
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import CredentialProvider, Credentials

from mskaudit.reference.logins import AwsCredential, IamSettings, LoginStep, Outcome, Realm, begin
from mskaudit.wire.msk_iam import SignedConnect, endpoint
from mskaudit.wire.oauthbearer import INVALID_TOKEN, OauthClient

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its resources in an old way
    from kafka.net.sasl.msk import AwsMskIamClient

REGION = "ap-southeast-2"
HOST = "b-2.orders.abc123.c2.kafka.ap-southeast-2.amazonaws.com"
ARN = "arn:aws:sts::123456789012:assumed-role/billing/session"


def credential(session_token: str | None) -> AwsCredential:
    return AwsCredential(
        access_key="ASIAEXAMPLE", secret_key="wJalr/XUtnFEMI+K7", session_token=session_token, principal=ARN
    )


TEMPORARY, LASTING = credential("FwoGZX/+IvYXdzEJr=="), credential(None)
BOTH = pytest.mark.parametrize("known", [TEMPORARY, LASTING], ids=["temporary", "lasting"])


def realm(known: AwsCredential, *, late_s: int = 0, region: str = REGION) -> Realm:
    return Realm(
        aws={known.access_key: known},
        hosts=frozenset({HOST}),
        iam=IamSettings(region=region),
        clock=lambda: datetime.now(UTC) + timedelta(seconds=late_s),
    )


class Provider(CredentialProvider):  # type: ignore[misc, unused-ignore]
    """Gives the signer a credential of ours."""

    def __init__(self, known: AwsCredential) -> None:
        super().__init__()
        self._known = known

    def load(self) -> Credentials:
        return Credentials(self._known.access_key, self._known.secret_key, self._known.session_token)


def official(known: AwsCredential, region: str = REGION) -> str:
    token, _ = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(region, Provider(known))
    return str(token)


def with_token(token: str, known: Realm) -> Outcome:
    return begin("OAUTHBEARER", known)(OauthClient(token).first())


def assert_invalid(outcome: Outcome) -> None:
    assert (outcome.step, outcome.token.decode(), outcome.identity) == (LoginStep.GO_ON, INVALID_TOKEN, None)


@BOTH
def test_tokens_of_the_official_signer_are_taken(known: AwsCredential) -> None:
    outcome = with_token(official(known), realm(known))
    assert (outcome.step, outcome.principal, outcome.identity) == (LoginStep.WELCOME, f"User:{ARN}", known)
    assert 0 < outcome.lifetime_ms <= 900_000


CHANGES = {
    "Action": "kafka-cluster:DescribeCluster",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA512",
    "X-Amz-Credential": "ASIAOTHER/20260304/ap-southeast-2/kafka-cluster/aws4_request",
    "X-Amz-Date": "20260304T000000Z",
    "X-Amz-Expires": "901",
    "X-Amz-SignedHeaders": "host;x",
    "X-Amz-Security-Token": "FwoGZX",
    "X-Amz-Signature": "0" * 64,
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("change", ["other", "gone", "twice"])
def test_tampered_tokens_are_refused(name: str, change: str) -> None:
    url = urlsplit(urlsafe_b64decode(official(TEMPORARY) + "==").decode())
    pairs = parse_qsl(url.query)
    assert name in dict(pairs)
    match change:
        case "other":
            pairs = [(key, CHANGES[name] if key == name else value) for key, value in pairs]
        case "gone":
            pairs = [pair for pair in pairs if pair[0] != name]
        case _:
            pairs += [pair for pair in pairs if pair[0] == name]
    changed = url._replace(query=urlencode(pairs)).geturl()
    token = urlsafe_b64encode(changed.encode()).decode().rstrip("=")
    assert_invalid(with_token(token, realm(TEMPORARY)))


def test_a_token_put_together_again_unchanged_is_taken() -> None:
    url = urlsplit(urlsafe_b64decode(official(TEMPORARY) + "==").decode())
    same = url._replace(query=urlencode(parse_qsl(url.query))).geturl()
    token = urlsafe_b64encode(same.encode()).decode().rstrip("=")
    assert with_token(token, realm(TEMPORARY)).step is LoginStep.WELCOME


REALMS = {
    "expired": realm(TEMPORARY, late_s=901),
    "in the future": realm(TEMPORARY, late_s=-310),
    "another region": realm(TEMPORARY, region="us-east-1"),
    "unknown key": Realm(iam=IamSettings(region=REGION)),
    "another session token": realm(credential("another")),
    "no session token": realm(LASTING),
}


@pytest.mark.parametrize("there", REALMS.values(), ids=REALMS)
def test_tokens_out_of_place_or_time_are_refused(there: Realm) -> None:
    assert_invalid(with_token(official(TEMPORARY), there))


@BOTH
def test_what_kafka_python_sends_is_taken(known: AwsCredential) -> None:
    client = AwsMskIamClient(HOST, known.access_key, known.secret_key, REGION, known.session_token)
    outcome = begin("AWS_MSK_IAM", realm(known))(client.first_message())
    assert (outcome.step, outcome.principal, outcome.identity) == (LoginStep.WELCOME, f"User:{ARN}", known)
    assert json.loads(outcome.token)["version"] == "2020_10_22"


@pytest.mark.parametrize(
    "arguments",
    [
        ("b-3.example", TEMPORARY.access_key, TEMPORARY.secret_key, REGION, TEMPORARY.session_token),
        (HOST, "ASIAOTHER", TEMPORARY.secret_key, REGION, TEMPORARY.session_token),
        (HOST, TEMPORARY.access_key, "another", REGION, TEMPORARY.session_token),
        (HOST, TEMPORARY.access_key, TEMPORARY.secret_key, "us-east-1", TEMPORARY.session_token),
        (HOST, TEMPORARY.access_key, TEMPORARY.secret_key, REGION, "another"),
        (HOST, TEMPORARY.access_key, TEMPORARY.secret_key, REGION, None),
    ],
    ids=["host", "access key", "secret key", "region", "session token", "no session token"],
)
def test_what_kafka_python_sends_amiss_is_refused(arguments: tuple[Any, ...]) -> None:
    outcome = begin("AWS_MSK_IAM", realm(TEMPORARY))(AwsMskIamClient(*arguments).first_message())
    assert (outcome.step, outcome.principal) == (LoginStep.REFUSED, None)
    assert outcome.message.endswith("]: Access denied")


@BOTH
@pytest.mark.parametrize("service", ["kafka-cluster", "kafka"])
def test_botocore_makes_the_same_signature(known: AwsCredential, service: str) -> None:
    host = endpoint(REGION)
    keys = Credentials(known.access_key, known.secret_key, known.session_token)
    request = AWSRequest(method="GET", url=f"https://{host}/", params={"Action": "kafka-cluster:Connect"})
    SigV4QueryAuth(keys, service, REGION, expires=900).add_auth(request)
    url = str(request.url)
    members = dict(parse_qsl(urlsplit(url).query))
    now = datetime.strptime(members["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = SignedConnect.sign(known.keys, host=host, region=REGION, now=now)
    same = ours.members["x-amz-signature"] == members["X-Amz-Signature"]
    assert same == (service == "kafka-cluster")
    token = urlsafe_b64encode(url.encode()).decode().rstrip("=")
    assert SignedConnect.parse_token(token).is_signed_with(known.secret_key)
    assert (with_token(token, realm(known)).step is LoginStep.WELCOME) == (service == "kafka-cluster")
