"""The AWS control plane of a reference world.

One function from request to answer. A boto3 session asks it inside the process, before a request is sent, so that no
socket is ever opened; `aws_endpoint` asks it for everybody else. What a world says is held against the service model of
botocore when the control plane is made, and put on the wire as the model lays down: a misspelt member is an error here,
never a field that quietly is not there.
"""

from __future__ import annotations

import io
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, assert_never
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from msgspec.structs import replace

from mskaudit.errors import RemoteWireError, UsageError
from mskaudit.model.evidence import Reason
from mskaudit.reference.aws_protocols import Caller, Protocol, caller
from mskaudit.reference.estate import OPERATIONS, Estate, Refusal, every_call
from mskaudit.reference.http import Reply, Request

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

__all__ = ["ACCESS_KEY", "EVERYTHING", "ControlPlane", "Estate", "Fault", "Outage", "Refusals"]

EVERYTHING: Final = "aws"
ACCESS_KEY: Final = "AKIAIOSFODNN7EXAMPLE"
"""Who signs the requests of a control plane's own session: nobody."""


class Fault(StrEnum):
    """How an action can fail besides the reasons that an audit tells apart."""

    TRUNCATED = "truncated"
    SERVER_ERROR = "server_error"
    EXPIRED = "expired"


class Outage(StrEnum):
    """What happens instead of an answer."""

    HANGING = "hanging"
    CLOSED = "closed"


Refusals = Mapping[str, Reason | Fault]


