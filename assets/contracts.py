"""What a dataset promises, checked: one SQL pass over all rows, and pandera over a sample.

The promise itself is declared in the use case's YAML. Drift does not belong here: it is about
change, a contract about what may never be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.glue import ColumnFacts
    from usecases.fields import Column, Dataset, SourceTable

SAMPLE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise: which column, what was promised, how many rows break it."""

    column: str
    promise: str
    rows: int

    def __str__(self) -> str:
        return f"{self.column}: {self.rows} rows are not {self.promise}"


def schema_breaches(dataset: Dataset, found: Iterable[ColumnFacts]) -> list[str]:
    """Compare a table's columns with the declared ones; name what is gone or retyped."""
    return _differences({name: column.type for name, column in dataset.columns.items()}, found)


def source_breaches(source: SourceTable, found: Iterable[ColumnFacts]) -> list[str]:
    """Compare a raw table's columns with those the use case counts on."""
    return _differences(source.columns, found)


def contract_sql(dataset: Dataset, database: str) -> str:
    """Return one SELECT that counts the rows and, per promise, the rows that break it.

    The answer's columns are ``row_count``, ``duplicate_keys`` and ``b0``, ``b1``, ... in the order
    of ``promises``.
    """
    counts: list[exp.Expression] = [exp.alias_(exp.Count(this=exp.Star()), "row_count")]
    counts.append(exp.alias_(_duplicates(dataset), "duplicate_keys"))
    for number, (_, _, broken) in enumerate(promises(dataset)):
        counted = exp.Coalesce(
            this=exp.Sum(this=exp.func("if", broken, exp.Literal.number(1), exp.Literal.number(0))),
            expressions=[exp.Literal.number(0)],
        )
        counts.append(exp.alias_(counted, f"b{number}"))
    table = exp.table_(dataset.name, db=database, quoted=True)
    return str(exp.select(*counts).from_(table).sql(dialect="athena"))


def promises(dataset: Dataset) -> list[tuple[str, str, exp.Expression]]:
    """Return (column, promise in words, SQL condition of a row that breaks it)."""
    return [
        (name, words, broken)
        for name, column in dataset.columns.items()
        for words, broken in _column_promises(name, column)
    ]


def breaches_of(dataset: Dataset, counted: Mapping[str, Any]) -> list[Breach]:
    """Read the answer of ``contract_sql``."""
    found = [
        Breach(column, words, int(counted[f"b{number}"]))
        for number, (column, words, _) in enumerate(promises(dataset))
        if int(counted[f"b{number}"])
    ]
    duplicates = int(counted["duplicate_keys"])
    if duplicates:
        found.append(Breach(", ".join(dataset.primary_key), "unique", duplicates))
    return found


def pandera_failures(dataset: Dataset, rows: list[dict[str, Any]]) -> list[str]:
    """Run the contract with pandera's own backend on sampled rows; name what fails, at most 10."""
    import pandas as pd
    import pandera.pandas as pa

    frame = pd.DataFrame(rows, columns=list(dataset.columns))
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(None, checks=_pandera_checks(column), nullable=column.nullable)
            for name, column in dataset.columns.items()
        },
        unique=list(dataset.primary_key) or None,
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.head(10).to_dict("records")
        return [f"{c['column']}: {c['check']} fails on {c['failure_case']!r}" for c in cases]
    return []


def _differences(expected: Mapping[str, str], found: Iterable[ColumnFacts]) -> list[str]:
    types = {column.name: column.type for column in found}
    breaches = []
    for name, kind in expected.items():
        if name not in types:
            breaches.append(f"column {name} is missing (expected type {kind})")
        elif types[name] != kind:
            breaches.append(f"column {name} has type {types[name]}, expected {kind}")
    return breaches


def _column_promises(name: str, column: Column) -> list[tuple[str, exp.Expression]]:
    this = exp.column(name, quoted=True)
    found: list[tuple[str, exp.Expression]] = []
    if not column.nullable:
        found.append(("present", exp.Is(this=this, expression=exp.Null())))
    if column.minimum is not None:
        found.append(
            (f">= {column.minimum}", exp.LT(this=this, expression=_literal(column.minimum)))
        )
    if column.maximum is not None:
        found.append(
            (f"<= {column.maximum}", exp.GT(this=this, expression=_literal(column.maximum)))
        )
    if column.allowed:
        allowed = exp.In(this=this, expressions=[_literal(value) for value in column.allowed])
        found.append((f"one of {list(column.allowed)}", exp.Not(this=exp.paren(allowed))))
    return found


def _pandera_checks(column: Column) -> list[Any]:
    import pandera.pandas as pa

    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum))
    if column.allowed:
        checks.append(pa.Check.isin(list(column.allowed)))
    return checks


def _duplicates(dataset: Dataset) -> exp.Expression:
    if not dataset.primary_key:
        return exp.Literal.number(0)
    keys = [exp.column(name, quoted=True) for name in dataset.primary_key]
    distinct = exp.Count(this=exp.Distinct(expressions=[_one(keys)]))
    return exp.Sub(this=exp.Count(this=exp.Star()), expression=distinct)


def _one(keys: list[exp.Column]) -> exp.Expression:
    return keys[0] if len(keys) == 1 else exp.Tuple(expressions=list(keys))


def _literal(value: object) -> exp.Expression:
    return exp.convert(value)
