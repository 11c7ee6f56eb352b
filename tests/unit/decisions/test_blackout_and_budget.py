"""When nothing may start, and what it may cost."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions import blackout, budget, prices
from decisions.blackout import WEEKDAYS, Dates, Weekly
from decisions.retraining import Budget, RunFact

MONDAY = datetime(2026, 1, 5)  # noqa: DTZ001
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NIGHT = Weekly(days=("mon",), start=time(22), end=time(6), reason="month's end")


@pytest.mark.parametrize(
    ("hours", "end"), [(21.99, None), (22, 30), (24, 30), (29.99, 30), (30, None), (46, None)]
)
def test_a_night_belongs_to_the_day_it_begins_on(hours: float, end: float | None) -> None:
    found = blackout.end_of([NIGHT], MONDAY + hours * HOUR)
    assert found == (None if end is None else (MONDAY + end * HOUR, "month's end"))


def test_windows_that_adjoin_are_one_and_their_reasons_are_told() -> None:
    tuesday = Dates(first=date(2026, 1, 6), last=date(2026, 1, 7), reason="freeze")
    found = blackout.end_of([tuesday, NIGHT], MONDAY + 23 * HOUR)
    assert found == (MONDAY + 3 * DAY, "month's end, freeze")
    assert blackout.end_of([], MONDAY) is None
    assert blackout.end_of([Weekly()], MONDAY) is not None


def test_a_week_without_a_free_minute_is_known() -> None:
    assert blackout.always([Weekly()])
    assert blackout.always(
        [Weekly(start=time(6), end=time(18)), Weekly(start=time(18), end=time(6))]
    )
    assert not blackout.always([Weekly(days=WEEKDAYS[:6])])
    assert not blackout.always([])


@given(
    st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(0, 14 * 24 * 60),
)
def test_the_end_is_outside_and_everything_before_it_is_inside(
    days: Any, start: time, end: time, minutes: int
) -> None:
    windows = [Weekly(days=tuple(days), start=start, end=end)]
    now = MONDAY + timedelta(minutes=minutes)
    found = blackout.end_of(windows, now)
    if found is None or found[0] - now > 8 * DAY:  # of the whole week there is no end
        return
    assert blackout.end_of(windows, found[0]) is None
    while now < found[0]:
        assert blackout.end_of(windows, now) == found
        now += 7 * HOUR


def run(day: float, cost: float | None, status: str = "succeeded") -> RunFact:
    at = MONDAY + day * DAY
    return RunFact(run_id=f"{day}", status=status, started_at=at, cost_usd=cost)


def test_the_dearest_of_the_last_ones_is_expected_and_the_ceiling_before_any() -> None:
    assert budget.estimate([], None) is None
    assert budget.estimate([run(0, 9.0, "failed")], 3.0) == budget.Estimate(
        usd=3.0, basis="longest run time"
    )
    runs = [run(0, 9.0), *(run(day, 1.0 + day / 10) for day in range(1, 6))]
    assert budget.estimate(runs, 3.0) == budget.Estimate(usd=1.5, basis="past runs")


def test_a_month_is_a_calendar_month_and_an_unknown_cost_counts_as_expected() -> None:
    runs = [run(-10, 5.0), run(1, 2.0), run(2, None, "failed"), run(3, 0.0, "failed")]
    book = budget.ledger(runs, 7.0, MONDAY + 9 * DAY)
    assert (book.spent_usd, book.runs) == (2.0 + 5.0, 3)
    assert book.resets_at == datetime(2026, 2, 1)  # noqa: DTZ001
    december = budget.ledger([], None, datetime(2026, 12, 31, 23))  # noqa: DTZ001
    assert december.resets_at == datetime(2027, 1, 1)  # noqa: DTZ001


def test_a_budget_holds_until_the_month_is_over_or_until_it_is_raised() -> None:
    now, runs = MONDAY + 9 * DAY, [run(1, 2.0), run(2, 2.0)]
    assert budget.obstacle(Budget(), runs, None, now) is None
    assert budget.obstacle(Budget(monthly_usd=6.0), runs, None, now) is None
    monthly = budget.obstacle(Budget(monthly_usd=5.9), runs, None, now)
    assert monthly is not None
    assert monthly.until == datetime(2026, 2, 1)  # noqa: DTZ001
    assert monthly.why == (
        "4.00 of 5.90 USD are spent this month by 2 run(s); the next is expected to cost 2.00 "
        "(by past runs)."
    )
    for limits in (Budget(per_run_usd=1.9), Budget(monthly_usd=1.9)):
        dear = budget.obstacle(limits, runs, None, now)
        assert dear is not None
        assert dear.until is None
        assert "Raise retraining.budget" in dear.why
    untold = budget.obstacle(Budget(monthly_usd=5.0), [], None, now)
    assert untold is not None
    assert "usd_per_hour" in untold.why


def test_a_run_at_its_longest_by_list_price() -> None:
    at_most = prices.ceiling_usd("ml.m5.large", "ml.m5.xlarge", 1.0, {})
    assert at_most == pytest.approx(5 * 0.115 + 0.23)
    assert prices.ceiling_usd("ml.m5.large", "ml.new.huge", 1.0, {}) is None
    declared = {"ml.new.huge": 10.0, "ml.m5.large": 0.1}
    assert prices.ceiling_usd("ml.m5.large", "ml.new.huge", 2.0, declared) == pytest.approx(21.0)
    assert prices.needs("ml.a.x", "ml.b.x") == {"ml.a.x": 2, "ml.b.x": 1}
    assert prices.needs("ml.a.x", "ml.a.x") == {"ml.a.x": 2}
