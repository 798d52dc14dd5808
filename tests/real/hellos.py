"""What a TLS listener chooses from what it is offered, asked in single hellos made here, beside the scanner's own."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

from mskaudit.wire.tls import Alert, CertificateChain, ServerFlight, ServerHello
from mskaudit.wire.tls_suites import suites

if TYPE_CHECKING:
    from tests.real.talk import Address

VERSIONS: Final = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_PATIENCE: Final = 2.0
_GROUPS: Final = (0x001D, 0x0017, 0x0018, 0x0019, 0x0100)
_SIGNATURES: Final = (0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
_MODERN: Final = range(0x1301, 0x1304)


def chosen(address: Address, version: str, offered: tuple[int, ...] = ()) -> tuple[str, tuple[bytes, ...]]:
    """The version and suite a listener chooses, or how it refuses; and the certificates it shows below TLS 1.3."""
    flight = ServerFlight()
    certificates: tuple[bytes, ...] = ()
    answer = "closed"
    with socket.create_connection(address, _PATIENCE) as stream:
        stream.sendall(_hello(VERSIONS[version], offered or tuple(suites())))
        while not flight.complete:
            chunk = _receive(stream)
            if not chunk:
                break
            for event in flight.feed(chunk):
                match event:
                    case ServerHello():
                        names = {number: name for name, number in VERSIONS.items()}
                        answer = f"{names[event.version]} {suites()[event.cipher_suite].name}"
                    case Alert():
                        answer = event.name
                    case CertificateChain():
                        certificates = event.certificates
    return answer, certificates


def _receive(stream: socket.socket) -> bytes:
    try:
        return stream.recv(65536)
    except ConnectionError:
        return b""


def _hello(version: int, offered: tuple[int, ...]) -> bytes:
    fitting = [number for number in offered if (number in _MODERN) == (version == VERSIONS["TLSv1.3"])]
    listed = b"".join(struct.pack(">H", number) for number in fitting)
    legacy = min(version, VERSIONS["TLSv1.2"])
    body = struct.pack(">H", legacy) + b"\x5a" * 32 + b"\x20" + b"\xa5" * 32
    body += struct.pack(">H", len(listed)) + listed + b"\x01\x00"
    if version > VERSIONS["SSLv3"]:
        content = _extensions(version)
        body += struct.pack(">H", len(content)) + content
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16" + struct.pack(">HH", min(version, 0x0301), len(message)) + message


def _extensions(version: int) -> bytes:
    groups = b"".join(struct.pack(">H", group) for group in _GROUPS)
    signatures = b"".join(struct.pack(">H", scheme) for scheme in _SIGNATURES)
    content = _extension(10, struct.pack(">H", len(groups)) + groups) + _extension(11, b"\x01\x00")
    if version >= VERSIONS["TLSv1.2"]:
        content += _extension(13, struct.pack(">H", len(signatures)) + signatures)
    if version == VERSIONS["TLSv1.3"]:
        # Without a key share the server asks for one, and has chosen.
        content += _extension(43, b"\x02\x03\x04") + _extension(51, b"\x00\x00")
    return content


def _extension(number: int, content: bytes) -> bytes:
    return struct.pack(">HH", number, len(content)) + content
