"""The AWS control plane of a reference world, answered inside the process.

A boto3 session whose requests are answered before they are sent, so that no socket is ever opened. What a world says is
held against the service model of botocore when the control plane is made, and put on the wire as the model lays down:
a misspelt member is an error here, never a field that quietly is not there.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from mskaudit.errors import UsageError
from mskaudit.model.evidence import Reason
from mskaudit.reference.wire_shapes import to_wire

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationModel, ServiceModel

EVERYTHING: Final = "aws"
_REGION_OF_SIGNATURE: Final = re.compile(r"Credential=[^/]+/[0-9]{8}/(?P<region>[a-z0-9-]+)/")
_LARGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What one account holds in one region, in the shapes of the API (member names of boto3, times as ISO 8601).

    `clusters` are `Cluster` shapes; `bootstrap` gives the members of GetBootstrapBrokers by cluster ARN;
    `configurations` the text of `server.properties` by ARN and revision; `keys` the `KeyMetadata` by key ARN.
    """

    account: str = "123456789012"
    region: str = "eu-west-1"
    clusters: tuple[Mapping[str, Any], ...] = ()
    bootstrap: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configurations: Mapping[tuple[str, int], str] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    page_size: int = _LARGEST_PAGE

    def cluster(self, arn: str) -> Mapping[str, Any]:
        """The cluster with an ARN, as a not-found answer when there is none."""
        for cluster in self.clusters:
            if cluster["ClusterArn"] == arn:
                return cluster
        raise _Refusal(404, "NotFoundException", "The requested resource doesn't exist.")


