"""The hosts of ACLs: an address as text, `*`, and from Kafka 4.4 on a network such as `10.0.0.0/8`."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, assert_never

WILDCARD: Final = "*"

_IPV4_NETWORK: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})/([0-9]{1,2})")
_IPV6_NETWORK: Final = re.compile(r"([0-9a-fA-F:.]{2,45})/([+-]?[0-9]{1,9})")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class HostForm(StrEnum):
    """What the host of an ACL may be, besides `*`."""

    ADDRESS = "address"
    NETWORK = "address or network"


def covers_host(pattern: str, host: str, *, form: HostForm) -> bool:
    """Whether an ACL's host is about a client's address, which is given as Java writes it."""
    if pattern in (WILDCARD, host):
        return True
    match form:
        case HostForm.ADDRESS:
            return False
        case HostForm.NETWORK:
            network, address = _network(pattern), _address(host)
            return network is not None and address is not None and address in network
        case _:
            assert_never(form)


def complaint(pattern: str, *, form: HostForm) -> str | None:
    """Return why CreateAcls refuses an ACL's host, in Kafka's words, or None if it takes it."""
    if form is HostForm.ADDRESS:
        return None
    if not pattern:
        return "Host pattern cannot be null or empty"
    if "/" in pattern and _network(pattern) is None:
        return f"Invalid CIDR notation '{pattern}': Could not parse [{pattern}]"
    return None


@lru_cache(maxsize=4096)
def _network(text: str) -> _Network | None:
    """Return a network; bits of the host, and zeros or signs in front, are taken as commons-net takes them."""
    decimal, hexadecimal = _IPV4_NETWORK.fullmatch(text), _IPV6_NETWORK.fullmatch(text)
    if decimal is not None:
        text = "{}.{}.{}.{}/{}".format(*map(int, decimal.groups()))
    elif hexadecimal is not None and ":" in hexadecimal[1]:
        text = f"{hexadecimal[1]}/{int(hexadecimal[2])}"
    else:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
