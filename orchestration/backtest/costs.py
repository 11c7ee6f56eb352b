"""What one retrain costs at list price: the pipeline's jobs, by what they are declared to run on.

An estimate to compare policies by, not a bill: the same for each retrain of a use case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisions import prices

if TYPE_CHECKING:
    from usecases.declaration import UseCase

BILLED_SECONDS = 180.0
"""Assumed of each job: pulling the container, its data, the step itself (about a second here)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The estimate for one retrain.

    Attributes:
        usd: None where an instance has no price here.
        why: How it comes about.
    """

    usd: float | None
    why: str


def of_retrain(use_case: UseCase) -> Cost:
    """Estimate one retrain from the declared compute."""
    compute, declared = use_case.compute, use_case.retraining.budget.usd_per_hour
    jobs = (
        (compute.processing_instance, prices.PROCESSING_JOBS),
        (compute.training_instance, 1),
    )
    hourly = {name: prices.usd_per_hour(name, declared) for name, _ in jobs}
    unknown = sorted(name for name, price in hourly.items() if price is None)
    if unknown:
        return Cost(None, f"no list price is known here for {', '.join(unknown)}")
    usd = sum((hourly[name] or 0.0) * count * BILLED_SECONDS / 3600 for name, count in jobs)
    parts = " and ".join(f"{count} x {name} at {hourly[name]} USD/h" for name, count in jobs)
    return Cost(round(usd, 4), f"{parts}, {BILLED_SECONDS:.0f} s billed each (assumed)")
