"""A KLL distribution as bins with frozen edges, and bins as a KLL distribution.

Model Monitor's buckets are closed below ([low, high), the last one [low, high]); ours are closed
above (decisions/baseline.py). Between two neighbouring doubles there is none, so a bound moves to
its neighbour and not one value changes its bin: x < high is x <= nextafter(high, -inf).

The analyzer writes ten buckets of equal width, in which a skewed column fills one; its sketch knows
the quantiles, so the bins are then taken from it. Buckets of any other width were chosen by
somebody, and are kept. Source of both: awslabs/deequ, analyzers/KLLSketch.scala.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from decisions.model_monitor.files import MonitorFileError
from decisions.model_monitor.shapes import CLOSE, Bucket, Kll, Sketch, SketchParameters

ANALYZER_BUCKETS = 10
QUANTILE_BINS = 128
"""Bins made of a sketch: eight rows in a thousand each, above a sketch's error of rank (0.0024)."""
POINTS_PER_BIN = 4
"""Values that stand for a bin in a sketch that is written; evenly spread."""
TOLERATED = 0.01
"""Share of the rows by which a sketch, being an estimate, may miss their number."""
_PARAMETERS = SketchParameters(c=0.64, k=2048.0)

Bins = tuple[tuple[float, ...], tuple[int, ...]]
"""Edges, strictly ascending, and one count more than edges."""


def bins_of(kll: Kll, present: int, where: str) -> Bins:
    """Give edges and counts of the values present.

    Args:
        kll: Buckets, a sketch, or both.
        present: Values that the counts must add up to.
        where: The feature and its file, for a message.

    Raises:
        MonitorFileError: There is no distribution, or it is not of so many values.
    """
    items = list(sketch_items(kll.sketch))
    if items and (not kll.buckets or _made_by_analyzer(kll.buckets)):
        edges, weights = _quantile_bins(items)
    elif kll.buckets:
        edges, weights = _bucket_bins(kll.buckets)
    else:
        raise MonitorFileError(
            f"{where}: its distribution has neither kll.buckets nor kll.sketch.data; expected at "
            "least one. Compute the baseline again with the analyzer's own container."
        )
    total = sum(weights)
    if abs(total - present) > TOLERATED * present:
        raise MonitorFileError(
            f"{where}: its distribution counts {total} values, and num_present is {present}; "
            "expected the same to one in a hundred. The file was cut or edited: write it again."
        )
    return edges, apportion(weights, present)


def kll_of(edges: Sequence[float], counts: Sequence[int], minimum: float, maximum: float) -> Kll:
    """Give the buckets that are those bins exactly, and a sketch that has their counts.

    Within a bin the sketch spreads the rows evenly, so that its cumulative distribution is exact at
    the edges and between them as good as ``POINTS_PER_BIN`` steps a bin.
    """
    bounds = [_after(edge) for edge in edges]
    low = min([minimum, *bounds[:1]])
    high = max([maximum, *bounds[-1:]])
    limits = [low, *bounds, high]
    buckets = tuple(
        Bucket(lower_bound=start, upper_bound=end, count=count)
        for (start, end), count in zip(pairwise(limits), counts, strict=True)
    )
    tops = [min(max(edge, minimum), maximum) for edge in [*edges, maximum]]
    points = list(_points(minimum, tops, counts))
    return Kll(buckets=buckets, sketch=Sketch(parameters=_PARAMETERS, data=_levels(points)))


def sketch_items(sketch: Sketch) -> Iterator[tuple[float, int]]:
    """Yield (value, how many it stands for)."""
    for level, values in enumerate(sketch.data):
        for value in values:
            yield value, 1 << level


def apportion(weights: Sequence[int], total: int) -> tuple[int, ...]:
    """Scale whole numbers so that they add up to ``total`` (largest remainders)."""
    had = sum(weights)
    if had in (0, total):
        return tuple(weights) if had == total else (total, *(0 for _ in weights[1:]))
    shares = [weight * total / had for weight in weights]
    found = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda at: (found[at] - shares[at], at))
    for at in by_remainder[: total - sum(found)]:
        found[at] += 1
    return tuple(found)


def _made_by_analyzer(buckets: Sequence[Bucket]) -> bool:
    widths = [bucket.upper_bound - bucket.lower_bound for bucket in buckets]
    size = max(abs(buckets[0].lower_bound), abs(buckets[-1].upper_bound), *widths)
    return len(buckets) == ANALYZER_BUCKETS and max(widths) - min(widths) <= CLOSE * size


def _bucket_bins(buckets: Sequence[Bucket]) -> Bins:
    """Take the inner bounds as edges; two buckets that end at one value become one."""
    if buckets[0].lower_bound == buckets[-1].upper_bound:
        return _constant(buckets[0].lower_bound, sum(bucket.count for bucket in buckets))
    inner = [bucket.upper_bound for bucket in buckets[:-1]]
    edges: list[float] = []
    counts: list[int] = [buckets[0].count]
    for bound, bucket in zip(inner, buckets[1:], strict=True):
        edge = _before(bound)
        if edges and edge <= edges[-1]:
            counts[-1] += bucket.count
            continue
        edges.append(edge)
        counts.append(bucket.count)
    return tuple(edges), tuple(counts)


def _quantile_bins(items: list[tuple[float, int]]) -> Bins:
    weights: dict[float, int] = {}
    for value, weight in items:
        weights[value] = weights.get(value, 0) + weight
    values = sorted(weights)
    if len(values) == 1:
        return _constant(values[0], weights[values[0]])
    total, below = sum(weights.values()), 0
    edges: list[float] = []
    counts = [0]
    for value in values:
        below += weights[value]
        counts[-1] += weights[value]
        if below * QUANTILE_BINS >= (len(edges) + 1) * total and value != values[-1]:
            edges.append(value)
            counts.append(0)
    return tuple(edges), tuple(counts)


def _constant(value: float, count: int) -> Bins:
    """As in usecases/profile_sql.py: a shift to either side of a constant leaves its bin."""
    return (_before(value), value), (0, count, 0)


def _points(
    minimum: float, tops: list[float], counts: Sequence[int]
) -> Iterator[tuple[float, int]]:
    bottom = minimum
    for top, count in zip(tops, counts, strict=True):
        for part, share in enumerate(apportion([1] * POINTS_PER_BIN, count), 1):
            # Weighted, not bottom + width * part: the width of a wide bin may overflow.
            at = part / POINTS_PER_BIN
            yield (top if part == POINTS_PER_BIN else bottom * (1 - at) + top * at), share
        bottom = top


def _levels(points: list[tuple[float, int]]) -> tuple[tuple[float, ...], ...]:
    """Write each weight in binary: a value stands at level i where its weight has the bit 2^i."""
    deepest = max((weight.bit_length() for _, weight in points), default=0)
    return tuple(
        tuple(value for value, weight in points if weight >> level & 1) for level in range(deepest)
    )


def _before(number: float) -> float:
    return math.nextafter(number, -math.inf)


def _after(number: float) -> float:
    return math.nextafter(number, math.inf)
