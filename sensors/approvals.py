"""Approved versions that do not serve yet, or rejected ones that still do: start their release.

What should serve is decided by decisions.promotion; starting CodePipeline is the release asset's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from decisions.promotion import Nothing, Plan, decide
from resources.errors import PerennialError
from resources.platform import Platform
from resources.serving import promotion_facts
from sensors.runs import runs_with
from usecases import run_tags as tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensors.governing import Job
    from usecases.declaration import UseCase

#: Dagster runs that may fail to start one plan before a person has to look.
MOST_STARTS = 5
_ENDED = frozenset({dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})


def approval_sensor(
    use_cases: Sequence[UseCase], jobs: Sequence[Job], *, interval: int
) -> dg.SensorDefinition:
    """Return the one sensor that watches every use case's registry."""

    @dg.sensor(
        name="approval_sensor",
        jobs=jobs,
        minimum_interval_seconds=interval,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the release of what is approved and does not serve.",
    )
    def approvals(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        requests, reasons = [], []
        for use_case in use_cases:
            verdict = due(context.instance, platform, use_case)
            if isinstance(verdict, str):
                reasons.append(f"{use_case.name}: {verdict}")
            else:
                requests.append(verdict)
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else "; ".join(reasons)
        )

    return approvals


def due(instance: dg.DagsterInstance, platform: Platform, use_case: UseCase) -> dg.RunRequest | str:
    """Return the run that starts the release that is due, or why none is."""
    try:
        facts = promotion_facts(platform, use_case.name, use_case.release.stages)
    except PerennialError as error:
        return f"cannot tell: {error}"
    verdict = decide(facts, use_case.release.policy)
    if isinstance(verdict, Nothing):
        return verdict.why
    return request_for(instance, use_case, verdict)


def request_for(instance: dg.DagsterInstance, use_case: UseCase, plan: Plan) -> dg.RunRequest | str:
    """Return the run for a plan. A run that failed before CodePipeline started gets a new key."""
    runs = runs_with(instance, tags.PLAN, plan.digest)
    failed = sum(run.status in _ENDED for run in runs)
    if failed >= MOST_STARTS:
        return (
            f"{failed} runs failed to start the release of version {plan.version}; "
            f"the last was {runs[0].run_id}"
        )
    return dg.RunRequest(
        run_key=f"{plan.digest}/{failed}",
        job_name=f"release_{use_case.name}",
        tags={
            tags.RELEASE: use_case.name,
            tags.PLAN: plan.digest,
            tags.REASON: plan.reason[:500],
        },
    )
