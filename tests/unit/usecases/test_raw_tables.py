"""Raw tables of several use cases are one each, and every use case's promise is its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from decisions.freshness import CannotTell, Fresh, Late, SourceFacts
from usecases.declaration import UseCase, load_use_cases
from usecases.raw_tables import TableName, outlook, raw_tables

ROOT = Path(__file__).parents[3]
BOTH = load_use_cases(ROOT / "usecases", ROOT / "tests" / "fixtures" / "usecases")
CANCELLATION, DELAY = BOTH
NOON = datetime(2013, 3, 1, 12)  # noqa: DTZ001 - data time is naive UTC


@dataclass(frozen=True)
class Seen:
    facts: SourceFacts | None = None
    gone: bool = False


def facts(use_case: UseCase, **behind: timedelta | None) -> dict[TableName, Seen]:
    return {
        ("nycflights", name): Seen(
            SourceFacts(
                landed_through=None
                if (lag := behind.get(name, timedelta(0))) is None
                else NOON - lag,
                moved_at=NOON,
                columns=dict(table.columns),
                keys=(table.partition_key,) if table.partition_key else (),
            )
        )
        for name, table in use_case.sources.tables.items()
    }


def test_a_table_that_two_models_read_is_one() -> None:
    tables = raw_tables(BOTH)
    shared = tables["nycflights", "flights"]
    assert [user.name for user in shared.users] == ["flight_cancellation", "flight_delay"]
    assert shared.key == ["glue", "nycflights", "flights"]
    assert (shared.partition_key, shared.start) == ("dt", date(2013, 1, 1))
    assert tables["nycflights", "planes"].partition_key is None


def test_a_source_is_late_by_its_own_measure() -> None:
    def verdict(**behind: timedelta | None) -> object:
        return outlook(DELAY, facts(DELAY, **behind), None).freshness["weather"]

    assert isinstance(verdict(weather=timedelta(hours=12)), Fresh)
    late = verdict(weather=timedelta(hours=13))
    assert isinstance(late, Late)
    assert late.by == timedelta(hours=1)
    assert isinstance(verdict(weather=None), CannotTell)
    # The register of aircraft promises no lag, however old it is.
    assert isinstance(verdict(planes=timedelta(days=300)), Fresh)


def test_what_holds_is_said_for_all_tables_at_once() -> None:
    found = outlook(
        DELAY, facts(DELAY, weather=timedelta(hours=36), flights=timedelta(days=3)), None
    )
    assert found.late == (
        "flights: Landed through 2013-02-26 12:00, 3 d behind the newest source: "
        "1 d 12 h more than the 1 d 12 h allowed. "
        "weather: Landed through 2013-02-28 00:00, 1 d 12 h behind the newest source: "
        "1 d more than the 12 h allowed."
    )
    assert found.schema_drift is None


def test_what_is_gone_is_not_judged_and_the_others_are() -> None:
    seen = facts(DELAY, weather=timedelta(days=9)) | {("nycflights", "planes"): Seen(gone=True)}
    found = outlook(DELAY, seen, None)
    assert set(found.freshness) == set(found.drift) == {"flights", "weather"}
    assert found.late is not None


def test_while_one_is_out_of_reach_it_may_be_the_newest_so_no_age_is_judged() -> None:
    seen = facts(DELAY, weather=timedelta(days=9)) | {("nycflights", "flights"): Seen()}
    found = outlook(DELAY, seen, None)
    assert found.freshness == {}
    assert set(found.drift) == {"weather", "planes"}


def test_drift_is_each_use_cases_own() -> None:
    columns = dict(DELAY.sources.tables["flights"].columns)
    columns.pop("tailnum")
    moved = SourceFacts(landed_through=NOON, moved_at=NOON, columns=columns, keys=("dt",))
    seen = facts(DELAY) | {("nycflights", "flights"): Seen(moved)}
    assert outlook(DELAY, seen, None).schema_drift == (
        "flights: column tailnum is missing (expected type string)"
    )
    # The other model does not read it.
    assert outlook(CANCELLATION, seen, None).schema_drift is None
