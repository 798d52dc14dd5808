"""Facts of a cluster and its listeners, derived from evidence given by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mskaudit.engine.corpus import load
from mskaudit.facts.derive import View, derive
from mskaudit.model.evidence import Column, Gap, Reason
from mskaudit.model.fact import MISSING, Fact
from mskaudit.model.subjects import Kind, gathered
from tests.model.builders import ARN, cluster, dossier, listener, sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.model.dossier import Subject

AS_OF: Final = "2026-11-23"
SUPPORT: Final = load().support
ABSENT: Final = dict.fromkeys(
    (
        "declared.client_broker",
        "declared.in_cluster_tls",
        "declared.at_rest_key",
        "declared.iam",
        "declared.scram",
        "declared.mtls",
        "declared.unauthenticated",
        "declared.public_access",
        "declared.private_link_iam",
        "declared.private_link_scram",
        "declared.private_link_tls",
        "declared.enhanced_monitoring",
        "declared.broker_logs",
        "declared.authorizer_logs",
        "declared.zookeeper_connect",
        "declared.zookeeper_connect_tls",
        "declared.configuration",
    )
)
BARE: Final[dict[str, Any]] = {
    "declared.name": "orders",
    "declared.type": "PROVISIONED",
    "declared.state": "ACTIVE",
    "declared.instance_type": "kafka.m5.large",
    "declared.kafka_version": "3.6.0",
    **ABSENT,
}
SERVERLESS: Final = {
    **BARE,
    "declared.type": "SERVERLESS",
    "declared.instance_type": None,
    "declared.kafka_version": None,
    "declared.iam": True,
}


def views(
    known: Mapping[str, Any],
    gaps: Mapping[str, Reason] | None = None,
    *,
    probed: Mapping[str, Mapping[str, Any] | Reason] | None = None,
    as_of: str = AS_OF,
) -> list[View]:
    """The views of one cluster; what is a gap is not known as well, and `probed` is by address."""
    gaps = gaps or {}
    look = sighting({path: value for path, value in known.items() if path not in gaps}, gaps)
    listeners = [_probed(address, seen) for address, seen in (probed or {}).items()]
    return list(derive(dossier(cluster(look), *listeners), support=SUPPORT, as_of=as_of))


def _probed(address: str, seen: Mapping[str, Any] | Reason) -> Subject:
    """A listener of which these values were seen, or nothing for one reason."""
    if isinstance(seen, Reason):
        return listener(address, gaps=dict.fromkeys(gathered(Kind.LISTENER, Column.OBSERVED), seen))
    return listener(address, seen)


def facts_of(
    known: Mapping[str, Any], gaps: Mapping[str, Reason] | None = None, *, as_of: str = AS_OF
) -> dict[str, Fact]:
    """The facts of the cluster alone."""
    return views(known, gaps, as_of=as_of)[0].facts


def listeners_of(
    known: Mapping[str, Any],
    gaps: Mapping[str, Reason] | None = None,
    *,
    probed: Mapping[str, Mapping[str, Any] | Reason] | None = None,
) -> dict[str, dict[str, Fact]]:
    """The facts of each listener by its address."""
    seen = [view for view in views(known, gaps, probed=probed) if view.key.kind is Kind.LISTENER]
    return {view.key.id.removeprefix(f"{ARN}/"): view.facts for view in seen}


def said(fact: Fact) -> object:
    """The value, or `?` where it is missing, which it is for gaps only."""
    if fact.value is not MISSING:
        return fact.value
    assert fact.support
    assert all(isinstance(there, Gap) for there in fact.support)
    return "?"


def reasons(fact: Fact) -> set[Reason]:
    """Why a missing fact is missing."""
    assert fact.value is MISSING
    return {there.reason for there in fact.support if isinstance(there, Gap)}
