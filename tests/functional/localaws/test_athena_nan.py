"""NaN in Parquet, whose statistics leave it out as pyarrow writes them: conditions see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tests.functional.localaws.athena_world import AthenaWorld

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws


def test_a_condition_sees_nan(aws: EmbeddedAws) -> None:
    world = AthenaWorld(aws)
    world.put_parquet("raw/t/part-0.parquet", pa.table({"x": [1.0, float("nan"), 7.0, None]}))
    world.create_table("t", [{"Name": "x", "Type": "double"}], [])
    assert world.rows("SELECT count(*) FROM t WHERE is_nan(x)") == [["1"]]
    assert world.rows("SELECT x FROM t WHERE NOT is_nan(x) ORDER BY x") == [["1.0"], ["7.0"]]
    assert world.rows("SELECT x FROM t WHERE x <= 7 ORDER BY x") == [["1.0"], ["7.0"]]


def test_floating_division_by_zero_is_no_error(aws: EmbeddedAws) -> None:
    world = AthenaWorld(aws)
    rows = pa.table({"x": [0.0, 1.0, -1.0, None], "zero": [0.0] * 4, "n": [0, 0, 0, 0]})
    world.put_parquet("raw/quotients/part-0.parquet", rows)
    columns = [("x", "double"), ("zero", "double"), ("n", "bigint")]
    world.create_table("quotients", [{"Name": n, "Type": kind} for n, kind in columns], [])
    quotients = [["NaN"], ["Infinity"], ["-Infinity"], [None]]
    for select in (
        "SELECT x / zero FROM quotients",
        "SELECT x / n FROM quotients",
        "SELECT CAST(x AS real) / zero FROM quotients",
        "SELECT (x + 0) / (zero * 1e0) FROM quotients",
    ):
        assert world.rows(select) == quotients
    # What is known of a column is known of the query that it comes from.
    assert world.rows("SELECT a / b FROM (SELECT x AS a, zero AS b FROM quotients)") == quotients
    assert world.rows("WITH w AS (SELECT x FROM quotients) SELECT x / 0e0 FROM w") == quotients
    assert world.rows("SELECT sum(x) / sum(zero), avg(n) / 2 FROM quotients") == [["NaN", "0.0"]]
    assert world.rows("SELECT 7 / 2, 7e0 / 2") == [["3", "3.5"]]
    for failing in ("SELECT 1 / n FROM quotients", "SELECT sum(n) / sum(n) FROM quotients"):
        assert world.reason(failing).startswith("DIVISION_BY_ZERO: ")
