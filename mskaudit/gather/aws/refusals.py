"""Why AWS did not answer, as a reason and a sentence.

The sentences are ours: a message of AWS may hold signatures, tokens or a caller's session, so of an answer only its
code, its status and the kind of policy that denied are told.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mskaudit.errors import CannotLook
from mskaudit.model.evidence import Reason

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class CredentialsRefused(CannotLook):
    """AWS does not accept who is asking, or nobody is: at the start of a run a mistake of usage."""


class Question(NamedTuple):
    """What was asked of AWS, and where."""

    service: str
    operation: str
    region: str

    def __str__(self) -> str:
        """The question as its IAM action."""
        return f"{self.service}:{self.operation}"


class _Answer(NamedTuple):
    code: str
    status: int
    message: str


_NOT_OURS: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotSignedUp",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "SubscriptionRequiredException",
        "UnrecognizedClientException",
    }
)
_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_SLOW: Final = frozenset({"RequestTimeout", "RequestTimeoutException"})
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,79}")
_DENIED: Final = re.compile(r"(AccessDenied|Unauthorized|Forbidden|NotAuthorized)")
_MISSING: Final = re.compile(r"(ResourceNotFound|NotFound)")
_NOT_READY: Final = re.compile(r"\bcreating\b|not (yet )?(in )?(the |an? )?(ready|active)\b", re.IGNORECASE)
_EXPLICIT_DENY: Final = re.compile(r"explicit deny in an? (?P<policy>[a-z-]+( [a-z-]+){0,3} policy)")

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_SERVER: Final = 500


def answered(error: ClientError, question: Question) -> CannotLook:
    """What an error answer of AWS means; source: common errors and the errors of the Amazon MSK and KMS references."""
    answer = _read(error)
    told = f"{question} in {question.region} answered {answer.code} (HTTP {answer.status})"
    if answer.code in _NOT_OURS:
        return CredentialsRefused(
            Reason.DENIED, f"{told}: AWS does not accept the credentials there; {_renewal(answer.code)}"
        )
    if answer.code in _THROTTLED or answer.status == _TOO_MANY:
        return CannotLook(Reason.THROTTLED, f"{told}: too many requests in this account")
    if answer.code in _SLOW:
        return CannotLook(Reason.TIMED_OUT, f"{told}: the request did not arrive in time")
    return _about_the_cluster(answer, told) or _about_the_caller(answer, told)


def _about_the_cluster(answer: _Answer, told: str) -> CannotLook | None:
    if "serverless" in answer.message.lower():
        return CannotLook(Reason.UNSUPPORTED, f"{told}: serverless clusters do not offer this operation")
    if answer.code == "ConflictException" or _NOT_READY.search(answer.message):
        return CannotLook(Reason.UNRESOLVED, f"{told}: the cluster is not ready; ask again when it is ACTIVE")
    if _MISSING.match(answer.code) or answer.status == _NOT_FOUND:
        return CannotLook(
            Reason.UNRESOLVED, f"{told}: no such resource; check that it still exists in this account and region"
        )
    return None


def _about_the_caller(answer: _Answer, told: str) -> CannotLook:
    if _DENIED.match(answer.code) or answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        deny = _EXPLICIT_DENY.search(answer.message)
        return CannotLook(Reason.DENIED, told if deny is None else f"{told}: an explicit deny in a {deny['policy']}")
    if answer.status >= _SERVER:
        return CannotLook(Reason.UNREACHABLE, f"{told}: the service failed")
    return CannotLook(Reason.UNRESOLVED, f"{told}; check that the resource belongs to this account and region")


def _renewal(code: str) -> str:
    match code:
        case "ExpiredToken" | "ExpiredTokenException":
            return "log in again, they have expired"
        case "RequestExpired" | "RequestTimeTooSkewed":
            return "set the clock of this machine"
        case "OptInRequired" | "NotSignedUp" | "SubscriptionRequiredException":
            return "enable the region or the service for the account"
        case _:
            return "check the access key, its session token and that the account has enabled the region"


def _read(error: ClientError) -> _Answer:
    code = _inside(error.response, "Error", "Code")
    status = _inside(error.response, "ResponseMetadata", "HTTPStatusCode")
    message = _inside(error.response, "Error", "Message")
    return _Answer(
        code=code if isinstance(code, str) and _CODE.fullmatch(code) else "an error without a usable code",
        status=status if isinstance(status, int) else 0,
        message=message if isinstance(message, str) else "",
    )


def _inside(response: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(response, dict) or name not in response:
            return None
        response = response[name]
    return response


@cache
def _local_failures() -> tuple[tuple[tuple[type[Exception], ...], Reason, str], ...]:
    """What goes wrong before there is an answer, most specific first."""
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    late = (boto.ReadTimeoutError, boto.ConnectTimeoutError)
    network = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError)
    region = (boto.NoRegionError, boto.InvalidRegionError, boto.UnknownEndpointError, boto.EndpointProviderError)
    # Below the parser, botocore trusts the shape of an answer and fails as Python does.
    foreign = (ResponseParserError, AttributeError, KeyError, TypeError, ValueError)
    return (
        (late, Reason.TIMED_OUT, "did not answer in time"),
        (network, Reason.UNREACHABLE, "could not be reached; check network, proxy, VPC endpoint and region name"),
        (region, Reason.UNRESOLVED, "has no endpoint; check the region name"),
        ((boto.ParamValidationError,), Reason.MALFORMED, "cannot be asked with what an earlier answer named"),
        ((boto.BotoCoreError,), Reason.TOOL_FAULT, "could not be asked"),
        (foreign, Reason.MALFORMED, "answered something that is not an answer of this operation"),
    )


def failed(error: Exception, question: Question) -> CannotLook:
    """What a failure of botocore without an answer of AWS means; its text is not told, only its kind."""
    kind = type(error).__name__
    if is_about_credentials(error):
        return CredentialsRefused(
            Reason.DENIED, f"{question} in {question.region} was not asked: {lacking(error)} ({kind})"
        )
    for kinds, reason, sentence in _local_failures():
        if isinstance(error, kinds):
            return CannotLook(reason, f"{question} in {question.region} {sentence} ({kind})")
    raise error


def is_about_credentials(error: Exception) -> bool:
    """Whether botocore failed because it has nothing to sign with."""
    from botocore import exceptions as boto

    return isinstance(
        error,
        boto.NoCredentialsError
        | boto.PartialCredentialsError
        | boto.CredentialRetrievalError
        | boto.TokenRetrievalError
        | boto.NoAuthTokenError
        | boto.SSOError
        | boto.LoginError,
    )


def lacking(error: Exception) -> str:
    """What is wrong with the credentials and what to do, without quoting them."""
    match type(error).__name__:
        case "NoCredentialsError":
            return "there are no AWS credentials; set AWS_PROFILE, log in with `aws sso login` or give an access key"
        case "PartialCredentialsError":
            return "the AWS credentials are incomplete; give both access key id and secret access key"
        case _:
            return "the AWS credentials could not be loaded; log in again, for example with `aws sso login`"
