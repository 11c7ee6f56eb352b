"""A feature's importance reaches the raw columns it is computed from, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usecases.declaration import UseCase, load_use_case
from usecases.importance import raw_importance

DELAY = load_use_case(Path(__file__).parents[3] / "usecases" / "flight_delay")
NAMES = [feature.name for feature in DELAY.features]


def test_a_feature_is_led_back_through_spine_and_feature_groups() -> None:
    found = raw_importance(
        DELAY, {"temp": 30.0, "sched_hour": 20.0, "carrier": 10.0, "recent_mean_delay": 40.0}
    )
    assert found["weather.temp"] == pytest.approx(0.3)
    assert found["flights.hour"] == pytest.approx(0.2)
    assert found["flights.carrier"] == pytest.approx(0.1)
    assert found["flights.dep_delay"] == pytest.approx(0.4)
    assert found["weather.visib"] == 0.0


def test_two_features_of_one_column_add_up() -> None:
    found = raw_importance(DELAY, {"recent_mean_delay": 1.0, "recent_delayed_share": 3.0})
    assert found["flights.dep_delay"] == 1.0


def test_a_count_of_rows_is_no_columns_and_the_labels_column_matters_whole() -> None:
    found = raw_importance(DELAY, {"recent_arrivals": 1.0})
    assert found.pop("flights.arr_delay") == 1.0
    assert set(found.values()) == {0.0}
    assert "flights.arrived_at" not in found


def test_every_watched_column_of_the_reference_model_can_be_weighed() -> None:
    found = raw_importance(DELAY, dict.fromkeys(NAMES, 1.0))
    watched = [
        f"{table}.{name}"
        for table, columns in DELAY.monitors.drift.tables.items()
        for name in columns
    ]
    assert [name for name in watched if found.get(name, 0.0) <= 0] == []


@pytest.mark.parametrize("gains", [{}, {"temp": 0.0}, {"temp": -1.0}, {"gone": 0.0}])
def test_a_model_that_split_on_nothing_says_nothing(gains: dict[str, float]) -> None:
    assert raw_importance(DELAY, gains) == {}


def _quick(use_case: UseCase) -> UseCase:
    """Return a use case of the spine alone: lineage is what takes time."""
    training = use_case.training_set.model_copy(update={"joins": ()})
    return use_case.model_copy(update={"training_set": training})


SPINE = _quick(DELAY)


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1e9), max_size=5))
def test_shares_stay_shares(gains: dict[str, float]) -> None:
    assert all(0.0 <= share <= 1.0 for share in raw_importance(SPINE, gains).values())
