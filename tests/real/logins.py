"""Transcripts of logins: what each mechanism says to right and wrong, and what may be said before and after."""

from __future__ import annotations

import json
import struct
import time
from base64 import b64decode
from typing import TYPE_CHECKING, Final

from mskaudit.reference.tokens import signed_jwt
from mskaudit.wire.apis.users import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from mskaudit.wire.messages import SaslAuthenticateResponse
from mskaudit.wire.oauthbearer import unsecured_jwt
from mskaudit.wire.scram import ScramClient, ScramMechanism
from tests.real.requests import THERE
from tests.real.requests import metadata as metadata_of
from tests.real.scenes import WORKSHOP
from tests.real.stage import Who
from tests.real.transcripts import hear, reduced, still_there, transcript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.real.stage import Stage
    from tests.real.talk import Conversation
    from tests.real.transcripts import Told

_SASL: Final = ("scram", "plain", "many", "signed", "reauth")
_NO_SASL: Final = ("plaintext", "tls", "requested")
_PLAIN: Final[Mapping[str, bytes]] = {
    "right": b"\0bob\0bob-secret",
    "with its own name to act for": b"bob\0bob\0bob-secret",
    "to act for another": b"alice\0bob\0bob-secret",
    "a wrong password": b"\0bob\0wrong",
    "an unknown user": b"\0nobody\0bob-secret",
    "no user": b"\0\0bob-secret",
    "no password": b"\0bob\0",
    "two parts": b"bob\0bob-secret",
    "four parts": b"\0bob\0bob-secret\0x",
    "nothing": b"",
    "no text": b"\xff\0\xff\0\xff",
}
_FIRST: Final[Mapping[str, bytes]] = {
    "a user": b"n,,n=alice,r=abcdefghijklmnop",
    "a user with more iterations": b"n,,n=admin,r=abcdefghijklmnop",
    "a user by her own right": b"n,a=alice,n=alice,r=abcdefghijklmnop",
    "a user for another": b"n,a=bob,n=alice,r=abcdefghijklmnop",
    "an unknown user": b"n,,n=nobody,r=abcdefghijklmnop",
    "an unknown user for another": b"n,a=bob,n=nobody,r=abcdefghijklmnop",
    "no user": b"n,,n=,r=abcdefghijklmnop",
    "no nonce": b"n,,n=alice,r=",
    "channel binding wanted": b"p=tls-unique,,n=alice,r=abcdefghijklmnop",
    "channel binding offered": b"y,,n=alice,r=abcdefghijklmnop",
    "an extension": b"n,,n=alice,r=abcdefghijklmnop,x=y",
    "a token's login": b"n,,n=alice,r=abcdefghijklmnop,tokenauth=true",
    "a mandatory extension": b"n,,m=x,n=alice,r=abcdefghijklmnop",
    "nothing": b"",
    "nonsense": b"hello",
}
_TOO_FEW: Final = 4095
_TOO_MANY: Final = 16385
_MOST: Final = 16384


def _token(conversation: Conversation, content: bytes) -> Told:
    """What is said to one token, and whether the connection goes on after it."""
    answer = hear(lambda: _reduced(conversation.token(content)))
    return [answer, "-" if answer == "closed" else still_there(conversation)]


def _reduced(answer: SaslAuthenticateResponse) -> Told:
    return {
        "error_code": answer.error_code,
        "error_message": answer.error_message,
        "token": bool(answer.auth_bytes),
        "lifetime": answer.session_lifetime_ms,
    }


@transcript("deny")
def handshakes(stage: Stage) -> Told:
    told = {}
    for listener in (*_SASL, *_NO_SASL):
        with stage.talk(listener) as conversation:
            answer = conversation.handshake("MSKAUDIT-PROBE")
            told[listener] = [answer.error_code, list(answer.mechanisms), still_there(conversation)]
    return told


@transcript("deny")
def handshakes_that_succeed(stage: Stage) -> Told:
    told = {}
    for listener in _SASL:
        mechanism = stage.cluster.listeners[listener].mechanisms[0]
        with stage.talk(listener) as conversation:
            answer = conversation.handshake(mechanism)
            told[listener] = [answer.error_code, list(answer.mechanisms)]
    return told


@transcript("deny")
def requests_before_a_login(stage: Stage) -> Told:
    topics = metadata_of(THERE)

    def metadata(conversation: Conversation) -> Told:
        # After the handshake Kafka refuses in the form of an answer, and then closes.
        answer = hear(lambda: reduced(conversation.ask_any(*topics)))
        return [answer, "-" if answer == "closed" else still_there(conversation)]

    told = {}
    for listener in ("scram", "plain"):
        with stage.talk(listener) as conversation:
            at_once = metadata(conversation)
        with stage.talk(listener) as conversation:
            conversation.versions()
            greeted = metadata(conversation)
        with stage.talk(listener) as conversation:
            conversation.handshake(stage.cluster.listeners[listener].mechanisms[0])
            shaken = metadata(conversation)
        told[listener] = [at_once, greeted, shaken]
    return told


