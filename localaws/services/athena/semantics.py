"""What Trino's analyzer knows of types: what it refuses and DuckDB would let pass, what it means.

Best effort: where sqlglot cannot tell a type, nothing is said, and DuckDB decides. Nothing here
changes a query; divisions of floating-point numbers are marked for translation.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from localaws.services.athena.failures import QueryFailedError, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localaws.services.athena.catalog import TableInfo

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_FLOATING = (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT)
FLOATING = "floating"
"""Marks a division, in its meta, that has infinities and NaN where one of integers fails."""
_PLACE = "division"

_SIGNS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=",
          exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}  # fmt: skip

_FAMILIES = (
    ("text", exp.DataType.TEXT_TYPES),
    ("number", exp.DataType.NUMERIC_TYPES),
    ("time", {exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ}),
    ("boolean", {exp.DataType.Type.BOOLEAN}),
)


def check(query: exp.Expression, tables: Iterable[TableInfo], database: str, sql: str) -> None:
    """Refuse what Trino would refuse, and mark the divisions of floating-point numbers.

    Raises:
        QueryFailedError: COLUMN_NOT_FOUND or TYPE_MISMATCH, with the place.
    """
    known = {(table.database, table.name): table for table in tables}
    divisions = list(query.find_all(exp.Div))
    for place, node in enumerate(divisions):
        node.meta[_PLACE] = place  # which the copy that is given types keeps
    try:
        for scope in traverse_scope(query):
            _check_aliases(scope, known, database, sql)
        typed = _typed(query, known, database)
    except (SqlglotError, AssertionError):  # the latter for SELECT * ... ORDER BY 1
        return
    for node in typed.walk():
        _check_types(node, sql)
        if isinstance(node, exp.Div) and _PLACE in node.meta and _is_floating(node):
            divisions[node.meta[_PLACE]].meta[FLOATING] = True


def _typed(
    query: exp.Expression, known: dict[tuple[str, str], TableInfo], database: str
) -> exp.Expression:
    schema: dict[str, dict[str, dict[str, exp.DataType]]] = {}
    for (owner, name), table in known.items():
        schema.setdefault(owner, {})[name] = {
            column.name: exp.DataType.build(column.type, dialect="hive")
            for column in table.all_columns
        }
    qualified = qualify(
        query.copy(), dialect="trino", db=database.lower(), schema=schema, expand_stars=False,
        expand_alias_refs=False,
        validate_qualify_columns=False, identify=False, quote_identifiers=False,
    )  # fmt: skip
    return annotate_types(qualified, schema=schema, dialect="trino")


def _is_floating(division: exp.Div) -> bool:
    return any(side.is_type(*_FLOATING) for side in (division.this, division.expression))


def _check_types(node: exp.Expression, sql: str) -> None:
    for left, right in _pairs(node):
        _check_pair(node, left, right, sql)
    if isinstance(node, exp.DPipe):
        for side in (node.this, node.expression):
            if _family(side) not in {None, "text"}:
                _refuse(node, f"Unexpected parameters ({_name(side)}) for function concat", sql)


def _pairs(node: exp.Expression) -> list[tuple[exp.Expression, exp.Expression]]:
    """Return the operands whose types must agree."""
    if isinstance(node, (*_COMPARISONS, *_ARITHMETIC)):
        return [(node.this, node.expression)]
    if isinstance(node, exp.Between):
        return [(node.this, node.args["low"]), (node.this, node.args["high"])]
    if isinstance(node, (exp.In, exp.Coalesce)):
        return [(node.this, option) for option in node.expressions]
    return []


def _check_pair(
    node: exp.Expression, left: exp.Expression, right: exp.Expression, sql: str
) -> None:
    arithmetic = isinstance(node, _ARITHMETIC)
    if _differ(left, right) or (arithmetic and _family(left) == _family(right) == "text"):
        sign = _SIGNS.get(type(node), type(node).__name__.upper())
        _refuse(node, f"Cannot apply operator: {_name(left)} {sign} {_name(right)}", sql)


def _differ(left: exp.Expression, right: exp.Expression) -> bool:
    if isinstance(left, exp.Interval) or isinstance(right, exp.Interval):
        return False
    families = _family(left), _family(right)
    return None not in families and families[0] != families[1]


def _family(node: exp.Expression) -> str | None:
    kind = node.type.this if node.type is not None else None
    return next((name for name, members in _FAMILIES if kind in members), None)


def _name(node: exp.Expression) -> str:
    return str(node.type.sql("trino")).lower().split("(")[0]


def _refuse(node: exp.Expression, message: str, sql: str) -> None:
    starts = [
        found.meta["start"] for found in node.find_all(exp.Identifier) if "start" in found.meta
    ]
    raise QueryFailedError(f"TYPE_MISMATCH: {place_of(sql, min(starts, default=0))}: {message}")


def _check_aliases(
    scope: Scope, known: dict[tuple[str, str], TableInfo], database: str, sql: str
) -> None:
    """Refuse an output column's alias outside ORDER BY, where Trino does not see it yet."""
    select = scope.expression
    if not isinstance(select, exp.Select):
        return
    aliases = {item.alias.lower() for item in select.expressions if item.alias}
    visible = _visible(scope, known, database)
    if visible is None:
        return
    for column in _own_columns(select):
        name = column.name.lower()
        if not column.table and name in aliases and name not in visible:
            start = column.this.meta.get("start", 0)
            raise QueryFailedError(
                f"COLUMN_NOT_FOUND: {place_of(sql, start)}: Column '{name}' cannot be resolved"
            )


def _own_columns(select: exp.Select) -> Iterator[exp.Column]:
    for key, value in select.args.items():
        if key in {"order", "with_", "from_"} or value is None:
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Expression):
                inner = part.walk(prune=lambda node: isinstance(node, (exp.Query, exp.Lambda)))
                yield from (node for node in inner if isinstance(node, exp.Column))


def _visible(
    scope: Scope | None, known: dict[tuple[str, str], TableInfo], database: str
) -> set[str] | None:
    """Return the columns that a scope and those around it offer, or None if that is unknown."""
    names: set[str] = set()
    while scope is not None:
        for source in scope.sources.values():
            found = _offered(source, known, database)
            if found is None:
                return None
            names |= found
        scope = scope.parent
    return names


def _offered(
    source: exp.Expression | Scope, known: dict[tuple[str, str], TableInfo], database: str
) -> set[str] | None:
    if isinstance(source, exp.Table):
        table = known.get(((source.db or database).lower(), source.name.lower()))
        return {column.name for column in table.all_columns} if table else None
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Query):
        return None
    names = {name.lower() for name in source.expression.named_selects}
    return None if "*" in names or not names else names
