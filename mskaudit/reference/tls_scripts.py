"""The scripted servers by name, each with one thing wrong (or odd) that a scanner must see."""

from __future__ import annotations

from typing import Final

from mskaudit.errors import UsageError
from mskaudit.reference.tls_script import SOUND, Feature, Preference, Refusal, Script
from mskaudit.reference.tls_settings import CertificateKind
from mskaudit.wire.tls_registry import AlertDescription, Group, Version
from mskaudit.wire.tls_suites import SSL2_SUITES

_GOOD: Final = ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
_MODERN: Final = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")
_OLD: Final = ("TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA")
_BOTH: Final = (Version.TLS_1_2, Version.TLS_1_3)

SCRIPTS: Final = {
    "ssl2": Script(
        about="SSL 2.0 with all its cipher kinds, and TLS 1.0 beside it",
        versions=(Version.SSL_2_0, Version.TLS_1_0),
        suites=(*SSL2_SUITES.values(), *_OLD),
    ),
    "ssl3": Script(about="SSL 3.0 to TLS 1.2", versions=(Version.SSL_3_0, *_BOTH[:1]), suites=(*_GOOD, *_OLD)),
    "old-tls": Script(
        about="TLS 1.0 and 1.1 and nothing newer", versions=(Version.TLS_1_0, Version.TLS_1_1), suites=_OLD
    ),
    "rc4": Script(
        about="RC4 before anything else",
        versions=(Version.TLS_1_0, Version.TLS_1_2),
        suites=("TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_MD5", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", *_GOOD),
    ),
    "triple-des": Script(
        about="Triple DES beside good suites",
        suites=(*_GOOD, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    ),
    "export": Script(
        about="Suites weakened for export, with keys of 512 bits",
        versions=(Version.TLS_1_0,),
        suites=(
            "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
            "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
            "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
            *_OLD,
        ),
    ),
    "null": Script(
        about="Suites that sign and do not encrypt",
        suites=(*_GOOD, "TLS_RSA_WITH_NULL_SHA256", "TLS_RSA_WITH_NULL_SHA", "TLS_ECDHE_RSA_WITH_NULL_SHA"),
    ),
    "anonymous": Script(
        about="Suites without a certificate",
        suites=(*_GOOD, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "TLS_DH_anon_WITH_AES_128_GCM_SHA256"),
    ),
    "dh-512": Script(
        about="Diffie-Hellman with 512 bits", suites=("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", *_GOOD), dh_bits=512
    ),
    "dh-1024": Script(
        about="Diffie-Hellman with 1024 bits", suites=("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", *_GOOD), dh_bits=1024
    ),
    "odd-groups": Script(
        about="Curves below 112 bits of strength and binary curves",
        suites=_GOOD,
        groups=(Group.SECP160R1, Group.SECT163K1, Group.SECP192R1, Group.SECT571R1, Group.SECP256R1),
    ),
    "compression": Script(about="TLS compression", suites=_GOOD, features=(*SOUND, Feature.COMPRESSION)),
    "insecure-renegotiation": Script(
        about="No secure renegotiation and no extended master secret", suites=_GOOD, features=()
    ),
    "heartbeat": Script(about="The heartbeat extension", suites=_GOOD, features=(*SOUND, Feature.HEARTBEAT)),
    "legacy-certificate": Script(
        about="An RSA key of 1024 bits, with RSA key exchange", suites=_OLD, certificate=CertificateKind.WEAK_KEY
    ),
    "ecdsa": Script(
        about="Sound: ECDSA only, in the client's order",
        suites=("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        preference=Preference.CLIENT,
    ),
    "post-quantum": Script(
        about="Sound: TLS 1.3 with a hybrid group first",
        versions=_BOTH,
        suites=(*_MODERN, *_GOOD),
        groups=(Group.X25519MLKEM768, Group.X25519, Group.SECP256R1, Group.SECP384R1, Group.FFDHE2048),
    ),
    "hybrid-only": Script(
        about="TLS 1.3 with hybrid groups and no others",
        versions=(Version.TLS_1_3,),
        suites=_MODERN,
        groups=(Group.SECP384R1MLKEM1024, Group.SECP256R1MLKEM768, Group.X25519MLKEM768),
    ),
    "client-order": Script(
        about="The client's order decides",
        versions=_BOTH,
        suites=(*_MODERN, *_GOOD, *_OLD),
        groups=(Group.X25519, Group.SECP256R1, Group.SECP521R1),
        preference=Preference.CLIENT,
    ),
    "asks-certificate": Script(about="Asks for a client certificate", suites=(*_GOOD, *_OLD), asks_certificate=True),
    "no-fallback-scsv": Script(
        about="Believes a client that falls back",
        versions=(Version.TLS_1_0, Version.TLS_1_1, Version.TLS_1_2),
        suites=(*_GOOD, *_OLD),
        features=(Feature.SECURE_RENEGOTIATION,),
    ),
    "insufficient-security": Script(
        about="Refuses with alert 71", suites=_GOOD, suite_alert=AlertDescription.INSUFFICIENT_SECURITY
    ),
    "silent-refusal": Script(about="Refuses by closing", suites=_GOOD, refusal=Refusal.CLOSE),
}
"""Every script by its name in `TlsSettings.script`."""


def script_named(name: str) -> Script:
    """The script of a name; UsageError if there is none."""
    if name not in SCRIPTS:
        raise UsageError(f"there is no scripted TLS front {name!r}; there are {', '.join(SCRIPTS)}")
    return SCRIPTS[name]
