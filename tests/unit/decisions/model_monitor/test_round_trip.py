from __future__ import annotations

import bisect
import importlib.util
import json
import random
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from decisions.drift import psi
from decisions.model_monitor.exporting import (
    constraints_of,
    statistics_of,
    tables_of,
    violations_of,
)
from decisions.model_monitor.files import MonitorFileError, read, write
from decisions.model_monitor.importing import Source, import_baseline
from decisions.model_monitor.kll import apportion, bins_of, kll_of, sketch_items
from decisions.model_monitor.rules import numeric_distance
from decisions.model_monitor.shapes import Bucket, Constraints, Kll, Statistics, Violations
from decisions.reports import DriftReport, FeatureDrift

_spec = importlib.util.spec_from_file_location("analyzer", Path(__file__).with_name("analyzer.py"))
assert _spec is not None
assert _spec.loader is not None
analyzer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(analyzer)

START, END = datetime.fromisoformat("2013-01-01"), datetime.fromisoformat("2013-03-01")
finite = st.floats(-1e300, 1e300)


def binned(values: list[float], edges: list[float]) -> list[int]:
    """Count by decisions/baseline's rule, value by value."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect.bisect_left(edges, value)] += 1
    return counts


def counted(values: list[float], edges: list[float], missing: int = 0) -> NumericBaseline:
    return NumericBaseline(
        edges=tuple(edges),
        counts=tuple(binned(values, edges)),
        missing=missing,
        rows=len(values) + missing,
        minimum=min(values),
        maximum=max(values),
        total=sum(values),
        squares=sum(value * value for value in values),
    )


def baseline(**features: NumericBaseline | CategoricalBaseline) -> Baseline:
    named = {f"flights.{name}": each for name, each in features.items()}
    return Baseline(features=named, window_from=START, window_through=END)


def source(document: dict[str, Any], constraints: dict[str, Any] | None = None) -> Source:
    rules = read(Constraints, json.dumps(constraints), "c.json") if constraints else None
    found = read(Statistics, json.dumps(document), "s.json")
    return Source(statistics=found, constraints=rules, where="s.json")


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=50),
    st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=30, unique=True),
    st.integers(0, 9),
)
def test_a_numeric_baseline_survives_being_written_and_read(
    values: list[float], edges: list[float], missing: int
) -> None:
    made = counted(values, sorted(edges), missing)
    written = write(statistics_of(baseline(delay=made), "flights"))
    kll = read(Statistics, written, "s").features[0].numerical_statistics
    assert kll is not None
    assert kll.distribution is not None
    widths = {each.upper_bound - each.lower_bound for each in kll.distribution.kll.buckets}
    if len(edges) == 9 and len(widths) == 1:
        return  # looks like the analyzer's own ten, which are read from their sketch
    found = import_baseline(
        [Source(statistics=read(Statistics, written, "s"), where="s")],
        {"flights.delay": "numeric"},
        START,
        END,
    ).baseline.features["flights.delay"]
    assert isinstance(found, NumericBaseline)
    assert (found.counts, found.missing, found.rows) == (made.counts, made.missing, made.rows)
    assert (found.minimum, found.maximum, found.total) == (made.minimum, made.maximum, made.total)
    assert all(
        bisect.bisect_left(found.edges, value) == bisect.bisect_left(made.edges, value)
        for value in [*values, *edges]
    )
    if edges and min(edges) < max(edges):
        assert found.edges == made.edges


@given(
    st.dictionaries(st.text(max_size=8), st.integers(0, 99), max_size=20),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_a_categorical_baseline_survives_being_written_and_read(
    values: dict[str, int], other: int, missing: int
) -> None:
    rows = sum(values.values()) + other + missing
    made = CategoricalBaseline(values=values, other=other, missing=missing, rows=rows)
    frozen = baseline(carrier=made)
    rules = constraints_of(frozen, "flights")
    found = import_baseline(
        [
            Source(
                statistics=read(Statistics, write(statistics_of(frozen, "flights")), "s"),
                constraints=read(Constraints, write(rules), "c"),
                where="s",
            )
        ],
        {"flights.carrier": "categorical"},
        START,
        END,
    )
    assert found.baseline.features["flights.carrier"] == made
    assert found.left_out == {}


@given(
    st.lists(finite, min_size=1, max_size=40),
    st.lists(finite, max_size=20, unique=True),
)
def test_a_written_sketch_has_the_bins_counts_to_the_row(
    values: list[float], edges: list[float]
) -> None:
    made = binned(values, sorted(edges))
    kll = kll_of(sorted(edges), made, min(values), max(values))
    spread: Counter[int] = Counter()
    for value, weight in sketch_items(kll.sketch):
        spread[bisect.bisect_left(sorted(edges), value)] += weight
        assert min(values) <= value <= max(values)
    assert sum(spread.values()) == len(values)
    # What lies at a bin's lower edge belongs to the bin below, and no further.
    below = seen = 0
    for place, count in enumerate(made[:-1]):
        below, seen = below + count, seen + spread[place]
        assert seen >= below
    for bucket, count in zip(kll.buckets, made, strict=True):
        assert bucket.count == count


def test_the_analyzers_own_file_gives_bins_of_its_quantiles() -> None:
    rng = random.Random(7)  # noqa: S311 - not a secret
    values = [rng.lognormvariate(0, 2) for _ in range(5000)]
    document = analyzer.statistics(5100, analyzer.number("delay", values, 100))
    found = import_baseline([source(document)], {"flights.delay": "numeric"}, START, END)
    feature = found.baseline.features["flights.delay"]
    assert isinstance(feature, NumericBaseline)
    assert len(feature.counts) == 128
    assert max(feature.counts) <= 40  # the equal-width bucket has nearly all
    assert feature.counts == tuple(binned(values, list(feature.edges)))
    assert feature.missing == 100
    assert feature.squares == pytest.approx(sum(each**2 for each in values), rel=1e-9)


def test_a_compacted_sketch_counts_all_rows() -> None:
    document = analyzer.statistics(
        4000, analyzer.number("delay", [float(i) for i in range(500)], 0, 3)
    )
    found = import_baseline([source(document)], {"flights.delay": "numeric"}, START, END)
    assert sum(found.baseline.features["flights.delay"].counts) == 4000  # type: ignore[union-attr]


def test_without_a_sketch_the_buckets_are_the_bins_and_no_value_changes_its_own() -> None:
    values = [float(each % 100) for each in range(1000)]
    feature = analyzer.number("delay", values)
    kll = feature["numerical_statistics"]["distribution"]["kll"]
    del kll["sketch"]
    found = import_baseline(
        [source(analyzer.statistics(1000, feature))], {"flights.delay": "numeric"}, START, END
    ).baseline.features["flights.delay"]
    assert isinstance(found, NumericBaseline)
    assert found.counts == tuple(bucket["count"] for bucket in kll["buckets"])
    assert binned(values, list(found.edges)) == list(found.counts)


def test_a_constant_gets_an_edge_on_either_side() -> None:
    whole = analyzer.statistics(20, analyzer.number("delay", [3.0] * 20))
    bare = analyzer.statistics(20, analyzer.number("delay", [3.0] * 20))
    del bare["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]
    for document in (whole, bare):
        found = import_baseline([source(document)], {"a.delay": "numeric"}, START, END)
        feature = found.baseline.features["a.delay"]
        assert isinstance(feature, NumericBaseline)
        assert feature.counts == (0, 20, 0)
        assert psi(feature.counts, binned([3.1] * 20, list(feature.edges))) > 1
        assert psi(feature.counts, binned([2.9] * 20, list(feature.edges))) > 1


def test_a_distribution_of_other_rows_is_refused() -> None:
    document = analyzer.statistics(100, analyzer.number("delay", [float(i) for i in range(100)]))
    common = document["features"][0]["numerical_statistics"]["common"]
    common.update(num_present=98, num_missing=2)
    with pytest.raises(
        MonitorFileError, match=r"'delay'.*counts 100 values, and num_present is 98"
    ):
        import_baseline([source(document)], {"flights.delay": "numeric"}, START, END)
    common.update(num_present=100, num_missing=0)
    kll = document["features"][0]["numerical_statistics"]["distribution"]["kll"]
    kll.clear()
    with pytest.raises(MonitorFileError, match=r"neither kll.buckets nor kll.sketch.data"):
        import_baseline([source(document)], {"flights.delay": "numeric"}, START, END)


def test_what_the_file_cannot_speak_of_is_left_out_with_the_reason() -> None:
    many = analyzer.text("tail", {"N1": 4})
    del many["string_statistics"]["distribution"]
    document = analyzer.statistics(
        4,
        analyzer.number("delay", [1.0, 2.0, 3.0, 4.0]),
        analyzer.text("carrier", {"AA": 3, "UA": 1}),
        many,
        {"name": "gone", "inferred_type": "Unknown"},
        analyzer.text("free", {"x": 4}),
    )
    watched: Any = {
        "flights.delay": "numeric",
        "flights.carrier": "numeric",
        "flights.tail": "categorical",
        "flights.gone": "numeric",
        "flights.nope": "categorical",
        "flights.free": "text_length",
    }
    found = import_baseline([source(document)], watched, START, END)
    assert set(found.baseline.features) == {"flights.delay"}
    assert found.left_out == {
        "flights.carrier": "it is watched as numeric, and String in the file",
        "flights.tail": "the file has no distribution of it: too many distinct values",
        "flights.gone": "it is watched as numeric, and Unknown in the file",
        "flights.nope": "the files do not have it",
        "flights.free": "Model Monitor does not measure the length of a text",
    }
    with pytest.raises(MonitorFileError, match=r"not one watched column.*The files have carrier"):
        import_baseline([source(document)], {"flights.nope": "numeric"}, START, END)


def test_a_column_of_two_tables_needs_the_files_table() -> None:
    document = analyzer.statistics(
        2, analyzer.number("hour", [1.0, 2.0]), analyzer.number("delay", [1.0, 2.0])
    )
    watched: Any = {
        "flights.hour": "numeric", "weather.hour": "numeric", "flights.delay": "numeric",
    }  # fmt: skip
    found = import_baseline([source(document)], watched, START, END)
    assert set(found.baseline.features) == {"flights.delay"}
    assert "may be any of flights.hour, weather.hour" in found.left_out["weather.hour"]
    named = source(document).model_copy(update={"table": "weather"})
    found = import_baseline([named], watched, START, END)
    assert set(found.baseline.features) == {"weather.hour"}


def test_a_promised_value_that_never_came_is_known_and_a_boolean_is_spelt_as_ours() -> None:
    document = analyzer.statistics(
        5, analyzer.text("carrier", {"AA": 5}), analyzer.text("late", {"True": 2, "False": 3})
    )
    rules = {
        "version": 0.0,
        "features": [
            {
                "name": "carrier",
                "inferred_type": "String",
                "completeness": 1.0,
                "string_constraints": {"domains": ["AA", "UA"]},
            }
        ],
    }
    watched: Any = {"flights.carrier": "categorical", "flights.late": "boolean"}
    found = import_baseline([source(document, rules)], watched, START, END).baseline.features
    assert found["flights.carrier"].values == {"AA": 5, "UA": 0}  # type: ignore[union-attr]
    assert found["flights.late"].values == {"false": 3, "true": 2}  # type: ignore[union-attr]


def test_a_million_categories_are_bounded() -> None:
    counts = {f"v{each}": 1 for each in range(100_000)} | {"often": 7}
    document = analyzer.statistics(100_007, analyzer.text("tail", counts))
    found = import_baseline([source(document)], {"f.tail": "categorical"}, START, END)
    feature = found.baseline.features["f.tail"]
    assert isinstance(feature, CategoricalBaseline)
    assert len(feature.values) == 1000
    assert feature.values["often"] == 7
    assert feature.other == 100_007 - 1006


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(0, 10**6))
def test_apportioned_numbers_add_up_and_stay_near(weights: list[int], total: int) -> None:
    found = apportion(weights, total)
    assert sum(found) == total
    had = sum(weights)
    if had:
        assert all(
            abs(each - weight * total / had) < 1 + 1e-6
            for each, weight in zip(found, weights, strict=True)
        )


def test_the_exports_sketch_is_as_good_as_the_bins_for_model_monitors_rule() -> None:
    rng = random.Random(3)  # noqa: S311 - not a secret
    values = [rng.gauss(0, 1) for _ in range(20_000)]
    ordered = sorted(values)
    edges = [ordered[place * 400] for place in range(1, 50)]
    kll = kll_of(edges, binned(values, edges), min(values), max(values))
    distance = numeric_distance(sketch_items(kll.sketch), ((value, 1.0) for value in values))
    assert distance < 0.02  # one bin; within it the rows are spread evenly


def test_violations_carry_model_monitors_names() -> None:
    before = baseline(
        delay=counted([1.0, 2.0, 3.0, 4.0], [2.0]),
        carrier=CategoricalBaseline(values={"AA": 4}, other=0, missing=0, rows=4),
        gone=counted([1.0, 2.0], [1.0]),
        turned=counted([1.0, 2.0], [1.0]),
    )
    now = Profile(
        features={
            "flights.delay": NumericCounts(counts=(0, 3), missing=1, rows=4),
            "flights.carrier": CategoricalCounts(values={"AA": 1}, other=3, missing=0, rows=4),
            "flights.turned": CategoricalCounts(values={}, other=2, missing=0, rows=2),
            "flights.new": NumericCounts(counts=(1,), missing=0, rows=1),
        },
        window_from=START,
        window_through=END,
    )
    drift = FeatureDrift(
        name="flights.delay", psi=1.5, rows_baseline=4, rows_current=4, missing_baseline=0,
        missing_current=1, status="drifted", why="PSI 1.500 reaches the threshold 0.250.",
    )  # fmt: skip
    report = DriftReport(features=(drift,), verdict="drifted", why="1 of 4.")
    found = violations_of(before, now, report, table="flights")
    assert [(each.feature_name, each.constraint_check_type) for each in found.violations] == [
        ("carrier", "categorical_values_check"),
        ("delay", "completeness_check"),
        ("delay", "baseline_drift_check"),
        ("gone", "missing_column_check"),
        ("new", "extra_column_check"),
        ("turned", "data_type_check"),
    ]
    assert found.violations[2].description == drift.why
    assert "25.00% of the values" in found.violations[0].description
    assert read(Violations, write(found), "v") == found


def test_a_baseline_without_moments_is_not_exported() -> None:
    bare = NumericBaseline(edges=(1.0,), counts=(1, 1), missing=0, rows=2)
    with pytest.raises(ValueError, match="count the baseline again"):
        statistics_of(baseline(delay=bare), "flights")
    assert tables_of(baseline(delay=bare)) == ("flights",)


def test_constraints_promise_what_the_baseline_kept() -> None:
    frozen = baseline(
        delay=counted([-1.0, 2.0], [0.0], 2),
        distance=counted([1.0, 2.0, 3.0, 4.0], [2.0]),
        carrier=CategoricalBaseline(values={"UA": 1, "AA": 3}, other=0, missing=0, rows=4),
        tail=CategoricalBaseline(values={"N1": 1}, other=3, missing=0, rows=4),
    )
    found = constraints_of(frozen, "flights", integral={"flights.distance"})
    by_name = {each.name: each for each in found.features}
    assert by_name["delay"].completeness == 0.5
    assert by_name["delay"].num_constraints is not None
    assert by_name["delay"].num_constraints.is_non_negative is False
    assert by_name["distance"].inferred_type == "Integral"
    assert by_name["carrier"].string_constraints is not None
    assert by_name["carrier"].string_constraints.domains == ("AA", "UA")
    assert by_name["tail"].string_constraints is not None
    assert by_name["tail"].string_constraints.domains == ()
    assert found.monitoring_config.distribution_constraints.comparison_method == "Robust"


def test_bins_are_never_closed_wrongly_at_a_bound() -> None:
    kll = Kll(
        buckets=(
            Bucket(lower_bound=0, upper_bound=10, count=3),
            Bucket(lower_bound=10, upper_bound=11, count=2),
        )
    )
    edges, counts = bins_of(kll, 5, "f")
    assert counts == (3, 2)
    assert binned([10.0], list(edges)) == [0, 1]  # 10 is the second bucket's
    assert binned([9.999999], list(edges)) == [1, 0]
