"""What the policies came to: quality week by week against the number and cost of retrains.

Numbers only; how they look is tables.py's and plot.py's.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from orchestration.backtest.costs import Cost
    from orchestration.backtest.replay import Course
    from orchestration.backtest.span import Span

    Score = Callable[[datetime, datetime, datetime], tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Retrain:
    """One training that a policy asked for."""

    at: datetime
    status: str
    reasons: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """One policy over the span.

    Attributes:
        weekly: AUC of each week's predictions, each made by the model that served then; None for
            a week with one class only.
        ages: Mean days between an event and the training of the model that scored it, by week.
    """

    policy: str
    kind: str
    weekly: tuple[float | None, ...]
    ages: tuple[float, ...]
    retrains: tuple[Retrain, ...]
    cost: float | None

    @property
    def mean(self) -> float | None:
        """Give the mean of the weekly AUC: every week counts alike."""
        known = self._known
        return math.fsum(known) / len(known) if known else None

    @property
    def worst(self) -> float | None:
        """Give the worst week's AUC."""
        return min(self._known, default=None)

    @property
    def accepted(self) -> int:
        """Give how many challengers became champion."""
        return sum(each.status == "succeeded" for each in self.retrains)

    @property
    def usd(self) -> float | None:
        """Give the cost of all retrains, refused ones included: they were computed too."""
        return None if self.cost is None else round(self.cost * len(self.retrains), 2)

    @property
    def _known(self) -> list[float]:
        return [each for each in self.weekly if each is not None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All policies over the same weeks.

    Attributes:
        weeks: First moment of each.
        about: What was compared, for people: use case, span, price.
    """

    use_case: str
    weeks: tuple[datetime, ...]
    results: tuple[Result, ...]
    cost: Cost
    about: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Give everything as JSON would have it."""
        return {
            "use_case": self.use_case,
            "about": list(self.about),
            "cost_per_retrain": asdict(self.cost),
            "weeks": [f"{week:%Y-%m-%d}" for week in self.weeks],
            "policies": [_document(each) for each in self.results],
        }


def result_of(course: Course, span: Span, score: Score, cost: Cost) -> Result:
    """Score a policy's course, each event by the model that served at its time."""
    weekly, ages = [], []
    for since, until in span.weeks():
        quality, age = _week(course, since, until, score)
        weekly.append(quality)
        ages.append(age)
    return Result(
        policy=course.policy.name,
        kind=course.policy.kind,
        weekly=tuple(weekly),
        ages=tuple(ages),
        retrains=tuple(
            Retrain(each.at, each.outcome.status, each.reasons, each.outcome.why)
            for each in course.retrains
        ),
        cost=cost.usd,
    )


def _week(
    course: Course, since: datetime, until: datetime, score: Score
) -> tuple[float | None, float]:
    import numpy as np

    from pipelines.steps import metrics

    labels, probabilities, days = [], [], 0.0
    for model, low, high in course.reigns(since, until):
        found = score(model, low, high)
        labels.append(found[0])
        probabilities.append(found[1])
        middle = low + (high - low) / 2
        days += (middle - model).total_seconds() / 86400 * ((high - low) / (until - since))
    quality = metrics.auc(np.concatenate(labels), np.concatenate(probabilities))
    return (quality if math.isfinite(quality) else None), round(days, 3)


def _document(result: Result) -> dict[str, Any]:
    return {
        "policy": result.policy,
        "kind": result.kind,
        "mean_weekly_auc": result.mean,
        "worst_weekly_auc": result.worst,
        "retrains": len(result.retrains),
        "accepted": result.accepted,
        "usd": result.usd,
        "weekly_auc": list(result.weekly),
        "mean_model_age_days": list(result.ages),
        "trainings": [
            {**asdict(each), "at": f"{each.at:%Y-%m-%d}", "reasons": list(each.reasons)}
            for each in result.retrains
        ],
    }


def against(results: Sequence[Result], reference: str) -> Result | None:
    """Give the policy that the others are compared with, if it was replayed."""
    return next((each for each in results if reference in (each.policy, each.kind)), None)
