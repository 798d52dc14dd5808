"""Requests and answers of AWS over HTTP, as the service models of botocore lay them down.

Which operation a request asks for is read from what AWS reads it from: the service from the scope of its credential,
the target or the host, and the operation from the target (protocol json) or from method and path (rest-json).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from mskaudit.errors import RemoteWireError
from mskaudit.reference.http import Reply
from mskaudit.reference.wire_shapes import from_text, from_wire, to_wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import OperationModel, ServiceModel

    from mskaudit.reference.http import Request

_SCOPE: Final = re.compile(r"Credential=(?P<key>[^/,\s]+)/[0-9]{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/")
_HOST: Final = re.compile(r"(?P<service>[a-z0-9-]+)\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com|api\.aws)")
_LABEL: Final = re.compile(r"\\\{(?P<name>\w+)\\\}")
_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks and where: what a request says of itself, None where it does not."""

    access_key: str | None
    service: str | None
    region: str | None


def caller(request: Request) -> Caller:
    """The caller of a request, whose signature is not looked at."""
    signed = _SCOPE.search(_header(request, "authorization"))
    if signed is not None:
        return Caller(access_key=signed["key"], service=signed["service"], region=signed["region"])
    host = _HOST.match(_header(request, "host"))
    if host is not None:
        return Caller(access_key=None, service=host["service"], region=host["region"])
    return Caller(access_key=None, service=None, region=None)


def _header(request: Request, name: str) -> str:
    return request.headers[name] if name in request.headers else ""


class Protocol:
    """One service on the wire."""

    def __init__(self, service: str, model: ServiceModel) -> None:
        self.service = service
        self.signing_name = model.signing_name
        self._model = model

    @property
    def is_rest(self) -> bool:
        """Whether operations have paths of their own; they have targets otherwise."""
        return bool(self._model.metadata["protocol"] == "rest-json")

    def model(self, operation: str) -> OperationModel:
        """The model of one operation."""
        return self._model.operation_model(operation)

    def operation(self, request: Request) -> str | None:
        """The operation that a request asks for, None for none of this service."""
        if self.is_rest:
            return next((name for name, _ in self._matches(request)), None)
        prefix, _, name = _header(request, "x-amz-target").rpartition(".")
        known = prefix == self._model.metadata["targetPrefix"] and name in self._model.operation_names
        return name if known else None

    def parameters(self, request: Request, operation: str) -> dict[str, Any]:
        """What is asked, by the member names of boto3.

        Raises:
            RemoteWireError: it does not follow the model; the text says where.
        """
        shape: Any = self.model(operation).input_shape
        if shape is None:
            return {}
        if not self.is_rest:
            return from_wire(_json(request.body), shape, "the request")  # type: ignore[no-any-return]  # a structure
        labels = next(found for name, found in self._matches(request) if name == operation)
        return _rest_parameters(request, shape, labels)

    def answered(self, operation: str, answer: Mapping[str, Any]) -> Reply:
        """An answer as it is sent.

        Raises:
            UsageError: the answer contradicts the model.
        """
        shape = self.model(operation).output_shape
        assert shape is not None  # every operation that the reference world knows answers something
        return self._reply(200, to_wire(answer, shape, operation))

    def refused(self, status: int, code: str, message: str) -> Reply:
        """An error as it is sent: protocol json names it in the body, rest-json in a header."""
        if self.is_rest:
            return self._reply(status, {"message": message}, {"x-amzn-errortype": code})
        return self._reply(status, {"__type": code, "message": message})

    def _reply(self, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        kind = "application/json" if self.is_rest else f"application/x-amz-json-{self._model.metadata['jsonVersion']}"
        named = {"content-type": kind, "x-amzn-requestid": _REQUEST_ID, **(headers or {})}
        return Reply(status=status, headers=named, body=json.dumps(content).encode())

    def _matches(self, request: Request) -> Iterator[tuple[str, dict[str, str]]]:
        for method, path, operation in self._paths:
            if method == request.method and (found := path.fullmatch(request.path)):
                yield operation, {name: unquote(value) for name, value in found.groupdict().items()}

    @cached_property
    def _paths(self) -> tuple[tuple[str, re.Pattern[str], str], ...]:
        http = {name: self.model(name).http for name in self._model.operation_names}
        return tuple((rest["method"], _template(rest["requestUri"]), name) for name, rest in http.items())


def _template(path: str) -> re.Pattern[str]:
    return re.compile(_LABEL.sub(lambda label: f"(?P<{label['name']}>[^/]+)", re.escape(path)))


def _rest_parameters(request: Request, shape: Any, labels: Mapping[str, str]) -> dict[str, Any]:
    """Members from path and query, and from the body what has no other place."""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    given: dict[str, Any] = {}
    inside = _json(request.body) if request.body else {}
    for member, described in shape.members.items():
        place = described.serialization
        name = place["name"] if "name" in place else member
        match place["location"] if "location" in place else "body":
            case "uri":
                given[member] = from_text(labels[name], described, member)
            case "querystring" if name in query:
                given[member] = from_text(query[name], described, member)
            case "body" if isinstance(inside, dict) and name in inside:
                given[member] = from_wire(inside[name], described, member)
            case _:
                pass
    for member in shape.required_members:
        if member not in given:
            raise RemoteWireError(f"{member} is missing")
    return given


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise RemoteWireError("the body is not JSON") from None
