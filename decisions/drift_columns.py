"""One column in one window: whether it can be compared, and every measure of how far it is.

Thresholds and windows before it do not belong here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from decisions import distances
from decisions.baseline import CategoricalBaseline, NumericBaseline, NumericCounts
from decisions.references import Comparison, Counted, Frozen, Side, comparable, comparisons
from decisions.significance import homogeneity_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisions.baseline import Baseline, Profile
    from decisions.drift_policy import DriftPolicy, Measure

_UNORDERED = {
    "jensen_shannon": distances.jensen_shannon,
    "total_variation": distances.total_variation,
    "l_infinity": distances.l_infinity,
}
_MEASURES: dict[str, list[Measure]] = {
    "numeric": ["psi", "jensen_shannon", "ks", "wasserstein"],
    "categorical": ["psi", "jensen_shannon", "total_variation", "l_infinity"],
}


class Column(NamedTuple):
    """What is known of a column before any window is looked at.

    Attributes:
        design_effect: How many of its rows are worth one independent row.
        seasons: Baselines of the same season over the same bins.
    """

    name: str
    policy: DriftPolicy
    design_effect: float = 1.0
    seasons: tuple[Baseline, ...] = ()


class Measured(NamedTuple):
    """One column of one window.

    Attributes:
        measure: What it is judged by; PSI where the measure asked for is not defined.
        value: That measure.
        distances: All that are defined.
        independent_rows: What the window's rows are worth.
    """

    measure: Measure
    value: float
    distances: dict[str, float | None]
    p_value: float
    independent_rows: float
    comparison: Comparison


def obstacle(before: Frozen | None, now: Counted | None, policy: DriftPolicy) -> str | None:
    """Say why a column cannot be judged, or None when it can."""
    if before is None:
        return "The baseline does not have this column: a schema change, not drift."
    if now is None:
        return "The column is gone from the new window: a schema change, not drift."
    if not comparable(before, now):
        return (
            f"The column is {before.kind} in the baseline and {now.kind} in the window, and cannot "
            "be compared bin by bin: a baseline of another version; train again."
        )
    return _too_little(before, now, policy) or _nothing(before, now, policy)


def _too_little(before: Frozen, now: Counted, policy: DriftPolicy) -> str | None:
    least = policy.minimum_rows
    if now.rows < least:
        return f"The new window has {now.rows} rows; at least {least} are needed."
    if before.rows < least:
        return f"The baseline has {before.rows} rows; at least {least} are needed."
    return None


def _nothing(before: Frozen, now: Counted, policy: DriftPolicy) -> str | None:
    if before.missing >= before.rows:
        return f"All {before.rows} baseline rows are missing here: there is nothing to compare."
    if now.missing >= now.rows:
        return f"All {now.rows} new rows are missing here: a data-quality failure, not drift."
    if isinstance(now, NumericCounts) and sum(now.counts) == 0:
        return f"None of {now.rows} new rows has a finite value: a data-quality failure, not drift."
    if isinstance(before, NumericBaseline) and sum(before.counts) == 0:
        return f"None of {before.rows} baseline rows is finite: there is nothing to compare."
    if isinstance(before, CategoricalBaseline):
        tail = before.other / (before.rows - before.missing)
        if tail > policy.maximum_other:
            return (
                f"{tail:.0%} of the baseline's rows have values too rare to be kept, more than "
                f"{policy.maximum_other:.0%}: it is nearly unique, like an identifier. Watch its "
                "text_length, or no longer watch it."
            )
    return None


def measure(
    column: Column, baseline: Baseline, profile: Profile, *, briefly: bool = False
) -> Measured:
    """Measure one column against the reference it is nearest to; there is no obstacle.

    Args:
        column: Which.
        baseline: What the champion learnt from.
        profile: The window.
        briefly: Leave out the measures that the column is not judged by.
    """
    found = [
        _measured(column, baseline.features[column.name], comparison, briefly=briefly)
        for comparison in comparisons(
            column.name,
            baseline,
            profile,
            weekdays=column.policy.seasonal != "none",
            seasons=column.seasons,
        )
    ]
    return min(found, key=lambda each: each.value)


def _measured(column: Column, frozen: Frozen, comparison: Comparison, *, briefly: bool) -> Measured:
    wanted = column.policy.measure_of(frozen.kind)
    names = [wanted] if briefly else _MEASURES[frozen.kind]
    psi = distances.psi(comparison.before, comparison.now)
    all_of: dict[str, float | None] = {"psi": psi}
    for name in names:
        all_of[name] = psi if name == "psi" else _distance(name, frozen, comparison)
    value = all_of[wanted]
    before, now = comparison.fine
    return Measured(
        measure="psi" if value is None else wanted,
        value=psi if value is None else value,
        distances=all_of,
        p_value=homogeneity_p(
            _scaled(comparison.before, before.rows),
            _scaled(comparison.now, now.rows),
            design_effect=column.design_effect,
        ),
        independent_rows=now.rows / column.design_effect,
        comparison=comparison,
    )


def _distance(name: str, frozen: Frozen, comparison: Comparison) -> float | None:
    before, now = comparison.fine
    if name == "ks":
        return distances.kolmogorov_smirnov(before.bins, now.bins)
    if name == "wasserstein" and isinstance(frozen, NumericBaseline):
        return _normalised_wasserstein(frozen, before, now)
    return _UNORDERED[name](comparison.before, comparison.now)


def _normalised_wasserstein(frozen: NumericBaseline, before: Side, now: Side) -> float | None:
    """Give the Wasserstein distance in standard deviations of the baseline."""
    scale = distances.spread(frozen.edges, frozen)
    area = distances.wasserstein(frozen.edges, _histogram(before), _histogram(now))
    found = area / scale if scale and area is not None else math.inf
    return found if math.isfinite(found) else None


def _histogram(side: Side) -> distances.Histogram:
    return distances.Histogram(side.bins, side.minimum, side.maximum, side.total)


def _scaled(counts: Sequence[float], rows: float) -> list[float]:
    """Make the counts add up to the effective number of rows."""
    total = sum(counts)
    return [count * rows / total for count in counts]
