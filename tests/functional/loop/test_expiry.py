"""What is superseded goes once it has waited; what is pointed at stays, and so do strangers."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from assets.contracts import judge_partitions
from assets.dataset_days import days_of
from assets.expiry import expire
from assets.iceberg_publish import maintain
from decisions.contracts import QuarantineRecord
from orchestration import cli_data, cli_shared
from orchestration.cli import app
from resources.clock import utc_now
from tests.functional.loop.test_bad_input import reading
from tests.functional.loop.test_iceberg_datasets import CHILD, KILLED, warmer
from tests.functional.loop.test_partitions import DAYS, Upstream
from usecases import sample_keys

if TYPE_CHECKING:
    from assets.expiry import Expired
    from tests.functional.loop.loop_world import Loop
    from usecases.declaration import UseCase

NAME = "expiring"
DATABASE = f"perennial_{NAME}"
WEATHER = [NAME, "datasets", "weather_hourly"]
PLANES = [NAME, "datasets", "planes"]
TABLE = "weather_expiring"
FOLDER = f"datasets/{NAME}/weather_hourly/"
LATER = timedelta(days=8)


@pytest.fixture(scope="module")
def upstream(loop: Loop) -> Upstream:
    return Upstream(loop, TABLE)


def declared(loop: Loop, kind: str) -> UseCase:
    made = reading("weather", TABLE, "weather_hourly.sql")
    plain = made["reshape"]

    def reshape(document: dict[str, Any]) -> None:
        plain(document)
        for dataset in document["datasets"]:
            dataset["table_format"] = kind

    return loop.declare(f"expiring_{kind}", name=NAME, **{**made, "reshape": reshape})


@pytest.fixture(scope="module")
def parquet(loop: Loop, upstream: Upstream) -> UseCase:
    """Weather of which one day was made twice, and planes."""
    made = declared(loop, "parquet")
    loop.bootstrap(made)
    bring_up(loop, made)
    upstream.restate("2013-01-10", warmer(2.0), "second")
    bring_up(loop, made)
    return made


def bring_up(loop: Loop, use_case: UseCase) -> None:
    outcome = loop.only(use_case, WEATHER, PLANES)
    assert outcome.succeeded, outcome.told


def at(loop: Loop, use_case: UseCase, later: timedelta, *, dry_run: bool = False) -> Expired:
    return expire(loop.platform, use_case, now=utc_now() + later, dry_run=dry_run)


def keys(loop: Loop) -> set[str]:
    return {each.key for each in loop.platform.lake.list(f"datasets/{NAME}/")}


def rows(loop: Loop) -> dict[str, int]:
    salt = str(datetime.now())  # noqa: DTZ005 - no two questions are the same
    sql = "SELECT dt, count(*) AS n, sum(temp) AS t FROM weather_hourly GROUP BY dt"
    found = loop.platform.athena.select(sql, database=DATABASE, intent="rows", salt=salt)
    return {row["dt"]: (row["n"], row["t"]) for row in found}


def fates(done: Expired) -> dict[str, str]:
    return {each.what: each.fate for each in done.plan.locations}


def test_a_location_goes_once_no_partition_has_pointed_at_it_for_long_enough(
    loop: Loop, upstream: Upstream, parquet: UseCase
) -> None:
    before = keys(loop)
    assert set(fates(at(loop, parquet, LATER))) <= {
        f"{'/'.join(k.split('/')[:4])}/" for k in before
    }
    assert keys(loop) == before  # a first look only marks, however late it comes
    upstream.restate("2013-01-05", warmer(1.0), "third")
    bring_up(loop, parquet)
    # The first batch still holds the other days; that of 10 and 11 January does, too.
    assert "expired" not in fates(at(loop, parquet, 2 * LATER)).values()
    upstream.restate("2013-01-10", warmer(3.0), "fourth")
    bring_up(loop, parquet)
    counted, everything = rows(loop), keys(loop)
    first = at(loop, parquet, timedelta(0))
    (marked,) = (what for what, fate in fates(first).items() if fate == "marked")
    assert keys(loop) == everything
    told = at(loop, parquet, LATER, dry_run=True)
    assert (fates(told)[marked], told.objects > 0, keys(loop)) == ("expired", True, everything)
    done = at(loop, parquet, LATER)
    assert keys(loop) == {key for key in everything if not key.startswith(marked)}
    assert done.objects == len(everything) - len(keys(loop))
    assert rows(loop) == counted
    assert sorted(counted) == DAYS
    again = at(loop, parquet, LATER)
    assert (again.objects, marked in fates(again)) == (0, False)


def test_what_strangers_wrote_and_what_is_in_quarantine_stays(loop: Loop, parquet: UseCase) -> None:
    lake, digest = loop.platform.lake, "d" * 64
    lake.put(f"{FOLDER}by_hand/notes.txt", b"mine")
    lake.put(f"{FOLDER}{digest}/dt=2013-01-03/part", b"refused")
    lake.put(f"{FOLDER}{'e' * 64}/dt=2013-01-03/part", b"left by a killed query")
    record = QuarantineRecord(
        use_case=NAME, dataset="weather_hourly", partition="2013-01-03", digest="x", rows=1,
        location=lake.uri(f"{FOLDER}{digest}/dt=2013-01-03/"), breaches=(),
    )  # fmt: skip
    lake.put_json(
        f"quarantine/{NAME}/weather_hourly/2013-01-03/x.json", record.model_dump(mode="json")
    )
    left = f"backtest/{NAME}/backtest__rows_{'f' * 16}/"
    lake.put(f"{left}part", b"left by a killed backtest")
    at(loop, parquet, timedelta(0))
    done = at(loop, parquet, LATER)
    assert fates(done)[left] == "expired"
    assert not list(lake.list("backtest/"))
    assert fates(done)[f"{FOLDER}{digest}/"] == "kept"
    assert fates(done)[f"{FOLDER}{'e' * 64}/"] == "expired"
    assert {f"{FOLDER}by_hand/notes.txt", f"{FOLDER}{digest}/dt=2013-01-03/part"} <= keys(loop)
    assert not any(key.startswith(f"{FOLDER}{'e' * 64}/") for key in keys(loop))
    much_later = fates(at(loop, parquet, timedelta(days=91), dry_run=True))
    assert much_later[f"{FOLDER}{digest}/"] == "marked"


def test_a_sample_for_monitors_goes_after_its_note(loop: Loop, parquet: UseCase) -> None:
    lake, digest = loop.platform.lake, "c" * 64
    note, drawn = sample_keys.note(NAME, digest), sample_keys.folder(NAME, digest, "1")
    killed = sample_keys.folder(NAME, "b" * 64, "1")
    lake.put_json(note, {"uri": lake.uri(drawn), "files": 1})
    for folder in (drawn, killed):
        lake.put(f"{folder}part", b"rows")
    at(loop, parquet, timedelta(0))
    done = fates(at(loop, parquet, LATER))
    assert (done[note], done[drawn], done[killed]) == ("expired", "kept", "expired")
    assert fates(at(loop, parquet, LATER))[drawn] == "marked"
    assert fates(at(loop, parquet, 2 * LATER))[drawn] == "expired"
    assert not list(lake.list(f"monitoring/{NAME}/"))


def test_a_killed_run_leaves_nothing_for_ever(
    loop: Loop, upstream: Upstream, parquet: UseCase
) -> None:
    upstream.restate("2013-01-15", warmer(1.0), "killed")
    arguments = [loop.aws.endpoint_url, str(parquet.folder), "weather_hourly", "CREATE"]
    assert (
        subprocess.run([sys.executable, str(CHILD), *arguments], check=False).returncode == KILLED
    )
    upstream.restate("2013-01-15", warmer(2.0), "alive")  # else the run would be taken up again
    bring_up(loop, parquet)
    left = [e.name for e in loop.platform.catalogue.tables(DATABASE) if "__" in e.name]
    assert len(left) == 1
    assert at(loop, parquet, timedelta(days=1)).tables == ()
    place = loop.platform.catalogue.table(DATABASE, left[0]).location.partition(f"/{FOLDER}")[2]
    gone = at(loop, parquet, LATER)
    assert list(gone.tables) == left
    assert fates(gone)[f"{FOLDER}{place}"] == "kept"  # the entry vouched for it until now
    at(loop, parquet, LATER)
    at(loop, parquet, 2 * LATER + timedelta(days=1))
    assert not any(key.startswith(f"{FOLDER}{place}") for key in keys(loop))
    assert sorted(rows(loop)) == DAYS


def test_the_command_tells_and_deletes(
    loop: Loop, parquet: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop.platform.lake.put(f"{FOLDER}{'f' * 64}/part", b"left")
    monkeypatch.setattr(cli_data, "doors", lambda: loop.platform)
    monkeypatch.setattr(cli_shared, "declared", lambda: (parquet,))
    told = CliRunner().invoke(app, ["expire", NAME, "--dry-run", "--all"])
    assert told.exit_code == 0, told.output
    assert f"marked: {FOLDER}{'f' * 64}/: nothing points at it; it expires on" in told.output
    assert f"kept: {FOLDER}" in told.output
    assert "table entries would be deleted" in told.output


def test_iceberg_is_vacuumed_and_still_knows_what_it_was_made_from(
    loop: Loop, upstream: Upstream, parquet: UseCase
) -> None:
    iceberg = declared(loop, "iceberg")
    bring_up(loop, iceberg)
    for version in ("one", "two"):
        upstream.restate("2013-01-10", warmer(len(version) + 5.0), version)
        bring_up(loop, iceberg)
    counted = rows(loop)
    early = at(loop, iceberg, timedelta(0))
    assert early.maintained["weather_hourly"] == "no snapshot was superseded that long ago"
    late = at(loop, iceberg, timedelta(days=30))
    assert late.maintained["weather_hourly"].endswith("vacuumed")
    assert rows(loop) == counted
    objects = len([key for key in keys(loop) if "/weather_hourly/iceberg/" in key])
    maintain(loop.platform, DATABASE, "weather_hourly", snapshot_seconds=0)
    assert len([key for key in keys(loop) if "/weather_hourly/iceberg/" in key]) < objects
    assert rows(loop) == counted
    found = days_of(loop.platform, loop.platform.catalogue.table(DATABASE, "weather_hourly"))
    assert [each.values[0] for each in found] == DAYS
    outcome = loop.only(iceberg, WEATHER)
    assert outcome.metadata(*WEATHER)["plan"] == "0 of 21 days to make"
    verdict = judge_partitions(loop.platform, iceberg, iceberg.dataset("weather_hourly"), None, "x")
    assert verdict.passed, verdict.why
