"""SCRAM credentials described and altered, and delegation tokens, of which there are none (KIP-554, KIP-48)."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.policy.acls import Operation
from mskaudit.reference.asking import ANONYMOUS, NoReply
from mskaudit.reference.cluster import Protocol
from mskaudit.reference.realm import MAX_KAFKA_ITERATIONS
from mskaudit.reference.services.capacity import LONGEST_TEXT, room_for_user
from mskaudit.reference.services.refusals import clipped, controls, in_zookeeper, request_refused
from mskaudit.wire.apis.users import (
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
    CredentialInfo,
    DescribeDelegationTokenResponse,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey
from mskaudit.wire.scram import MIN_ITERATIONS, ScramCredential, ScramMechanism

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.wire.apis.users import (
        AlterUserScramCredentialsRequest,
        DescribeDelegationTokenRequest,
        DescribeUserScramCredentialsRequest,
        ScramCredentialDeletion,
        ScramCredentialUpsertion,
    )

_MECHANISMS: Final = {1: ScramMechanism.SHA_256, 2: ScramMechanism.SHA_512}
_NUMBERS: Final = {mechanism: number for number, mechanism in _MECHANISMS.items()}


async def _describe(
    asking: Asking, request: DescribeUserScramCredentialsRequest
) -> DescribeUserScramCredentialsResponse | NoReply:
    if not asking.may_on_cluster(Operation.DESCRIBE):
        if request.users is None:
            return NoReply.SILENCE  # Kafka trips over the null and forgets the request
        refused = DescribeUserScramCredentialsResult(user="", error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
        return DescribeUserScramCredentialsResponse(
            error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED, results=(refused,) * len(request.users)
        )
    known = _known(asking)
    asked = Counter(user.name for user in request.users or ())
    described = (_described(name, known, again=asked[name] > 1) for name in asked or sorted(known))
    return DescribeUserScramCredentialsResponse(results=tuple(described))


def _known(asking: Asking) -> Mapping[str, list[CredentialInfo]]:
    known: dict[str, list[CredentialInfo]] = {}
    for mechanism, user in sorted(asking.state.credentials):
        credential = asking.state.credentials[mechanism, user]
        entry = CredentialInfo(mechanism=_NUMBERS[mechanism], iterations=credential.iterations)
        known.setdefault(user, []).append(entry)
    return known


def _described(
    name: str, known: Mapping[str, list[CredentialInfo]], *, again: bool
) -> DescribeUserScramCredentialsResult:
    if again:
        message = f"Cannot describe SCRAM credentials for the same user twice in a single request: {name}"
        error = ErrorCode.DUPLICATE_RESOURCE
    elif name not in known:
        message = f"Attempt to describe a user credential that does not exist: {name}"
        error = ErrorCode.RESOURCE_NOT_FOUND
    else:
        return DescribeUserScramCredentialsResult(user=name, credential_infos=tuple(known[name]))
    return DescribeUserScramCredentialsResult(user=name, error_code=error, error_message=clipped(message))


def _alterations(
    request: AlterUserScramCredentialsRequest,
) -> tuple[ScramCredentialDeletion | ScramCredentialUpsertion, ...]:
    return (*request.deletions, *request.upsertions)


class _Refusal(NamedTuple):
    """Why a user's credentials are not altered."""

    error: ErrorCode
    message: str | None


