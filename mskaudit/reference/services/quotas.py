"""Client quotas described and altered (KIP-546, KIP-612); none is in force in a reference cluster."""

from __future__ import annotations

import math
import re
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import Operation
from mskaudit.reference.services.capacity import room_for_quota
from mskaudit.reference.services.refusals import CLUSTER_REFUSED, clipped, in_zookeeper
from mskaudit.reference.services.topic_placing import Refusal
from mskaudit.wire.apis.cluster import (
    AlterClientQuotasResponse,
    AlterClientQuotasResponseEntryData,
    DescribeClientQuotasEntryData,
    DescribeClientQuotasResponse,
    EntityData,
    ValueData,
)
from mskaudit.wire.codes import ErrorCode
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.reference.asking import Asking, Handler
    from mskaudit.wire.apis.cluster import (
        AlterClientQuotasRequest,
        AlterClientQuotasRequestEntryData,
        ComponentData,
        DescribeClientQuotasRequest,
        OpData,
    )

Entity = tuple[tuple[str, str | None], ...]

_USER: Final = "user"
_CLIENT: Final = "client-id"
_IP: Final = "ip"
_KINDS: Final = frozenset({_USER, _CLIENT, _IP})
_LONGS: Final = frozenset({"producer_byte_rate", "consumer_byte_rate"})
_KEYS: Final = _LONGS | {"request_percentage", "controller_mutation_rate"}
_IP_KEYS: Final = frozenset({"connection_creation_rate"})
_HOST: Final = re.compile(r"[0-9A-Za-z.:-]{1,253}")


class Match(IntEnum):
    """How a component of a filter is meant."""

    EXACT = 0
    DEFAULT = 1
    ANY = 2


async def _describe(asking: Asking, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
    if not asking.may_on_cluster(Operation.DESCRIBE_CONFIGS):
        return DescribeClientQuotasResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED, entries=None)
    refusal = _filter_refusal(asking, request.components)
    if refusal is not None:
        return DescribeClientQuotasResponse(error_code=refusal.error, error_message=refusal.message, entries=None)
    entries = (
        DescribeClientQuotasEntryData(
            entity=tuple(EntityData(entity_type=kind, entity_name=name) for kind, name in entity),
            values=tuple(ValueData(key=key, value=value) for key, value in values.items()),
        )
        for entity, values in asking.state.quotas.items()
        if _matches(request, entity)
    )
    return DescribeClientQuotasResponse(error_message="", entries=tuple(entries))


def _filter_refusal(asking: Asking, components: tuple[ComponentData, ...]) -> Refusal | None:
    old = in_zookeeper(asking)
    kinds = Counter(component.entity_type for component in components)
    for kind, times in kinds.items():
        if not kind:
            message = "Unexpected empty filter component entity type" if old else "Invalid empty entity type."
            return Refusal(ErrorCode.INVALID_REQUEST, message)
        if kind not in _KINDS:
            message = f"Custom entity type '{kind}' not supported" if old else f"Unsupported entity type {kind}"
            return Refusal(ErrorCode.UNSUPPORTED_VERSION, clipped(message))
        if times > 1:
            twice = f"Duplicate {kind} filter component entity type"
            once = f"Entity type {kind} cannot appear more than once in the filter."
            return Refusal(ErrorCode.INVALID_REQUEST, twice if old else once)
    if _IP in kinds and len(kinds) > 1:
        message = "Invalid entity filter component combination"
        rest = "IP filter component should not be used with user or clientId filter component."
        return Refusal(ErrorCode.INVALID_REQUEST, f"{message}{', ' if old else '. '}{rest}")
    return next(filter(None, (_match_refusal(component, old=old) for component in components)), None)


def _match_refusal(component: ComponentData, *, old: bool) -> Refusal | None:
    kind, name = component.match_type, component.match
    if kind not in set(Match):
        if old:
            return Refusal(ErrorCode.UNKNOWN_SERVER_ERROR, None)
        return Refusal(ErrorCode.INVALID_REQUEST, f"Unknown match type {kind}")
    if kind == Match.EXACT and name is None:
        if old:
            return Refusal(ErrorCode.UNKNOWN_SERVER_ERROR, None)
        message = "Request specified MATCH_TYPE_EXACT, but set match string to null."
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    if kind != Match.EXACT and name is not None and not old:
        which = "DEFAULT" if kind == Match.DEFAULT else "SPECIFIED"
        message = f"Request specified MATCH_TYPE_{which}, but also specified a match string."
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    return None


