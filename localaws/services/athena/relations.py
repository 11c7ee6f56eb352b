"""From a parsed query to DuckDB SQL over files: names resolved, views opened, scans placed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from localaws.services.athena import dialect, semantics
from localaws.services.athena.catalog import CATALOG_NAMES
from localaws.services.athena.failures import QueryFailedError, place_of
from localaws.services.athena.iceberg_failures import in_iceberg
from localaws.services.athena.readers import Need
from localaws.services.athena.translation import to_duckdb

if TYPE_CHECKING:
    from localaws.services.athena.catalog import GlueCatalog, TableInfo
    from localaws.services.athena.failures import Place
    from localaws.services.athena.iceberg_tables import IcebergTables
    from localaws.services.athena.scan import Scanner

_MAXIMUM_VIEW_DEPTH = 16
_NULL_REJECTING = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Like)


@dataclass(slots=True)
class Plan:
    """A query ready for DuckDB.

    Attributes:
        sql: What DuckDB runs.
        data_bytes: Bytes of all files it reads.
        tables: The tables read, as ``database.table``.
    """

    sql: str
    data_bytes: int = 0
    tables: list[str] = field(default_factory=list)


class Planner:
    """Plans queries of one account."""

    def __init__(self, catalog: GlueCatalog, scanner: Scanner, iceberg: IcebergTables) -> None:
        self._catalog = catalog
        self._scanner = scanner
        self._iceberg = iceberg

    def plan(self, query: exp.Expression, sql: str, database: str, depth: int = 0) -> Plan:
        """Resolve every table of a query.

        Raises:
            QueryFailedError: A table is missing or cannot be read.
        """
        if depth > _MAXIMUM_VIEW_DEPTH:
            raise QueryFailedError("STACK_OVERFLOW: Views refer to each other without end")
        query = query.copy()
        plan = Plan("")
        relations = {}
        tables = [(table, self._lookup(table, sql, database)) for table in _base_tables(query)]
        semantics.check(query, [info for _, info in tables], database, sql)
        for index, (table, info) in enumerate(tables):
            inner = self._relation(info, table, query, depth)
            plan.data_bytes += inner.data_bytes
            plan.tables += inner.tables
            placeholder = f"__relation_{depth}_{index}__"
            relations[f'"{placeholder}"'] = f"({inner.sql})"
            _place(table, placeholder)
        _name_columns(query)
        plan.sql = to_duckdb(query)
        for placeholder, text in relations.items():
            plan.sql = plan.sql.replace(placeholder, text, 1)
        return plan

    def _lookup(self, table: exp.Table, sql: str, database: str) -> TableInfo:
        place = place_in(table, sql)
        if table.catalog.lower() not in CATALOG_NAMES:
            raise QueryFailedError(
                f"CATALOG_NOT_FOUND: {place}: Catalog '{table.catalog.lower()}' does not exist"
            )
        name, _, view = table.name.partition("$")
        info = self._catalog.table(table.db or database, name, place)
        if in_iceberg(info):
            return self._iceberg.pinned(info, table.args.get("version"), view.lower())
        if table.args.get("version"):
            raise QueryFailedError(
                f"NOT_SUPPORTED: {place}: This connector does not support versioned tables"
            )
        if view:  # a name with a dollar that stands for itself, or for nothing
            return self._catalog.table(table.db or database, table.name, place)
        return info

    def _relation(
        self, info: TableInfo, table: exp.Table, query: exp.Expression, depth: int
    ) -> Plan:
        if info.view_sql:
            text, database = info.view_sql
            return self.plan(dialect.parse(text), text, database, depth + 1)
        scan = self._scanner.scan(info, _need(info, table, query))
        return Plan(scan.sql, scan.data_bytes, [f"{info.database}.{info.name}"])


def place_in(table: exp.Table, sql: str) -> Place:
    """Return where a table's name begins in the statement."""
    first = table.args.get("catalog") or table.args.get("db") or table.this
    return place_of(sql, first.meta.get("start", 0))


