"""The one sensor that starts training: it puts every use case's facts before the governor.

One sensor decides, so that Dagster's run key (use case, episode, attempt) is enough to never start
an attempt twice. Gathering drift and freshness for show is drift.py's and freshness.py's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from decisions.retraining import Hold
from resources.errors import PerennialError
from resources.platform import Platform
from sensors.drift import report_for
from sensors.governing import govern, run_request, situation_of
from sensors.runs import training_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisions.retraining import RunFact
    from sensors.governing import Job
    from usecases.declaration import UseCase


def retraining_sensor(
    use_cases: Sequence[UseCase], jobs: Sequence[Job], *, interval: int
) -> dg.SensorDefinition:
    """Return the one sensor that renews every use case's model."""

    @dg.sensor(
        name="retraining_sensor",
        jobs=jobs,
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Retrains a model when its data drifted, it became too old, or it was changed.",
    )
    def watch(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        runs = training_runs(context.instance, [each.name for each in use_cases])
        requests, reasons = [], []
        for use_case in use_cases:
            verdict = due(platform, use_case, runs[use_case.name])
            if isinstance(verdict, str):
                reasons.append(f"{use_case.name}: {verdict}")
            else:
                requests.append(verdict)
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else "; ".join(reasons)
        )

    return watch


def due(platform: Platform, use_case: UseCase, runs: tuple[RunFact, ...]) -> dg.RunRequest | str:
    """Return the training run that is due, or why none is. What cannot be told holds."""
    try:
        situation = situation_of(platform, use_case)
        found = report_for(platform, use_case, situation)
        verdict = govern(use_case, situation, runs, drift=found[1] if found else None)
    except PerennialError as error:
        return f"cannot tell: {error}"
    return verdict.why if isinstance(verdict, Hold) else run_request(use_case, verdict)
