"""Glue's catalogue: what tables there are, and which data a table's name points to.

Making the data does not belong here. Tables defined here are Parquet; Iceberg's are iceberg.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from decisions.freshness import SourceFacts
from decisions.moments import naive_utc
from resources.errors import Missing, Terminal, call, find, make

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Table parameter: all facts known up to this moment (ISO 8601, naive UTC) are in the table.
LANDED_THROUGH = "perennial.landed_through"

#: Glue's own limits of BatchCreatePartition, BatchUpdatePartition, and BatchDeletePartition.
_BATCH = 100
_DROPPED_AT_ONCE = 25
#: The most that GetTables answers at once.
TABLES_A_PAGE = 100

_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"


class TableMissing(Missing):
    """The catalogue has no such table."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column; ``type`` is Hive's, for example ``bigint``, ``double``, ``timestamp``."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table as the catalogue has it."""

    database: str
    name: str
    columns: tuple[ColumnFacts, ...]
    partition_keys: tuple[ColumnFacts, ...]
    parameters: Mapping[str, str]
    location: str
    updated_at: datetime
    version_id: str

    @property
    def iceberg(self) -> bool:
        """Return whether it is an Iceberg table, whose metadata file Glue points to."""
        return self.parameters.get("table_type", "").upper() == "ICEBERG"


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """A partition as the catalogue has it; ``values`` are in the order of the keys."""

    values: tuple[str, ...]
    location: str
    parameters: Mapping[str, str]
    created_at: datetime | None = None


class Catalogue:
    """The Glue catalogue of one account."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def table(self, database: str, name: str) -> TableFacts:
        """Return a table's facts.

        Raises:
            TableMissing: There is no such table.
        """
        answer = find(self._client.get_table, DatabaseName=database, Name=name)
        if answer is None:
            raise TableMissing(
                f"Glue has no table {database}.{name}. Land or materialize it first, or mend the "
                "name in the use case's YAML.",
                service="glue",
                operation="GetTable",
                code="EntityNotFoundException",
            )
        return _table_of(answer["Table"], database)

    def databases(self) -> Iterator[str]:
        """Yield the name of every database: one call per page of 100."""
        request: dict[str, Any] = {"MaxResults": TABLES_A_PAGE}
        while True:
            page = call(self._client.get_databases, **request)
            yield from (each["Name"] for each in page["DatabaseList"])
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def tables(self, database: str) -> Iterator[TableFacts]:
        """Yield the facts of every table of a database: one call per page of 100.

        Raises:
            Missing: There is no such database.
        """
        request = {"DatabaseName": database, "MaxResults": TABLES_A_PAGE}
        while True:
            page = call(self._client.get_tables, **request)
            yield from (_table_of(each, database) for each in page["TableList"])
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]

    def partitions(self, database: str, name: str) -> tuple[PartitionFacts, ...]:
        """Return a table's partitions in order of their values.

        Raises:
            Missing: There is no such table.
        """
        found = [_partition_of(each) for each in self._partitions(database, name)]
        return tuple(sorted(found, key=lambda each: each.values))

    def ensure_database(self, name: str) -> bool:
        """Create a database unless it is there; say whether it was created."""
        if find(self._client.get_database, Name=name) is not None:
            return False
        return make(self._client.create_database, DatabaseInput={"Name": name})

    def point_table(
        self,
        database: str,
        name: str,
        *,
        columns: Sequence[ColumnFacts],
        location: str,
        parameters: Mapping[str, str],
        partition_keys: Sequence[ColumnFacts] = (),
    ) -> bool:
        """Create a Parquet table, or switch it to other data in one step; say whether it changed.

        Readers see the old data or the new, never a mixture. Glue keeps the old definition as a
        version. ``parameters`` replace those the table had.
        """
        wanted = table_input(
            name,
            columns=columns,
            location=location,
            parameters=parameters,
            partition_keys=partition_keys,
        )
        answer = find(self._client.get_table, DatabaseName=database, Name=name)
        if answer is None:
            request = {"DatabaseName": database, "TableInput": wanted}
            if make(self._client.create_table, **request):
                return True
            answer = call(self._client.get_table, DatabaseName=database, Name=name)
        if _same(answer["Table"], wanted):
            return False
        call(self._client.update_table, DatabaseName=database, TableInput=wanted)
        return True

    def drop_table(self, database: str, name: str) -> bool:
        """Remove a table's definition, not its data; say whether it was there."""
        return find(self._client.delete_table, DatabaseName=database, Name=name) is not None

    def put_partitions(self, table: TableFacts, partitions: Sequence[PartitionFacts]) -> int:
        """Register partitions, or switch those that are there; return how many were new.

        A hundred at a time, each in one step: a reader sees the old location or the new one.

        Raises:
            Terminal: Glue refused some; the message has the first.
        """
        there = {each.values for each in self.partitions(table.database, table.name)}
        where = {"DatabaseName": table.database, "TableName": table.name}
        new = [_partition_input(table, each) for each in partitions if each.values not in there]
        old = [_partition_input(table, each) for each in partitions if each.values in there]
        for batch in _batches(new, _BATCH):
            request = {**where, "PartitionInputList": batch}
            _refuse_errors(table, call(self._client.batch_create_partition, **request))
        for batch in _batches(old, _BATCH):
            entries = [{"PartitionValueList": e["Values"], "PartitionInput": e} for e in batch]
            _refuse_errors(
                table, call(self._client.batch_update_partition, **where, Entries=entries)
            )
        return len(new)

    def drop_partitions(self, table: TableFacts, values: Sequence[tuple[str, ...]]) -> None:
        """Remove partitions' definitions, not their data.

        Raises:
            Terminal: Glue refused some; the message has the first.
        """
        where = {"DatabaseName": table.database, "TableName": table.name}
        for batch in _batches([{"Values": list(each)} for each in values], _DROPPED_AT_ONCE):
            request = {**where, "PartitionsToDelete": batch}
            _refuse_errors(table, call(self._client.batch_delete_partition, **request))

    def landed_through(self, database: str, name: str) -> datetime | None:
        """Return up to when (naive UTC) the table is complete, or None if nobody ever said.

        Raises:
            TableMissing: There is no such table.
            Terminal: The table's parameter is no ISO timestamp.
        """
        return landed_through(self.table(database, name))

    def _partitions(self, database: str, name: str) -> Iterator[dict[str, Any]]:
        request = {"DatabaseName": database, "TableName": name, "ExcludeColumnSchema": True}
        while True:
            page = call(self._client.get_partitions, **request)
            yield from page["Partitions"]
            if not page.get("NextToken"):
                return
            request["NextToken"] = page["NextToken"]


