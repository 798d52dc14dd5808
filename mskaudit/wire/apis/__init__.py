"""Every Kafka API that has message tables, found by its number and loaded when it is first asked for.

All versions of Apache Kafka 2.0 to 4.4, those of ``messages`` included. Tables and fields have the names of Kafka's
message definitions, fields in snake case; a nested table whose name Kafka uses for several things has the API's or
the message's name in front. To make all tables costs a scanner's whole start, so a module is loaded for a use of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from mskaudit.wire import messages
from mskaudit.wire.messages import Api, ApiKey

_HOMES: Final = MappingProxyType(
    {
        "logs": (ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.INIT_PRODUCER_ID),
        "positions": (
            ApiKey.LIST_OFFSETS,
            ApiKey.DELETE_RECORDS,
            ApiKey.OFFSET_FOR_LEADER_EPOCH,
            ApiKey.DESCRIBE_PRODUCERS,
        ),
        "offsets": (ApiKey.OFFSET_COMMIT, ApiKey.OFFSET_FETCH),
        "groups": (
            ApiKey.FIND_COORDINATOR,
            ApiKey.JOIN_GROUP,
            ApiKey.HEARTBEAT,
            ApiKey.LEAVE_GROUP,
            ApiKey.SYNC_GROUP,
            ApiKey.DESCRIBE_GROUPS,
            ApiKey.LIST_GROUPS,
            ApiKey.DELETE_GROUPS,
        ),
        "topics": (
            ApiKey.CREATE_TOPICS,
            ApiKey.DELETE_TOPICS,
            ApiKey.CREATE_PARTITIONS,
            ApiKey.LIST_PARTITION_REASSIGNMENTS,
            ApiKey.DESCRIBE_TOPIC_PARTITIONS,
        ),
        "acls": (ApiKey.DESCRIBE_ACLS, ApiKey.CREATE_ACLS, ApiKey.DELETE_ACLS),
        "configs": (
            ApiKey.DESCRIBE_CONFIGS,
            ApiKey.ALTER_CONFIGS,
            ApiKey.INCREMENTAL_ALTER_CONFIGS,
            ApiKey.LIST_CONFIG_RESOURCES,
        ),
        "users": (
            ApiKey.DESCRIBE_DELEGATION_TOKEN,
            ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
            ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
        ),
        "cluster": (
            ApiKey.DESCRIBE_LOG_DIRS,
            ApiKey.DESCRIBE_CLIENT_QUOTAS,
            ApiKey.ALTER_CLIENT_QUOTAS,
            ApiKey.DESCRIBE_QUORUM,
            ApiKey.UPDATE_FEATURES,
        ),
        "transactions": (ApiKey.DESCRIBE_TRANSACTIONS, ApiKey.LIST_TRANSACTIONS),
    }
)
_HOME_OF: Final[Mapping[int, str]] = MappingProxyType({key: home for home, keys in _HOMES.items() for key in keys})
_BASIC: Final = MappingProxyType({api.key: api for api in messages.APIS})


class _Apis(Mapping[int, Api]):
    """All APIs by number; a lookup loads the module the API is in, and going through values loads all."""

    def __getitem__(self, key: int) -> Api:
        if key in _BASIC:
            return _BASIC[key]
        return _load(_HOME_OF[key])[key]

    def __iter__(self) -> Iterator[int]:
        return iter(sorted((*_BASIC, *_HOME_OF)))

    def __len__(self) -> int:
        return len(_BASIC) + len(_HOME_OF)

    def __contains__(self, key: object) -> bool:
        return key in _BASIC or key in _HOME_OF


APIS: Final[Mapping[int, Api]] = _Apis()


def api(key: int) -> Api:
    """Return the API with that number; KeyError if it has no tables."""
    return APIS[key]


def every() -> tuple[Api, ...]:
    """Return all APIs by ascending number, which loads all modules."""
    return tuple(APIS.values())


@cache
def _load(home: str) -> Mapping[int, Api]:
    module = import_module(f"{__name__}.{home}")
    return {api.key: api for api in module.APIS}
