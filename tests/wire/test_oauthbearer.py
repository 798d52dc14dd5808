"""OAUTHBEARER against RFC 7628, against what Kafka 4.3.1 was seen to take, and against peers that cheat."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire.oauthbearer import ACKNOWLEDGED, BearerRequest, Jwt, OauthClient, compact, unsecured_jwt

if TYPE_CHECKING:
    from mskaudit.wire.sasl import SaslClient

TAKEN = {
    "plain": (b"n,,\x01auth=Bearer abc\x01\x01", "", "abc"),
    "acting": (b"n,a=bob,\x01auth=Bearer abc\x01\x01", "bob", "abc"),
    "escapes stay": (b"n,a=a=2Cb,\x01auth=Bearer abc\x01\x01", "a=2Cb", "abc"),
    "lower case": (b"n,,\x01auth=bearer abc\x01\x01", "", "abc"),
    "more spaces": (b"n,,\x01auth=Bearer   abc\x01\x01", "", "abc"),
    "extension": (b"n,,\x01auth=Bearer abc\x01traceId=1 2\x01\x01", "", "abc"),
    "extension first": (b"n,,\x01host=x\x01auth=Bearer abc\x01\x01", "", "abc"),
    "extension twice": (b"n,,\x01auth=Bearer abc\x01a=x\x01a=y\x01\x01", "", "abc"),
    "all letters": (b"n,,\x01auth=Bearer a-_.~+/9==\x01\x01", "", "a-_.~+/9=="),
}


@pytest.mark.parametrize(("message", "acting", "token"), TAKEN.values(), ids=TAKEN)
def test_what_kafka_takes_is_taken(message: bytes, acting: str, token: str) -> None:
    assert BearerRequest.parse(message) == BearerRequest(authorization_id=acting, token=token)


REFUSED = {
    "empty": b"",
    "junk": b"zzz",
    "acknowledgement": ACKNOWLEDGED,
    "channel binding": b"y,,\x01auth=Bearer abc\x01\x01",
    "acting as nobody": b"n,a=,\x01auth=Bearer abc\x01\x01",
    "acting with =": b"n,a=a=b,\x01auth=Bearer abc\x01\x01",
    "no pairs": b"n,,\x01\x01",
    "no auth": b"n,,\x01foo=bar\x01\x01",
    "two auths": b"n,,\x01auth=Bearer abc\x01auth=Bearer abc\x01\x01",
    "basic": b"n,,\x01auth=Basic abc\x01\x01",
    "no token": b"n,,\x01auth=Bearer \x01\x01",
    "inner =": b"n,,\x01auth=Bearer a=b\x01\x01",
    "comma": b"n,,\x01auth=Bearer a,b\x01\x01",
    "digit in a name": b"n,,\x01auth=Bearer abc\x01t1=1\x01\x01",
    "empty value": b"n,,\x01auth=Bearer abc\x01t=\x01\x01",
    "one end": b"n,,\x01auth=Bearer abc\x01",
    "after the end": b"n,,\x01auth=Bearer abc\x01\x01x",
    "no UTF-8": b"n,,\x01auth=Bearer \xff\x01\x01",
    "long": b"n,,\x01auth=Bearer " + b"a" * 100_000 + b"\x01\x01",
    "many": b"n,," + b"\x01a=b" * 100_000 + b"\x01\x01",
}


@pytest.mark.parametrize("message", REFUSED.values(), ids=REFUSED)
def test_what_kafka_refuses_is_refused(message: bytes) -> None:
    with pytest.raises(RemoteWireError):
        BearerRequest.parse(message)


def test_the_client_says_what_rfc_7628_says() -> None:
    client: SaslClient = OauthClient("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", authorization_id="a,b")
    assert client.first() == b"n,a=a=2Cb,\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    assert client.respond(b'{"status":"invalid_token"}') == ACKNOWLEDGED
    assert client.respond(b"") is None
    with pytest.raises(RemoteWireError):
        client.respond(b"no JSON")


def test_the_client_sends_extensions() -> None:
    assert OauthClient("abc", extensions={"traceId": "1"}).first() == b"n,,\x01auth=Bearer abc\x01traceId=1\x01\x01"


@pytest.mark.parametrize(
    ("token", "extensions"),
    [("a\x01b", {}), ("a", {"b": "\x01"}), ("a", {"b1": "c"})],
    ids=["token", "value", "name"],
)
def test_what_would_break_the_message_is_not_sent(token: str, extensions: dict[str, str]) -> None:
    with pytest.raises(LocalWireError):
        OauthClient(token, extensions=extensions)


def segment(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def unsigned(claims: bytes, header: bytes = b'{"alg":"none"}') -> str:
    return f"{segment(header)}.{segment(claims)}."


NONE = segment(b'{"alg":"none"}')
BAD_TOKENS = {
    "empty": "",
    "two parts": f"{NONE}.e30",
    "four parts": f"{NONE}.e30..",
    "padding": f"{NONE}==.e30.",
    "another alphabet": f"{NONE}.e3/+.",
    "impossible length": f"{NONE}.e30aa.",
    "no algorithm": unsigned(b"{}", header=b"{}"),
    "algorithm of another type": unsigned(b"{}", header=b'{"alg":1}'),
    "claims a list": unsigned(b"[1]"),
    "claim twice": unsigned(b'{"sub":"a","sub":"b"}'),
    "deep": unsigned(b"[" * 40_000),
    "long": unsigned(b'{"a":"' + b"a" * 100_000 + b'"}'),
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(RemoteWireError):
        Jwt.parse(token)


def test_claims_are_read_by_their_type() -> None:
    jwt = Jwt.parse(unsecured_jwt({"sub": "alice", "aud": ["a", "b"], "exp": 5.5}))
    assert (jwt.algorithm, jwt.signature) == ("none", b"")
    assert (jwt.text("sub"), jwt.texts("aud"), jwt.texts("sub"), jwt.instant("exp")) == (
        "alice",
        ("a", "b"),
        ("alice",),
        5.5,
    )
    assert (jwt.text("x"), jwt.texts("x"), jwt.instant("x")) == (None, (), None)


INSTANTS = {"text": "1", "bool": True, "negative": -1, "far": 10**13, "huge": 10**400, "null": None, "list": [1]}


@pytest.mark.parametrize("value", INSTANTS.values(), ids=INSTANTS)
def test_what_is_no_time_is_refused(value: object) -> None:
    jwt = Jwt.parse(unsecured_jwt({"exp": value}))
    with pytest.raises(RemoteWireError):
        jwt.instant("exp")


def test_a_number_beyond_floats_is_no_time() -> None:
    jwt = Jwt.parse(unsigned(b'{"exp":1e999}'))
    with pytest.raises(RemoteWireError):
        jwt.instant("exp")


@pytest.mark.parametrize("value", [1, None, ["a", 1], {}], ids=str)
def test_what_is_no_text_is_refused(value: object) -> None:
    jwt = Jwt.parse(unsecured_jwt({"sub": value}))
    with pytest.raises(RemoteWireError):
        jwt.text("sub")
    with pytest.raises(RemoteWireError):
        jwt.texts("sub")


def test_no_token_is_made_of_what_is_no_number() -> None:
    with pytest.raises(LocalWireError):
        unsecured_jwt({"exp": float("nan")})


@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda rest: b"n,,\x01auth=Bearer " + rest))
def test_any_message_is_read_or_refused(message: bytes) -> None:
    with suppress(RemoteWireError):
        assert BearerRequest.parse(message).token


@given(st.text(max_size=200) | st.binary().map(unsigned))
def test_any_token_is_read_or_refused(token: str) -> None:
    try:
        jwt = Jwt.parse(token)
    except RemoteWireError:
        return
    assert token.startswith(jwt.signed.decode())


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")) | st.integers(0, 99)),
    st.binary(max_size=99),
)
def test_a_token_is_read_as_it_was_made(claims: dict[str, object], signature: bytes) -> None:
    token = compact(unsecured_jwt(claims).rstrip("."), signature)
    jwt = Jwt.parse(token)
    assert (dict(jwt.claims), jwt.signature) == (claims, signature)
    assert token.startswith(jwt.signed.decode() + ".")
