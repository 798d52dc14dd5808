"""Real brokers of a handful of releases say of themselves what the reference's profiles say."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from mskaudit.reference.releases import Mode, profile
from mskaudit.wire.messages import ApiKey
from tests.real.fetch import mode_of
from tests.real.keepers import connect_string, keeper
from tests.real.servers import CONTROLLER, HARNESS, RELEASES, Setup, broker, harness_context
from tests.real.talk import talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mskaudit.wire.messages import ApiVersionsResponse
    from tests.real.servers import Server

_WITH_ZERO_LEVELS: Final = 4
_WITH_FEATURES: Final = 3


@pytest.fixture(scope="module", params=list(RELEASES))
def running(request: pytest.FixtureRequest) -> Iterator[Server]:
    setup = Setup(release=request.param, mode=mode_of(request.param), listeners={})
    with ExitStack() as stack:
        zookeeper = {}
        if setup.mode is Mode.ZOOKEEPER:
            zookeeper = connect_string(stack.enter_context(keeper()).clear)
        yield stack.enter_context(broker(setup, zookeeper=zookeeper))


def test_apis_are_those_of_the_profile(running: Server) -> None:
    for listener, mode in _listeners(running).items():
        with talk(running.addresses[listener], harness_context()) as conversation:
            told = conversation.versions(0)
        advertised = {api.api_key: (api.min_version, api.max_version) for api in told.api_keys}
        assert advertised == profile(running.setup.release, mode).apis


def test_features_are_those_of_the_profile(running: Server) -> None:
    for listener, mode in _listeners(running).items():
        known = profile(running.setup.release, mode)
        with talk(running.addresses[listener], harness_context()) as conversation:
            older = conversation.versions(_WITH_FEATURES)
            newest = conversation.versions(min(_WITH_ZERO_LEVELS, known.apis[ApiKey.API_VERSIONS][1]))
        assert _features(newest) == (set(known.supported), set(known.finalized))
        assert _features(older) == ({one for one in known.supported if one.lowest > 0}, set(known.finalized))
        assert (newest.finalized_features_epoch > 0) == (known.epoch > 0)


def _listeners(running: Server) -> dict[str, Mode]:
    if running.setup.mode is Mode.ZOOKEEPER:
        return {HARNESS: Mode.ZOOKEEPER}
    return {HARNESS: Mode.KRAFT, CONTROLLER: Mode.CONTROLLER}


def _features(told: ApiVersionsResponse) -> tuple[set[tuple[str, int, int]], set[tuple[str, int, int]]]:
    supported = {(one.name, one.min_version, one.max_version) for one in told.supported_features}
    final = {(one.name, one.max_version_level, one.min_version_level) for one in told.finalized_features}
    return supported, final
