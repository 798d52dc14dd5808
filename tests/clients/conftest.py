"""The clients, and the worlds that they go to; where Java is missing one line says so.

With `MSKAUDIT_REAL=require` Java may not be missing.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.clients.place import place
from tests.clients.visits import Client
from tests.clients.with_aiokafka import Aiokafka
from tests.clients.with_java import Java
from tests.clients.with_kafka_python import KafkaPython
from tests.clients.with_librdkafka import Librdkafka
from tests.clients.world import RELEASES
from tests.real.maven import Profile, RealError, class_path, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _pytest.terminal import TerminalReporter

    from tests.clients.place import Place
    from tests.clients.visits import Adapter


@cache
def no_java() -> str | None:
    """Why Apache Kafka's own clients cannot be run here, None where they can."""
    if reason := missing():
        return reason
    try:
        class_path(Profile.IAM)
    except RealError as fault:
        return str(fault).strip().splitlines()[0]
    return None


@pytest.fixture(scope="module")
def adapters() -> Iterator[Mapping[Client, Adapter]]:
    """The clients that there are."""
    with ExitStack() as stack:
        there: dict[Client, Adapter] = {
            Client.LIBRDKAFKA: Librdkafka(),
            Client.KAFKA_PYTHON: KafkaPython(),
            Client.AIOKAFKA: Aiokafka(),
        }
        if (reason := no_java()) is None:
            there[Client.JAVA] = stack.enter_context(Java())
        elif os.environ.get("MSKAUDIT_REAL") == "require":
            pytest.fail(f"MSKAUDIT_REAL=require, but {reason}", pytrace=False)
        yield there


@pytest.fixture(scope="module")
def places() -> Iterator[Mapping[str, Place]]:
    """The world of the table on every release."""
    with ExitStack() as stack:
        yield {release: stack.enter_context(place(release)) for release in RELEASES}


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say in one line that a client was not there."""
    ran = any("tests/clients" in report.nodeid for report in terminalreporter.getreports("passed"))
    if ran and (reason := no_java()):
        terminalreporter.write_line(f"tests/clients: without {Client.JAVA}'s own clients, because there is {reason}")