class _Refusal(Exception):  # noqa: N818  an answer like others, only not a good one
    """An error answer of AWS."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


Parameters = Mapping[str, Any]


def _list_clusters(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    start = _offset(parameters["NextToken"]) if "NextToken" in parameters else 0
    asked = int(parameters["MaxResults"]) if "MaxResults" in parameters else _LARGEST_PAGE
    end = start + min(asked, estate.page_size)
    chosen = [cluster for cluster in estate.clusters if _matches(cluster, parameters)]
    page: dict[str, Any] = {"ClusterInfoList": chosen[start:end]}
    if end < len(chosen):
        page["NextToken"] = base64.urlsafe_b64encode(str(end).encode()).decode()
    return page


def _matches(cluster: Mapping[str, Any], parameters: Parameters) -> bool:
    prefix = parameters.get("ClusterNameFilter", "")
    kind = parameters["ClusterTypeFilter"] if "ClusterTypeFilter" in parameters else cluster["ClusterType"]
    return bool(cluster["ClusterName"].startswith(prefix) and cluster["ClusterType"] == kind)


def _offset(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise _Refusal(400, "BadRequestException", "The next token is invalid.") from None


def _describe_cluster(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    return {"ClusterInfo": estate.cluster(parameters["ClusterArn"])}


def _bootstrap(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    arn = parameters["ClusterArn"]
    if estate.cluster(arn)["State"] == "CREATING":
        raise _Refusal(409, "ConflictException", "The cluster is being created.")
    return dict(estate.bootstrap[arn]) if arn in estate.bootstrap else {}


def _configuration(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    arn, revision = parameters["Arn"], int(parameters["Revision"])
    if (arn, revision) not in estate.configurations:
        raise _Refusal(404, "NotFoundException", "The configuration revision doesn't exist.")
    content = estate.configurations[arn, revision].encode("latin-1", "backslashreplace")
    return {"Arn": arn, "Revision": revision, "ServerProperties": content}


def _key(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    key = parameters["KeyId"]
    if key not in estate.keys:
        raise _Refusal(400, "NotFoundException", "The key does not exist.")
    return {"KeyMetadata": estate.keys[key]}


_OPERATIONS: Final[dict[str, Callable[[Estate, Parameters], dict[str, Any]]]] = {
    "kafka:ListClustersV2": _list_clusters,
    "kafka:DescribeClusterV2": _describe_cluster,
    "kafka:GetBootstrapBrokers": _bootstrap,
    "kafka:DescribeConfigurationRevision": _configuration,
    "kms:DescribeKey": _key,
}


def _operation(action: str) -> Callable[[Estate, Parameters], dict[str, Any]]:
    if action not in _OPERATIONS:
        raise _Refusal(404, "UnknownOperationException", f"{action} is not part of the reference world")
    return _OPERATIONS[action]


class ControlPlane:
    """The control plane of one estate; may be asked from several threads.

    `refusals` says why an IAM action, or everything (`aws`), is not answered: denied, throttled, timed out, unreachable
    or malformed. `kafka:ListClustersV2/2` refuses the second call of an action only.
    """

    def __init__(self, estate: Estate, refusals: Mapping[str, Reason] | None = None) -> None:
        self._estate = estate
        self._refusals = {} if refusals is None else dict(refusals)
        self._elsewhere = Estate(account=estate.account)
        self._counting = threading.Lock()
        self.calls: Counter[str] = Counter()
        """How often each IAM action was asked, refused calls and retries included."""
        _check_refusals(self._refusals)
        _check_estate(estate)

    def session(self) -> boto3.Session:
        """A session with credentials that are nobody's and a region; independent of environment and files."""
        own = botocore.session.Session(session_vars=_hermetic())
        own.set_credentials("AKIAIOSFODNN7EXAMPLE", "reference-world", "reference-world")
        own.register("before-send", self._answer)  # type: ignore[arg-type]  # the stubs know no handler that answers
        return boto3.Session(botocore_session=own, region_name=self._estate.region)

    def _answer(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.removeprefix("before-send.").split(".")
        action = f"{service}:{operation}"
        with self._counting:
            self.calls[action] += 1
            number = self.calls[action]
        try:
            self._refuse(action, number, request)
            operate = _operation(action)
            model = _model(service).operation_model(operation)
            answer = operate(self._seen_from(request), _parameters(request, model))
        except _Refusal as refusal:
            return _refused(request, refusal)
        return _response(request, 200, _body(model, answer))

    def _seen_from(self, request: AWSPreparedRequest) -> Estate:
        scope = _REGION_OF_SIGNATURE.search(_text(request.headers["Authorization"]))
        return self._estate if scope is not None and scope["region"] == self._estate.region else self._elsewhere

    def _refuse(self, action: str, number: int, request: AWSPreparedRequest) -> None:
        for name in (f"{action}/{number}", action, EVERYTHING):
            if name in self._refusals:
                _refusal(self._refusals[name], action, request)


def _refusal(reason: Reason, action: str, request: AWSPreparedRequest) -> None:
    """Fail as AWS or the network fails."""
    kms = action.startswith("kms:")
    match reason:
        case Reason.DENIED:
            who = "User: arn:aws:iam::123456789012:user/auditor"
            message = f"{who} is not authorized to perform: {action} because no identity-based policy allows it"
            raise _Refusal(400 if kms else 403, "AccessDeniedException", message)
        case Reason.THROTTLED if kms:
            raise _Refusal(400, "ThrottlingException", "Rate exceeded")
        case Reason.THROTTLED:
            raise _Refusal(429, "TooManyRequestsException", "Too Many Requests")
        case Reason.TIMED_OUT:
            raise ReadTimeoutError(endpoint_url=request.url)
        case Reason.UNREACHABLE:
            raise EndpointConnectionError(endpoint_url=request.url)
        case _:
            raise _Refusal(200, "", "<html><title>Log in to the network</title></html>")


_WAYS: Final = frozenset({Reason.DENIED, Reason.THROTTLED, Reason.TIMED_OUT, Reason.UNREACHABLE, Reason.MALFORMED})


def _check_refusals(refusals: Mapping[str, Reason]) -> None:
    for name, reason in refusals.items():
        if name != EVERYTHING and name.partition("/")[0] not in _OPERATIONS:
            raise UsageError(f"the reference world cannot refuse {name!r}; it knows {', '.join(sorted(_OPERATIONS))}")
        if reason not in _WAYS:
            raise UsageError(f"the reference world cannot answer {name} as {reason}; use {', '.join(sorted(_WAYS))}")


def _check_estate(estate: Estate) -> None:
    """Put every possible answer on the wire once.

    Raises:
        UsageError: the estate contradicts the service model or itself; the text gives the place.
    """
    for action, parameters in _every_call(estate):
        service, operation = action.split(":")
        _body(_model(service).operation_model(operation), _OPERATIONS[action](estate, parameters))
    arns = [cluster["ClusterArn"] for cluster in estate.clusters]
    for arn in estate.bootstrap:
        if arn not in arns:
            raise UsageError(f"the estate has bootstrap addresses of {arn}, which is none of its clusters")
        _body(_model("kafka").operation_model("GetBootstrapBrokers"), dict(estate.bootstrap[arn]))
    if len(set(arns)) < len(arns):
        raise UsageError("the estate has two clusters with one ARN; give each its own")


def _every_call(estate: Estate) -> Iterator[tuple[str, Parameters]]:
    for number, cluster in enumerate(estate.clusters):
        for member in ("ClusterArn", "ClusterName", "ClusterType", "State"):
            if member not in cluster:
                raise UsageError(f"clusters[{number}] of the estate has no {member}; every cluster of AWS has one")
        yield "kafka:DescribeClusterV2", {"ClusterArn": cluster["ClusterArn"]}
    for arn, revision in estate.configurations:
        yield "kafka:DescribeConfigurationRevision", {"Arn": arn, "Revision": revision}
    for key in estate.keys:
        yield "kms:DescribeKey", {"KeyId": key}


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.Session(session_vars=_hermetic()).get_service_model(service)


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


def _body(model: OperationModel, answer: Mapping[str, Any]) -> bytes:
    assert model.output_shape is not None  # every operation here answers something
    return json.dumps(to_wire(answer, model.output_shape, model.name)).encode()


def _parameters(request: AWSPreparedRequest, model: OperationModel) -> Parameters:
    """What was asked, by the names of the model: from path and query (REST) or from the body."""
    address = urlsplit(_text(request.url))
    if model.http["requestUri"] == "/":
        asked: Parameters = json.loads(_text(request.body))
        return asked
    template = re.sub(r"\\?\{(\w+)\\?\}", r"(?P<\1>[^/]+)", re.escape(model.http["requestUri"]))
    path = re.fullmatch(template, address.path)
    assert path is not None  # botocore made the path from this template
    given = {name: unquote(value) for name, value in path.groupdict().items()} | dict(parse_qsl(address.query))
    members = model.input_shape.members.items() if model.input_shape is not None else ()
    wire_names = {name: shape.serialization["name"] for name, shape in members}
    return {name: given[wire_name] for name, wire_name in wire_names.items() if wire_name in given}


def _text(content: Any) -> str:
    return content.decode() if isinstance(content, bytes) else str(content)


def _refused(request: AWSPreparedRequest, refusal: _Refusal) -> AWSResponse:
    if not refusal.code:
        return _response(request, refusal.status, refusal.message.encode())
    body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
    return _response(request, refusal.status, body, refusal.code)


class _Raw(io.BytesIO):
    """A body as botocore reads it from a connection."""

    def stream(self) -> Iterator[bytes]:
        yield self.getvalue()


def _response(request: AWSPreparedRequest, status: int, body: bytes, error: str = "") -> AWSResponse:
    headers: Any = {"content-type": "application/json", "x-amzn-requestid": "00000000-0000-4000-8000-000000000000"}
    if error:
        headers["x-amzn-errortype"] = error
    return AWSResponse(_text(request.url), status, headers, _Raw(body))
