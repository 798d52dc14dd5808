"""The first flight of a server for what it chose; public values and signatures are noise of the right size."""

from __future__ import annotations

import re
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Struct

from mskaudit.errors import LocalWireError
from mskaudit.reference.certificates import authority, server_credential
from mskaudit.reference.dh_groups import dh_prime
from mskaudit.reference.tls_settings import CertificateKind, DhSize
from mskaudit.wire.tls import CertificateChain, CertificateRequest, ServerHello
from mskaudit.wire.tls_registry import ContentType, Extension, Group, HandshakeType, Version
from mskaudit.wire.tls_server import (
    build_certificate,
    build_certificate_request,
    build_server_hello,
    dh_parameters,
    ec_parameters,
    handshake,
    records,
    rsa_parameters,
    signature,
)
from mskaudit.wire.tls_suites import Authentication, KeyExchange, Suite
from mskaudit.wire.tls_vectors import vector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.wire.tls_server import ClientHello
    from mskaudit.wire.tls_vectors import Extensions

_CHANGE_CIPHER_SPEC: Final = records(ContentType.CHANGE_CIPHER_SPEC, Version.TLS_1_2, b"\1")
_NOISE: Final = 64
_SIGNATURES: Final = {Authentication.RSA: (0x0401, 256), Authentication.ECDSA: (0x0403, 71)}
_CERTIFICATE_TYPES: Final = (1, 64)
_SIGNATURE_ALGORITHMS: Final = (0x0403, 0x0804, 0x0401)
_EXPORT_BITS: Final = 512
_LATE_EXPORT_BITS: Final = 1024
_MONTGOMERY: Final = {Group.X25519: 32, Group.X448: 56}
# What a server sends is the ciphertext (FIPS 203, table 3), beside the share of the curve in hybrids.
_POST_QUANTUM: Final = {
    Group.MLKEM512: 768,
    Group.MLKEM768: 1088,
    Group.MLKEM1024: 1568,
    Group.X25519MLKEM768: 1088 + 32,
    Group.SECP256R1MLKEM768: 1088 + 65,
    Group.SECP384R1MLKEM1024: 1568 + 97,
}


class Flight(Struct, frozen=True, kw_only=True):
    """What a server chose for a hello, and how it goes on.

    `extensions` answer the client's, up to TLS 1.2; `sentinel` ends the random where a newer version was possible.
    """

    version: Version
    suite: Suite
    group: Group | None = None
    certificate: CertificateKind | None = None
    asks_certificate: bool = False
    dh_bits: int = 2048
    compression: int = 0
    extensions: tuple[tuple[int, bytes], ...] = ()
    sentinel: bytes = b""


def retry(flight: Flight, hello: ClientHello) -> bytes:
    """A HelloRetryRequest for the chosen group (RFC 8446, 4.1.4)."""
    share = _chosen(flight).to_bytes(2, "big")
    return _server_hello(flight, hello, _modern_extensions(flight, share)) + _CHANGE_CIPHER_SPEC


def modern(flight: Flight, hello: ClientHello) -> bytes:
    """A ServerHello of TLS 1.3, and noise where the encrypted rest would be."""
    group = _chosen(flight)
    share = group.to_bytes(2, "big") + vector(2, token_bytes(share_size(group)))
    encrypted = records(ContentType.APPLICATION, Version.TLS_1_2, token_bytes(_NOISE))
    return _server_hello(flight, hello, _modern_extensions(flight, share)) + _CHANGE_CIPHER_SPEC + encrypted


def legacy(flight: Flight, hello: ClientHello) -> bytes:
    """Everything from the ServerHello to ServerHelloDone."""
    rest = b"".join(_after_hello(flight))
    return _server_hello(flight, hello, flight.extensions) + records(ContentType.HANDSHAKE, flight.version, rest)


def certificates(kind: CertificateKind) -> tuple[bytes, ...]:
    """What a server sends of a kind of certificate, in DER."""
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in server_credential(kind).chain)


