"""Model Monitor's files out of our counts: a baseline, a window, and a verdict on it.

One set of files describes one table, as Model Monitor knows one data set; a feature has its
column's name. Whether a column has drifted was decided elsewhere (decisions/drift).
"""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from decisions.model_monitor.kll import kll_of
from decisions.model_monitor.shapes import (
    Categorical,
    CategoricalBucket,
    CheckType,
    Common,
    Constraints,
    DatasetStatistics,
    FeatureConstraints,
    FeatureStatistics,
    InferredType,
    MonitoringConfig,
    NumConstraints,
    NumericalDistribution,
    NumericalStatistics,
    Statistics,
    StringConstraints,
    StringDistribution,
    StringStatistics,
    Violation,
    Violations,
)
from decisions.reports import DriftReport

Counted = NumericCounts | CategoricalCounts
T = TypeVar("T", bound=Counted)


def tables_of(baseline: Baseline) -> tuple[str, ...]:
    """Give the tables whose columns a baseline has."""
    return tuple(sorted({name.partition(".")[0] for name in baseline.features}))


def statistics_of(
    baseline: Baseline,
    table: str,
    *,
    profile: Profile | None = None,
    integral: Collection[str] = (),
) -> Statistics:
    """Give statistics.json of a table: of the baseline, or of a window counted in its bins.

    Args:
        baseline: Whose edges the bins have.
        table: The columns "<table>.<column>" of it.
        profile: The window; None for the baseline itself.
        integral: "<table>.<column>" of those that hold whole numbers.

    Raises:
        ValueError: If a column was counted without its moments, or rows of columns differ.
    """
    counted = _of_table(baseline.features if profile is None else profile.features, table)
    rows = {counts.rows for counts in counted.values()}
    if len(rows) > 1:
        raise ValueError(f"columns of {table} have {sorted(rows)} rows; expected one number")
    return Statistics(
        dataset=DatasetStatistics(item_count=max(rows, default=0)),
        features=tuple(
            _statistics(name, counts, baseline, integral=name in integral)
            for name, counts in counted.items()
        ),
    )


def constraints_of(
    baseline: Baseline,
    table: str,
    *,
    integral: Collection[str] = (),
    config: MonitoringConfig | None = None,
) -> Constraints:
    """Give constraints.json of a table: what the baseline's rows kept, as a promise.

    A domain is promised where the baseline kept every value it saw.
    """
    return Constraints(
        features=tuple(
            _constraints(name, counts, integral=name in integral)
            for name, counts in _of_table(baseline.features, table).items()
        ),
        monitoring_config=config or MonitoringConfig(),
    )


def violations_of(
    baseline: Baseline,
    profile: Profile,
    report: DriftReport,
    *,
    table: str | None = None,
    config: MonitoringConfig | None = None,
) -> Violations:
    """Give constraint_violations.json of a window: what was promised, and not kept.

    Args:
        baseline: What promised (see constraints_of).
        profile: The window's counts.
        report: The verdict on it; says which columns drifted.
        table: Only that table's columns; None for all, by their whole names.
        config: Thresholds of the checks.
    """
    settings = config or MonitoringConfig()
    drifts = {each.name: each.why for each in report.drifted}
    found = []
    for name in sorted({*baseline.features, *profile.features}):
        if table is not None and name.partition(".")[0] != table:
            continue
        before, now = baseline.features.get(name), profile.features.get(name)
        shown = name if table is None else _column(name)
        for check, why in _broken(before, now, drifts.get(name), settings):
            found.append(
                Violation(feature_name=shown, constraint_check_type=check, description=why)
            )
    return Violations(violations=tuple(found))


def _broken(
    before: NumericBaseline | CategoricalBaseline | None,
    now: Counted | None,
    drift: str | None,
    config: MonitoringConfig,
) -> Iterator[tuple[CheckType, str]]:
    if before is None:
        yield "extra_column_check", "The baseline does not have this column."
        return
    if now is None:
        yield "missing_column_check", "The column is in the baseline and not in this window."
        return
    if before.kind != now.kind:
        yield "data_type_check", f"The baseline's is {before.kind}; this window's is {now.kind}."
        return
    promised, kept = _completeness(before), _completeness(now)
    if kept < promised:
        yield (
            "completeness_check",
            f"{kept:.2%} of the rows have a value; the baseline promises {promised:.2%}.",
        )
    if isinstance(before, CategoricalBaseline) and isinstance(now, CategoricalCounts):
        yield from _unknown_values(before, now, config)
    if drift is not None:
        yield "baseline_drift_check", drift


