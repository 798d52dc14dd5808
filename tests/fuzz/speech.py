"""What clients say to a broker: requests of every API and version, and logins with every mechanism."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from mskaudit.errors import MskAuditError
from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.realm import AwsCredential
from mskaudit.wire.apis import api
from mskaudit.wire.messages import (
    ApiKey,
    ApiVersionsRequest,
    RequestHeader,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
)
from mskaudit.wire.msk_iam import MskIamClient, iam_token
from mskaudit.wire.oauthbearer import OauthClient, unsecured_jwt
from mskaudit.wire.sasl import PlainClient, ScramLogin
from mskaudit.wire.schema import decode, encode
from mskaudit.wire.scram import ScramClient, ScramMechanism
from tests.fuzz import values
from tests.fuzz.mutation import Chance, mutate, sometimes

if TYPE_CHECKING:
    from mskaudit.wire.messages import Request, Response
    from mskaudit.wire.sasl import SaslClient

Say = Callable[[bytes], Awaitable[bytes | None]]
"""Send the content of a frame; the content of the answer, None where there is none or the connection is over."""

USERS = {"alice": "alice-secret", "bob": "bob-secret"}
AWS = AwsCredential(
    access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalr", principal="arn:aws:iam::123456789012:role/billing"
)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REGION = "us-east-1"
_GREETING = ApiVersionsRequest(client_software_name="fuzz", client_software_version="1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """What one listener understands: versions by API; `now` is the time of its clock."""

    apis: Mapping[int, range]
    now: Callable[[], datetime] = lambda: NOW


def content(chance: Chance, request: Request, version: int) -> bytes:
    """The content of a frame."""
    known = api(request.api_key)
    header = RequestHeader(
        api_key=request.api_key,
        api_version=version,
        correlation_id=chance.randint(-(2**31), 2**31 - 1),
        client_id=chance.choice(("fuzz", "", None)),
    )
    return encode(header, version=known.request_header(version)) + encode(request, version=version)


def request(chance: Chance, apis: Mapping[int, range]) -> bytes:
    """A proper request of any API and version, with any values."""
    key = chance.choice(_keys(tuple(apis)))
    version = chance.choice(apis[key])
    kind: Any = api(key).request
    made: Request = values.table(kind, version)(chance)
    return content(chance, made, version)


@cache
def _keys(keys: tuple[int, ...]) -> tuple[int, ...]:
    # Those of a login come in their place; here they are rare.
    login = {ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE, ApiKey.API_VERSIONS}
    return tuple(key for key in sorted(keys) for _ in range(1 if key in login else 3))


async def ask(chance: Chance, say: Say, request: Request, *, version: int, odds: float) -> Response | None:
    """The answer to a request that is rarely spoilt, None where it cannot be understood."""
    made = content(chance, request, version)
    known = api(request.api_key)
    said = await say(mutate(chance, made) if chance.random() < odds else made)
    if said is None:
        return None
    try:
        return decode(known.response, said[4 + known.response_header(version) :], version=version)
    except MskAuditError:
        return None


async def converse(chance: Chance, say: Say, speech: Speech) -> None:
    """Some requests, most of them spoilt, until there are enough or nobody answers."""
    for _ in range(chance.randint(1, 8)):
        made = request(chance, speech.apis)
        if await say(sometimes(chance, made, other=request(chance, speech.apis), odds=0.5)) is None:
            return


async def log_in(chance: Chance, say: Say, speech: Speech, mechanisms: tuple[Mechanism, ...]) -> bool:
    """Log in, more or less as it is done; whether that went well."""

    async def said(message: bytes, odds: float) -> bytes | None:
        return await say(mutate(chance, message) if chance.random() < odds else message)

    if chance.random() < 0.5 and await said(content(chance, _GREETING, chance.choice((0, 3, 4))), 0.1) is None:
        return False
    mechanism = chance.choice(mechanisms)
    version = chance.choice((0, 1, 1, 1))
    named = "NONE" if chance.random() < 0.02 else mechanism.value
    if await said(content(chance, SaslHandshakeRequest(mechanism=named), version), 0.1) is None:
        return False
    return await _tokens(chance, said, _client(mechanism, speech.now()), version=version)


async def _tokens(
    chance: Chance, said: Callable[[bytes, float], Awaitable[bytes | None]], client: SaslClient, *, version: int
) -> bool:
    token: bytes | None = client.first()
    written = chance.choice((0, 1, 2))
    while token is not None:
        token = mutate(chance, token) if chance.random() < 0.4 else token
        if version == 0:
            challenge = await said(token, 0.1)
        else:
            answer = await said(content(chance, SaslAuthenticateRequest(auth_bytes=token), written), 0.1)
            challenge = _challenge(answer, written)
        if challenge is None:
            return False
        try:
            token = client.respond(challenge)
        except MskAuditError:
            token = values.octets(chance)  # what was spoilt is answered with what nobody expects
    return True


def _challenge(answer: bytes | None, version: int) -> bytes | None:
    """The broker's token; None where the answer is another one."""
    if answer is None:
        return None
    try:
        response = decode(SaslAuthenticateResponse, answer[4 + (version >= 2) :], version=version)
    except MskAuditError:
        return None
    return None if response.error_code else response.auth_bytes


def _client(mechanism: Mechanism, now: datetime) -> SaslClient:
    match mechanism:
        case Mechanism.PLAIN:
            return PlainClient("alice", USERS["alice"])
        case Mechanism.SCRAM_SHA_256 | Mechanism.SCRAM_SHA_512:
            return ScramLogin(_scram(mechanism))
        case Mechanism.AWS_MSK_IAM:
            return MskIamClient(AWS.keys, host="localhost", region=REGION, now=now)
        case Mechanism.OAUTHBEARER:
            return OauthClient(bearer(now))


def _scram(mechanism: Mechanism) -> ScramClient:
    return ScramClient(mechanism=ScramMechanism(mechanism.value), username="bob", password=USERS["bob"])


def bearer(now: datetime) -> str:
    """A token that is good, unsigned, or signed by AWS, in turn by the second."""
    at = int(now.timestamp())
    claims: dict[str, Any] = {"sub": "alice", "iat": at, "exp": at + 3600}
    return unsecured_jwt(claims) if at % 2 else iam_token(AWS.keys, region=REGION, now=now)
