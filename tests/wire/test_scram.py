"""SCRAM against the RFCs' own examples, against itself, and against peers that cheat."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire import scram
from mskaudit.wire.scram import (
    MAX_ITERATIONS,
    ScramClient,
    ScramCredential,
    ScramMechanism,
    ScramRefusal,
    ScramServer,
    ServerFirst,
)

# RFC 7677 section 3.
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

BOTH = pytest.mark.parametrize("mechanism", list(ScramMechanism), ids=str)
SHA_256, SHA_512 = ScramMechanism.SHA_256, ScramMechanism.SHA_512


def client_of(mechanism: ScramMechanism = SHA_256, password: str = "pencil", name: str = "user") -> ScramClient:
    """Return a client with the RFC's nonce."""
    return ScramClient(mechanism=mechanism, username=name, password=password, nonce=CLIENT_NONCE)


def server_of(mechanism: ScramMechanism = SHA_256, name: str = "user") -> ScramServer:
    """Return a server that knows one user, with the RFC's nonce and salt."""
    credential = ScramCredential.derive(mechanism, "pencil", salt=SALT)
    return ScramServer(mechanism=mechanism, credentials={name: credential}, nonce=SERVER_NONCE)


def passed(reply: bytes | ScramRefusal) -> bytes:
    """Return a reply that is no refusal."""
    assert isinstance(reply, bytes)
    return reply


def test_the_client_says_what_rfc_7677_says() -> None:
    client = client_of()
    assert client.first() == CLIENT_FIRST
    assert client.respond(SERVER_FIRST) == CLIENT_FINAL
    client.verify(SERVER_FINAL)


def test_the_server_says_what_rfc_7677_says() -> None:
    server = server_of()
    assert server.challenge(CLIENT_FIRST) == SERVER_FIRST
    assert server.username is None
    assert server.conclude(CLIENT_FINAL) == SERVER_FINAL
    assert server.username == "user"


def test_the_key_schedule_is_that_of_rfc_5802() -> None:
    salted = scram._salted_password("sha1", "pencil", salt=b64decode("QSXCR+Q6sek8bf92"), iterations=4096)
    signed = (
        b"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
    )
    signature = scram._hmac("sha1", scram._stored_key("sha1", salted), signed)
    proof = scram._xor(scram._client_key("sha1", salted), signature)
    assert b64encode(proof) == b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    server_signature = scram._hmac("sha1", scram._server_key("sha1", salted), signed)
    assert b64encode(server_signature) == b"rmF9pqV8S7suAoZWja4dJRkFsKQ="


