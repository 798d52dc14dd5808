"""Free ports on loopback, below those that the system hands out for outgoing connections."""

from __future__ import annotations

import random
import socket
from typing import Final

_CHOICE: Final = range(20000, 32000)
_ATTEMPTS: Final = 1000
# Not seeded: the order of tests is random too, and two runs side by side must not collide.
_DICE: Final = random.SystemRandom()


def free_ports(count: int) -> tuple[int, ...]:
    """Different ports that nobody has bound at this moment."""
    found: set[int] = set()
    for _ in range(_ATTEMPTS):
        if len(found) == count:
            return tuple(found)
        port = _DICE.choice(_CHOICE)
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if trial.connect_ex(("127.0.0.1", port)) != 0:
                found.add(port)
    raise OSError(f"no {count} free ports among {_CHOICE}")
