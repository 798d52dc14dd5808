"""Where transcripts are played: the listeners of one broker, whichever it is, and who may come in."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from msgspec.structs import replace

from mskaudit.reference.broker import Limits, serve
from mskaudit.reference.pki import client_context, pki
from tests.real.admin import replace_acls
from tests.real.beside import beside
from tests.real.brokers import Line, kafka
from tests.real.servers import harness_context
from tests.real.talk import Address, Conversation, talk

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

    from mskaudit.reference.cluster import Cluster

PROMPT: Final = Limits(login_delay=0.0)
SILENCE: Final = 2.0
"""Seconds after which nobody is going to say anything any more."""


class Who(StrEnum):
    """Who speaks; the passwords are those of the scenes."""

    ANONYMOUS = "anonymous"
    CLIENT = "User:CN=client"
    STRANGER = "stranger"
    ALICE = "User:alice"
    BOB = "User:bob"
    ADMIN = "User:admin"


class Stage(NamedTuple):
    """A broker to speak to: the address of each listener and whether it speaks TLS."""

    cluster: Cluster
    by_listener: Mapping[str, Address]

    @contextmanager
    def talk(self, listener: str, who: Who = Who.ANONYMOUS, *, deadline: float = 10.0) -> Iterator[Conversation]:
        """A conversation at a listener, logged in where somebody with a password speaks."""
        with talk(self.by_listener[listener], self.context(listener, who), deadline=deadline) as conversation:
            if who in {Who.ALICE, Who.BOB, Who.ADMIN}:
                name = who.removeprefix("User:")
                mechanism = self.cluster.listeners[listener].mechanisms[0]
                password = self.cluster.known_users[name].password
                assert password is not None  # every user of a scene has one
                conversation.log_in(mechanism.value, name, password)
            yield conversation

    def context(self, listener: str, who: Who = Who.ANONYMOUS) -> ssl.SSLContext | None:
        """TLS with the certificate of whoever speaks, None where the listener speaks none."""
        return _context(who) if self.cluster.listeners[listener].protocol.has_tls else None

    @contextmanager
    def stream(self, listener: str, *, deadline: float = SILENCE) -> Iterator[socket.socket]:
        """A bare connection."""
        with socket.create_connection(self.by_listener[listener], deadline) as plain:
            yield plain


@cache
def _context(who: Who) -> ssl.SSLContext:
    return fresh_context(who)


def fresh_context(who: Who) -> ssl.SSLContext:
    """TLS with the certificate of whoever speaks, to be changed as one likes."""
    match who:
        case Who.CLIENT:
            return client_context(pki().client)
        case Who.STRANGER:
            return client_context(pki().stranger)
        case Who.ANONYMOUS | Who.ALICE | Who.BOB | Who.ADMIN:
            return client_context()
        case _:
            assert_never(who)


@contextmanager
def reference(cluster: Cluster) -> Iterator[Stage]:
    """The reference broker in a thread of its own."""
    with beside(lambda: serve(cluster, limits=PROMPT)) as serving:
        yield Stage(cluster, {name: address(first) for name, (first, *_) in serving.by_listener.items()})


def address(text: str) -> Address:
    """The host and port of a text."""
    host, _, port = text.rpartition(":")
    return host, int(port)


@contextmanager
def real(cluster: Cluster, line: Line) -> Iterator[Stage]:
    """The same on Apache Kafka."""
    with kafka(cluster, line) as running:
        yield Stage(cluster, running.by_listener)


def real_in_turn(clusters: Iterable[Cluster], line: Line) -> Iterator[Stage]:
    """Clusters one after the other, on one broker as long as nothing but the ACLs differs."""
    for _, alike in groupby(clusters, lambda cluster: replace(cluster, acls={})):
        first, *others = alike
        with kafka(first, line) as running:
            yield Stage(first, running.by_listener)
            for cluster in others:
                with talk(running.server.harness, harness_context()) as conversation:
                    replace_acls(conversation, (acl for entry in cluster.acls.values() for acl in entry.acls()))
                yield Stage(cluster, running.by_listener)
