"""DDL against the Glue catalogue. Showing it is showing.py's; no data is read or written here."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

from localaws.services.athena import hive, iceberg_ddl, showing
from localaws.services.athena.catalog import Partition
from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.iceberg_failures import in_iceberg
from localaws.services.athena.showing import Answer, named_table, split_name, table_names
from localaws.services.athena.types import athena_type, glue_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

    from localaws.services.athena.results import Row
    from localaws.services.athena.session import Session

_NAME = r'((?:[`"]?[\w-]+[`"]?\.)?[`"]?[\w-]+[`"]?)'


def run(session: Session, text: str) -> Answer:
    """Perform a DDL or utility statement.

    Raises:
        QueryFailedError: It fails, or is of a kind nobody here performs.
    """
    text = " ".join(text.split()) if "'" not in text else text.strip()
    for pattern, action in _ACTIONS:
        found = pattern.match(text)
        if found:
            return action(session, found)
    raise not_performed(f"the statement {' '.join(text.split()[:3])} ...")


def create_view(session: Session, create: exp.Create) -> Answer:
    """Perform CREATE VIEW; its query must be valid now, as with Athena."""
    table: exp.Table = create.this
    database, name = (table.db or session.database).lower(), table.name.lower()
    described = session.describe(session.plan(create.expression).sql)
    original = session.text[_start_of_query(session.text) :]
    view = {
        "originalSql": original, "catalog": "awsdatacatalog", "schema": session.database,
        "columns": [{"name": column.lower(), "type": athena_type(kind)}
                    for column, kind in described],
    }  # fmt: skip
    encoded = base64.b64encode(json.dumps(view).encode()).decode()
    table_input = {
        "Name": name, "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true"},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */", "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column.lower(), "Type": glue_type(kind)}
                        for column, kind in described],
            "Location": "", "SerdeInfo": {},
        },
    }  # fmt: skip
    known = session.catalog.find(database, name)
    if known and not create.args.get("replace"):
        raise QueryFailedError(f"TABLE_ALREADY_EXISTS: line 1:1: View '{name}' already exists")
    method = session.catalog.client.update_table if known else session.catalog.client.create_table
    method(DatabaseName=database, TableInput=table_input)
    return Answer()


def _start_of_query(text: str) -> int:
    found = re.search(r"\bAS\b\s*", text, re.IGNORECASE)
    return found.end() if found else 0


def _create_database(session: Session, found: re.Match[str]) -> Answer:
    name = found[2].strip('`"').lower()
    if session.catalog.has_database(name):
        if found[1]:
            return Answer()
        raise QueryFailedError(f"FAILED: SemanticException Database {name} already exists")
    location = re.search(r"LOCATION\s+'([^']*)'", found[3] or "", re.IGNORECASE)
    session.catalog.client.create_database(
        DatabaseInput={"Name": name} | ({"LocationUri": location[1]} if location else {})
    )
    return Answer()


def _drop_database(session: Session, found: re.Match[str]) -> Answer:
    name = found[2].strip('`"').lower()
    if not session.catalog.has_database(name):
        if found[1]:
            return Answer()
        raise QueryFailedError(f"FAILED: SemanticException Database does not exist: {name}")
    tables = list(table_names(session, name))
    if tables and not found[3]:
        raise QueryFailedError(
            f"FAILED: InvalidOperationException Database {name} is not empty. "
            f"One or more tables exist."
        )
    session.catalog.client.delete_database(Name=name)
    return Answer()


def _drop_table(session: Session, found: re.Match[str]) -> Answer:
    database, name = split_name(session, found[3])
    known = session.catalog.find(database, name)
    if not known:
        if found[2]:
            return Answer()
        raise QueryFailedError(
            f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name}"
        )
    session.catalog.client.delete_table(DatabaseName=database, Name=name)
    if in_iceberg(known):
        iceberg_ddl.delete_data(session, known)
    return Answer()


def _create_external(session: Session, found: re.Match[str]) -> Answer:
    definition = hive.read_table(found[0])
    database, name = split_name(session, definition.name)
    if session.catalog.find(database, name):
        if definition.if_not_exists:
            return Answer()
        raise QueryFailedError(f"FAILED: SemanticException Table already exists: {database}.{name}")
    if not session.catalog.has_database(database):
        raise QueryFailedError(f"FAILED: SemanticException Database does not exist: {database}")
    session.create_table(
        database, name, definition.storage, list(definition.partition_keys), definition.parameters
    )
    return Answer()


def _repair(session: Session, found: re.Match[str]) -> Answer:
    """Register the Hive-named folders below a table's location; forget nothing."""
    table = named_table(session, found[1])
    if not table.partition_keys:
        raise QueryFailedError(f"FAILED: Table {table.name} is not a partitioned table")
    known = {partition.values for partition in session.catalog.partitions(table)}
    seen: dict[tuple[str, ...], str] = {}
    for item in session.cache.list(session.s3, table.location):
        folder = item.uri.rsplit("/", 1)[0]
        values = hive.partition_values(folder, table)
        if values and values not in known:
            seen[values] = f"{folder}/"
    added = [Partition(values, location) for values, location in seen.items()]
    session.catalog.add_partitions(table, added)
    lines: list[Row] = [[f"Repair: Added partition to metastore {table.name}:{'/'.join(values)}"]
                        for values in seen]  # fmt: skip
    return Answer(["result"], lines)


