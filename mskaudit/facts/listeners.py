"""The listeners of a cluster: which exist, and what each is declared and observed to be.

A cluster declares its listeners twice: by settings, and by the addresses of GetBootstrapBrokers, which are the ground
truth where they are known. A listener that only the wire knows is a subject as well. Where neither says which
listeners exist, one subject stands for the unknown population, so that no rule about listeners falls silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mskaudit.facts.cluster import Facts, is_
from mskaudit.model.evidence import Column, Gap, Known, Reason
from mskaudit.model.fact import MISSING, Fact, all_of, any_of, apply, choose, negate, unsettled
from mskaudit.model.subjects import Kind, SubjectKey, gathered, listener_key

if TYPE_CHECKING:
    from collections.abc import Mapping


class ListenerKind(NamedTuple):
    """One kind of listener that Amazon MSK offers, with its port (0: not one fixed port)."""

    protocol: str
    port: int


# Names are the keys of GetBootstrapBrokers behind `BootstrapBrokerString`; ports from
# https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html
KINDS: Final = {
    "Plaintext": ListenerKind("plaintext", 9092),
    "Tls": ListenerKind("tls", 9094),
    "SaslScram": ListenerKind("sasl_scram", 9096),
    "SaslIam": ListenerKind("sasl_iam", 9098),
    "PublicTls": ListenerKind("tls", 9194),
    "PublicSaslScram": ListenerKind("sasl_scram", 9196),
    "PublicSaslIam": ListenerKind("sasl_iam", 9198),
    "VpcConnectivityTls": ListenerKind("tls", 0),
    "VpcConnectivitySaslScram": ListenerKind("sasl_scram", 0),
    "VpcConnectivitySaslIam": ListenerKind("sasl_iam", 0),
    "PlaintextIpv6": ListenerKind("plaintext", 20092),
    "TlsIpv6": ListenerKind("tls", 20094),
    "SaslScramIpv6": ListenerKind("sasl_scram", 20096),
    "SaslIamIpv6": ListenerKind("sasl_iam", 20098),
}


class Listener(NamedTuple):
    """A listener and everything derived about it."""

    key: SubjectKey
    facts: Facts


class _Declaration(NamedTuple):
    """That the control plane declares a listener: whether it exists at all, and of which kind it would be."""

    exists: Fact
    protocol: Fact


def population(cluster: SubjectKey, settings: Facts, probed: Mapping[str, Facts]) -> tuple[Listener, ...]:
    """Every listener of a cluster; `probed` holds what the wire said, by address."""
    bootstrap = _bootstrap(settings)
    known = bootstrap.value is not MISSING
    opened = _open(settings, bootstrap) if known else {}
    declared = opened | (_by_address(bootstrap) if known else _by_port(settings))
    nothing = _undeclared(bootstrap)
    answering = _answering(probed)
    addresses = sorted({*declared, *probed}) or ["*"]
    seen = {address: _unseen(bootstrap) for address in addresses}
    seen |= {address: _unseen(_lacking(address, bootstrap)) for address in opened}
    seen |= {address: _closed(address, facts, answering) for address, facts in probed.items()}
    return tuple(
        _listener(
            listener_key(cluster.cluster, address), address, declared.get(address, nothing), seen[address], settings
        )
        for address in addresses
    )


def acls_apply(settings: Facts) -> Fact:
    """Whether any principal that Kafka ACLs govern can come in: everyone but IAM identities."""
    bootstrap = _bootstrap(settings)
    if bootstrap.value is not MISSING:
        protocols = [_protocol(_line(entry, bootstrap)) for entry in bootstrap.value]
        opened = (declaration.exists for declaration in _open(settings, bootstrap).values())
        return any_of(*opened, *(apply(lambda name: name != "sasl_iam", protocol) for protocol in protocols))
    return any_of(*(there for name, there in _by_settings(settings).items() if KINDS[name].protocol != "sasl_iam"))


def _bootstrap(settings: Facts) -> Fact:
    """The addresses; an empty answer says no more than none."""
    bootstrap = settings["declared.bootstrap"]
    if bootstrap.value != []:
        return bootstrap
    origin = bootstrap.support[0].origin
    detail = f"{origin} lists no address; ask again when the cluster is ACTIVE"
    return unsettled("cluster.declared.bootstrap", Reason.UNRESOLVED, origin, detail)


def _by_settings(settings: Facts) -> dict[str, Fact]:
    """What each setting opens (https://docs.aws.amazon.com/msk/latest/developerguide/msk-update-security.html)."""
    provisioned = negate(is_(settings, "service", "serverless"))
    clear = is_(settings, "declared.client_broker", "PLAINTEXT", "TLS_PLAINTEXT")
    encrypted = is_(settings, "declared.client_broker", "TLS", "TLS_PLAINTEXT")
    nobody = negate(any_of(*(settings[f"declared.{method}"] for method in ("iam", "scram", "mtls"))))
    over_tls = any_of(settings["declared.mtls"], settings["declared.unauthenticated"], nobody)
    public = is_(settings, "declared.public_access", "SERVICE_PROVIDED_EIPS")
    return {
        "Plaintext": all_of(provisioned, clear),
        "Tls": all_of(provisioned, encrypted, over_tls),
        "SaslScram": all_of(provisioned, settings["declared.scram"]),
        "SaslIam": settings["declared.iam"],
        "PublicTls": all_of(provisioned, public, settings["declared.mtls"]),
        "PublicSaslScram": all_of(provisioned, public, settings["declared.scram"]),
        "PublicSaslIam": all_of(provisioned, public, settings["declared.iam"]),
        "VpcConnectivityTls": all_of(provisioned, settings["declared.private_link_tls"]),
        "VpcConnectivitySaslScram": all_of(provisioned, settings["declared.private_link_scram"]),
        "VpcConnectivitySaslIam": all_of(provisioned, settings["declared.private_link_iam"]),
    }


def _by_address(bootstrap: Fact) -> dict[str, _Declaration]:
    """Each address with what its own lines of the answer say; two that differ leave the protocol open."""
    declared: dict[str, _Declaration] = {}
    for entry in bootstrap.value:
        address, line = entry["address"], _line(entry, bootstrap)
        protocol = _protocol(line)
        if address in declared and declared[address].protocol.value != protocol.value:
            detail = f"{line.origin} lists {address} as several kinds of listener"
            protocol = unsettled(line.path, Reason.UNRESOLVED, line.origin, detail)
        declared[address] = _Declaration(Fact(True, (line,)), protocol)
    return declared


def _open(settings: Facts, bootstrap: Fact) -> dict[str, _Declaration]:
    """Listeners that the settings open to anybody, though the answer gives no address of their kind.

    Anonymous access exists if any of its signs does: where AWS contradicts itself, its better half is not believed.
    """
    named = {KINDS[entry["listener"]].protocol for entry in bootstrap.value if entry["listener"] in KINDS}
    there = _by_settings(settings)
    found = {}
    for name in ("Plaintext", "Tls"):
        kind = KINDS[name]
        declaration = _Declaration(there[name], Fact(kind.protocol, there[name].support))
        anonymous = all_of(declaration.exists, _serves_anyone(declaration.protocol, settings))
        if kind.protocol not in named and anonymous.value is True:
            found[f"*:{kind.port}"] = declaration
    return found


def _line(entry: Mapping[str, str], bootstrap: Fact) -> Known:
    """One address of the answer as evidence of its own."""
    whole = bootstrap.support[0]
    assert isinstance(whole, Known)
    return msgspec.structs.replace(whole, path=f"{whole.path}[{entry['address']}]", value=entry["listener"])


def _protocol(line: Known) -> Fact:
    if line.value in KINDS:
        return Fact(KINDS[line.value].protocol, (line,))
    detail = f"mskaudit does not know listeners of the kind {line.value}; use a newer mskaudit"
    return unsettled(line.path, Reason.UNSUPPORTED, line.origin, detail)


def _by_port(settings: Facts) -> dict[str, _Declaration]:
    """Listeners by their settings alone; a population that is unknown altogether is left to one stand-in."""
    there = _by_settings(settings)
    if all(there[name].value is MISSING for name in ("Plaintext", "Tls", "SaslScram", "SaslIam")):
        return {}
    return {
        f"*:{KINDS[name].port or name}": _Declaration(
            exists, Fact(KINDS[name].protocol, exists.support if exists.value is True else ())
        )
        for name, exists in there.items()
        if exists.value is not False
    }


def _undeclared(bootstrap: Fact) -> _Declaration:
    """For an address the control plane does not name: not declared, if it named any."""
    if bootstrap.value is MISSING:
        return _Declaration(bootstrap, bootstrap)
    detail = "the control plane declares no such listener"
    protocol = unsettled("cluster.declared.bootstrap", Reason.UNRESOLVED, bootstrap.support[0].origin, detail)
    return _Declaration(Fact(False, bootstrap.support), protocol)


def _lacking(address: str, bootstrap: Fact) -> Fact:
    """The address that an answer does not give for a listener that the settings open."""
    origin = bootstrap.support[0].origin
    detail = f"{origin} gives no address of the listener that the settings open, {address}"
    return unsettled("cluster.declared.bootstrap", Reason.UNRESOLVED, origin, detail)


def _unseen(bootstrap: Fact) -> Facts:
    """Observations of a listener that nobody probed: without an address nobody could, so the address is what lacks."""
    paths = gathered(Kind.LISTENER, Column.OBSERVED)
    if bootstrap.value is MISSING:
        return dict.fromkeys(paths, Fact(MISSING, bootstrap.support))
    return {path: unrequested(Kind.LISTENER, path) for path in paths}


def _answering(probed: Mapping[str, Facts]) -> dict[str, Known]:
    """For each host, the evidence that some listener of it answers."""
    seen = ((address, facts["observed.transport"].support[0]) for address, facts in probed.items())
    return {_host(address): evidence for address, evidence in seen if isinstance(evidence, Known)}


def _closed(address: str, seen: Facts, answering: Mapping[str, Known]) -> Facts:
    """The observations, and that nothing is there if the port refuses while another port of its host answers."""
    (refusal, *_) = seen["observed.transport"].support
    if not isinstance(refusal, Gap) or refusal.reason is not Reason.REFUSED or _host(address) not in answering:
        return seen
    other = answering[_host(address)]
    path = "listener.observed.protocol"
    nothing = Known(path=path, value="nothing", column=Column.OBSERVED, origin=refusal.origin, at=other.at)
    return {**seen, "observed.protocol": Fact("nothing", (nothing, other))}


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def unrequested(kind: Kind, path: str) -> Fact:
    """The fact for evidence that this audit was not asked to gather."""
    column = Column(path.partition(".")[0])
    return Fact(
        MISSING,
        (Gap(path=f"{kind}.{path}", reason=Reason.NOT_REQUESTED, origin=column, detail=_HOW[column]),),
    )


_LEFT_OPEN: Final = {Reason.UNRESOLVED, Reason.NOT_REQUESTED}
_HOW: Final = {
    Column.PLANNED: "hand over the infrastructure code",
    Column.DECLARED: "audit the cluster through AWS",
    Column.OBSERVED: "probe the brokers: add --probe, or name them as kafka://host:port",
}


def _listener(key: SubjectKey, address: str, declaration: _Declaration, seen: Facts, settings: Facts) -> Listener:
    exists, protocol = declaration
    plaintext = all_of(exists, apply(lambda name: name == "plaintext", protocol))
    anonymous = all_of(exists, _serves_anyone(protocol, settings))
    in_clear = apply(lambda transport: transport == "clear", seen["observed.transport"])
    facts = {
        **seen,
        "address": Fact(address, ()),
        "declared.exists": exists,
        "declared.protocol": protocol,
        "declared.plaintext": plaintext,
        "declared.anonymous": anonymous,
        "observed.protocol": seen["observed.protocol"] if "observed.protocol" in seen else _spoken(seen),
        "plaintext": _known_to_either(plaintext, in_clear),
        "anonymous": _known_to_either(anonymous, seen["observed.serves_anonymous"]),
    }
    return Listener(key, facts)


def _serves_anyone(protocol: Fact, settings: Facts) -> Fact:
    """The truth rules of anonymous access, for a listener of one protocol."""
    if protocol.value is MISSING:
        return protocol
    match protocol.value:
        case "plaintext":
            return Fact(True, protocol.support)
        case "tls":
            return any_of(negate(settings["declared.mtls"]), settings["declared.unauthenticated"])
        case _:
            return Fact(False, protocol.support)


def _known_to_either(declared: Fact, observed: Fact) -> Fact:
    """Declared or observed; where AWS leaves the question open, or nobody asked it, the wire alone decides.

    Where AWS was asked and could not be heard, what it would have said is still wanted.
    """
    left_open = declared.value is MISSING and all(
        isinstance(gap, Gap) and gap.reason in _LEFT_OPEN for gap in declared.support
    )
    return observed if left_open and observed.value is not MISSING else any_of(declared, observed)


def _spoken(seen: Facts) -> Fact:
    """The protocol seen, in the words of the control plane, where `tls` includes mutual TLS."""
    by_mechanisms = apply(_named, seen["observed.transport"], seen["observed.sasl_mechanisms"])
    return choose(is_(seen, "observed.client_certificate", "required"), Fact("tls", ()), by_mechanisms)


def _named(transport: str, mechanisms: list[str]) -> str:
    match transport, mechanisms:
        case "clear", []:
            return "plaintext"
        case "clear", _:
            return "sasl_plaintext"
        case _, []:
            return "tls"
    if "AWS_MSK_IAM" in mechanisms:
        return "sasl_iam"
    return "sasl_scram" if any(name.startswith("SCRAM-") for name in mechanisms) else "sasl_other"
