"""The joined scores are what a loop over all pairs gives, with late, missing and repeated rows."""

from __future__ import annotations

import math
import random
import statistics
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import sqlglot
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from decisions.quality import WindowScores
from usecases.declaration import load_use_case
from usecases.quality_sql import Windows, scores_from, scores_sql

USE_CASE = load_use_case(Path(__file__).parents[3] / "usecases" / "flight_delay")
LANDED = datetime(2013, 3, 20)  # noqa: DTZ001 - data time is naive UTC
WINDOWS = Windows.before(LANDED - timedelta(days=1), timedelta(days=7), 2)


class Event:
    """A flight that was asked about, perhaps several times, and perhaps arrived."""

    def __init__(
        self, name: str, at: datetime, probability: float, label: int | None, *, sent: bool = True
    ) -> None:
        self.name, self.at, self.probability = name, at, probability
        self.label, self.sent = label, sent


def scores(
    events: list[Event], *, as_of: datetime = LANDED, version: int = 3
) -> tuple[WindowScores, ...]:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA nycflights")
    connection.execute(
        "CREATE TABLE nycflights.flights (flight_id VARCHAR, scheduled_at TIMESTAMP, arrived_at "
        "TIMESTAMP, carrier VARCHAR, origin VARCHAR, dest VARCHAR, tailnum VARCHAR, hour BIGINT, "
        "distance BIGINT, arr_delay DOUBLE, dt VARCHAR)"
    )
    connection.execute(
        "CREATE TABLE predictions (inference_id VARCHAR, event_id VARCHAR, predicted_at TIMESTAMP,"
        " event_time TIMESTAMP, probability DOUBLE, model_version BIGINT, dt VARCHAR)"
    )
    for event in events:
        scheduled = event.at + timedelta(hours=1)
        if event.label is not None:
            connection.execute(
                "INSERT INTO nycflights.flights VALUES (?, ?, ?, 'AA', 'JFK', 'LAX', NULL, 8, 100,"
                " ?, ?)",
                [event.name, scheduled, scheduled + timedelta(hours=5), 60.0 * event.label,
                 scheduled.date().isoformat()],
            )  # fmt: skip
        connection.execute(
            "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, 3, ?)",
            [event.name, f"e-{event.name}", event.at, event.at if event.sent else None,
             event.probability, event.at.date().isoformat()],
        )  # fmt: skip
    text = scores_sql(USE_CASE, WINDOWS, as_of=as_of, version=version)
    result = connection.execute(sqlglot.transpile(text, read="athena", write="duckdb")[0])
    names = [column[0] for column in result.description]
    return scores_from([dict(zip(names, row, strict=True)) for row in result.fetchall()], WINDOWS)


def at(n: int) -> datetime:
    return WINDOWS.start + timedelta(days=7, minutes=n)


def by_hand(rows: list[tuple[float, int]]) -> dict[str, float]:
    """AUC and DeLong's variance by their definition, over all pairs."""
    ones = [p for p, y in rows if y == 1]
    zeros = [p for p, y in rows if y == 0]
    psi = [[(a > b) + 0.5 * (a == b) for b in zeros] for a in ones]
    auc = statistics.fmean(map(statistics.fmean, psi))
    v10 = [statistics.fmean(row) for row in psi]
    v01 = [statistics.fmean(column) for column in zip(*psi, strict=True)]
    squares = [(p - y) ** 2 for p, y in rows]
    return {
        "auc": auc,
        "auc_variance": statistics.variance(v10) / len(v10) + statistics.variance(v01) / len(v01),
        "brier": statistics.fmean(squares),
        "brier_variance": statistics.variance(squares) / len(squares),
        "log_loss": -statistics.fmean(math.log(max(1e-15, p if y else 1 - p)) for p, y in rows),
        "mean_probability": statistics.fmean(p for p, _ in rows),
    }


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 1.0]), st.integers(0, 1)),
        min_size=4,
        max_size=40,
    ).filter(lambda rows: 2 <= sum(y for _, y in rows) <= len(rows) - 2)
)
def test_scores_are_those_of_all_pairs(rows: list[tuple[float, int]]) -> None:
    found = scores([Event(f"f{n}", at(n), p, y) for n, (p, y) in enumerate(rows)])[1]
    assert (found.predictions, found.labelled) == (len(rows), len(rows))
    assert found.positives == sum(y for _, y in rows)
    for name, value in by_hand(rows).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-9), name


def test_windows_are_scored_apart_and_an_empty_one_is_empty() -> None:
    draw = random.Random(1)  # noqa: S311 - no secret
    early = [
        Event(f"a{n}", WINDOWS.start + timedelta(hours=n), draw.random(), n % 2) for n in range(20)
    ]
    first, second = scores(early)
    assert first.predictions == 20
    assert first.window_from == WINDOWS.start
    assert second == WindowScores(
        window_from=WINDOWS.start + timedelta(days=7), window_through=WINDOWS.end
    )


def test_a_late_label_counts_once_it_is_known() -> None:
    events = [Event(f"f{n}", at(n), n / 10, n % 2) for n in range(8)]
    events += [Event("never", at(9), 0.5, None)]
    assert scores(events, as_of=at(0))[1].labelled == 0
    found = scores(events)[1]
    assert (found.predictions, found.labelled) == (9, 8)


def test_only_the_first_answer_about_an_event_counts() -> None:
    once = [Event(f"f{n}", at(n), n / 10, n % 2) for n in range(8)]
    twice = [*once, Event("f1", at(60), 0.99, None)]
    found, expected = scores(twice)[1], scores(once)[1]
    assert found.predictions == expected.predictions == 8
    assert found.brier == pytest.approx(expected.brier)


def test_another_models_answers_are_not_this_ones() -> None:
    assert scores([Event("f", at(1), 0.5, 1)], version=4)[1].predictions == 0


def test_who_sends_no_time_is_placed_by_the_spine_or_the_moment_of_asking() -> None:
    found = scores([Event("known", at(1), 0.5, 1, sent=False),
                    Event("open", at(2), 0.5, None, sent=False)])[1]  # fmt: skip
    assert (found.predictions, found.labelled) == (2, 1)


def test_windows_end_at_midnight() -> None:
    late = WINDOWS.end + timedelta(hours=23)
    assert Windows.before(late, timedelta(days=7), 2) == WINDOWS
