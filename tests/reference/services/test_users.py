"""SCRAM credentials and delegation tokens, as Apache Kafka 3.9.2 and 4.4.0 were heard to answer."""

from __future__ import annotations

import hashlib

import pytest

from mskaudit.reference.state import MOST_USERS
from mskaudit.wire.apis.users import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
    UserName,
)
from mskaudit.wire.scram import ScramClient, ScramMechanism, ScramServer
from tests.reference.services.administration import LINES, NEW, OLD, world
from tests.reference.services.desk import ALICE, MALLORY, ROOT, Desk

SHA_256, SHA_512 = 1, 2


def put(
    name: str, mechanism: int = SHA_512, iterations: int = 4096, salt: bytes = b"salt", salted: bytes = b"p" * 64
) -> ScramCredentialUpsertion:
    """A credential to add."""
    return ScramCredentialUpsertion(
        name=name, mechanism=mechanism, iterations=iterations, salt=salt, salted_password=salted
    )


def drop(name: str, mechanism: int = SHA_512) -> ScramCredentialDeletion:
    """A credential to remove."""
    return ScramCredentialDeletion(name=name, mechanism=mechanism)


Told = dict[str, tuple[int, str | None]]


async def alter(
    desk: Desk, *changes: ScramCredentialUpsertion | ScramCredentialDeletion, who: str = ROOT, at: int = 1
) -> Told:
    request = AlterUserScramCredentialsRequest(
        deletions=tuple(one for one in changes if isinstance(one, ScramCredentialDeletion)),
        upsertions=tuple(one for one in changes if isinstance(one, ScramCredentialUpsertion)),
    )
    answer = await desk.ask(AlterUserScramCredentialsResponse, request, 0, who=who, at=at)
    return {one.user: (one.error_code, one.error_message) for one in answer.results}


async def describe(desk: Desk, *names: str, who: str = ROOT) -> DescribeUserScramCredentialsResponse:
    request = DescribeUserScramCredentialsRequest(users=tuple(UserName(name=name) for name in names))
    return await desk.ask(DescribeUserScramCredentialsResponse, request, 0, who=who)


@pytest.mark.parametrize("release", LINES)
async def test_users_are_described_without_their_secrets(release: str) -> None:
    desk = Desk(world(release))
    (told,) = (await describe(desk)).results
    assert (told.user, [(one.mechanism, one.iterations) for one in told.credential_infos]) == (
        "billing",
        [(SHA_256, 4096), (SHA_512, 4096)],
    )
    named = await describe(desk, "billing", "nobody", "twice", "twice", who=ALICE)
    assert {one.user: one.error_code for one in named.results} == {"billing": 0, "nobody": 91, "twice": 92}


@pytest.mark.parametrize("release", LINES)
async def test_who_may_not_see_users(release: str) -> None:
    desk = Desk(world(release))
    assert ((await describe(desk, who=MALLORY)).error_code, (await describe(desk, who=MALLORY)).results) == (31, ())
    named = await describe(desk, "billing", who=MALLORY)
    assert [(one.user, one.error_code) for one in named.results] == [("", 31)]


