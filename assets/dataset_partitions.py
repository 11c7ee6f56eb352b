"""Datasets by day: the partitions whose inputs changed, made again and then switched to.

A run of days is written beside what serves, to a location named by what it is made from, and
checked; the days that may are then given to the table, which says of each what it was made from. A
failed run leaves the last good days. Which days are due is decided by decisions/partitions; how a
table of either format takes days in is day_tables' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from assets.contracts import judge_partitions
from assets.ctas import stage
from assets.dataset_days import DAY
from assets.day_tables import DayMade, Staged, day_table
from assets.parts import digest_of
from assets.quarantine import held, quarantine
from decisions import partitions as decide
from decisions.partitions import Made, PartitionPlan, Stale
from usecases import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from assets.dataset_inputs import Inputs
    from decisions.contracts import QuarantineRecord
    from resources.glue import TableFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase
    from usecases.fields import Dataset

#: Athena's limit of one CTAS, https://docs.aws.amazon.com/athena/latest/ug/ctas-considerations-limitations.html
_DAYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Partitioned:
    """What became of a dataset's days.

    Attributes:
        made: The days that serve now and did not before.
        queries: What each Athena query took.
        quarantined: What is held back, of this run and of earlier ones; the last good version of
            these days keeps serving.
    """

    plan: PartitionPlan
    made: tuple[DayMade, ...]
    queries: tuple[dict[str, Any], ...]
    quarantined: tuple[QuarantineRecord, ...] = ()


def make_days(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    inputs: Inputs,
    *,
    days: Sequence[date],
    as_of: datetime,
    asked: Iterable[date] = (),
    salt: str,
) -> Partitioned:
    """Make the days whose inputs changed, and those asked for.

    Args:
        platform: Where.
        use_case: Whose dataset.
        dataset: Which; partitioned by ``partition_by``.
        inputs: What it reads.
        days: The days that are wanted.
        as_of: Data time up to which everything has landed, naive UTC.
        asked: Days to make whatever there is; a backfill.
        salt: Tells deliberate repetitions apart.

    Raises:
        Terminal: Athena refused the SQL, or the result is not what is declared; the partitions are
            left as they were.
    """
    query = _query_digest(use_case, dataset)
    wanted = {
        day: Made(
            query=query,
            known=decide.known_by(day, as_of, dataset.settles),
            inputs=inputs.of_day(day),
        )
        for day in {*days, *asked}
    }
    table = day_table(platform, use_case, dataset, as_of)
    found = table.found()
    plan, records = _plan(platform, use_case, dataset, wanted, found, frozenset(asked))
    batch = _Batch(platform, use_case, dataset, as_of, salt)
    queries = []
    stale = {each.day: each for each in plan.stale}
    for first, last in decide.runs(stale, longest=_DAYS_AT_ONCE):
        part = [each for day, each in stale.items() if first <= day <= last]
        staged, refused, took = batch.make(part)
        table.take(staged)
        records += refused
        queries.append(took)
    made = table.finish(_of_others(found, query))
    return Partitioned(plan, made, (*queries, *table.queries), records)


class _Batch:
    """Runs of days of one dataset, made at one moment."""

    def __init__(
        self,
        platform: Platform,
        use_case: UseCase,
        dataset: Dataset,
        as_of: datetime,
        salt: str,
    ) -> None:
        self._platform = platform
        self._use_case = use_case
        self._dataset = dataset
        self._as_of = as_of
        self._salt = salt
        self._database = platform.names.curated_database(use_case.name)

    def make(
        self, stale: Sequence[Stale]
    ) -> tuple[Staged, tuple[QuarantineRecord, ...], dict[str, Any]]:
        """Make an unbroken run of days beside what serves; say which keep the contract."""
        name = self._dataset.name
        digest = self._digest(stale)
        table, took = stage(
            self._platform,
            self._use_case,
            self._dataset,
            f"{name}__{digest[:16]}",
            prefix=f"datasets/{self._use_case.name}/{name}/{digest}/",
            query=self._query(stale),
            salt=self._salt,
            partitioned_by=(DAY,),
        )
        verdict = judge_partitions(
            self._platform,
            self._use_case,
            self._dataset,
            [each.day.isoformat() for each in stale],
            self._salt,
            table=table.name,
            digests={each.day.isoformat(): each.made.digest for each in stale},
        )
        made = _made(table, stale, {each.partition: each.rows for each in verdict.partitions})
        where = {day.day.isoformat(): (day.digest, day.location) for day in made}
        use_case, dataset = self._use_case.name, self._dataset.name
        refused = quarantine(self._platform, use_case, dataset, verdict, where)
        kept = {each.partition for each in refused}
        good = tuple(day for day in made if day.day.isoformat() not in kept)
        return Staged(table, good), refused, took

    def _digest(self, stale: Sequence[Stale]) -> str:
        # What was asked for is made anew even where it was made from the same before.
        again = self._salt if any(each.why == "asked for" for each in stale) else ""
        made = {each.day.isoformat(): each.made.digest for each in stale}
        return digest_of({"days": made, "again": again})

    def _query(self, stale: Sequence[Stale]) -> str:
        assert self._dataset.partition_by is not None  # noqa: S101 - the caller's promise
        return sql.bind_days(
            self._use_case.queries[self._dataset.name],
            first=stale[0].day,
            last=stale[-1].day,
            as_of=self._as_of,
            event_time=self._dataset.partition_by,
            partition_key=DAY,
        )


def _plan(
    platform: Platform,
    use_case: UseCase,
    dataset: Dataset,
    wanted: dict[date, Made],
    found: dict[date, Made | None],
    asked: frozenset[date],
) -> tuple[PartitionPlan, tuple[QuarantineRecord, ...]]:
    """Decide what to make; equal data that broke the contract before would break it again."""
    plan = decide.plan(wanted, found, asked=asked)
    due = {each.day.isoformat(): each.made.digest for each in plan.stale if each.day not in asked}
    if not due:
        return plan, ()
    records = held(platform, use_case.name, dataset.name, due)
    refused = {date.fromisoformat(each.partition): each.digest for each in records}
    return decide.plan(wanted, found, quarantined=refused, asked=asked), records


def _made(table: TableFacts, stale: Sequence[Stale], rows: Mapping[str, int]) -> list[DayMade]:
    found = []
    for each in stale:
        key = each.day.isoformat()
        location = f"{table.location.rstrip('/')}/{DAY}={key}/"
        why = f"{each.why}: {', '.join(each.changed)}" if each.changed else each.why
        found.append(DayMade(each.day, rows.get(key, 0), each.made, why, location))
    return found


def _query_digest(use_case: UseCase, dataset: Dataset) -> str:
    columns = {name: column.type for name, column in dataset.columns.items()}
    query = {"sql": use_case.queries[dataset.name], "columns": columns}
    return digest_of(query)[:16]


def _of_others(found: Mapping[date, Made | None], query: str) -> set[date]:
    """Return the days that another query made: their columns may be others."""
    return {day for day, was in found.items() if was is not None and was.query != query}
