"""What a window's column is compared with, over which bins. No distance, no threshold.

Three references: the whole baseline; the baseline's rows of the same weekdays in the window's own
mixture, so that a window of five days is not told to differ for want of a weekend; and a baseline
of the same season, where one over the same bins is given.

Fine bins are merged into about ten of equal share for the measures that know no order: each bin
adds to PSI by chance about 1/rows of either side.
"""

from __future__ import annotations

import math
import operator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from decisions.baseline import Profile

Frozen = NumericBaseline | CategoricalBaseline
Counted = NumericCounts | CategoricalCounts
Reference = Literal["whole", "weekday", "season"]

COARSE = 10
"""Bins that fine ones are merged into: the usual number for PSI."""


class Side(NamedTuple):
    """One side's rows over the baseline's bins; weights where several counts were blended.

    Attributes:
        bins: By the baseline's bins; for a category, its values in order and the others last.
        missing: Nulls and NaN.
        infinite: Infinities.
        rows: Effective number of rows.
        minimum: Smallest finite value, where it is known.
        maximum: Largest finite value.
        total: Sum of the finite values, weighted like the bins.
    """

    bins: tuple[float, ...]
    missing: float
    infinite: float
    rows: float
    minimum: float | None = None
    maximum: float | None = None
    total: float | None = None


class Comparison(NamedTuple):
    """Both sides of one column, aligned.

    Attributes:
        labels: Names of the coarse bins, "missing" and "infinite" last.
        before: Reference counts by coarse bin.
        now: The window's.
        reference: What ``before`` is.
        fine: Both sides over the baseline's own bins.
    """

    labels: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    reference: Reference
    fine: tuple[Side, Side]


def comparisons(
    name: str,
    baseline: Baseline,
    profile: Profile,
    *,
    weekdays: bool,
    seasons: Sequence[Baseline] = (),
) -> Iterator[Comparison]:
    """Give every comparison that a column allows; its baseline and window are comparable."""
    frozen, counted = baseline.features[name], profile.features[name]
    now = side_of(frozen, counted)
    by_weekday = _same_weekdays(name, frozen, baseline, profile) if weekdays else None
    if by_weekday is None:
        yield _compare(frozen, side_of(frozen, frozen), now, "whole")
    else:
        yield _compare(frozen, by_weekday, now, "weekday")
    for season in seasons:
        same = season.features.get(name)
        if same is not None and comparable(frozen, same) and same.missing < same.rows:
            yield _compare(frozen, side_of(frozen, same), now, "season")


def season_of(baseline: Baseline, profile: Profile) -> Baseline:
    """Give another season's counts as a baseline over the same bins; others are left out."""
    features: dict[str, Frozen] = {}
    for name, counted in profile.features.items():
        frozen = baseline.features.get(name)
        if frozen is None or not comparable(frozen, counted):
            continue
        if isinstance(frozen, NumericBaseline):
            fields = counted.model_dump() | {"edges": frozen.edges}
            features[name] = NumericBaseline.model_validate(fields)
        else:
            features[name] = CategoricalBaseline.model_validate(counted.model_dump())
    return Baseline(
        features=features,
        window_from=profile.window_from,
        window_through=profile.window_through,
    )


def comparable(frozen: Frozen, counted: Counted) -> bool:
    """Say whether counts are of the baseline's kind and over its bins."""
    if isinstance(frozen, NumericBaseline):
        if isinstance(counted, NumericBaseline) and counted.edges != frozen.edges:
            return False
        return isinstance(counted, NumericCounts) and len(counted.counts) == len(frozen.counts)
    return isinstance(counted, CategoricalCounts)


def side_of(frozen: Frozen, counted: Counted) -> Side:
    """Align counts with the baseline's bins; a category it never kept joins the others."""
    if isinstance(counted, NumericCounts):
        return Side(
            bins=tuple(map(float, counted.counts)),
            missing=counted.missing,
            infinite=counted.infinite,
            rows=counted.rows,
            minimum=counted.minimum,
            maximum=counted.maximum,
            total=counted.total,
        )
    assert isinstance(frozen, CategoricalBaseline)  # noqa: S101 - `comparable` saw to it
    kept = [float(counted.values.get(value, 0)) for value in sorted(frozen.values)]
    return Side(
        bins=(*kept, float(counted.other + unseen(frozen, counted))),
        missing=counted.missing,
        infinite=0,
        rows=counted.rows,
    )


