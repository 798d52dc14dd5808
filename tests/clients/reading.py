"""How a client reads a line of the table: what it does so that others do not interfere, and what it is to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tests.clients.scenarios import TABLE
from tests.clients.visits import Client, Deed, Outcome, Verb
from tests.clients.world import DESK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.clients.scenarios import Scenario

_FIRST_TEXT: Final = 86_400_000
_CLIENTS: Final = list(Client)
_SILENT: Final = (Client.KAFKA_PYTHON, Client.AIOKAFKA)
"""Clients that at times are refused and do not tell why."""


def deed_of(line: Scenario, client: Client) -> Deed:
    """What this client does, apart from what others do."""
    number = _CLIENTS.index(client)
    text = str(_FIRST_TEXT + len(_CLIENTS) * TABLE.index(line) + number)
    deed = line.deed._replace(text=text)
    match deed.verb:
        case Verb.CREATE_TOPIC:
            return deed._replace(target=deed.target + text)
        case Verb.ALTER_TOPIC if deed.target == DESK:
            return deed._replace(target=f"{DESK}{number}")
        case Verb.CONSUME:
            return deed._replace(group=deed.group + text)
    return deed


def expected_of(line: Scenario, client: Client, *, cluster_id: str, brokers: Mapping[int, str]) -> Outcome:
    """What this client is to tell of a cluster with these brokers, the first of which is the controller."""
    outcome = line.differs[client] if client in line.differs else line.outcome
    if line.deed.verb is not Verb.LOOK or outcome.refused is not None:
        return outcome
    seen = {"cluster": cluster_id, "controller": 1, "brokers": dict(brokers), "topics": outcome.seen}
    return replace(outcome, seen=seen)


def heard(told: Outcome, expected: Outcome, client: Client) -> Outcome:
    """What was told, in the words that were expected if they are among its own."""
    silent = client in _SILENT and not told.says
    # Java spells alerts as the standard names them.
    matched = silent or expected.says in told.says.replace("_", " ") or expected.says in told.says
    return replace(told, says=expected.says) if matched else told
