"""Feature levels: what would happen if one were changed; a reference cluster keeps those of its release (KIP-584)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mskaudit.policy.acls import Operation
from mskaudit.reference.services.refusals import CLUSTER_REFUSED, clipped, controls, in_zookeeper, request_refused
from mskaudit.reference.services.topic_placing import Refusal
from mskaudit.wire.apis.cluster import UpdatableFeatureResult, UpdateFeaturesResponse
from mskaudit.wire.codes import ErrorCode

if TYPE_CHECKING:
    from mskaudit.reference.asking import Asking
    from mskaudit.reference.releases import Levels
    from mskaudit.wire.apis.cluster import FeatureUpdateKey, UpdateFeaturesRequest

_UPGRADE: Final = 1
_DOWNGRADES: Final = (2, 3)
_ALL_OR_NONE_SINCE: Final = 2


async def update_features(asking: Asking, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse:
    """Say whether levels could be changed, and refuse to change any."""
    if not asking.may_on_cluster(Operation.ALTER):
        message = CLUSTER_REFUSED if in_zookeeper(asking) else request_refused(asking, Operation.ALTER)
        return UpdateFeaturesResponse(error_code=ErrorCode.CLUSTER_AUTHORIZATION_FAILED, error_message=message)
    if not controls(asking):
        return UpdateFeaturesResponse(error_code=ErrorCode.NOT_CONTROLLER)
    updates = {update.feature: update for update in request.feature_updates}.values()
    if in_zookeeper(asking):
        return UpdateFeaturesResponse(results=tuple(_by_zookeeper(update) for update in updates))
    refusal = next(filter(None, (_fault(asking, update) for update in updates)), None)
    if refusal is None and updates and not request.validate_only:
        refusal = "The levels of this cluster are those of its release."
    if refusal is not None:
        return UpdateFeaturesResponse(
            error_code=ErrorCode.INVALID_UPDATE_VERSION,
            error_message=clipped(
                f"The update failed for all features since the following feature had an error: {refusal}"
            ),
        )
    if asking.version >= _ALL_OR_NONE_SINCE:
        return UpdateFeaturesResponse()
    results = (UpdatableFeatureResult(feature=update.feature, error_message="NONE") for update in updates)
    return UpdateFeaturesResponse(results=tuple(results))


def _by_zookeeper(update: FeatureUpdateKey) -> UpdatableFeatureResult:
    """No feature is supported there, so that none can be changed."""
    refusal = Refusal(ErrorCode.INVALID_REQUEST, _zookeeper_fault(update))
    return UpdatableFeatureResult(feature=update.feature, error_code=refusal.error, error_message=refusal.message)


def _zookeeper_fault(update: FeatureUpdateKey) -> str:
    if not update.feature:
        return "Feature name can not be empty."
    if update.upgrade_type not in (_UPGRADE, *_DOWNGRADES):
        return "Received unknown upgrade type."
    if update.max_version_level < 1:
        return "Can not delete non-existing finalized feature."
    return "Could not apply finalized feature update because the provided feature is not supported."


def _fault(asking: Asking, update: FeatureUpdateKey) -> str | None:
    """Why a KRaft controller does not change a level."""
    level, name = update.max_version_level, update.feature
    wrong = f"Invalid update version {level} for feature {name}."
    if update.upgrade_type not in (_UPGRADE, *_DOWNGRADES):
        return f"{wrong} The controller does not support the given upgrade type."
    supported: Levels | None = next((one for one in asking.profile.supported if one.name == name), None)
    if supported is None:
        return f"{wrong} Local controller {asking.controller} does not support this feature."
    if not supported.lowest <= level <= supported.highest:
        reach = f"{supported.lowest}-{supported.highest}"
        return f"{wrong} Local controller {asking.controller} only supports versions {reach}"
    now = next((one.highest for one in asking.profile.finalized if one.name == name), 0)
    lower = level < now and (update.upgrade_type == _UPGRADE and not update.allow_downgrade)
    if lower:
        return (
            f"{wrong} Can't downgrade the version of this feature without setting the upgrade type to either safe "
            "or unsafe downgrade."
        )
    return None
