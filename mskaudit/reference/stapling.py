"""OCSP responses that a listener staples to its certificate (RFC 6960)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, assert_never

from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponderEncoding, OCSPResponseBuilder

from mskaudit.reference.tls_settings import Staple

if TYPE_CHECKING:
    from mskaudit.reference.certificates import Authority, Credential

_LIFE: Final = timedelta(days=1)


def staple(wanted: Staple, credential: Credential, issuer: Authority) -> bytes:
    """The response in DER about a credential's certificate, signed by its issuer; nothing for `none`."""
    match wanted:
        case Staple.NONE:
            return b""
        case Staple.GOOD:
            return _response(OCSPCertStatus.GOOD, credential, issuer)
        case Staple.REVOKED:
            return _response(OCSPCertStatus.REVOKED, credential, issuer)
        case _:
            assert_never(wanted)


def _response(status: OCSPCertStatus, credential: Credential, issuer: Authority) -> bytes:
    now = datetime.now(UTC)
    revoked = status is OCSPCertStatus.REVOKED
    builder = (
        OCSPResponseBuilder()
        .add_response(
            cert=credential.chain[0],
            issuer=issuer.certificate,
            # Names a certificate, protects nothing; clients look for no other digest (RFC 5019, 2.1.1).
            algorithm=SHA1(),  # noqa: S303
            cert_status=status,
            this_update=now - _LIFE,
            next_update=now + _LIFE,
            revocation_time=now - _LIFE if revoked else None,
            revocation_reason=ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(OCSPResponderEncoding.HASH, issuer.certificate)
    )
    return builder.sign(issuer.identity.key, SHA256()).public_bytes(Encoding.DER)
