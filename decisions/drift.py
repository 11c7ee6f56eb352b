"""Has the data moved away from what the champion learnt? Counts in, verdict out.

Composes: drift_columns.py measures one column of one window, significance.py says whether chance
could do it, persistence.py follows the windows, drift_wording.py says why. A column fires on an
effect that is large, no accident, and there for long enough.

docs/drift/statistics.md explains the statistics to whoever sets a threshold.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from decisions import drift_wording as wording
from decisions.baseline import NumericCounts
from decisions.distances import psi
from decisions.drift_columns import Column, Measured, measure, obstacle
from decisions.drift_policy import DriftPolicy, Persistence
from decisions.persistence import Reading, Step, fold
from decisions.references import unseen
from decisions.reports import Bin, DriftReport, FeatureDrift, Verdict, WindowReading
from decisions.significance import false_discovery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decisions.baseline import Baseline, Profile

__all__ = ["DriftPolicy", "Persistence", "cannot_tell", "judge", "psi"]


class _Window(NamedTuple):
    """One window looked at: by column its measures, or why there are none; and the q-values."""

    profile: Profile
    found: Mapping[str, Measured | str]
    q_values: Mapping[str, float]

    def chance(self, name: str) -> float | None:
        """Give a column's q-value; its p-value where it is not among those judged."""
        each = self.found[name]
        return self.q_values.get(name, each.p_value) if isinstance(each, Measured) else None


def judge(
    baseline: Baseline,
    windows: Sequence[Profile],
    policy: DriftPolicy,
    importance: Mapping[str, float] | None = None,
    *,
    seasons: Sequence[Baseline] = (),
) -> DriftReport:
    """Judge the newest window, with those before it as its history.

    Args:
        baseline: What the champion learnt from.
        windows: Counts against the baseline's bins, oldest first; the last is now.
        policy: When a shift counts.
        importance: Share of the model's gain by column; without any, every column counts.
        seasons: Baselines of the same season, over the same bins: a window that is nearer to one of
            them is compared with that.

    Raises:
        ValueError: If the windows are not in the order of their ends.
    """
    if any(one.window_through > two.window_through for one, two in pairwise(windows)):
        raise ValueError("windows must be oldest first")
    if not windows:
        return cannot_tell("There is no window to compare.")
    columns = [
        Column(name, policy, _design_effect(name, baseline, policy), tuple(seasons))
        for name in sorted({*baseline.features, *windows[-1].features})
    ]
    looked = [
        _look(columns, baseline, profile, briefly=profile is not windows[-1]) for profile in windows
    ]
    features = tuple(_feature(each, baseline, looked, importance or {}) for each in columns)
    verdict, why = _verdict(features, policy)
    return DriftReport(
        features=features,
        verdict=verdict,
        why=why,
        baseline_sha256=baseline.digest,
        windows=tuple((each.window_from, each.window_through) for each in windows),
        rows=max((each.rows_current for each in features), default=0),
        weight=_weight(_counted(features)),
    )


def _design_effect(name: str, baseline: Baseline, policy: DriftPolicy) -> float:
    """Give how many rows are worth one: as declared, or else measured, or else one."""
    declared = policy.design_effect(name)
    return baseline.design_effects.get(name, 1.0) if declared is None else declared


def cannot_tell(why: str) -> DriftReport:
    """Give the verdict on a comparison that could not even begin."""
    return DriftReport(features=(), verdict="cannot_tell", why=why)


def _look(
    columns: Sequence[Column], baseline: Baseline, profile: Profile, *, briefly: bool
) -> _Window:
    """Measure every column of a window."""
    found: dict[str, Measured | str] = {}
    for column in columns:
        name = column.name
        problem = obstacle(baseline.features.get(name), profile.features.get(name), column.policy)
        found[name] = problem or measure(column, baseline, profile, briefly=briefly)
    p_values = {
        each.name: measured.p_value
        for each in columns
        if isinstance(measured := found[each.name], Measured)
        and each.name not in each.policy.ignore
    }
    return _Window(profile, found, false_discovery(p_values))


def _feature(
    column: Column,
    baseline: Baseline,
    windows: Sequence[_Window],
    importance: Mapping[str, float],
) -> FeatureDrift:
    """Give one column's verdict."""
    name, policy = column.name, column.policy
    before, now = baseline.features.get(name), windows[-1].profile.features.get(name)
    weight = importance.get(name, 0.0) if importance else None
    feature = FeatureDrift(
        name=name,
        psi=None,
        rows_baseline=before.rows if before else 0,
        rows_current=now.rows if now else 0,
        missing_baseline=before.missing if before else 0,
        missing_current=now.missing if now else 0,
        status="cannot_tell",
        why="",
        importance=weight,
        counts=name not in policy.ignore
        and (weight is None or weight >= policy.minimum_importance),
    )
    newest = windows[-1].found[name]
    changes = {"why": newest} if isinstance(newest, str) else _judged(column, newest, windows)
    said = wording.remarks(
        feature,
        unseen=unseen(before, now) if before and now else 0,
        infinite=now.infinite if isinstance(now, NumericCounts) else 0,
        policy=policy,
    )
    return feature.model_copy(update={**changes, "why": f"{changes['why']} {said}".strip()})


