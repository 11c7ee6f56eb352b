"""A past of which everything is known: what each training gives, and when data drifted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decisions.reports import DriftReport
from orchestration.backtest.policy import Policy
from orchestration.backtest.replay import Outcome
from orchestration.backtest.span import Span
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from usecases.declaration import UseCase

FLIGHTS = load_use_case(Path(__file__).resolve().parents[3] / "usecases" / "flight_delay")
SPAN = Span.of(date(2013, 3, 4), date(2013, 4, 28))
"""Eight weeks, from a Monday."""


def day(month: int, number: int) -> datetime:
    return datetime(2013, month, number)  # noqa: DTZ001 - data time is naive UTC


def policy(kind: str, **changes: Any) -> Policy:
    return Policy.model_validate({"name": kind, "kind": kind, **changes})


@dataclass
class Toy:
    """A world that changed at a moment: models of before it are refuted by what comes after."""

    changed_at: datetime | None = None
    refuses: Callable[[datetime], bool] = lambda _: False
    fails: Callable[[datetime], bool] = lambda _: False
    asked: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    measured: list[datetime] = field(default_factory=list)

    def train(self, at: datetime, champion: datetime | None) -> Outcome:
        self.asked.append((at, champion))
        if self.fails(at):
            return Outcome("failed", "the set is empty")
        return Outcome("refused", "worse") if self.refuses(at) else Outcome("succeeded", "passed")

    def drift(self, use_case: UseCase, champion: datetime, now: datetime) -> DriftReport:
        self.measured.append(now)
        moved = self.changed_at is not None and champion < self.changed_at <= now
        return DriftReport(
            features=(),
            verdict="drifted" if moved else "stable",
            why="the world changed" if moved else "nothing moved",
        )

    def score(self, model: datetime, since: datetime, until: datetime) -> tuple[Any, Any]:
        """Perfect until the world changes; from then on, models of before it are wrong."""
        labels = np.array([0.0, 1.0] * 10)
        wrong = self.changed_at is not None and model < self.changed_at <= since
        return labels, 1.0 - labels if wrong else labels
