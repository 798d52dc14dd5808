"""The field tree: every kind of subject and every path a rule may read of it.

A path that begins with a column is evidence of that column; any other is derived from several. Sources promise paths
of this table, rules are checked against it before they run, and the documentation lists it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from mskaudit.model.evidence import Column


class Kind(StrEnum):
    """What a finding can be about."""

    CLUSTER = "cluster"
    LISTENER = "listener"


class Type(Struct, frozen=True):
    """The type of a field: what literals it may be compared with, and what a loaded dossier may hold."""

    name: str
    choices: tuple[str, ...] = ()
    item: Type | None = None
    members: tuple[tuple[str, Type], ...] = ()
    optional: frozenset[str] = frozenset()

    def accepts(self, value: object) -> bool:
        """Whether a field of this type may have a JSON value; None means absent from a complete answer."""
        return value is None or self.holds(value)

    def holds(self, value: object) -> bool:
        """Whether a JSON value is of this type; elements and members are there, but for optional ones."""
        match self.name:
            case "boolean":
                return type(value) is bool
            case "integer":
                return type(value) is int
            case "text" | "date":
                return type(value) is str and (not self.choices or value in self.choices)
            case "list":
                return isinstance(value, list | tuple) and all(self.item.holds(v) for v in value)  # type: ignore[union-attr]  # a list has an item type
            case _:
                return isinstance(value, dict) and all(
                    name in value and (member.holds(value[name]) or (value[name] is None and name in self.optional))
                    for name, member in self.members
                )

    def __str__(self) -> str:
        """The type in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.item is not None:
            return f"list of {self.item}"
        if self.members:
            return "record of " + ", ".join(name for name, _ in self.members)
        return self.name


BOOLEAN: Final = Type("boolean")
INTEGER: Final = Type("integer")
TEXT: Final = Type("text")
DATE: Final = Type("date")


def one_of(*choices: str) -> Type:
    """Text with a closed set of values."""
    return Type("text", choices=choices)


def list_of(item: Type) -> Type:
    """A list whose elements all have one type."""
    return Type("list", item=item)


def record(*optional: str, **members: Type) -> Type:
    """A mapping with fixed members, of which those named in `optional` may be None."""
    return Type("record", members=tuple(members.items()), optional=frozenset(optional))


class Field(Struct, frozen=True):
    """One path of the tree: its type, what it says, and whether facts derive it or sources gather it."""

    type: Type
    doc: str
    derived: bool = False


LOG_DESTINATION: Final = record(
    "enabled", "target", destination=one_of("cloudwatch", "firehose", "s3"), enabled=BOOLEAN, target=TEXT
)
BOOTSTRAP_ADDRESS: Final = record(listener=TEXT, address=TEXT)
PROTOCOLS: Final = ("plaintext", "tls", "sasl_scram", "sasl_iam")

