"""After the promise to stay offline no connection is possible, and reading files still is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "fixtures" / "aws" / "list-clusters-v2.json"


def run(body: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, since the promise cannot be taken back."""
    program = f"""
import asyncio, socket, sys
from mskaudit.errors import UsageError
from mskaudit.gather.offline import forbid_connections
forbid_connections()
{body}
"""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  our own text


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket().connect(('127.0.0.1', 9))",
        "socket.socket().connect_ex(('127.0.0.1', 9))",
        "socket.socket(socket.AF_UNIX).connect('/tmp/x')",
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.socket().bind(('127.0.0.1', 0))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', 9))",
        "socket.getaddrinfo('localhost', 9)",
        "socket.gethostbyname('localhost')",
        "socket.gethostbyname_ex('localhost')",
        "socket.gethostbyaddr('127.0.0.1')",
        "socket.getnameinfo(('127.0.0.1', 9), 0)",
        "asyncio.run(asyncio.open_connection('127.0.0.1', 9))",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1:9/')",
    ],
)
def test_nobody_can_use_the_network(attempt: str) -> None:
    ended = run(f"""
try:
    {attempt}
except UsageError as error:
    print(error)
""")
    assert ended.stdout.startswith("--offline forbids connections, and something tried socket."), ended.stderr
    assert ended.returncode == 0


def test_files_are_still_read_and_judged() -> None:
    ended = run(f"""
from mskaudit.audit import Scope, gather, judged
from mskaudit.engine.corpus import load
from mskaudit.engine.gate import Gate
from mskaudit.gather.target import parse
found = gather([parse({str(FIXTURE)!r})], Scope(offline=True))
print(len(found.subjects), judged(found, load(), gate=Gate()).summary.findings > 0)
""")
    assert ended.stdout.split() == ["3", "True"], ended.stderr


@pytest.mark.parametrize("target", ["aws", "kafka://127.0.0.1:9092", "reference:hardened"])
def test_targets_that_need_the_network_are_refused_in_a_sentence(target: str) -> None:
    ended = run(f"""
from mskaudit.audit import Scope, gather
from mskaudit.gather.target import parse
try:
    gather([parse({target!r})], Scope(offline=True))
except UsageError as error:
    print(error)
""")
    assert ended.stdout.strip() == f"--offline forbids connections, and {target!r} needs them; hand over a file"
