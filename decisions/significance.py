"""Could chance alone have done it? p-values from counts, with nothing but math.

How large a difference is belongs to distances.py. An effect must be large and no accident, so the
verdict asks both.

Sources: chi-square test of homogeneity, and its division by a design effect where rows are alike,
J. Rao and A. Scott, JASA 76, 1981; small expected counts pooled, W. Cochran, Biometrics 10(4),
1954; incomplete gamma function, W. Press et al., "Numerical Recipes", 3rd ed. 2007, 6.2; false
discoveries, Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57(1), 1995.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PRECISION = 1e-15
_MOST_TERMS = 100_000
_LEAST_EXPECTED = 5.0
"""Cochran's rule: with fewer expected rows, a bin's contribution is not chi-square."""


def homogeneity_p(
    baseline: Sequence[float], current: Sequence[float], *, design_effect: float = 1.0
) -> float:
    """Give the p-value of two counts over the same bins coming from one distribution.

    Args:
        baseline: Counts of one side; weights, where their sum is the effective number of rows.
        current: Counts of the other.
        design_effect: How many rows are worth one independent row.

    Raises:
        ValueError: If the bins differ in number, or one side has no rows.
    """
    if len(baseline) != len(current):
        raise ValueError(f"{len(baseline)} bins against {len(current)}")
    before = [count / design_effect for count in baseline]
    now = [count / design_effect for count in current]
    n, m = math.fsum(before), math.fsum(now)
    if n <= 0 or m <= 0:
        raise ValueError("a test needs rows on both sides")
    pooled = _pooled(before, now, n, m)
    statistic = math.fsum(
        (p / n - q / m) ** 2 / ((p + q) / (n + m) * (1 / n + 1 / m)) for p, q in pooled
    )
    return chi_square_sf(statistic, len(pooled) - 1)


def _pooled(
    before: Sequence[float], now: Sequence[float], n: float, m: float
) -> list[tuple[float, float]]:
    """Put bins of too few expected rows together, smallest first; leave out empty ones."""
    bins = sorted(((p, q) for p, q in zip(before, now, strict=True) if p + q > 0), key=sum)
    needed = _LEAST_EXPECTED * (n + m) / min(n, m)
    pooled: list[tuple[float, float]] = []
    rare = (0.0, 0.0)
    for p, q in bins:
        if 0 < sum(rare) < needed or p + q < needed:
            rare = (rare[0] + p, rare[1] + q)
        else:
            pooled.append((p, q))
    return [*pooled, rare] if sum(rare) > 0 else pooled


def chi_square_sf(statistic: float, freedom: int) -> float:
    """Give the chance of a chi-square of ``freedom`` degrees beyond ``statistic``."""
    if freedom <= 0 or statistic <= 0:
        return 1.0
    return min(max(upper_gamma(freedom / 2, statistic / 2), 0.0), 1.0)


def upper_gamma(shape: float, x: float) -> float:
    """Give the regularised upper incomplete gamma function Q(shape, x), for x > 0."""
    if x < shape + 1:
        return 1.0 - _lower_series(shape, x)
    return _upper_fraction(shape, x)


def _lower_series(shape: float, x: float) -> float:
    term = total = 1.0 / shape
    for n in range(1, _MOST_TERMS):
        term *= x / (shape + n)
        total += term
        if term < total * _PRECISION:
            break
    return total * math.exp(shape * math.log(x) - x - math.lgamma(shape))


def _upper_fraction(shape: float, x: float) -> float:
    """Evaluate the continued fraction by Lentz's method."""
    b = x + 1.0 - shape
    c, d = 1e300, 1.0 / b
    product = d
    for n in range(1, _MOST_TERMS):
        a = -n * (n - shape)
        b += 2.0
        d = 1.0 / _not_zero(a * d + b)
        c = _not_zero(b + a / c)
        product *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return product * math.exp(shape * math.log(x) - x - math.lgamma(shape))


def _not_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300  # noqa: PLR2004 - Lentz's tiny number


def false_discovery(p_values: Mapping[str, float]) -> dict[str, float]:
    """Give each p-value's q: the share of false discoveries if it and all smaller were called.

    Benjamini and Hochberg's step-up: q of the i-th smallest of n is the least of p(j) * n / j over
    j >= i. It holds for independent tests and those that tend to go together, as columns do.
    """
    ordered = sorted(p_values, key=lambda name: (p_values[name], name))
    found: dict[str, float] = {}
    least = 1.0
    for rank in range(len(ordered), 0, -1):
        name = ordered[rank - 1]
        least = min(least, p_values[name] * len(ordered) / rank)
        found[name] = least
    return found
