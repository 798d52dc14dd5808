from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import exceptions as boto

from mskaudit.errors import CannotLook, UsageError
from mskaudit.gather.aws import session as session_module
from mskaudit.gather.aws.refusals import CredentialsRefused, Question, answered, failed
from mskaudit.gather.aws.session import Account, Patience, open_session
from mskaudit.model.evidence import Reason
from mskaudit.reference.control_plane import ControlPlane, Estate

if TYPE_CHECKING:
    from collections.abc import Mapping

ONCE = Patience(attempts=1)
QUESTION = Question("kafka", "GetBootstrapBrokers", "eu-west-1")
SECRET = "AKIAEXAMPLESECRET"


def error(code: str, status: int, message: str = "") -> boto.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": f"{message} {SECRET}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return boto.ClientError(response, "GetBootstrapBrokers")


@pytest.mark.parametrize(
    ("code", "status", "message", "reason", "told"),
    [
        ("AccessDeniedException", 403, "", Reason.DENIED, "AccessDeniedException (HTTP 403)"),
        ("AccessDenied", 400, "", Reason.DENIED, "AccessDenied (HTTP 400)"),
        ("UnauthorizedException", 401, "", Reason.DENIED, "UnauthorizedException"),
        ("ForbiddenException", 403, "", Reason.DENIED, "ForbiddenException"),
        ("403", 403, "", Reason.DENIED, "an error without a usable code (HTTP 403)"),
        (
            "AccessDeniedException",
            403,
            "with an explicit deny in a service control policy",
            Reason.DENIED,
            "an explicit deny in a service control policy",
        ),
        ("ThrottlingException", 400, "", Reason.THROTTLED, "too many requests"),
        ("TooManyRequestsException", 429, "", Reason.THROTTLED, "too many requests"),
        ("429", 429, "", Reason.THROTTLED, "too many requests"),
        ("RequestTimeout", 408, "", Reason.TIMED_OUT, "in time"),
        ("ConflictException", 409, "", Reason.UNRESOLVED, "ask again when it is ACTIVE"),
        ("BadRequestException", 400, "The cluster is not ready yet.", Reason.UNRESOLVED, "ask again when it is ACTIVE"),
        ("BadRequestException", 400, "Cluster is still CREATING", Reason.UNRESOLVED, "ask again when it is ACTIVE"),
        (
            "BadRequestException",
            400,
            "This operation cannot be performed on serverless clusters.",
            Reason.UNSUPPORTED,
            "serverless clusters do not offer",
        ),
        ("BadRequestException", 400, "One or more of the parameters", Reason.UNRESOLVED, "check that the resource"),
        ("NotFoundException", 404, "", Reason.UNRESOLVED, "no such resource"),
        ("404", 404, "", Reason.UNRESOLVED, "no such resource"),
        ("InternalServerErrorException", 500, "", Reason.UNREACHABLE, "the service failed"),
        ("ServiceUnavailableException", 503, "", Reason.UNREACHABLE, "the service failed"),
        ("ExpiredTokenException", 403, "", Reason.DENIED, "log in again"),
        ("UnrecognizedClientException", 403, "", Reason.DENIED, "enabled the region"),
        ("RequestTimeTooSkewed", 403, "", Reason.DENIED, "set the clock"),
        ("OptInRequired", 403, "", Reason.DENIED, "enable the region"),
        ("a code\nwith lines", 400, "", Reason.UNRESOLVED, "an error without a usable code"),
    ],
)
def test_answer_of_aws_has_a_reason_and_tells_no_secret(
    code: str, status: int, message: str, reason: Reason, told: str
) -> None:
    seen = answered(error(code, status, message), QUESTION)
    assert seen.reason is reason
    assert told in seen.detail
    assert seen.detail.startswith("kafka:GetBootstrapBrokers in eu-west-1 answered")
    assert SECRET not in seen.detail


