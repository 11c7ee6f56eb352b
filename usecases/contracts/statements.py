"""A contract as one SELECT that Athena and DuckDB run, and the reading of its result rows.

One row per partition: how many rows, the newest event time, and for each rule how many rows break
it with the first few of them. Rows are aggregated only once they are known to break something, so
a good partition costs its scan and nothing more; examples are the least N texts, which needs memory
for N, not for all breaches. Uniqueness needs each key once: the key's columns are read and grouped,
and only keys that occur twice are joined back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from decisions.contracts import PartitionCounts, RuleBreach
from usecases.contracts.contract import is_missing
from usecases.sql import DIALECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from usecases.contracts.contract import Contract, Rule

EXAMPLES = 5
"""Rows that are shown per rule and partition."""
_LONGEST = 200
"""Characters of a value that an example shows."""
NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls the partition of rows whose key is null."""


def compile_sql(
    contract: Contract,
    table: exp.Table,
    *,
    partition_key: str | None = None,
    only: Sequence[str] | None = None,
    dialect: str = DIALECT,
) -> str:
    """Write the pass over a table.

    Args:
        contract: What is promised.
        table: Where the rows are.
        partition_key: Text column by which rows are told apart; None for one row over all.
        only: Values of the partition key to look at; None for all. Uniqueness is judged among the
            rows looked at.
        dialect: Any that sqlglot writes.
    """
    rows, broken = _Pass(contract, table, partition_key, only).parts()
    query = exp.select("*").from_(rows.subquery("seen", copy=False))
    # Both sides have one row, or one per partition, whose name is never null.
    same = exp.EQ(this=_inner("part", "seen"), expression=_inner("part_broken", "broken"))
    query = query.join(broken.subquery("broken", copy=False), on=same, join_type="left", copy=False)
    return str(query.sql(dialect=dialect, copy=False))


def sample_sql(
    contract: Contract,
    table: exp.Table,
    rows: int,
    *,
    partition_key: str | None = None,
    only: Sequence[str] | None = None,
) -> str:
    """Write a SELECT of at most ``rows`` rows, for pandera."""
    picked = [exp.column(name, quoted=True) for name in contract.types]
    return str(_from(exp.select(*picked), table, partition_key, only).limit(rows).sql(DIALECT))


def read_counts(contract: Contract, rows: Iterable[Mapping[str, Any]]) -> list[PartitionCounts]:
    """Read the answer of ``compile_sql``, in order of the partitions."""
    counted = [
        PartitionCounts(
            partition=str(row["part"]),
            rows=int(row["row_count"]),
            newest=row["newest"],
            breaches=tuple(_breaches(contract, row)),
        )
        for row in rows
    ]
    return sorted(counted, key=lambda each: each.partition)


