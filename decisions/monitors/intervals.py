"""Confidence intervals of proportions, their differences, and AUCs; not what is too far.

All intervals are two-sided at a given z (1.96 for 95 %); `z_of` gives z, with Bonferroni's division
where several comparisons are made at once.
"""

import math
from statistics import NormalDist

from decisions.model import Fact


class Interval(Fact):
    """A point estimate between its bounds."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Say whether zero lies outside."""
        return self.low > 0.0 or self.high < 0.0


def z_of(confidence: float, comparisons: int = 1) -> float:
    """Give the normal quantile of a two-sided confidence, divided over comparisons (Bonferroni).

    Raises:
        ValueError: If the confidence is not between 0 and 1, or there is no comparison.
    """
    if not 0.0 < confidence < 1.0 or comparisons < 1:
        raise ValueError(f"confidence {confidence} over {comparisons} comparisons")
    return NormalDist().inv_cdf(1.0 - (1.0 - confidence) / (2.0 * comparisons))


def wilson(hits: int, rows: int, z: float) -> Interval:
    """Give Wilson's score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927).

    Raises:
        ValueError: If there are no rows, or more hits than rows.
    """
    if rows <= 0 or not 0 <= hits <= rows:
        raise ValueError(f"{hits} of {rows}")
    share = hits / rows
    scale = 1.0 + z * z / rows
    centre = (share + z * z / (2.0 * rows)) / scale
    half = z / scale * math.sqrt(share * (1.0 - share) / rows + z * z / (4.0 * rows * rows))
    return Interval(
        value=share,
        low=min(share, max(0.0, centre - half)),
        high=max(share, min(1.0, centre + half)),
    )


def difference(one: Interval, two: Interval) -> Interval:
    """Give the interval of one minus two, from the intervals of two independent estimates.

    Source: the square-and-add method; for two Wilson intervals it is method 10 of R. G. Newcombe,
    "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998); in general MOVER, G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008).
    """
    value = one.value - two.value
    below = math.hypot(one.value - one.low, two.high - two.value)
    above = math.hypot(one.high - one.value, two.value - two.low)
    return Interval(value=value, low=value - below, high=value + above)


def auc_error(auc: float, positives: float, negatives: float) -> float:
    """Give the standard error of an AUC of independent rows; infinite where a class is empty.

    Source: J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve", Radiology 143 (1982), with the exponential
    approximations Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A).
    """
    if positives < 1 or negatives < 1:
        return math.inf
    square = auc * auc
    first, second = auc / (2.0 - auc) - square, 2.0 * square / (1.0 + auc) - square
    variance = auc * (1.0 - auc) + (positives - 1.0) * first + (negatives - 1.0) * second
    return math.sqrt(max(variance, 0.0) / (positives * negatives))
