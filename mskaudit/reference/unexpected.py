"""Requests that are not due: a broker that waits for a token answers anything else with an error, and then closes.

The answers are those that 3.9.2 and 4.4.0 were heard to give, each in the form of its API: some say it once, some for
all that was asked about, some in Kafka's general words. Where a request gets no answer, or its API is not served here,
the end is all there is; Kafka answers also for APIs that it has and does not advertise in its mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mskaudit.reference.unexpected_work import ANSWERS, BY_VERSION, CODE, GENERAL, fetch, said
from mskaudit.wire.apis import acls, api, cluster, configs, topics, transactions, users
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mskaudit.reference.releases import Profile
    from mskaudit.wire.connection import Call
    from mskaudit.wire.messages import Response

_NO_NULL_RECORDS_SINCE: Final = 4
_TOPIC_IDS_SINCE: Final = 6

_ONCE: Final = frozenset(
    {
        ApiKey.API_VERSIONS,
        ApiKey.SASL_HANDSHAKE,
        ApiKey.DESCRIBE_LOG_DIRS,
        ApiKey.DESCRIBE_DELEGATION_TOKEN,
        ApiKey.HEARTBEAT,
        ApiKey.LEAVE_GROUP,
        ApiKey.LIST_CONFIG_RESOURCES,
        ApiKey.LIST_GROUPS,
        ApiKey.LIST_TRANSACTIONS,
    }
)
"""APIs whose answer is the code alone."""

_ONCE_WITH_WORDS: Final = frozenset({ApiKey.DESCRIBE_ACLS, ApiKey.LIST_PARTITION_REASSIGNMENTS, ApiKey.UPDATE_FEATURES})
"""Those with the code and what was wrong."""


def unexpected(call: Call, profile: Profile) -> Response | None:
    """The answer to a request where a token was due, None where there is none."""
    key = ApiKey(call.api_key)
    if key in _ONCE:
        return _once(key, error_code=CODE)
    if key in _ONCE_WITH_WORDS:
        return _once(key, error_code=CODE, error_message=said(key))
    if key == ApiKey.FETCH:
        return fetch(call.message, call.version, nothing=b"" if profile.major >= _NO_NULL_RECORDS_SINCE else None)
    if key in _BY_VERSION:
        return _BY_VERSION[key](call.message, call.version)
    return _ANSWERS[key](call.message) if key in _ANSWERS else None


def _once(key: ApiKey, **values: Any) -> Response:
    make: Callable[..., Response] = api(key).response
    return make(**values)


def _transactions(request: Any) -> Response:
    return transactions.DescribeTransactionsResponse(
        transaction_states=tuple(
            transactions.DescribeTransactionsTransactionState(
                error_code=CODE,
                transactional_id=transactional_id,
                transaction_state="",
                transaction_timeout_ms=0,
                transaction_start_time_ms=0,
                producer_id=0,
                producer_epoch=0,
            )
            for transactional_id in request.transactional_ids
        )
    )


def _create_topics(request: Any) -> Response:
    words = said(ApiKey.CREATE_TOPICS)
    results = (
        topics.CreatableTopicResult(name=one.name, error_code=CODE, error_message=words) for one in request.topics
    )
    return topics.CreateTopicsResponse(topics=tuple(results))


def _delete_topics(request: Any, version: int) -> Response:
    if version < _TOPIC_IDS_SINCE:
        named = (topics.DeletableTopicResult(name=name, error_code=CODE) for name in request.topic_names)
        return topics.DeleteTopicsResponse(responses=tuple(named))
    return topics.DeleteTopicsResponse(
        responses=tuple(
            topics.DeletableTopicResult(name=one.name, topic_id=one.topic_id, error_code=CODE) for one in request.topics
        )
    )


def _create_partitions(request: Any) -> Response:
    words = said(ApiKey.CREATE_PARTITIONS)
    return topics.CreatePartitionsResponse(
        results=tuple(
            topics.CreatePartitionsTopicResult(name=one.name, error_code=CODE, error_message=words)
            for one in request.topics
        )
    )


def _create_acls(request: Any) -> Response:
    result = acls.AclCreationResult(error_code=CODE, error_message=said(ApiKey.CREATE_ACLS))
    return acls.CreateAclsResponse(results=(result,) * len(request.creations))


def _delete_acls(request: Any) -> Response:
    result = acls.DeleteAclsFilterResult(error_code=CODE, error_message=said(ApiKey.DELETE_ACLS))
    return acls.DeleteAclsResponse(filter_results=(result,) * len(request.filters))


def _describe_configs(request: Any) -> Response:
    return configs.DescribeConfigsResponse(
        results=tuple(
            configs.DescribeConfigsResult(
                error_code=CODE,
                error_message=GENERAL,
                resource_type=one.resource_type,
                resource_name=one.resource_name,
            )
            for one in request.resources
        )
    )


def _resources(request: Any, key: ApiKey) -> tuple[configs.AlterConfigsResourceResponse, ...]:
    return tuple(
        configs.AlterConfigsResourceResponse(
            error_code=CODE,
            error_message=said(key),
            resource_type=one.resource_type,
            resource_name=one.resource_name,
        )
        for one in request.resources
    )


def _alter_configs(request: Any) -> Response:
    return configs.AlterConfigsResponse(responses=_resources(request, ApiKey.ALTER_CONFIGS))


def _alter_incrementally(request: Any) -> Response:
    return configs.IncrementalAlterConfigsResponse(responses=_resources(request, ApiKey.INCREMENTAL_ALTER_CONFIGS))


def _describe_users(request: Any) -> Response:
    words = said(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS)
    # Nobody is named in it.
    result = users.DescribeUserScramCredentialsResult(user="", error_code=CODE, error_message=words)
    return users.DescribeUserScramCredentialsResponse(
        error_code=CODE, error_message=words, results=(result,) * len(request.users or ())
    )


def _alter_users(request: Any) -> Response:
    words = said(ApiKey.ALTER_USER_SCRAM_CREDENTIALS)
    names = dict.fromkeys(one.name for one in (*request.deletions, *request.upsertions))
    return users.AlterUserScramCredentialsResponse(
        results=tuple(
            users.AlterUserScramCredentialsResult(user=name, error_code=CODE, error_message=words) for name in names
        )
    )


def _describe_quotas(_: Any) -> Response:
    words = said(ApiKey.DESCRIBE_CLIENT_QUOTAS)
    return cluster.DescribeClientQuotasResponse(error_code=CODE, error_message=words, entries=None)


def _alter_quotas(request: Any) -> Response:
    return cluster.AlterClientQuotasResponse(
        entries=tuple(
            cluster.AlterClientQuotasResponseEntryData(error_code=CODE, error_message=GENERAL, entity=one.entity)
            for one in request.entries
        )
    )


def _quorum(_: Any) -> Response:
    return cluster.DescribeQuorumResponse(error_code=CODE, error_message=GENERAL)


_ANSWERS: Final[Mapping[int, Callable[[Any], Response | None]]] = {
    **ANSWERS,
    ApiKey.DESCRIBE_TRANSACTIONS: _transactions,
    ApiKey.CREATE_TOPICS: _create_topics,
    ApiKey.CREATE_PARTITIONS: _create_partitions,
    ApiKey.CREATE_ACLS: _create_acls,
    ApiKey.DELETE_ACLS: _delete_acls,
    ApiKey.DESCRIBE_CONFIGS: _describe_configs,
    ApiKey.ALTER_CONFIGS: _alter_configs,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: _alter_incrementally,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: _describe_users,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: _alter_users,
    ApiKey.DESCRIBE_CLIENT_QUOTAS: _describe_quotas,
    ApiKey.ALTER_CLIENT_QUOTAS: _alter_quotas,
    ApiKey.DESCRIBE_QUORUM: _quorum,
}

_BY_VERSION: Final[Mapping[int, Callable[[Any, int], Response | None]]] = {
    **BY_VERSION,
    ApiKey.DELETE_TOPICS: _delete_topics,
}
