"""Transcripts of requests: who is told what, in which codes, and what is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mskaudit.reference.releases import Mode
from mskaudit.wire.apis.acls import DescribeAclsResponse
from mskaudit.wire.apis.configs import DescribeConfigsResponse
from mskaudit.wire.apis.users import DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse
from mskaudit.wire.messages import MetadataResponse
from tests.real.requests import (
    READING,
    READING_KRAFT,
    THERE,
    UNKNOWN,
    WRITING,
    Asked,
    all_acls,
    alter_incrementally,
    create_acl,
    create_topic,
    describe_configs,
    metadata,
    scram_users,
)
from tests.real.scenes import LOOKED_AT, WORKSHOP
from tests.real.stage import SILENCE, Who
from tests.real.talk import until
from tests.real.transcripts import Visitor, ask, hear, transcript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mskaudit.wire.messages import ApiVersionsResponse
    from tests.real.stage import Stage
from tests.real.transcripts import Told

_ADMIN: Final = Visitor("scram", Who.ADMIN)
_VISITORS: Final = {
    "anonymous": Visitor("plaintext", Who.ANONYMOUS),
    "anonymous over TLS": Visitor("tls", Who.ANONYMOUS),
    "CN=client": Visitor("mtls", Who.CLIENT),
    "alice": Visitor("scram", Who.ALICE),
    "admin": _ADMIN,
}
_SHOWN: Final = (
    "allow.everyone.if.no.acl.found",
    "super.users",
    "authorizer.class.name",
    "listener.name.requested.ssl.client.auth",
    "listener.name.scram.sasl.enabled.mechanisms",
    "listener.name.plain.plain.sasl.jaas.config",
    "ssl.client.auth",
    "ssl.keystore.password",
    "early.start.listeners",
    "process.roles",
    "zookeeper.connect",
    "zookeeper.set.acl",
    "password.encoder.secret",
    "security.inter.broker.protocol",
    "auto.create.topics.enable",
    "unclean.leader.election.enable",
    "delegation.token.secret.key",
    "no.such.setting",
)
_REFUSED_KNOBS: Final = {
    "authorizer.class.name": "x",
    "auto.create.topics.enable": "false",
    "connections.max.idle.ms": "1000",
    "socket.request.max.bytes": "1000",
    "ssl.principal.mapping.rules": "DEFAULT",
    "connections.max.reauth.ms": "1000",
    "default.replication.factor": "2",
    "early.start.listeners": "x",
    "unclean.leader.election.enable": "true",
    "log.retention.ms": "1000000",
    "message.max.bytes": "1000000",
    "num.io.threads": "3",
    "super.users": "User:x",
    "allow.everyone.if.no.acl.found": "true",
    "listener.name.tls.ssl.client.auth": "required",
    "listener.name.tls.ssl.enabled.protocols": "TLSv1.2",
    "listener.name.scram.sasl.enabled.mechanisms": "PLAIN",
    "no.such.setting": "x",
}


def _many(stage: Stage, visitor: Visitor, wanted: Mapping[str, Asked]) -> Told:
    return {name: ask(stage, visitor, *one) for name, one in wanted.items()}


def _reading(stage: Stage) -> dict[str, Asked]:
    return {**READING, **(READING_KRAFT if stage.cluster.mode is Mode.KRAFT else {})}


@transcript(*LOOKED_AT)
def reading_as_anybody(stage: Stage) -> Told:
    return {name: _many(stage, visitor, _reading(stage)) for name, visitor in _VISITORS.items()}


@transcript("deny")
def writing_where_nothing_is_allowed(stage: Stage) -> Told:
    return {name: _many(stage, visitor, WRITING) for name, visitor in _VISITORS.items() if visitor is not _ADMIN}


@transcript(*LOOKED_AT)
def topics_in_sight(stage: Stage) -> Told:
    seen = {}
    for name, (listener, who, _) in _VISITORS.items():
        with stage.talk(listener, who) as conversation:
            told = conversation.ask(*metadata(), MetadataResponse)
        seen[name] = {
            "topics": sorted(topic.name or "" for topic in told.topics if topic.name in stage.cluster.topics),
            "operations": sorted({topic.topic_authorized_operations for topic in told.topics}),
            "cluster operations": told.cluster_authorized_operations,
            "brokers": len(told.brokers),
            "cluster id": told.cluster_id,
        }
    return seen


@transcript(*LOOKED_AT)
def the_list_of_acls(stage: Stage) -> Told:
    seen = {}
    for name, (listener, who, _) in _VISITORS.items():
        with stage.talk(listener, who) as conversation:
            told = conversation.ask(*all_acls(), DescribeAclsResponse)
        seen[name] = {
            "error_code": told.error_code,
            "acls": sorted(
                [one.resource_type, one.resource_name, one.pattern_type, acl.principal, acl.host, acl.operation]
                for one in told.resources
                for acl in one.acls
            ),
        }
    return seen


@transcript("deny", "allow", "no authorizer")
def all_users_by_null(stage: Stage) -> Told:
    # Whoever may not ask gets no answer to this, and the connection hangs.
    request = DescribeUserScramCredentialsRequest(users=None)
    return {name: ask(stage, visitor._replace(patience=SILENCE), request, 0) for name, visitor in _VISITORS.items()}


@transcript("allow")
def iterations_of_users(stage: Stage) -> Told:
    with stage.talk("plaintext") as conversation:
        told = conversation.ask(*scram_users(), DescribeUserScramCredentialsResponse)
    return sorted(
        [one.user, sorted([info.mechanism, info.iterations] for info in one.credential_infos)] for one in told.results
    )


@transcript("deny")
def settings_in_sight(stage: Stage) -> Told:
    with stage.talk("scram", Who.ADMIN) as conversation:
        told = conversation.ask(*describe_configs(4, "1", synonyms=True), DescribeConfigsResponse)
    shown = {one.name: one for one in told.results[0].configs}
    return {
        name: None
        if (one := shown.get(name)) is None
        else {
            "hidden": one.value is None,
            "read only": one.read_only,
            "source": one.config_source,
            "sensitive": one.is_sensitive,
            "type": one.config_type,
            "synonyms": [[synonym.source, synonym.value is None] for synonym in one.synonyms],
        }
        for name in _SHOWN
    }


@transcript("deny")
def values_in_sight(stage: Stage) -> Told:
    keys = ("listener.name.requested.ssl.client.auth", "auto.create.topics.enable", "super.users", "num.partitions")
    with stage.talk("scram", Who.ADMIN) as conversation:
        told = conversation.ask(*describe_configs(4, "1", *keys), DescribeConfigsResponse)
    return {one.name: one.value for one in told.results[0].configs}


@transcript("deny")
def settings_of_what_there_is_not(stage: Stage) -> Told:
    def code(kind: int, name: str) -> Told:
        asked = describe_configs(kind, name)
        return ask(stage, _ADMIN, *asked)

    def error(kind: int, name: str) -> Told:
        told = code(kind, name)
        return [one["error_code"] for one in told["results"]] if isinstance(told, dict) else told

    return {
        "another broker": error(4, "7"),
        "no number": error(4, "x"),
        "all brokers": error(4, ""),
        "an unknown topic": error(2, UNKNOWN),
        "an invalid topic": error(2, "a topic"),
        "a logger": error(8, "1"),
        "an unknown kind": error(64, "x"),
    }


@transcript("deny")
def knobs_that_turn(stage: Stage) -> Told:
    told = {}
    for key, value in _REFUSED_KNOBS.items():
        asked = alter_incrementally(4, "1", key, value)
        told[key] = ask(stage, _ADMIN, *asked)
    return told


@transcript(WORKSHOP)
def a_setting_shown_and_not_in_force(stage: Stage) -> Told:
    key = "listener.name.tls.ssl.client.auth"
    asked = alter_incrementally(4, "1", key, "required", only_check=False)
    told = ask(stage, _ADMIN, *asked)
    with stage.talk("scram", Who.ADMIN) as conversation:

        def shown() -> tuple[str | None, int]:
            (one,) = conversation.ask(*describe_configs(4, "1", key), DescribeConfigsResponse).results[0].configs
            return one.value, one.config_source

        # A change takes its way through the cluster's metadata.
        until(lambda: shown() == ("required", 2), "the new setting")
    with stage.talk("tls") as conversation:
        served = hear(lambda: conversation.versions(0).error_code)
    return {"told": told, "without a certificate": served}


@transcript(WORKSHOP)
def what_an_administrator_gets_wrong(stage: Stage) -> Told:
    wrong = {
        "a topic that exists": create_topic(THERE),
        "a name with a blank": create_topic("a topic"),
        "an empty name": create_topic(""),
        "too many replicas": create_topic(UNKNOWN, replicas=3),
        "no partitions": create_topic(UNKNOWN, partitions=0),
        "an ACL on another cluster": create_acl("other", kind=4),
        "an ACL for nobody": create_acl(principal="x"),
        "an ACL with an operation a topic has not": create_acl(operation=9),
        "an ACL with an unknown operation": create_acl(operation=0),
        "an ACL for any operation": create_acl(operation=1),
    }
    return _many(stage, _ADMIN, wrong)


@transcript("deny")
def silence_is_no_answer(stage: Stage) -> Told:
    # After a request that is never answered, later ones on that connection are not either.
    def both() -> Told:
        with stage.talk("plaintext", deadline=SILENCE) as conversation:
            first = hear(lambda: conversation.ask_any(DescribeUserScramCredentialsRequest(users=None), 0))
            return [first, hear(lambda: conversation.versions(0).error_code)]

    return hear(both)


@transcript("deny")
def what_a_broker_says_of_itself(stage: Stage) -> Told:
    told = {}
    for listener in ("plaintext", "scram"):
        for version in (0, 3, 4):
            with stage.talk(listener) as conversation:
                told[f"{listener}, version {version}"] = _of_itself(conversation.versions(version))
    return told


def _of_itself(told: ApiVersionsResponse) -> Told:
    """The epoch counts what happened before and is of no interest."""
    return {
        "apis": {str(api.api_key): [api.min_version, api.max_version] for api in told.api_keys},
        "features": {one.name: [one.min_version, one.max_version] for one in told.supported_features},
        "in force": {one.name: [one.min_version_level, one.max_version_level] for one in told.finalized_features},
        "has an epoch": told.finalized_features_epoch > 0,
    }