def coarse(frozen: Frozen, side: Side) -> tuple[float, ...]:
    """Give a side's rows by coarse bin, the missing and the infinite last."""
    return _coarse(side, _groups(frozen))


def _coarse(side: Side, groups: Sequence[int]) -> tuple[float, ...]:
    return (*_merged(side.bins, groups), side.missing, side.infinite)


def unseen(frozen: Frozen, counted: Counted) -> int:
    """Count the rows whose category is named in the window and not in the baseline."""
    if not isinstance(frozen, CategoricalBaseline) or not isinstance(counted, CategoricalCounts):
        return 0
    return sum(count for value, count in counted.values.items() if value not in frozen.values)


def _same_weekdays(name: str, frozen: Frozen, baseline: Baseline, profile: Profile) -> Side | None:
    """Blend the baseline's weekdays in the window's mixture; None where one is not known."""
    days = profile.weekdays.get(name, ())
    rows = sum(days)
    if rows == 0:
        return None
    parts: list[tuple[float, Side]] = []
    for weekday, count in enumerate(days):
        counted = baseline.by_weekday.get(weekday, {}).get(name)
        if count == 0:
            continue
        if counted is None or counted.rows == 0 or not comparable(frozen, counted):
            return None
        parts.append((count / rows, side_of(frozen, counted)))
    return _blend(parts, side_of(frozen, frozen))


def _blend(parts: Sequence[tuple[float, Side]], whole: Side) -> Side:
    """Add up sides by share. Of n rows each with weight w, sum(w)^2 / sum(w^2) are worth it."""
    rows = 1.0 / math.fsum(share * share / side.rows for share, side in parts)
    factors = [rows * share / side.rows for share, side in parts]

    def mixed(values: Sequence[float]) -> float:
        return float(sum(map(operator.mul, factors, values)))

    totals = [side.total for _, side in parts if side.total is not None]
    return Side(
        bins=tuple(mixed(values) for values in zip(*(side.bins for _, side in parts), strict=True)),
        missing=mixed([side.missing for _, side in parts]),
        infinite=mixed([side.infinite for _, side in parts]),
        rows=rows,
        minimum=whole.minimum,
        maximum=whole.maximum,
        total=mixed(totals) if len(totals) == len(parts) else None,
    )


def _compare(frozen: Frozen, before: Side, now: Side, reference: Reference) -> Comparison:
    groups = _groups(frozen)
    return Comparison(
        labels=(*_labels(frozen, groups), "missing", "infinite"),
        before=_coarse(before, groups),
        now=_coarse(now, groups),
        reference=reference,
        fine=(before, now),
    )


def _groups(frozen: Frozen) -> list[int]:
    """Give the coarse bin of each fine one, by where the middle of its rows lies."""
    if isinstance(frozen, CategoricalBaseline):
        return list(range(len(frozen.values) + 1))
    total, below, groups = sum(frozen.counts), 0, []
    for count in frozen.counts:
        middle = (below + count / 2) / total if total else 0.0
        groups.append(min(int(middle * COARSE), COARSE - 1))
        below += count
    return groups


def _merged(bins: Sequence[float], groups: Sequence[int]) -> list[float]:
    together = groupby(zip(groups, bins, strict=True), key=lambda each: each[0])
    return [math.fsum(count for _, count in members) for _, members in together]


def _labels(frozen: Frozen, groups: Sequence[int]) -> list[str]:
    if isinstance(frozen, CategoricalBaseline):
        return [*sorted(frozen.values), "others"]
    cuts = [
        edge
        for edge, here, there in zip(frozen.edges, groups, groups[1:], strict=False)
        if here != there
    ]
    if not cuts:
        return ["any"]
    between = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(cuts)]
    return [f"≤ {cuts[0]:.4g}", *between, f"> {cuts[-1]:.4g}"]