def _matches(request: DescribeClientQuotasRequest, entity: Entity) -> bool:
    names = dict(entity)
    for component in request.components:
        if component.entity_type not in names:
            return False
        name = names[component.entity_type]
        if component.match_type == Match.EXACT and name != component.match:
            return False
        if component.match_type == Match.DEFAULT and name is not None:
            return False
    return not request.strict or len(names) == len(request.components)


async def _alter(asking: Asking, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
    allowed = asking.may_on_cluster(Operation.ALTER_CONFIGS)
    entries = []
    for entry in request.entries:
        refusal: Refusal | None = Refusal(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, CLUSTER_REFUSED)
        if allowed:
            refusal = _alteration(asking, entry, validate_only=request.validate_only)
        entries.append(_altered(entry, refusal))
    return AlterClientQuotasResponse(entries=tuple(entries))


def _altered(entry: AlterClientQuotasRequestEntryData, refusal: Refusal | None) -> AlterClientQuotasResponseEntryData:
    entity = tuple({part.entity_type: part for part in entry.entity}.values())
    if refusal is None:
        return AlterClientQuotasResponseEntryData(entity=entity)
    return AlterClientQuotasResponseEntryData(error_code=refusal.error, error_message=refusal.message, entity=entity)


def _alteration(asking: Asking, entry: AlterClientQuotasRequestEntryData, *, validate_only: bool) -> Refusal | None:
    names = {part.entity_type: part.entity_name for part in entry.entity}
    fault = _entity_fault(asking, names) or _ops_fault(asking, names, entry.ops)
    if fault is not None:
        return Refusal(ErrorCode.INVALID_REQUEST, clipped(fault))
    entity: Entity = tuple(sorted(names.items()))
    if not room_for_quota(asking.state, entity):
        return Refusal(ErrorCode.POLICY_VIOLATION, "This cluster holds no more quotas.")
    if not validate_only:
        quotas = dict(asking.state.quotas[entity]) if entity in asking.state.quotas else {}
        for op in entry.ops:
            if op.remove:
                quotas.pop(op.key, None)
            else:
                quotas[op.key] = op.value
        asking.state.quotas.pop(entity, None)
        if quotas:
            asking.state.quotas[entity] = quotas
    return None


def _entity_fault(asking: Asking, names: Mapping[str, str | None]) -> str | None:
    if not names:
        return "Invalid empty client quota entity"
    for kind, name in names.items():
        if kind not in _KINDS:
            return f"Unhandled client quota entity type: {kind}"
        if name == "":
            return f"Empty {kind} not supported"
    if _IP in names and len(names) > 1:
        rest = "should not be used with user/client ID entity."
        if not in_zookeeper(asking):
            rest = "shouldnot be combined with User or ClientId"
        return f"Invalid quota entity combination, IP entity {rest}"
    address = names[_IP] if _IP in names else None
    if address is not None and not _HOST.fullmatch(address):
        return f"{address} is not a valid IP or resolvable host."
    return None


def _ops_fault(asking: Asking, names: Mapping[str, str | None], ops: tuple[OpData, ...]) -> str | None:
    keys = _IP_KEYS if _IP in names else _KEYS
    for op in ops:
        if op.key not in keys:
            return f"Invalid configuration key {op.key}"
        fault = None if op.remove else _value_fault(asking, op)
        if fault is not None:
            return fault
    return None


def _value_fault(asking: Asking, op: OpData) -> str | None:
    whole = math.isfinite(op.value) and op.value == math.floor(op.value)
    if in_zookeeper(asking):
        bad = op.key in _LONGS and (not whole or op.value < 0)
        return f"Configuration {op.key} must be a LONG value" if bad else None
    if not math.isfinite(op.value):
        return f"Quota {op.key} must be a finite number"
    if op.value <= 0:
        return f"Quota {op.key} must be greater than 0"
    return f"{op.key} cannot be a fractional value." if op.key in _LONGS and not whole else None


HANDLERS: Final[Mapping[int, Handler]] = {
    ApiKey.DESCRIBE_CLIENT_QUOTAS: _describe,
    ApiKey.ALTER_CLIENT_QUOTAS: _alter,
}
