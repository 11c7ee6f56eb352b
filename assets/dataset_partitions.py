"""Datasets by day: the partitions whose inputs changed, made again and then switched to.

Each partition's location is named by what its batch was made from, and its Glue parameters say what
the partition itself was made from. A run of days is written beside what serves, checked, and then
switched to; a failed run leaves the last good partitions. Which days are due is decided by
decisions/partitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from assets.contracts import judge_partitions
from assets.ctas import stage
from assets.dataset_tables import DIGEST
from assets.parts import digest_of
from assets.quarantine import held, quarantine
from decisions import partitions as decide
from decisions.partitions import Made, PartitionPlan, Stale
from resources.errors import Missing, Terminal
from resources.glue import ColumnFacts, PartitionFacts
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

DAY = "dt"
MADE = "perennial.made"
ROWS = "perennial.rows"
#: Athena's limit of one CTAS, https://docs.aws.amazon.com/athena/latest/ug/ctas-considerations-limitations.html
_DAYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DayMade:
    """A partition that was made: ``rows`` in it, and why it had to be."""

    day: date
    rows: int
    digest: str
    why: str
    location: str


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
    table = _table(platform, use_case, dataset)
    found = _found(platform, table) if table else {}
    plan, records = _plan(platform, use_case, dataset, wanted, found, frozenset(asked))
    batch = _Batch(platform, use_case, dataset, as_of, salt)
    made: list[DayMade] = []
    queries = []
    stale = {each.day: each for each in plan.stale}
    for first, last in decide.runs(stale, longest=_DAYS_AT_ONCE):
        part = [each for day, each in stale.items() if first <= day <= last]
        done, refused, took = batch.make(part)
        made += done
        records += refused
        queries.append(took)
    if table is not None:
        _drop_others(platform, table, found, query, {each.day for each in made})
    return Partitioned(plan, tuple(made), tuple(queries), records)


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
    ) -> tuple[list[DayMade], tuple[QuarantineRecord, ...], dict[str, Any]]:
        """Make an unbroken run of days, and switch to those that keep the contract."""
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
        good = [day for day in made if day.day.isoformat() not in kept]
        self._switch(table, stale, good)
        self._platform.catalogue.drop_table(self._database, table.name)
        return good, refused, took

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

    def _switch(self, table: TableFacts, stale: Sequence[Stale], made: Sequence[DayMade]) -> None:
        catalogue = self._platform.catalogue
        catalogue.point_table(
            self._database,
            self._dataset.name,
            columns=table.columns,
            location=self._platform.lake.uri(
                f"datasets/{self._use_case.name}/{self._dataset.name}/"
            ),
            parameters={"perennial.as_of": self._as_of.isoformat()},
            partition_keys=(ColumnFacts(DAY, "string"),),
        )
        from_what = {each.day: each.made for each in stale}
        partitions = [
            PartitionFacts(
                (day.day.isoformat(),),
                day.location,
                {
                    DIGEST: day.digest,
                    ROWS: str(day.rows),
                    MADE: from_what[day.day].model_dump_json(),
                },
            )
            for day in made
        ]
        catalogue.put_partitions(catalogue.table(self._database, self._dataset.name), partitions)


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
        found.append(DayMade(each.day, rows.get(key, 0), each.made.digest, why, location))
    return found


def _query_digest(use_case: UseCase, dataset: Dataset) -> str:
    columns = {name: column.type for name, column in dataset.columns.items()}
    query = {"sql": use_case.queries[dataset.name], "columns": columns}
    return digest_of(query)[:16]


def _table(platform: Platform, use_case: UseCase, dataset: Dataset) -> TableFacts | None:
    database = platform.names.curated_database(use_case.name)
    try:
        table = platform.catalogue.table(database, dataset.name)
    except Missing:
        return None
    if [each.name for each in table.partition_keys] != [DAY]:
        # From before the dataset was partitioned: the data stays, the name is needed.
        platform.catalogue.drop_table(database, dataset.name)
        return None
    return table


def _found(platform: Platform, table: TableFacts) -> dict[date, Made | None]:
    found: dict[date, Made | None] = {}
    for each in platform.catalogue.partitions(table.database, table.name):
        found[_day(table, each)] = _made_of(each)
    return found


def _day(table: TableFacts, partition: PartitionFacts) -> date:
    try:
        return date.fromisoformat(partition.values[0])
    except ValueError as error:
        raise Terminal(
            f"Glue table {table.database}.{table.name} has the partition {partition.values}, which "
            "is no day; whoever made it did not go by this dataset. Drop it from the catalogue."
        ) from error


def _made_of(partition: PartitionFacts) -> Made | None:
    try:
        return Made.model_validate_json(partition.parameters.get(MADE, ""))
    except ValidationError:
        return None  # made by a version that wrote otherwise, or by hand: make it again


def _drop_others(
    platform: Platform,
    table: TableFacts,
    found: dict[date, Made | None],
    query: str,
    made: set[date],
) -> None:
    """Forget the partitions that another query made: their columns may be others."""
    doomed = [
        (day.isoformat(),)
        for day, was in found.items()
        if was is not None and was.query != query and day not in made
    ]
    if doomed:
        platform.catalogue.drop_partitions(table, doomed)
