"""How brokers refuse: the words of Kafka for those who may not, and for names that nothing can have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mskaudit.reference.releases import Mode

if TYPE_CHECKING:
    from mskaudit.policy.acls import Operation
    from mskaudit.reference.asking import Asking

CLUSTER_REFUSED: Final = "Cluster authorization failed."
GROUP_REFUSED: Final = "Group authorization failed."
TOPIC_REFUSED: Final = "Topic authorization failed."
UNKNOWN_TOPIC: Final = "This server does not host this topic-partition."
UNKNOWN_ID: Final = "This server does not host this topic ID."

_LONGEST_NAME: Final = 249
_LONGEST_TEXT: Final = 8_000
_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]+")


def in_zookeeper(asking: Asking) -> bool:
    """Whether the cluster keeps its metadata in ZooKeeper."""
    return asking.state.cluster.mode is Mode.ZOOKEEPER


def controls(asking: Asking) -> bool:
    """Whether the broker asked can do what a controller does: any in KRaft mode, which pass requests on."""
    return not in_zookeeper(asking) or asking.node.number == asking.controller


def clipped(text: str) -> str:
    """A message of at most so many characters that every version can carry it."""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT]


def request_refused(asking: Asking, operation: Operation) -> str:
    """What Kafka says to those who may not do that to the cluster: it tells its request object and listener too."""
    host, port = asking.node.addresses[asking.listener_name]
    request = (
        f"Request(processor=0, connectionId={host}:{port}-{asking.host}:0-0, "
        f"session=org.apache.kafka.network.Session@{asking.node.number:08x}, "
        f"listenerName=ListenerName({asking.listener_name.upper()}), "
        f"securityProtocol={asking.listener.protocol.value}, buffer=null, envelope="
    )
    if in_zookeeper(asking):
        return f"Request {request}None) is not authorized."
    return f"Request {request}Optional.empty) needs {operation.name} permission."


def name_fault(name: str) -> str | None:
    """Why no topic can have a name."""
    if not name:
        fault = "the empty string is not allowed"
    elif name in {".", ".."}:
        fault = f"'{name}' is not allowed"
    elif len(name) > _LONGEST_NAME:
        fault = f"the length of '{name}' is longer than the max allowed length {_LONGEST_NAME}"
    elif not _TOPIC.fullmatch(name):
        fault = f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    else:
        return None
    return clipped(f"Topic name is invalid: {fault}")
