"""Has the data moved away from what the champion learnt? Counts in, verdict out.

The measure is the Population Stability Index, PSI = sum((p - q) * ln(p / q)) over the bins: the
symmetrised Kullback-Leibler (Jeffreys) divergence of two discrete distributions (N. Siddiqi,
"Credit Risk Scorecards", Wiley 2006; B. Yurdakul, "Statistical Properties of Population Stability
Index", 2018). By convention below 0.1 is stable and 0.25 or more is a shift. It is an effect size:
a trivial shift stays small however many rows there are.

Every share is smoothed to (share + EPSILON) / (1 + bins * EPSILON), so an empty bin gives a finite
answer and equal shares give exactly 0. Missing values are a bin of their own, except that a column
with nothing but missing values cannot be judged: that is a data-quality failure, not drift.
"""

import math
from collections.abc import Sequence

from pydantic import Field

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from decisions.model import Fact
from decisions.reports import DriftReport, FeatureDrift, Verdict

EPSILON = 1e-4
"""Smoothing of a share: one row in ten thousand, below what a weekly window can resolve."""


class DriftPolicy(Fact):
    """When a shift counts.

    Attributes:
        psi_threshold: PSI from which one column has drifted.
        minimum_rows: Fewest rows of the new window; with fewer, nothing can be told.
        minimum_features: Drifted columns from which the whole window has drifted.
        ignore: Columns that are counted and shown but never judged.
    """

    psi_threshold: float = Field(default=0.25, gt=0.0)
    minimum_rows: int = Field(default=200, ge=1)
    minimum_features: int = Field(default=1, ge=1)
    ignore: tuple[str, ...] = ()


def psi(baseline: Sequence[int], current: Sequence[int]) -> float:
    """Give the PSI of two counts over the same bins; at least 0, and 0 for equal shares.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows at all.
    """
    if len(baseline) != len(current):
        raise ValueError(f"{len(baseline)} bins against {len(current)}")
    if sum(baseline) <= 0 or sum(current) <= 0:
        raise ValueError("PSI needs rows on both sides")
    total = math.fsum(
        (p - q) * math.log(p / q) for p, q in zip(_shares(baseline), _shares(current), strict=True)
    )
    return max(total, 0.0)


def judge(baseline: Baseline, profile: Profile, policy: DriftPolicy) -> DriftReport:
    """Compare every column of the window with the baseline."""
    names = sorted({*baseline.features, *profile.features} - set(policy.ignore))
    features = tuple(
        _judge_column(name, baseline.features.get(name), profile.features.get(name), policy)
        for name in names
    )
    verdict, why = _verdict(features, policy)
    return DriftReport(features=features, verdict=verdict, why=why)


def _shares(counts: Sequence[int]) -> list[float]:
    rows = sum(counts)
    return [(count / rows + EPSILON) / (1.0 + len(counts) * EPSILON) for count in counts]


def _judge_column(
    name: str,
    before: NumericBaseline | CategoricalBaseline | None,
    now: NumericCounts | CategoricalCounts | None,
    policy: DriftPolicy,
) -> FeatureDrift:
    obstacle = _obstacle(before, now, policy)
    measured = None if obstacle or before is None or now is None else psi(*_aligned(before, now))
    status: Verdict = "cannot_tell"
    if measured is not None:
        status = "drifted" if measured >= policy.psi_threshold else "stable"
    relation = "reaches" if status == "drifted" else "is below"
    return FeatureDrift(
        name=name,
        psi=measured,
        rows_baseline=before.rows if before else 0,
        rows_current=now.rows if now else 0,
        missing_baseline=before.missing if before else 0,
        missing_current=now.missing if now else 0,
        status=status,
        why=obstacle or f"PSI {measured:.3f} {relation} the threshold {policy.psi_threshold:.3f}.",
    )


def _obstacle(
    before: NumericBaseline | CategoricalBaseline | None,
    now: NumericCounts | CategoricalCounts | None,
    policy: DriftPolicy,
) -> str | None:
    """Say why a column cannot be judged, or None when it can."""
    if before is None:
        return "The baseline does not have this column: a schema change, not drift."
    if now is None:
        return "The column is gone from the new window: a schema change, not drift."
    if not _comparable(before, now):
        return f"The column is {before.kind} in the baseline but cannot be compared bin by bin."
    return _too_little(before, now, policy)


def _too_little(
    before: NumericBaseline | CategoricalBaseline,
    now: NumericCounts | CategoricalCounts,
    policy: DriftPolicy,
) -> str | None:
    if now.rows < policy.minimum_rows:
        return f"The new window has {now.rows} rows; at least {policy.minimum_rows} are needed."
    if before.missing >= before.rows:
        return f"All {before.rows} baseline rows are missing here: there is nothing to compare."
    if now.missing >= now.rows:
        return f"All {now.rows} new rows are missing here: a data-quality failure, not drift."
    return None


def _comparable(
    before: NumericBaseline | CategoricalBaseline, now: NumericCounts | CategoricalCounts
) -> bool:
    if isinstance(before, NumericBaseline):
        return isinstance(now, NumericCounts) and len(now.counts) == len(before.counts)
    return isinstance(now, CategoricalCounts)


def _aligned(
    before: NumericBaseline | CategoricalBaseline, now: NumericCounts | CategoricalCounts
) -> tuple[list[int], list[int]]:
    """Give both sides' counts over the same bins, missing last.

    A category that the baseline never saw joins the bin of the other values.
    """
    if isinstance(before, NumericBaseline) and isinstance(now, NumericCounts):
        return [*before.counts, before.missing], [*now.counts, now.missing]
    assert isinstance(before, CategoricalBaseline)  # noqa: S101 - _comparable saw to it
    assert isinstance(now, CategoricalCounts)  # noqa: S101
    kept = sorted(before.values)
    unseen = sum(count for value, count in now.values.items() if value not in before.values)
    return (
        [*(before.values[value] for value in kept), before.other, before.missing],
        [*(now.values.get(value, 0) for value in kept), now.other + unseen, now.missing],
    )


def _verdict(features: tuple[FeatureDrift, ...], policy: DriftPolicy) -> tuple[Verdict, str]:
    drifted = sorted(
        (feature for feature in features if feature.status == "drifted"),
        key=lambda feature: -(feature.psi or 0.0),
    )
    untold = [feature.name for feature in features if feature.status == "cannot_tell"]
    rest = f"; cannot tell for {', '.join(untold)}" if untold else ""
    if len(drifted) >= policy.minimum_features:
        named = ", ".join(f"{feature.name} {feature.psi:.2f}" for feature in drifted[:5])
        return "drifted", f"{len(drifted)} of {len(features)} columns drifted (PSI {named}){rest}."
    if len(untold) == len(features):
        why = features[0].why if features else "There is no column to compare."
        return "cannot_tell", f"None of {len(features)} columns can be judged: {why}"
    return "stable", (
        f"{len(drifted)} of {len(features)} columns drifted and {policy.minimum_features} "
        f"would count{rest}."
    )
