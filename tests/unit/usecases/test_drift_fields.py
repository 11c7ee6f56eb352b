"""A drift monitor says what is watched and when it counts, and every slip is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from decisions.drift_policy import THRESHOLDS, DriftPolicy
from usecases.declaration import load_use_case
from usecases.errors import DeclarationError
from usecases.fields import DriftMonitor

FLIGHTS = Path(__file__).parents[3] / "usecases" / "flight_delay"


@pytest.fixture
def told(tmp_path: Path):
    """Return a function that declares a changed drift monitor and gives what is told of it."""
    folder = tmp_path / "flight_delay"
    shutil.copytree(FLIGHTS, folder)

    def declare(tables=None, **changes):
        document = yaml.safe_load((FLIGHTS / "usecase.yaml").read_text())
        document["monitors"]["drift"] |= changes
        document["sources"]["start"] = str(document["sources"]["start"])
        for table, columns in (tables or {}).items():
            document["monitors"]["drift"]["tables"].setdefault(table, {}).update(columns)
        (folder / "usecase.yaml").write_text(yaml.safe_dump(document))
        try:
            return load_use_case(folder)
        except DeclarationError as error:
            return str(error)

    return declare


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"persistence": {"windows": 3, "of": 2}}, "can never be reached"),
        ({"persistence": {"windows": 0, "of": 2}}, "persistence.windows"),
        ({"measure": "total_variation"}, "measure"),
        ({"categorical_measure": "ks"}, "categorical_measure"),
        ({"thresholds": {"kl": 0.1}}, "thresholds.kl"),
        ({"thresholds": {"ks": -0.1}}, "thresholds.ks"),
        ({"psi_threshold": 0}, "psi_threshold"),
        ({"release_ratio": 1.2}, "release_ratio"),
        ({"fdr": 1.0}, "fdr"),
        ({"seasonal": "monthly"}, "seasonal"),
        ({"minimum_importance": 1.5}, "minimum_importance"),
        ({"minimum_weight": 0}, "minimum_weight"),
        ({"history": 0}, "history"),
        ({"stride": "12h"}, "whole days"),
        ({"window": "36h"}, "whole days"),
        ({"ignore": ["weather.tmp"]}, "weather.tmp is not watched"),
        ({"rows_per_independent": {"whether": 3}}, "whether is not watched"),
        ({"rows_per_independent": {"weather": 0.5}}, "rows_per_independent.weather"),
        ({"minimum_features": 40}, "at most the 11 that are watched"),
        ({"tables": {"weather": {"temp": "categorical"}}}, "temp is double, not categorical"),
        ({"tables": {"weather": {"observed_at": "numeric"}}}, "is timestamp, not numeric"),
        ({"tables": {"weather": {"temp": "boolean"}}}, "temp is double, not boolean"),
        ({"tables": {"flights": {"distance": "text_length"}}}, "is bigint, not text_length"),
        ({"tables": {"weather": {"temp": "text"}}}, "tables.weather.temp"),
    ],
)
def test_every_slip_is_told_with_its_field(told, changes, said) -> None:
    found = told(**changes)
    assert isinstance(found, str)
    assert said in found
    assert "usecase.yaml:" in found


def test_every_kind_can_be_watched(told) -> None:
    tables = {
        "flights": {"tailnum": "text_length", "arrived_at": "timestamp"},
        "weather": {"origin": "categorical"},
    }
    found = told(tables)
    assert not isinstance(found, str), found
    assert found.monitors.drift.tables["flights"]["arrived_at"] == "timestamp"


def test_the_least_that_is_declared_judges_one_window_by_psi() -> None:
    monitor = DriftMonitor.model_validate(
        {
            "window": "7d",
            "psi_threshold": 0.3,
            "minimum_rows": 10,
            "minimum_features": 1,
            "tables": {"t": {"x": "numeric"}},
        }
    )
    assert monitor.windows == 1
    assert monitor.policy == DriftPolicy(psi_threshold=0.3, minimum_rows=10)
    assert monitor.policy.threshold_of("psi") == 0.3
    assert monitor.policy.threshold_of("ks") == THRESHOLDS["ks"]


def test_the_history_is_as_long_as_persistence_asks() -> None:
    monitor = load_use_case(FLIGHTS).monitors.drift
    assert monitor.windows >= monitor.policy.persistence.of


def test_a_columns_own_design_effect_goes_before_its_tables(told) -> None:
    declared = {"weather": 16, "weather.wind_speed": 7, "flights.dep_delay": 20}
    policy = told(rows_per_independent=declared).monitors.drift.policy
    assert policy.design_effect("weather.temp") == 16
    assert policy.design_effect("weather.wind_speed") == 7
    assert policy.design_effect("flights.dep_delay") == 20
    assert policy.design_effect("flights.hour") is None
