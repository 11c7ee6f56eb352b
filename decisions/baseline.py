"""Counts of a window of data: the frozen baseline, and the profile compared with it.

Shapes and merging only. How far two of them are apart belongs to decisions/drift; the SQL that
counts belongs to usecases/profile_sql.

Numeric bins are half-open from below: bin 0 is x <= edges[0], bin i is edges[i-1] < x <= edges[i],
and the last is x > edges[-1]. Edges are frozen with the baseline, so counts of two windows add up.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from decisions.model import Fact, digest_of

Count = Annotated[int, Field(ge=0)]


class NumericCounts(Fact):
    """How many rows fell into each bin of a numeric column."""

    kind: Literal["numeric"] = "numeric"
    counts: tuple[Count, ...]
    missing: Count
    rows: Count

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum(self.counts) + self.missing != self.rows:
            raise ValueError(
                f"counts {sum(self.counts)} + missing {self.missing} != rows {self.rows}"
            )
        return self


class NumericBaseline(NumericCounts):
    """Numeric counts with the edges they were counted against, strictly ascending."""

    edges: tuple[float, ...]

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


class Profile(Fact):
    """Counts of a window, column by column, against some baseline's bins."""

    features: dict[str, Annotated[NumericCounts | CategoricalCounts, Field(discriminator="kind")]]
    window_from: datetime
    window_through: datetime

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
        )


class Baseline(Fact):
    """What the champion was trained on, counted once and frozen with it."""

    features: dict[
        str, Annotated[NumericBaseline | CategoricalBaseline, Field(discriminator="kind")]
    ]
    window_from: datetime
    window_through: datetime

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
        rows=one.rows + two.rows,
    )


def _add(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    return {value: one.get(value, 0) + two.get(value, 0) for value in sorted({*one, *two})}
