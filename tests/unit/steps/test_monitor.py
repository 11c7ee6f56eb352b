"""The monitor step on real files, and its two methods where the right answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decisions.monitors.measured import Measurements
from pipelines.steps import estimating, metrics, monitor, separation
from pipelines.steps.inference import Encoding
from pipelines.steps.separation import Group
from tests.unit.steps.world import Run, rows

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = ["--window-from", "2013-01-31T00:00:00", "--window-through", "2013-02-14T00:00:00"]
NUMERIC = Encoding((("temp", "numeric"), ("hour", "numeric")), {})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("trained"))
    assert [run.validate(), run.prepare(), run.train()] == [0, 0, 0]
    reference = pa.table(rows())
    moments = np.array(reference["event_time"].to_pylist(), dtype="datetime64[us]")
    newest = moments > moments.max() - np.timedelta64(4, "D")
    part = pa.array(np.where(newest, "test", "train").tolist())
    (run.root / "reference").mkdir()
    pq.write_table(reference.append_column("_part", part), run.root / "reference" / "0")
    return run


def measured(run: Run, name: str, table: Any, *more: str) -> int:
    folder = run.root / name
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "0")
    places = {
        "message": run.root / "message",
        "current": folder,
        "reference": run.root / "reference",
        "model": run.root / "model",
        "config": run.config,
        "output": folder / "out",
    }
    options = [part for key, place in places.items() for part in (f"--{key}", str(place))]
    return monitor.main([*options, *WINDOW, *more])


def result(run: Run, name: str) -> Measurements:
    path: Path = run.root / name / "out" / "measurements.json"
    return Measurements.model_validate_json(path.read_bytes())


def test_a_window_is_measured_and_equal_rows_give_equal_bytes(trained: Run) -> None:
    table = pa.table(rows(1500, seed=9))
    assert measured(trained, "one", table) == 0
    order = np.random.default_rng(0).permutation(1500)
    assert measured(trained, "two", table.take(order)) == 0
    files = [(trained.root / name / "out" / "measurements.json") for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    found = result(trained, "one")
    assert found.rows == 1500
    assert found.scores is not None
    assert found.scores.rows == 1500
    assert sum(each.rows for each in found.facets) == 1500
    assert sum(each.labelled for each in found.facets) == 1500


def test_labels_that_have_not_come_leave_the_estimate_and_no_accuracy(trained: Run) -> None:
    columns = rows(1500, seed=9)
    measured(trained, "labelled", pa.table(columns))
    columns["arr_delayed"] = pa.nulls(1500, pa.int64())
    assert measured(trained, "unlabelled", pa.table(columns)) == 0
    with_labels, without = (result(trained, each).estimate for each in ("labelled", "unlabelled"))
    assert with_labels is not None
    assert without is not None
    assert without.auc == with_labels.auc  # labels of the window are never looked at
    assert without.auc_realised is None
    assert sum(each.labelled for each in result(trained, "unlabelled").facets) == 0


def test_an_empty_window_is_measured_as_empty(trained: Run) -> None:
    assert measured(trained, "empty", pa.table(rows(20)).slice(0, 0)) == 0
    found = result(trained, "empty")
    assert found.rows == 0
    assert found.separation is not None
    assert found.separation.fold_aucs == ()


def test_a_missing_column_is_one_clear_error(trained: Run) -> None:
    assert measured(trained, "gone", pa.table(rows(500)).drop_columns(["wind"])) == 1
    assert "has no column 'wind'" in trained.message


def hours(seed: int, first_day: int, days: int, *, shift: float = 0.0) -> Group:
    """Thirty flights an hour that share their hour's weather, as rows in time do."""
    random = np.random.default_rng(seed)
    hour = np.repeat(np.arange(days * 24), 30)
    temp = random.normal(10.0 + shift, 5.0, days * 24)[hour]
    return Group(np.column_stack([temp, hour % 24]), first_day + hour // 24)


def by_row(group: Group) -> Group:
    """The same rows in folds that know nothing of days."""
    return Group(group.matrix, np.arange(len(group.days)) % separation.FOLDS)


def test_folds_of_days_find_nothing_where_folds_of_rows_would_know_each_hour_again() -> None:
    before, now = hours(1, 0, 20), hours(2, 20, 10)
    honest = separation.separate(before, now, NUMERIC, 7)
    leaking = separation.separate(by_row(before), by_row(now), NUMERIC, 7)
    assert abs(np.mean(honest.fold_aucs) - 0.5) < 0.08
    assert np.mean(leaking.fold_aucs) > 0.8


def test_the_feature_that_moved_separates_most() -> None:
    found = separation.separate(hours(1, 0, 20), hours(2, 20, 10, shift=15.0), NUMERIC, 7)
    assert min(found.fold_aucs) > 0.9
    assert found.features["temp"] > 0.9


def test_blocks_are_whole_days_in_order() -> None:
    days = np.array([3, 1, 1, 2, 3, 9, 7])
    found = separation.blocks_of(days, 2)
    assert found.tolist() == [0, 0, 0, 0, 0, 1, 1]


def population(seed: int, spread: float, count: int = 20_000) -> tuple[Any, Any, Any]:
    """Scores that are distorted chances, and labels drawn by the chances."""
    random = np.random.default_rng(seed)
    chances = 1 / (1 + np.exp(-random.normal(-1.0, spread, count)))
    labels = (random.random(count) < chances).astype(float)
    return chances**1.5, chances, labels


def test_without_labels_the_quality_of_another_population_is_estimated() -> None:
    """Calibrated on one mixture, the estimate is right on a harder one, as the labels then show."""
    before, _, labels_before = population(1, 1.5)
    scores, _, labels = population(2, 0.7)
    unknown = np.full(len(scores), np.nan)
    found = estimating.estimate(scores, unknown, before, labels_before, 0.3)
    assert found.auc == pytest.approx(metrics.auc(labels, scores), abs=0.01)
    assert found.accuracy == pytest.approx(np.mean((scores >= 0.3) == (labels == 1)), abs=0.01)
    assert found.brier == pytest.approx(metrics.brier(labels, scores), abs=0.005)
    assert found.auc_baseline is not None
    assert found.auc is not None
    assert found.auc_baseline - found.auc > 0.08
    assert found.auc_checked == pytest.approx(found.auc_baseline, abs=0.01)


def test_calibration_is_scikit_learns_isotonic_regression() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    scores, chances, labels = population(3, 1.0)
    fitted = estimating.fit(scores, labels)
    assert (np.diff(fitted.chances) > 0).all()
    expected = isotonic.IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    grid = np.quantile(scores, [0.05, 0.2, 0.5, 0.8, 0.95])
    assert fitted(grid) == pytest.approx(expected.predict(grid), abs=0.04)
    assert np.abs(fitted(scores) - chances).mean() < 0.02


def test_one_class_gives_no_estimate() -> None:
    scores = np.linspace(0, 1, 300)
    found = estimating.estimate(scores, scores * np.nan, scores, np.zeros(300), 0.5)
    assert (found.auc, found.calibration_error) == (None, None)


def test_expected_auc_is_the_mean_over_drawn_labels() -> None:
    scores, chances, _ = population(4, 1.0, 2000)
    random = np.random.default_rng(9)
    drawn = [metrics.auc((random.random(2000) < chances).astype(float), scores) for _ in range(50)]
    assert estimating.expected_auc(scores, chances) == pytest.approx(np.mean(drawn), abs=0.006)
