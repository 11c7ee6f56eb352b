"""Statistics of the samples within one period. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(100(\.0+)?|\d{1,2}(\.\d{1,10})?)")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one datum of PutMetricData says.

    Attributes:
        count: How many measurements it stands for.
        values: Measurements with their counts; None if it came as a set of statistics.
    """

    count: float
    total: float
    minimum: float
    maximum: float
    values: tuple[tuple[float, float], ...] | None = None


def is_statistic(name: str) -> bool:
    """Whether ``compute`` knows this statistic: the five simple ones and percentiles."""
    return name in SIMPLE or _PERCENTILE.fullmatch(name) is not None


def compute(name: str, samples: Sequence[Sample]) -> float | None:
    """Return a statistic of at least one sample; None if it is not available for them."""
    if name not in SIMPLE:
        return _percentile(float(name[1:]), samples)
    count = sum(sample.count for sample in samples)
    if name == "SampleCount":
        return count
    if name == "Minimum":
        return min(sample.minimum for sample in samples)
    if name == "Maximum":
        return max(sample.maximum for sample in samples)
    total = sum(sample.total for sample in samples)
    if name == "Sum":
        return total
    return total / count if count else None


def _percentile(percent: float, samples: Iterable[Sample]) -> float | None:
    weighted: list[tuple[float, float]] = []
    for sample in samples:
        if sample.values is not None:
            weighted.extend(sample.values)
        elif sample.count == 1 or sample.minimum == sample.maximum:
            weighted.append((sample.minimum, sample.count))
        else:
            return None  # "percentile statistics are not available" for such sets, says the guide
    weighted.sort()
    wanted = percent / 100 * sum(count for _, count in weighted)
    reached = 0.0
    for value, count in weighted:
        reached += count
        # Half a millionth forgives what binary fractions do to 0.9 * 10.
        if reached >= wanted - 5e-7:
            return value
    return weighted[-1][0] if weighted else None
