"""How Model Monitor tells a drift: the L-infinity distance, ``Simple`` or ``Robust``.

A distribution is given as (value, weight) pairs: a raw value weighs 1, a sketch's item at level i
2^i.

- Numbers: max over x of |CDF1(x) - CDF2(x)|, the two-sample Kolmogorov-Smirnov statistic.
- Texts: max over values of |share1 - share2|.
- ``Robust`` takes from it what chance alone explains: max(0, distance - c * sqrt((n + m) / (n m))),
  c = 1.8, the critical value at alpha = 0.003 (D. Knuth, "The Art of Computer Programming" 2,
  section 3.3.1, equation 15).

Source: awslabs/deequ, analyzers/Distance.scala, whose ``LInfinity`` Model Monitor's documentation
names; that the closed container computes the very same is assumed. ``ChiSquared`` is not done here.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

C_ALPHA = 1.8
THRESHOLD = 0.1
"""Model Monitor's own ``comparison_threshold``; a greater distance is a drift."""

Method = Literal["Simple", "Robust"]
Weighted = Iterable[tuple[float, float]]


def numeric_distance(one: Weighted, two: Weighted) -> float:
    """Give the greatest difference of two cumulative distributions, from 0 to 1.

    Raises:
        ValueError: If one of them is empty.
    """
    first, second = _merged(one), _merged(two)
    n, m = math.fsum(first.values()), math.fsum(second.values())
    _refuse_empty(n, m)
    widest = below_first = below_second = 0.0
    for value in sorted({*first, *second}):
        below_first += first.get(value, 0.0)
        below_second += second.get(value, 0.0)
        widest = max(widest, abs(below_first / n - below_second / m))
    return widest


def categorical_distance(one: Mapping[str, float], two: Mapping[str, float]) -> float:
    """Give the greatest difference of a value's share, from 0 to 1.

    Raises:
        ValueError: If one of them is empty.
    """
    n, m = math.fsum(one.values()), math.fsum(two.values())
    _refuse_empty(n, m)
    return max(abs(one.get(value, 0) / n - two.get(value, 0) / m) for value in {*one, *two})


def robust(distance: float, n: float, m: float, *, c_alpha: float = C_ALPHA) -> float:
    """Take from a distance what two samples of n and m rows differ by chance.

    Raises:
        ValueError: If a sample is empty.
    """
    _refuse_empty(n, m)
    return max(0.0, distance - c_alpha * math.sqrt((n + m) / (n * m)))


def drifted(
    distance: float, n: float, m: float, *, method: Method = "Robust", threshold: float = THRESHOLD
) -> bool:
    """Say whether Model Monitor would report a ``baseline_drift_check``.

    Raises:
        ValueError: If a sample is empty.
    """
    _refuse_empty(n, m)
    return (distance if method == "Simple" else robust(distance, n, m)) > threshold


def _merged(items: Weighted) -> dict[float, float]:
    weights: dict[float, float] = {}
    for value, weight in items:
        weights[value] = weights.get(value, 0.0) + weight
    return weights


def _refuse_empty(n: float, m: float) -> None:
    if n <= 0 or m <= 0:
        raise ValueError(f"a distance needs rows on both sides, not {n:g} and {m:g}")