class _Pass:
    def __init__(
        self,
        contract: Contract,
        table: exp.Table,
        partition_key: str | None,
        only: Sequence[str] | None,
    ) -> None:
        self._contract = contract
        self._table = table
        self._key = partition_key
        self._only = only

    def parts(self) -> tuple[Any, Any]:
        """Return the SELECT of rows seen and that of rows broken, one row per partition each."""
        event_time = self._contract.event_time
        newest = exp.Max(this=exp.column(event_time, quoted=True)) if event_time else _no_moment()
        seen = [
            exp.alias_(exp.Count(this=exp.Star()), "row_count", quoted=True),
            exp.alias_(newest, "newest", quoted=True),
        ]
        rows = self._by_partition(self._scan([]), seen, "part")
        counts = [
            counted
            for number, rule in enumerate(self._contract.rules)
            for counted in self._counts(number, rule)
        ]
        return rows, self._by_partition(self._suspects(), counts, "part_broken")

    def _by_partition(self, query: Any, chosen: list[Any], name: str) -> Any:
        label = exp.Literal.string("") if self._key is None else _part(self._key)
        chosen = [exp.alias_(label, name, quoted=True), *chosen]
        query = query.select(*chosen, append=False, copy=False)
        return query.group_by(label.copy(), copy=False) if self._key is not None else query

    def _scan(self, chosen: list[Any]) -> Any:
        return _from(exp.select(*chosen), self._table, self._key, self._only)

    def _suspects(self) -> Any:
        """Select from the rows that break something, with _b0, _b1, ... telling what."""
        columns = [*self._contract.types, *([self._key] if self._key else [])]
        conditions = [self._condition(place, rule) for place, rule in enumerate(self._rules)]
        flags = [
            exp.alias_(condition, f"_b{place}", quoted=True, copy=False)
            for place, condition in enumerate(conditions)
        ]
        picked = [exp.column(name, table="t", quoted=True) for name in columns]
        source = self._scan(picked + flags)
        for place, rule in enumerate(self._rules):
            if rule.sort == "unique":
                source = self._joined(source, place, rule)
        source = source.where(
            exp.or_(*(each.copy() for each in conditions), copy=False), copy=False
        )
        return exp.select().from_(source.subquery("suspect", copy=False))

    @property
    def _rules(self) -> tuple[Rule, ...]:
        return self._contract.rules

    def _condition(self, place: int, rule: Rule) -> Any:
        if rule.sort == "unique":
            return exp.Is(this=_inner("_k0", f"_u{place}"), expression=exp.Null()).not_()
        return rule.broken.copy()

    def _joined(self, source: Any, place: int, rule: Rule) -> Any:
        """Join the keys that occur more than once; a key with a null in it is no key."""
        keys = [exp.column(name, quoted=True) for name in rule.columns]
        named = [exp.alias_(key.copy(), f"_k{each}", quoted=True) for each, key in enumerate(keys)]
        known = [is_missing(name, self._contract.types[name]).not_() for name in rule.columns]
        twice = (
            self._scan(named)
            .where(*known)
            .group_by(*keys)
            .having(exp.Count(this=exp.Star()) > exp.Literal.number(1))
        )
        alias = f"_u{place}"
        same = exp.and_(
            *(
                exp.EQ(
                    this=exp.column(name, table="t", quoted=True),
                    expression=_inner(f"_k{each}", alias),
                )
                for each, name in enumerate(rule.columns)
            )
        )
        return source.join(twice.subquery(alias, copy=False), on=same, join_type="left", copy=False)

    def _counts(self, number: int, rule: Rule) -> list[Any]:
        flag = exp.column(f"_b{number}", quoted=True)
        count = exp.Count(this=exp.Case().when(flag, exp.Literal.number(1)))
        shown = exp.Case().when(flag.copy(), self._example(rule))
        least = exp.Min(this=shown, expressions=[exp.Literal.number(EXAMPLES)])
        text = exp.JSONFormat(this=exp.cast(least, "json", copy=False))
        return [
            exp.alias_(count, f"n{number}", quoted=True, copy=False),
            exp.alias_(text, f"e{number}", quoted=True, copy=False),
        ]

    def _example(self, rule: Rule) -> Any:
        """Return a JSON text of the values that name a row and break the rule."""
        values = [_shown(name) for name in example_columns(self._contract, rule)]
        array = exp.Array(expressions=values)
        return exp.JSONFormat(this=exp.cast(array, "json", copy=False))


def example_columns(contract: Contract, rule: Rule) -> tuple[str, ...]:
    """Return the columns an example shows: the key's, then those the rule reads."""
    return tuple(dict.fromkeys((*contract.key, *rule.columns)))


def _breaches(contract: Contract, row: Mapping[str, Any]) -> Iterable[RuleBreach]:
    for number, rule in enumerate(contract.rules):
        count = int(row[f"n{number}"] or 0)
        if not count:
            continue
        columns = example_columns(contract, rule)
        texts = json.loads(row[f"e{number}"])
        yield RuleBreach(
            rule=rule.name,
            words=f"{rule.subject}: {count} rows are not {rule.promise}",
            rows=count,
            examples=tuple(dict(zip(columns, json.loads(text), strict=True)) for text in texts),
        )


def _from(
    query: Any, table: exp.Table, partition_key: str | None, only: Sequence[str] | None
) -> Any:
    query = query.from_(exp.alias_(table.copy(), "t", table=True, quoted=True))
    if partition_key is None or only is None:
        return query
    wanted = [exp.Literal.string(value) for value in only]
    key = exp.column(partition_key, table="t", quoted=True)
    return query.where(key.isin(*wanted) if wanted else exp.false())


def _part(key: str) -> Any:
    return exp.Coalesce(
        this=exp.cast(exp.column(key, quoted=True), exp.DataType.Type.VARCHAR),
        expressions=[exp.Literal.string(NO_PARTITION)],
    )


def _shown(name: str) -> Any:
    text = exp.cast(exp.column(name, quoted=True), exp.DataType.Type.VARCHAR, copy=False)
    return exp.Substring(
        this=text, start=exp.Literal.number(1), length=exp.Literal.number(_LONGEST)
    )


def _no_moment() -> Any:
    return exp.Max(this=exp.cast(exp.Null(), exp.DataType.Type.TIMESTAMP))


def _inner(name: str, table: str) -> Any:
    return exp.column(name, table=table, quoted=True)