def _base_tables(query: exp.Expression) -> list[exp.Table]:
    return [
        table
        for table in query.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and not _is_cte(table)
    ]


def _is_cte(table: exp.Table) -> bool:
    """Tell whether a name is that of a WITH clause in sight of it."""
    if table.db:
        return False
    below: exp.Expression = table
    node: exp.Expression | None = table.parent
    while node is not None:
        with_ = node.args.get("with_")
        if with_ is not None and _in_sight(with_, below, table.name.lower()):
            return True
        if isinstance(node, exp.With) and _in_sight(node, below, table.name.lower()):
            return True
        below, node = node, node.parent
    return False


def _in_sight(with_: exp.With, below: exp.Expression, name: str) -> bool:
    if below is with_:
        return False  # judged when the walk passed the With itself
    for cte in with_.expressions:
        if cte is below and not with_.recursive:
            return False  # a WITH query sees those before it, not itself
        if cte.alias.lower() == name:
            return True
    return False


def _place(table: exp.Table, placeholder: str) -> None:
    select = table.find_ancestor(exp.Select)
    for column in select.find_all(exp.Column) if select and table.db else ():
        if (column.db.lower(), column.table.lower()) == (table.db.lower(), table.name.lower()):
            column.set("db", None)  # t.x stands for db.t.x, now that db.t is a subquery named t
            column.set("catalog", None)
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
    table.set("catalog", None)
    table.set("db", None)
    table.set("version", None)
    table.set("this", exp.to_identifier(placeholder, quoted=True))


def _need(info: TableInfo, table: exp.Table, query: exp.Expression) -> Need:
    stars = [star for star in query.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    names = frozenset(identifier.name.lower() for identifier in query.find_all(exp.Identifier))
    wanted = None if stars else names
    if info.iceberg is not None:
        own = {column.name for column in info.columns}
        return Need(wanted, conditions=tuple(_conditions(own, table)))
    keys = {key.name for key in info.partition_keys}
    filters = [to_duckdb(_unqualified(found)) for found in _conditions(keys, table)]
    return Need(wanted, tuple(filters))


def _conditions(keys: set[str], table: exp.Table) -> list[exp.Expression]:
    """Conditions of the enclosing WHERE that speak of these columns of the table alone."""
    select = table.find_ancestor(exp.Select)
    if not keys or select is None or select.args.get("where") is None:
        return []
    if table.parent not in (select.args.get("from_"), *select.args.get("joins", ())):
        return []
    where = select.args["where"].this
    conditions = list(where.flatten()) if isinstance(where, exp.And) else [where]
    return [found for found in conditions if _speaks_only_of(found, table, keys, select)]


def _speaks_only_of(
    condition: exp.Expression, table: exp.Table, keys: set[str], select: exp.Select
) -> bool:
    columns = list(condition.find_all(exp.Column))
    joins = select.args.get("joins") or []
    if not columns or condition.find(exp.Query, exp.AggFunc, exp.Window, exp.Rand):
        return False
    if any(join.side for join in joins) and not (
        isinstance(condition, _NULL_REJECTING) and isinstance(condition.this, exp.Column)
    ):
        return False  # with outer joins, only what NULL cannot satisfy may exclude partitions
    alone = not joins and not select.args.get("laterals")
    return all(
        column.name.lower() in keys
        and (column.table.lower() == table.alias_or_name.lower() if column.table else alone)
        for column in columns
    )


def _unqualified(condition: exp.Expression) -> exp.Expression:
    condition = condition.copy()
    for column in condition.find_all(exp.Column):
        column.replace(exp.column(column.name.lower(), quoted=True))
    return condition


def _name_columns(query: exp.Expression) -> None:
    """Name unnamed columns as Trino does: _col0, _col1 by position."""
    for select in query.find_all(exp.Select):
        for index, item in enumerate(select.expressions):
            if not item.alias and not isinstance(item, (exp.Column, exp.Star, exp.Dot)):
                item.replace(exp.alias_(item.copy(), f"_col{index}"))
