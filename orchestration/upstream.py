"""The upstream team: lands what was known at a moment, as daily Parquet partitions in the lake.

It stands for another team's job, so that the rest of the project only ever sees tables that fill
as time passes. A flight's row lands on the morning of its day, its outcome once it was known: a
partition landed before that is restated later, in place, as such feeds do. What the tables hold is
flights.py's.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestration import flights as source
from resources.errors import Missing, Terminal, call
from resources.glue import LANDED_THROUGH, Catalogue, ColumnFacts, storage_descriptor
from resources.names import RAW_DATABASE
from resources.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orchestration.flights import RawTable
    from resources.aws import AwsAccounts
    from resources.names import Names

_SHA256 = "perennial.sha256"
_ROWS = "perennial.rows"
_COMPLETE = "perennial.complete"
_PARTITION_KEY = ColumnFacts("dt", "string")
_GLUE_BATCH = 100
_THREADS = 8
_GLUE_TYPES = {
    "int64": "bigint",
    "double": "double",
    "string": "string",
    "timestamp[ms]": "timestamp",
}


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


@dataclass(frozen=True, slots=True)
class _File:
    """One Parquet file that is to be written, and the partition it fills ('' for none)."""

    partition: str
    body: bytes
    rows: int
    complete: bool

    @property
    def parameters(self) -> dict[str, str]:
        return {
            _SHA256: hashlib.sha256(self.body).hexdigest(),
            _ROWS: str(self.rows),
            _COMPLETE: str(self.complete).lower(),
        }


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

    def land(self, name: str, read: Any, outcomes: Sequence[str] | None) -> TableLanding:
        before = self._landed_through(name)
        if before is not None and before >= self._until:
            return TableLanding(name, 0, 0, self._count(name), 0, before)
        raw: RawTable = read()
        if before is None:
            self._point(name, raw, {})
        there = self._parameters(name)
        files = [
            each
            for each in files_of(raw, self._until, outcomes, done=_done(there))
            if there.get(each.partition, {}).get(_SHA256) != each.parameters[_SHA256]
        ]
        self._upload(name, files)
        if raw.partitions:
            self._register(name, raw, files, there)
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
            own = {key: table.parameters[key] for key in _OWN if key in table.parameters}
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

    def _upload(self, name: str, files: Sequence[_File]) -> None:
        with ThreadPoolExecutor(self._threads, thread_name_prefix="land") as pool:
            for done in [
                pool.submit(self._lake.put, _folder(name, each) + "part-0.parquet", each.body)
                for each in files
            ]:
                done.result()

    def _register(
        self,
        name: str,
        raw: RawTable,
        files: Sequence[_File],
        there: Mapping[str, Mapping[str, str]],
    ) -> None:
        columns = columns_of(raw)
        new, old = [], []
        for each in files:
            partition = {
                "Values": [each.partition],
                "StorageDescriptor": storage_descriptor(
                    columns, self._lake.uri(_folder(name, each))
                ),
                "Parameters": each.parameters,
            }
            if each.partition in there:
                old.append({"PartitionValueList": [each.partition], "PartitionInput": partition})
            else:
                new.append(partition)
        where = {"DatabaseName": RAW_DATABASE, "TableName": name}
        for batch in _batches(new):
            answer = call(self._glue.batch_create_partition, PartitionInputList=batch, **where)
            _refuse_errors(answer)
        for batch in _batches(old):
            _refuse_errors(call(self._glue.batch_update_partition, Entries=batch, **where))


_OWN = (_SHA256, _ROWS, _COMPLETE)


def files_of(
    raw: RawTable, until: datetime, outcomes: Sequence[str] | None, *, done: frozenset[str]
) -> Iterator[_File]:
    """Yield the Parquet file of each partition that holds something at ``until``.

    With ``outcomes``, rows are there from the morning of their day and these columns are null
    until known; without, rows themselves appear once known. Partitions in ``done`` are skipped.
    """
    if not raw.partitions:
        if "" not in done:
            yield _File("", _parquet(raw.rows), raw.rows.num_rows, complete=True)
        return
    for partition, (start, count) in raw.partitions.items():
        if partition in done or datetime.fromisoformat(partition) > until:
            continue
        rows, known = raw.rows.slice(start, count), _known(raw.known_at.slice(start, count), until)
        rows = rows.filter(known) if outcomes is None else _masked(rows, known, outcomes)
        if rows.num_rows:
            complete = known.true_count == count
            yield _File(partition, _parquet(rows), rows.num_rows, complete=complete)


def columns_of(raw: RawTable) -> tuple[ColumnFacts, ...]:
    """Return the table's columns with Hive's types."""
    return tuple(ColumnFacts(each.name, _GLUE_TYPES[str(each.type)]) for each in raw.rows.schema)


def _known(known_at: Any, until: datetime) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.less_equal(known_at, pa.scalar(until, pa.timestamp("ms")))


def _masked(rows: Any, known: Any, outcomes: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in outcomes:
        index = rows.schema.get_field_index(name)
        field = rows.schema.field(index)
        values = pc.if_else(known, rows.column(index), pa.scalar(None, field.type))
        rows = rows.set_column(index, field, values)
    return rows


def _parquet(rows: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return bytes(sink.getvalue())


def _done(there: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    return frozenset(name for name, own in there.items() if own.get(_COMPLETE) == "true")


def _folder(table: str, file: _File) -> str:
    return f"raw/{table}/dt={file.partition}/" if file.partition else f"raw/{table}/"


def _first(files: Sequence[_File]) -> dict[str, str]:
    return files[0].parameters if files else {}


def _batches(items: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (items[start : start + _GLUE_BATCH] for start in range(0, len(items), _GLUE_BATCH))


def _refuse_errors(answer: Mapping[str, Any]) -> None:
    if answer.get("Errors"):
        raise Terminal(f"Glue refused partitions of {RAW_DATABASE}: {answer['Errors'][:3]}")