@transcript("deny")
def turns_out_of_order(stage: Stage) -> Told:
    def versions_twice(conversation: Conversation) -> Told:
        conversation.versions()
        return hear(lambda: conversation.versions().error_code)

    def handshake_twice(conversation: Conversation) -> Told:
        conversation.handshake("SCRAM-SHA-512")
        return hear(lambda: conversation.handshake("SCRAM-SHA-512").error_code)

    def token_at_once(conversation: Conversation) -> Told:
        return hear(lambda: conversation.token(b"x").error_code)

    def versions_after_handshake(conversation: Conversation) -> Told:
        conversation.handshake("SCRAM-SHA-512")
        return hear(lambda: conversation.versions().error_code)

    def versions_between_tokens(conversation: Conversation) -> Told:
        conversation.handshake("SCRAM-SHA-512")
        conversation.token(_FIRST["a user"])
        return hear(lambda: conversation.versions().error_code)

    plays = (versions_twice, handshake_twice, token_at_once, versions_after_handshake, versions_between_tokens)
    told: dict[str, Told] = {}
    for play in plays:
        with stage.talk("scram") as conversation:
            told[play.__name__] = play(conversation)
    return told


@transcript("deny")
def turns_after_a_login(stage: Stage) -> Told:
    told: dict[str, Told] = {}
    for listener in ("scram", "reauth"):
        with stage.talk(listener, Who.ALICE) as conversation:
            again = conversation.handshake("SCRAM-SHA-512")
            told[listener] = [again.error_code, list(again.mechanisms), still_there(conversation)]
        with stage.talk(listener, Who.ALICE) as conversation:
            told[f"{listener}, token"] = _token(conversation, b"x")
    for listener in _NO_SASL:
        with stage.talk(listener) as conversation:
            told[f"{listener}, token"] = _token(conversation, b"x")
    return told


@transcript("deny")
def plain(stage: Stage) -> Told:
    told = {}
    for name, content in _PLAIN.items():
        with stage.talk("plain") as conversation:
            conversation.handshake("PLAIN")
            told[name] = _token(conversation, content)
    return told


@transcript("deny")
def the_first_message_of_scram(stage: Stage) -> Told:
    told = {}
    for name, content in _FIRST.items():
        with stage.talk("scram") as conversation:
            conversation.handshake("SCRAM-SHA-512")
            told[name] = hear(lambda: _challenge(conversation.token(content)))  # noqa: B023  called at once
    return told


def _challenge(answer: SaslAuthenticateResponse) -> Told:
    """What of a challenge is the same every time: that the nonce goes on, the size of the salt, and the iterations."""
    if answer.error_code:
        return _reduced(answer)
    nonce, salt, iterations = answer.auth_bytes.decode().split(",")
    return [
        nonce.startswith("r=abcdefghijklmnop"),
        len(b64decode(salt[2:])) > 0,
        iterations,
        answer.session_lifetime_ms,
    ]


@transcript("deny")
def the_last_message_of_scram(stage: Stage) -> Told:
    def right(final: bytes) -> bytes:
        return final

    def spoilt_nonce(final: bytes) -> bytes:
        return final.replace(b",r=", b",r=x", 1)

    def spoilt_proof(final: bytes) -> bytes:
        head, _, proof = final.rpartition(b",p=")
        return head + b",p=" + proof[:4].swapcase() + proof[4:]

    def without_proof(final: bytes) -> bytes:
        return final.rpartition(b",p=")[0]

    def other_binding(final: bytes) -> bytes:
        return final.replace(b"c=biws", b"c=eSws", 1)

    told = {}
    for spoil in (
        bytes,
        spoilt_nonce,
        spoilt_proof,
        without_proof,
        other_binding,
        lambda _: b"",
        lambda _: b"nonsense",
    ):
        client = ScramClient(mechanism=ScramMechanism.SHA_512, username="alice", password="alice-secret")
        with stage.talk("scram") as conversation:
            conversation.handshake("SCRAM-SHA-512")
            final = client.respond(conversation.token(client.first()).auth_bytes)
            told[spoil.__name__] = _token(conversation, spoil(final))
    return told


@transcript("deny")
def scram_with_a_wrong_password(stage: Stage) -> Told:
    told = {}
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        with stage.talk("many") as conversation:
            told[mechanism] = hear(lambda: conversation.log_in(mechanism, "alice", "wrong"))  # noqa: B023  at once
    return told


@transcript("deny")
def lifetimes_of_sessions(stage: Stage) -> Told:
    told = {}
    for listener in ("scram", "reauth", "many"):
        with stage.talk(listener) as conversation:
            told[listener] = conversation.log_in("SCRAM-SHA-512", "alice", "alice-secret").session_lifetime_ms
    return told


@transcript("deny")
def raw_tokens_after_an_old_handshake(stage: Stage) -> Told:
    def play(password: bytes) -> Told:
        with stage.talk("plain", deadline=2.0) as conversation:
            conversation.handshake("PLAIN", version=0)
            content = b"\0bob\0" + password
            conversation.stream.sendall(struct.pack(">i", len(content)) + content)
            return [conversation.read().hex(), still_there(conversation)]

    return {"right": hear(lambda: play(b"bob-secret")), "wrong": hear(lambda: play(b"wrong"))}


