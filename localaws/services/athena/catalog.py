"""What Glue knows of a table, read through Glue's API. Reading files belongs to scan.py."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from localaws.services.athena.failures import Place, QueryFailedError

CATALOG_NAMES = frozenset({"", "awsdatacatalog"})
_PRESTO_VIEW = re.compile(r"/\* Presto View: (\S+) \*/")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as Glue types it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table of the Glue catalogue.

    Attributes:
        file_format: ``parquet``, ``csv``, ``json`` or ``iceberg``; empty for a view.
        view_sql: The query of a view, and the database it was written in.
        iceberg: An Iceberg table's metadata as the query sees it (iceberg_tables.Pinned).
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    location: str
    file_format: str
    serde_parameters: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    view_sql: tuple[str, str] | None = None
    iceberg: Any = None

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Return columns and partition keys in the order SELECT * gives them."""
        return self.columns + self.partition_keys


@dataclass(frozen=True, slots=True)
class Partition:
    """A registered partition."""

    values: tuple[str, ...]
    location: str


class GlueCatalog:
    """One account's Glue catalogue."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def find(self, database: str, name: str) -> TableInfo | None:
        """Return the table or view, or None."""
        try:
            found = self.client.get_table(DatabaseName=database.lower(), Name=name.lower())
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        return _table_info(found["Table"])

    def table(self, database: str, name: str, place: Place | None = None) -> TableInfo:
        """Return the table.

        Raises:
            QueryFailedError: TABLE_NOT_FOUND or SCHEMA_NOT_FOUND, as Athena says it.
        """
        found = self.find(database, name)
        if found:
            return found
        where = f"{place or Place(1, 1)}: "
        if not self.has_database(database):
            raise QueryFailedError(
                f"SCHEMA_NOT_FOUND: {where}Schema '{database.lower()}' does not exist"
            )
        raise QueryFailedError(
            f"TABLE_NOT_FOUND: {where}Table 'awsdatacatalog.{database.lower()}.{name.lower()}' "
            "does not exist"
        )

    def has_database(self, database: str) -> bool:
        """Tell whether the database exists."""
        try:
            self.client.get_database(Name=database.lower())
        except ClientError as error:
            if _is_missing(error):
                return False
            raise
        return True

    def partitions(self, table: TableInfo) -> list[Partition]:
        """Return every registered partition of the table."""
        found: list[Partition] = []
        token: dict[str, str] = {}
        while True:
            page = self.client.get_partitions(
                DatabaseName=table.database, TableName=table.name,
                ExcludeColumnSchema=True, **token,
            )  # fmt: skip
            found += [
                Partition(tuple(item["Values"]), item["StorageDescriptor"]["Location"])
                for item in page["Partitions"]
            ]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    def add_partitions(self, table: TableInfo, partitions: list[Partition]) -> None:
        """Register partitions; those already registered are left as they are."""
        described = self.client.get_table(DatabaseName=table.database, Name=table.name)["Table"]
        for start in range(0, len(partitions), 100):
            self.client.batch_create_partition(
                DatabaseName=table.database,
                TableName=table.name,
                PartitionInputList=[
                    {
                        "Values": list(partition.values),
                        "StorageDescriptor": described["StorageDescriptor"]
                        | {"Location": partition.location},
                    }
                    for partition in partitions[start : start + 100]
                ],
            )


def storage_descriptor(columns: list[Column], location: str, file_format: str) -> dict[str, Any]:
    """Return the StorageDescriptor of a table of plain files."""
    inputs, outputs, serde = _STORAGE[file_format]
    return {
        "Columns": [{"Name": column.name, "Type": column.type} for column in columns],
        "Location": location, "InputFormat": inputs, "OutputFormat": outputs, "Compressed": False,
        "NumberOfBuckets": -1, "SerdeInfo": {"SerializationLibrary": serde, "Parameters": {}},
        "BucketColumns": [], "SortColumns": [], "Parameters": {}, "StoredAsSubDirectories": False,
    }  # fmt: skip


_HADOOP = "org.apache.hadoop"
_TEXT = (f"{_HADOOP}.mapred.TextInputFormat",
         f"{_HADOOP}.hive.ql.io.HiveIgnoreKeyTextOutputFormat")  # fmt: skip
_STORAGE = {
    "parquet": (
        f"{_HADOOP}.hive.ql.io.parquet.MapredParquetInputFormat",
        f"{_HADOOP}.hive.ql.io.parquet.MapredParquetOutputFormat",
        f"{_HADOOP}.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "csv": (*_TEXT, f"{_HADOOP}.hive.serde2.lazy.LazySimpleSerDe"),
    "json": (*_TEXT, "org.openx.data.jsonserde.JsonSerDe"),
}


def _is_missing(error: ClientError) -> bool:
    return str(error.response["Error"]["Code"]) == "EntityNotFoundException"


def _table_info(found: dict[str, Any]) -> TableInfo:
    storage = found.get("StorageDescriptor", {})
    serde = storage.get("SerdeInfo", {})
    return TableInfo(
        database=found["DatabaseName"],
        name=found["Name"],
        columns=_columns(storage.get("Columns", [])),
        partition_keys=_columns(found.get("PartitionKeys", [])),
        location=storage.get("Location", ""),
        file_format=_format(serde.get("SerializationLibrary", ""), storage, found),
        serde_parameters=serde.get("Parameters", {}),
        parameters=found.get("Parameters", {}),
        view_sql=_view(found),
    )


def _columns(found: list[dict[str, Any]]) -> tuple[Column, ...]:
    return tuple(
        Column(item["Name"].lower(), item.get("Type", "string")) for item in current(found)
    )


def current(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the columns that an Iceberg table had once; Glue keeps them, marked."""
    return [
        item
        for item in columns
        if item.get("Parameters", {}).get("iceberg.field.current") != "false"
    ]


def _format(library: str, storage: dict[str, Any], found: dict[str, Any]) -> str:
    hints = f"{library} {storage.get('InputFormat', '')}".lower()
    if found.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG":
        return "iceberg"
    for name, hint in (("parquet", "parquet"), ("json", "json"), ("orc", "orc"), ("avro", "avro"),
                       ("csv", "lazysimple"), ("csv", "opencsv")):  # fmt: skip
        if hint in hints:
            return name
    return "" if found.get("TableType") == "VIRTUAL_VIEW" else "unknown"


def _view(found: dict[str, Any]) -> tuple[str, str] | None:
    if found.get("TableType") != "VIRTUAL_VIEW":
        return None
    text = found.get("ViewOriginalText", "")
    encoded = _PRESTO_VIEW.search(text)
    if not encoded:
        return text, found["DatabaseName"]
    try:
        view = json.loads(base64.b64decode(encoded[1]))
    except (binascii.Error, ValueError) as error:
        raise QueryFailedError(
            f"INVALID_VIEW: View '{found['DatabaseName']}.{found['Name']}' is not readable"
        ) from error
    return view["originalSql"], view.get("schema", found["DatabaseName"])