def share_size(group: Group) -> int:
    """Bytes of a server's public value on a group."""
    if group in _MONTGOMERY:
        return _MONTGOMERY[group]
    if group in _POST_QUANTUM:
        return _POST_QUANTUM[group]
    found = re.search(r"\d{3,4}", group.name)
    assert found is not None
    bits = int(found[0])
    return bits // 8 if group.name.startswith("FFDHE") else 1 + 2 * ((bits + 7) // 8)


def _chosen(flight: Flight) -> Group:
    if flight.group is None:
        raise LocalWireError("a flight with a key share needs a group")
    return flight.group


def _modern_extensions(flight: Flight, share: bytes) -> Extensions:
    return (Extension.SUPPORTED_VERSIONS, flight.version.to_bytes(2, "big")), (Extension.KEY_SHARE, share)


def _server_hello(flight: Flight, hello: ClientHello, extensions: Extensions) -> bytes:
    is_modern = flight.version is Version.TLS_1_3
    share = dict(extensions).get(Extension.KEY_SHARE)
    body = build_server_hello(
        ServerHello(
            version=flight.version,
            random=token_bytes(32 - len(flight.sentinel)) + flight.sentinel,
            session_id=hello.session_id if is_modern else token_bytes(32),
            cipher_suite=flight.suite.number,
            compression=flight.compression,
            extensions=extensions,
            group=flight.group,
            retry=share is not None and len(share) == 2,  # noqa: PLR2004  the group alone
        )
    )
    shown = min(flight.version, Version.TLS_1_2)
    return records(ContentType.HANDSHAKE, shown, handshake(HandshakeType.SERVER_HELLO, body))


def _after_hello(flight: Flight) -> Iterator[bytes]:
    anonymous = flight.suite.authentication is Authentication.ANONYMOUS
    if not anonymous:
        chain = CertificateChain(certificates=certificates(_certificate(flight)))
        yield handshake(HandshakeType.CERTIFICATE, build_certificate(chain))
    if parameters := _parameters(flight):
        yield handshake(HandshakeType.SERVER_KEY_EXCHANGE, parameters + (b"" if anonymous else _signature(flight)))
    if flight.asks_certificate and not anonymous:
        yield handshake(HandshakeType.CERTIFICATE_REQUEST, _request(flight.version))
    yield handshake(HandshakeType.SERVER_HELLO_DONE, b"")


def _certificate(flight: Flight) -> CertificateKind:
    if flight.certificate is not None:
        return flight.certificate
    return CertificateKind.EC if flight.suite.authentication is Authentication.ECDSA else CertificateKind.RSA


def _parameters(flight: Flight) -> bytes:
    """What a ServerKeyExchange says, nothing where the suite has none."""
    export = _EXPORT_BITS if flight.suite.name.count("_EXPORT_") else _LATE_EXPORT_BITS
    match flight.suite.exchange:
        case KeyExchange.ECDHE:
            group = _chosen(flight)
            return ec_parameters(group, token_bytes(share_size(group)))
        case KeyExchange.DHE:
            bits = min(flight.dh_bits, export) if flight.suite.export else flight.dh_bits
            return dh_parameters(_prime(bits), b"\2", token_bytes(bits // 8))
        case KeyExchange.RSA if flight.suite.export:
            return rsa_parameters(_prime(export), b"\1\0\1")
        case _:
            return b""


def _prime(bits: int) -> bytes:
    """A number of so many bits; a real prime where it is a size with a well-known one."""
    known = {int(size): size for size in DhSize}
    number = dh_prime(known[bits]) if bits in known else (1 << bits) - 1
    return number.to_bytes((bits + 7) // 8, "big")


def _signature(flight: Flight) -> bytes:
    algorithm, size = _SIGNATURES[flight.suite.authentication]
    return signature(token_bytes(size), algorithm=algorithm, version=flight.version)


def _request(version: Version) -> bytes:
    request = CertificateRequest(
        certificate_types=_CERTIFICATE_TYPES,
        signature_algorithms=_SIGNATURE_ALGORITHMS,
        authorities=(authority().certificate.subject.public_bytes(),),
    )
    return build_certificate_request(request, version=version)
