"""A use case whose datasets are Iceberg tables: one version after another, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest

from assets.dataset_days import days_of
from tests.functional.loop.test_bad_input import reading
from tests.functional.loop.test_partitions import DAYS, Upstream, made_days

if TYPE_CHECKING:
    import pyarrow as pa

    from resources.glue import PartitionFacts, TableFacts
    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase

#: How dying_child.py ends.
KILLED = 9
NAME = "in_iceberg"
DATABASE = f"perennial_{NAME}"
TABLE = "weather_iceberg"
CHILD = Path(__file__).resolve().parent / "dying_child.py"


def key(kind: str, name: str) -> list[str]:
    return [NAME, kind, name]


WEATHER = key("datasets", "weather_hourly")


def in_iceberg(loop: Loop, label: str, **changes: Any) -> UseCase:
    """The quick use case on a weather table of its own, all its datasets in Iceberg."""
    made = reading("weather", TABLE, "weather_hourly.sql")
    plain = made["reshape"]

    def reshape(document: dict[str, Any]) -> None:
        plain(document)
        for dataset in document["datasets"]:
            dataset["table_format"] = "iceberg"
            if dataset["name"] == "weather_hourly":
                dataset["columns"] |= changes.get("columns", {})

    made["edit"] |= changes.get("edit", {})
    return loop.declare(label, name=NAME, **{**made, "reshape": reshape})


@pytest.fixture(scope="module")
def upstream(loop: Loop) -> Upstream:
    return Upstream(loop, TABLE)


@pytest.fixture(scope="module")
def iceberg(loop: Loop, upstream: Upstream) -> UseCase:
    made = in_iceberg(loop, NAME)
    loop.bootstrap(made)
    return made


@pytest.fixture(scope="module")
def trained(loop: Loop, iceberg: UseCase) -> Outcome:
    """Datasets, feature groups, training set, model: everything that is made of Iceberg."""
    outcome = loop.run(iceberg)
    assert outcome.succeeded, outcome.told
    return outcome


def table(loop: Loop, name: str = "weather_hourly") -> TableFacts:
    return loop.platform.catalogue.table(DATABASE, name)


def days(loop: Loop) -> dict[str, PartitionFacts]:
    return {each.values[0]: each for each in days_of(loop.platform, table(loop))}


def ask(loop: Loop, sql: str) -> list[dict[str, Any]]:
    salt = str(datetime.now())  # noqa: DTZ005 - no two questions are the same
    return loop.platform.athena.select(sql, database=DATABASE, intent=sql, salt=salt)


def counted(loop: Loop) -> dict[str, int]:
    rows = ask(loop, "SELECT dt, count(*) AS n FROM weather_hourly GROUP BY dt")
    return {row["dt"]: row["n"] for row in rows}


def warmest(loop: Loop, day: str) -> float:
    sql = f"SELECT max(temp) AS warmest FROM weather_hourly WHERE dt = '{day}'"  # noqa: S608
    return float(ask(loop, sql)[0]["warmest"])


def forks(loop: Loop) -> list[str]:
    return [each.name for each in loop.platform.catalogue.tables(DATABASE) if "__" in each.name]


def warmer(by: float) -> Any:
    def change(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index("temp")
        return rows.set_column(place, "temp", pc.add(rows.column("temp"), by))

    return change


def test_a_model_is_trained_from_iceberg_datasets(
    loop: Loop, iceberg: UseCase, trained: Outcome
) -> None:
    found = table(loop)
    assert found.iceberg
    assert not found.partition_keys
    said = days(loop)
    assert sorted(said) == DAYS
    assert counted(loop) == {day: int(each.parameters["perennial.rows"]) for day, each in
                             said.items()}  # fmt: skip
    assert trained.metadata(*WEATHER)["iceberg_snapshot"] == found.parameters["perennial.snapshot"]
    snapshots = {row["snapshot_id"] for row in
                 ask(loop, 'SELECT snapshot_id FROM "weather_hourly$snapshots"')}  # fmt: skip
    assert int(found.parameters["perennial.snapshot"]) in snapshots
    assert forks(loop) == []
    assert loop.champion(iceberg) is not None


def test_nothing_changed_writes_nothing(loop: Loop, iceberg: UseCase, trained: Outcome) -> None:
    names = [dataset.name for dataset in iceberg.datasets]
    before = {name: table(loop, name).parameters for name in names}
    objects = {each.key for each in loop.platform.lake.list(f"datasets/{NAME}/")}
    outcome = loop.only(iceberg, *(key("datasets", name) for name in names))
    assert outcome.succeeded, outcome.told
    assert outcome.metadata(*WEATHER)["plan"] == "0 of 21 days to make"
    assert "athena/query_id" not in outcome.metadata(*WEATHER)
    assert {name: table(loop, name).parameters for name in names} == before
    assert {each.key for each in loop.platform.lake.list(f"datasets/{NAME}/")} == objects


def test_a_restated_partition_makes_just_its_dependents_in_one_version(
    loop: Loop, upstream: Upstream, iceberg: UseCase, trained: Outcome
) -> None:
    before, cool, counts = days(loop), warmest(loop, "2013-01-10"), counted(loop)
    old = table(loop).parameters["perennial.snapshot"]
    upstream.restate("2013-01-10", warmer(40.0), "second")
    outcome = loop.only(iceberg, WEATHER, [NAME, "features", "weather"])
    assert outcome.succeeded, outcome.told
    assert made_days(outcome) == ["2013-01-10", "2013-01-11"]
    after = days(loop)
    assert {d for d in after if after[d].parameters != before[d].parameters} == {
        "2013-01-10", "2013-01-11",
    }  # fmt: skip
    assert warmest(loop, "2013-01-10") == pytest.approx(cool + 40.0)
    assert counted(loop) == counts
    then = ask(loop, f"SELECT max(temp) AS t FROM weather_hourly FOR VERSION AS OF {old} "  # noqa: S608
                     "WHERE dt = '2013-01-10'")  # fmt: skip
    assert then[0]["t"] == pytest.approx(cool)
    taken = outcome.metadata(NAME, "features", "weather")
    assert (taken["partitions_compared"], taken["partitions"]) == (2, 21)


@pytest.mark.parametrize("step", ["CREATE", "DELETE", "INSERT", "publish"])
def test_a_killed_run_shows_nothing_of_itself_and_its_successor_ends_it(
    loop: Loop, upstream: Upstream, iceberg: UseCase, trained: Outcome, step: str
) -> None:
    day, temperature, counts = "2013-01-13", warmest(loop, "2013-01-13"), counted(loop)
    before = table(loop).parameters
    upstream.restate(day, warmer(len(step)), f"killed at {step}")
    arguments = [loop.aws.endpoint_url, str(iceberg.folder), "weather_hourly", step]
    child = subprocess.run([sys.executable, str(CHILD), *arguments], check=False)
    assert child.returncode == KILLED
    assert counted(loop) == counts
    if step == "publish":
        assert warmest(loop, day) != temperature
    else:
        assert table(loop).parameters == before
        assert warmest(loop, day) == temperature
    outcome = loop.only(iceberg, WEATHER)
    assert outcome.succeeded, outcome.told
    assert made_days(outcome) == ([] if step == "publish" else [day, "2013-01-14"])
    assert counted(loop) == counts
    assert loop.only(iceberg, WEATHER).metadata(*WEATHER)["days_made"] == 0


def test_a_day_that_breaks_its_contract_is_held_back_alone(
    loop: Loop, upstream: Upstream, iceberg: UseCase, trained: Outcome
) -> None:
    bad, good = "2013-01-07", "2013-01-05"
    before, served, cool = days(loop), warmest(loop, bad), warmest(loop, good)
    upstream.restate(bad, warmer(900.0), "scorched")
    upstream.restate(good, warmer(1.0), "mild")
    outcome = loop.only(iceberg, WEATHER)
    assert not loop.checks_pass(outcome, WEATHER)
    assert f"weather_hourly of {bad}" in outcome.told
    assert warmest(loop, bad) == served
    assert days(loop)[bad] == before[bad]
    assert good in made_days(outcome)
    assert warmest(loop, good) > cool
    again = loop.only(iceberg, WEATHER)
    assert made_days(again) == []
    upstream.restate(bad, lambda rows: rows, "cooled")
    mended = loop.only(iceberg, WEATHER)
    assert mended.succeeded, mended.told
    assert loop.checks_pass(mended, WEATHER)


def test_what_somebody_else_committed_is_made_again(
    loop: Loop, iceberg: UseCase, trained: Outcome
) -> None:
    counts = counted(loop)
    loop.platform.athena.run("DELETE FROM weather_hourly WHERE dt = '2013-01-20'",
                             database=DATABASE, intent="a careless hand")  # fmt: skip
    assert "2013-01-20" not in counted(loop)
    assert days(loop) == {}
    outcome = loop.only(iceberg, WEATHER)
    assert outcome.succeeded, outcome.told
    assert made_days(outcome) == DAYS
    assert counted(loop) == counts


def with_spread(loop: Loop, label: str, expression: str, kind: str) -> UseCase:
    """The same use case with one more column of the weather."""
    edit = {
        "weather_hourly.sql": (
            "min(visib) AS visib\nFROM nycflights.weather\n",
            f"min(visib) AS visib,\n  {expression} AS spread\nFROM nycflights.{TABLE}\n",
        )
    }
    column = {"spread": {"type": kind, "nullable": True}}
    return in_iceberg(loop, label, edit=edit, columns=column)


def test_a_column_more_is_added_and_another_type_is_another_table(
    loop: Loop, iceberg: UseCase, trained: Outcome
) -> None:
    old = table(loop)
    wider = with_spread(loop, "wider", "max(temp) - max(dewp)", "double")
    outcome = loop.only(wider, WEATHER)
    assert outcome.succeeded, outcome.told
    now = table(loop)
    assert now.location == old.location
    assert "spread" in [each.name for each in now.columns]
    retyped = with_spread(loop, "retyped", "CAST(max(temp) - max(dewp) AS bigint)", "bigint")
    outcome = loop.only(retyped, WEATHER)
    assert outcome.succeeded, outcome.told
    last = table(loop)
    assert last.location != old.location
    assert {each.name: each.type for each in last.columns}["spread"] == "bigint"
    assert sorted(counted(loop)) == DAYS


def test_the_format_may_change_either_way(loop: Loop, iceberg: UseCase, trained: Outcome) -> None:
    for name in ("weather_hourly", "planes"):
        count = ask(loop, f"SELECT count(*) AS n FROM {name}")  # noqa: S608
        parquet = loop.declare("parquet_again", name=NAME,
                               **reading("weather", TABLE, "weather_hourly.sql"))  # fmt: skip
        for each, wanted in ((parquet, False), (iceberg, True)):
            outcome = loop.only(each, key("datasets", name))
            assert outcome.succeeded, outcome.told
            assert table(loop, name).iceberg is wanted
            assert ask(loop, f"SELECT count(*) AS n FROM {name}") == count  # noqa: S608