def landed_through(table: TableFacts) -> datetime | None:
    """Return up to when (naive UTC) a table is complete, or None if nobody ever said.

    Raises:
        Terminal: The table's parameter is no ISO timestamp, or has an offset.
    """
    said = table.parameters.get(LANDED_THROUGH)
    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise Terminal(
            f"Glue table {table.database}.{table.name}: parameter {LANDED_THROUGH} is {said!r}; "
            "expected an ISO timestamp in UTC without an offset, such as 2013-03-01T00:00:00."
        )
    return moment


def source_facts(table: TableFacts) -> SourceFacts:
    """Return what decisions look at of a table.

    Raises:
        Terminal: Its landing mark is no ISO timestamp.
    """
    return SourceFacts(
        landed_through=landed_through(table),
        moved_at=naive_utc(table.updated_at),
        columns={each.name: each.type for each in table.columns},
        keys=tuple(each.name for each in table.partition_keys),
    )


def table_input(
    name: str,
    *,
    columns: Sequence[ColumnFacts],
    location: str,
    parameters: Mapping[str, str],
    partition_keys: Sequence[ColumnFacts] = (),
) -> dict[str, Any]:
    """Return Glue's TableInput for an external Parquet table."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", **parameters},
        "PartitionKeys": _columns_input(partition_keys),
        "StorageDescriptor": storage_descriptor(columns, location),
    }


def _partition_input(table: TableFacts, partition: PartitionFacts) -> dict[str, Any]:
    return {
        "Values": list(partition.values),
        "StorageDescriptor": storage_descriptor(table.columns, partition.location),
        "Parameters": dict(partition.parameters),
    }


def _batches(items: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _refuse_errors(table: TableFacts, answer: Mapping[str, Any]) -> None:
    if errors := answer.get("Errors"):
        first = errors[0]
        raise Terminal(
            f"Glue refused {len(errors)} partitions of {table.database}.{table.name}; first "
            f"{first.get('PartitionValues') or first.get('PartitionValueList')}: "
            f"{first.get('ErrorDetail')}. What it took stays; run the step again.",
            service="glue",
        )


def storage_descriptor(columns: Sequence[ColumnFacts], location: str) -> dict[str, Any]:
    """Return Glue's StorageDescriptor of Parquet files below ``location``, an S3 URI."""
    return {
        "Columns": _columns_input(columns),
        "Location": location,
        "InputFormat": _INPUT_FORMAT,
        "OutputFormat": _OUTPUT_FORMAT,
        "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"serialization.format": "1"}},
    }


def _columns_input(columns: Sequence[ColumnFacts]) -> list[dict[str, str]]:
    return [_column_input(each) for each in columns]


def _column_input(column: ColumnFacts) -> dict[str, str]:
    described = {"Comment": column.comment} if column.comment else {}
    return {"Name": column.name, "Type": column.type, **described}


def _same(stored: dict[str, Any], wanted: dict[str, Any]) -> bool:
    descriptor, wanted_descriptor = stored["StorageDescriptor"], wanted["StorageDescriptor"]
    return bool(
        stored.get("Parameters", {}) == wanted["Parameters"]
        and stored.get("PartitionKeys", []) == wanted["PartitionKeys"]
        and descriptor["Columns"] == wanted_descriptor["Columns"]
        and descriptor["Location"] == wanted_descriptor["Location"]
    )


def _table_of(table: dict[str, Any], database: str) -> TableFacts:
    descriptor = table.get("StorageDescriptor", {})
    return TableFacts(
        database=database,
        name=table["Name"],
        columns=_columns_of(descriptor.get("Columns", [])),
        partition_keys=_columns_of(table.get("PartitionKeys", [])),
        parameters=dict(table.get("Parameters", {})),
        location=descriptor.get("Location", ""),
        updated_at=table.get("UpdateTime") or table["CreateTime"],
        version_id=str(table.get("VersionId", "")),
    )


def _columns_of(columns: list[dict[str, Any]]) -> tuple[ColumnFacts, ...]:
    return tuple(
        ColumnFacts(each["Name"], each.get("Type", ""), each.get("Comment", ""))
        for each in columns
        # Iceberg leaves the columns of older schemas in the entry, marked as such.
        if each.get("Parameters", {}).get("iceberg.field.current") != "false"
    )


def _partition_of(partition: dict[str, Any]) -> PartitionFacts:
    return PartitionFacts(
        values=tuple(partition["Values"]),
        location=partition.get("StorageDescriptor", {}).get("Location", ""),
        created_at=partition["CreationTime"],
        parameters=dict(partition.get("Parameters", {})),
    )
