"""What the table says is so: the same clients read it on Apache Kafka, but for the lines about AWS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from msgspec.structs import replace

from mskaudit.reference.cluster import Mechanism
from tests.clients.conftest import no_java
from tests.clients.place import fill
from tests.clients.reading import deed_of, expected_of, heard
from tests.clients.scenarios import TABLE, Way
from tests.clients.world import ADMIN
from tests.real.brokers import Line, kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.clients.place import Place
    from tests.clients.visits import Adapter, Client, Visit
    from tests.real.brokers import Real

_IAM: Final = "iam"
_ADMINISTRATOR: Final = Way(listener="sasl", user=ADMIN, mechanism=Mechanism.PLAIN)
_LINES: Final = {Line.ZOOKEEPER: "3.9", Line.KRAFT: "4.4"}
_AT_ONCE: Final = 6

pytestmark = [
    # kafka-python closes while it connects, and leaves that socket behind.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <(ssl.SSLSocket|socket.socket):pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.skipif(no_java() is not None, reason=no_java() or ""),
]


@pytest.mark.parametrize("line", Line, ids=_LINES.get)
def test_apache_kafka_is_as_the_table_says(
    adapters: Mapping[Client, Adapter], places: Mapping[str, Place], line: Line
) -> None:
    there = places[_LINES[line]]
    with _real(there, line) as real, ThreadPoolExecutor(_AT_ONCE) as pool:
        fill(_at(real, there, _ADMINISTRATOR))
        started = [
            (one, client, pool.submit(adapter.do, _at(real, there, one.way), deed_of(one, client)))
            for one in TABLE
            for client, adapter in adapters.items()
            if one.way.listener != _IAM and client not in one.cannot
        ]
        told, expected = {}, {}
        for one, client, future in started:
            brokers = {1: f"localhost:{real.by_listener[one.way.listener][1]}"}  # as it is advertised
            wanted = expected_of(one, client, cluster_id=there.cluster.cluster_id, brokers=brokers)
            expected[one.name, client] = wanted
            told[one.name, client] = heard(future.result(), wanted, client)
    assert told == expected


@contextmanager
def _real(there: Place, line: Line) -> Iterator[Real]:
    """One broker with all listeners but that of AWS."""
    listeners = {name: listener for name, listener in there.cluster.listeners.items() if name != _IAM}
    with kafka(replace(there.cluster, count=1, listeners=listeners), line) as real:
        yield real


def _at(real: Real, place: Place, way: Way) -> Visit:
    """The same way in at the real broker."""
    visit = place.visits(way)[0]
    host, port = real.by_listener[way.listener]
    address = f"{host}:{port}"
    return replace(visit, address=address, overrides={**visit.overrides, "bootstrap.servers": address})
