"""What a training costs and whether it may. Prices by the hour are prices.py's.

The next run is expected to cost as much as the dearest of the last ones that were judged; before
any, as much as the declared longest run time allows. A run whose cost was not recorded counts as
such a one, too: a failure is not free. So what was spent and what starts never exceed the budget
by more than the newest run exceeds all of those before it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from decisions.model import Fact
from decisions.retrain_facts import Budget, Obstacle, RunFact

_REMEMBERED = 5
_SMALL = 0.1


class Estimate(Fact):
    """What the next run is expected to cost, and what that rests on."""

    usd: float
    basis: Literal["past runs", "longest run time"]


class Ledger(Fact):
    """Where the budget stands.

    Attributes:
        spent_usd: What this month's runs cost; None where it cannot be told.
        runs: How many there were.
        resets_at: When the next month begins (UTC).
    """

    spent_usd: float | None
    runs: int
    estimate: Estimate | None
    resets_at: datetime


def usd(amount: float) -> str:
    """Write an amount; small ones to a hundredth of a cent."""
    return f"{amount:.2f}" if amount >= _SMALL or amount == 0.0 else f"{amount:.4f}"


def estimate(runs: Sequence[RunFact], ceiling_usd: float | None) -> Estimate | None:
    """Say what the next run is expected to cost; None where nothing says so."""
    ordered = sorted(runs, key=lambda run: (run.started_at, run.run_id))
    known = [run.cost_usd for run in ordered if run.answered and run.cost_usd is not None]
    if known:
        return Estimate(usd=max(known[-_REMEMBERED:]), basis="past runs")
    if ceiling_usd is not None:
        return Estimate(usd=ceiling_usd, basis="longest run time")
    return None


def ledger(runs: Sequence[RunFact], ceiling_usd: float | None, now: datetime) -> Ledger:
    """Add up the month that a moment lies in."""
    begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    expected = estimate(runs, ceiling_usd)
    mine = [run for run in runs if run.started_at >= begins]
    unknown = sum(run.cost_usd is None for run in mine)
    spent = None
    if not unknown or expected is not None:
        known = sum(run.cost_usd for run in mine if run.cost_usd is not None)
        spent = known + unknown * (expected.usd if expected else 0.0)
    resets = (begins + timedelta(days=32)).replace(day=1)
    return Ledger(spent_usd=spent, runs=len(mine), estimate=expected, resets_at=resets)


def obstacle(
    budget: Budget, runs: Sequence[RunFact], ceiling_usd: float | None, now: datetime
) -> Obstacle | None:
    """Say what of the budget stands in the way of a run now."""
    if budget.monthly_usd is None and budget.per_run_usd is None:
        return None
    book = ledger(runs, ceiling_usd, now)
    if book.estimate is None or book.spent_usd is None:
        return Obstacle(
            rule="budget",
            why="There is a budget, and nothing says what a run costs: no list price for its "
            "instances. Declare retraining.budget.usd_per_hour.",
        )
    cost, basis = book.estimate.usd, book.estimate.basis
    for limit, name in ((budget.per_run_usd, "per run"), (budget.monthly_usd, "a month")):
        if limit is not None and cost > limit:
            return Obstacle(
                rule="budget",
                why=f"A run is expected to cost {usd(cost)} USD (by {basis}); allowed is "
                f"{usd(limit)} {name}. Raise retraining.budget.",
            )
    if budget.monthly_usd is None or book.spent_usd + cost <= budget.monthly_usd:
        return None
    return Obstacle(
        rule="budget",
        until=book.resets_at,
        why=f"{usd(book.spent_usd)} of {usd(budget.monthly_usd)} USD are spent this month by "
        f"{book.runs} run(s); the next is expected to cost {usd(cost)} (by {basis}).",
    )
