"""A baseline out of an existing monitor's statistics.json and constraints.json.

A column that the file cannot speak of is left out and named with the reason; what is compared
without it belongs to decisions/drift. Model Monitor keeps no window, so the caller says which.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from decisions.baseline import Baseline, CategoricalBaseline, NumericBaseline
from decisions.model import Fact
from decisions.model_monitor.files import MonitorFileError
from decisions.model_monitor.kll import bins_of
from decisions.model_monitor.shapes import (
    Constraints,
    FeatureStatistics,
    NumericalStatistics,
    Statistics,
    StringStatistics,
)

KEPT_VALUES = 1000
"""Values of one column that a baseline keeps; rarer ones are counted together."""

Kind = Literal["numeric", "categorical", "boolean", "timestamp", "text_length"]
Feature = NumericBaseline | CategoricalBaseline


class Source(Fact):
    """A pair of files and what they are called in a message.

    Attributes:
        table: The one raw table they describe; None where their names say, or only one fits.
    """

    statistics: Statistics
    constraints: Constraints | None = None
    where: str
    table: str | None = None


class Imported(Fact):
    """A baseline, and what did not make it into it.

    Attributes:
        left_out: Watched columns without a baseline, and why.
        unwatched: Features of the files that nobody watches.
    """

    baseline: Baseline
    left_out: dict[str, str]
    unwatched: tuple[str, ...]


class _LeftOutError(Exception):
    """A column that the file cannot speak of."""


def import_baseline(
    sources: Sequence[Source],
    watched: Mapping[str, Kind],
    window_from: datetime,
    window_through: datetime,
) -> Imported:
    """Make a baseline of Model Monitor's files.

    A column "<table>.<column>" is looked up by that name, then by the column's alone.

    Args:
        sources: The files; with several, each of a table of its own.
        watched: Kinds by "<table>.<column>".
        window_from: First moment of the data they were computed on.
        window_through: Its end; not in it.

    Raises:
        MonitorFileError: Not one watched column is in them, or one of them contradicts itself.
    """
    features: dict[str, Feature] = {}
    left_out: dict[str, str] = {}
    used: set[tuple[str, str]] = set()
    for name, kind in sorted(watched.items()):
        try:
            source, found = _look_up(name, sources, watched)
            used.add((source.where, found.name))
            features[name] = _feature(found, kind, source)
        except _LeftOutError as error:
            left_out[name] = str(error)
    if not features:
        raise MonitorFileError(_nothing(sources, left_out))
    return Imported(
        baseline=Baseline(
            features=features, window_from=window_from, window_through=window_through
        ),
        left_out=left_out,
        unwatched=tuple(
            feature.name
            for source in sources
            for feature in source.statistics.features
            if (source.where, feature.name) not in used
        ),
    )


def _look_up(
    name: str, sources: Sequence[Source], watched: Mapping[str, Kind]
) -> tuple[Source, FeatureStatistics]:
    table, _, column = name.partition(".")
    chosen = [source for source in sources if source.table in (None, table)]
    for wanted in (name, column):
        found = [
            (source, feature)
            for source in chosen
            for feature in source.statistics.features
            if feature.name == wanted
        ]
        if len(found) > 1:
            raise _LeftOutError(f"{wanted!r} is in {len(found)} of the files; name their tables")
        if found and wanted == column and found[0][0].table is None:
            _refuse_shared(column, watched)
        if found:
            return found[0]
    raise _LeftOutError("the files do not have it")


def _refuse_shared(column: str, watched: Mapping[str, Kind]) -> None:
    owners = sorted(name for name in watched if name.partition(".")[2] == column)
    if len(owners) > 1:
        raise _LeftOutError(f"{column!r} may be any of {', '.join(owners)}; name the file's table")


def _feature(found: FeatureStatistics, kind: Kind, source: Source) -> Feature:
    where = f"{source.where}: feature {found.name!r}"
    if kind == "text_length":
        raise _LeftOutError("Model Monitor does not measure the length of a text")
    if kind in {"numeric", "timestamp"}:
        if found.numerical_statistics is None:
            raise _LeftOutError(f"it is watched as {kind}, and {found.inferred_type} in the file")
        return _numeric(found.numerical_statistics, where)
    if found.string_statistics is None:
        raise _LeftOutError(f"it is watched as {kind}, and {found.inferred_type} in the file")
    domain = _domain(found.name, source.constraints)
    return _categorical(found.string_statistics, domain, where, lower=kind == "boolean")


def _numeric(statistics: NumericalStatistics, where: str) -> NumericBaseline:
    present = statistics.common.num_present
    if present == 0:
        raise _LeftOutError("every value of it is missing in the file")
    if statistics.distribution is None:
        raise _LeftOutError("the file has no distribution of it")
    low, high = statistics.min, statistics.max
    if low is not None and high is not None and low > high:
        raise MonitorFileError(f"{where}: its min {low} is above its max {high}; write it again.")
    edges, counts = bins_of(statistics.distribution.kll, present, where)
    return NumericBaseline(
        edges=edges,
        counts=counts,
        missing=statistics.common.num_missing,
        rows=present + statistics.common.num_missing,
        minimum=low,
        maximum=high,
        total=statistics.sum,
        squares=_squares(statistics, present),
    )


def _squares(statistics: NumericalStatistics, present: int) -> float | None:
    """Give the sum of squares: n (std_dev^2 + mean^2), std_dev being the population's."""
    if statistics.std_dev is None or statistics.mean is None:
        return None
    squares = present * (statistics.std_dev**2 + statistics.mean**2)
    return squares if math.isfinite(squares) else None


def _categorical(
    statistics: StringStatistics, domain: Sequence[str], where: str, *, lower: bool
) -> CategoricalBaseline:
    common = statistics.common
    if statistics.distribution is None:
        raise _LeftOutError("the file has no distribution of it: too many distinct values")
    counted: dict[str, int] = dict.fromkeys(_spelt(domain, lower=lower), 0)
    for bucket in statistics.distribution.categorical.buckets:
        value = bucket.value.lower() if lower else bucket.value
        counted[value] = counted.get(value, 0) + bucket.count
    total = sum(counted.values())
    if total > common.num_present:
        raise MonitorFileError(
            f"{where}: its values are counted {total} times, and num_present is "
            f"{common.num_present}; expected no more. The file was edited: write it again."
        )
    kept = sorted(counted, key=lambda value: (-counted[value], value))[:KEPT_VALUES]
    return CategoricalBaseline(
        values={value: counted[value] for value in sorted(kept)},
        other=common.num_present - sum(counted[value] for value in kept),
        missing=common.num_missing,
        rows=common.num_present + common.num_missing,
    )


def _domain(name: str, constraints: Constraints | None) -> Sequence[str]:
    """Give the values that are allowed, seen or not: those not seen count 0, and are known."""
    for feature in constraints.features if constraints else ():
        if feature.name == name and feature.string_constraints is not None:
            return feature.string_constraints.domains
    return ()


def _spelt(values: Sequence[str], *, lower: bool) -> list[str]:
    return [value.lower() if lower else value for value in values]


def _nothing(sources: Sequence[Source], left_out: Mapping[str, str]) -> str:
    files = ", ".join(source.where for source in sources)
    has = sorted({feature.name for each in sources for feature in each.statistics.features})
    reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:5])
    return (
        f"{files}: not one watched column can be taken ({reasons}). The files have "
        f"{', '.join(has[:10]) or 'no feature'}; expected names such as "
        f"{next(iter(left_out), '<table>.<column>')!r} or the column's alone. Name the columns so, "
        "or watch those in monitors.drift.tables."
    )
