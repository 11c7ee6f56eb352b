"""Stages that CodePipeline has passed or failed, recorded on dev, staging and prod.

Starting a release does not belong here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.errors import PerennialError
from resources.platform import Platform
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resources.codepipeline import ReleaseFacts, StageFacts
    from usecases.declaration import UseCase

_ENDED = frozenset({"Succeeded", "Failed", "Abandoned"})
_REMEMBERED = 10


def release_sensor(use_cases: Sequence[UseCase], *, interval: int) -> dg.SensorDefinition:
    """Return the one sensor that follows every use case's releases.

    Its cursor holds, per use case, which stages of which executions are recorded.
    """

    @dg.sensor(
        name="release_sensor",
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records dev, staging and prod as CodePipeline passes them.",
    )
    def releases(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        cursor: dict[str, list[str]] = json.loads(context.cursor or "{}")
        events: list[Any] = []
        for use_case in use_cases:
            seen = cursor.get(use_case.name, [])
            try:
                found = list(new_stages(platform, use_case, seen))
            except PerennialError as error:
                context.log.warning("%s: cannot tell: %s", use_case.name, error)
                continue
            for release, stage in found:
                events.append(event_of(platform, use_case, release, stage))
                seen.append(f"{release.id}/{stage.name}")
            cursor[use_case.name] = seen[-_REMEMBERED * 4 :]
        return dg.SensorResult(
            asset_events=events,
            cursor=json.dumps(cursor),
            skip_reason=None if events else "no stage has ended since the last look",
        )

    return releases


def new_stages(
    platform: Platform, use_case: UseCase, seen: Sequence[str]
) -> Iterator[tuple[ReleaseFacts, StageFacts]]:
    """Yield the stages that ended and are not recorded yet, oldest release first."""
    name = platform.names.release_pipeline(use_case.name)
    newest = platform.releases.executions(name, limit=_REMEMBERED)
    for release in reversed(newest):
        if all(f"{release.id}/{stage}" in seen for stage in _titles(use_case)):
            continue
        for stage in platform.releases.stages(name, release.id):
            if (
                stage.name in _titles(use_case)
                and stage.status in _ENDED
                and f"{release.id}/{stage.name}" not in seen
            ):
                yield release, stage


def event_of(
    platform: Platform, use_case: UseCase, release: ReleaseFacts, stage: StageFacts
) -> dg.AssetMaterialization | dg.AssetObservation:
    """Return the record of a stage: a materialization if it passed, an observation if it failed."""
    key = dg.AssetKey(asset_keys.deployment(use_case.name, stage.name.lower()))
    metadata: dict[str, Any] = {
        "execution_id": release.id,
        "status": stage.status,
        "model_package_arn": release.variables.get("ModelPackageArn", "unknown"),
        "model_sha256": release.variables.get("ModelSha256", "unknown"),
        "endpoint": platform.names.endpoint(use_case.name),
    }
    if stage.started_at and stage.ended_at:
        metadata["seconds"] = (stage.ended_at - stage.started_at).total_seconds()
    if stage.status == "Succeeded":
        return dg.AssetMaterialization(key, metadata=metadata)
    return dg.AssetObservation(key, metadata={**metadata, "error": stage.error or "not told"})


def _titles(use_case: UseCase) -> list[str]:
    return [stage.capitalize() for stage in use_case.release.stages]
