"""ZooKeeper's numbers: operations, errors, permissions, events (zookeeper.jute and ZooDefs of 3.8)."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

PACKET_LIMIT: Final = 0xFFFFF
"""Bytes of the largest packet either end takes by default: `jute.maxbuffer`, 1 MiB less one."""


class OpCode(IntEnum):
    """What a request asks for."""

    CREATE = 1
    DELETE = 2
    EXISTS = 3
    GET_DATA = 4
    SET_DATA = 5
    GET_ACL = 6
    SET_ACL = 7
    GET_CHILDREN = 8
    SYNC = 9
    PING = 11
    GET_CHILDREN2 = 12
    CHECK = 13
    MULTI = 14
    CREATE2 = 15
    AUTH = 100
    SASL = 102
    WHO_AM_I = 107
    CLOSE = -11
    ERROR = -1


class ErrorCode(IntEnum):
    """How a request ended."""

    OK = 0
    SYSTEM_ERROR = -1
    RUNTIME_INCONSISTENCY = -2
    MARSHALLING_ERROR = -5
    UNIMPLEMENTED = -6
    BAD_ARGUMENTS = -8
    NO_NODE = -101
    NO_AUTH = -102
    BAD_VERSION = -103
    NO_CHILDREN_FOR_EPHEMERALS = -108
    NODE_EXISTS = -110
    NOT_EMPTY = -111
    SESSION_EXPIRED = -112
    INVALID_CALLBACK = -113
    INVALID_ACL = -114
    AUTH_FAILED = -115
    SESSION_CLOSED_REQUIRE_AUTH = -124
    QUOTA_EXCEEDED = -125


class Perms(IntFlag):
    """What an entry of an access list allows."""

    READ = 1
    WRITE = 2
    CREATE = 4
    DELETE = 8
    ADMIN = 16
    ALL = 31


class CreateMode(IntEnum):
    """How a node is made: the flags of a create request."""

    PERSISTENT = 0
    EPHEMERAL = 1
    PERSISTENT_SEQUENTIAL = 2
    EPHEMERAL_SEQUENTIAL = 3


class EventType(IntEnum):
    """What happened to a watched node."""

    CREATED = 1
    DELETED = 2
    DATA_CHANGED = 3
    CHILDREN_CHANGED = 4


class Xid(IntEnum):
    """Request numbers with a meaning of their own."""

    NOTIFICATION = -1
    PING = -2
    AUTH = -4


CONNECTED: Final = 3
"""The state of the session that a watch event tells: connected."""
