"""Statements that only show what the Glue catalogue holds. Changing it is ddl.py's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localaws.services.athena.failures import QueryFailedError

if TYPE_CHECKING:
    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.results import Row
    from localaws.services.athena.session import Session


@dataclass(slots=True)
class Answer:
    """Columns and rows a statement shows; mostly none."""

    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def split_name(session: Session, name: str) -> tuple[str, str]:
    """Return database and table of a name as written."""
    parts = [part.strip('`"').lower() for part in name.split(".")]
    return (parts[0], parts[1]) if len(parts) > 1 else (session.database.lower(), parts[0])


def named_table(session: Session, name: str) -> TableInfo:
    """Return the table of a name as written.

    Raises:
        QueryFailedError: There is none.
    """
    return session.catalog.table(*split_name(session, name))


def show_databases(session: Session, _: re.Match[str]) -> Answer:
    """SHOW DATABASES."""
    pages = session.catalog.client.get_paginator("get_databases").paginate()
    names = sorted(item["Name"] for page in pages for item in page["DatabaseList"])
    return Answer(["database_name"], [[name] for name in names])


def show_tables(session: Session, found: re.Match[str]) -> Answer:
    """SHOW TABLES, with Hive's * for any text."""
    database = (found[1] or session.database).strip('`"').lower()
    if not session.catalog.has_database(database):
        raise QueryFailedError(f"FAILED: SemanticException Database does not exist: {database}")
    wanted = re.compile((found[2] or "*").strip("'").replace("*", ".*"))
    names = sorted(name for name in table_names(session, database) if wanted.fullmatch(name))
    return Answer(["tab_name"], [[name] for name in names])


def table_names(session: Session, database: str) -> Any:
    """Yield the names of the tables of a database."""
    pages = session.catalog.client.get_paginator("get_tables").paginate(DatabaseName=database)
    return (item["Name"] for page in pages for item in page["TableList"])


def show_partitions(session: Session, found: re.Match[str]) -> Answer:
    """SHOW PARTITIONS."""
    table = named_table(session, found[1])
    if not table.partition_keys:
        raise QueryFailedError(
            f"FAILED: SemanticException Table {table.name} is not a partitioned table"
        )
    lines: list[Row] = [
        ["/".join(f"{key.name}={value}"
                  for key, value in zip(table.partition_keys, partition.values, strict=True))]
        for partition in session.catalog.partitions(table)
    ]  # fmt: skip
    return Answer(["partition"], sorted(lines, key=str))


def show_columns(session: Session, found: re.Match[str]) -> Answer:
    """SHOW COLUMNS."""
    table = named_table(session, found[1])
    return Answer(["field"], [[column.name] for column in table.all_columns])


def show_create_table(session: Session, found: re.Match[str]) -> Answer:
    """SHOW CREATE TABLE, a line of the statement in each row."""
    database, name = split_name(session, found[1])
    table = named_table(session, found[1])
    if table.view_sql:
        raise QueryFailedError(f"FAILED: SemanticException {database}.{name} is a view")
    if table.file_format == "iceberg":
        from localaws.services.athena.iceberg_ddl import show_create_table as shown

        return Answer(["createtab_stmt"], [[line] for line in shown(session, table)])
    glue = session.catalog.client.get_table(DatabaseName=database, Name=name)["Table"]
    storage = glue["StorageDescriptor"]
    lines = [f"CREATE EXTERNAL TABLE `{database}.{name}`(", *_listed(storage["Columns"])]
    if glue.get("PartitionKeys"):
        lines += ["PARTITIONED BY ( ", *_listed(glue["PartitionKeys"])]
    serde = storage.get("SerdeInfo", {})
    lines += ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', '')}' "]
    if serde.get("Parameters"):
        lines += ["WITH SERDEPROPERTIES ( ", *_pairs(serde["Parameters"])]
    lines += ["STORED AS INPUTFORMAT ", f"  '{storage.get('InputFormat', '')}' "]
    lines += ["OUTPUTFORMAT ", f"  '{storage.get('OutputFormat', '')}'"]
    lines += ["LOCATION", f"  '{table.location}'"]
    if glue.get("Parameters"):
        lines += ["TBLPROPERTIES (", *_pairs(glue["Parameters"])]
    return Answer(["createtab_stmt"], [[line] for line in lines])


def _listed(columns: list[dict[str, str]]) -> list[str]:
    lines = [f"  `{item['Name']}` {item['Type']}" for item in columns]
    return [*(f"{line}, " for line in lines[:-1]), f"{lines[-1]})"] if lines else [")"]


def _pairs(parameters: dict[str, str]) -> list[str]:
    lines = [f"  '{key}'='{value}'" for key, value in sorted(parameters.items())]
    return [*(f"{line}, " for line in lines[:-1]), f"{lines[-1]})"]


def describe(session: Session, found: re.Match[str]) -> Answer:
    """DESCRIBE."""
    table = named_table(session, found[1])
    lines: list[Row] = [[f"{column.name:<20}\t{column.type:<20}\t"]
                        for column in table.all_columns]  # fmt: skip
    if table.partition_keys:
        lines += [["\t \t "], ["# Partition Information\t \t "]]
        lines += [[f"{key.name:<20}\t{key.type:<20}\t"] for key in table.partition_keys]
    return Answer(["col_name"], lines)
