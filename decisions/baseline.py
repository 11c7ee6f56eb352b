"""Counts of a window of data: the frozen baseline, and the profile compared with it.

Shapes and merging only. How far two of them are apart belongs to decisions/drift; the SQL that
counts belongs to usecases/profile_sql.

A boolean is counted as a categorical column of "true" and "false"; a timestamp as the numeric
seconds since 1970-01-01 UTC; a text's length as a numeric number of characters.

Numeric bins are half-open from below: bin 0 is x <= edges[0], bin i is edges[i-1] < x <= edges[i],
and the last is x > edges[-1]. Edges are frozen with the baseline, so counts of two windows add up.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from decisions.model import Fact, Finite, digest_of

Count = Annotated[int, Field(ge=0)]


class NumericCounts(Fact):
    """How many rows fell into each bin of a numeric column.

    Attributes:
        counts: Finite values by bin.
        missing: Nulls and NaN.
        infinite: Infinities of either sign; in no bin.
        rows: All rows.
        minimum: Of the finite values; None where there are none or nobody asked.
        maximum: Of the finite values.
        total: Sum of the finite values.
        squares: Sum of their squares.
    """

    kind: Literal["numeric"] = "numeric"
    counts: tuple[Count, ...]
    missing: Count
    infinite: Count = 0
    rows: Count
    minimum: Finite = None
    maximum: Finite = None
    total: Finite = None
    squares: Finite = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if (counted := sum(self.counts) + self.missing + self.infinite) != self.rows:
            raise ValueError(f"counts + missing + infinite = {counted} != rows {self.rows}")
        return self


class NumericBaseline(NumericCounts):
    """Numeric counts with the edges they were counted against, strictly ascending."""

    edges: tuple[float, ...]

    def emptied(self) -> NumericCounts:
        """Give the counts of no rows over the same bins."""
        return NumericCounts(counts=(0,) * len(self.counts), missing=0, rows=0)

    @model_validator(mode="after")
    def _edges_fit(self) -> Self:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} bins")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError(f"edges must ascend strictly, not {self.edges}")
        return self


class CategoricalCounts(Fact):
    """How many rows had each of the values kept; `other` counts the values that are not kept."""

    kind: Literal["categorical"] = "categorical"
    values: dict[str, Count]
    other: Count
    missing: Count
    rows: Count

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        counted = sum(self.values.values()) + self.other + self.missing
        if counted != self.rows:
            raise ValueError(f"values + other + missing = {counted} != rows {self.rows}")
        return self


class CategoricalBaseline(CategoricalCounts):
    """Categorical counts whose values are the frozen ones (the most frequent of the baseline)."""

    def emptied(self) -> CategoricalCounts:
        """Give the counts of no rows over the same values."""
        return CategoricalCounts(values=dict.fromkeys(self.values, 0), other=0, missing=0, rows=0)


Counts = Annotated[NumericCounts | CategoricalCounts, Field(discriminator="kind")]
Weekdays = Annotated[tuple[Count, ...], Field(min_length=7, max_length=7)]
"""Rows by day of the week, Monday first."""


class Profile(Fact):
    """Counts of a window, column by column, against some baseline's bins.

    Attributes:
        features: Counts by "<table>.<column>".
        weekdays: Rows of each column by day of the week; empty where nobody asked.
    """

    features: dict[str, Counts]
    window_from: datetime
    window_through: datetime
    weekdays: dict[str, Weekdays] = Field(default_factory=dict)

    def merge(self, other: "Profile") -> "Profile":
        """Add the counts of another window over the same bins; the order does not matter.

        Raises:
            ValueError: If a column has another kind or another number of bins there.
        """
        names = sorted({*self.features, *other.features})
        return Profile(
            features={
                name: _merge(name, self.features.get(name), other.features.get(name))
                for name in names
            },
            window_from=min(self.window_from, other.window_from),
            window_through=max(self.window_through, other.window_through),
            weekdays={
                name: tuple(
                    a + b
                    for a, b in zip(
                        self.weekdays.get(name, _NO_DAYS),
                        other.weekdays.get(name, _NO_DAYS),
                        strict=True,
                    )
                )
                for name in sorted({*self.weekdays, *other.weekdays})
            },
        )


_NO_DAYS = (0,) * 7


class Baseline(Fact):
    """What the champion was trained on, counted once and frozen with it.

    Attributes:
        features: Counts by "<table>.<column>", with their frozen bins.
        by_weekday: The same rows against the same bins, by day of the week (0 is Monday): what a
            window is compared with when its weekdays are another mixture than the baseline's.
        design_effects: How many rows of a column are worth one independent row, as measured
            between the baseline's days (decisions/dependence.py); none where they were too few.
    """

    features: dict[
        str, Annotated[NumericBaseline | CategoricalBaseline, Field(discriminator="kind")]
    ]
    window_from: datetime
    window_through: datetime
    by_weekday: dict[int, dict[str, Counts]] = Field(default_factory=dict)
    design_effects: dict[str, Annotated[float, Field(ge=1.0)]] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Give the sha256 of the canonical JSON: the baseline's name."""
        return digest_of(self.model_dump(mode="json"))


def _merge(
    name: str,
    one: NumericCounts | CategoricalCounts | None,
    two: NumericCounts | CategoricalCounts | None,
) -> NumericCounts | CategoricalCounts:
    if one is None or two is None:
        present = one or two
        assert present is not None  # noqa: S101 - a name comes from one of the two
        return present
    if isinstance(one, NumericCounts) and isinstance(two, NumericCounts):
        return _merge_numeric(name, one, two)
    if isinstance(one, CategoricalCounts) and isinstance(two, CategoricalCounts):
        return CategoricalCounts(
            values=_add(one.values, two.values),
            other=one.other + two.other,
            missing=one.missing + two.missing,
            rows=one.rows + two.rows,
        )
    raise ValueError(f"column {name} is {one.kind} in one window and {two.kind} in the other")


def _merge_numeric(name: str, one: NumericCounts, two: NumericCounts) -> NumericCounts:
    if len(one.counts) != len(two.counts):
        raise ValueError(f"column {name} has {len(one.counts)} and {len(two.counts)} bins")
    return NumericCounts(
        counts=tuple(a + b for a, b in zip(one.counts, two.counts, strict=True)),
        missing=one.missing + two.missing,
        infinite=one.infinite + two.infinite,
        rows=one.rows + two.rows,
        minimum=min(_known(one.minimum, two.minimum), default=None),
        maximum=max(_known(one.maximum, two.maximum), default=None),
        total=_sum(one.total, two.total),
        squares=_sum(one.squares, two.squares),
    )


def _known(*numbers: float | None) -> list[float]:
    return [number for number in numbers if number is not None]


def _sum(*numbers: float | None) -> float | None:
    known = _known(*numbers)
    return math.fsum(known) if known else None


def _add(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    return {value: one.get(value, 0) + two.get(value, 0) for value in sorted({*one, *two})}
