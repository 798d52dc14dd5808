"""The reference cluster as a command: it says what it has, stays until told to go, and keeps to loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mskaudit.reference.turns import knobs, takes_text
from mskaudit.reference.worlds import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli

PATIENCE = 30
READY = "Ready. Ctrl-C ends it."


class Up(NamedTuple):
    """A world that a command keeps up, and what the command said."""

    process: subprocess.Popen[str]
    said: str


@contextmanager
def up(*arguments: str) -> Iterator[Up]:
    command = [str(Path(sys.executable).with_name("mskaudit")), "reference", "up", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if READY in line:
                    break
            yield Up(process, said)
        finally:
            process.kill()


def end(one: Up, number: signal.Signals) -> int:
    one.process.send_signal(number)
    _, complaints = one.process.communicate(timeout=PATIENCE)
    assert complaints == ""
    return one.process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_world_is_up_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    with up("--world", "hardened", "--directory", str(tmp_path)) as one:
        described = json.loads((tmp_path / "cluster.json").read_bytes())
        assert described["pid"] == one.process.pid
        assert (described["world"], described["release"], len(described["nodes"])) == ("hardened", "3.9.2", 3)
        addresses = [address for listener in described["listeners"] for address in listener["bootstrap"].split(",")]
        addresses += [one["address"] for one in described["zookeeper"]]
        for address in addresses:
            host, _, port = address.rpartition(":")
            assert host.startswith("127.")
            socket.create_connection((host, int(port)), PATIENCE).close()
            assert address in one.said
        assert str(tmp_path) in one.said
        assert described["aws_endpoint"] in one.said
        assert end(one, number) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), PATIENCE)


def test_turns_are_turned(tmp_path: Path) -> None:
    turns = (
        "brokers.count=2",
        "brokers.listeners.open={protocol: PLAINTEXT}",
        "brokers.settings[a.b]=1",
        "brokers.release=3.8",
    )
    with up(*(word for turn in turns for word in ("--turn", turn)), "--directory", str(tmp_path)) as one:
        described = json.loads((tmp_path / "cluster.json").read_bytes())
        assert len(described["nodes"]) == 2
        assert "open" in [listener["name"] for listener in described["listeners"]]
        assert end(one, signal.SIGINT) == 0


def test_the_brokers_leave_loopback_only_when_told_to(tmp_path: Path) -> None:
    turns = [f"brokers.listeners.{name}.advertised=broker.example" for name in ("plaintext", "tls")]
    words = ("--listen-beyond-loopback", "0.0.0.0", *(word for turn in turns for word in ("--turn", turn)))
    with up("--world", "legacy-zookeeper", *words, "--directory", str(tmp_path)) as one:
        described = json.loads((tmp_path / "cluster.json").read_bytes())
        assert all(listener["bootstrap"].startswith("0.0.0.0:") for listener in described["listeners"])
        assert "The brokers listen on 0.0.0.0, not on loopback: whoever reaches it knows" in one.said
        assert end(one, signal.SIGINT) == 0


def test_what_is_withheld_is_said(tmp_path: Path) -> None:
    with up("--withhold", "live", "--withhold", "kms:DescribeKey", "--directory", str(tmp_path)) as one:
        assert "\nWithheld: live (refused), kms:DescribeKey (denied).\n" in one.said
        assert end(one, signal.SIGINT) == 0


def test_worlds_and_turns_have_a_line_each(cli: Cli) -> None:
    worlds = cli("reference", "worlds")
    assert (worlds.status, len(worlds.text.splitlines())) == (0, len(names()))
    turns = cli("reference", "turns")
    assert [line.split()[0] for line in turns.text.splitlines()] == [knob.path for knob in knobs()]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("brokers.release", True),
        ("aws.account", True),
        ("as_of", True),
        ("brokers.settings[socket.request.max.bytes]", True),
        ("brokers.settings", False),
        ("brokers.users.billing", True),
        ("brokers.listeners.tls.tls.dh", True),
        ("brokers.users.billing.password", True),
        ("brokers.certificates.shipping", True),
        ("brokers.listeners.tls.bootstrap", True),
        ("brokers.listeners.tls.controller", False),
        ("brokers.topics.orders", False),
        ("aws.cluster.Provisioned.NumberOfBrokerNodes", False),
        ("doors.any.password", True),
        ("zookeeper.patience", False),
        ("brokers.nothing.there", False),
    ],
)
def test_what_is_meant_as_text_is_known(path: str, *, text: bool) -> None:
    assert takes_text(path) is text


def test_every_turn_says_what_it_does() -> None:
    assert [knob.path for knob in knobs() if not knob.effect or knob.effect.endswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["up", "--world", "nowhere"], "there is no world 'nowhere'; there are express-kraft, hardened"),
        (["up", "--turn", "brokers.release"], "write KEY=VALUE"),
        (["up", "--turn", "brokers.release=9.9"], "there is no release '9.9' in zookeeper mode"),
        (["up", "--turn", "brokers.nothing=1"], "unknown field `nothing`"),
        (["up", "--turn", "brokers..x=1"], "a path has keys with dots between them"),
        (["up", "--turn", "brokers.count=[1"], "the value of --turn brokers.count"),
        (["up", "--turn", "brokers.listeners.tls.tls.suites=[NOPE]"], "NOPE"),
        (["up", "--turn", "brokers.acls.x={principal: a, operations: [FLY], resource: TOPIC, name: t}"], "'FLY' is"),
        (["up", "--withhold", "moon"], "cannot withhold 'moon'"),
        (["up", "--listen-beyond-loopback", "0.0.0.0"], "clients cannot connect to 0.0.0.0; name one address"),
        (["up", "--listen-beyond-loopback", "::1"], "cannot listen on '::1'; name an IPv4 address"),
        (["turns", "moon"], "no path of a turn holds 'moon'"),
        (["up", "--directory", "/proc/nowhere"], "cannot be written"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_said_in_a_sentence(cli: Cli, arguments: list[str], says: str) -> None:
    ran = cli("reference", *arguments)
    assert (ran.status, ran.out) == (2, b"")
    assert ran.err.startswith("mskaudit: ")
    assert ran.err.count("\n") == 1
    assert says in ran.err