@pytest.mark.parametrize("release", LINES)
async def test_whoever_may_not_ask_for_all_by_null_is_never_answered(release: str) -> None:
    desk = Desk(world(release))
    request = DescribeUserScramCredentialsRequest(users=None)
    reply, answer = await desk.put(request, 0, who=MALLORY)
    assert (reply.silent, reply.last, answer) == (True, False, None)
    allowed = await desk.ask(DescribeUserScramCredentialsResponse, request, 0, who=ROOT)
    assert [one.user for one in allowed.results] == ["billing"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(put("new"), 0, None, id="new"),
        pytest.param(put("billing", iterations=16384), 0, None, id="replaced"),
        pytest.param(drop("billing"), 0, None, id="removed"),
        pytest.param(put("new", iterations=4095), 93, "Too few iterations", id="too-few"),
        pytest.param(put("new", iterations=-1), 93, "Too few iterations", id="negative"),
        pytest.param(put("new", iterations=16385), 93, "Too many iterations", id="too-many"),
        pytest.param(put(""), 93, "Username must not be empty", id="no-name"),
        pytest.param(drop(""), 93, "Username must not be empty", id="no-name-removed"),
        pytest.param(put("new", mechanism=0), 33, "Unknown SCRAM mechanism", id="no-mechanism"),
        pytest.param(drop("billing", mechanism=9), 33, "Unknown SCRAM mechanism", id="unknown-mechanism"),
        pytest.param(drop("nobody"), 91, "Attempt to delete a user credential that does not exist", id="nobody"),
        pytest.param(put("new", salt=b""), 0, None, id="no-salt"),
    ],
)
@pytest.mark.parametrize("release", LINES)
async def test_credentials_are_altered(
    release: str, change: ScramCredentialUpsertion | ScramCredentialDeletion, code: int, message: str | None
) -> None:
    desk = Desk(world(release))
    before = dict(desk.state.credentials)
    words = "" if release == OLD and not code else message
    assert await alter(desk, change) == {change.name: (code, words)}
    assert (desk.state.credentials == before) == (code != 0)


@pytest.mark.parametrize(("release", "code"), [(OLD, 0), (NEW, 92)])
async def test_two_mechanisms_of_a_user_at_once(release: str, code: int) -> None:
    desk = Desk(world(release))
    told = await alter(desk, put("new", SHA_256), put("new", SHA_512), put("other"))
    assert {name: error for name, (error, _) in told.items()} == {"new": code, "other": 0}
    told = await alter(desk, drop("billing"), put("billing"))
    assert told["billing"][0] == 92


@pytest.mark.parametrize(("release", "code"), [(OLD, 41), (NEW, 0)])
async def test_in_zookeeper_mode_only_the_controller_alters_users(release: str, code: int) -> None:
    assert (await alter(Desk(world(release)), put("new"), at=2))["new"][0] == code


@pytest.mark.parametrize("release", LINES)
async def test_whoever_may_not_alter_users(release: str) -> None:
    desk = Desk(world(release))
    before = dict(desk.state.credentials)
    assert [code for code, _ in (await alter(desk, put("new", 9), drop("x"), who=ALICE)).values()] == [31, 31]
    assert desk.state.credentials == before


async def test_a_credential_lets_in_at_once() -> None:
    desk = Desk(world())
    salted = hashlib.pbkdf2_hmac("sha256", b"open sesame", b"salt", 5000)
    await alter(desk, put("new", SHA_256, 5000, b"salt", salted))
    known = {
        user: one for (mechanism, user), one in desk.state.credentials.items() if mechanism is ScramMechanism.SHA_256
    }
    server = ScramServer(mechanism=ScramMechanism.SHA_256, credentials=known)
    client = ScramClient(mechanism=ScramMechanism.SHA_256, username="new", password="open sesame")
    challenge = server.challenge(client.first())
    assert isinstance(challenge, bytes)
    outcome = server.conclude(client.respond(challenge))
    assert isinstance(outcome, bytes)
    client.verify(outcome)


async def test_there_is_an_end_to_users() -> None:
    desk = Desk(world())
    told = await alter(desk, *(put(f"u{number}") for number in range(MOST_USERS + 1)))
    assert sorted({code for code, _ in told.values()}) == [0, 44]
    assert len({user for _, user in desk.state.credentials}) == MOST_USERS
    assert (await alter(Desk(world()), put("x" * 20_000)))["x" * 20_000][0] == 44


@pytest.mark.parametrize("release", LINES)
async def test_tokens_are_no_matter_for_clients_in_clear(release: str) -> None:
    request = DescribeDelegationTokenRequest(owners=None)
    answer = await Desk(world(release)).ask(DescribeDelegationTokenResponse, request, 1, who=ROOT)
    assert (answer.error_code, answer.tokens) == (64, ())