class ControlPlane:
    """The control plane of one estate; may be asked from several threads.

    `refusals` says why an IAM action, or everything (`aws`), is not answered: denied, throttled, timed out, unreachable
    or malformed (an HTML page), or one of the faults. `kafka:ListClustersV2/2` refuses the second call of an action
    only. Signatures are not verified; with `access_keys` given, who signs with none of them is refused.
    """

    def __init__(
        self, estate: Estate, refusals: Refusals | None = None, *, access_keys: frozenset[str] | None = None
    ) -> None:
        self._estate = estate
        self._refusals = {} if refusals is None else dict(refusals)
        self._access_keys = access_keys
        self._elsewhere = Estate(account=estate.account)
        self._counting = threading.Lock()
        self.calls: Counter[str] = Counter()
        """How often each IAM action was asked, refused calls and retries included."""
        _check_refusals(self._refusals)
        _check_estate(estate)

    def counted(self) -> dict[str, int]:
        """The calls so far by IAM action, sorted; safe while others ask."""
        with self._counting:
            return dict(sorted(self.calls.items()))

    def session(self) -> boto3.Session:
        """A session with credentials that are nobody's and a region; independent of environment and files."""
        own = botocore.session.Session(session_vars=_hermetic())
        own.set_credentials(ACCESS_KEY, "reference-world", "reference-world")
        own.register("before-send", self._answer_inside)  # type: ignore[arg-type]  # the stubs know no handler that answers
        return boto3.Session(botocore_session=own, region_name=self._estate.region)

    def answer(self, request: Request) -> Reply | Outage:
        """The answer to a request, whatever it holds."""
        asking = caller(request)
        protocol = _protocol(asking, request)
        if protocol is None:
            return _UNKNOWN
        operation = protocol.operation(request)
        if operation is None:
            return protocol.refused(404, "UnknownOperationException", "The service has no such operation.")
        try:
            return self._operate(protocol, operation, asking, request)
        except Refusal as refusal:
            return protocol.refused(refusal.status, refusal.code, refusal.message)

    def _operate(self, protocol: Protocol, operation: str, asking: Caller, request: Request) -> Reply | Outage:
        action = f"{protocol.service}:{operation}"
        with self._counting:
            self.calls[action] += 1
            number = self.calls[action]
        self._know(asking, protocol)
        trouble = self._trouble(action, number)
        if trouble is not None and trouble is not Fault.TRUNCATED:
            return _troubled(trouble, action, protocol)
        if action not in OPERATIONS:
            raise Refusal(404, "UnknownOperationException", f"{action} is not part of the reference world")
        try:
            parameters = protocol.parameters(request, operation)
        except RemoteWireError as error:
            code = "BadRequestException" if protocol.is_rest else "SerializationException"
            raise Refusal(400, code, str(error)) from None
        reply = protocol.answered(operation, OPERATIONS[action](self._seen_from(asking), parameters))
        return reply if trouble is None else replace(reply, body=reply.body[: len(reply.body) // 2])

    def _know(self, asking: Caller, protocol: Protocol) -> None:
        if self._access_keys is None or asking.access_key in self._access_keys:
            return
        status = 403 if protocol.is_rest else 400
        if asking.access_key is None:
            raise Refusal(status, "MissingAuthenticationTokenException", "Missing Authentication Token")
        raise Refusal(status, "UnrecognizedClientException", "The security token included in the request is invalid.")

    def _seen_from(self, asking: Caller) -> Estate:
        return self._estate if asking.region in {None, self._estate.region} else self._elsewhere

    def _trouble(self, action: str, number: int) -> Reason | Fault | None:
        for name in (f"{action}/{number}", action, EVERYTHING):
            if name in self._refusals:
                return self._refusals[name]
        return None

    def _answer_inside(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        match answer := self.answer(_as_sent(request)):
            case Outage.HANGING:
                raise ReadTimeoutError(endpoint_url=request.url)
            case Outage.CLOSED:
                raise EndpointConnectionError(endpoint_url=request.url)
            case Reply():
                headers: Any = dict(answer.headers)
                return AWSResponse(_text(request.url), answer.status, headers, _Raw(answer.body))
            case _:
                assert_never(answer)


_UNKNOWN: Final = Reply(
    status=404,
    headers={"content-type": "application/json", "x-amzn-errortype": "UnknownOperationException"},
    body=b'{"message": "The service is not part of the reference world"}',
)


def _protocol(asking: Caller, request: Request) -> Protocol | None:
    """The protocol of the service that is asked, or that has such an operation when the request names none."""
    for protocol in _protocols():
        if asking.service == protocol.signing_name:
            return protocol
    if asking.service is not None:
        return None
    return next((protocol for protocol in _protocols() if protocol.operation(request) is not None), None)


def _troubled(trouble: Reason | Fault, action: str, protocol: Protocol) -> Reply | Outage:
    """Fail as AWS or the network fails."""
    match trouble:
        case Reason.DENIED:
            who = "User: arn:aws:iam::123456789012:user/auditor"
            message = f"{who} is not authorized to perform: {action} because no identity-based policy allows it"
            return protocol.refused(403 if protocol.is_rest else 400, "AccessDeniedException", message)
        case Reason.THROTTLED if protocol.is_rest:
            return protocol.refused(429, "TooManyRequestsException", "Too Many Requests")
        case Reason.THROTTLED:
            return protocol.refused(400, "ThrottlingException", "Rate exceeded")
        case Reason.TIMED_OUT:
            return Outage.HANGING
        case Reason.UNREACHABLE:
            return Outage.CLOSED
        case Fault.SERVER_ERROR:
            code = "InternalServerErrorException" if protocol.is_rest else "InternalFailure"
            return protocol.refused(500, code, "The request failed because of an internal error.")
        case Fault.EXPIRED:
            message = "The security token included in the request is expired"
            return protocol.refused(403 if protocol.is_rest else 400, "ExpiredTokenException", message)
        case _:
            page = b"<html><title>Log in to the network</title></html>"
            return Reply(headers={"content-type": "text/html"}, body=page)


_WAYS: Final = frozenset(
    {Reason.DENIED, Reason.THROTTLED, Reason.TIMED_OUT, Reason.UNREACHABLE, Reason.MALFORMED, *Fault}
)


def _check_refusals(refusals: Refusals) -> None:
    for name, trouble in refusals.items():
        if name != EVERYTHING and name.partition("/")[0] not in OPERATIONS:
            raise UsageError(f"the reference world cannot refuse {name!r}; it knows {', '.join(sorted(OPERATIONS))}")
        if trouble not in _WAYS:
            raise UsageError(f"the reference world cannot answer {name} as {trouble}; use {', '.join(sorted(_WAYS))}")


def _check_estate(estate: Estate) -> None:
    """Put every possible answer on the wire once.

    Raises:
        UsageError: the estate contradicts the service model or itself; the text gives the place.
    """
    for action, parameters in every_call(estate):
        _put(action, OPERATIONS[action](estate, parameters))
    arns = [cluster["ClusterArn"] for cluster in estate.clusters]
    for arn in estate.bootstrap:
        if arn not in arns:
            raise UsageError(f"the estate has bootstrap addresses of {arn}, which is none of its clusters")
        _put("kafka:GetBootstrapBrokers", estate.bootstrap[arn])
    if len(set(arns)) < len(arns):
        raise UsageError("the estate has two clusters with one ARN; give each its own")


def _put(action: str, answer: Mapping[str, Any]) -> None:
    service, operation = action.split(":")
    (protocol,) = (protocol for protocol in _protocols() if protocol.service == service)
    protocol.answered(operation, answer)


@cache
def _protocols() -> tuple[Protocol, ...]:
    loading = botocore.session.Session(session_vars=_hermetic())
    services = dict.fromkeys(action.partition(":")[0] for action in OPERATIONS)
    return tuple(Protocol(service, loading.get_service_model(service)) for service in services)


def _hermetic() -> dict[str, Any]:
    """Settings that take nothing from the environment or the files of whoever runs the world."""
    nothing = (None, None, os.devnull, None)
    return {
        "profile": (None, None, None, None),
        "config_file": nothing,
        "credentials_file": nothing,
        "ignore_configured_endpoint_urls": (None, None, True, None),
        "use_fips_endpoint": (None, None, False, None),
        "use_dualstack_endpoint": (None, None, False, None),
    }


def _as_sent(request: AWSPreparedRequest) -> Request:
    address = urlsplit(_text(request.url))
    return Request(
        method=_text(request.method),
        target=f"{address.path}?{address.query}",
        headers={"host": address.netloc, **{name.lower(): _text(value) for name, value in request.headers.items()}},
        body=_bytes(request.body),
    )


def _text(content: Any) -> str:
    return content.decode() if isinstance(content, bytes) else str(content)


def _bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else _text(content).encode() if content else b""


class _Raw(io.BytesIO):
    """A body as botocore reads it from a connection."""

    def stream(self) -> Iterator[bytes]:
        yield self.getvalue()
