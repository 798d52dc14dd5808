"""Requests that alter settings: whoever asks, what it is about, and whether that is there (KIP-133, KIP-339)."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, assert_never

from mskaudit.policy.acls import Operation, ResourceType
from mskaudit.reference.asking import NoReply
from mskaudit.reference.broker_settings import ALL_BROKERS
from mskaudit.reference.services.altering import (
    alter_broker,
    alter_group,
    alter_levels,
    alter_metrics,
    alter_topic,
)
from mskaudit.reference.services.config_changes import Change, ChangeOperation, Wish
from mskaudit.reference.services.config_resources import ConfigKind, has_client_metrics, kind_of
from mskaudit.reference.services.refusals import (
    CLUSTER_REFUSED,
    GROUP_REFUSED,
    TOPIC_REFUSED,
    clipped,
    in_zookeeper,
    name_fault,
)
from mskaudit.reference.services.topic_placing import Refusal
from mskaudit.reference.state import MOST_TOPICS
from mskaudit.wire.apis.configs import (
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
    IncrementalAlterConfigsResponse,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.wire.apis.configs import AlterConfigsRequest, IncrementalAlterConfigsRequest

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,10}")


async def _alter(asking: Asking, request: AlterConfigsRequest) -> AlterConfigsResponse | NoReply:
    wishes = [
        Wish(
            one.resource_type,
            one.resource_name,
            tuple(Change(config.name, ChangeOperation.SET, config.value) for config in one.configs),
            replaces=True,
        )
        for one in request.resources
    ]
    if len({(wish.kind, wish.name) for wish in wishes}) < len(wishes):
        return NoReply.SILENCE  # Kafka trips over a resource that comes twice, and forgets the request
    return AlterConfigsResponse(responses=_answers(asking, wishes, only_check=request.validate_only))


async def _alter_incrementally(
    asking: Asking, request: IncrementalAlterConfigsRequest
) -> IncrementalAlterConfigsResponse:
    wishes = [
        Wish(
            one.resource_type,
            one.resource_name,
            tuple(Change(config.name, config.config_operation, config.value) for config in one.configs),
            replaces=False,
        )
        for one in request.resources
    ]
    return IncrementalAlterConfigsResponse(responses=_answers(asking, wishes, only_check=request.validate_only))


def _answers(asking: Asking, wishes: list[Wish], *, only_check: bool) -> tuple[AlterConfigsResourceResponse, ...]:
    asked = Counter((wish.kind, wish.name) for wish in wishes)
    answers = []
    for number, wish in enumerate(wishes):
        refusal: Refusal | None
        if asked[wish.kind, wish.name] > 1:
            refusal = _invalid("Each resource must appear at most once.")
        elif number >= MOST_TOPICS:
            refusal = Refusal(ErrorCode.POLICY_VIOLATION, "Too many resources in one request.")
        else:
            refusal = _formal_fault(asking, wish) or _heed(asking, wish, only_check=only_check)
        answers.append(_answer(wish, refusal))
    return tuple(answers)


def _answer(wish: Wish, refusal: Refusal | None) -> AlterConfigsResourceResponse:
    if refusal is None:
        return AlterConfigsResourceResponse(resource_type=wish.kind, resource_name=wish.name)
    return AlterConfigsResourceResponse(
        error_code=refusal.error, error_message=refusal.message, resource_type=wish.kind, resource_name=wish.name
    )


def _invalid(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_REQUEST, clipped(message))


def _formal_fault(asking: Asking, wish: Wish) -> Refusal | None:
    """What is wrong with a wish whoever has it."""
    names = [change.name for change in wish.changes]
    if len(set(names)) < len(names):
        return _invalid("Error due to duplicate config keys")
    void = [name for name, operation, value in wish.changes if value is None and operation != ChangeOperation.DELETE]
    if void:
        return _invalid(f"Null value not supported for : {','.join(void)}")
    kind = kind_of(asking, wish.kind)
    if kind is None or (kind is ConfigKind.BROKER_LOGGER and wish.replaces):
        return _invalid(f"Unknown resource type {wish.kind}")
    if kind is ConfigKind.CLIENT_METRICS and not has_client_metrics(asking):
        return _invalid("AlterConfigs is only supported for topics and brokers, but resource type is CLIENT_METRICS")
    return None


def _heed(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    kind = ConfigKind(wish.kind)
    match kind:
        case ConfigKind.TOPIC:
            return _heed_topic(asking, wish, only_check=only_check)
        case ConfigKind.BROKER:
            return _heed_broker(asking, wish, only_check=only_check)
        case ConfigKind.BROKER_LOGGER:
            refusal = _unauthorized(asking, None) or _other_node(asking, wish)
            return refusal or alter_levels(asking, wish, only_check=only_check)
        case ConfigKind.GROUP:
            if not asking.may(Operation.ALTER_CONFIGS, ResourceType.GROUP, wish.name):
                return Refusal(ErrorCode.GROUP_AUTHORIZATION_FAILED, GROUP_REFUSED)
            return alter_group(asking, wish, only_check=only_check)
        case ConfigKind.CLIENT_METRICS:
            return _unauthorized(asking, CLUSTER_REFUSED) or alter_metrics(asking, wish, only_check=only_check)
        case _:
            assert_never(kind)


def _heed_topic(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    old = in_zookeeper(asking)
    if not asking.may(Operation.ALTER_CONFIGS, ResourceType.TOPIC, wish.name):
        return Refusal(ErrorCode.TOPIC_AUTHORIZATION_FAILED, None if old else TOPIC_REFUSED)
    if not wish.name:
        return _invalid("Default topic resources are not allowed.")
    fault = None if old else name_fault(wish.name)
    if fault is not None:
        return Refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, fault)
    if wish.name not in asking.state.topics:
        message = f"The topic '{wish.name}' does not exist."
        return Refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, clipped(message))
    return alter_topic(asking, wish, asking.state.topics[wish.name], only_check=only_check)


def _heed_broker(asking: Asking, wish: Wish, *, only_check: bool) -> Refusal | None:
    elsewhere = None if wish.name == ALL_BROKERS else _other_node(asking, wish)
    refusal = _unauthorized(asking, None)
    if in_zookeeper(asking) and refusal is not None:
        # That mode looks at the settings before it asks who wants them.
        return elsewhere or alter_broker(asking, wish, only_check=True) or refusal
    return refusal or elsewhere or alter_broker(asking, wish, only_check=only_check)


def _unauthorized(asking: Asking, message: str | None) -> Refusal | None:
    if asking.may_on_cluster(Operation.ALTER_CONFIGS):
        return None
    return Refusal(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, message)


def _other_node(asking: Asking, wish: Wish) -> Refusal | None:
    if not _INTEGER.fullmatch(wish.name):
        return _invalid(f"Node id must be an integer, but it is: {wish.name}")
    own = asking.node.number
    if int(wish.name) != own:
        return _invalid(f"Unexpected broker id, expected {own}, but received {wish.name}")
    return None


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.ALTER_CONFIGS: _alter,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: _alter_incrementally,
}