def _judged(column: Column, newest: Measured, windows: Sequence[_Window]) -> dict[str, Any]:
    """Give the fields of a column whose newest window was measured."""
    policy, threshold = column.policy, column.policy.threshold_of(newest.measure)
    release = threshold * policy.release_ratio
    readings = [_reading(column, window, newest) for window in windows]
    steps = fold(readings, policy.persistence, threshold=threshold, release=release)
    chance = windows[-1].chance(column.name)
    return {
        "psi": newest.distances["psi"],
        "status": "drifted" if steps[-1].firing else "stable",
        "why": wording.column(
            newest.measure,
            newest.value,
            threshold,
            steps=steps,
            chance=chance,
            rows=newest.independent_rows,
            reference=newest.comparison.reference,
            policy=policy,
        ),
        "measure": newest.measure,
        "value": newest.value,
        "threshold": threshold,
        "release": release,
        "distances": newest.distances,
        "p_value": newest.p_value,
        "q_value": windows[-1].q_values.get(column.name),
        "independent_rows": newest.independent_rows,
        "reference": newest.comparison.reference,
        "bins": _bins(newest),
        "history": _history(column.name, windows, readings, steps),
    }


def _reading(column: Column, window: _Window, newest: Measured) -> Reading:
    """Read a window by the newest one's measure: two measures have no common scale."""
    each = window.found[column.name]
    if isinstance(each, str):
        return Reading(None)
    chance = window.chance(column.name)
    significant = chance is not None and chance <= column.policy.fdr
    return Reading(each.distances.get(newest.measure), significant)


def _history(
    name: str, windows: Sequence[_Window], readings: Sequence[Reading], steps: Sequence[Step]
) -> tuple[WindowReading, ...]:
    return tuple(
        WindowReading(
            window_through=window.profile.window_through,
            value=reading.value,
            q_value=window.q_values.get(name),
            reached=step.reached,
            firing=step.firing,
        )
        for window, reading, step in zip(windows, readings, steps, strict=True)
    )


def _bins(newest: Measured) -> tuple[Bin, ...]:
    compared = newest.comparison
    before, now = sum(compared.before), sum(compared.now)
    return tuple(
        Bin(label=label, baseline=was / before, current=has / now)
        for label, was, has in zip(compared.labels, compared.before, compared.now, strict=True)
    )


def _counted(features: Sequence[FeatureDrift]) -> list[FeatureDrift]:
    return [each for each in features if each.status == "drifted" and each.counts]


def _weight(features: Sequence[FeatureDrift]) -> float | None:
    """Sum the importance; a feature made of several columns is credited to each, hence the cap."""
    known = [each.importance for each in features if each.importance is not None]
    return min(sum(known), 1.0) if known else None


def _fires(features: Sequence[FeatureDrift], policy: DriftPolicy) -> bool:
    """Say whether these columns together are a drift of the whole window."""
    if len(features) >= policy.minimum_features:
        return True
    weight = _weight(features)
    asked = policy.minimum_weight
    return asked is not None and weight is not None and weight >= asked


def _verdict(features: tuple[FeatureDrift, ...], policy: DriftPolicy) -> tuple[Verdict, str]:
    """Judge the whole: drifted, or not even if every untold column had; else cannot tell."""
    judged = [each for each in features if each.counts]
    drifted = _counted(features)
    untold = [each for each in judged if each.status == "cannot_tell"]
    rest = wording.rest(
        [each.name for each in features if each.status == "drifted" and not each.counts],
        [each.name for each in untold],
    )
    if drifted and _fires(drifted, policy):
        return "drifted", f"{wording.drifted(drifted, len(judged), _weight(drifted))}{rest}."
    if len(untold) == len(judged):
        why = untold[0].why if untold else "There is no column to compare."
        return "cannot_tell", f"None of {len(judged)} columns can be judged: {why}"
    if untold and _fires([*drifted, *untold], policy):
        why = f"{len(drifted)} of {len(judged)} columns drifted, {len(untold)} cannot be judged"
        return "cannot_tell", (
            f"{why}, and {policy.minimum_features} would count: {untold[0].name}: {untold[0].why}"
        )
    return "stable", (
        f"{len(drifted)} of {len(judged)} columns drifted and {policy.minimum_features} "
        f"would count{rest}."
    )
