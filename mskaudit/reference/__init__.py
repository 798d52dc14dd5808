"""The world to verify against, answered in-process: nothing here is ever part of an audit.

For tests of one's own:

    from mskaudit import reference

    with reference.world("hardened", turn={"brokers.authorizer.allow_everyone": True}) as cluster:
        subprocess.run(["kafka-topics.sh", "--bootstrap-server", cluster.bootstrap("scram"), "--list",
                        "--command-config", cluster.properties("scram", "billing")])

The worlds and what can be turned in them are in `docs/worlds.md`; `mskaudit reference up` does the same in a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mskaudit.reference.threaded import ReferenceCluster

__all__ = ["world"]


def world(
    name: str,
    *,
    turn: Mapping[str, Any] | None = None,
    withhold: Iterable[str] = (),
    directory: Path | None = None,
) -> AbstractContextManager[ReferenceCluster]:
    """A reference world that runs in a thread of its own for the time of the block.

    `turn` sets values at dotted paths, `withhold` names what is not to answer (`live`, `aws`, or
    `kms:DescribeKey=denied`). Clients' properties and PEM files are in `directory`, a temporary one unless given.

    Raises:
        UsageError: there is no such world, or it cannot be turned or withheld like that.
    """
    from mskaudit.reference.threaded import running

    return running(name, turn=turn or {}, withhold=tuple(withhold), directory=directory)
