"""Why a column or a window has drifted or not, in plain sentences with the numbers in them.

Decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisions.drift_policy import DriftPolicy, Measure
    from decisions.persistence import Step
    from decisions.reports import FeatureDrift

NAMES: dict[str, str] = {
    "psi": "PSI",
    "jensen_shannon": "Jensen-Shannon distance",
    "ks": "KS distance",
    "wasserstein": "Wasserstein distance",
    "total_variation": "Total variation",
    "l_infinity": "L-infinity distance",
}
_REFERENCES = {
    "whole": "",
    "weekday": " against the same weekdays",
    "season": " against the same season",
}
_MOST_NAMED = 5


def column(
    measure: Measure,
    value: float,
    threshold: float,
    *,
    steps: Sequence[Step],
    chance: float | None,
    rows: float,
    reference: str,
    policy: DriftPolicy,
) -> str:
    """Say what the newest window shows and what follows from it."""
    newest = steps[-1]
    told = f"{NAMES[measure]} {value:.3f}{_REFERENCES[reference]}"
    if value < threshold:
        if not newest.firing:
            return f"{told} is below the threshold {threshold:.3f}."
        release = threshold * policy.release_ratio
        return (
            f"{told} is below the threshold {threshold:.3f}, but not below {release:.3f}, where "
            "what fired clears."
        )
    reaches = f"{told} reaches the threshold {threshold:.3f}"
    if newest.firing and not newest.reached:
        return f"{reaches}, as it did before, though {_by_chance(chance, rows, policy)}."
    if not newest.reached:
        return f"{reaches}, but {_by_chance(chance, rows, policy)}."
    return f"{reaches}{_for_how_long(steps, policy)}."


def _by_chance(chance: float | None, rows: float, policy: DriftPolicy) -> str:
    return (
        f"chance alone could do it: q {_small(chance)} exceeds {policy.fdr:.2f} "
        f"with {rows:.0f} independent rows"
    )


def _for_how_long(steps: Sequence[Step], policy: DriftPolicy) -> str:
    asked = policy.persistence
    if asked.of == 1:
        return ""
    seen = f" in {steps[-1].recent} of the last {min(asked.of, len(steps))} windows"
    if steps[-1].firing:
        return seen
    return f"{seen}; {min(asked.windows, len(steps))} are needed"


def remarks(feature: FeatureDrift, *, unseen: int, infinite: int, policy: DriftPolicy) -> str:
    """Say what else should be known of a column; empty where nothing."""
    said = []
    if unseen:
        share = unseen / feature.rows_current
        said.append(f"{unseen} rows ({share:.1%}) have values that the baseline did not keep.")
    if infinite:
        said.append(f"{infinite} rows are infinite.")
    if feature.name in policy.ignore:
        said.append("Ignored by the declaration: told, not counted.")
    elif not feature.counts:
        said.append(
            f"The model hardly uses it ({feature.importance or 0.0:.1%} of its gain, below "
            f"{policy.minimum_importance:.1%}): told, not counted."
        )
    return " ".join(said)


def drifted(features: Sequence[FeatureDrift], judged: int, weight: float | None) -> str:
    """Name the drifted columns, farthest first."""
    farthest = sorted(features, key=lambda each: (-each.farness, each.name))[:_MOST_NAMED]
    named = ", ".join(f"{each.name} {each.value:.2f}" for each in farthest)
    used = {each.measure for each in farthest}
    measures = NAMES[used.pop()] if len(used) == 1 else "distance"
    carried = "" if weight is None else f", {weight:.0%} of the model's gain"
    return f"{len(features)} of {judged} columns drifted ({measures} {named}){carried}"


def rest(told: Sequence[str], untold: Sequence[str]) -> str:
    """Name what drifted without counting, and what cannot be told."""
    said = ""
    if told:
        said += f"; told but not counted: {', '.join(told)}"
    if untold:
        said += f"; cannot tell for {', '.join(untold)}"
    return said


def _small(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"  # noqa: PLR2004 - three digits
