"""DDL of Iceberg tables: made, given columns and properties, dropped with their data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localaws.services.athena import dialect, hive, iceberg_changes, iceberg_maintenance
from localaws.services.athena.failures import QueryFailedError, not_performed
from localaws.services.athena.iceberg_failures import explained, in_iceberg
from localaws.services.athena.iceberg_writes import properties_of, schema_from, spec_from
from localaws.services.athena.objects import split_uri
from localaws.services.athena.showing import Answer, named_table, split_name

if TYPE_CHECKING:
    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.session import Session

_PARTITIONED = re.compile(
    r"\bPARTITIONED\s+BY\s*\(((?:[^()]|\([^()]*\))*)\)", re.IGNORECASE | re.DOTALL
)
_COMMA = re.compile(r",(?![^()]*\))")
_PROPERTY = re.compile(r"'([^']*)'\s*=\s*'([^']*)'")
_DELETED_AT_ONCE = 1000


def create_table(session: Session, found: re.Match[str]) -> Answer:
    """CREATE TABLE ... TBLPROPERTIES ('table_type' = 'ICEBERG')."""
    partitioned = _PARTITIONED.search(found[0])
    plain = _PARTITIONED.sub("", found[0])
    definition = hive.read_iceberg(plain)
    database, name = split_name(session, definition.name)
    if definition.parameters.get("table_type", "").upper() != "ICEBERG":
        raise QueryFailedError(
            "FAILED: ParseException CREATE TABLE must be EXTERNAL, or have the table property "
            "'table_type' = 'ICEBERG'"
        )
    if session.catalog.find(database, name):
        if definition.if_not_exists:
            return Answer()
        raise QueryFailedError(f"FAILED: SemanticException Table already exists: {database}.{name}")
    if not session.catalog.has_database(database):
        raise QueryFailedError(f"FAILED: SemanticException Database does not exist: {database}")
    schema = schema_from(definition.columns)
    terms = [term for term in _COMMA.split(partitioned[1]) if term.strip()] if partitioned else []
    split_uri(definition.location)
    with explained(database, name):
        session.iceberg.catalog.create_table(
            (database, name), schema, definition.location.rstrip("/"), spec_from(terms, schema),
            properties=properties_of(definition.parameters),
        )  # fmt: skip
    return Answer()


def add_columns(session: Session, found: re.Match[str]) -> Answer:
    """ALTER TABLE ... ADD COLUMNS (name type, ...)."""
    from localaws.iceberg.types import type_of

    info = _iceberg_table(session, found[1], "ALTER TABLE ADD COLUMNS")
    columns = hive.read_columns(found[2])
    known = {column.name for column in info.columns}
    for name, _ in columns:
        if name in known:
            raise QueryFailedError(
                f"FAILED: SemanticException Column '{name}' already exists in {info.name}"
            )
    with explained(info.database, info.name), session.iceberg.table(info).update_schema() as change:
        for name, kind in columns:
            try:
                change.add_column(name, type_of(kind))
            except ValueError as error:
                raise not_performed(str(error)) from error
    return Answer()


def drop_column(session: Session, found: re.Match[str]) -> Answer:
    """ALTER TABLE ... DROP COLUMN name."""
    info = _iceberg_table(session, found[1], "ALTER TABLE DROP COLUMN")
    name = found[2].strip('`"').lower()
    with explained(info.database, info.name):
        try:
            with session.iceberg.table(info).update_schema(case_sensitive=False) as change:
                change.delete_column(name)
        except ValueError as error:
            raise QueryFailedError(f"FAILED: SemanticException {error}") from error
    return Answer()


def change_column(session: Session, found: re.Match[str]) -> Answer:
    """ALTER TABLE ... CHANGE COLUMN old new type: renamed, or its type widened."""
    from localaws.iceberg.types import type_of

    info = _iceberg_table(session, found[1], "ALTER TABLE CHANGE COLUMN")
    old = found[2].strip('`"').lower()
    ((new, kind),) = hive.read_columns(found[3])
    with explained(info.database, info.name):
        try:
            with session.iceberg.table(info).update_schema(case_sensitive=False) as change:
                change.update_column(old, type_of(kind))
                if new != old:
                    change.rename_column(old, new)
        except ValueError as error:
            raise QueryFailedError(f"FAILED: SemanticException {error}") from error
    return Answer()


def set_properties(session: Session, found: re.Match[str]) -> Answer:
    """ALTER TABLE ... SET TBLPROPERTIES, those that Athena allows."""
    info = _iceberg_table(session, found[1], "ALTER TABLE SET TBLPROPERTIES")
    given = dict(_PROPERTY.findall(found[2]))
    checked = properties_of(given)
    untouched = properties_of({})
    changed = {name: value for name, value in checked.items() if name not in untouched}
    if "write_compression" in given:
        changed["write.parquet.compression-codec"] = checked["write.parquet.compression-codec"]
    with explained(info.database, info.name), session.iceberg.table(info).transaction() as change:
        change.set_properties(changed)
    return Answer()


def optimize(session: Session, found: re.Match[str]) -> Answer:
    """OPTIMIZE ... REWRITE DATA USING BIN_PACK."""
    info = _iceberg_table(session, found[1], "OPTIMIZE")
    where = found[2] and dialect.parse(f"SELECT 1 FROM t WHERE {found[2]}").args["where"].this  # noqa: S608 - parsed, not run
    iceberg_changes.optimize(session, info, where or None)
    return Answer()


def vacuum(session: Session, found: re.Match[str]) -> Answer:
    """VACUUM."""
    iceberg_maintenance.vacuum(session, _iceberg_table(session, found[1], "VACUUM"))
    return Answer()


def show_create_table(session: Session, info: TableInfo) -> list[str]:
    """Return the lines of the CREATE TABLE that makes such a table."""
    from localaws.services.athena.iceberg_writes import PROPERTIES

    table = session.iceberg.table(info)
    columns = session.iceberg.pinned(info).columns
    lines = [f"CREATE TABLE `{info.database}.{info.name}`("]
    lines += [f"  `{column.name}` {column.type}, " for column in columns[:-1]]
    lines.append(f"  `{columns[-1].name}` {columns[-1].type})")
    if table.spec().fields:
        terms = [_term(field, table.schema()) for field in table.spec().fields]
        lines.append(f"PARTITIONED BY ({', '.join(terms)})")
    properties = {"table_type": "iceberg", "format": "parquet"}
    codec = table.properties.get("write.parquet.compression-codec", "zstd")
    properties["write_compression"] = "none" if codec == "uncompressed" else codec
    properties |= {key: value for key, value in table.properties.items() if key in PROPERTIES}
    pairs = [f"  '{key}'='{value}'" for key, value in properties.items()]
    return [*lines, f"LOCATION '{info.location}'", "TBLPROPERTIES (",
            *(f"{pair}, " for pair in pairs[:-1]), f"{pairs[-1]})"]  # fmt: skip


def _term(field: Any, schema: Any) -> str:
    column = f"`{schema.find_field(field.source_id).name.lower()}`"
    name, _, width = str(field.transform).rstrip("]").partition("[")
    if name == "identity":
        return column
    return f"{name}({width}, {column})" if width else f"{name}({column})"


def delete_data(session: Session, info: TableInfo) -> None:
    """Delete all that lies below a dropped table's location: its data are Athena's to manage.

    Raises:
        QueryFailedError: S3 refuses.
    """
    bucket, prefix = split_uri(info.location)
    if not prefix.strip("/"):
        raise QueryFailedError(
            f"ICEBERG_FILESYSTEM_ERROR: Path missing in file system location: {info.location}"
        )
    pages = session.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/"
    )
    with explained(info.database, info.name):
        keys = [{"Key": item["Key"]} for page in pages for item in page.get("Contents", [])]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            objects = keys[start : start + _DELETED_AT_ONCE]
            session.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _iceberg_table(session: Session, name: str, what: str) -> TableInfo:
    info = named_table(session, name)
    if not in_iceberg(info):
        raise not_performed(f"{what} of anything but an Iceberg table")
    return session.iceberg.pinned(info)