def _bearer(token: str) -> bytes:
    return f"n,,\x01auth=Bearer {token}\x01\x01".encode()


@transcript("deny")
def bearer_tokens(stage: Stage) -> Told:
    now = int(time.time())
    claims = {"sub": "carol", "iss": "somebody", "aud": "kafka", "iat": now, "exp": now + 3600}
    unsigned, signed = unsecured_jwt(claims), signed_jwt(claims)
    old = {**claims, "iat": now - 7200, "exp": now - 3600}
    tokens = {
        "unsigned": unsigned,
        "unsigned and expired": unsecured_jwt(old),
        "unsigned without a name": unsecured_jwt({**claims, "sub": ""}),
        "unsigned without an end": unsecured_jwt({name: claims[name] for name in ("sub", "iat")}),
        "unsigned from the future": unsecured_jwt({**claims, "iat": now + 1800}),
        "signed": signed,
        "signed and expired": signed_jwt(old),
        "signed for others": signed_jwt({**claims, "aud": "others"}),
        "signed by others": signed_jwt({**claims, "iss": "others"}),
        "signed without a name": signed_jwt({name: claims[name] for name in claims if name != "sub"}),
        "signed with a signature spoilt": signed[:-8] + "AAAAAAAA",
        "garbage": "garbage",
    }
    told = {}
    for listener in ("many", "signed"):
        for name, token in tokens.items():
            with stage.talk(listener) as conversation:
                conversation.handshake("OAUTHBEARER")
                told[f"{listener}: {name}"] = hear(lambda: _offer(conversation, token))  # noqa: B023  at once
    return told


def _offer(conversation: Conversation, token: str) -> Told:
    first = conversation.token(_bearer(token))
    told = [first.error_code, first.error_message, first.session_lifetime_ms > 0, _status(first.auth_bytes)]
    if first.error_code == 0 and first.auth_bytes:
        last = conversation.token(b"\x01")
        told.append([last.error_code, last.error_message])
    return told


def _status(content: bytes) -> Told:
    return json.loads(content) if content.startswith(b"{") else content.hex()


@transcript("deny")
def messages_of_oauthbearer_that_are_none(stage: Stage) -> Told:
    messages = {
        "nothing": b"",
        "nonsense": b"hello",
        "no bearer": b"n,,\x01auth=Basic x\x01\x01",
        "to act for another": b"n,a=alice,\x01auth=Bearer x.y.\x01\x01",
        "cut short": b"n,,\x01auth=Bearer x.y.",
        "an extension": b"n,,\x01auth=Bearer x.y.\x01key=value\x01\x01",
    }
    told = {}
    for name, content in messages.items():
        with stage.talk("many") as conversation:
            conversation.handshake("OAUTHBEARER")
            answer = hear(lambda: conversation.token(content))  # noqa: B023  called at once
            told[name] = (
                [answer.error_code, answer.error_message, _status(answer.auth_bytes)]
                if isinstance(answer, SaslAuthenticateResponse)
                else answer
            )
    return told


@transcript(WORKSHOP)
def iterations_that_are_taken(stage: Stage) -> Told:
    def alter(iterations: int, mechanism: int = 2, name: str = "temporary", password: bytes = b"x" * 64) -> Told:
        wanted = ScramCredentialUpsertion(
            name=name, mechanism=mechanism, iterations=iterations, salt=b"salt" * 4, salted_password=password
        )
        request = AlterUserScramCredentialsRequest(deletions=(), upsertions=(wanted,))
        with stage.talk("scram", Who.ADMIN) as conversation:
            told = conversation.ask(request, 0, AlterUserScramCredentialsResponse)
        return [[one.user, one.error_code, one.error_message] for one in told.results]

    return {
        "too few": alter(_TOO_FEW),
        "too many": alter(_TOO_MANY),
        "the most": alter(_MOST),
        "an unknown mechanism": alter(_MOST, mechanism=9),
        "nobody": alter(_MOST, name=""),
        "too short a password": alter(_MOST, password=b""),
    }


@transcript(WORKSHOP)
def credentials_that_cannot_be_changed(stage: Stage) -> Told:
    def one(mechanism: int) -> ScramCredentialUpsertion:
        return ScramCredentialUpsertion(
            name="twice", mechanism=mechanism, iterations=_MOST, salt=b"salt", salted_password=b"x" * 64
        )

    unknown = ScramCredentialDeletion(name="nobody", mechanism=1)
    requests = {
        "twice": AlterUserScramCredentialsRequest(deletions=(), upsertions=(one(1), one(1))),
        "in two ways": AlterUserScramCredentialsRequest(deletions=(), upsertions=(one(1), one(2))),
        "what is not there": AlterUserScramCredentialsRequest(deletions=(unknown,), upsertions=()),
    }
    told = {}
    for name, request in requests.items():
        with stage.talk("scram", Who.ADMIN) as conversation:
            results = conversation.ask(request, 0, AlterUserScramCredentialsResponse).results
        told[name] = [[result.user, result.error_code] for result in results]
    return told