async def _alter(asking: Asking, request: AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse:
    refusals: dict[str, _Refusal | None] = dict.fromkeys(alteration.name for alteration in _alterations(request))
    everybody = _refusal(asking)
    if everybody is not None:
        refusals = dict.fromkeys(refusals, everybody)
    else:
        for name in _twice(asking, request):
            refusals[name] = _Refusal(
                ErrorCode.DUPLICATE_RESOURCE, "A user credential cannot be altered twice in the same request"
            )
        _heed(asking, request, refusals)
    # In ZooKeeper mode Kafka's message is empty then, not null.
    accepted = "" if in_zookeeper(asking) else None
    return AlterUserScramCredentialsResponse(
        results=tuple(_result(name, refusal, accepted) for name, refusal in refusals.items())
    )


def _heed(asking: Asking, request: AlterUserScramCredentialsRequest, refusals: dict[str, _Refusal | None]) -> None:
    """Do what is asked for each user if all of it can be done."""
    for alteration in _alterations(request):
        refusals[alteration.name] = refusals[alteration.name] or _fault(alteration.name, alteration.mechanism)
    for deletion in request.deletions:
        refusals[deletion.name] = refusals[deletion.name] or _deletion_fault(asking, deletion)
    for upsertion in request.upsertions:
        refusals[upsertion.name] = refusals[upsertion.name] or _upsertion_fault(asking, upsertion)
    credentials = asking.state.credentials
    for deletion in request.deletions:
        if refusals[deletion.name] is None:
            del credentials[_MECHANISMS[deletion.mechanism], deletion.name]
    for upsertion in request.upsertions:
        if refusals[upsertion.name] is not None:
            continue
        if not room_for_user(asking.state, upsertion.name):
            refusals[upsertion.name] = _Refusal(ErrorCode.POLICY_VIOLATION, "This cluster holds no more users.")
            continue
        mechanism = _MECHANISMS[upsertion.mechanism]
        credentials[mechanism, upsertion.name] = _credential(mechanism, upsertion)


def _refusal(asking: Asking) -> _Refusal | None:
    """Why whoever asks may not alter credentials, or not here."""
    if not controls(asking):
        return _Refusal(ErrorCode.NOT_CONTROLLER, None)
    if not asking.may_on_cluster(Operation.ALTER):
        message = None if in_zookeeper(asking) else request_refused(asking, Operation.ALTER)
        return _Refusal(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, message)
    return None


def _twice(asking: Asking, request: AlterUserScramCredentialsRequest) -> Iterable[str]:
    """The users who come twice: with the same mechanism, or in KRaft mode with any."""
    pairs = [(one.name, one.mechanism) for one in _alterations(request)]
    if not in_zookeeper(asking):
        pairs = [(name, 0) for name, _ in pairs]
    return {name for (name, _), times in Counter(pairs).items() if times > 1}


def _fault(name: str, mechanism: int) -> _Refusal | None:
    if not name:
        return _Refusal(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    if mechanism not in _MECHANISMS:
        return _Refusal(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism")
    return None


def _deletion_fault(asking: Asking, deletion: ScramCredentialDeletion) -> _Refusal | None:
    if (_MECHANISMS[deletion.mechanism], deletion.name) in asking.state.credentials:
        return None
    return _Refusal(ErrorCode.RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist")


def _upsertion_fault(asking: Asking, upsertion: ScramCredentialUpsertion) -> _Refusal | None:
    if upsertion.iterations < MIN_ITERATIONS:
        return _Refusal(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too few iterations")
    if upsertion.iterations > MAX_KAFKA_ITERATIONS:
        return _Refusal(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too many iterations")
    if not upsertion.salted_password:
        # Java has no key without bytes.
        message = "The server experienced an unexpected error when processing the request."
        return _Refusal(ErrorCode.UNKNOWN_SERVER_ERROR, message if in_zookeeper(asking) else None)
    if len(upsertion.salt) > LONGEST_TEXT:
        return _Refusal(ErrorCode.POLICY_VIOLATION, "This cluster keeps no such salt.")
    return None


def _credential(mechanism: ScramMechanism, upsertion: ScramCredentialUpsertion) -> ScramCredential:
    """What a broker keeps of a salted password (RFC 5802 section 3)."""
    client_key = hmac.digest(upsertion.salted_password, b"Client Key", mechanism.digest)
    return ScramCredential(
        salt=upsertion.salt,
        iterations=upsertion.iterations,
        stored_key=hashlib.new(mechanism.digest, client_key).digest(),
        server_key=hmac.digest(upsertion.salted_password, b"Server Key", mechanism.digest),
    )


def _result(name: str, refusal: _Refusal | None, accepted: str | None) -> AlterUserScramCredentialsResult:
    if refusal is None:
        return AlterUserScramCredentialsResult(user=name, error_message=accepted)
    return AlterUserScramCredentialsResult(user=name, error_code=refusal.error, error_message=refusal.message)


async def _describe_tokens(asking: Asking, request: DescribeDelegationTokenRequest) -> DescribeDelegationTokenResponse:
    del request  # nobody has a token
    protocol = asking.listener.protocol
    one_way = protocol is Protocol.SSL and asking.who.principal == ANONYMOUS
    if protocol is Protocol.PLAINTEXT or one_way:
        return DescribeDelegationTokenResponse(error_code=ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
    if not asking.state.cluster.has_tokens:
        return DescribeDelegationTokenResponse(error_code=ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED)
    return DescribeDelegationTokenResponse()


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: _describe,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: _alter,
    ApiKey.DESCRIBE_DELEGATION_TOKEN: _describe_tokens,
}
