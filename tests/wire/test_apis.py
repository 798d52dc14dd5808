"""All message tables: found by number, loaded when asked for, and safe against hostile bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mskaudit.errors import LocalWireError, RemoteWireError
from mskaudit.wire import apis, schema
from mskaudit.wire.apis.logs import ProduceRequest, ProduceResponse
from mskaudit.wire.apis.offsets import OffsetFetchRequest
from mskaudit.wire.apis.topics import Cursor, DescribeTopicPartitionsRequest
from mskaudit.wire.apis.users import DescribeUserScramCredentialsRequest
from mskaudit.wire.connection import Call, ClientConnection, ServerConnection, State
from mskaudit.wire.messages import ApiKey
from mskaudit.wire.schema import Message, Wire, decode, encode
from tests.wire.strategies import table_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.wire.messages import Api

RELEASES = json.loads((Path(__file__).parents[2] / "fixtures" / "releases" / "api-versions.json").read_text())
EVERY = apis.every()
API = pytest.mark.parametrize("api", EVERY, ids=[ApiKey(api.key).name for api in EVERY])
MESSAGES = {table.__name__: table for api in EVERY for table in (api.request, api.response)}
CASES = {f"{name}-v{version}": (table, version) for name, table in MESSAGES.items() for version in table.versions}
BRIEFLY = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MUTANTS_OF_ONE = 8
UNSTABLE = {ApiKey.INIT_PRODUCER_ID: 6}
"""Newest versions that no release advertises unless told to."""


def nested(table: type) -> Iterator[type]:
    """Yield a table and all tables in it."""
    yield table
    for hint in get_type_hints(table, include_extras=True).values():
        bare, _, _ = schema._dissect(hint)
        while get_args(bare):
            bare, _, _ = schema._dissect(get_args(bare)[0])
        if is_dataclass(bare) and isinstance(bare, type):
            yield from nested(bare)


TABLES = sorted({inner for table in MESSAGES.values() for inner in nested(table)}, key=lambda table: table.__name__)


def test_every_numbered_api_has_tables() -> None:
    assert [api.key for api in EVERY] == sorted(ApiKey)
    assert list(apis.APIS) == sorted(ApiKey)
    assert len(apis.APIS) == len(EVERY)
    assert all(key in apis.APIS and apis.api(key).key == key for key in ApiKey)


@pytest.mark.parametrize("key", [-1, 4, 24, 32767])
def test_other_numbers_are_not_known(key: int) -> None:
    assert key not in apis.APIS
    assert apis.APIS.get(key) is None
    with pytest.raises(KeyError):
        apis.api(key)


@API
def test_both_halves_of_an_api_belong_together(api: Api) -> None:
    assert api.request.api_key == api.response.api_key == api.key
    assert api.request.versions == api.response.versions == api.versions
    assert api.request.flexible_since == api.response.flexible_since
    assert api.request.__name__.removesuffix("Request") == api.response.__name__.removesuffix("Response")
    assert api.request.__name__.removesuffix("Request").lower() == ApiKey(api.key).name.replace("_", "").lower()


@API
def test_tables_reach_from_the_first_version_to_the_newest_one_advertised(api: Api) -> None:
    advertised = [release["apis"][str(api.key)] for release in RELEASES if str(api.key) in release["apis"]]
    newest = max(highest for _, highest in advertised) if advertised else 0
    assert api.versions == range(UNSTABLE.get(ApiKey(api.key), newest) + 1)


def test_names_of_tables_are_unique() -> None:
    assert [name for name, count in Counter(table.__name__ for table in TABLES).items() if count > 1] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_fields_are_somewhere_and_tags_are_counted_from_zero(table: Any) -> None:
    hints = get_type_hints(table, include_extras=True)
    wires = [
        next((note for note in schema._dissect(hints[field.name])[1] if isinstance(note, Wire)), Wire())
        for field in fields(table)
    ]
    assert wires or not table.__name__.endswith("Response")
    assert all(0 <= wire.since <= wire.until for wire in wires)
    tags = [wire.tag for wire in wires if wire.tag is not None]
    assert sorted(tags) == list(range(len(tags)))


@pytest.mark.parametrize(("table", "version"), CASES.values(), ids=CASES)
@BRIEFLY
@given(content=st.data())
def test_what_is_encoded_is_decoded(table: type[Message], version: int, content: st.DataObject) -> None:
    message = content.draw(table_values(table, version))
    assert decode(table, encode(message, version=version), version=version) == message


def mutant(original: bytes, random: Random) -> bytes:
    """Return bytes with lengths made huge, bits turned, pieces lost or doubled."""
    content = bytearray(original)
    for _ in range(random.randint(1, 4)):
        place = random.randint(0, len(content))
        match random.randrange(5):
            case 0:
                content[place : place + 1] = bytes([random.randrange(256)])
            case 1:
                content[place : place + 4] = random.choice(
                    [b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x00\x01\x00\x00"]
                )
            case 2:
                content[place : place + 1] = b"\xff\xff\xff\xff\x0f"
            case 3:
                del content[place : place + random.randint(1, 8)]
            case _:
                content[place:place] = content[place : place + random.randint(1, 8)]
    return bytes(content)


@pytest.mark.parametrize(("table", "version"), CASES.values(), ids=CASES)
@settings(BRIEFLY, phases=[Phase.explicit, Phase.generate])
@given(content=st.data(), seed=st.integers(0, 2**32))
def test_mutants_raise_nothing_but_remote_errors_in_little_memory(
    table: type[Message], version: int, content: st.DataObject, seed: int
) -> None:
    original = encode(content.draw(table_values(table, version)), version=version)
    random = Random(seed)  # noqa: S311  to be repeatable is the point
    for _ in range(MUTANTS_OF_ONE):
        hostile = mutant(original, random)
        tracemalloc.start()
        try:
            decode_or_refuse(table, hostile, version)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 32_768 + 256 * len(hostile)


def decode_or_refuse(table: type[Message], content: bytes, version: int) -> None:
    """Decode what may be refused."""
    with suppress(RemoteWireError):
        decode(table, content, version=version)


def test_the_mutants_are_ten_thousand() -> None:
    assert len(CASES) * BRIEFLY.max_examples * MUTANTS_OF_ONE > 10_000


PROGRAM = """
import json, sys
from mskaudit.wire import apis
def loaded(): return sorted(name for name in sys.modules if name.startswith("mskaudit.wire.apis."))
steps = [loaded()]
apis.APIS[18], 1 in apis.APIS, list(apis.APIS), apis.APIS.get(24)
steps.append(loaded())
apis.api(0), apis.api(1)
steps.append(loaded())
print(json.dumps(steps))
"""


def test_tables_are_loaded_when_asked_for() -> None:
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  our own program
    assert json.loads(answer.stdout) == [[], [], ["mskaudit.wire.apis.logs"]]


def test_connections_speak_all_apis() -> None:
    client, server = ClientConnection(apis=apis.APIS), ServerConnection(apis=apis.APIS)
    request = ProduceRequest(acks=1, timeout_ms=5, topic_data=())
    (call,) = server.receive(client.send(request, version=13))
    assert isinstance(call, Call)
    assert call.message == request
    (answer,) = client.receive(server.send(call, ProduceResponse(throttle_time_ms=7)))
    assert answer.message == ProduceResponse(throttle_time_ms=7)


def test_a_request_may_go_without_an_answer() -> None:
    client, server = ClientConnection(apis=apis.APIS), ServerConnection(apis=apis.APIS)
    silent = client.send(ProduceRequest(acks=0, timeout_ms=5, topic_data=()), version=3)
    first, second = server.receive(silent + silent)
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    with pytest.raises(LocalWireError, match="due"):
        server.omit(second)
    server.omit(first)
    server.omit(second)
    assert server.state is State.IDLE
    assert server.outstanding == 0


EXACT: dict[str, tuple[Message, int, str]] = {
    "cursor-null": (DescribeTopicPartitionsRequest(topics=()), 0, "01 000007d0 ff 00"),
    "cursor": (
        DescribeTopicPartitionsRequest(topics=(), cursor=Cursor(topic_name="t", partition_index=1)),
        0,
        "01 000007d0 01 0274 00000001 00 00",
    ),
    "all-users": (DescribeUserScramCredentialsRequest(users=()), 0, "01 00"),
    "null-users": (DescribeUserScramCredentialsRequest(users=None), 0, "00 00"),
    "all-topics-of-a-group": (OffsetFetchRequest(group_id="g", topics=None), 2, "0001 67 ffffffff"),
    "acks-zero": (ProduceRequest(acks=0, timeout_ms=1, topic_data=()), 3, "ffff 0000 00000001 00000000"),
}


@pytest.mark.parametrize(("message", "version", "content"), EXACT.values(), ids=EXACT)
def test_bytes_are_those_of_the_protocol(message: Message, version: int, content: str) -> None:
    assert encode(message, version=version) == bytes.fromhex(content)