def _add_partitions(session: Session, found: re.Match[str]) -> Answer:
    table = named_table(session, found[1])
    known = {partition.values for partition in session.catalog.partitions(table)}
    wanted = hive.read_partitions(found[3], table)
    clash = [partition for partition in wanted if partition.values in known]
    if clash and not found[2]:
        raise QueryFailedError(
            "FAILED: SemanticException Partition already exists: "
            f"{table.name}:{'/'.join(clash[0].values)}"
        )
    session.catalog.add_partitions(table, [item for item in wanted if item not in clash])
    return Answer()


def _drop_partitions(session: Session, found: re.Match[str]) -> Answer:
    table = named_table(session, found[1])
    known = {partition.values for partition in session.catalog.partitions(table)}
    for partition in hive.read_partitions(found[3], table):
        if partition.values in known:
            session.catalog.client.delete_partition(
                DatabaseName=table.database, TableName=table.name,
                PartitionValues=list(partition.values),
            )  # fmt: skip
        elif not found[2]:
            raise QueryFailedError(
                f"FAILED: SemanticException Partition not found: {'/'.join(partition.values)}"
            )
    return Answer()


_ACTIONS: tuple[tuple[re.Pattern[str], Callable[[Session, re.Match[str]], Answer]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), action)
    for pattern, action in (
        (rf"CREATE (?:DATABASE|SCHEMA)\s+(IF NOT EXISTS\s+)?{_NAME}(\s.*)?$", _create_database),
        (rf"DROP (?:DATABASE|SCHEMA)\s+(IF EXISTS\s+)?{_NAME}(\s+CASCADE)?(?:\s+RESTRICT)?$",
         _drop_database),
        (rf"DROP (TABLE|VIEW)\s+(IF EXISTS\s+)?{_NAME}$", _drop_table),
        (r"CREATE EXTERNAL TABLE\s.*$", _create_external),
        (r"CREATE TABLE\s.*$", iceberg_ddl.create_table),
        (rf"ALTER TABLE\s+{_NAME}\s+ADD\s+COLUMNS\s*\((.*)\)$", iceberg_ddl.add_columns),
        (rf"ALTER TABLE\s+{_NAME}\s+DROP\s+COLUMN\s+([`\"]?\w+[`\"]?)$", iceberg_ddl.drop_column),
        (rf"ALTER TABLE\s+{_NAME}\s+CHANGE\s+(?:COLUMN\s+)?([`\"]?\w+[`\"]?)\s+(.*)$",
         iceberg_ddl.change_column),
        (rf"ALTER TABLE\s+{_NAME}\s+SET\s+TBLPROPERTIES\s*\((.*)\)$",
         iceberg_ddl.set_properties),
        (rf"MSCK REPAIR TABLE\s+{_NAME}$", _repair),
        (rf"ALTER TABLE\s+{_NAME}\s+ADD\s+(IF NOT EXISTS\s+)?(PARTITION.*)$", _add_partitions),
        (rf"ALTER TABLE\s+{_NAME}\s+DROP\s+(IF EXISTS\s+)?(PARTITION.*)$", _drop_partitions),
        (rf"OPTIMIZE\s+{_NAME}\s+REWRITE\s+DATA\s+USING\s+BIN_PACK(?:\s+WHERE\s+(.*))?$",
         iceberg_ddl.optimize),
        (rf"VACUUM\s+{_NAME}$", iceberg_ddl.vacuum),
        (r"SHOW (?:DATABASES|SCHEMAS)$", showing.show_databases),
        (r"SHOW TABLES(?:\s+IN\s+([\w`\"-]+))?(?:\s+('[^']*'))?$", showing.show_tables),
        (rf"SHOW CREATE TABLE\s+{_NAME}$", showing.show_create_table),
        (rf"SHOW PARTITIONS\s+{_NAME}$", showing.show_partitions),
        (rf"SHOW COLUMNS\s+(?:IN|FROM)\s+{_NAME}$", showing.show_columns),
        (rf"(?:DESCRIBE|DESC)\s+{_NAME}$", showing.describe),
    )
)  # fmt: skip
