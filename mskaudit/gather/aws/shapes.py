"""What one answer of the control plane says about a cluster, path by path.

Pure: documents in, values out. Nothing is filled in here: a member that a complete answer lacks is None, and service
defaults are applied later, by facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from mskaudit.errors import CannotLook
from mskaudit.model.evidence import Reason
from mskaudit.model.subjects import BOOLEAN, CATALOGUE, Kind, SubjectKey

Document: TypeAlias = Mapping[str, Any]

CLUSTER_ARN: Final = re.compile(
    r"arn:[a-z][a-z0-9-]*:kafka:(?P<region>[a-z][a-z0-9-]*):[0-9]{12}:[a-z-]*cluster/[\x21-\x7e]+"
)
"""The ARN of a cluster in whatever partition; emulators write `serverless-cluster/`."""

_PROVISIONED: Final = "Provisioned"
_SERVERLESS: Final = "Serverless"
_BLOCKS: Final = {"PROVISIONED": _PROVISIONED, "SERVERLESS": _SERVERLESS}
_QUOTED: Final = 60


class _Row(NamedTuple):
    place: str
    read: Callable[[Document, str, str], Any]


def read_cluster(document: Document) -> dict[str, Any]:
    """A value, None (the answer has no such member) or a `CannotLook` for each path of `PROMISES`; never raises.

    `document` is one `Cluster` of ListClustersV2 or DescribeClusterV2 with the member names of boto3 and the AWS CLI;
    source: Amazon MSK API reference, `Cluster`.
    """
    block = _block(document)
    return {path: _settle(document, block, path) for path in _ROWS}


def cluster_key(document: object) -> SubjectKey:
    """The subject a `Cluster` or `ClusterInfo` describes, identified by its ARN.

    Raises:
        CannotLook: malformed, there is no usable ClusterArn.
    """
    if not isinstance(document, Mapping):
        raise _wrong_type("the entry", document, "an object")
    arn = _text(document, "ClusterArn", "ClusterArn")
    if arn is None:
        raise CannotLook(Reason.MALFORMED, "`ClusterArn` is missing")
    if CLUSTER_ARN.fullmatch(arn) is None:
        raise CannotLook(Reason.MALFORMED, "`ClusterArn` is not the ARN of an MSK cluster")
    return SubjectKey(Kind.CLUSTER, arn, arn)


def as_v2(document: Document) -> Document:
    """A `ClusterInfo` of ListClusters or DescribeCluster as the `Cluster` it would be today; a `Cluster` as it is.

    The older operations know provisioned clusters only and hold the members of `Provisioned` beside the others.
    """
    if any(member in document for member in ("ClusterType", *_BLOCKS.values())) or not _FLAT.intersection(document):
        return document
    shared = {member: value for member, value in document.items() if member not in _FLAT}
    flat = {member: value for member, value in document.items() if member in _FLAT}
    return {**shared, "ClusterType": "PROVISIONED", _PROVISIONED: flat}


def _settle(document: Document, block: str | CannotLook, path: str) -> Any:
    row = _ROWS[path]
    place = row.place
    if place.startswith(f"{_PROVISIONED}."):
        if isinstance(block, CannotLook):
            return block
        if block == _SERVERLESS:
            if path not in _SERVERLESS_PLACES:
                return None
            place = _SERVERLESS_PLACES[path]
    try:
        return row.read(document, place, path)
    except CannotLook as error:
        return error


def _block(document: Document) -> str | CannotLook:
    """The member that holds the cluster's settings; without it nothing may be concluded from what is absent."""
    match _member(document, "ClusterType"):
        case None:
            present = [name for name in _BLOCKS.values() if _member(document, name) is not None]
            return present[0] if len(present) == 1 else CannotLook(Reason.MALFORMED, "`ClusterType` is missing")
        case str() as kind if kind in _BLOCKS:
            name = _BLOCKS[kind]
            if _member(document, name) is None:
                return CannotLook(Reason.MALFORMED, f"`{name}` is missing from a cluster of type {kind}")
            return name
        case str() as kind:
            return _unknown_value(kind, "ClusterType")
        case other:
            return _wrong_type("ClusterType", other, "text")