@BOTH
@settings(max_examples=10, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
    password=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_both_ends_agree(mechanism: ScramMechanism, name: str, password: str) -> None:
    credential = ScramCredential.derive(mechanism, password)
    client = ScramClient(mechanism=mechanism, username=name, password=password)
    server = ScramServer(mechanism=mechanism, credentials={name: credential})
    challenge = passed(server.challenge(client.first()))
    client.verify(passed(server.conclude(client.respond(challenge))))
    assert server.username == name


@BOTH
def test_a_wrong_password_is_refused_in_kafkas_words(mechanism: ScramMechanism) -> None:
    client, server = client_of(mechanism, password="pen"), server_of(mechanism)
    reply = server.conclude(client.respond(passed(server.challenge(client.first()))))
    assert reply == ScramRefusal(
        message="Authentication failed during authentication due to invalid credentials "
        f"with SASL mechanism {mechanism}"
    )
    assert server.username is None


def test_an_unknown_user_is_refused_at_once() -> None:
    refusal = server_of().challenge(client_of(name="nobody").first())
    assert isinstance(refusal, ScramRefusal)
    assert "invalid credentials with SASL mechanism SCRAM-SHA-256" in refusal.message


def test_another_authorization_id_is_refused() -> None:
    refusal = server_of().challenge(b"n,a=admin,n=user,r=abc")
    assert isinstance(refusal, ScramRefusal)
    assert "authorization id" in refusal.message
    assert isinstance(server_of().challenge(b"n,a=user,n=user,r=abc"), bytes)


def test_the_authorization_id_is_bound_to_the_proof() -> None:
    server = server_of()
    server.challenge(b"n,a=user,n=user,r=rOprNGfwEbeRWgbNEkqO")
    assert isinstance(server.conclude(CLIENT_FINAL), ScramRefusal)


def test_the_server_compares_the_nonce_of_the_proof() -> None:
    server = server_of()
    server.challenge(CLIENT_FIRST)
    assert isinstance(server.conclude(CLIENT_FINAL.replace(b"rOpr", b"xOpr")), ScramRefusal)


def test_extensions_are_skipped() -> None:
    server = server_of()
    assert isinstance(server.challenge(CLIENT_FIRST + b",foo=bar"), bytes)
    assert ServerFirst.parse(SERVER_FIRST + b",x=y").iterations == 4096


def test_a_server_drops_a_mandatory_extension_and_does_not_sign_it_as_in_kafka() -> None:
    server = server_of()
    assert isinstance(server.challenge(CLIENT_FIRST.replace(b"n,,", b"n,,m=x,")), bytes)
    assert isinstance(server.conclude(CLIENT_FINAL), bytes)


def test_a_delegation_token_is_not_known_as_in_kafka_without_one() -> None:
    assert isinstance(server_of().challenge(CLIENT_FIRST + b",tokenauth=true"), ScramRefusal)


def test_an_unknown_user_is_refused_before_whom_it_wants_to_act_as() -> None:
    refusals = [server_of().challenge(b"n,a=bob,n=" + name + b",r=abc") for name in (b"user", b"eve")]
    assert ["authorization id" in str(refusal) for refusal in refusals] == [True, False]


def test_the_challenge_tells_the_iterations_without_a_password() -> None:
    challenge = ServerFirst.parse(SERVER_FIRST)
    assert (challenge.iterations, challenge.salt) == (4096, SALT)


CHALLENGES = {
    "empty": b"",
    "no-iterations": b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXC",
    "wrong-order": b"s=QSXC,r=rOprNGfwEbeRWgbNEkqOx,i=4096",
    "mandatory-extension": b"m=x,r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=4096",
    "foreign-nonce": b"r=someoneelse,s=QSXC,i=4096",
    "echoed-nonce": b"r=rOprNGfwEbeRWgbNEkqO,s=QSXC,i=4096",
    "nonce-with-space": b"r=rOprNGfwEbeRWgbNEkqO x,s=QSXC,i=4096",
    "salt-not-base64": b"r=rOprNGfwEbeRWgbNEkqOx,s=***,i=4096",
    "salt-not-ascii": "r=rOprNGfwEbeRWgbNEkqOx,s=äää,i=4096".encode(),
    "salt-empty": b"r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
    "iterations-zero": b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=0",
    "iterations-negative": b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=-1",
    "iterations-too-few": b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=4095",
    "iterations-too-many": b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=%d" % (MAX_ITERATIONS + 1),
    "iterations-endless": b"r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=" + b"9" * 10_000,
    "iterations-arabic": "r=rOprNGfwEbeRWgbNEkqOx,s=QSXC,i=٤٠٩٦".encode(),
    "not-utf8": b"r=\xff",
    "commas": b"," * 100_000,
}


@pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=CHALLENGES)
def test_bad_challenges_are_refused_before_anything_is_computed(
    challenge: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("hashlib.pbkdf2_hmac")
    with pytest.raises(RemoteWireError):
        client_of().respond(challenge)


FINALS = {
    "refused": b"e=other-error",
    "refused-empty": b"e=",
    "empty": b"",
    "signature-wrong": b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9zG4=",
    "signature-short": b"v=6rri",
    "not-base64": b"v=*",
    "not-utf8": b"e=\xff",
}


@pytest.mark.parametrize("final", FINALS.values(), ids=FINALS)
def test_a_server_that_does_not_know_the_credential_is_refused(final: bytes) -> None:
    client = client_of()
    client.respond(SERVER_FIRST)
    with pytest.raises(RemoteWireError):
        client.verify(final)


FIRSTS = {
    "empty": b"",
    "plain": b"\0user\0pencil",
    "channel-binding": b"p=tls-unique,,n=user,r=abc",
    "channel-binding-supported": b"y,,n=user,r=abc",
    "no-nonce": b"n,,n=user",
    "empty-nonce": b"n,,n=user,r=",
    "empty-name": b"n,,n=,r=abc",
    "bad-escape": b"n,,n=a=41,r=abc",
    "mandatory-extension-of-nothing": b"n,,m=,n=user,r=abc",
    "two-mandatory-extensions": b"n,,m=x,m=y,n=user,r=abc",
    "bad-authorization": b"n,x=user,n=user,r=abc",
    "not-utf8": b"n,,n=\xff,r=abc",
}


@pytest.mark.parametrize("first", FIRSTS.values(), ids=FIRSTS)
def test_malformed_first_messages_are_refused(first: bytes) -> None:
    with pytest.raises(RemoteWireError):
        server_of().challenge(first)


PROOFS = {
    "empty": b"",
    "no-proof": b"c=biws,r=abc",
    "proof-short": CLIENT_FINAL[: CLIENT_FINAL.index(b"p=")] + b"p=AAAA",
    "proof-not-base64": CLIENT_FINAL[: CLIENT_FINAL.index(b"p=")] + b"p=*",
    "not-utf8": b"c=\xff",
}


@pytest.mark.parametrize("proof", PROOFS.values(), ids=PROOFS)
def test_malformed_proofs_are_refused(proof: bytes) -> None:
    server = server_of()
    server.challenge(CLIENT_FIRST)
    with pytest.raises(RemoteWireError):
        server.conclude(proof)


@settings(deadline=None)
@given(message=st.binary(max_size=60) | st.text("nrsicpvea=,+/0129", max_size=60).map(str.encode))
def test_garbage_raises_remote_errors_only(message: bytes) -> None:
    client, server = client_of(), server_of()
    client._server_signature = b"known"
    server.challenge(CLIENT_FIRST)
    for act in (client.respond, client.verify, server.conclude, server.challenge):
        try:
            act(message)
        except RemoteWireError:
            continue


def test_steps_out_of_turn_are_our_mistake() -> None:
    with pytest.raises(LocalWireError):
        client_of().verify(SERVER_FINAL)
    with pytest.raises(LocalWireError):
        server_of().conclude(CLIENT_FINAL)
    server = server_of()
    server.challenge(CLIENT_FIRST)
    server.conclude(CLIENT_FINAL)
    with pytest.raises(LocalWireError):
        server.conclude(CLIENT_FINAL)


def test_a_credential_does_not_show_its_keys() -> None:
    shown = repr(ScramCredential.derive(SHA_512, "pencil", salt=b"saltsalt"))
    assert shown == "ScramCredential(iterations=4096)"
