"""The kinds of resource that have settings, and which of them a release knows."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from mskaudit.reference.config_keys import config_table
from mskaudit.reference.services.refusals import in_zookeeper
from mskaudit.wire.messages import ApiKey

if TYPE_CHECKING:
    from mskaudit.reference.asking import Asking

ROOT_LOGGER: Final = "root"
LOGGERS: Final = (
    "kafka.authorizer.logger",
    "kafka.log.LogCleaner",
    "kafka.network.Processor",
    "kafka.network.RequestChannel$",
    "kafka.network.SocketServer",
    "kafka.request.logger",
    "kafka.server.KafkaApis",
    "kafka.server.ReplicaManager",
    "org.apache.kafka.common.network.Selector",
    "org.apache.kafka.common.security.authenticator.SaslServerAuthenticator",
    ROOT_LOGGER,
    "state.change.logger",
)
"""Some of the loggers of a broker that all releases have."""


class ConfigKind(IntEnum):
    """A kind of resource with settings, by Kafka's number."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


def kind_of(asking: Asking, number: int) -> ConfigKind | None:
    """The kind of a number, None where the release has none."""
    if number not in set(ConfigKind):
        return None
    kind = ConfigKind(number)
    return None if kind is ConfigKind.GROUP and not has_groups(asking) else kind


def has_groups(asking: Asking) -> bool:
    """Whether groups have settings (KIP-848)."""
    return bool(config_table(asking.profile).groups)


def has_client_metrics(asking: Asking) -> bool:
    """Whether there are subscriptions of client metrics (KIP-714)."""
    return not in_zookeeper(asking) and ApiKey.LIST_CONFIG_RESOURCES in asking.profile.apis
