"""DELETE, UPDATE and OPTIMIZE of Iceberg tables, each one commit. MERGE is iceberg_merge.py's.

Athena writes files that name deleted rows (merge on read); here the data files that may hold such
rows are replaced by others without them (copy on write). What a reader sees is the same. A change
that others' rows may have met meanwhile fails with ICEBERG_COMMIT_ERROR, as Athena's does.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from localaws.services.athena import iceberg_scan
from localaws.services.athena.failures import QueryFailedError
from localaws.services.athena.iceberg_failures import explained, in_iceberg
from localaws.services.athena.iceberg_tables import TARGET
from localaws.services.athena.iceberg_writes import append, stored, summary, typed
from localaws.services.athena.parquet_writer import Written
from localaws.services.athena.readers import Need

if TYPE_CHECKING:
    from pyiceberg.table import FileScanTask

    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.session import Session

#: https://docs.aws.amazon.com/athena/latest/ug/optimize-statement.html
_FEWEST_FILES = "optimize_rewrite_data_file_threshold", 5
_FEWEST_DELETES = "optimize_rewrite_delete_file_threshold", 2


def change(session: Session, statement: exp.Expression) -> Written:
    """Perform DELETE, UPDATE or MERGE.

    Raises:
        QueryFailedError: The table is none of Iceberg's, or the statement fails.
    """
    from localaws.services.athena.iceberg_merge import merge

    table: exp.Table = statement.this
    place = session.place(table)
    info = session.catalog.table(table.db or session.database, table.name, place)
    if not in_iceberg(info):
        raise QueryFailedError(
            "NOT_SUPPORTED: Modifying Hive table rows is only supported for transactional tables"
        )
    info = session.iceberg.pinned(info)
    if isinstance(statement, exp.Merge):
        return merge(session, info, statement)
    where = statement.args.get("where")
    condition = unqualified(where.this if where else exp.true(), table)
    left = _left(info, statement, condition)
    touched = iceberg_scan.planned(info, Need(None, conditions=(condition,)))
    session.iceberg.narrow(info, touched)
    counted = exp.select(exp.Count(this=exp.Star())).from_(target(info)).where(condition.copy())
    hits = session.number(counted)
    if hits:
        replace(session, info, touched, [left])
    return Written(hits, [], info.location)


def optimize(session: Session, info: TableInfo, where: exp.Expression | None) -> None:
    """Perform OPTIMIZE ... REWRITE DATA USING BIN_PACK: fewer files, the same rows.

    Args:
        session: The statement's.
        info: The table.
        where: Only files that may hold rows that fulfil it; None is all.
    """
    info = session.iceberg.pinned(info)
    by_partition: dict[Any, list[FileScanTask]] = defaultdict(list)
    need = Need(None, conditions=(where,) if where is not None else ())
    for task in iceberg_scan.planned(info, need):
        by_partition[task.file.spec_id, task.file.partition].append(task)
    properties = info.iceberg.table.properties
    fewest_files, fewest_deletes = (
        int(properties.get(name, default)) for name, default in (_FEWEST_FILES, _FEWEST_DELETES)
    )
    chosen = [
        task
        for tasks in by_partition.values()
        for task in tasks
        if len(tasks) >= max(fewest_files, 2)
        or any(len(other.delete_files) >= fewest_deletes for other in tasks)
    ]
    if chosen:
        session.iceberg.narrow(info, chosen)
        replace(session, info, chosen, [exp.select(*_columns(info)).from_(target(info))])


def target(info: TableInfo) -> exp.Table:
    """Return the table that is changed, as a query names it: of it, the narrowed files only."""
    return exp.Table(
        this=exp.to_identifier(f"{info.name}${TARGET}", quoted=True),
        db=exp.to_identifier(info.database, quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(info.name, quoted=True)),
    )


def unqualified(expression: exp.Expression, table: exp.Table) -> exp.Expression:
    """Take the database out of ``db.t.column``; the target has an alias instead."""
    expression = expression.copy()
    for column in expression.find_all(exp.Column):
        if column.db and column.table.lower() == table.name.lower():
            column.set("db", None)
            column.set("catalog", None)
    return expression


def replace(
    session: Session, info: TableInfo, tasks: list[FileScanTask], queries: list[exp.Expression]
) -> None:
    """Commit the rows of some queries, which have the table's columns, in the place of files.

    Raises:
        QueryFailedError: Others changed the table meanwhile, or S3 or Glue refuse.
    """
    table = session.iceberg.table(info)
    names = [column.name for column in info.columns]
    made = []
    for query in queries:
        select = typed(table.schema(), session.plan(query).sql, names)
        with explained(info.database, info.name):
            made += stored(session, table.metadata, select, most_partitions=None)
    with explained(info.database, info.name):
        transaction = table.transaction()
        if tasks:
            producer = transaction.update_snapshot(snapshot_properties=summary(session)).overwrite()
            with producer as snapshot:
                for task in tasks:
                    snapshot.delete_data_file(task.file)
                for file in made:
                    snapshot.append_data_file(file)
        else:
            append(session, transaction, made)
        transaction.commit_transaction()


def _left(info: TableInfo, statement: exp.Expression, condition: exp.Expression) -> exp.Expression:
    """Return the query of the rows as they are after a DELETE or UPDATE."""
    query = exp.select().from_(target(info))
    if isinstance(statement, exp.Delete):
        hit = exp.func("coalesce", condition.copy(), exp.false())
        return query.select(*_columns(info)).where(exp.Not(this=exp.paren(hit)))
    changes = assignments(info, statement.expressions, statement.this)
    return query.select(
        *(
            exp.alias_(
                exp.Case().when(condition.copy(), changes[column.name]).else_(_column(column.name))
                if column.name in changes
                else _column(column.name),
                column.name, quoted=True,
            )
            for column in info.columns
        )
    )  # fmt: skip


def assignments(
    info: TableInfo, pairs: list[exp.Expression], table: exp.Table
) -> dict[str, exp.Expression]:
    """Return the new value of each column that a SET names.

    Raises:
        QueryFailedError: The table has no such column.
    """
    changes = {pair.this.name.lower(): unqualified(pair.expression, table) for pair in pairs}
    unknown = set(changes) - {column.name for column in info.columns}
    if unknown:
        raise QueryFailedError(
            f"COLUMN_NOT_FOUND: line 1:1: The UPDATE SET target column {min(unknown)} doesn't exist"
        )
    return changes


def _columns(info: TableInfo) -> list[exp.Expression]:
    return [_column(column.name) for column in info.columns]


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)
