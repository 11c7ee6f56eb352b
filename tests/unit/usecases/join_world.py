"""Rows and records as hypothesis draws them, and by brute force what each row should get."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from usecases.declaration import load_use_case
from usecases.point_in_time import Table, Tables, Window, training_set_sql

FOLDER = Path(__file__).parents[2] / "fixtures" / "usecases" / "flight_cancellation"
USE_CASE = load_use_case(FOLDER)
START = datetime.fromisoformat("2013-01-01")
END = START + timedelta(hours=3)
# The label's delay is two days: at this as_of, rows of the first two hours are due.
DUE = START + timedelta(hours=2)
AS_OF = DUE + timedelta(days=2)
WRITTEN_BY = START + timedelta(minutes=3)
MAX_AGE = timedelta(minutes=45)
TABLES = Tables(Table("curated", "spine"), {"worst_weather": Table("store", "weather-1")})
CROWDED = replace(TABLES, crowded=frozenset({"worst_weather"}))


@dataclass(frozen=True)
class Row:
    """A row of the spine; times are minutes and milliseconds after START."""

    id: str
    at: timedelta
    origin: str | None
    label: int | None


@dataclass(frozen=True)
class Record:
    """A record of the offline store; written and invoked are minutes after START."""

    origin: str
    at: timedelta
    written: int
    invoked: int
    deleted: bool
    values: tuple[float | None, float | None]


# Few keys, few half hours and their neighbours: most examples have records that share a key and a
# time, rows that meet a record's very time, and rows that just miss it. Hypothesis left to itself
# draws short lists, in which little of that happens.
TIMES = st.builds(
    lambda half_hours, milliseconds: timedelta(minutes=30 * half_hours, milliseconds=milliseconds),
    st.integers(-1, 4),
    st.sampled_from([0, 0, 0, 0, 0, 1, -1]),
)
ORIGINS = st.sampled_from(["EWR", "O'Hare\\ \u00fc\"; --"])
VALUES = st.sampled_from([None, -0.5, 1.0, 2.0, 3.25, 4.0, 5.0, 6.0])
ROWS = st.lists(
    st.builds(
        Row,
        id=st.sampled_from(["a", "b'", '\u00e7"', "d d"]),
        at=TIMES,
        origin=st.one_of(ORIGINS, ORIGINS, ORIGINS, st.none()),
        label=st.sampled_from([0, 1, 1, None]),
    ),
    min_size=6,
    max_size=12,
)
RECORDS = st.lists(
    st.builds(
        Record,
        origin=ORIGINS,
        at=TIMES,
        written=st.integers(0, 5),
        invoked=st.integers(0, 1),
        deleted=st.sampled_from([False, False, False, True]),
        values=st.tuples(VALUES, VALUES),
    ),
    min_size=12,
    max_size=24,
)


def expected(
    rows: list[Row],
    records: list[Record],
    *,
    written_by: datetime | None = None,
    max_age: timedelta | None = None,
) -> list[tuple[Any, ...]]:
    """What each row should get, in the order of ``comparable``."""
    found = []
    for row in rows:
        if row.label is None or not START <= START + row.at < min(END, DUE):
            continue
        seen = [
            record
            for record in records
            if record.origin == row.origin
            and record.at <= row.at
            and (written_by is None or START + timedelta(minutes=record.written) <= written_by)
        ]
        best = max(seen, key=_rank, default=None)
        known = best is not None and not best.deleted
        if known and max_age is not None:
            known = row.at - best.at <= max_age
        values = best.values if known else (None, None)
        found.append((row.id, START + row.at, row.label, *values))
    return comparable(found)


def comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def _rank(record: Record) -> tuple[Any, ...]:
    content = [(value is None, value or 0.0) for value in record.values]
    return (record.at, record.invoked, record.written, record.deleted, content)


def query(
    *,
    dialect: str,
    written_by: datetime | None = None,
    max_age: timedelta | None = None,
    tables: Tables = TABLES,
) -> str:
    training = USE_CASE.training_set
    joins = tuple(join.model_copy(update={"max_age": max_age}) for join in training.joins)
    use_case = USE_CASE.model_copy(
        update={"training_set": training.model_copy(update={"joins": joins})}
    )
    window = Window(START, END, AS_OF)
    return training_set_sql(use_case, tables, window, written_by=written_by, dialect=dialect)


SPINE = pa.schema(
    [
        ("flight_id", pa.string()),
        ("event_time", pa.timestamp("ms")),
        ("cancelled", pa.int32()),
        ("carrier", pa.string()),
        ("origin", pa.string()),
        ("sched_hour", pa.int64()),
        ("day_of_week", pa.int64()),
        ("distance", pa.int64()),
    ]
)
STORE = pa.schema(
    [
        ("origin", pa.string()),
        ("event_time", pa.string()),
        ("worst_wind", pa.float64()),
        ("total_precip", pa.float64()),
        ("worst_visib", pa.float64()),
        ("write_time", pa.timestamp("ms")),
        ("api_invocation_time", pa.timestamp("ms")),
        ("is_deleted", pa.bool_()),
    ]
)


def spine_table(rows: list[Row]) -> pa.Table:
    values = [(row.id, START + row.at, row.label, "UA", row.origin, 1, 1, 1) for row in rows]
    return _table(values, SPINE)


def store_table(records: list[Record]) -> pa.Table:
    values = [
        (
            record.origin,
            iso(START + record.at),
            record.values[0],
            record.values[1],
            None,
            START + timedelta(minutes=record.written),
            START + timedelta(minutes=record.invoked),
            record.deleted,
        )
        for record in records
    ]
    return _table(values, STORE)


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(each, kind) for each, kind in zip(columns, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)


def iso(moment: datetime) -> str:
    """As the Feature Store keeps event times: with milliseconds only where there are some."""
    precision = "milliseconds" if moment.microsecond else "seconds"
    return f"{moment.isoformat(timespec=precision)}Z"
