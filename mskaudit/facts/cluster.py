"""What follows for a cluster from its declared settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mskaudit.facts.defaults import UNFINISHED, apply_to, assumed
from mskaudit.facts.versions import SupportTable, is_kraft, parse
from mskaudit.model.evidence import Evidence, Known, Reason
from mskaudit.model.fact import MISSING, Fact, any_of, apply, choose, unsettled

if TYPE_CHECKING:
    from collections.abc import Mapping

Facts = dict[str, Fact]
METHODS: Final = ("iam", "mtls", "scram")


def describe(facts: Facts, evidence: Mapping[str, Evidence], *, support: SupportTable, as_of: str) -> Facts:
    """Every derived fact of a cluster that does not depend on its listeners.

    `facts` are the gathered paths lifted; `evidence` the same paths as they were seen, where absence is still visible.
    """
    return {
        "name": facts["declared.name"],
        "service": _service(facts),
        "metadata_mode": _metadata_mode(facts, evidence),
        "zookeeper_tls": _stated("declared.zookeeper_connect_tls", facts, evidence),
        "authentication": _authentication(facts),
        "default_allow": _default_allow(facts, evidence),
        "public": _public(facts),
        **_support(facts, support, as_of),
    }


def is_(facts: Mapping[str, Fact], path: str, *values: Any) -> Fact:
    """Whether a fact has one of some values."""
    return apply(lambda value: value in values, facts[path])


def _service(facts: Facts) -> Fact:
    size = apply(lambda text: "express" if text.startswith("express.") else "standard", facts["declared.instance_type"])
    serverless = is_(facts, "declared.type", "SERVERLESS")
    return choose(serverless, Fact("serverless", ()), size)


def _absent(path: str, evidence: Mapping[str, Evidence]) -> Known | None:
    """The evidence that a complete answer left the field out."""
    seen = evidence[path] if path in evidence else None
    return seen if isinstance(seen, Known) and seen.value is None else None


def _stated(path: str, facts: Facts, evidence: Mapping[str, Evidence]) -> Fact:
    """Whether a complete answer about a finished cluster has the field."""
    if facts[path].value is not MISSING:
        return Fact(True, facts[path].support)
    absent = _absent(path, evidence)
    if absent is None:
        return facts[path]
    return choose(is_(facts, "declared.state", *UNFINISHED), facts[path], Fact(False, (absent,)))


def _metadata_mode(facts: Facts, evidence: Mapping[str, Evidence]) -> Fact:
    kraft = apply(is_kraft, facts["declared.kafka_version"])
    stated = _stated("declared.zookeeper_connect", facts, evidence)
    return choose(kraft, Fact("kraft", ()), apply(lambda there: "zookeeper" if there else "kraft", stated))


def _authentication(facts: Facts) -> Fact:
    """The methods that are on; MSK Serverless has one, and no setting for the others."""
    return choose(is_(facts, "declared.type", "SERVERLESS"), _methods(facts, "iam"), _methods(facts, *METHODS))


def _methods(facts: Facts, *methods: str) -> Fact:
    return apply(
        lambda *on: [method for method, is_on in zip(methods, on, strict=True) if is_on],
        *(facts[f"declared.{method}"] for method in methods),
    )


def _default_allow(facts: Facts, evidence: Mapping[str, Evidence]) -> Fact:
    """The flag of the configuration in force; without a custom configuration, the default of the service."""
    path = "declared.allow_everyone_if_no_acl_found"
    absent = _absent("declared.configuration", evidence)
    if absent is not None and apply_to(facts["declared.type"].value, facts["declared.state"].value):
        default = assumed(f"cluster.{path}", path)
        return Fact(default.value, (absent, default))
    configuration = facts["declared.configuration"]
    return configuration if configuration.value is MISSING else facts[path]


def _public(facts: Facts) -> Fact:
    """Public by its setting; bootstrap addresses can only add that it is."""
    setting = is_(facts, "declared.public_access", "SERVICE_PROVIDED_EIPS")
    bootstrap = facts["declared.bootstrap"]
    if bootstrap.value is MISSING:
        return setting
    return any_of(setting, apply(lambda entries: any(e["listener"].startswith("Public") for e in entries), bootstrap))


def _support(facts: Facts, table: SupportTable, as_of: str) -> Facts:
    version = facts["declared.kafka_version"]
    if version.value is MISSING:
        return {"support_end": version, "support_ended": version}
    release = table.find(version.value)
    origin = f"support table of {table.as_of}"
    path = "cluster.declared.kafka_version"
    if release is None:
        what = "has no line for" if parse(version.value) else "cannot read the version"
        open_ = unsettled(path, Reason.UNRESOLVED, origin, f"the {origin} {what} {version.value}")
        return {"support_end": open_, "support_ended": open_}
    if release.support_end is None:
        open_ = unsettled(path, Reason.UNRESOLVED, origin, f"AWS has announced no end of support of {release.version}")
        return {"support_end": open_, "support_ended": Fact(False, version.support)}
    return {
        "support_end": Fact(release.support_end, version.support),
        "support_ended": Fact(release.support_end < as_of, version.support),
    }
