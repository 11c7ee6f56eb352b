"""Which columns of the raw tables a query's columns are computed from, read from the SQL alone.

What filters or groups the rows is no origin of a value. Showing it belongs to the assets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.lineage import lineage

from usecases.sql import DIALECT, output_columns, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

Origins = dict[str, tuple[tuple[str, str], ...]]
"""(table, column) pairs, sorted, by the query's column; none for a constant."""


def origins(text: str, database: str, columns: Mapping[str, Mapping[str, str]]) -> Origins:
    """Return the origins of each of a query's columns.

    Args:
        text: The query.
        database: The one database it reads.
        columns: Type by column by table.

    Raises:
        SqlError: The query cannot be parsed.
    """
    schema = {database: {table: dict(types) for table, types in columns.items()}}
    nodes = lineage(None, parse(text), schema=schema, dialect=DIALECT)
    return {name: _origins_of(nodes[name]) for name in output_columns(text)}


def _origins_of(node: Any) -> tuple[tuple[str, str], ...]:
    leaves = [each for each in node.walk() if isinstance(each.expression, exp.Table)]
    return tuple(sorted({(leaf.expression.name, _column(leaf.name)) for leaf in leaves}))


def _column(name: str) -> str:
    return str(exp.to_column(name, dialect=DIALECT).name)