def _unknown_values(
    before: CategoricalBaseline, now: CategoricalCounts, config: MonitoringConfig
) -> Iterator[tuple[CheckType, str]]:
    present = now.rows - now.missing
    if not _domain(before) or not present:
        return
    known = sum(count for value, count in now.values.items() if value in before.values) / present
    if known < config.domain_content_threshold:
        why = f"{known:.2%} of the values are in the baseline's domain; "
        yield "categorical_values_check", f"{why}{config.domain_content_threshold:.2%} must be."


def _statistics(
    name: str, counts: Counted, baseline: Baseline, *, integral: bool
) -> FeatureStatistics:
    common = Common(num_present=counts.rows - counts.missing, num_missing=counts.missing)
    kind = _inferred(counts, integral=integral)
    if isinstance(counts, CategoricalCounts):
        found = StringStatistics(
            common=common,
            distinct_count=float(sum(1 for count in counts.values.values() if count)),
            distribution=StringDistribution(categorical=_values(counts)),
        )
        return FeatureStatistics(name=_column(name), inferred_type=kind, string_statistics=found)
    frozen = baseline.features.get(name)
    if not isinstance(frozen, NumericBaseline) or len(frozen.counts) != len(counts.counts):
        raise ValueError(f"{name} is not counted in the bins of this baseline")
    return FeatureStatistics(
        name=_column(name),
        inferred_type=kind,
        numerical_statistics=_numbers(name, frozen.edges, counts),
    )


def _numbers(name: str, edges: tuple[float, ...], counts: NumericCounts) -> NumericalStatistics:
    """Infinities have no bin and no place in Model Monitor's moments: they count as missing."""
    finite = counts.rows - counts.missing - counts.infinite
    common = Common(num_present=finite, num_missing=counts.missing + counts.infinite)
    if not finite:
        return NumericalStatistics(common=common)
    known = (counts.minimum, counts.maximum, counts.total, counts.squares)
    minimum, maximum, total, squares = known
    if minimum is None or maximum is None or total is None or squares is None:
        raise ValueError(
            f"{name} was counted without minimum, maximum, total and squares, which Model Monitor "
            "needs; count the baseline again"
        )
    mean = total / finite
    return NumericalStatistics(
        common=common,
        mean=mean,
        sum=total,
        std_dev=math.sqrt(max(squares / finite - mean * mean, 0.0)),
        min=minimum,
        max=maximum,
        distribution=NumericalDistribution(kll=kll_of(edges, counts.counts, minimum, maximum)),
    )


def _values(counts: CategoricalCounts) -> Categorical:
    """The values kept; the others are what is missing from the sum to num_present."""
    return Categorical(
        buckets=tuple(
            CategoricalBucket(value=value, count=count) for value, count in counts.values.items()
        )
    )


def _constraints(
    name: str, counts: NumericBaseline | CategoricalBaseline, *, integral: bool
) -> FeatureConstraints:
    kind = _inferred(counts, integral=integral)
    promised = _completeness(counts)
    if isinstance(counts, CategoricalBaseline):
        return FeatureConstraints(
            name=_column(name),
            inferred_type=kind,
            completeness=promised,
            string_constraints=StringConstraints(domains=_domain(counts)),
        )
    return FeatureConstraints(
        name=_column(name),
        inferred_type=kind,
        completeness=promised,
        num_constraints=NumConstraints(
            is_non_negative=counts.minimum is not None and counts.minimum >= 0
        ),
    )


def _inferred(counts: Counted, *, integral: bool) -> InferredType:
    if counts.missing >= counts.rows:
        return "Unknown"
    if isinstance(counts, CategoricalCounts):
        return "String"
    return "Integral" if integral else "Fractional"


def _completeness(counts: Counted) -> float:
    return (counts.rows - counts.missing) / counts.rows if counts.rows else 0.0


def _domain(counts: CategoricalCounts) -> tuple[str, ...]:
    return tuple(sorted(counts.values)) if not counts.other else ()


def _of_table(features: Mapping[str, T], table: str) -> dict[str, T]:
    return {name: features[name] for name in sorted(features) if name.partition(".")[0] == table}


def _column(name: str) -> str:
    return name.partition(".")[2] or name
