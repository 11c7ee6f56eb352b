"""The comparison as table, files and picture says what the replay found, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import timedelta

import pytest

from orchestration.backtest import plot, tables
from orchestration.backtest.costs import Cost
from orchestration.backtest.results import Comparison, Result, Retrain
from orchestration.backtest.tables import COLUMNS
from tests.unit.backtest.toy import day


def retrains(count: int, refused: int = 0) -> tuple[Retrain, ...]:
    statuses = ["refused"] * refused + ["succeeded"] * (count - refused)
    return tuple(
        Retrain(day(3, 4) + timedelta(days=place), status, ("drift: moved",), "why")
        for place, status in enumerate(statuses)
    )


def comparison(cost: float | None = 0.5) -> Comparison:
    weekly = Result("weekly", "weekly", (0.7, 0.6, 0.8), (4.0,) * 3, retrains(2), cost)
    own = Result("own", "governor", (0.7, None, 0.75), (9.0, 9.5, 10.0), retrains(3, 1), cost)
    weeks = tuple(day(3, 4) + timedelta(weeks=week) for week in range(3))
    return Comparison("flights", weeks, (weekly, own), Cost(cost, "by list"), ("All of it.",))


def test_a_row_holds_quality_retrains_and_cost() -> None:
    weekly, own = tables.rows(comparison())
    assert weekly == ("weekly", "0.7000", "+0.0000", "0.6000", "2", "2", "4.0", "1.00")
    # The week without an answer is left out; the refused training was paid for.
    assert own == ("own", "0.7250", "+0.0250", "0.7000", "3", "2", "9.5", "1.50")


def test_a_price_that_is_not_known_is_not_nothing() -> None:
    assert [row[-1] for row in tables.rows(comparison(cost=None))] == ["-", "-"]


def test_without_weekly_there_is_no_distance_to_it() -> None:
    whole = comparison()
    alone = Comparison(whole.use_case, whole.weeks, whole.results[1:], whole.cost)
    assert tables.rows(alone)[0][2] == "-"


def test_markdown_is_a_table_with_what_it_is_about() -> None:
    lines = tables.markdown(comparison()).splitlines()
    assert lines[0] == f"| {' | '.join(COLUMNS)} |"
    assert lines[2].startswith("| weekly | 0.7000 |")
    assert lines[-1] == "All of it."
    assert {line.count("|") for line in lines[:4]} == {len(COLUMNS) + 1}


def test_csv_has_each_week_and_leaves_the_unknown_empty() -> None:
    rows = list(csv.DictReader(io.StringIO(tables.weekly_csv(comparison()))))
    assert [row["week"] for row in rows] == ["2013-03-04", "2013-03-11", "2013-03-18"]
    assert [row["own"] for row in rows] == ["0.700000", "", "0.750000"]


def test_json_tells_each_training_with_its_reasons() -> None:
    found = json.loads(tables.document(comparison()))
    own = found["policies"][1]
    assert own["weekly_auc"] == [0.7, None, 0.75]
    assert [each["status"] for each in own["trainings"]] == ["refused", "succeeded", "succeeded"]
    assert own["trainings"][0]["reasons"] == ["drift: moved"]


def test_the_moving_mean_leaves_unknown_weeks_out() -> None:
    found = plot.moving_mean((0.6, None, 0.8, 1.0), weeks=2)
    assert found == pytest.approx([0.6, 0.6, 0.8, 0.9])
    assert math.isnan(plot.moving_mean((None,))[0])


def test_the_picture_is_the_same_file_for_the_same_comparison() -> None:
    drawn = plot.png(comparison())
    assert drawn.startswith(b"\x89PNG")
    assert drawn == plot.png(comparison())
    other = comparison()
    changed = Comparison(other.use_case, other.weeks, other.results[:1], other.cost)
    assert plot.png(changed) != drawn
