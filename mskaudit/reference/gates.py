"""How somebody comes in to a reference broker: by which names they are known, and who decides on what they ask."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mskaudit.errors import UsageError
from mskaudit.policy.principals import PrincipalMapping
from mskaudit.reference.asking import Identity
from mskaudit.reference.authority import AclAuthority, IamAuthority
from mskaudit.reference.cluster import Mechanism
from mskaudit.reference.realm import Realm, plain_passwords

if TYPE_CHECKING:
    from mskaudit.reference.asking import Authority, Node
    from mskaudit.reference.cluster import Listener
    from mskaudit.reference.state import State
    from mskaudit.reference.tls_session import TlsPeer

_WITH_AWS: Final = frozenset({Mechanism.AWS_MSK_IAM, Mechanism.OAUTHBEARER})
_NOT_IN_ARNS: Final = re.compile(r"[^A-Za-z0-9._-]")
_NO_NUMBER: Final = "00000000-0000-4000-8000-000000000000-1"


def identity_of(listener: Listener, peer: TlsPeer | None) -> Identity:
    """Who a client is by its certificate; anonymous without one, and where a login tells who somebody is.

    Raises:
        ConnectionAbortedError: the certificate has a name that no rule maps; Kafka closes as well.
    """
    if peer is None or peer.subject is None or listener.protocol.has_sasl:
        return Identity()
    try:
        name = _mapping(listener.principal_mapping).map(peer.subject)
    except UsageError:  # the name is too long, or a pattern costs too much on it
        name = None
    if name is None:
        raise ConnectionAbortedError("no rule of the principal mapping fits this certificate")
    return Identity(principal=f"User:{name}")


@lru_cache(maxsize=64)
def _mapping(rules: str) -> PrincipalMapping:
    return PrincipalMapping.parse(rules)


def realm_of(state: State, listener: Listener, node: Node) -> Realm:
    """What a listener of a broker knows of those who log in."""
    cluster = state.cluster
    hosts = {"localhost", listener.advertised, *(host for host, _ in node.addresses.values())}
    return Realm(
        scram=state.credentials,
        passwords=plain_passwords(cluster.known_users),
        aws={credential.access_key: credential for credential in cluster.aws_credentials.values()},
        oauth=listener.oauth,
        iam=listener.iam,
        hosts=frozenset(host for host in hosts if host is not None),
        clock=state.clock,
        reauth_limit_ms=listener.max_reauth_ms,
    )


def authority_of(state: State, listener: Listener, release: str, arn: str | None) -> Authority:
    """Who decides on the requests of a listener; `arn` is the cluster's, made up if there is none.

    Raises:
        UsageError: an AWS credential has a policy that is none, or the ARN is none of a cluster.
    """
    acls = AclAuthority(state, release)
    if not _WITH_AWS.intersection(listener.mechanisms):
        return acls
    name = _NOT_IN_ARNS.sub("-", state.cluster.cluster_id)
    made_up = f"arn:aws:kafka:{listener.iam.region}:123456789012:cluster/{name}/{_NO_NUMBER}"
    credentials = state.cluster.aws_credentials.values()
    return IamAuthority(credentials, arn or made_up, others=acls, release=release, state=state)
