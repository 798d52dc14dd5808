"""The clusters of an account, and what further calls tell about each of them."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mskaudit.errors import CannotLook, UsageError
from mskaudit.gather.aws.inventory import Entry, Inventory, collect, inventory_gap, sighted
from mskaudit.gather.aws.properties import read_flag
from mskaudit.gather.aws.refusals import CredentialsRefused
from mskaudit.gather.aws.shapes import CLUSTER_ARN, PROMISES, as_v2, configuration_revision, read_cluster
from mskaudit.gather.source import Clock, Source
from mskaudit.model.evidence import Column, Reason
from mskaudit.model.subjects import CATALOGUE, Kind, SubjectKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mskaudit.gather.aws.session import Account
    from mskaudit.model.dossier import Subject

_LIST: Final = "kafka:ListClustersV2"
_DESCRIBE: Final = "kafka:DescribeClusterV2"
_BOOTSTRAP: Final = "kafka:GetBootstrapBrokers"
_CONFIGURATION: Final = "kafka:DescribeConfigurationRevision"
_KEY: Final = "kms:DescribeKey"

PERMISSIONS: Final = (_LIST, _DESCRIBE, _BOOTSTRAP, _CONFIGURATION, _KEY)
"""Every IAM action that reading clusters needs."""

_PAGE: Final = 100
_BOOTSTRAP_MEMBER: Final = "BootstrapBrokerString"
_PLAIN_LISTENERS: Final = {"": "Plaintext", "Ipv6": "PlaintextIpv6"}
_ADDRESS: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?:(?P<port>[0-9]{1,5})")
_LAST_PORT: Final = 65535
_DEFAULT_ALLOW: Final = "allow.everyone.if.no.acl.found"


async def inventory(account: Account, *, clock: Clock, arn: str | None = None) -> Inventory:
    """All clusters of the account's region, or the one with the ARN, in whatever region and partition that is.

    Source: ListClustersV2 and DescribeClusterV2 of the Amazon MSK API. What AWS withholds is a gap: of the list
    (path `clusters`), or of every path of the one cluster that was named.

    Raises:
        UsageError: the ARN is not a cluster's, or AWS does not accept the credentials of the first call.
    """
    if arn is None:
        return await _listed(account, clock)
    if CLUSTER_ARN.fullmatch(arn) is None:
        raise UsageError(
            f"{arn!r} is not the ARN of an MSK cluster; it looks like arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/ID"
        )
    return await _described(account, clock, arn)


async def _listed(account: Account, clock: Clock) -> Inventory:
    entries: list[Entry] = []
    tokens: list[str] = []
    while True:
        try:
            page = await _ask(account, _LIST, MaxResults=_PAGE, **({"NextToken": tokens[-1]} if tokens else {}))
            entries += _entries(page, len(entries), clock())
            token = _next_token(page, tokens)
        except CredentialsRefused as error:
            if not tokens:
                raise UsageError(error.detail) from None
            return collect(entries, origin=_LIST, gaps=(inventory_gap(error, _LIST),))
        except CannotLook as error:
            return collect(entries, origin=_LIST, gaps=(inventory_gap(error, _LIST),))
        if token is None:
            return collect(entries, origin=_LIST)
        tokens.append(token)


def _entries(page: Mapping[str, Any], before: int, at: str) -> list[Entry]:
    # botocore reads a foreign body (a proxy's page) as an answer without members, which is not an empty list.
    listed = _required(page, "ClusterInfoList", _LIST)
    return [Entry(f"`ClusterInfoList[{before + number}]`", cluster, at) for number, cluster in enumerate(listed)]


def _next_token(page: Mapping[str, Any], tokens: list[str]) -> str | None:
    if "NextToken" not in page or not page["NextToken"]:
        return None
    token: str = page["NextToken"]
    if token in tokens:
        raise CannotLook(Reason.MALFORMED, f"{_LIST} gave the same `NextToken` twice")
    return token


async def _described(account: Account, clock: Clock, arn: str) -> Inventory:
    key = SubjectKey(Kind.CLUSTER, arn, arn)
    values: Mapping[str, Any]
    try:
        answer = await _ask(account, _DESCRIBE, region=_region(arn), ClusterArn=arn)
        values = read_cluster(as_v2(_of(_required(answer, "ClusterInfo", _DESCRIBE), arn)))
    except CredentialsRefused as error:
        raise UsageError(error.detail) from None
    except CannotLook as error:
        values = dict.fromkeys(PROMISES, error)
    return Inventory(clusters=(sighted(key, values, origin=_DESCRIBE, at=clock()),))


def _of(document: Mapping[str, Any], arn: str) -> Mapping[str, Any]:
    if "ClusterArn" not in document or document["ClusterArn"] != arn:
        raise CannotLook(Reason.MALFORMED, f"{_DESCRIBE} answered about another cluster than the one asked for")
    return document


def sources(account: Account, subject: Subject) -> tuple[Source, ...]:
    """The questions that follow from what is known of a cluster; asked once where clusters share a key or revision.

    A cluster that has no custom configuration is not asked for one. Where it is not known what to ask for, the source
    settles into a gap which names what left it open.
    """
    settled = _settled(subject)
    questions = [_source(subject, _BOOTSTRAP, "declared.bootstrap", partial(_bootstrap, account, subject.id))]
    if _value(settled, "declared.type") != "SERVERLESS":
        questions += _follow(subject, settled, "declared.at_rest_key", _key(account, subject))
        if "declared.configuration" not in settled or settled["declared.configuration"] is not None:
            questions += _follow(subject, settled, "declared.configuration", _configuration(account, subject))
    return tuple(questions)


_Ask = tuple[str, str, "Callable[[str], Awaitable[Mapping[str, Any]]]"]


def _follow(subject: Subject, settled: Mapping[str, Any], needs: str, ask: _Ask) -> tuple[Source, ...]:
    origin, promise, look = ask
    if needs not in settled or settled[needs] is None:
        return (_source(subject, origin, promise, partial(_cannot_follow, origin, needs)),)
    return (_source(subject, origin, promise, partial(look, settled[needs])),)


async def _cannot_follow(origin: str, needs: str) -> Mapping[str, Any]:
    raise CannotLook(Reason.UNRESOLVED, f"settle `{needs}` first: without it {origin} cannot be asked")


def _settled(subject: Subject) -> dict[str, Any]:
    return {path: value for sighting in subject.sightings for path, value in sighting.known.items()}


def _value(settled: Mapping[str, Any], path: str) -> Any:
    return settled[path] if path in settled else None


def _source(subject: Subject, origin: str, promise: str, look: Callable[[], Awaitable[Mapping[str, Any]]]) -> Source:
    return Source(subject=subject.key, origin=origin, column=Column.DECLARED, promises=(promise,), look=look)


async def _bootstrap(account: Account, arn: str) -> Mapping[str, Any]:
    answer = await _ask(account, _BOOTSTRAP, region=_region(arn), ClusterArn=arn)
    return {"declared.bootstrap": read_bootstrap(answer)}


def read_bootstrap(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    """A record {listener, address} per address of GetBootstrapBrokers, in the order of the answer.

    `listener` is the member's name without `BootstrapBrokerString`: Tls, SaslIam, PublicTls, VpcConnectivityTls and so
    on, and Plaintext or PlaintextIpv6 where that leaves no protocol.

    Raises:
        CannotLook: malformed, a string is not a list of host:port; unresolved, there is no string at all.
    """
    found = [
        {"listener": _listener(member), "address": address}
        for member, addresses in answer.items()
        if member.startswith(_BOOTSTRAP_MEMBER)
        for address in _addresses(member, addresses)
    ]
    if not found:
        raise CannotLook(Reason.UNRESOLVED, f"{_BOOTSTRAP} named no address; ask again when the cluster is ACTIVE")
    return found


def _listener(member: str) -> str:
    name = member.removeprefix(_BOOTSTRAP_MEMBER)
    return _PLAIN_LISTENERS[name] if name in _PLAIN_LISTENERS else name


def _addresses(member: str, addresses: object) -> list[str]:
    if not isinstance(addresses, str):
        raise CannotLook(Reason.MALFORMED, f"`{member}` is not text")
    found = [address.strip() for address in addresses.split(",")]
    for address in found:
        parts = _ADDRESS.fullmatch(address)
        if parts is None or not 0 < int(parts["port"]) <= _LAST_PORT:
            raise CannotLook(Reason.MALFORMED, f"`{member}` is not a list of host:port")
    return found


def _configuration(account: Account, subject: Subject) -> _Ask:
    async def look(named: str) -> Mapping[str, Any]:
        arn, revision = configuration_revision(named)
        answer = await _ask(account, _CONFIGURATION, region=_region(subject.id), Arn=arn, Revision=revision)
        content = _required(answer, "ServerProperties", _CONFIGURATION)
        return {"declared.allow_everyone_if_no_acl_found": read_flag(content, _DEFAULT_ALLOW)}

    return _CONFIGURATION, "declared.allow_everyone_if_no_acl_found", _shared(account, subject, _CONFIGURATION, look)


def _key(account: Account, subject: Subject) -> _Ask:
    async def look(key: str) -> Mapping[str, Any]:
        answer = await _ask(account, _KEY, region=_region(subject.id), KeyId=key)
        metadata = _required(answer, "KeyMetadata", _KEY)
        return {"declared.key_manager": _known_manager(_value(metadata, "KeyManager"))}

    return _KEY, "declared.key_manager", _shared(account, subject, _KEY, look)


def _known_manager(manager: str | None) -> str | None:
    if not CATALOGUE[Kind.CLUSTER]["declared.key_manager"].type.accepts(manager):
        raise CannotLook(Reason.UNSUPPORTED, f"mskaudit does not know the value {manager!r} of `KeyManager`")
    return manager


def _shared(
    account: Account, subject: Subject, origin: str, look: Callable[[str], Awaitable[Mapping[str, Any]]]
) -> Callable[[str], Awaitable[Mapping[str, Any]]]:
    async def asked_once(about: str) -> Mapping[str, Any]:
        return await account.once((origin, _region(subject.id), about), partial(look, about))

    return asked_once


async def _ask(account: Account, action: str, *, region: str | None = None, **parameters: Any) -> dict[str, Any]:
    service, _, operation = action.partition(":")
    return await account.call(service, operation, region=region, **parameters)


def _required(answer: Mapping[str, Any], member: str, origin: str) -> Any:
    if member not in answer:
        raise CannotLook(Reason.MALFORMED, f"{origin} answered without `{member}`")
    return answer[member]


def _region(arn: str) -> str:
    parts = CLUSTER_ARN.fullmatch(arn)
    if parts is None:
        raise CannotLook(Reason.MALFORMED, "the cluster's id is not an ARN, so its region is not known")
    return parts["region"]