_CLUSTER: Final = {
    "declared.name": Field(TEXT, "the cluster's name"),
    "declared.type": Field(one_of("PROVISIONED", "SERVERLESS"), "ClusterType"),
    "declared.state": Field(TEXT, "State: ACTIVE, CREATING, DELETING, UPDATING and others"),
    "declared.instance_type": Field(TEXT, "InstanceType; `express.` marks Express brokers"),
    "declared.kafka_version": Field(TEXT, "the Kafka version as the service writes it, such as 3.7.x.kraft"),
    "declared.client_broker": Field(
        one_of("TLS", "TLS_PLAINTEXT", "PLAINTEXT"), "encryption between clients and brokers"
    ),
    "declared.in_cluster_tls": Field(BOOLEAN, "whether brokers encrypt between themselves"),
    "declared.at_rest_key": Field(TEXT, "ARN of the KMS key of the data volumes"),
    "declared.key_manager": Field(one_of("AWS", "CUSTOMER"), "who manages that key, as kms:DescribeKey says"),
    "declared.iam": Field(BOOLEAN, "SASL/IAM is on"),
    "declared.scram": Field(BOOLEAN, "SASL/SCRAM is on"),
    "declared.mtls": Field(BOOLEAN, "client certificates are on"),
    "declared.unauthenticated": Field(BOOLEAN, "unauthenticated access is on; absence does not mean off"),
    "declared.public_access": Field(one_of("DISABLED", "SERVICE_PROVIDED_EIPS"), "public access of the brokers"),
    "declared.private_link_iam": Field(BOOLEAN, "SASL/IAM over multi-VPC private connectivity"),
    "declared.private_link_scram": Field(BOOLEAN, "SASL/SCRAM over multi-VPC private connectivity"),
    "declared.private_link_tls": Field(BOOLEAN, "client certificates over multi-VPC private connectivity"),
    "declared.enhanced_monitoring": Field(
        one_of("DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"), "monitoring level"
    ),
    "declared.broker_logs": Field(list_of(LOG_DESTINATION), "where broker logs go"),
    "declared.authorizer_logs": Field(list_of(LOG_DESTINATION), "where authorizer (ACL decision) logs go"),
    "declared.zookeeper_connect": Field(TEXT, "plaintext ZooKeeper connect string"),
    "declared.zookeeper_connect_tls": Field(TEXT, "TLS ZooKeeper connect string"),
    "declared.configuration": Field(TEXT, "ARN and revision of the custom configuration in force"),
    "declared.allow_everyone_if_no_acl_found": Field(
        BOOLEAN, "allow.everyone.if.no.acl.found in the configuration revision in force"
    ),
    "declared.bootstrap": Field(list_of(BOOTSTRAP_ADDRESS), "every address of GetBootstrapBrokers"),
    "name": Field(TEXT, "name for people", derived=True),
    "service": Field(one_of("standard", "express", "serverless"), "kind of MSK cluster", derived=True),
    "metadata_mode": Field(one_of("zookeeper", "kraft"), "what keeps the cluster's metadata", derived=True),
    "authentication": Field(
        list_of(one_of("iam", "mtls", "scram")), "authentication methods that are on", derived=True
    ),
    "acls_apply": Field(BOOLEAN, "principals exist that Kafka ACLs govern (all but IAM)", derived=True),
    "default_allow": Field(BOOLEAN, "allow.everyone.if.no.acl.found is in effect true", derived=True),
    "public": Field(BOOLEAN, "the brokers have public addresses", derived=True),
    "zookeeper_tls": Field(BOOLEAN, "the service gives a TLS connect string for ZooKeeper", derived=True),
    "support_end": Field(DATE, "when AWS ends support of the Kafka version, once announced", derived=True),
    "support_ended": Field(BOOLEAN, "that day is past at the date of the audit", derived=True),
}

_LISTENER: Final = {
    "observed.transport": Field(one_of("clear", "tls"), "how Kafka answers: in clear or through TLS"),
    "observed.sasl_mechanisms": Field(list_of(TEXT), "SASL mechanisms offered; empty when the port has no SASL"),
    "observed.serves_anonymous": Field(BOOLEAN, "a Metadata request without any credential was served"),
    "observed.client_certificate": Field(
        one_of("off", "requested", "required"), "whether the TLS handshake asks for a client certificate"
    ),
    "address": Field(TEXT, "host:port; the host is * where AWS did not name one", derived=True),
    "declared.exists": Field(BOOLEAN, "the control plane declares this listener", derived=True),
    "declared.protocol": Field(one_of(*PROTOCOLS), "protocol the control plane declares", derived=True),
    "declared.plaintext": Field(BOOLEAN, "declared to take requests without TLS", derived=True),
    "declared.anonymous": Field(BOOLEAN, "declared to serve clients without credentials", derived=True),
    "observed.protocol": Field(
        one_of(*PROTOCOLS, "sasl_plaintext", "sasl_other", "nothing"),
        "protocol seen on the wire, in the control plane's words; nothing where the port refuses and its host answers",
        derived=True,
    ),
    "plaintext": Field(BOOLEAN, "requests without TLS are taken, as declared or observed", derived=True),
    "anonymous": Field(BOOLEAN, "clients without credentials are served, as declared or observed", derived=True),
}

CATALOGUE: Final[dict[Kind, dict[str, Field]]] = {Kind.CLUSTER: _CLUSTER, Kind.LISTENER: _LISTENER}


def gathered(kind: Kind, column: Column) -> tuple[str, ...]:
    """The paths of a kind that sources of one column can settle."""
    return tuple(path for path, field in CATALOGUE[kind].items() if not field.derived and path.startswith(f"{column}."))


class SubjectKey(Struct, frozen=True, order=True, gc=False):
    """What a finding is about: unique in a run by kind and id; `cluster` is the ARN or address list it belongs to."""

    kind: Kind
    id: str
    cluster: str


def listener_key(cluster: str, address: str) -> SubjectKey:
    """The subject of one listener of one broker."""
    return SubjectKey(Kind.LISTENER, f"{cluster}/{address}", cluster)


def typed(kind: Kind, path: str, value: object) -> bool:
    """Whether the table has the path as gathered evidence and the value has its type."""
    field = CATALOGUE[kind].get(path)
    return field is not None and not field.derived and field.type.accepts(value)
