"""What an administrator does to a running broker, in our own words on the wire: users, ACLs, topics, settings."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from mskaudit.wire.apis.acls import (
    AclCreation,
    CreateAclsRequest,
    CreateAclsResponse,
    DeleteAclsFilter,
    DeleteAclsRequest,
    DeleteAclsResponse,
    DescribeAclsRequest,
    DescribeAclsResponse,
)
from mskaudit.wire.apis.configs import (
    IncrementalAlterableConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
    IncrementalAlterConfigsResponse,
)
from mskaudit.wire.apis.topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from mskaudit.wire.apis.users import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    ScramCredentialUpsertion,
    UserName,
)
from mskaudit.wire.messages import MetadataRequest, MetadataRequestTopic, MetadataResponse
from mskaudit.wire.scram import ScramMechanism
from tests.real.maven import RealError
from tests.real.talk import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mskaudit.policy.acls import Acl
    from mskaudit.reference.realm import User
    from tests.real.talk import Conversation

SCRAM_NUMBERS: Final = {ScramMechanism.SHA_256: 1, ScramMechanism.SHA_512: 2}
BROKER: Final = 4
"""The resource type of a broker among those that have settings."""
_SALT: Final = 16
_ANY: Final = 1
_CREATED_ALREADY: Final = 36


def _require(outcomes: Iterable[tuple[int, str | None]]) -> None:
    for code, message in outcomes:
        if code not in {0, _CREATED_ALREADY}:
            raise RealError(f"the broker refused to be set up: error {code}, {message}")


def create_topics(conversation: Conversation, topics: Mapping[str, int]) -> None:
    """Make topics with so many partitions each, on this one broker."""
    wanted = tuple(
        CreatableTopic(name=name, num_partitions=count, replication_factor=1, assignments=(), configs=())
        for name, count in topics.items()
    )
    if wanted:
        told = conversation.ask(CreateTopicsRequest(topics=wanted), 5, CreateTopicsResponse)
        _require((one.error_code, one.error_message) for one in told.topics)
        _await_topics(conversation, topics)


def _await_topics(conversation: Conversation, topics: Mapping[str, int]) -> None:
    named = tuple(MetadataRequestTopic(name=name) for name in topics)
    asked = MetadataRequest(topics=named, allow_auto_topic_creation=False)

    def there() -> bool:
        told = conversation.ask(asked, 7, MetadataResponse).topics
        partitions = [part.error_code for topic in told for part in topic.partitions]
        return all(topic.error_code == 0 for topic in told) and partitions == [0] * sum(topics.values())

    until(there, "topics with leaders")


def create_acls(conversation: Conversation, acls: Iterable[Acl]) -> None:
    """Add access control entries."""
    wanted = tuple(
        AclCreation(
            resource_type=acl.resource_type,
            resource_name=acl.name,
            resource_pattern_type=acl.pattern_type,
            principal=acl.principal,
            host=acl.host,
            operation=acl.operation,
            permission_type=acl.permission,
        )
        for acl in acls
    )
    if wanted:
        told = conversation.ask(CreateAclsRequest(creations=wanted), 2, CreateAclsResponse)
        _require((one.error_code, one.error_message) for one in told.results)


def replace_acls(conversation: Conversation, acls: Iterable[Acl]) -> None:
    """Let there be these access control entries and no others, and wait until the broker decides by them."""
    everything = DeleteAclsFilter(
        resource_type_filter=_ANY,
        resource_name_filter=None,
        pattern_type_filter=_ANY,
        principal_filter=None,
        host_filter=None,
        operation=_ANY,
        permission_type=_ANY,
    )
    told = conversation.ask(DeleteAclsRequest(filters=(everything,)), 2, DeleteAclsResponse)
    _require((one.error_code, one.error_message) for one in told.filter_results)
    wanted = tuple(acls)
    create_acls(conversation, wanted)
    question = DescribeAclsRequest(
        resource_type_filter=_ANY,
        resource_name_filter=None,
        pattern_type_filter=_ANY,
        principal_filter=None,
        host_filter=None,
        operation=_ANY,
        permission_type=_ANY,
    )

    def in_force() -> bool:
        known = conversation.ask(question, 2, DescribeAclsResponse).resources
        return sum(len(resource.acls) for resource in known) == len(set(wanted))

    until(in_force, "the ACLs")


def create_users(conversation: Conversation, users: Mapping[str, User]) -> None:
    """Store what SCRAM needs of each user, and wait until the broker knows."""
    stored = 0
    for mechanism in ScramMechanism:
        # KRaft takes one credential of a user in a request.
        wanted = tuple(
            _upsertion(name, user, user.password, mechanism)
            for name, user in users.items()
            if user.password is not None and mechanism.value in user.mechanisms
        )
        stored += len(wanted)
        asked = AlterUserScramCredentialsRequest(deletions=(), upsertions=wanted)
        if wanted:
            told = conversation.ask(asked, 0, AlterUserScramCredentialsResponse)
            _require((one.error_code, one.error_message) for one in told.results)
    if stored:
        _await_users(conversation, users, stored)


def _await_users(conversation: Conversation, users: Mapping[str, User], stored: int) -> None:
    question = DescribeUserScramCredentialsRequest(users=tuple(UserName(name=name) for name in sorted(users)))

    def known() -> bool:
        told = conversation.ask(question, 0, DescribeUserScramCredentialsResponse)
        return sum(len(one.credential_infos) for one in told.results) == stored

    until(known, "the users' credentials")


def _upsertion(name: str, user: User, password: str, mechanism: ScramMechanism) -> ScramCredentialUpsertion:
    salt = secrets.token_bytes(_SALT)
    return ScramCredentialUpsertion(
        name=name,
        mechanism=SCRAM_NUMBERS[mechanism],
        iterations=user.iterations,
        salt=salt,
        salted_password=hashlib.pbkdf2_hmac(mechanism.digest, password.encode(), salt, user.iterations),
    )


def alter_settings(conversation: Conversation, broker: str, settings: Mapping[str, str]) -> tuple[int, str | None]:
    """Set what can be set while running, and return the error code with its words; no broker means all of them."""
    configs = tuple(
        IncrementalAlterableConfig(name=name, config_operation=0, value=value) for name, value in settings.items()
    )
    resource = IncrementalAlterConfigsResource(resource_type=BROKER, resource_name=broker, configs=configs)
    asked = IncrementalAlterConfigsRequest(resources=(resource,), validate_only=False)
    (told,) = conversation.ask(asked, 0, IncrementalAlterConfigsResponse).responses
    return told.error_code, told.error_message
