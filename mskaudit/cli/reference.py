"""`mskaudit reference`: the reference worlds as a cluster to work with."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mskaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mskaudit.model.evidence import Reason
    from mskaudit.reference.turns import Knob
    from mskaudit.reference.worlds import RunningWorld


@click.group(short_help="Start a reference cluster to learn from and to test clients with.")
def reference() -> None:
    """Start a reference cluster: brokers, ZooKeeper and an AWS endpoint on loopback, hardened or as bad as you like."""


@reference.command(short_help="Start a world and stay until Ctrl-C.")
@click.option("--world", "name", default="hardened", show_default=True, metavar="WORLD", help="The world to start.")
@click.option(
    "--turn", "turns", multiple=True, metavar="KEY=VALUE", help="A knob to turn (repeatable); the value is YAML."
)
@click.option(
    "--withhold", multiple=True, metavar="WHAT[=HOW]", help="What is not to answer, such as live or kms:DescribeKey."
)
@click.option(
    "--ports",
    type=click.Choice(["ephemeral", "fixed"]),
    default="ephemeral",
    show_default=True,
    help="fixed: broker N at 127.0.0.N with the ports of MSK.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where clients' files go (default: a temporary folder).",
)
@click.option(
    "--listen-beyond-loopback",
    "host",
    metavar="ADDRESS",
    help="Let the brokers listen on this IPv4 address, for others to reach. Everybody knows their passwords.",
)
def up(
    name: str, turns: tuple[str, ...], withhold: tuple[str, ...], ports: str, directory: Path | None, host: str | None
) -> None:
    """Start a world, hand out what clients need, and stay until Ctrl-C."""
    import asyncio

    from mskaudit.reference.broker import Ports
    from mskaudit.reference.worlds import parse_withhold, turned

    world = turned(name, dict(map(_turn, turns)))
    withheld = parse_withhold(withhold)

    async def serve() -> None:
        import signal

        from mskaudit.reference.worlds import run

        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with run(world, withheld, ports=Ports(ports), host=host, endpoint=True) as running:
            with ExitStack() as places:
                _hand_out(running, name, directory or Path(places.enter_context(_temporary())))
                for line in _warnings(withheld, host):
                    click.echo(line)
                click.echo("Ready. Ctrl-C ends it.")
                await stopped.wait()

    asyncio.run(serve())


def _temporary() -> Any:
    from tempfile import TemporaryDirectory

    return TemporaryDirectory(prefix="mskaudit-reference-")


def _turn(text: str) -> tuple[str, Any]:
    """A path and its value; what is meant as text stays text though it reads as a number, such as a release."""
    from mskaudit.reference.turns import takes_text
    from mskaudit.yaml_file import parse

    path, given, value = text.partition("=")
    if not given:
        raise UsageError(f"--turn {text} has no value; write KEY=VALUE, such as brokers.release=4.3")
    meant = parse(value.encode(errors="replace"), f"the value of --turn {path}").value
    return path, value.strip() if isinstance(meant, int | float) and takes_text(path) else meant


def _hand_out(running: RunningWorld, name: str, directory: Path) -> None:
    from mskaudit.reference.handout import hand_out

    described = hand_out(running, name, directory)
    for line in _account(described, directory):
        click.echo(line)


def _account(described: dict[str, Any], directory: Path) -> Iterator[str]:
    """What a user sees of a running world."""
    from mskaudit.render.words import numbered

    if described["nodes"]:
        brokers = numbered(len(described["nodes"]), "broker")
        yield f"{described['world']}: {brokers} like Apache Kafka {described['release']} in {described['mode']} mode"
    else:
        yield f"{described['world']}: a world without brokers"
    for listener in described["listeners"]:
        ways = ", ".join(listener["mechanisms"])
        certificate = "" if listener["client_auth"] == "none" else f", client certificate {listener['client_auth']}"
        yield ""
        yield f"{listener['name']}: {listener['protocol']}{f' ({ways})' if ways else ''}{certificate}"
        yield f"    bootstrap.servers  {listener['bootstrap']}"
        for user, path in listener["properties"].items():
            yield f"    as {user:<15} {path}"
    if described["zookeeper"]:
        yield ""
        for one in described["zookeeper"]:
            yield f"ZooKeeper{' over TLS' if one['tls'] else '':<9} {one['address']}"
    if described["side_doors"]:
        yield ""
    for door, address in described["side_doors"].items():
        yield f"{door}: {address}"
    if described["aws_endpoint"]:
        yield ""
        yield f"AWS endpoint: {described['aws_endpoint']}"
    yield ""
    yield f"All of this is in {directory / 'cluster.json'}."


def _warnings(withheld: Mapping[str, Reason], host: str | None) -> Iterator[str]:
    """What makes this world other than one expects."""
    if withheld:
        yield f"Withheld: {', '.join(f'{name} ({reason})' for name, reason in withheld.items())}."
    if host:
        yield f"The brokers listen on {host}, not on loopback: whoever reaches it knows their passwords."


@reference.command(short_help="List the worlds.")
def worlds() -> None:
    """List the worlds, a line each."""
    from mskaudit.reference.worlds import load, names

    longest = max(map(len, names()))
    for name in names():
        click.echo(f"{name:<{longest}}  {load(name).title}")


@reference.command(short_help="List what can be turned.")
@click.argument("part", default="")
def turns(part: str) -> None:
    """List what can be turned, a line each; with PART the values of every path that holds it."""
    from mskaudit.reference.turns import knobs

    found = [knob for knob in knobs() if part in knob.path]
    if not found:
        raise UsageError(f"no path of a turn holds {part!r}; `mskaudit reference turns` lists them all")
    longest = max(len(knob.path) for knob in found)
    for knob in found:
        click.echo("\n".join(_explained(knob)) if part else f"{knob.path:<{longest}}  {knob.effect}")


def _explained(knob: Knob) -> Iterator[str]:
    yield knob.path
    yield f"    {knob.effect}"
    yield f"    {knob.values}{'' if knob.default is None else f'; by default {knob.default}'}"
