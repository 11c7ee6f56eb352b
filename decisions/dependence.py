"""How many rows are worth one independent row? Measured from the counts of single days.

Neighbouring hours of weather, or flights of one stormy evening, are alike. A test that takes them
for independent calls every window significant. The design effect is the variance that the shares of
the bins really have, over the variance that as many independent rows would give them.

Sources: design effect, L. Kish, "Survey Sampling", Wiley 1965; days as ultimate clusters, with
ratio estimates because days differ in size, W. Cochran, "Sampling Techniques", 3rd ed. 1977, 6 and
9A; one effect for all bins as the mean of theirs weighted by 1 - share, J. Rao and A. Scott, JASA
76, 1981; neighbouring days by Bartlett weights, W. Newey and K. West, Econometrica 55(3), 1987.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from decisions.references import coarse, comparable, side_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decisions.baseline import Profile
    from decisions.references import Frozen

FEWEST_DAYS = 14
"""With fewer days, the variance between them says little."""


def design_effects(
    features: Mapping[str, Frozen], days: Sequence[Profile], *, lags: int = 0
) -> dict[str, float]:
    """Give the design effect of every column, at least 1, where enough days have it.

    It is that of the coarse bins, which the test of homogeneity counts over.

    Args:
        features: The columns' frozen bins.
        days: Counts of single days over them, oldest first.
        lags: Over how many days a day resembles the next ones. With 0, days are independent; a
            positive number also counts the slow change within a season as dependence.
    """
    found = {}
    for name, frozen in features.items():
        counted = [day.features[name] for day in days if name in day.features]
        rows = [
            coarse(frozen, side)
            for side in (side_of(frozen, each) for each in counted if comparable(frozen, each))
            if side.rows
        ]
        if len(rows) >= FEWEST_DAYS:
            found[name] = design_effect(rows, lags=lags)
    return found


def design_effect(days: Sequence[Sequence[float]], *, lags: int = 0) -> float:
    """Give the design effect of one column from its counts by day and bin; at least 1."""
    sizes = [math.fsum(day) for day in days]
    total = math.fsum(sizes)
    shares = [math.fsum(each) / total for each in zip(*days, strict=True)]
    full = [place for place, share in enumerate(shares) if share > 0]
    if len(full) < 2:  # noqa: PLR2004 - one bin has no variance
        return 1.0
    summed = math.fsum(
        _variance(
            [day[at] - shares[at] * size for day, size in zip(days, sizes, strict=True)], lags
        )
        / shares[at]
        for at in full
    )
    # Of each bin deff = variance / (rows * p * (1 - p)); weighted by 1 - p, that factor goes.
    return max(summed / total / (len(full) - 1), 1.0)


def _variance(residuals: Sequence[float], lags: int) -> float:
    """Give the variance of a sum of residuals that resemble their neighbours."""
    found = math.fsum(each * each for each in residuals)
    for lag in range(1, min(lags, len(residuals) - 1) + 1):
        weight = 1.0 - lag / (lags + 1)
        products = (one * two for one, two in zip(residuals, residuals[lag:], strict=False))
        found += 2.0 * weight * math.fsum(products)
    return found