def test_answer_without_any_structure_is_still_explained() -> None:
    response: Any = {}
    assert answered(boto.ClientError(response, "X"), QUESTION).reason is Reason.UNRESOLVED


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (boto.ReadTimeoutError(endpoint_url=SECRET), Reason.TIMED_OUT),
        (boto.ConnectTimeoutError(endpoint_url=SECRET), Reason.TIMED_OUT),
        (boto.EndpointConnectionError(endpoint_url=SECRET), Reason.UNREACHABLE),
        (boto.ConnectionClosedError(endpoint_url=SECRET), Reason.UNREACHABLE),
        (boto.ProxyConnectionError(proxy_url=SECRET), Reason.UNREACHABLE),
        (boto.SSLError(endpoint_url=SECRET, error=OSError(SECRET)), Reason.UNREACHABLE),
        (boto.NoRegionError(), Reason.UNRESOLVED),
        (boto.ParamValidationError(report=SECRET), Reason.MALFORMED),
        (boto.UnknownServiceError(service_name=SECRET, known_service_names=""), Reason.TOOL_FAULT),
        (ValueError(SECRET), Reason.MALFORMED),
        (boto.NoCredentialsError(), Reason.DENIED),
        (boto.PartialCredentialsError(provider="env", cred_var=SECRET), Reason.DENIED),
        (boto.CredentialRetrievalError(provider="x", error_msg=SECRET), Reason.DENIED),
        (boto.UnauthorizedSSOTokenError(), Reason.DENIED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_failure_without_answer_has_a_reason_and_tells_no_secret(failure: Exception, reason: Reason) -> None:
    seen = failed(failure, QUESTION)
    assert seen.reason is reason
    assert type(failure).__name__ in seen.detail
    assert SECRET not in seen.detail
    assert isinstance(seen, CredentialsRefused) is (reason is Reason.DENIED)


def test_failure_of_another_kind_is_not_explained_away() -> None:
    with pytest.raises(ZeroDivisionError):
        failed(ZeroDivisionError(), QUESTION)


@pytest.mark.parametrize(
    "operation", ["DeleteCluster", "UpdateSecurity", "CreateTopic", "list_clusters", "Listen", "GETX", "", "PutX"]
)
async def test_only_reads_can_be_asked(operation: str) -> None:
    plane = ControlPlane(Estate())
    with pytest.raises(ValueError, match="never changes anything"):
        await Account(plane.session(), ONCE).call("kafka", operation)
    assert not plane.calls


async def test_call_names_mskaudit_and_signs_for_the_region() -> None:
    session = ControlPlane(Estate()).session()
    sent: list[Any] = []
    session.events.register_first("before-send", lambda request, **_: sent.append(request))
    await Account(session, ONCE).call("kafka", "ListClustersV2")
    await Account(session, ONCE).call("kafka", "ListClustersV2", region="cn-north-1")
    assert [b"mskaudit/" in request.headers["User-Agent"] for request in sent] == [True, True]
    assert [request.url.split("/")[2] for request in sent] == [
        "kafka.eu-west-1.amazonaws.com",
        "kafka.cn-north-1.amazonaws.com.cn",
    ]


async def test_unknown_operation_is_a_fault_of_ours() -> None:
    with pytest.raises(AttributeError):
        await Account(ControlPlane(Estate()).session(), ONCE).call("kafka", "ListNothingOfTheSort")


async def test_unknown_service_is_explained() -> None:
    with pytest.raises(CannotLook) as caught:
        await Account(ControlPlane(Estate()).session(), ONCE).call("kafkaesque", "ListClusters")
    assert caught.value.reason is Reason.TOOL_FAULT


async def test_attempts_are_as_many_as_patience_allows() -> None:
    plane = ControlPlane(Estate(), {"kafka:ListClustersV2/1": Reason.UNREACHABLE})
    assert "ClusterInfoList" in await Account(plane.session(), Patience(attempts=2)).call("kafka", "ListClustersV2")
    assert plane.calls["kafka:ListClustersV2"] == 2


async def test_once_keeps_values_and_refusals() -> None:
    account = Account(ControlPlane(Estate()).session(), ONCE)
    asked: list[str] = []

    async def value() -> Mapping[str, Any]:
        asked.append("value")
        return {"a": 1}

    async def refusal() -> Mapping[str, Any]:
        asked.append("refusal")
        raise CannotLook(Reason.DENIED, "no")

    for _ in range(2):
        assert await account.once("value", value) == {"a": 1}
        with pytest.raises(CannotLook, match="no"):
            await account.once("refusal", refusal)
    assert asked == ["value", "refusal"]


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without credentials, region or profile, and the place of its configuration file."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "DEFAULT_PROFILE", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for name in ("CONTAINER_CREDENTIALS_RELATIVE_URI", "CONTAINER_CREDENTIALS_FULL_URI", "WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path / "config"


KEYS = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = hush\n"


@pytest.mark.parametrize(
    ("config", "asked", "remedy"),
    [
        pytest.param("", {"region": "eu-west-1"}, "aws sso login", id="no credentials"),
        pytest.param(f"[default]\n{KEYS}", {}, "--region", id="no region"),
        pytest.param(f"[default]\n{KEYS}", {"region": "Ireland"}, "looks like eu-west-1", id="no such region"),
        pytest.param("", {"region": "eu-west-1", "profile": "audit"}, "list-profiles", id="no such profile"),
        pytest.param(
            "[default]\naws_access_key_id = AKIAEXAMPLE\n", {"region": "eu-west-1"}, "give both", id="half a key"
        ),
        pytest.param(
            "[default]\nregion = eu-west-1\ncredential_process = /bin/false\n", {}, "log in again", id="process fails"
        ),
        pytest.param("broken", {"region": "eu-west-1"}, "correct ~/.aws/config", id="unreadable configuration"),
    ],
)
def test_start_without_what_it_takes_names_the_remedy(
    nothing: Path, config: str, asked: dict[str, str], remedy: str
) -> None:
    nothing.write_text(config)
    with pytest.raises(UsageError, match=remedy) as caught:
        open_session(**asked)  # type: ignore[arg-type]  # only text is asked here
    assert "AKIAEXAMPLE" not in str(caught.value)


def test_start_takes_region_and_profile(nothing: Path) -> None:
    nothing.write_text(f"[profile audit]\nregion = us-gov-west-1\n{KEYS}")
    assert open_session(profile="audit").region == "us-gov-west-1"
    assert open_session(profile="audit", region="eu-west-1").region == "eu-west-1"


def test_boto_is_imported_in_one_module_of_the_collector() -> None:
    folder = Path(session_module.__file__).parent
    users = {path.name for path in folder.glob("*.py") if "import boto3" in path.read_text()}
    assert users == {"session.py"}


def test_session_without_region_cannot_be_an_account(nothing: Path) -> None:
    assert not nothing.exists()
    with pytest.raises(UsageError, match="--region"):
        Account(boto3.Session())
