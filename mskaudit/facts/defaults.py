"""What Amazon MSK does where a complete answer leaves a field out: the one place where absence gets a value.

`Unauthenticated` has no default on purpose: clusters older than the field serve anonymous clients and report nothing
(https://github.com/hashicorp/terraform-provider-aws/issues/20956). Nor has the key of the data volumes, which every
complete answer names.
"""

from __future__ import annotations

from typing import Any, Final

from mskaudit.model.evidence import SERVICE_DEFAULT, Column, Evidence, Known

AS_OF: Final = "2026-11-23"

_ENCRYPTION: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/msk-encryption.html"
_AUTHENTICATION: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/kafka_apis_iam.html"
_PUBLIC: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/public-access.html"
_MULTI_VPC: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/aws-access-mult-vpc.html"
_MONITORING: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/monitoring.html"
_LOGGING: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/msk-logging.html"
_CONFIGURATION: Final = "https://docs.aws.amazon.com/msk/latest/developerguide/msk-default-configuration.html"

PROVISIONED: Final[dict[str, tuple[Any, str]]] = {
    "declared.client_broker": ("TLS", _ENCRYPTION),
    "declared.in_cluster_tls": (True, _ENCRYPTION),
    "declared.iam": (False, _AUTHENTICATION),
    "declared.scram": (False, _AUTHENTICATION),
    "declared.mtls": (False, _AUTHENTICATION),
    "declared.public_access": ("DISABLED", _PUBLIC),
    "declared.private_link_iam": (False, _MULTI_VPC),
    "declared.private_link_scram": (False, _MULTI_VPC),
    "declared.private_link_tls": (False, _MULTI_VPC),
    "declared.enhanced_monitoring": ("DEFAULT", _MONITORING),
    "declared.broker_logs": ([], _LOGGING),
    "declared.authorizer_logs": ([], _LOGGING),
    "declared.allow_everyone_if_no_acl_found": (True, _CONFIGURATION),
}


# A cluster that is not there yet, or never came to be, may just not say.
UNFINISHED: Final = ("CREATING", "FAILED")


def apply_to(type_: object, state: object) -> bool:
    """Service defaults hold for provisioned clusters that exist."""
    return type_ == "PROVISIONED" and isinstance(state, str) and state not in UNFINISHED


def default_for(path: str, evidence: Evidence) -> Evidence:
    """The service default in place of an absence, or the evidence as it is."""
    if type(evidence) is Known and evidence.value is None and path in PROVISIONED:
        return assumed(evidence.path, path)
    return evidence


def assumed(full_path: str, path: str) -> Known:
    """The service default of a path as evidence of its own."""
    value, source = PROVISIONED[path]
    return Known(path=full_path, value=value, column=Column.DECLARED, origin=f"{SERVICE_DEFAULT}: {source}", at=AS_OF)
