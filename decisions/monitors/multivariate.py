"""Has the joint distribution of the model's inputs moved? The domain classifier's answer, judged.

A classifier is trained to tell the window's rows from the rows the champion learnt from (J. H.
Friedman, "On multivariate goodness-of-fit and two-sample testing", 2003; S. Rabanser et al.,
"Failing Loudly: An Empirical Study of Methods for Detecting Dataset Shift", NeurIPS 2019).
Its out-of-fold AUC is an effect size: the probability that a row of the window looks newer than one
of the baseline; 0.5 means that nothing tells them apart.

Two cautions for rows in time. Neighbouring hours are alike, so a fold is a block of whole days (the
step's work), and the standard error is the larger of Hanley and McNeil's, which takes rows for
independent, and of what the folds show. And in most data time itself can be seen (a season): so the
same classifier is asked to tell the baseline's own newest days from its earlier ones, and a window
only counts as moved if it stands out more than those.
"""

import math
from collections.abc import Sequence

from pydantic import Field

from decisions.monitors.intervals import Interval, auc_error, z_of
from decisions.monitors.measured import Measurements, Separation
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell, too_few

_FOLDS = 2


class MultivariatePolicy(MonitorPolicy):
    """When the inputs as a whole have moved.

    Attributes:
        auc_threshold: Out-of-fold AUC from which a shift is large enough to matter.
    """

    auc_threshold: float = Field(default=0.75, gt=0.5, lt=1.0)


def auc_of(separation: Separation, z: float) -> Interval:
    """Give the mean out-of-fold AUC with its interval.

    Raises:
        ValueError: If there are fewer than two folds.
    """
    folds = separation.fold_aucs
    if len(folds) < _FOLDS:
        raise ValueError(f"{len(folds)} folds; an error needs at least {_FOLDS}")
    mean = math.fsum(folds) / len(folds)
    spread = math.fsum((each - mean) ** 2 for each in folds) / (len(folds) - 1)
    independent = auc_error(mean, separation.rows_now, separation.rows_before)
    error = max(independent, math.sqrt(spread / len(folds)))
    return Interval(value=mean, low=max(0.0, mean - z * error), high=min(1.0, mean + z * error))


def separating(separation: Separation, most: int = 3) -> tuple[str, ...]:
    """Name the features that separate most, largest share of gain first."""
    ranked = sorted(separation.features.items(), key=lambda item: (-item[1], item[0]))
    return tuple(name for name, share in ranked[:most] if share > 0.0)


def judge(window: Measurements, policy: MultivariatePolicy) -> Answer:
    """Say whether the window stands out from what the champion learnt."""
    found = window.separation
    if found is None:
        return cannot_tell("The domain classifier was not trained.", rows=window.rows)
    if (few := too_few(found.rows_before, found.rows_now, policy)) is not None:
        return few
    if len(found.fold_aucs) < _FOLDS:
        return cannot_tell(
            f"The rows span too few days to hold some out: {len(found.fold_aucs)} folds.",
            rows=found.rows_now,
        )
    z = z_of(policy.confidence)
    auc = auc_of(found, z)
    usual = _usual(window.separation_within)
    return Answer(
        verdict="drifted" if _moved(auc, usual, policy) else "stable",
        why=_why(auc, usual, policy, separating(found)),
        observed=auc.value,
        threshold=policy.auc_threshold,
        rows=found.rows_now,
    )


def _usual(within: Separation | None) -> float:
    """Give how well the baseline's own end stands out from its beginning; at least 0.5."""
    folds = within.fold_aucs if within else ()
    return max(0.5, math.fsum(folds) / len(folds)) if folds else 0.5


def _moved(auc: Interval, usual: float, policy: MultivariatePolicy) -> bool:
    return auc.value >= policy.auc_threshold and auc.low > max(0.5, usual)


def _why(auc: Interval, usual: float, policy: MultivariatePolicy, names: Sequence[str]) -> str:
    relation = "reaches" if auc.value >= policy.auc_threshold else "is below"
    return (
        f"A domain classifier tells the window from the baseline with AUC {auc.value:.3f} "
        f"[{auc.low:.3f}, {auc.high:.3f}], which {relation} {policy.auc_threshold:.2f}; the "
        f"baseline's own newest days stand out with {usual:.3f}. "
        f"Most telling: {', '.join(names) or 'no feature'}."
    )
