"""The training-set SQL against a brute force: ties, rewrites, deletions, late writes, null keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from usecases.declaration import load_use_case
from usecases.point_in_time import Table, Tables, Window, training_set_sql

FOLDER = Path(__file__).parents[2] / "fixtures" / "usecases" / "flight_cancellation"
USE_CASE = load_use_case(FOLDER)
START = datetime.fromisoformat("2013-01-01")
END = START + timedelta(hours=8)
# The label's delay is two days: at this as_of, rows before hour 6 are due.
AS_OF = START + timedelta(days=2, hours=6)
WRITTEN_BY = START + timedelta(minutes=3)


@dataclass(frozen=True)
class Row:
    hour: int
    origin: str | None
    label: int | None


@dataclass(frozen=True)
class Record:
    origin: str
    hour: int
    written: int
    deleted: bool
    value: float | None


ORIGINS = st.sampled_from(["EWR", "JFK"])
ROWS = st.lists(
    st.builds(
        Row,
        hour=st.integers(-1, 8),
        origin=st.one_of(st.none(), ORIGINS),
        label=st.sampled_from([0, 1, None]),
    ),
    max_size=12,
)
RECORDS = st.lists(
    st.builds(
        Record,
        origin=ORIGINS,
        hour=st.integers(-2, 8),
        written=st.integers(0, 5),
        deleted=st.booleans(),
        value=st.one_of(st.none(), st.floats(0, 9, width=16)),
    ),
    max_size=14,
    # Two writes of one record in one instant have no right answer.
    unique_by=lambda record: (record.origin, record.hour, record.written),
)


def expected(rows: list[Row], records: list[Record], *, by: int) -> list[tuple[object, ...]]:
    found = []
    for number, row in enumerate(rows):
        if row.label is None or not 0 <= row.hour < 6:
            continue
        seen = [
            record
            for record in records
            if record.origin == row.origin and record.hour <= row.hour and record.written <= by
        ]
        best = max(seen, key=lambda record: (record.hour, record.written), default=None)
        value = None if best is None or best.deleted else best.value
        found.append((f"f{number}", row.label, value))
    return sorted(found)


def actual(
    rows: list[Row], records: list[Record], written_by: datetime | None
) -> list[tuple[object, ...]]:
    query = training_set_sql(
        USE_CASE,
        Tables(Table("curated", "spine"), {"worst_weather": Table("store", "weather-1")}),
        Window(START, END, AS_OF),
        written_by=written_by,
        dialect="duckdb",
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        connection.execute("CREATE SCHEMA curated; CREATE SCHEMA store")
        connection.execute(
            "CREATE TABLE curated.spine (flight_id VARCHAR, event_time TIMESTAMP, cancelled INT,"
            " carrier VARCHAR, origin VARCHAR, sched_hour BIGINT, day_of_week BIGINT,"
            " distance BIGINT)"
        )
        connection.execute(
            'CREATE TABLE store."weather-1" (origin VARCHAR, event_time VARCHAR,'
            " worst_wind DOUBLE, total_precip DOUBLE, worst_visib DOUBLE, write_time TIMESTAMP,"
            " api_invocation_time TIMESTAMP, is_deleted BOOLEAN)"
        )
        for number, row in enumerate(rows):
            moment = START + timedelta(hours=row.hour)
            values = [f"f{number}", moment, row.label, "UA", row.origin, 1, 1, 1]
            connection.execute("INSERT INTO curated.spine VALUES (?,?,?,?,?,?,?,?)", values)
        for record in records:
            moment = f"{START + timedelta(hours=record.hour):%Y-%m-%dT%H:%M:%SZ}"
            written = START + timedelta(minutes=record.written)
            values = [record.origin, moment, record.value, None, None, written, written]
            connection.execute(
                'INSERT INTO store."weather-1" VALUES (?,?,?,?,?,?,?,?)', [*values, record.deleted]
            )
        result = connection.execute(query)
        assert [column[0] for column in result.description] == [
            "flight_id", "event_time", "cancelled", "carrier", "origin", "sched_hour",
            "day_of_week", "distance", "worst_wind", "total_precip", "worst_visib",
        ]  # fmt: skip
        return sorted((row[0], row[2], row[8]) for row in result.fetchall())


@settings(max_examples=60, deadline=None)
@given(ROWS, RECORDS)
def test_each_row_has_what_was_known_at_its_time(rows: list[Row], records: list[Record]) -> None:
    assert actual(rows, records, None) == expected(rows, records, by=5)


@settings(max_examples=30, deadline=None)
@given(ROWS, RECORDS)
def test_records_written_later_are_left_out(rows: list[Row], records: list[Record]) -> None:
    assert actual(rows, records, WRITTEN_BY) == expected(rows, records, by=3)
