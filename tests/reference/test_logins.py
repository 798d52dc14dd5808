"""The broker's side of every login: in Kafka's words, as a running Kafka 4.3.1 answered the same tokens."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mskaudit.reference.logins import AwsCredential, IamSettings, LoginStep, OauthSettings, Outcome, Realm, User, begin
from mskaudit.reference.realm import PasswordMechanism, plain_passwords, scram_credentials
from mskaudit.reference.tokens import TokenAlgorithm, own_key, signed_jwt
from mskaudit.wire.msk_iam import AwsKeys, MskIamClient, SignedConnect, iam_token
from mskaudit.wire.oauthbearer import ACKNOWLEDGED, INVALID_TOKEN, OauthClient, compact, signing_input, unsecured_jwt
from mskaudit.wire.sasl import PlainClient, SaslClient, ScramLogin
from mskaudit.wire.scram import ScramClient, ScramCredential, ScramMechanism

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]
ARN = "arn:aws:iam::123456789012:role/billing"
KNOWN = AwsCredential(access_key="AKIDEXAMPLE", secret_key="wJalr", session_token="FwoG", principal=ARN)
USERS = {
    "alice": User(password="alice-secret"),
    "plain": User(password="p", mechanisms=(PasswordMechanism.PLAIN,)),
    "strong": User(password="s", mechanisms=(PasswordMechanism.SCRAM_SHA_512,), iterations=8192),
    "nobody": User(),
}
ANOTHER_ID = "Authentication failed: Client requested an authorization id that is different from username"
WRONG = "Authentication failed: Invalid username or password"


def realm(**changes: Any) -> Realm:
    whole = {
        "scram": scram_credentials(USERS),
        "passwords": plain_passwords(USERS),
        "aws": {KNOWN.access_key: KNOWN},
        "hosts": frozenset({"b-1.example"}),
        "clock": lambda: NOW,
    }
    return Realm(**{**whole, **changes})


def invalid(mechanism: str) -> str:
    return f"Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}"


def refused(message: str) -> Outcome:
    return Outcome(LoginStep.REFUSED, message=message)


def scram(user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> ScramLogin:
    return ScramLogin(ScramClient(mechanism=ScramMechanism(mechanism), username=user, password=password))


def log_in(mechanism: str, client: SaslClient, there: Realm) -> Outcome:
    """The last outcome of a login that goes on as long as both sides want it to."""
    login = begin(mechanism, there)
    outcome = login(client.first())
    while outcome.step is LoginStep.GO_ON:
        answer = client.respond(outcome.token)
        assert answer is not None
        outcome = login(answer)
    if outcome.step is LoginStep.WELCOME:
        assert client.respond(outcome.token) is None
    return outcome


PLAIN = {
    "wrong password": (b"\0alice\0x", WRONG),
    "unknown user": (b"\0eve\0x", WRONG),
    "of another mechanism": (b"\0strong\0s", WRONG),
    "no password stored": (b"\0nobody\0x", WRONG),
    "empty": (b"", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
    "two parts": (b"alice\0x", "Invalid SASL/PLAIN response: expected 3 tokens, got 2"),
    "four parts": (b"\0alice\0alice-secret\0", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
    "five parts": (b"\0alice\0alice-secret\0\0\0", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
    "no user": (b"\0\0x", "Authentication failed: username not specified"),
    "no password": (b"\0alice\0", "Authentication failed: password not specified"),
    "acting as another": (b"eve\0alice\0alice-secret", ANOTHER_ID),
    "acting, wrong password": (b"eve\0alice\0x", WRONG),
    "no UTF-8": (b"\0alice\0\xff\xfe", WRONG),
}


@pytest.mark.parametrize(("token", "message"), PLAIN.values(), ids=PLAIN)
def test_plain_refuses_in_kafkas_words(token: bytes, message: str) -> None:
    assert begin("PLAIN", realm())(token) == refused(message)


@pytest.mark.parametrize("acting", ["", "alice"])
def test_plain_welcomes(acting: str) -> None:
    client = PlainClient("alice", "alice-secret", authorization_id=acting)
    assert log_in("PLAIN", client, realm()) == Outcome(LoginStep.WELCOME, principal="User:alice")


SCRAM = {
    "unknown user": (b"n,,n=eve,r=abc", invalid("SCRAM-SHA-512")),
    "unknown user acting": (b"n,a=alice,n=eve,r=abc", invalid("SCRAM-SHA-512")),
    "of another mechanism": (b"n,,n=plain,r=abc", invalid("SCRAM-SHA-512")),
    "acting as another": (b"n,a=eve,n=alice,r=abc", ANOTHER_ID),
    "delegation token": (b"n,,n=alice,r=abc,tokenauth=true", invalid("SCRAM-SHA-512")),
    "empty": (b"", invalid("SCRAM-SHA-512")),
    "garbage": (b"zzz", invalid("SCRAM-SHA-512")),
    "channel binding": (b"y,,n=alice,r=abc", invalid("SCRAM-SHA-512")),
}


@pytest.mark.parametrize(("token", "message"), SCRAM.values(), ids=SCRAM)
def test_scram_refuses_in_kafkas_words(token: bytes, message: str) -> None:
    assert begin("SCRAM-SHA-512", realm())(token) == refused(message)


@pytest.mark.parametrize("final", [b"", b"zzz", b"c=biws,r=abcxxx,p=AAAA"], ids=["empty", "garbage", "nonce"])
def test_scram_refuses_a_bad_proof(final: bytes) -> None:
    login = begin("SCRAM-SHA-512", realm())
    assert login(b"n,,n=alice,r=abc").step is LoginStep.GO_ON
    assert login(final) == refused(invalid("SCRAM-SHA-512"))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_welcomes_the_right_password_only(mechanism: str) -> None:
    outcome = log_in(mechanism, scram("alice", "alice-secret", mechanism), realm())
    assert (outcome.step, outcome.principal, outcome.lifetime_ms) == (LoginStep.WELCOME, "User:alice", 0)
    assert log_in(mechanism, scram("alice", "x", mechanism), realm()) == refused(invalid(mechanism))


def test_a_user_has_credentials_for_its_mechanisms() -> None:
    assert {key: stored.iterations for key, stored in scram_credentials(USERS).items()} == {
        (ScramMechanism.SHA_256, "alice"): 4096,
        (ScramMechanism.SHA_512, "alice"): 4096,
        (ScramMechanism.SHA_512, "strong"): 8192,
    }
    assert plain_passwords(USERS) == {"alice": "alice-secret", "plain": "p"}


def test_a_credential_stored_later_takes_effect() -> None:
    stored = scram_credentials(USERS)
    there = realm(scram=stored)
    stored[ScramMechanism.SHA_512, "carol"] = ScramCredential.derive(ScramMechanism.SHA_512, "new")
    del stored[ScramMechanism.SHA_512, "alice"]
    assert log_in("SCRAM-SHA-512", scram("carol", "new"), there).principal == "User:carol"
    assert log_in("SCRAM-SHA-512", scram("alice", "alice-secret"), there).step is LoginStep.REFUSED


@pytest.mark.parametrize("mechanism", ["GSSAPI", "", "plain", "SCRAM-SHA-1"])
def test_a_mechanism_that_nobody_can_pass_refuses(mechanism: str) -> None:
    assert begin(mechanism, realm())(b"x") == refused(invalid(mechanism))


def claims(**changes: Any) -> dict[str, Any]:
    whole = {"sub": "alice", "iat": SECONDS, "exp": SECONDS + 600, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def with_token(token: str, **settings: Any) -> Outcome:
    return begin("OAUTHBEARER", realm(oauth=OauthSettings(**settings)))(OauthClient(token).first())


INVALID = Outcome(LoginStep.GO_ON, INVALID_TOKEN.encode())
UNSIGNED: dict[str, tuple[dict[str, Any], bool]] = {
    "good": ({}, True),
    "no time of issue": ({"iat": None}, True),
    "fraction": ({"exp": SECONDS + 0.5, "iat": None}, True),
    "not valid yet": ({"nbf": SECONDS + 300}, True),
    "for somebody": ({"aud": "x", "iss": "y"}, True),
    "expired": ({"exp": SECONDS, "iat": SECONDS - 9}, False),
    "no end": ({"exp": None}, False),
    "end in words": ({"exp": "soon"}, False),
    "end as a boolean": ({"exp": True}, False),
    "end beyond time": ({"exp": 1e30}, False),
    "no subject": ({"sub": None}, False),
    "empty subject": ({"sub": ""}, False),
    "blank subject": ({"sub": " "}, False),
    "subject a number": ({"sub": 1}, False),
    "issued in the future": ({"iat": SECONDS + 300}, False),
    "issued after its end": ({"iat": SECONDS + 700}, False),
}


@pytest.mark.parametrize(("changes", "taken"), UNSIGNED.values(), ids=UNSIGNED)
def test_unsigned_tokens_are_taken_as_kafka_without_keys_does(changes: dict[str, Any], taken: bool) -> None:  # noqa: FBT001
    token = unsecured_jwt(claims(**changes))
    assert (with_token(token, accept_unsigned=True).step is LoginStep.WELCOME) == taken
    assert with_token(token) == INVALID


SIGNED: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "good": ({}, {}, True),
    "no time of issue": ({"iat": None}, {}, False),
    "no end": ({"exp": None}, {}, False),
    "issued in the future": ({"iat": SECONDS + 300}, {}, True),
    "issued after its end": ({"iat": SECONDS + 601}, {}, False),
    "not valid yet": ({"nbf": SECONDS + 300}, {}, False),
    "soon valid": ({"nbf": SECONDS + 10}, {}, True),
    "just expired": ({"exp": SECONDS - 10, "iat": SECONDS - 100}, {}, True),
    "just expired, no skew": ({"exp": SECONDS - 10, "iat": SECONDS - 100}, {"clock_skew_s": 0}, False),
    "expired": ({"exp": SECONDS - 40, "iat": SECONDS - 100}, {}, False),
    "for an unexpected audience": ({"aud": "x"}, {}, False),
    "for the audience": ({"aud": "x"}, {"audience": "x"}, True),
    "for audiences": ({"aud": ["y", "x"]}, {"audience": "x"}, True),
    "for another audience": ({"aud": ["y"]}, {"audience": "x"}, False),
    "for no audience": ({}, {"audience": "x"}, False),
    "audience a number": ({"aud": 1}, {"audience": "x"}, False),
    "from anybody": ({"iss": "x"}, {}, True),
    "from the issuer": ({"iss": "x"}, {"issuer": "x"}, True),
    "from another": ({"iss": "y"}, {"issuer": "x"}, False),
    "from nobody": ({}, {"issuer": "x"}, False),
    "no subject": ({"sub": None}, {}, False),
    "another claim": ({"sub": None, "client_id": "alice"}, {"principal_claim": "client_id"}, True),
    "scope a number": ({"scope": 5}, {}, True),
}


@pytest.mark.parametrize(("changes", "settings", "taken"), SIGNED.values(), ids=SIGNED)
def test_signed_tokens_are_taken_as_kafka_with_keys_does(
    changes: dict[str, Any],
    settings: dict[str, Any],
    taken: bool,  # noqa: FBT001
) -> None:
    outcome = with_token(signed_jwt(claims(**changes)), **settings)
    if not taken:
        assert outcome == INVALID
        return
    assert (outcome.step, outcome.token, outcome.principal) == (LoginStep.WELCOME, b"", "User:alice")
    assert outcome.lifetime_ms == max(1, (claims(**changes)["exp"] - SECONDS) * 1000)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RSA, EC = own_key(TokenAlgorithm.RS256), own_key(TokenAlgorithm.ES256)
KEYS = pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])


@KEYS
def test_a_token_is_taken_by_any_key_of_the_set(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    token = signed_jwt(claims(), key)
    assert with_token(token).step is LoginStep.WELCOME
    assert with_token(token, key_set=(pem(EC), pem(RSA))).step is LoginStep.WELCOME
    assert with_token(token, key_set=(pem(ec.generate_private_key(ec.SECP256R1())),)) == INVALID
    assert with_token(token, key_set=(pem(RSA if key is EC else EC),)) == INVALID


@KEYS
def test_a_changed_token_is_refused(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    header, body, signature = signed_jwt(claims(), key).split(".")
    other_body = unsecured_jwt(claims(sub="admin")).split(".")[1]
    flipped = ("B" if signature[9] == "A" else "A").join((signature[:9], signature[10:]))
    for token in (f"{header}.{other_body}.{signature}", f"{header}.{body}.{flipped}", f"{header}.{body}."):
        assert with_token(token) == INVALID
        assert with_token(token, skip_signature=True).step is LoginStep.WELCOME


FORGED = {
    "another algorithm": compact(signing_input("HS256", claims()), b"x" * 32),
    "one in lower case": compact(signing_input("rs256", claims()), b"x" * 256),
    "long signature": compact(signing_input("ES256", claims()), b"x" * 65),
    "zero signature": compact(signing_input("ES256", claims()), bytes(64)),
    "nothing": compact(signing_input("ES256", claims()), b""),
    "none with a signature": compact(signing_input("none", claims()), b"x"),
    "None": compact(signing_input("None", claims()), b""),
    "garbage": "zzz",
    "two parts": "a.b",
    "slashes": "a/b+c",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("accept", [False, True], ids=["signed only", "unsigned too"])
def test_forged_tokens_are_refused(token: str, accept: bool) -> None:  # noqa: FBT001
    assert with_token(token, accept_unsigned=accept) == INVALID


def test_a_claim_said_twice_is_refused() -> None:
    body = urlsafe_b64encode(b'{"sub":"a","sub":"b","exp":%d}' % (SECONDS + 60)).decode().rstrip("=")
    token = f"{unsecured_jwt({}).split('.')[0]}.{body}."
    assert with_token(token, accept_unsigned=True) == INVALID


def test_a_bad_token_is_refused_in_two_steps() -> None:
    login = begin("OAUTHBEARER", realm())
    assert login(OauthClient(unsecured_jwt(claims())).first()) == INVALID
    assert login(ACKNOWLEDGED) == refused(INVALID_TOKEN)


def test_another_token_may_follow_a_bad_one_but_nothing_else() -> None:
    good, bad = OauthClient(signed_jwt(claims())).first(), OauthClient("zzz").first()
    login = begin("OAUTHBEARER", realm())
    assert (login(bad), login(good).step) == (INVALID, LoginStep.WELCOME)
    login = begin("OAUTHBEARER", realm())
    assert (login(bad), login(b"zz")) == (INVALID, refused(invalid("OAUTHBEARER")))


@pytest.mark.parametrize("token", [ACKNOWLEDGED, b"", b"zzz", b"n,,\x01auth=Basic\x01\x01"], ids=range(4))
def test_what_is_no_bearer_message_is_refused_at_once(token: bytes) -> None:
    assert begin("OAUTHBEARER", realm())(token) == refused(invalid("OAUTHBEARER"))


def test_another_scheme_than_that_of_bearers_is_not_even_refused() -> None:
    token = b"n,,\x01auth=Basic x\x01\x01"
    assert begin("OAUTHBEARER", realm())(token) == Outcome(LoginStep.ABANDONED)


def test_nobody_acts_as_another_with_a_token() -> None:
    token = signed_jwt(claims())
    outcome = log_in("OAUTHBEARER", OauthClient(token, authorization_id="bob"), realm())
    assert outcome == refused(
        "Authentication failed: Client requested an authorization id (bob) that is different from the token's "
        "principal name (alice)"
    )
    assert log_in("OAUTHBEARER", OauthClient(token, authorization_id="alice"), realm()).step is LoginStep.WELCOME


@pytest.mark.parametrize(
    ("limit", "end", "expected"),
    [(0, 600, 600_000), (60_000, 600, 60_000), (60_000, 20, 20_000), (60_000, 0.25, 250), (0, 0.0001, 1)],
    ids=["no limit", "limit first", "token first", "parts of a second", "nearly over"],
)
def test_a_session_ends_with_the_token_or_the_limit(limit: int, end: float, expected: int) -> None:
    there = realm(reauth_limit_ms=limit, oauth=OauthSettings(accept_unsigned=True))
    outcome = log_in("OAUTHBEARER", OauthClient(unsecured_jwt(claims(iat=None, exp=SECONDS + end))), there)
    assert outcome.lifetime_ms == expected


def test_a_password_ends_with_the_limit_and_only_the_last_reply_says_so() -> None:
    there = realm(reauth_limit_ms=60_000)
    assert log_in("PLAIN", PlainClient("alice", "alice-secret"), there).lifetime_ms == 60_000
    assert log_in("SCRAM-SHA-512", scram("alice", "alice-secret"), there).lifetime_ms == 60_000
    assert begin("SCRAM-SHA-512", there)(scram("alice", "x").first()).lifetime_ms == 0


SIGNING: dict[str, tuple[dict[str, Any], str]] = {
    "good": ({}, ""),
    "host": ({"host": "b-2.example"}, "skip_host"),
    "region": ({"region": "eu-west-1"}, "skip_region"),
    "secret": (
        {"keys": AwsKeys(access_key=KNOWN.access_key, secret_key="x", session_token="FwoG")},
        "skip_signature",
    ),
    "unknown key": ({"keys": AwsKeys(access_key="AKIDOTHER", secret_key="wJalr", session_token="FwoG")}, "-"),
    "session token": ({"keys": AwsKeys(access_key="AKIDEXAMPLE", secret_key="wJalr", session_token="x")}, "-"),
    "no session token": ({"keys": AwsKeys(access_key="AKIDEXAMPLE", secret_key="wJalr")}, "-"),
    "expired": ({"now": NOW - timedelta(seconds=900)}, "skip_expiry"),
    "nearly expired": ({"now": NOW - timedelta(seconds=899)}, ""),
    "future": ({"now": NOW + timedelta(seconds=301)}, "skip_expiry"),
    "a little ahead": ({"now": NOW + timedelta(seconds=300)}, ""),
    "long": ({"expires_s": 901}, "allow_long_expiry"),
    "longest": ({"expires_s": 604_800}, "allow_long_expiry"),
    "too long": ({"expires_s": 604_801}, "-"),
}
SWITCHES = ["skip_host", "skip_region", "skip_signature", "skip_expiry", "allow_long_expiry"]


def iam_realm(switches: dict[str, bool]) -> Realm:
    return realm(iam=IamSettings(region="us-east-1", **switches))


def by_message(request: SignedConnect, there: Realm) -> Outcome:
    return begin("AWS_MSK_IAM", there)(request.payload())


def by_token(request: SignedConnect, there: Realm) -> Outcome:
    return begin("OAUTHBEARER", there)(OauthClient(request.token()).first())


@pytest.mark.parametrize(("changes", "switch"), SIGNING.values(), ids=SIGNING)
@pytest.mark.parametrize(
    ("host", "shown"), [("b-1.example", by_message), ("kafka.us-east-1.amazonaws.com", by_token)], ids=["JSON", "token"]
)
def test_every_check_of_a_signature_is_one_switch(
    changes: dict[str, Any], switch: str, host: str, shown: Callable[[SignedConnect, Realm], Outcome]
) -> None:
    request = SignedConnect.sign(**{"keys": KNOWN.keys, "host": host, "region": "us-east-1", "now": NOW, **changes})
    assert (shown(request, iam_realm({})).step is LoginStep.WELCOME) == (switch == "")
    for one in SWITCHES:
        welcome = shown(request, iam_realm({one: True})).step is LoginStep.WELCOME
        assert welcome == (switch in ("", one)), one


def test_another_service_is_never_taken() -> None:
    members = json.loads(MskIamClient(KNOWN.keys, host="b-1.example", region="us-east-1", now=NOW).first())
    members["x-amz-credential"] = members["x-amz-credential"].replace("kafka-cluster", "kafka")
    outcome = begin("AWS_MSK_IAM", iam_realm(dict.fromkeys(SWITCHES, True)))(json.dumps(members).encode())
    assert outcome.step is LoginStep.REFUSED


def test_iam_welcomes_with_the_identity_and_the_rest_of_its_time() -> None:
    client = MskIamClient(KNOWN.keys, host="b-1.example", region="us-east-1", now=NOW - timedelta(seconds=100))
    outcome = log_in("AWS_MSK_IAM", client, realm())
    assert (outcome.principal, outcome.identity, outcome.lifetime_ms) == (f"User:{ARN}", KNOWN, 800_000)
    assert log_in("AWS_MSK_IAM", client, realm(reauth_limit_ms=60_000)).lifetime_ms == 60_000
    token = iam_token(KNOWN.keys, region="us-east-1", now=NOW)
    outcome = log_in("OAUTHBEARER", OauthClient(token), realm())
    assert (outcome.principal, outcome.identity, outcome.lifetime_ms) == (f"User:{ARN}", KNOWN, 900_000)


def test_a_signature_whose_end_nobody_looks_at_has_none() -> None:
    client = MskIamClient(KNOWN.keys, host="b-1.example", region="us-east-1", now=NOW - timedelta(days=9))
    outcome = log_in("AWS_MSK_IAM", client, iam_realm({"skip_expiry": True}))
    assert (outcome.step, outcome.lifetime_ms) == (LoginStep.WELCOME, 0)


@pytest.mark.parametrize("token", [b"", b"{}", b"[" * 500_000, b"\xff"], ids=["empty", "object", "deep", "bytes"])
def test_iam_refuses_with_nothing_but_a_number(token: bytes) -> None:
    messages = {begin("AWS_MSK_IAM", realm())(token).message for _ in range(2)}
    assert len(messages) == 2
    assert all(message.startswith("[") and message.endswith("]: Access denied") for message in messages)


def test_values_show_no_secrets() -> None:
    assert KNOWN.secret_key not in repr(KNOWN)
    assert "FwoG" not in repr(KNOWN)
    assert "alice-secret" not in repr(USERS["alice"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (User, {"iterations": 4095}),
        (User, {"iterations": 16_385}),
        (User, {"mechanisms": ["GSSAPI"]}),
        (AwsCredential, {"access_key": "a", "secret_key": "b", "principal": "billing"}),
        (OauthSettings, {"key_set": ["no key"]}),
        (OauthSettings, {"clock_skew_s": -1}),
        (IamSettings, {"skip": True}),
    ],
    ids=["few", "many", "mechanism", "no ARN", "no key", "skew", "no field"],
)
def test_what_cannot_be_is_said_where_it_stands(kind: type[object], value: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, kind)


@pytest.mark.parametrize("kind", [User, AwsCredential, OauthSettings, IamSettings])
def test_every_setting_is_described(kind: type[object]) -> None:
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    assert [name for name, field in schema["properties"].items() if "description" not in field] == []


HOSTILE = {
    "zeros": bytes(524_288),
    "ones": b"\xff" * 524_288,
    "nesting": b"[" * 524_288,
    "commas": b"," * 524_288,
    "attributes": b"n,," + b"a=b," * 131_000,
    "pairs": b"n,,\x01" + b"a=b\x01" * 131_000,
    "token": b"n,,\x01auth=Bearer " + b"a." * 262_000 + b"\x01\x01",
    "user": b"\0" + b"a" * 524_000 + b"\0x",
    "members": b"{" + b",".join(b'"%d":""' % number for number in range(40_000)) + b"}",
}


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_largest_tokens_are_refused(mechanism: str, token: bytes) -> None:
    outcome = begin(mechanism, realm())(token)
    assert outcome == INVALID or outcome.step is LoginStep.REFUSED


ANYTHING = (
    st.binary(max_size=100)
    | st.sampled_from([b"n,,n=alice,r=abc", b"n,,\x01auth=Bearer zzz\x01\x01", ACKNOWLEDGED, b"c=biws,r=abc,p=AAAA"])
    | st.binary(max_size=60).map(lambda rest: b"n,,\x01auth=Bearer " + urlsafe_b64encode(rest) + b"\x01\x01")
    | st.text(max_size=60).map(lambda rest: json.dumps({"version": "2020_10_22", "host": rest}).encode())
)


@given(st.sampled_from(MECHANISMS), st.lists(ANYTHING, min_size=1, max_size=4))
def test_nobody_gets_in_by_chance(mechanism: str, tokens: list[bytes]) -> None:
    login = begin(mechanism, realm(oauth=OauthSettings(accept_unsigned=True)))
    for token in tokens:
        outcome = login(token)
        assert outcome.step is not LoginStep.WELCOME
        if outcome.step is LoginStep.REFUSED:
            break
