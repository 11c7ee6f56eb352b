"""Flights land as time passes: nothing is known too early, nothing lands twice."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orchestration.upstream import LandingReport, land
from resources.errors import Terminal
from resources.names import RAW_DATABASE

if TYPE_CHECKING:
    from resources.platform import Platform

FIRST = datetime.fromisoformat("2013-01-03T18:00")
LATER = datetime.fromisoformat("2013-01-05T06:00")


def landing(platform: Platform, until: datetime) -> LandingReport:
    return land(platform.accounts, platform.names, until)


def ask(platform: Platform, sql: str) -> dict:
    # Each question is asked anew: the tables have changed since.
    (row,) = platform.athena.select(
        sql, database=RAW_DATABASE, intent=sql, salt=str(time.monotonic_ns())
    )
    return row


def facts(platform: Platform) -> dict:
    sql = (
        "SELECT count(*) AS n, count(DISTINCT flight_id) AS ids, count(arrived_at) AS known, "
        "count_if(arrived_at IS NULL AND coalesce(dep_time, dep_delay, arr_time, arr_delay, "
        "air_time) IS NOT NULL) AS leaked, max(arrived_at) AS latest, "
        "max(scheduled_at) AS scheduled, count(DISTINCT dt) AS days FROM flights"
    )
    return ask(platform, sql)


def test_landing_moves_forward_only_and_restates_what_was_open(platform: Platform):
    # One test in four acts, for each needs what the one before it landed.
    first = landing(platform, FIRST)
    assert [(each.table, each.added, each.restated) for each in first.tables] == [
        ("flights", 3, 0),
        ("weather", 3, 0),
        ("planes", 1, 0),
    ]
    seen = facts(platform)
    assert (seen["days"], seen["ids"], seen["leaked"]) == (3, seen["n"], 0)
    assert seen["n"] == 842 + 943 + 914
    assert 0 < seen["known"] < seen["n"]
    assert seen["latest"] <= FIRST < seen["scheduled"]
    observed = ask(platform, "SELECT max(observed_at) AS latest FROM weather")
    assert observed["latest"] == FIRST

    for earlier in (FIRST, FIRST - timedelta(days=1)):
        again = landing(platform, earlier)
        assert not again.changed
        assert {each.landed_through for each in again.tables} == {FIRST}

    before = {
        each.values[0]: each.parameters["perennial.sha256"]
        for each in platform.catalogue.partitions(RAW_DATABASE, "flights")
    }
    second = landing(platform, LATER)
    flights = second.tables[0]
    # The third had open flights, the second as well until its last arrivals; the first is closed.
    assert flights.added == 2
    assert flights.restated >= 1
    after = {
        each.values[0]: each.parameters["perennial.sha256"]
        for each in platform.catalogue.partitions(RAW_DATABASE, "flights")
    }
    assert after["2013-01-01"] == before["2013-01-01"]
    assert after["2013-01-03"] != before["2013-01-03"]
    seen = facts(platform)
    assert (seen["days"], seen["ids"], seen["leaked"]) == (5, seen["n"], 0)
    assert seen["latest"] <= LATER
    third = ask(
        platform, "SELECT count(*) - count(arrived_at) AS open FROM flights WHERE dt = '2013-01-03'"
    )
    assert third["open"] == 0
    assert platform.catalogue.landed_through(RAW_DATABASE, "flights") == LATER


def test_a_digest_in_the_catalogue_is_that_of_the_file(platform: Platform):
    landing(platform, FIRST)
    partition = platform.catalogue.partitions(RAW_DATABASE, "weather")[0]
    key = f"raw/weather/dt={partition.values[0]}/part-0.parquet"
    assert platform.lake.sha256(key) == partition.parameters["perennial.sha256"]


def test_a_time_zone_is_refused(platform: Platform):
    with pytest.raises(Terminal, match="naive UTC"):
        landing(platform, datetime.fromisoformat("2013-01-03T18:00+01:00"))
