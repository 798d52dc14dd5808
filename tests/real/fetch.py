"""`python -m tests.real.fetch`: download all that `tests/real` needs and make its archives once."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from mskaudit.reference.releases import Mode
from tests.real.keepers import connect_string, keeper
from tests.real.maven import Profile, RealError, class_path, missing
from tests.real.servers import RELEASES, Setup, broker


def mode_of(release: str) -> Mode:
    """The mode a release is tested in: ZooKeeper while there was one."""
    return Mode.ZOOKEEPER if int(release.partition(".")[0]) <= 3 else Mode.KRAFT


def main() -> int:
    """Fetch, and start each release once."""
    if reason := missing():
        print(f"nothing can be fetched: {reason}")
        return 1
    try:
        for profile in Profile:
            print(f"class path of {profile}: {len(class_path(profile).split(':'))} jars")
        for release in RELEASES:
            print(f"Kafka {release} starts in {_start(release):.1f} s")
    except RealError as fault:
        print(fault)
        return 1
    return 0


def _start(release: str) -> float:
    setup = Setup(release=release, mode=mode_of(release), listeners={"PLAINTEXT": "PLAINTEXT"})
    with ExitStack() as stack:
        zookeeper = {}
        if setup.mode is Mode.ZOOKEEPER:
            zookeeper = connect_string(stack.enter_context(keeper()).clear)
        return stack.enter_context(broker(setup, zookeeper=zookeeper)).seconds


if __name__ == "__main__":
    sys.exit(main())
