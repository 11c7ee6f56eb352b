"""What is known when: rows on the morning of their day, outcomes once they happened."""

from __future__ import annotations

import io
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.flights import RawTable, flights
from orchestration.landing_files import LandingFile, complete_partitions, files_of

AT = [
    datetime.fromisoformat(at)
    for at in ("2013-01-01T12:00", "2013-01-02T03:00", "2013-01-02T20:00")
]


@pytest.fixture
def raw() -> RawTable:
    """Two flights on the first, of which one landed after midnight, and one on the second."""
    known = pa.array(AT, pa.timestamp("ms"))
    rows = pa.table(
        {"flight_id": ["a", "b", "c"], "arr_delay": [1.0, 2.0, 3.0], "arrived_at": known}
    )
    return RawTable(rows, known, {"2013-01-01": (0, 2), "2013-01-02": (2, 1)})


def landed(raw: RawTable, until: str, outcomes: tuple[str, ...] | None) -> list[LandingFile]:
    return list(files_of(raw, datetime.fromisoformat(until), outcomes, done=frozenset()))


def rows_of(file: LandingFile) -> list[dict]:
    return pq.read_table(io.BytesIO(file.body)).to_pylist()


def test_outcomes_are_null_until_they_are_known(raw: RawTable):
    (first,) = landed(raw, "2013-01-01T18:00", ("arr_delay", "arrived_at"))
    assert [row["arr_delay"] for row in rows_of(first)] == [1.0, None]
    assert [row["arrived_at"] for row in rows_of(first)] == [AT[0], None]
    assert not first.complete
    first, second = landed(raw, "2013-01-02T18:00", ("arr_delay", "arrived_at"))
    assert [row["arr_delay"] for row in rows_of(first)] == [1.0, 2.0]
    assert (first.complete, second.complete) == (True, False)


def test_observations_appear_once_they_are_made(raw: RawTable):
    (first,) = landed(raw, "2013-01-01T18:00", None)
    assert [row["flight_id"] for row in rows_of(first)] == ["a"]
    assert landed(raw, "2013-01-01T11:00", None) == []


def test_a_complete_partition_is_never_written_again(raw: RawTable):
    (first,) = landed(raw, "2013-01-02T03:00", None)
    done = complete_partitions({"2013-01-01": first.parameters})
    until = datetime.fromisoformat("2013-01-03T00:00")
    assert [each.partition for each in files_of(raw, until, None, done=done)] == ["2013-01-02"]


def test_the_same_rows_are_the_same_bytes(raw: RawTable):
    assert landed(raw, "2013-01-03T00:00", None) == landed(raw, "2013-01-03T00:00", None)


def test_every_flight_of_the_year_has_an_id_of_its_own_and_an_outcome_later_than_its_schedule():
    rows = flights().rows
    assert rows.num_rows == 336_776
    assert pa.compute.count_distinct(rows["flight_id"]).as_py() == rows.num_rows
    assert rows["flight_id"][0].as_py() == "2013-01-01|UA|1545|EWR|515"
    assert rows["arrived_at"].null_count == 0
    assert pa.compute.all(pa.compute.greater(rows["arrived_at"], rows["scheduled_at"])).as_py()
