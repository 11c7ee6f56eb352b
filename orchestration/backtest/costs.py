"""What one retrain costs at list price: the pipeline's jobs, by what they are declared to run on.

An estimate to compare policies by, not a bill: the same for each retrain of a use case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usecases.declaration import UseCase

PROCESSING_JOBS = 5
"""validate, prepare, evaluate, bias, judge."""

USD_PER_HOUR = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
}
"""SageMaker training and processing in us-east-1, on demand (aws.amazon.com/sagemaker/pricing)."""

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
    compute = use_case.compute
    jobs = ((compute.processing_instance, PROCESSING_JOBS), (compute.training_instance, 1))
    unknown = sorted({name for name, _ in jobs if name not in USD_PER_HOUR})
    if unknown:
        return Cost(None, f"no list price is known here for {', '.join(unknown)}")
    usd = sum(USD_PER_HOUR[name] * count * BILLED_SECONDS / 3600 for name, count in jobs)
    parts = " and ".join(f"{count} x {name} at {USD_PER_HOUR[name]} USD/h" for name, count in jobs)
    return Cost(round(usd, 4), f"{parts}, {BILLED_SECONDS:.0f} s billed each (assumed)")
