"""Transactions as their coordinators know them; times are in milliseconds."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from mskaudit.wire.messages import Api, ApiKey, Request, Response
from mskaudit.wire.schema import Int16, Int32, Int64, String, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTransactionsRequest(Request):
    """Ask about transactions by transactional id (KIP-664)."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_TRANSACTIONS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    transactional_ids: tuple[String, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTransactionsTopicData:
    """Partitions of one topic in the transaction."""

    topic: String
    partitions: tuple[Int32, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTransactionsTransactionState:
    """A transaction: its producer, state and partitions."""

    error_code: Int16 = 0
    transactional_id: String
    transaction_state: String
    transaction_timeout_ms: Int32
    transaction_start_time_ms: Int64
    producer_id: Int64
    producer_epoch: Int16
    topics: tuple[DescribeTransactionsTopicData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTransactionsResponse(Response):
    """The transactions asked about."""

    api_key: ClassVar[int] = ApiKey.DESCRIBE_TRANSACTIONS
    versions: ClassVar[range] = range(1)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    transaction_states: tuple[DescribeTransactionsTransactionState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTransactionsRequest(Request):
    """Ask which transactions the broker looks after; no filter means any."""

    api_key: ClassVar[int] = ApiKey.LIST_TRANSACTIONS
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    state_filters: tuple[String, ...]
    producer_id_filters: tuple[Int64, ...]
    duration_filter: Annotated[Int64, Wire(since=1)] = -1
    transactional_id_pattern: Annotated[String | None, Wire(since=2)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTransactionsTransactionState:
    """A transaction's id, producer and state."""

    transactional_id: String
    producer_id: Int64
    transaction_state: String


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTransactionsResponse(Response):
    """Transactions that the broker looks after and the principal may see."""

    api_key: ClassVar[int] = ApiKey.LIST_TRANSACTIONS
    versions: ClassVar[range] = range(3)
    flexible_since: ClassVar[int] = 0
    throttle_time_ms: Int32 = 0
    error_code: Int16 = 0
    unknown_state_filters: tuple[String, ...] = ()
    transaction_states: tuple[ListTransactionsTransactionState, ...] = ()


APIS: Final = (
    Api.of(DescribeTransactionsRequest, DescribeTransactionsResponse),
    Api.of(ListTransactionsRequest, ListTransactionsResponse),
)
