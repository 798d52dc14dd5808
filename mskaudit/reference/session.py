"""One connection to a reference broker without I/O of its own: requests heard, replies said, one at a time.

The order of a login, what ends it and what may follow it are Kafka's (KIP-43, KIP-152, KIP-368), as releases 3.9 and
4.3 were seen to behave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.errors import RemoteWireError
from mskaudit.reference.asking import Asking, Identity, NoReply
from mskaudit.reference.logins import Login, LoginStep, Outcome, Realm, begin
from mskaudit.reference.services import handler
from mskaudit.reference.spoken import Spoken, api_versions
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.connection import Call, ServerConnection, UnsupportedCall
from mskaudit.wire.frames import frame
from mskaudit.wire.messages import (
    ApiKey,
    ApiVersionsRequest,
    ApiVersionsResponse,
    Request,
    Response,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

if TYPE_CHECKING:
    from datetime import datetime

SASL_FRAME_LIMIT: Final = 524_288
"""Bytes of the largest request before a login: Kafka's default of `sasl.server.max.receive.size`."""

_SOFTWARE: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
_LONGEST_SOFTWARE: Final = 1024
_SOONEST_AGAIN: Final = timedelta(seconds=1)


class Reply(NamedTuple):
    """Bytes to send for a request of an API.

    `late` after the delay of a failed login, `last` before the connection closes; after one that is `silent` nothing
    is ever said again.
    """

    content: bytes = b""
    api_key: int | None = None
    late: bool = False
    last: bool = False
    silent: bool = False


class Phase(StrEnum):
    """How far a client has come: what it may say next."""

    GREETING = "greeting"
    """ApiVersions, once, or the handshake of SASL."""
    SHAKING_HANDS = "shaking hands"
    """The handshake of SASL."""
    LOGGING_IN = "logging in"
    """Tokens in SaslAuthenticate."""
    LOGGING_IN_RAW = "logging in raw"
    """Tokens as bare frames, after version 0 of the handshake."""
    IN = "in"
    """Everything."""
    REFUSED = "refused"
    """Nothing more."""


