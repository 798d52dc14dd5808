"""Which AWS identity signed a login at a reference broker, decided without AWS."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from mskaudit.wire.msk_iam import EXPIRES_S, SERVICE, SignedConnect, endpoint

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from mskaudit.reference.realm import AwsCredential, Realm

_AHEAD: Final = timedelta(minutes=5)
_LONGEST_S: Final = 604_800


class Signer(NamedTuple):
    """Who signed, and until when that holds; no time where nobody looks at it any more."""

    credential: AwsCredential
    expires: datetime | None


class SignatureRefusal(NamedTuple):
    """Why a signature is not taken; the client is not told."""

    reason: str


def of_message(message: bytes, realm: Realm) -> Signer | SignatureRefusal:
    """Who sent a first message of AWS_MSK_IAM to one of the realm's hosts; RemoteWireError if it is none."""
    return _signer(SignedConnect.parse_payload(message), realm, realm.hosts)


def of_token(token: str, realm: Realm) -> Signer | SignatureRefusal:
    """Who made a bearer token for the realm's region; RemoteWireError if it is no such token."""
    return _signer(SignedConnect.parse_token(token), realm, (endpoint(realm.iam.region),))


def _signer(request: SignedConnect, realm: Realm, hosts: Collection[str]) -> Signer | SignatureRefusal:
    refusal = _misdirected(request, realm, hosts) or _untimely(request, realm)
    if refusal is not None:
        return SignatureRefusal(refusal)
    if request.access_key not in realm.aws:
        return SignatureRefusal("an unknown access key")
    credential = realm.aws[request.access_key]
    if not _same(request.session_token, credential.session_token):
        return SignatureRefusal("another session token")
    if not realm.iam.skip_signature and not request.is_signed_with(credential.secret_key):
        return SignatureRefusal("a wrong signature")
    overdue = realm.iam.skip_expiry and request.expires <= realm.clock()
    return Signer(credential, None if overdue else request.expires)


def _misdirected(request: SignedConnect, realm: Realm, hosts: Collection[str]) -> str | None:
    if not realm.iam.skip_host and request.host not in hosts:
        return "signed for another host"
    if not realm.iam.skip_region and request.scope.region != realm.iam.region:
        return "signed for another region"
    return None if request.scope.service == SERVICE else "signed for another service"


def _untimely(request: SignedConnect, realm: Realm) -> str | None:
    now, settings = realm.clock(), realm.iam
    if request.expires_s > (_LONGEST_S if settings.allow_long_expiry else EXPIRES_S):
        return "valid for too long"
    if not settings.skip_expiry and request.signed_at > now + _AHEAD:
        return "signed in the future"
    if not settings.skip_expiry and request.expires <= now:
        return "expired"
    return None


def _same(sent: str | None, known: str | None) -> bool:
    if sent is None or known is None:
        return sent is known
    return hmac.compare_digest(sent.encode(), known.encode())
