"""IAM logins of both forms: what is made is read, what is changed is noticed, and anything else is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.errors import RemoteWireError
from mskaudit.wire import sigv4
from mskaudit.wire.msk_iam import MAX_SIZE, AwsKeys, MskIamClient, SignedConnect, iam_token, success
from mskaudit.wire.sigv4 import Scope

if TYPE_CHECKING:
    from mskaudit.wire.sasl import SaslClient

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
KEYS = AwsKeys(access_key="AKIDEXAMPLE", secret_key="wJalr/XUtnFEMI+K7MDENG", session_token="IQoJb3/+==&%")
REGION = "eu-central-1"
HOST = "b-1.orders.abc123.c2.kafka.eu-central-1.amazonaws.com"


def signed(**changes: Any) -> SignedConnect:
    return SignedConnect.sign(**{"keys": KEYS, "host": HOST, "region": REGION, "now": NOW, **changes})


def test_a_signature_is_that_of_the_documentation() -> None:
    # AWS, "Signature Version 4 signing process", the example of a derived signing key.
    scope = Scope(date="20150830", region="us-east-1", service="iam")
    key = sigv4._signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope)
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_the_payload_has_the_members_of_the_java_client() -> None:
    members = json.loads(MskIamClient(KEYS, host=HOST, region=REGION, now=NOW).first())
    signature = members.pop("x-amz-signature")
    assert len(bytes.fromhex(signature)) == 32
    assert members == {
        "version": "2020_10_22",
        "host": HOST,
        "user-agent": "mskaudit",
        "action": "kafka-cluster:Connect",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "AKIDEXAMPLE/20260304/eu-central-1/kafka-cluster/aws4_request",
        "x-amz-date": "20260304T050607Z",
        "x-amz-expires": "900",
        "x-amz-security-token": KEYS.session_token,
        "x-amz-signedheaders": "host",
    }


@pytest.mark.parametrize("token", [None, "IQoJb3/+==&%", ""], ids=["lasting", "temporary", "empty"])
def test_what_is_made_is_read_in_both_forms(token: str | None) -> None:
    keys = AwsKeys(access_key=KEYS.access_key, secret_key=KEYS.secret_key, session_token=token)
    made = signed(keys=keys)
    for request in (SignedConnect.parse_payload(made.payload()), SignedConnect.parse_token(made.token())):
        assert request.is_signed_with(KEYS.secret_key)
        assert not request.is_signed_with("another")
        assert (request.host, request.access_key, request.session_token) == (HOST, "AKIDEXAMPLE", token)
        assert (request.signed_at, request.expires) == (NOW, NOW + timedelta(minutes=15))


def test_the_clock_may_be_of_any_zone() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert signed(now=there) == signed()


def test_secrets_are_not_shown() -> None:
    shown = f"{KEYS} {signed()}"
    assert KEYS.secret_key not in shown
    assert str(KEYS.session_token) not in shown
    assert signed().members["x-amz-signature"] not in shown


OTHERS = {
    "host": "other.example",
    "x-amz-credential": "AKIDEXAMPLE/20260304/eu-west-1/kafka-cluster/aws4_request",
    "x-amz-date": "20260304T050608Z",
    "x-amz-expires": "899",
    "x-amz-security-token": "another",
    "x-amz-signature": "0" * 64,
}


@pytest.mark.parametrize("member", OTHERS)
def test_a_changed_member_breaks_the_signature(member: str) -> None:
    members = json.loads(signed().payload()) | {member: OTHERS[member]}
    assert not SignedConnect.parse_payload(json.dumps(members).encode()).is_signed_with(KEYS.secret_key)


def test_a_session_token_taken_out_or_put_in_breaks_the_signature() -> None:
    members = json.loads(signed().payload())
    del members["x-amz-security-token"]
    assert not SignedConnect.parse_payload(json.dumps(members).encode()).is_signed_with(KEYS.secret_key)
    lasting = json.loads(signed(keys=AwsKeys(access_key="A", secret_key="s")).payload())
    lasting["x-amz-security-token"] = "x"
    assert not SignedConnect.parse_payload(json.dumps(lasting).encode()).is_signed_with("s")


MALFORMED: dict[str, dict[str, object]] = {
    "version": {"version": "2020_10_23"},
    "no version": {"version": None},
    "action": {"action": "kafka-cluster:*"},
    "algorithm": {"x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"},
    "more headers": {"x-amz-signedheaders": "host;x-amz-date"},
    "no host": {"host": ""},
    "number": {"x-amz-expires": 900},
    "list": {"host": [HOST]},
    "never": {"x-amz-expires": "0"},
    "negative": {"x-amz-expires": "-1"},
    "endless": {"x-amz-expires": "9" * 1000},
    "fraction": {"x-amz-expires": "1.5"},
    "other digits": {"x-amz-expires": "\u0669"},
    "no date": {"x-amz-date": ""},
    "a day that is none": {"x-amz-date": "20260230T000000Z"},
    "year 0": {"x-amz-date": "00000101T000000Z"},
    "the last year": {
        "x-amz-date": "99991231T235959Z",
        "x-amz-credential": "A/99991231/eu-central-1/kafka-cluster/aws4_request",
    },
    "another day": {"x-amz-date": "20260305T050607Z"},
    "date in words": {"x-amz-date": "Wed, 04 Mar 2026 05:06:07 GMT"},
    "no scope": {"x-amz-credential": "AKIDEXAMPLE"},
    "no key": {"x-amz-credential": "/20260304/eu-central-1/kafka-cluster/aws4_request"},
    "another end": {"x-amz-credential": "AKIDEXAMPLE/20260304/eu-central-1/kafka-cluster/aws5_request"},
    "capital signature": {"x-amz-signature": "A" * 64},
    "short signature": {"x-amz-signature": "a" * 63},
    "one too many": {"x-amz-content-sha256": "x"},
    "no signature": {"x-amz-signature": None},
    "lone surrogate": {"host": "\ud800"},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_a_payload_of_another_shape_is_refused(changes: dict[str, object]) -> None:
    members = {name: value for name, value in (json.loads(signed().payload()) | changes).items() if value is not None}
    with pytest.raises(RemoteWireError):
        SignedConnect.parse_payload(json.dumps(members).encode())


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b"[" * 60_000, b" " * (MAX_SIZE + 1)], ids=range(5))
def test_what_is_no_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(RemoteWireError):
        SignedConnect.parse_payload(payload)


def test_a_payload_that_says_a_thing_twice_is_refused() -> None:
    payload = signed().payload().replace(b'"host":', b'"host":"x","host":')
    with pytest.raises(RemoteWireError):
        SignedConnect.parse_payload(payload)


URL = urlsafe_b64decode(signed().token() + "==").decode()
BAD_URLS = {
    "http": URL.replace("https:", "http:"),
    "no scheme": URL.removeprefix("https:"),
    "port": URL.replace("/?", ":443/?"),
    "path": URL.replace("/?", "/x?"),
    "user": URL.replace("://", "://user@"),
    "fragment": URL + "#x",
    "no query": URL.partition("?")[0],
    "action twice": URL + "&Action=kafka-cluster%3AConnect",
    "agent twice": URL + "&User-Agent=x",
    "unknown parameter": URL + "&x=1",
    "no value": URL + "&",
    "no UTF-8": URL.replace("mskaudit", "%ff"),
    "blank": URL.replace("mskaudit", "a b"),
    "other letters": URL.replace("mskaudit", "é"),
    "many parameters": URL + "&a=b" * 5_000,
    "long": URL + "x" * MAX_SIZE,
}


def test_a_token_needs_no_path() -> None:
    # Amazon's login module for Java writes none.
    short = urlsafe_b64encode(URL.replace("/?", "?").encode()).decode().rstrip("=")
    assert SignedConnect.parse_token(short) == SignedConnect.parse_token(signed().token())


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
def test_a_token_of_another_shape_is_refused(url: str) -> None:
    with pytest.raises(RemoteWireError):
        SignedConnect.parse_token(urlsafe_b64encode(url.encode()).decode().rstrip("="))


@pytest.mark.parametrize("token", ["", "a", "a.b", "=", "+/+/", signed().token() + "="], ids=range(6))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(RemoteWireError):
        SignedConnect.parse_token(token)


def test_a_token_is_for_the_region_and_names_the_client_unsigned() -> None:
    url = urlsafe_b64decode(iam_token(KEYS, region=REGION, now=NOW) + "==").decode()
    assert url.startswith("https://kafka.eu-central-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=")
    renamed = urlsafe_b64encode(url.replace("mskaudit", "other/1.0").encode()).decode().rstrip("=")
    assert SignedConnect.parse_token(renamed).is_signed_with(KEYS.secret_key)


def test_the_client_believes_only_its_version() -> None:
    client: SaslClient = MskIamClient(KEYS, host=HOST, region=REGION, now=NOW)
    assert client.respond(success("1")) is None
    for answer in (b"", b"{}", b'{"version":"2099_01_01","request-id":"1"}', b'{"version":1}'):
        with pytest.raises(RemoteWireError):
            client.respond(answer)


@given(st.binary(max_size=300))
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    with suppress(RemoteWireError):
        SignedConnect.parse_payload(payload)


@given(st.sampled_from(sorted(json.loads(signed().payload()))), st.text(max_size=40) | st.none() | st.integers())
def test_any_member_is_read_or_refused_and_then_verified(member: str, value: object) -> None:
    members = json.loads(signed().payload())
    known = members[member]
    with suppress(RemoteWireError):
        request = SignedConnect.parse_payload(json.dumps(members | {member: value}).encode())
        assert request.is_signed_with(KEYS.secret_key) == (value == known or member == "user-agent")


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda url: urlsafe_b64encode(url).decode().rstrip("=")))
def test_any_token_is_read_or_refused(token: str) -> None:
    with suppress(RemoteWireError):
        SignedConnect.parse_token(token)


@given(st.integers(0, len(URL) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_letter_of_a_token_changed_is_noticed(place: int, letter: str) -> None:
    url = URL[:place] + letter + URL[place + 1 :]
    with suppress(RemoteWireError):
        request = SignedConnect.parse_token(urlsafe_b64encode(url.encode()).decode().rstrip("="))
        agent = place > URL.index("User-Agent=")
        same = request.members == {**signed().members, "user-agent": "mskaudit"} and request.host == HOST
        assert request.is_signed_with(KEYS.secret_key) == (same or agent)