_HANG_UP: Final = Reply(last=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a connection was accepted: what every request to that listener of that broker has in common."""

    asking: Asking
    realm: Realm
    frame_limit: int

    def seen_from(self, host: str) -> Place:
        """The same for a client at an address."""
        return replace(self, asking=replace(self.asking, host=host))


class Session:
    """One connection, from its first request to its end; `who` is whom its TLS certificate names."""

    def __init__(self, place: Place, who: Identity) -> None:
        self._place = place
        self._who = who
        listener = place.asking.listener
        self._phase = Phase.GREETING if listener.protocol.has_sasl else Phase.IN
        self._wire = ServerConnection(apis=Spoken(place.asking.profile), limit=place.frame_limit)
        self._login: Login | None = None
        self._mechanism = ""
        self._again = False
        self._began_again_at: datetime | None = None
        self._ends_at: datetime | None = None

    @property
    def frame_limit(self) -> int:
        """Bytes of the largest request that is taken now."""
        return self._place.frame_limit if self._phase is Phase.IN else min(SASL_FRAME_LIMIT, self._place.frame_limit)

    @property
    def logging_in(self) -> bool:
        """Whether whoever is there has still to prove who it is: what it does wrong then is answered late."""
        return self._phase is not Phase.IN

    async def answer(self, content: bytes) -> Reply:
        """The reply to one frame."""
        if self._phase is Phase.LOGGING_IN_RAW:
            return self._raw_token(content)
        try:
            (call,) = self._wire.receive(frame(content))
        except RemoteWireError:
            return Reply(last=True, late=self.logging_in)
        return self._refuse(call) if isinstance(call, UnsupportedCall) else await self._reply(call)

    def _refuse(self, call: UnsupportedCall) -> Reply:
        """What follows on a version that there is not: only ApiVersions is answered, and not everywhere in peace."""
        if self._phase is not Phase.LOGGING_IN or call.api_key != ApiKey.API_VERSIONS:
            return Reply(self._wire.refuse(call), call.api_key, last=call.api_key != ApiKey.API_VERSIONS)
        self._phase = Phase.REFUSED
        refusal = self._wire.refuse(call, ErrorCode.ILLEGAL_SASL_STATE)
        return Reply(refusal, call.api_key, late=True, last=True)

    async def _reply(self, call: Call) -> Reply:
        if self._phase is Phase.IN and self._is_over(call.api_key):
            return _HANG_UP
        response = self._log_in(call) if self._concerns_login(call.message) else await self._serve(call)
        if response is NoReply.CLOSE:
            return _HANG_UP
        if response is NoReply.SILENCE:
            return Reply(silent=True)
        if response is NoReply.NOTHING:
            self._wire.omit(call)
            return Reply()
        assert isinstance(response, Response)  # the cases above are all of NoReply
        refused = self._phase is Phase.REFUSED
        return Reply(self._wire.send(call, response), call.api_key, late=refused, last=refused)

    def _concerns_login(self, request: Request) -> bool:
        login = isinstance(request, SaslHandshakeRequest | SaslAuthenticateRequest | ApiVersionsRequest)
        return login or self._phase is not Phase.IN

    def _log_in(self, call: Call) -> Response | NoReply:
        """The answer to what belongs to a login, or where Kafka just closes."""
        match self._phase, call.message:
            case ((Phase.GREETING | Phase.IN), ApiVersionsRequest() as request):
                return self._api_versions(request, call.version)
            case ((Phase.GREETING | Phase.SHAKING_HANDS), SaslHandshakeRequest() as request):
                return self._shake_hands(request, call.version)
            case Phase.IN, SaslHandshakeRequest() as request if self._may_log_in_again():
                self._again = True
                self._began_again_at = self._place.realm.clock()
                return self._shake_hands(request, call.version)
            case Phase.LOGGING_IN, SaslAuthenticateRequest() as request:
                return self._authenticate(request)
            case Phase.LOGGING_IN, _:
                return self._answer_unexpected(call)
            case Phase.IN, SaslHandshakeRequest():
                return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
            case Phase.IN, SaslAuthenticateRequest():
                message = "SaslAuthenticate request received after successful authentication"
                return SaslAuthenticateResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE, error_message=message)
        return NoReply.CLOSE

    def _api_versions(self, request: ApiVersionsRequest, version: int) -> ApiVersionsResponse:
        if ApiVersionsRequest.is_flexible(version) and not _is_named(request):
            return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
        if self._phase is Phase.GREETING:
            self._phase = Phase.SHAKING_HANDS
        return api_versions(self._place.asking.profile, version)

    def _shake_hands(self, request: SaslHandshakeRequest, version: int) -> SaslHandshakeResponse:
        mechanisms = tuple(mechanism.value for mechanism in self._place.asking.listener.mechanisms)
        if request.mechanism not in mechanisms:
            self._phase = Phase.REFUSED
            return SaslHandshakeResponse(error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=mechanisms)
        self._phase = Phase.LOGGING_IN if version else Phase.LOGGING_IN_RAW
        self._login = begin(request.mechanism, self._place.realm)
        changed = self._again and request.mechanism != self._mechanism
        if changed:
            self._login = lambda _: Outcome(LoginStep.REFUSED, message=_CHANGED_MECHANISM)
        self._mechanism = request.mechanism
        return SaslHandshakeResponse(mechanisms=mechanisms)

    def _answer_unexpected(self, call: Call) -> Response | NoReply:
        # All tables come with it, and hardly anybody gets here.
        from mskaudit.reference.unexpected import unexpected

        response = unexpected(call, self._place.asking.profile)
        if response is None:
            return NoReply.CLOSE
        self._phase = Phase.REFUSED
        return response

    def _authenticate(self, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse | NoReply:
        outcome = self._step(request.auth_bytes)
        if outcome.step is LoginStep.ABANDONED:
            return NoReply.CLOSE
        if outcome.step is LoginStep.REFUSED:
            return SaslAuthenticateResponse(
                error_code=ErrorCode.SASL_AUTHENTICATION_FAILED, error_message=outcome.message
            )
        # Kafka's message is empty then, not null.
        return SaslAuthenticateResponse(
            error_message="", auth_bytes=outcome.token, session_lifetime_ms=outcome.lifetime_ms
        )

    def _raw_token(self, content: bytes) -> Reply:
        """The reply to a bare token: a failure is told by the end alone."""
        outcome = self._step(content)
        if outcome.step is LoginStep.ABANDONED:
            return _HANG_UP
        if outcome.step is LoginStep.REFUSED:
            return Reply(late=True, last=True)
        return Reply(frame(outcome.token), ApiKey.SASL_AUTHENTICATE)

    def _step(self, token: bytes) -> Outcome:
        assert self._login is not None  # a login comes with the phase
        outcome = self._login(token)
        if outcome.step is LoginStep.WELCOME:
            outcome = self._welcome(outcome)
        if outcome.step is LoginStep.REFUSED:
            self._phase = Phase.REFUSED
            if self._again:
                outcome = outcome._replace(message=outcome.message.replace(_AT_FIRST, _LATER))
        return outcome

    def _welcome(self, outcome: Outcome) -> Outcome:
        assert outcome.principal is not None  # nobody is welcome without a name
        if self._again and outcome.principal != self._who.principal:
            return Outcome(
                LoginStep.REFUSED,
                message=f"Cannot change principals during re-authentication from {_bare(self._who.principal)}: "
                f"{_bare(outcome.principal)}",
            )
        self._who = Identity(principal=outcome.principal, credential=outcome.identity)
        self._phase = Phase.IN
        now = self._place.realm.clock()
        self._ends_at = now + timedelta(milliseconds=outcome.lifetime_ms) if outcome.lifetime_ms else None
        return outcome

    def _may_log_in_again(self) -> bool:
        """Whether the session has an end, and did not begin again just now (KIP-368); the first time may be at once."""
        if self._ends_at is None:
            return False
        began = self._began_again_at
        return began is None or self._place.realm.clock() - began >= _SOONEST_AGAIN

    def _is_over(self, api_key: int) -> bool:
        """Whether the session has ended and the request is none that begins another."""
        if self._ends_at is None or api_key in {ApiKey.SASL_HANDSHAKE, ApiKey.API_VERSIONS}:
            return False
        return self._place.realm.clock() > self._ends_at

    async def _serve(self, call: Call) -> Response | NoReply:
        asking = replace(self._place.asking, who=self._who, client_id=call.client_id, version=call.version)
        return await handler(call.api_key)(asking, call.message)


_AT_FIRST: Final = "during authentication"
_LATER: Final = "during re-authentication"
_CHANGED_MECHANISM: Final = "Re-authentication with another SASL mechanism than before"


def _bare(principal: str) -> str:
    return principal.removeprefix("User:")


def _is_named(request: ApiVersionsRequest) -> bool:
    """Whether a client tells software and version in the form that Kafka wants (KIP-511)."""
    return all(
        len(text) <= _LONGEST_SOFTWARE and _SOFTWARE.fullmatch(text)
        for text in (request.client_software_name, request.client_software_version)
    )
