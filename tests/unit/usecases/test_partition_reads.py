"""Which partitions a day of a dataset is made from, read from its SQL, and what cannot be read."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usecases.partition_reads import Reach, reaches
from usecases.sql import SqlError

KEYS = {"flights": "dt", "weather": "dt", "planes": None}
SELECT = "SELECT a FROM db.flights WHERE {} AND other = 1"


def reach(condition: str) -> Reach | None:
    return reaches(SELECT.format(condition), KEYS)["flights"]


@pytest.mark.parametrize(
    ("condition", "first", "last"),
    [
        (("dt BETWEEN date_format(:window_start, '%Y-%m-%d') "
         "AND date_format(date_add('second', -1, :window_end), '%Y-%m-%d')"), 0, 0),
        (("dt >= date_format(date_add('day', -3, :window_start), '%Y-%m-%d') "
         "AND dt < date_format(:window_end, '%Y-%m-%d')"), -3, 0),
        (("date_format(:window_start, '%Y-%m-%d') <= dt "
         "AND date_format(:window_end, '%Y-%m-%d') >= dt"), 0, 1),
        (("dt > CAST(CAST(:window_start - INTERVAL '2' DAY AS date) AS varchar) "
         "AND dt <= CAST(CAST(:window_start AS date) AS varchar)"), -1, 0),
        ("dt = date_format(date_add('week', -1, :window_start), '%Y-%m-%d')", -7, -7),
        (("(dt >= CAST(date(:window_start) AS varchar) "
         "AND (dt <= CAST(date_trunc('day', :window_end) AS varchar)))"), 0, 1),
    ],
)  # fmt: skip
def test_a_filter_on_the_partition_key_is_the_reach(condition: str, first: int, last: int) -> None:
    assert reach(condition) == Reach(first, last)


@pytest.mark.parametrize(
    "condition",
    [
        "carrier = 'UA'",
        "dt >= date_format(:window_start, '%Y-%m-%d')",  # no upper bound
        "(dt = date_format(:window_start, '%Y-%m-%d') OR carrier = 'UA')",
    ],
)
def test_a_table_that_is_not_filtered_is_read_whole(condition: str) -> None:
    assert reach(condition) is None


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("dt = date_format(:window_start, '%Y-%m')", "a partition key"),
        ("dt = concat('2013', '-01-01')", "cannot be worked out"),
        ("dt BETWEEN '2013-01-01' AND date_format(:window_end, '%Y-%m-%d')", "days away"),
        (("dt BETWEEN date_format(:window_end, '%Y-%m-%d') "
         "AND date_format(:window_start, '%Y-%m-%d')"), "lets no partition through"),
        ("dt = date_format(date_add('month', -1, :window_start), '%Y-%m-%d')", "fixed units"),
    ],
)  # fmt: skip
def test_a_bound_that_is_no_fixed_distance_is_told(condition: str, told: str) -> None:
    with pytest.raises(SqlError, match=told):
        reach(condition)


def test_two_reads_of_a_table_reach_as_far_as_both() -> None:
    text = (
        "WITH a AS (SELECT x FROM db.flights "
        "WHERE dt = date_format(date_add('day', -5, :window_start), '%Y-%m-%d')) "
        "SELECT f.x FROM db.flights AS f JOIN a ON a.x = f.x JOIN db.planes ON true "
        "WHERE f.dt = date_format(:window_start, '%Y-%m-%d')"
    )
    assert reaches(text, KEYS) == {"flights": Reach(-5, 0), "planes": None}


def test_a_column_of_another_table_is_no_partition_key_of_this_one() -> None:
    text = (
        "SELECT f.x FROM db.flights AS f JOIN db.weather AS w ON w.x = f.x "
        "WHERE w.dt = date_format(:window_start, '%Y-%m-%d')"
    )
    assert reaches(text, KEYS) == {"flights": None, "weather": Reach(0, 0)}


@given(
    lower=st.integers(-400, 400),
    length=st.integers(0, 40),
    day=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
)
def test_a_reach_is_what_the_filter_lets_through(lower: int, length: int, day: date) -> None:
    condition = (
        f"dt BETWEEN date_format(date_add('day', {lower}, :window_start), '%Y-%m-%d') "
        f"AND date_format(date_add('day', {lower + length}, :window_start), '%Y-%m-%d')"
    )
    found = reach(condition)
    assert found is not None
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - data time is naive UTC
    expected = [(start + timedelta(days=lower + n)).date() for n in range(length + 1)]
    assert list(found.days(day)) == expected
