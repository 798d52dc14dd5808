"""Four real clients read one table, and find on three releases what it says.

Every line is read by all clients on all its releases at the same time; what they did must then be there, and what they
were refused must not.
"""

from __future__ import annotations

import inspect
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

import aiokafka.conn
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.clients.reading import deed_of, expected_of, heard
from tests.clients.scenarios import TABLE, Lack, Scenario
from tests.clients.visits import Client, Deed, Outcome, Verb
from tests.clients.world import RELEASES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.clients.place import Place
    from tests.clients.visits import Adapter, Visit

    Adapters = Mapping[Client, Adapter]
    Places = Mapping[str, Place]

_FULL: Final = ("3.9", "4.4")
_AT_ONCE: Final = 12

# kafka-python closes while it connects, and leaves that socket behind.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(ssl.SSLSocket|socket.socket):pytest.PytestUnraisableExceptionWarning"
)


def test_lines_are_told_apart_by_their_names() -> None:
    assert {name: count for name, count in Counter(line.name for line in TABLE).items() if count > 1} == {}


def _librdkafka_has_iam() -> bool:
    with suppress(KafkaException), AdminClient({"sasl.mechanism": "AWS_MSK_IAM", "security.protocol": "SASL_SSL"}):
        return True
    return False


def _aiokafka_has_iam() -> bool:
    return "AWS_MSK_IAM" in inspect.getsource(aiokafka.conn)


def _aiokafka_administers(what: str) -> bool:
    return any(what in name for name in dir(AIOKafkaAdminClient))


_LACKS: Final[Mapping[tuple[Client, Lack], Callable[[], bool]]] = {
    (Client.LIBRDKAFKA, Lack.NO_IAM): _librdkafka_has_iam,
    (Client.AIOKAFKA, Lack.NO_IAM): _aiokafka_has_iam,
    (Client.AIOKAFKA, Lack.NO_ACLS): partial(_aiokafka_administers, "acl"),
    (Client.AIOKAFKA, Lack.NO_USERS): partial(_aiokafka_administers, "scram"),
}
_NOT_TRIED: Final = {
    # What frees memory twice does not fail the same way every time.
    (Client.LIBRDKAFKA, Lack.CRASHES),
    # A login module of one's own would be needed to find out.
    (Client.JAVA, Lack.OWN_TOKENS),
}


def test_every_exception_is_known() -> None:
    assert {lack for line in TABLE for lack in line.cannot.items()} == {*_LACKS, *_NOT_TRIED}


@pytest.mark.parametrize(("client", "lack"), _LACKS, ids=str)
def test_what_a_client_lacks_it_still_lacks(client: Client, lack: Lack) -> None:
    assert not _LACKS[client, lack]()


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.name)
def test_clients_find_what_the_table_says(adapters: Adapters, places: Places, line: Scenario) -> None:
    releases = RELEASES if line.brief else _FULL
    who = [client for client in adapters if client not in line.cannot]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        started = {
            (release, client, visit.address): pool.submit(adapters[client].do, visit, deed_of(line, client))
            for release in releases
            for client in who
            for visit in _visits(places[release], line)
        }
        told = {key: future.result() for key, future in started.items()}
    expected = {
        (release, client, address): _expected(line, places[release], client) for release, client, address in told
    }
    assert {key: heard(outcome, expected[key], key[1]) for key, outcome in told.items()} == expected
    for (release, client, _), outcome in expected.items():
        allowed = outcome.refused is None and outcome.error is None
        assert _is_done(places[release], deed_of(line, client)) in {None, allowed}, (release, client)


def _visits(place: Place, line: Scenario) -> list[Visit]:
    """At each broker where somebody who is let in looks about, otherwise at the first."""
    visits = place.visits(line.way)
    return visits if line.deed.verb is Verb.LOOK and line.outcome.refused is None else visits[:1]


def _expected(line: Scenario, place: Place, client: Client) -> Outcome:
    brokers = dict(enumerate(place.addresses(line.way.listener), start=1))
    return expected_of(line, client, cluster_id=place.cluster.cluster_id, brokers=brokers)


def _is_done(place: Place, deed: Deed) -> bool | None:
    """Whether what a deed is to leave behind is there, None for one that leaves nothing."""
    state = place.state
    match deed.verb:
        case Verb.PRODUCE | Verb.PRODUCE_ONCE:
            partitions = state.topics[deed.target].partitions
            return any(deed.text.encode() in batch.content for each in partitions for batch in each.batches)
        case Verb.CREATE_TOPIC:
            return deed.target in state.topics
        case Verb.CREATE_ACL:
            return any(acl.principal == f"User:{deed.text}" for acl in state.acls)
        case Verb.ALTER_TOPIC:
            settings = state.topics[deed.target].settings
            return "retention.ms" in settings and settings["retention.ms"] == deed.text
        case Verb.CONSUME:
            return deed.group in state.groups and bool(state.groups[deed.group].offsets)
        case Verb.LOOK | Verb.DESCRIBE_ACLS | Verb.DESCRIBE_TOPIC | Verb.DESCRIBE_BROKER | Verb.DESCRIBE_USER:
            return None
        case _:
            assert_never(deed.verb)
