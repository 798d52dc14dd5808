"""Transcripts below the messages: TLS and its refusals, frames that are none, and how connections end."""

from __future__ import annotations

import ssl
import struct
from typing import TYPE_CHECKING, Final

from mskaudit.reference.tls_settings import ClientCertificate
from mskaudit.wire.messages import ApiVersionsRequest
from tests.real.stage import SILENCE, Who, fresh_context
from tests.real.talk import Closed, talk
from tests.real.transcripts import CLOSED, SILENT, hear, transcript

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from tests.real.stage import Stage
    from tests.real.transcripts import Told

_VERSIONS: Final = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
_WITHOUT_TLS: Final = ("plaintext", "plain")
_WITH_TLS: Final = ("tls", "mtls", "scram", "broken")
_LIMIT: Final = 1_048_576
_LOGIN_LIMIT: Final = 524_288
_HELLO: Final = bytes.fromhex("1603010200010001fc0303" + "5a" * 32 + "20" + "a5" * 32 + "0004c02f009c" + "0100")
_LENGTHS: Final[Mapping[str, int]] = {
    "nothing": 0,
    "negative": -1,
    "the least": -(2**31),
    "the most": 2**31 - 1,
    "one too many": _LIMIT + 1,
    "as many as allowed": _LIMIT,
    "three": 3,
    "eight": 8,
}


def _call(key: int, version: int, body: bytes = b"", *, client: bytes = b"\x00\x08mskaudit") -> bytes:
    content = struct.pack(">hhi", key, version, 7) + client + body
    return struct.pack(">i", len(content)) + content


