"""Attack both ends with spoilt frames; `make fuzz` runs it.

python -m tests.fuzz --seed 1 --frames 100000      so many spoilt frames against servers, and as many against clients
python -m tests.fuzz --seed 1 --only sessions:17   one case again, with those before it if it needs them
"""

from __future__ import annotations

import argparse
import sys

from tests.fuzz import entropy
from tests.fuzz.campaign import replay
from tests.fuzz.everything import TARGETS, campaign, table, verdict


def main() -> int:
    """Exit status 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Attack both ends with spoilt frames.")
    parser.add_argument("--seed", type=int, default=1, help="what all randomness follows from")
    parser.add_argument("--frames", type=int, default=100_000, help="spoilt frames for each side")
    parser.add_argument("--only", metavar="TARGET:CASE", help="one case alone")
    options = parser.parse_args()
    return _all(options.seed, options.frames) if options.only is None else _one(options.seed, options.only)


def _all(seed: int, frames: int) -> int:
    tallies = []
    for tally in campaign(seed=seed, frames=frames):
        tallies.append(tally)
        for failure in tally.failures:
            print("\n".join(failure.lines()), flush=True)
    print("\n".join(table(tallies)))
    wrong = verdict(tallies)
    print(f"seed {seed}: {'; '.join(wrong) or 'nothing went wrong'}")
    return 1 if wrong else 0


def _one(seed: int, only: str) -> int:
    name, _, index = only.partition(":")
    named = {target.name: target for target in TARGETS}
    if name not in named or not index.isdecimal():
        print(f"--only wants a target and the number of a case; targets are {', '.join(named)}", file=sys.stderr)
        return 2
    with entropy.determined():
        failure = replay(named[name], seed=seed, index=int(index))
    print(f"case {only} with seed {seed} passes" if failure is None else "\n".join(failure.lines()))
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
