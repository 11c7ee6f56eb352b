"""What the contract tests share: random contracts and rows, judged by SQL and by pandera."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from sqlglot import exp

from usecases.contracts import frames, statements
from usecases.contracts.contract import Contract, contract_of
from usecases.fields import Dataset

TABLE = exp.table_("rows", quoted=True)
ARROW = {
    "string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "double": pa.float64(),
    "timestamp": pa.timestamp("us"), "date": pa.date32(), "boolean": pa.bool_(),
}  # fmt: skip
#: Few values, so that bounds are met exactly and keys occur twice; hostile ones among them.
NUMBERS = [-0.0, 0.0, 0.5, 1.0, -1.5, 1e300, -1e300, float("inf"), float("-inf"), float("nan")]
WHOLE = [0, 1, -1, 2, 7, 2**31 - 1, -(2**31)]
TEXTS = ["", "a", "ab", "AB1", "O'Hare", 'say "x"', "line\nbreak", "ä", "𐌰", "名前", "a\\b", "%_"]
PATTERNS = [
    "a",
    "[a-z]*",
    "[A-Z]{2}[0-9]",
    ".",
    r"\w+",
    r"[^\d]+",
    "(a|ab|O'.*)",
    ".*\n.*",
    r"\s?.+",
]
MOMENTS = [datetime(2013, 1, 1), datetime(2013, 1, 2, 3, 4, 5, 678), datetime(2262, 5, 1)]  # noqa: DTZ001
DAYS = [date(2013, 1, 1), date(2013, 1, 2), date(1900, 2, 28)]
VALUES: dict[str, list[Any]] = {
    "string": TEXTS, "bigint": [*WHOLE, 2**53 + 1, 2**53], "int": WHOLE, "double": NUMBERS,
    "timestamp": MOMENTS, "date": DAYS, "boolean": [True, False],
}  # fmt: skip
NAMES = {
    "text": "string", "order": "string", "count": "bigint", "small": "int", "ratio": "double",
    "select": "double", "at": "timestamp", "until": "timestamp", "day": "date", "yes": "boolean",
}  # fmt: skip


def bounds() -> st.SearchStrategy[dict[str, Any]]:
    value = st.sampled_from([-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 1e9])
    names = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, value))


def texts() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "allowed": st.lists(st.sampled_from(TEXTS), min_size=1, unique=True),
            "pattern": st.sampled_from(PATTERNS),
            "max_length": st.integers(0, 3),
        },
    )


@st.composite
def column(draw: Any, kind: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "nullable": draw(st.booleans())}
    if kind in {"bigint", "int", "double"}:
        made |= draw(bounds())
    if kind == "string":
        made |= draw(texts())
    if kind != "double":
        made["unique"] = draw(st.booleans())
    return made


def scalar(kind: str) -> st.SearchStrategy[str]:
    """SQL of a value of a kind, over the columns of NAMES."""
    columns = [f'"{name}"' for name, its in NAMES.items() if its == kind]
    if kind == "number":
        columns = ['"count"', '"small"', '"ratio"', '"select"', "0", "1", "2.5", 'length("text")']
    if kind == "timestamp":
        columns += ["TIMESTAMP '2013-01-02 00:00:00'", "\"at\" + INTERVAL '1' DAY",
                    "\"until\" - INTERVAL '90' MINUTE"]  # fmt: skip
    if kind == "string":
        columns += ["'a'", "'O''Hare'", "'名前'"]
    if kind == "date":
        columns += ["DATE '2013-01-01'"]
    base = st.sampled_from(columns)
    if kind == "number":
        pair = st.tuples(base, st.sampled_from("+-*/"), base).map(lambda x: f"({' '.join(x)})")
        more = [pair, base.map(lambda x: f"abs({x})"), base.map(lambda x: f"- {x}"),
                st.tuples(base, base).map(lambda x: f"coalesce({x[0]}, {x[1]})")]  # fmt: skip
        return st.one_of(base, *more)
    return base


def conditions() -> st.SearchStrategy[str]:
    """SQL conditions over the columns of NAMES."""
    compared = [
        st.tuples(scalar(kind), st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), scalar(kind))
        for kind in ("number", "string", "timestamp", "date")
    ]
    leaves = st.one_of(
        *(each.map(" ".join) for each in compared),
        scalar("number").map(lambda x: f"{x} IS NULL"),
        scalar("number").map(lambda x: f"{x} IS NOT NULL"),
        scalar("number").map(lambda x: f"{x} NOT IN (0, 1, 2.5)"),
        scalar("number").map(lambda x: f"{x} BETWEEN 0 AND 1"),
        scalar("string").map(lambda x: f"{x} IN ('a', 'ä')"),
        st.just('"yes"'),
        st.just('"day" <= "at"'),
        st.just('"yes" = ("ratio" > 0)'),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
                lambda x: f"({' '.join(x)})"
            ),
            inner.map(lambda x: f"NOT ({x})"),
        ),
        max_leaves=4,
    )


@st.composite
def contracts(draw: Any) -> Contract:
    """A contract over all columns of NAMES, with any promises."""
    columns = {name: draw(column(kind)) for name, kind in NAMES.items()}
    key = draw(st.sampled_from([["text"], ["count", "at"], ["order", "day", "yes"]]))
    rules = draw(st.lists(conditions().filter(lambda x: '"' in x), max_size=3))
    document = {
        "name": "rows", "description": "Anything.", "sql": "rows.sql", "primary_key": key,
        "columns": columns,
        "rules": [{"name": f"rule_{n}", "sql": sql} for n, sql in enumerate(rules)],
    }  # fmt: skip
    return contract_of(Dataset.model_validate(document), "at")


@st.composite
def rows(draw: Any, most: int = 12) -> list[dict[str, Any]]:
    """Rows of all columns and a partition `dt`, each value null now and then."""
    one = st.fixed_dictionaries(
        {
            **{name: st.sampled_from([None, *VALUES[kind]]) for name, kind in NAMES.items()},
            "dt": st.sampled_from(["2013-01-01", "2013-01-02", "it's"]),
        }
    )
    found = draw(st.lists(one, max_size=most))
    return found + draw(st.lists(st.sampled_from(found), max_size=2)) if found else found


def arrow(found: list[dict[str, Any]]) -> pa.Table:
    schema = [*((name, ARROW[kind]) for name, kind in NAMES.items()), ("dt", pa.string())]
    return pa.Table.from_pylist(found, schema=pa.schema(schema))


def by_sql(
    contract: Contract, found: list[dict[str, Any]], **options: Any
) -> dict[str, dict[str, int]]:
    """Rule to rows that break it, per partition, as DuckDB counts."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
        pq.write_table(arrow(found), file.name)
        # By default DuckDB believes the file's statistics, which leave NaN out.
        source = f"read_parquet('{file.name}', can_have_nan = true)"
        connection.execute(f'CREATE VIEW "rows" AS SELECT * FROM {source}')  # noqa: S608
        text = statements.compile_sql(contract, TABLE, dialect="duckdb", **options)
        answer = connection.execute(text)
        names = [each[0] for each in answer.description]
        read = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return as_counts(contract, read)


def as_counts(contract: Contract, read: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    nothing = {rule.name: 0 for rule in contract.rules}
    return {
        each.partition: nothing | {breach.rule: breach.rows for breach in each.breaches}
        for each in statements.read_counts(contract, read)
    }


def by_pandera(contract: Contract, found: list[dict[str, Any]]) -> dict[str, int]:
    return frames.broken_rows(contract, frames.as_frame(contract, found))
