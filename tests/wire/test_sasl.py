"""The clients of the mechanisms behind their two verbs, and JSON of peers that say things twice."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.sasl import PlainClient, SaslClient, ScramLogin, json_object
from mskaudit.wire.scram import ScramClient, ScramCredential, ScramMechanism, ScramServer


def test_plain_is_one_message() -> None:
    client: SaslClient = PlainClient("tim", "tanstaaftanstaaf", authorization_id="kurt")
    assert client.first() == b"kurt\0tim\0tanstaaftanstaaf"
    assert client.respond(b"") is None
    with pytest.raises(RemoteWireError):
        client.respond(b"more")


@pytest.mark.parametrize(("name", "password"), [("a\0b", "x"), ("a", "x\0")], ids=["name", "password"])
def test_plain_cannot_carry_nul(name: str, password: str) -> None:
    with pytest.raises(LocalWireError):
        PlainClient(name, password)


def scram(password: str) -> ScramLogin:
    return ScramLogin(ScramClient(mechanism=ScramMechanism.SHA_256, username="user", password=password))


def test_scram_proves_and_then_verifies() -> None:
    credential = ScramCredential.derive(ScramMechanism.SHA_256, "pencil")
    server = ScramServer(mechanism=ScramMechanism.SHA_256, credentials={"user": credential})
    client: SaslClient = scram("pencil")
    challenge = server.challenge(client.first())
    assert isinstance(challenge, bytes)
    proof = client.respond(challenge)
    assert proof is not None
    final = server.conclude(proof)
    assert isinstance(final, bytes)
    assert client.respond(final) is None


def test_scram_does_not_believe_a_server_without_the_credential() -> None:
    client = scram("pencil")
    nonce = client.first().rpartition(b"r=")[2]
    assert client.respond(b"r=" + nonce + b"more,s=c2FsdA==,i=4096") is not None
    with pytest.raises(RemoteWireError):
        client.respond(b"v=AAAA")


BAD = {
    "empty": b"",
    "not an object": b"[]",
    "text": b'"x"',
    "number": b"1",
    "trailing": b"{} x",
    "truncated": b'{"a":',
    "twice": b'{"a":1,"a":1}',
    "twice, escaped": b'{"a":1,"\\u0061":1}',
    "twice, inside": b'{"a":{"b":1,"b":1}}',
    "nan": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "no UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone surrogate in a name": b'{"\\udfff":1}',
    "deep": b'{"a":' + b"[" * 250_000,
    "deep objects": b'{"a":' * 100_000,
    "huge number": b'{"a":' + b"9" * 500_000 + b"}",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_object_that_says_each_thing_once_is_refused(content: bytes) -> None:
    with pytest.raises(RemoteWireError):
        json_object(content)


def test_an_object_is_read() -> None:
    assert json_object('{"a":["é",null],"b":{"a":1.5}}'.encode()) == {"a": ["é", None], "b": {"a": 1.5}}


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_an_object_or_refused(content: bytes) -> None:
    with suppress(RemoteWireError):
        assert isinstance(json_object(content), dict)
