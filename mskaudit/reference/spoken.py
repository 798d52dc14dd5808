"""What a release of Kafka speaks: its APIs as far as there are tables, and its own account of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mskaudit.reference.services import SERVED
from mskaudit.wire.apis import api
from mskaudit.wire.messages import (
    Api,
    ApiKey,
    ApiVersion,
    ApiVersionsResponse,
    FinalizedFeature,
    SupportedFeature,
)

if TYPE_CHECKING:
    from mskaudit.reference.releases import Profile

_LOGIN = frozenset({ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE})
_SHOWS_ALL_FEATURES = 4


class Spoken(Mapping[int, Api]):
    """The APIs of a release by key, each with the versions that it has; tables are loaded when asked for."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def __getitem__(self, key: int) -> Api:
        """The API; KeyError where the release has none, or it is not served here."""
        lowest, highest = self._profile.apis[key]
        if key not in SERVED | _LOGIN:
            raise KeyError(key)
        known = api(key)
        return known.limited(range(max(lowest, known.versions.start), min(highest + 1, known.versions.stop)))

    def __iter__(self) -> Iterator[int]:
        """The keys of the release that are served."""
        return (key for key in self._profile.apis if key in SERVED | _LOGIN)

    def __len__(self) -> int:
        """How many there are."""
        return sum(1 for _ in self)


def api_versions(profile: Profile, version: int) -> ApiVersionsResponse:
    """What a release says of itself in a version of ApiVersions.

    A feature whose lowest level is 0 is shown from version 4 on only (KIP-1022).
    """
    supported = tuple(
        SupportedFeature(name=name, min_version=lowest, max_version=highest)
        for name, lowest, highest in profile.supported
        if lowest > 0 or version >= _SHOWS_ALL_FEATURES
    )
    return ApiVersionsResponse(
        api_keys=tuple(
            ApiVersion(api_key=key, min_version=lowest, max_version=highest)
            for key, (lowest, highest) in profile.apis.items()
        ),
        supported_features=supported,
        finalized_features_epoch=profile.epoch,
        finalized_features=tuple(
            FinalizedFeature(name=name, max_version_level=highest, min_version_level=lowest)
            for name, highest, lowest in profile.finalized
        ),
    )