def _member(document: Document, name: str) -> Any:
    # AWS leaves out what it does not have; files of other tools may write null for the same.
    return document[name] if name in document else None


def _find(document: Document, place: str) -> Any:
    """The value at a dotted place, None when it or a parent is absent."""
    value: Any = document
    walked: list[str] = []
    for name in place.split("."):
        if not isinstance(value, Mapping):
            raise _wrong_type(".".join(walked), value, "an object")
        value = _member(value, name)
        walked.append(name)
        if value is None:
            return None
    return value


def _object(document: Document, place: str) -> Document | None:
    value = _find(document, place)
    if value is None or isinstance(value, Mapping):
        return value
    raise _wrong_type(place, value, "an object")


def _text(document: Document, place: str, named: str) -> str | None:
    value = _find(document, place)
    if value is None or isinstance(value, str):
        return value
    raise _wrong_type(named, value, "text")


def _boolean(document: Document, place: str, named: str) -> bool | None:
    value = _find(document, place)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong_type(named, value, "a boolean")


def _scalar(document: Document, place: str, path: str) -> str | bool | None:
    """Text or a boolean, as the field tree types the path."""
    field = CATALOGUE[Kind.CLUSTER][path].type
    if field is BOOLEAN:
        return _boolean(document, place, place)
    value = _text(document, place, place)
    if value is not None and field.choices and value not in field.choices:
        raise _unknown_value(value, place)
    return value


_DESTINATIONS: Final = (
    ("cloudwatch", "CloudWatchLogs", "LogGroup"),
    ("firehose", "Firehose", "DeliveryStream"),
    ("s3", "S3", "Bucket"),
)


def _logs(document: Document, place: str, _path: str) -> list[dict[str, Any]] | None:
    """A record per destination that the answer has, on or off."""
    logs = _object(document, place)
    if logs is None:
        return None
    return [
        {
            "destination": destination,
            "enabled": _boolean(logs, f"{block}.Enabled", f"{place}.{block}.Enabled"),
            "target": _text(logs, f"{block}.{target}", f"{place}.{block}.{target}"),
        }
        for destination, block, target in _DESTINATIONS
        if _log_block(logs, block, place) is not None
    ]


def _log_block(logs: Document, block: str, place: str) -> Document | None:
    value = _member(logs, block)
    if value is None or isinstance(value, Mapping):
        return value
    raise _wrong_type(f"{place}.{block}", value, "an object")


def _configuration(document: Document, place: str, _path: str) -> str | None:
    """ARN and revision of the configuration in force; half of the pair is no answer."""
    arn_place, revision_place = f"{place}.ConfigurationArn", f"{place}.ConfigurationRevision"
    arn = _text(document, arn_place, arn_place)
    revision = _find(document, revision_place)
    if revision is not None and type(revision) is not int:
        raise _wrong_type(revision_place, revision, "an integer")
    if arn is None and revision is None:
        return None
    if arn is None or revision is None:
        raise CannotLook(Reason.MALFORMED, f"`{arn_place if arn is None else revision_place}` is missing")
    return named_configuration(arn, revision)


def named_configuration(arn: str, revision: int) -> str:
    """A configuration revision as `declared.configuration` tells it."""
    return f"{arn} revision {revision}"


def configuration_revision(named: str) -> tuple[str, int]:
    """ARN and revision out of a `declared.configuration`: the inverse of `named_configuration`.

    Raises:
        CannotLook: malformed, the text names no revision.
    """
    arn, _, revision = named.rpartition(" revision ")
    if not arn or re.fullmatch(r"[0-9]{1,18}", revision) is None:
        raise CannotLook(Reason.MALFORMED, "`declared.configuration` names no revision")
    return arn, int(revision)


def _wrong_type(place: str, value: object, wanted: str) -> CannotLook:
    named = place if " " in place else f"`{place}`"
    return CannotLook(Reason.MALFORMED, f"{named} is {_json_type(value)} where {wanted} is expected")


def _json_type(value: object) -> str:
    return next((name for kinds, name in _JSON_TYPES if isinstance(value, kinds)), type(value).__name__)


