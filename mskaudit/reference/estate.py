"""What an account of AWS holds in a reference world, and what it answers when asked for it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mskaudit.errors import UsageError

_LARGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What one account holds in one region, in the shapes of the API (member names of boto3, times as ISO 8601).

    `clusters` are `Cluster` shapes; `bootstrap` gives the members of GetBootstrapBrokers by cluster ARN;
    `configurations` the text of `server.properties` by ARN and revision; `keys` the `KeyMetadata` by key ARN.
    """

    account: str = "123456789012"
    region: str = "eu-west-1"
    clusters: tuple[Mapping[str, Any], ...] = ()
    bootstrap: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configurations: Mapping[tuple[str, int], str] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    page_size: int = _LARGEST_PAGE

    def cluster(self, arn: str) -> Mapping[str, Any]:
        """The cluster with an ARN, as a not-found answer when there is none."""
        for cluster in self.clusters:
            if cluster["ClusterArn"] == arn:
                return cluster
        raise Refusal(404, "NotFoundException", "The requested resource doesn't exist.")


class Refusal(Exception):  # noqa: N818  an answer like others, only not a good one
    """An error answer of AWS."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


Parameters = Mapping[str, Any]


def _list_clusters(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    start = _offset(parameters["NextToken"]) if "NextToken" in parameters else 0
    asked = parameters["MaxResults"] if "MaxResults" in parameters else _LARGEST_PAGE
    end = start + min(asked, estate.page_size)
    chosen = [cluster for cluster in estate.clusters if _matches(cluster, parameters)]
    page: dict[str, Any] = {"ClusterInfoList": chosen[start:end]}
    if end < len(chosen):
        page["NextToken"] = base64.urlsafe_b64encode(str(end).encode()).decode()
    return page


def _matches(cluster: Mapping[str, Any], parameters: Parameters) -> bool:
    prefix = parameters["ClusterNameFilter"] if "ClusterNameFilter" in parameters else ""
    kind = parameters["ClusterTypeFilter"] if "ClusterTypeFilter" in parameters else cluster["ClusterType"]
    return bool(cluster["ClusterName"].startswith(prefix) and cluster["ClusterType"] == kind)


def _offset(token: str) -> int:
    try:
        offset = int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        offset = -1
    if offset < 0:
        raise Refusal(400, "BadRequestException", "The next token is invalid.")
    return offset


def _describe_cluster(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    return {"ClusterInfo": estate.cluster(parameters["ClusterArn"])}


def _bootstrap(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    arn = parameters["ClusterArn"]
    if estate.cluster(arn)["State"] == "CREATING":
        raise Refusal(409, "ConflictException", "The cluster is being created.")
    return dict(estate.bootstrap[arn]) if arn in estate.bootstrap else {}


def _configuration(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    arn, revision = parameters["Arn"], parameters["Revision"]
    if (arn, revision) not in estate.configurations:
        raise Refusal(404, "NotFoundException", "The configuration revision doesn't exist.")
    content = estate.configurations[arn, revision].encode("latin-1", "backslashreplace")
    return {"Arn": arn, "Revision": revision, "ServerProperties": content}


def _key(estate: Estate, parameters: Parameters) -> dict[str, Any]:
    key = parameters["KeyId"]
    if key not in estate.keys:
        raise Refusal(400, "NotFoundException", "The key does not exist.")
    return {"KeyMetadata": estate.keys[key]}


OPERATIONS: Final[dict[str, Callable[[Estate, Parameters], dict[str, Any]]]] = {
    "kafka:ListClustersV2": _list_clusters,
    "kafka:DescribeClusterV2": _describe_cluster,
    "kafka:GetBootstrapBrokers": _bootstrap,
    "kafka:DescribeConfigurationRevision": _configuration,
    "kms:DescribeKey": _key,
}
"""What can be asked; a service is known by its name in botocore, and one entry makes it known."""


def every_call(estate: Estate) -> Iterator[tuple[str, Parameters]]:
    """A call for everything that an estate can tell.

    Raises:
        UsageError: a cluster lacks what every cluster has.
    """
    for number, cluster in enumerate(estate.clusters):
        for member in ("ClusterArn", "ClusterName", "ClusterType", "State"):
            if member not in cluster:
                raise UsageError(f"clusters[{number}] of the estate has no {member}; every cluster of AWS has one")
        yield "kafka:DescribeClusterV2", {"ClusterArn": cluster["ClusterArn"]}
    for arn, revision in estate.configurations:
        yield "kafka:DescribeConfigurationRevision", {"Arn": arn, "Revision": revision}
    for key in estate.keys:
        yield "kms:DescribeKey", {"KeyId": key}
