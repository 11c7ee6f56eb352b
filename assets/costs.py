"""What a training run cost by list price: the pipeline's jobs, and the queries before them.

A job is billed for the time its step took, which on AWS includes the seconds its container needs to
start: rather more than less. Budgets are held by decisions.budget.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from decisions import prices

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from resources.sagemaker import StepFacts
    from usecases.declaration import UseCase

_QUERY = "athena/list_price_usd"


def pipeline_usd(use_case: UseCase, steps: Iterable[StepFacts], *, since: datetime) -> float | None:
    """Return what the jobs cost that began after a moment; None where an instance has no price.

    Args:
        use_case: Which instances the jobs run on.
        steps: The execution's steps.
        since: When the run began (aware): an execution it only attached to was paid before.
    """
    total = 0.0
    for step in steps:
        price = _price(use_case, step)
        if step.started_at is None or step.started_at < since or price == 0.0:
            continue
        if price is None or step.ended_at is None:
            return None
        total += price * ((step.ended_at - step.started_at) / timedelta(hours=1))
    return total


def queries_usd(instance: dg.DagsterInstance, run_id: str) -> float:
    """Return what Athena's queries cost that this run's materializations tell of."""
    total = 0.0
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        made = event.step_materialization_data.materialization if event else None
        told = made.metadata.get(_QUERY) if made else None
        if told is not None and isinstance(told.value, int | float):
            total += told.value
    return total


def _price(use_case: UseCase, step: StepFacts) -> float | None:
    declared = use_case.retraining.budget.usd_per_hour
    if "TrainingJob" in step.metadata:
        return prices.usd_per_hour(use_case.compute.training_instance, declared)
    if "ProcessingJob" in step.metadata:
        return prices.usd_per_hour(use_case.compute.processing_instance, declared)
    return 0.0
