"""The upstream team: lands what was known at a moment, as daily Parquet partitions in the lake.

It stands for another team's job, so that the rest of the project only ever sees tables that fill
as time passes. A flight's row lands on the morning of its day, its outcome once it was known: a
partition landed before that is restated later, in place, as such feeds do. What the tables hold is
flights.py's, what of it is known when landing_files.py's.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration import flights as source
from orchestration.landing_files import (
    OWN_PARAMETERS,
    SHA256,
    LandingFile,
    columns_of,
    complete_partitions,
    files_of,
)
from resources.errors import Missing, Terminal
from resources.glue import LANDED_THROUGH, Catalogue, ColumnFacts, PartitionFacts
from resources.names import RAW_DATABASE
from resources.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from orchestration.flights import RawTable
    from resources.aws import AwsAccounts
    from resources.names import Names

_PARTITION_KEY = ColumnFacts("dt", "string")
_THREADS = 8


@dataclass(frozen=True, slots=True)
class TableLanding:
    """What landing did to one table; ``rows`` are those written this time."""

    table: str
    added: int
    restated: int
    unchanged: int
    rows: int
    landed_through: datetime


@dataclass(frozen=True, slots=True)
class LandingReport:
    """What landing did."""

    until: datetime
    tables: tuple[TableLanding, ...]
    seconds: float

    @property
    def changed(self) -> bool:
        """Say whether any partition was added or restated."""
        return any(each.added or each.restated for each in self.tables)


def land(
    accounts: AwsAccounts, names: Names, until: datetime, *, threads: int = _THREADS
) -> LandingReport:
    """Land everything that was known at ``until`` (naive UTC). Earlier than before: a no-op.

    Data first, partitions next, the watermark last: whoever reads the watermark finds all data
    up to it, also if this process is killed half way.

    Raises:
        Terminal: ``until`` has a time zone, or the package with the flights is not installed.
    """
    if until.tzinfo is not None:
        raise Terminal(f"until={until.isoformat()} has a time zone; give naive UTC.")
    begun = time.monotonic()
    glue = accounts.client("glue", "experimentation")
    lake = Objects(accounts.client("s3", "experimentation"), names.lake_bucket)
    Catalogue(glue).ensure_database(RAW_DATABASE)
    landing = _Landing(glue, lake, until, threads)
    tables = (
        landing.land("flights", source.flights, source.OUTCOMES),
        landing.land("weather", source.weather, None),
        landing.land("planes", source.planes, None),
    )
    return LandingReport(until, tables, round(time.monotonic() - begun, 3))


class _Landing:
    """One landing at one moment."""

    def __init__(self, glue: Any, lake: Objects, until: datetime, threads: int) -> None:
        self._glue = glue
        self._catalogue = Catalogue(glue)
        self._lake = lake
        self._until = until
        self._threads = threads

    def land(
        self, name: str, read: Callable[[], RawTable], outcomes: Sequence[str] | None
    ) -> TableLanding:
        before = self._landed_through(name)
        if before is not None and before >= self._until:
            return TableLanding(name, 0, 0, self._count(name), 0, before)
        raw = read()
        if before is None:
            self._point(name, raw, {})
        there = self._parameters(name)
        files = [
            each
            for each in files_of(raw, self._until, outcomes, done=complete_partitions(there))
            if there.get(each.partition, {}).get(SHA256) != each.parameters[SHA256]
        ]
        self._upload(name, files)
        if raw.partitions:
            self._register(name, files)
        new = [each for each in files if each.partition not in there]
        parameters = {LANDED_THROUGH: self._until.isoformat()}
        # An unpartitioned table's digest stands on the table itself.
        parameters |= {} if raw.partitions else {**there.get("", {}), **_first(files)}
        self._point(name, raw, parameters)
        return TableLanding(
            table=name,
            added=len(new),
            restated=len(files) - len(new),
            unchanged=len(there) - (len(files) - len(new)),
            rows=sum(each.rows for each in files),
            landed_through=self._until,
        )

    def _landed_through(self, name: str) -> datetime | None:
        try:
            return self._catalogue.landed_through(RAW_DATABASE, name)
        except Missing:
            return None

    def _count(self, name: str) -> int:
        return len(self._parameters(name))

    def _parameters(self, name: str) -> dict[str, Mapping[str, str]]:
        """Return the parameters of each partition there is, or of the table under ''."""
        table = self._catalogue.table(RAW_DATABASE, name)
        if not table.partition_keys:
            own = {key: table.parameters[key] for key in OWN_PARAMETERS if key in table.parameters}
            return {"": own} if own else {}
        partitions = self._catalogue.partitions(RAW_DATABASE, name)
        return {each.values[0]: each.parameters for each in partitions}

    def _point(self, name: str, raw: RawTable, parameters: Mapping[str, str]) -> None:
        self._catalogue.point_table(
            RAW_DATABASE,
            name,
            columns=columns_of(raw),
            location=self._lake.uri(f"raw/{name}/"),
            parameters=parameters,
            partition_keys=(_PARTITION_KEY,) if raw.partitions else (),
        )

    def _upload(self, name: str, files: Sequence[LandingFile]) -> None:
        with ThreadPoolExecutor(self._threads, thread_name_prefix="land") as pool:
            for done in [
                pool.submit(self._lake.put, _folder(name, each) + "part-0.parquet", each.body)
                for each in files
            ]:
                done.result()

    def _register(self, name: str, files: Sequence[LandingFile]) -> None:
        table = self._catalogue.table(RAW_DATABASE, name)
        self._catalogue.put_partitions(
            table,
            [
                PartitionFacts(
                    (each.partition,), self._lake.uri(_folder(name, each)), each.parameters
                )
                for each in files
            ],
        )


def _folder(table: str, file: LandingFile) -> str:
    return f"raw/{table}/dt={file.partition}/" if file.partition else f"raw/{table}/"


def _first(files: Sequence[LandingFile]) -> dict[str, str]:
    return files[0].parameters if files else {}
