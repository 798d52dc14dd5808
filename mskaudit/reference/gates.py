"""How somebody comes in to a reference broker: by which names they are known, and who decides on what they ask."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mskaudit.errors import UsageError
from mskaudit.policy.principals import PrincipalMapping
from mskaudit.reference.asking import Identity
from mskaudit.reference.authority import AclAuthority
from mskaudit.reference.realm import Realm, plain_passwords

if TYPE_CHECKING:
    from mskaudit.reference.asking import Authority, Node
    from mskaudit.reference.cluster import Listener
    from mskaudit.reference.state import State
    from mskaudit.reference.tls_session import TlsPeer


def identity_of(listener: Listener, peer: TlsPeer | None) -> Identity:
    """Who a client is by its certificate; anonymous without one.

    Raises:
        ConnectionAbortedError: the certificate has a name that no rule maps; Kafka closes as well.
    """
    if peer is None or peer.subject is None:
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
    """Who decides on the requests of a listener."""
    del listener, arn
    return AclAuthority(state, release)
