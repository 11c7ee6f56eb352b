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
