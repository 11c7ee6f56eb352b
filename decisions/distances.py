"""How far two counted windows are apart: effect sizes from counts. No threshold, no p-value.

Every function takes counts (or weights) over the same bins on both sides, is finite for every
input that has rows on both sides, and is 0 for equal shares whatever the number of rows.

Sources: PSI, N. Siddiqi, "Credit Risk Scorecards", Wiley 2006, and B. Yurdakul, "Statistical
Properties of Population Stability Index", 2018. Jensen-Shannon, J. Lin, IEEE Trans. Inf. Theory
37(1), 1991; its root is a metric, D. Endres and J. Schindelin, IEEE Trans. Inf. Theory 49(7), 2003.
Wasserstein in one dimension as the area between two distribution functions, S. Vallender, Theory
Probab. Appl. 18(4), 1974.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisions.baseline import NumericCounts

EPSILON = 1e-4
"""Smoothing of a share: one row in ten thousand, below what a weekly window can resolve."""


class Histogram(NamedTuple):
    """Counts (or weights) by bin, and of the values themselves what is known."""

    counts: Sequence[float]
    minimum: float | None = None
    maximum: float | None = None
    total: float | None = None


Knots = list[tuple[float, float]]
"""A distribution function, linear between its points (value, share of the rows at or below it)."""


def psi(baseline: Sequence[float], current: Sequence[float]) -> float:
    """Give the Population Stability Index, sum((q - p) * ln(q / p)); at least 0.

    It is the symmetrised Kullback-Leibler (Jeffreys) divergence. Every share is smoothed to
    (share + EPSILON) / (1 + bins * EPSILON), so that an empty bin gives a finite answer.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows at all.
    """
    before, now = _shares(baseline, current)
    smooth = 1.0 + len(before) * EPSILON
    pairs = [
        ((p + EPSILON) / smooth, (q + EPSILON) / smooth) for p, q in zip(before, now, strict=True)
    ]
    return max(math.fsum((q - p) * math.log(q / p) for p, q in pairs), 0.0)


def jensen_shannon(baseline: Sequence[float], current: Sequence[float]) -> float:
    """Give the Jensen-Shannon distance to base 2: a metric from 0 to 1.

    The root of (KL(p, m) + KL(q, m)) / 2 with m = (p + q) / 2.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows at all.
    """
    before, now = _shares(baseline, current)
    divergence = math.fsum(
        (_surprise(p, (p + q) / 2) + _surprise(q, (p + q) / 2)) / 2
        for p, q in zip(before, now, strict=True)
    )
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def total_variation(baseline: Sequence[float], current: Sequence[float]) -> float:
    """Give half the sum of the shares' differences: how many rows would have to change bins.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows at all.
    """
    return min(math.fsum(abs(p - q) for p, q in _pairs(baseline, current)) / 2, 1.0)


def l_infinity(baseline: Sequence[float], current: Sequence[float]) -> float:
    """Give the largest difference of a share.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows at all.
    """
    return max(abs(p - q) for p, q in _pairs(baseline, current))


def kolmogorov_smirnov(baseline: Sequence[float], current: Sequence[float]) -> float:
    """Give the largest distance of the two distribution functions at the bins' edges.

    From counts it is at most the true distance, and short of it by at most the largest share that
    one side has within a bin.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows at all.
    """
    steps = accumulate(p - q for p, q in _pairs(baseline, current))
    return min(max(abs(step) for step in steps), 1.0)


def wasserstein(edges: Sequence[float], baseline: Histogram, current: Histogram) -> float | None:
    """Give the area between two distribution functions, in units of the column.

    Within a bin the rows are taken to lie evenly. Of the two outer bins, which may be wide, only
    the part next to the edge is taken to be filled, with the density of the bin beside it. The
    signed area is the difference of the means, so where sums are known and both outer bins lie to
    one side, their part is exact.

    None where smallest and largest values are not known, where a side has no finite value, or past
    the range of floating point.
    """
    before, now = distribution(edges, baseline), distribution(edges, current)
    if before is None or now is None:
        return None
    places = sorted({place for place, _ in (*before, *now)})
    gaps = [p - q for p, q in zip(_heights(before, places), _heights(now, places), strict=True)]
    lower = inner = signed = upper = 0.0
    for (low, high), (left, right) in zip(pairwise(places), pairwise(gaps), strict=True):
        if edges and high <= edges[0]:
            lower += (high - low) * (left + right) / 2
        elif edges and low >= edges[-1]:
            upper += (high - low) * (left + right) / 2
        else:
            inner += _area(high - low, left, right)
            signed += (high - low) * (left + right) / 2
    outer = abs(lower) + abs(upper)
    moved = _mean(current) - _mean(baseline)
    if lower * upper >= 0 and math.isfinite(moved):
        outer = abs(moved - signed)
    return inner + outer if math.isfinite(inner + outer) else None


def spread(edges: Sequence[float], counts: NumericCounts) -> float | None:
    """Give the standard deviation of the finite values; None where it is not known, or zero.

    From the sums where they are there and cancel to something, else from the bins.
    """
    finite = sum(counts.counts)
    if finite == 0:
        return None
    if counts.total is not None and counts.squares is not None:
        mean = counts.total / finite
        variance = counts.squares / finite - mean * mean
        # Sums of squares lose what is smaller than their last digits.
        if math.isfinite(variance) and variance > 1e-12 * mean * mean:
            return math.sqrt(variance)
    histogram = Histogram(counts.counts, counts.minimum, counts.maximum, counts.total)
    return _spread_of_bins(distribution(edges, histogram))


def distribution(edges: Sequence[float], side: Histogram) -> Knots | None:
    """Give the distribution function of a column's finite values.

    None where there is none, or where the smallest and largest are not known.
    """
    rows = math.fsum(side.counts)
    low, high = side.minimum, side.maximum
    if rows <= 0 or low is None or high is None:
        return None
    if low >= high:
        return [(math.nextafter(low, -math.inf), 0.0), (low, 1.0)]
    below = [count / rows for count in accumulate(side.counts)]
    inner = [(edge, share) for edge, share in zip(edges, below, strict=False) if low < edge < high]
    return [(_lowest(inner, low), 0.0), *inner, (_highest(inner, high), 1.0)]


def _lowest(inner: Knots, low: float) -> float:
    """Give where the rows below the first edge begin; see _highest."""
    mirrored = [(-place, 1.0 - share) for place, share in reversed(inner)]
    return -_highest(mirrored, -low)


def _highest(inner: Knots, high: float) -> float:
    """Give where the rows above the last edge end: a long tail does not fill its bin evenly.

    A tail that falls off exponentially from the density d at its edge, with the share m, lies m / d
    beyond the edge on average; so do rows spread evenly over twice that.
    """
    if len(inner) < 2 or inner[-1][1] <= inner[-2][1]:  # noqa: PLR2004 - a density needs two points
        return high
    (before, less), (edge, share) = inner[-2:]
    beyond = 2 * (1.0 - share) * (edge - before) / (share - less)
    end = edge + beyond
    return end if edge < end < high else high


def _mean(side: Histogram) -> float:
    return math.nan if side.total is None else side.total / math.fsum(side.counts)


def _spread_of_bins(knots: Knots | None) -> float | None:
    if knots is None:
        return None
    parts = [(b - a, x / 2 + y / 2, y - x) for (x, a), (y, b) in pairwise(knots)]
    mean = sum(share * middle for share, middle, _ in parts)
    # Products, not powers: beyond floating point the former are infinite, the latter raise.
    variance = sum(
        share * ((middle - mean) * (middle - mean) + width * width / 12)
        for share, middle, width in parts
    )
    return math.sqrt(variance) if math.isfinite(variance) and variance > 0 else None


def _heights(knots: Knots, places: Sequence[float]) -> list[float]:
    """Interpolate a distribution function at ascending places, its own among them."""
    found: list[float] = []
    at = 0
    for place in places:
        while at < len(knots) and knots[at][0] < place:
            at += 1
        if at == 0:
            found.append(knots[0][1] if place == knots[0][0] else 0.0)
        elif at == len(knots):
            found.append(1.0)
        else:
            (low, left), (high, right) = knots[at - 1], knots[at]
            found.append(left + (right - left) * ((place - low) / (high - low)))
    return found


def _area(width: float, left: float, right: float) -> float:
    """Integrate the absolute value of a straight line."""
    if left * right >= 0:
        return width * (abs(left) + abs(right)) / 2
    return width * (left * left + right * right) / (2 * abs(left - right))


def _surprise(share: float, against: float) -> float:
    return share * math.log2(share / against) if share > 0 else 0.0


def _pairs(baseline: Sequence[float], current: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(*_shares(baseline, current), strict=True))


def _shares(baseline: Sequence[float], current: Sequence[float]) -> tuple[list[float], list[float]]:
    if len(baseline) != len(current):
        raise ValueError(f"{len(baseline)} bins against {len(current)}")
    before, now = math.fsum(baseline), math.fsum(current)
    if before <= 0 or now <= 0:
        raise ValueError("a distance needs rows on both sides")
    return [count / before for count in baseline], [count / now for count in current]
