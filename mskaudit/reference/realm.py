"""What a reference broker knows of those who may log in, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Self

from msgspec import Meta, Struct

from mskaudit.reference.tokens import public_keys
from mskaudit.wire.msk_iam import AwsKeys
from mskaudit.wire.scram import MIN_ITERATIONS, ScramCredential, ScramMechanism

_CREDENTIALS_KEPT: Final = 256
MAX_KAFKA_ITERATIONS: Final = 16_384
"""More SCRAM iterations Kafka does not store."""


class PasswordMechanism(StrEnum):
    """The mechanisms that a user with a password can log in with."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class User(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One user by password."""

    password: Annotated[str | None, Meta(description="the password; null is a user who cannot log in with one")] = None
    mechanisms: Annotated[
        tuple[PasswordMechanism, ...], Meta(description="the mechanisms the password is stored for")
    ] = tuple(PasswordMechanism)
    iterations: Annotated[
        int,
        Meta(ge=MIN_ITERATIONS, le=MAX_KAFKA_ITERATIONS, description="the iterations of the SCRAM credentials"),
    ] = MIN_ITERATIONS

    def __repr__(self) -> str:
        # Structs show all fields, and this one would show a secret.
        return f"User(mechanisms={self.mechanisms!r}, iterations={self.iterations})"


class AwsCredential(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of an AWS identity, and what its policies say."""

    access_key: Annotated[str, Meta(min_length=1, max_length=128, description="the access key id")]
    secret_key: Annotated[str, Meta(min_length=1, description="the secret access key")]
    session_token: Annotated[str | None, Meta(description="the session token of temporary credentials")] = None
    principal: Annotated[str, Meta(pattern="^arn:", description="the ARN of the user, role or session")]
    policies: Annotated[
        tuple[Mapping[str, Any], ...], Meta(description="the IAM policy documents in force for it")
    ] = ()

    @property
    def keys(self) -> AwsKeys:
        """What it signs with."""
        return AwsKeys(access_key=self.access_key, secret_key=self.secret_key, session_token=self.session_token)

    def __repr__(self) -> str:
        # Structs show all fields, and this one would show a secret.
        return f"AwsCredential(access_key={self.access_key!r}, principal={self.principal!r})"


class OauthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How bearer tokens are checked; without a word the hardened way."""

    accept_unsigned: Annotated[
        bool, Meta(description="accept tokens with the algorithm none, as Kafka does with no key set")
    ] = False
    skip_signature: Annotated[bool, Meta(description="accept any signature on a signed token")] = False
    key_set: Annotated[
        tuple[str, ...],
        Meta(max_length=16, description="public keys in PEM that may sign; empty is the cluster's own, made at start"),
    ] = ()
    audience: Annotated[str | None, Meta(description="the audience a token must name; unset, it must name none")] = None
    issuer: Annotated[str | None, Meta(description="the issuer a token must name")] = None
    principal_claim: Annotated[str, Meta(min_length=1, description="the claim that names the user")] = "sub"
    clock_skew_s: Annotated[
        int, Meta(ge=0, le=3600, description="seconds by which clocks may differ; unsigned tokens get none")
    ] = 30

    def __post_init__(self) -> None:
        public_keys(self.key_set)


class IamSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How signatures of AWS identities are checked; every switch leaves one check out."""

    region: Annotated[str, Meta(min_length=1, description="the region that signatures must be made for")] = "us-east-1"
    skip_expiry: Annotated[bool, Meta(description="accept signatures that have expired or lie in the future")] = False
    skip_host: Annotated[bool, Meta(description="accept signatures made for another host")] = False
    skip_region: Annotated[bool, Meta(description="accept signatures made for another region")] = False
    skip_signature: Annotated[bool, Meta(description="accept any signature of a known access key")] = False
    allow_long_expiry: Annotated[bool, Meta(description="accept signatures valid for up to 7 days, not 15 min")] = False


ScramCredentials = Mapping[tuple[ScramMechanism, str], ScramCredential]
"""By mechanism and user; a realm keeps what it is given, so that later changes take effect."""


class Realm(Struct, frozen=True, kw_only=True):
    """Everything a broker knows to tell who logs in.

    `passwords` are those of PLAIN by user, `aws` is by access key, `hosts` are the names the brokers are advertised
    under, `clock` tells an aware time, and `reauth_limit_ms` is `connections.max.reauth.ms`, 0 for none.
    """

    scram: ScramCredentials = {}
    passwords: Mapping[str, str] = {}
    aws: Mapping[str, AwsCredential] = {}
    oauth: OauthSettings = OauthSettings()
    iam: IamSettings = IamSettings()
    hosts: frozenset[str] = frozenset()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    reauth_limit_ms: int = 0

    @classmethod
    def of(cls, users: Mapping[str, User | str]) -> Self:
        """A realm of nothing but users; a bare string is a password good for every mechanism."""
        known = {name: User(password=user) if isinstance(user, str) else user for name, user in users.items()}
        return cls(scram=scram_credentials(known), passwords=plain_passwords(known))


def scram_credentials(users: Mapping[str, User]) -> dict[tuple[ScramMechanism, str], ScramCredential]:
    """What the brokers store for the users' SCRAM mechanisms; the dictionary is the caller's to change."""
    return {
        (mechanism, name): _derive(mechanism, user.password, user.iterations)
        for name, user in users.items()
        for mechanism in ScramMechanism
        if user.password is not None and mechanism.value in user.mechanisms
    }


def plain_passwords(users: Mapping[str, User]) -> dict[str, str]:
    """The passwords that PLAIN accepts; the dictionary is the caller's to change."""
    return {
        name: user.password
        for name, user in users.items()
        if user.password is not None and PasswordMechanism.PLAIN in user.mechanisms
    }


@lru_cache(maxsize=_CREDENTIALS_KEPT)
def _derive(mechanism: ScramMechanism, password: str, iterations: int) -> ScramCredential:
    # Deriving takes milliseconds, and worlds with the same users start again and again.
    return ScramCredential.derive(mechanism, password, iterations=iterations)
