"""How good is the model likely to be while labels have not come? The estimate, judged.

Confidence-based performance estimation (CBPE, NannyML's documentation, "Estimation of performance
of the monitored model"): a calibrated probability is the chance that a positive call is right, so
the expected confusion matrix, and with it every metric, follows from the probabilities alone. The
step calibrates on the champion's test rows and computes the expectations.

It sees what a change of the inputs does to quality (a window of harder rows). It cannot see that
the inputs mean something else (concept drift): the probabilities are then wrong, and so is it. That
takes labels, which the quality monitor waits for; those that have come are held against it here.
Where they contradict it, where the probabilities were no chances to begin with, or where the method
misses the known AUC of the test rows, the answer is "cannot tell".
"""

import math

from pydantic import Field

from decisions.monitors.intervals import Interval, auc_error, difference, z_of
from decisions.monitors.measured import Estimate, Measurements
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell, too_few


class PerformancePolicy(MonitorPolicy):
    """When the estimated quality is too low.

    Attributes:
        maximum_drop: Fall of the AUC below that of the champion's test rows from which it fires.
        maximum_calibration_error: Beyond it the probabilities are no chances.
    """

    maximum_drop: float = Field(default=0.05, gt=0.0, lt=0.5)
    maximum_calibration_error: float = Field(default=0.05, gt=0.0, lt=1.0)


def drop_of(found: Estimate, confidence: float) -> Interval | None:
    """Give how far the estimate lies below the test rows' AUC; None where either is unknown."""
    if found.auc is None or found.auc_baseline is None or found.expected_positives is None:
        return None
    z = z_of(confidence)
    now = auc_error(found.auc, found.expected_positives, found.rows - found.expected_positives)
    negatives = found.rows_baseline - found.positives_baseline
    before = auc_error(found.auc_baseline, found.positives_baseline, negatives)
    if not math.isfinite(now) or not math.isfinite(before):
        return None
    return difference(_around(found.auc_baseline, z * before), _around(found.auc, z * now))


def judge(window: Measurements, policy: PerformancePolicy) -> Answer:
    """Say whether the estimated AUC has fallen too far."""
    found = window.estimate
    if found is None:
        return cannot_tell("No performance was estimated.", rows=window.rows)
    if (few := too_few(found.rows_baseline, found.rows, policy)) is not None:
        return few
    if (why := _untrusted(found, policy)) is not None:
        return cannot_tell(why, rows=found.rows)
    drop = drop_of(found, policy.confidence)
    if drop is None:
        return cannot_tell(
            "The estimate needs rows of both classes on both sides.", rows=found.rows
        )
    fallen = drop.value >= policy.maximum_drop and drop.low > 0.0
    return Answer(
        verdict="drifted" if fallen else "stable",
        why=(
            f"AUC estimated without labels {found.auc:.3f} against {found.auc_baseline:.3f} on the "
            f"champion's test rows: a drop of {drop.value:+.3f} "
            f"[{drop.low:+.3f}, {drop.high:+.3f}] "
            f"({policy.maximum_drop:.2f} fires).{_realised(found)}"
        ),
        observed=drop.value,
        threshold=policy.maximum_drop,
        rows=found.rows,
    )


def _untrusted(found: Estimate, policy: PerformancePolicy) -> str | None:
    """Say why the estimate cannot be trusted, or None."""
    error, most = found.calibration_error, policy.maximum_calibration_error
    if error is None or found.auc_baseline is None or found.auc_checked is None:
        return "The champion's calibration could not be measured on its test rows."
    if error > most:
        return (
            f"The champion is poorly calibrated: expected calibration error {error:.3f}, at most "
            f"{most:.3f} can be trusted."
        )
    missed = abs(found.auc_checked - found.auc_baseline)
    if missed > policy.maximum_drop:
        return (
            f"On the test rows, whose AUC is {found.auc_baseline:.3f}, the method estimates "
            f"{found.auc_checked:.3f}: off by more than the drop of {policy.maximum_drop:.2f} "
            "that it should find."
        )
    return _contradicted(found, policy)


def _contradicted(found: Estimate, policy: PerformancePolicy) -> str | None:
    """Labels that have come are the truth: an estimate that misses them is worth nothing."""
    known, estimated = found.auc_realised, found.auc
    if known is None or estimated is None or found.labelled < policy.minimum_rows:
        return None
    if abs(known - estimated) <= policy.maximum_drop:
        return None
    return (
        f"{found.labelled} labels have come and contradict the estimate: AUC {known:.3f}, "
        f"estimated {estimated:.3f}. The rows mean something else than the champion learnt "
        "(concept drift); the quality monitor judges by labels."
    )


def _around(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def _realised(found: Estimate) -> str:
    if found.auc_realised is None:
        return ""
    return (
        f" {found.labelled} of the rows have labels by now: their AUC is {found.auc_realised:.3f}."
    )
