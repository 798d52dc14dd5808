"""What Kafka keeps about users: delegation tokens and SCRAM credentials; mechanism 1 is SHA-256, 2 is SHA-512."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import Api, ApiKey, Request, Response
from mskaudit.wire.schema import Bytes, Int8, Int16, Int32, Int64, String, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeDelegationTokenOwner:
    """A principal whose tokens are wanted."""

    principal_type: String
    principal_name: String


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeDelegationTokenRequest(Request):
    """Ask for delegation tokens, None for those of any owner (KIP-48)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_DELEGATION_TOKEN
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    owners: tuple[DescribeDelegationTokenOwner, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedDelegationTokenRenewer:
    """A principal that may renew the token."""

    principal_type: String
    principal_name: String


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedDelegationToken:
    """A token, its secret and the times at which it began and ends."""

    principal_type: String
    principal_name: String
    token_requester_principal_type: Annotated[String, Wire(since=3)] = ""
    token_requester_principal_name: Annotated[String, Wire(since=3)] = ""
    issue_timestamp: Int64
    expiry_timestamp: Int64
    max_timestamp: Int64
    token_id: String
    hmac: Bytes
    renewers: tuple[DescribedDelegationTokenRenewer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeDelegationTokenResponse(Response):
    """Delegation tokens that the principal may see."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_DELEGATION_TOKEN
    versions: ClassVar[range] = range(4)
    flexible_since: ClassVar[int] = 2
    error_code: Int16 = 0
    tokens: tuple[DescribedDelegationToken, ...] = ()
    throttle_time_ms: Int32 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UserName:
    """A user asked about."""

    name: String


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeUserScramCredentialsRequest(Request):
    """Ask for users' SCRAM credentials; ask for all by the empty tuple (KIP-554)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    users: tuple[UserName, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialInfo:
    """A credential's mechanism and iterations; never its secrets."""

    mechanism: Int8
    iterations: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeUserScramCredentialsResult:
    """One user's credentials."""

    user: String
    error_code: Int16 = 0
    error_message: String | None = None
    credential_infos: tuple[CredentialInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeUserScramCredentialsResponse(Response):
    """SCRAM credentials of the users asked about."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    error_message: String | None = None
    results: tuple[DescribeUserScramCredentialsResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramCredentialDeletion:
    """A credential to remove."""

    name: String
    mechanism: Int8


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramCredentialUpsertion:
    """A credential to add or replace, salted and hashed by the client."""

    name: String
    mechanism: Int8
    iterations: Int32
    salt: Bytes
    salted_password: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterUserScramCredentialsRequest(Request):
    """Remove and add SCRAM credentials."""

    api_key: ClassVar[int] = ApiKey.ALTER_USER_SCRAM_CREDENTIALS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    deletions: tuple[ScramCredentialDeletion, ...]
    upsertions: tuple[ScramCredentialUpsertion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterUserScramCredentialsResult:
    """Whether one user's credentials were changed."""

    user: String
    error_code: Int16 = 0
    error_message: String | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterUserScramCredentialsResponse(Response):
    """Which users' credentials were changed."""

    api_key: ClassVar[int] = ApiKey.ALTER_USER_SCRAM_CREDENTIALS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    results: tuple[AlterUserScramCredentialsResult, ...] = ()


APIS: Final = (
    Api.of(DescribeDelegationTokenRequest, DescribeDelegationTokenResponse),
    Api.of(DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse),
    Api.of(AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse),
)