def _unknown_value(value: str, place: str) -> CannotLook:
    quoted = value if len(value) <= _QUOTED else f"{value[:_QUOTED]}..."
    return CannotLook(Reason.UNSUPPORTED, f"mskaudit does not know the value {quoted!r} of `{place}`")


_JSON_TYPES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "a boolean"),
    ((int, float), "a number"),
    (str, "text"),
    ((list, tuple), "a list"),
    (Mapping, "an object"),
    (type(None), "null"),
)

_AUTHENTICATION: Final = "Provisioned.ClientAuthentication"
_CONNECTIVITY: Final = "Provisioned.BrokerNodeGroupInfo.ConnectivityInfo"
_PRIVATE_LINK: Final = f"{_CONNECTIVITY}.VpcConnectivity.ClientAuthentication"
_ENCRYPTION: Final = "Provisioned.EncryptionInfo"
_SOFTWARE: Final = "Provisioned.CurrentBrokerSoftwareInfo"

_ROWS: Final[dict[str, _Row]] = {
    "declared.name": _Row("ClusterName", _scalar),
    "declared.type": _Row("ClusterType", _scalar),
    "declared.state": _Row("State", _scalar),
    "declared.instance_type": _Row("Provisioned.BrokerNodeGroupInfo.InstanceType", _scalar),
    "declared.kafka_version": _Row(f"{_SOFTWARE}.KafkaVersion", _scalar),
    "declared.client_broker": _Row(f"{_ENCRYPTION}.EncryptionInTransit.ClientBroker", _scalar),
    "declared.in_cluster_tls": _Row(f"{_ENCRYPTION}.EncryptionInTransit.InCluster", _scalar),
    "declared.at_rest_key": _Row(f"{_ENCRYPTION}.EncryptionAtRest.DataVolumeKMSKeyId", _scalar),
    "declared.iam": _Row(f"{_AUTHENTICATION}.Sasl.Iam.Enabled", _scalar),
    "declared.scram": _Row(f"{_AUTHENTICATION}.Sasl.Scram.Enabled", _scalar),
    "declared.mtls": _Row(f"{_AUTHENTICATION}.Tls.Enabled", _scalar),
    "declared.unauthenticated": _Row(f"{_AUTHENTICATION}.Unauthenticated.Enabled", _scalar),
    "declared.public_access": _Row(f"{_CONNECTIVITY}.PublicAccess.Type", _scalar),
    "declared.private_link_iam": _Row(f"{_PRIVATE_LINK}.Sasl.Iam.Enabled", _scalar),
    "declared.private_link_scram": _Row(f"{_PRIVATE_LINK}.Sasl.Scram.Enabled", _scalar),
    "declared.private_link_tls": _Row(f"{_PRIVATE_LINK}.Tls.Enabled", _scalar),
    "declared.enhanced_monitoring": _Row("Provisioned.EnhancedMonitoring", _scalar),
    "declared.broker_logs": _Row("Provisioned.LoggingInfo.BrokerLogs", _logs),
    "declared.authorizer_logs": _Row("Provisioned.LoggingInfo.AuthorizerLogs", _logs),
    "declared.zookeeper_connect": _Row("Provisioned.ZookeeperConnectString", _scalar),
    "declared.zookeeper_connect_tls": _Row("Provisioned.ZookeeperConnectStringTls", _scalar),
    "declared.configuration": _Row(_SOFTWARE, _configuration),
}

_SERVERLESS_PLACES: Final = {
    "declared.iam": "Serverless.ClientAuthentication.Sasl.Iam.Enabled",
}

_FLAT: Final = frozenset(
    {
        "BrokerNodeGroupInfo",
        "ClientAuthentication",
        "CurrentBrokerSoftwareInfo",
        "CustomerActionStatus",
        "EncryptionInfo",
        "EnhancedMonitoring",
        "LoggingInfo",
        "NumberOfBrokerNodes",
        "OpenMonitoring",
        "Rebalancing",
        "StorageMode",
        "ZookeeperConnectString",
        "ZookeeperConnectStringTls",
    }
)

PROMISES: Final = tuple(_ROWS)
"""Every path that one `Cluster` settles."""