_CALLS: Final[Mapping[str, bytes]] = {
    "an API that nobody has": _call(9999, 0),
    "a negative API": _call(-1, 0),
    "Metadata of a version too high": _call(3, 99),
    "Metadata of a negative version": _call(3, -1),
    "a request between brokers": _call(7, 3, b"\x00\x00\x00\x01"),
    "no client": _call(18, 0, client=b"\xff\xff"),
    "a client's name that is cut short": _call(18, 0, client=b"\x00\x20short"),
    "Metadata with half a body": _call(3, 1, b"\x00\x00\x00"),
    "Metadata with a hostile count": _call(3, 1, b"\x7f\xff\xff\xff"),
    "Metadata with bytes left over": _call(3, 1, b"\x00\x00\x00\x00rest"),
    "an empty header": struct.pack(">i", 0),
    "half a header": struct.pack(">i", 4) + b"\x00\x12\x00\x00",
    "ApiVersions": _call(18, 0),
    "ApiVersions of a version too high": _call(18, 99, b"\x00"),
    "ApiVersions of a version too high without tags": _call(18, 99),
    "ApiVersions of a negative version": _call(18, -1),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def _first(stream: socket.socket, content: bytes) -> Told:
    """The first bytes of what is said to something."""

    def play() -> Told:
        stream.sendall(content)
        said = stream.recv(65536)
        if not said:
            raise Closed
        return said

    return hear(play)


def _kind(said: Told) -> Told:
    """An answer by its correlation id and error code, everything else as it is."""
    if not isinstance(said, bytes):
        return said
    correlation, code = struct.unpack_from(">ih", said, 4)
    return [correlation, code]


@transcript("deny")
def calls_by_the_byte(stage: Stage) -> Told:
    told = {}
    for listener in _WITHOUT_TLS:
        for name, content in _CALLS.items():
            with stage.stream(listener) as stream:
                told[f"{listener}: {name}"] = _kind(_first(stream, content))
    return told


@transcript("deny")
def lengths_of_frames(stage: Stage) -> Told:
    told = {}
    for name, length in _LENGTHS.items():
        with stage.stream("plaintext") as stream:
            told[name] = _first(stream, struct.pack(">i", length))
    return told


@transcript("deny")
def lengths_of_frames_before_a_login(stage: Stage) -> Told:
    told = {}
    for length in (_LOGIN_LIMIT, _LOGIN_LIMIT + 1):
        with stage.stream("plain") as stream:
            told[str(length)] = _first(stream, struct.pack(">i", length))
    return told


@transcript("deny")
def versions_that_are_refused(stage: Stage) -> Told:
    # The answer has the form of version 0 and tells the one API that was asked for.
    told = {}
    for listener in _WITHOUT_TLS:
        with stage.stream(listener) as stream:
            said = _first(stream, _call(18, 99, b"\x00"))
        told[listener] = said.hex() if isinstance(said, bytes) else said
    return told


@transcript("deny")
def names_of_software(stage: Stage) -> Told:
    names = {
        "mskaudit": "0.1.0",
        "": "0.1.0",
        "x": "",
        "a b": "1",
        "-a": "1",
        "a-": "1",
        "a.b-c": "1",
        "ü": "1",
        "a": "1 2",
    }
    told = {}
    for name, version in names.items():
        request = ApiVersionsRequest(client_software_name=name, client_software_version=version)
        for listener in ("plaintext", "scram"):
            with stage.talk(listener) as conversation:
                answer = hear(lambda: _versions(conversation.ask_any(request, 3)))  # noqa: B023  called at once
                told[f"{listener}: {name!r} {version!r}"] = [answer, hear(lambda: conversation.versions(0).error_code)]
    return told


def _versions(answer: object) -> Told:
    return [getattr(answer, "error_code", None), len(getattr(answer, "api_keys", ())) > 1]


@transcript("deny")
def tls_to_who_speaks_none(stage: Stage) -> Told:
    told = {}
    for listener in _WITHOUT_TLS:
        with stage.stream(listener) as stream:
            told[listener] = _first(stream, _HELLO)
    return told


@transcript("deny")
def clear_words_to_who_speaks_tls(stage: Stage) -> Told:
    told = {}
    for listener in _WITH_TLS:
        with stage.stream(listener) as stream:
            said = _first(stream, _call(18, 0))
        told[listener] = said.hex() if isinstance(said, bytes) else said
    return told


@transcript("deny")
def certificates(stage: Stage) -> Told:
    told = {}
    for wanted in ClientCertificate:
        listener = {"none": "tls", "requested": "requested", "required": "mtls"}[wanted]
        for name, version in _VERSIONS.items():
            for who in (Who.ANONYMOUS, Who.CLIENT, Who.STRANGER):
                told[f"{listener}, {name}, {who}"] = _served(stage, listener, who, version)
    return told


def _served(stage: Stage, listener: str, who: Who, version: ssl.TLSVersion) -> Told:
    """Whether a handshake ends well and is followed by an answer, or by which alert it ends."""
    context = fresh_context(who)
    context.minimum_version = context.maximum_version = version
    try:
        with talk(stage.by_listener[listener], context, deadline=SILENCE) as conversation:
            return conversation.versions(0).error_code
    except ssl.SSLError as fault:
        return fault.reason or type(fault).__name__
    except (Closed, ConnectionError):
        return CLOSED
    except TimeoutError:
        return SILENT


@transcript("deny")
def old_versions_of_tls(stage: Stage) -> Told:
    told = {}
    for name, version in {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}.items():
        told[name] = _old(stage, version)
    return told


def _old(stage: Stage, version: ssl.TLSVersion) -> Told:
    body = bytes([3, version & 0xFF]) + b"\x5a" * 32 + b"\x00" + b"\x00\x04\xc0\x0a\x00\x2f" + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
    with stage.stream("tls") as stream:
        said = _first(stream, record)
    return said.hex() if isinstance(said, bytes) else said


@transcript("deny")
def a_hello_to_a_broken_listener(stage: Stage) -> Told:
    return _served(stage, "broken", Who.ANONYMOUS, ssl.TLSVersion.TLSv1_2)
