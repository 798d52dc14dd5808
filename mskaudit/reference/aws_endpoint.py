"""The AWS control plane of a reference world over HTTP, for whatever can be pointed at an endpoint URL.

Every service answers at the one URL: `aws --endpoint-url URL kafka list-clusters-v2` and `curl URL/api/v2/clusters` see
the same world as an audit inside the process, refusals and faults included.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from mskaudit.reference.control_plane import ControlPlane, Outage
from mskaudit.reference.http import Reply, Request, Silence, serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALLS: Final = "/_reference/calls"
"""Where the calls so far are told, as a JSON object from IAM action to number."""

HANGING_SECONDS: Final = 60.0
"""How long an action that times out keeps the connection; as long as the AWS SDKs wait for an answer."""


@asynccontextmanager
async def serve_aws(
    plane: ControlPlane, *, port: int = 0, hanging_seconds: float = HANGING_SECONDS
) -> AsyncIterator[str]:
    """The URL of a control plane on loopback, without trailing slash, until the context ends.

    Raises:
        UsageError: the port is not to be had.
    """
    async with serve_http(partial(_respond, plane, hanging_seconds), port=port) as url:
        yield url


def _respond(plane: ControlPlane, hanging_seconds: float, request: Request) -> Reply | Silence:
    if request.path == CALLS:
        return _told(plane) if request.method in {"GET", "HEAD"} else Reply(status=405, headers={"allow": "GET, HEAD"})
    match answer := plane.answer(request):
        case Outage.HANGING:
            return Silence(seconds=hanging_seconds)
        case Outage.CLOSED:
            return Silence()
        case Reply():
            return answer


def _told(plane: ControlPlane) -> Reply:
    return Reply(headers={"content-type": "application/json"}, body=json.dumps(plane.counted()).encode())
