"""awswrangler, unchanged: every way it has of reading Athena gives the rows that pandas has."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import awswrangler as wr
import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.conftest import EmbeddedAws

ROWS = 2500
POLLING = {"athena_query_wait_polling_delay": 0.02}


def frame() -> pd.DataFrame:
    days = [dt.date(2013, 1, 1) + dt.timedelta(days=index % 5) for index in range(ROWS)]
    return pd.DataFrame(
        {
            "id": range(ROWS),
            "name": [f"ñ, \"{index}\"\n'x'" if index % 7 else None for index in range(ROWS)],
            "value": [index / 3 if index % 11 else np.nan for index in range(ROWS)],
            "at": pd.date_range("2013-01-01", periods=ROWS, freq="37min"),
            "day": days,
            "good": [index % 2 == 0 for index in range(ROWS)],
            "price": [Decimal(f"{index}.25") for index in range(ROWS)],
            "part": [f"p {index % 3}" for index in range(ROWS)],
        }
    )


class Lake:
    """A database with the table ``t``, and a fresh place for each query's results."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.database = f"wr_{uuid.uuid4().hex[:8]}"
        wr.catalog.create_database(self.database)
        self.frame = frame()
        self.write(self.frame, "t")

    def write(self, rows: pd.DataFrame, table: str, mode: Any = "overwrite") -> None:
        wr.s3.to_parquet(
            rows, path=f"s3://{self.bucket}/{table}/", dataset=True, database=self.database,
            table=table, partition_cols=["part"], mode=mode,
        )  # fmt: skip

    def output(self) -> str:
        return f"s3://{self.bucket}/out/{uuid.uuid4().hex}/"

    def read(self, sql: str, **how: Any) -> Any:
        return wr.athena.read_sql_query(
            sql, self.database, **({"s3_output": self.output()} | how), **POLLING
        )

    def tables(self) -> set[str]:
        return {item["Name"] for item in wr.catalog.get_tables(database=self.database)}


@pytest.fixture(scope="module")
def lake(environment: dict[str, str], bucket: str) -> Iterator[Lake]:
    made = Lake(bucket)
    yield made
    wr.catalog.delete_database(made.database)


def plain(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Rows as Python values: what must agree, whatever dtypes a way of reading chooses."""
    ordered = rows.sort_values("id").astype(object)
    return list(ordered.where(ordered.notna(), None).itertuples(index=False, name=None))


WAYS = {
    "ctas": {"ctas_approach": True},
    "csv": {"ctas_approach": False},
    "unload": {"ctas_approach": False, "unload_approach": True},
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_reading_gives_every_row(lake: Lake, way: str) -> None:
    rows = lake.read("SELECT * FROM t", **WAYS[way])
    assert plain(rows[list(lake.frame.columns)]) == plain(lake.frame)


def test_the_default_way_leaves_no_table_and_no_manifest_unread(lake: Lake) -> None:
    before = lake.tables()
    rows = lake.read("SELECT id FROM t WHERE part = 'p 1'", keep_files=True)
    assert sorted(rows["id"]) == [index for index in range(ROWS) if index % 3 == 1]
    assert lake.tables() == before, "the temporary table must be dropped"


def test_ctas_writes_the_manifest_that_names_its_files(lake: Lake) -> None:
    output = lake.output()
    rows = lake.read("SELECT id FROM t", s3_output=output, keep_files=True)
    query = rows.query_metadata
    manifest = query["Statistics"]["DataManifestLocation"]
    assert manifest == f"{output}{query['QueryExecutionId']}-manifest.csv"
    listed = wr.s3.read_csv(manifest, header=None)[0].tolist()
    assert len(wr.s3.read_parquet(listed)) == ROWS
    assert query["Statistics"]["DataScannedInBytes"] > 0


@pytest.mark.parametrize("way", ["ctas", "csv"])
def test_no_rows_are_no_rows_but_have_their_columns(lake: Lake, way: str) -> None:
    rows = lake.read("SELECT * FROM t WHERE id < 0", **WAYS[way])
    assert len(rows) == 0
    assert list(rows.columns) == list(lake.frame.columns)


def test_unload_of_no_rows_says_that_there_are_none(lake: Lake) -> None:
    with pytest.raises(wr.exceptions.EmptyDataFrame):
        lake.read("SELECT * FROM t WHERE id < 0", **WAYS["unload"])


def test_unload_by_partition_is_a_dataset(lake: Lake) -> None:
    place = lake.output()
    query = wr.athena.unload(
        "SELECT * FROM t", place, lake.database, compression="snappy", partitioned_by=["part"],
        **POLLING,
    )  # fmt: skip
    listed = wr.s3.read_csv(query.manifest_location, header=None)[0].tolist()
    rows = wr.s3.read_parquet(listed, dataset=True, path_root=place)
    assert plain(rows[list(lake.frame.columns)]) == plain(lake.frame)
    with pytest.raises(wr.exceptions.QueryFailed, match="HIVE_PATH_ALREADY_EXISTS"):
        wr.athena.unload("SELECT 1 AS a", place, lake.database, **POLLING)


@pytest.mark.parametrize("way", ["ctas", "csv", "unload"])
def test_chunks_add_up(lake: Lake, way: str) -> None:
    chunks = list(lake.read("SELECT id FROM t", chunksize=1000, **WAYS[way]))
    assert len(chunks) >= 3
    assert sorted(pd.concat(chunks)["id"]) == list(range(ROWS))


def test_nested_types_survive_ctas_and_unload(lake: Lake) -> None:
    sql = """SELECT id, ARRAY[id, id + 1] AS pair, CAST(ROW(id, name) AS ROW(a bigint, b varchar))
             AS both FROM t WHERE id IN (0, 8)"""
    for way in ("ctas", "unload"):
        rows = lake.read(sql, **WAYS[way]).sort_values("id")
        assert [list(item) for item in rows["pair"]] == [[0, 1], [8, 9]]
        assert list(rows["both"]) == [
            {"a": 0, "b": None}, {"a": 8, "b": "ñ, \"8\"\n'x'"},
        ]  # fmt: skip


def test_parameters(lake: Lake) -> None:
    named = lake.read("SELECT id FROM t WHERE name = :name", params={"name": "ñ, \"8\"\n'x'"})
    assert list(named["id"]) == [8]
    marked = lake.read(
        "SELECT id FROM t WHERE part = ? AND id < ? ORDER BY id", params=["'p 2'", "6"],
        paramstyle="qmark", ctas_approach=False,
    )  # fmt: skip
    assert list(marked["id"]) == [2, 5]


def test_a_table_is_read_whole(lake: Lake) -> None:
    rows = wr.athena.read_sql_table("t", lake.database, s3_output=lake.output())
    assert plain(rows[list(lake.frame.columns)]) == plain(lake.frame)
    files = wr.s3.read_parquet(f"s3://{lake.bucket}/t/", dataset=True)
    assert plain(files[list(lake.frame.columns)]) == plain(lake.frame)


def test_modes_of_writing(lake: Lake) -> None:
    small = lake.frame.head(300)

    def counts() -> list[tuple[Any, ...]]:
        sql = "SELECT part, count(*) AS n FROM modes GROUP BY part ORDER BY part"
        return list(lake.read(sql, ctas_approach=False).itertuples(index=False, name=None))

    lake.write(small, "modes")
    assert counts() == [("p 0", 100), ("p 1", 100), ("p 2", 100)]
    lake.write(small, "modes", "append")
    assert counts() == [("p 0", 200), ("p 1", 200), ("p 2", 200)]
    lake.write(small[small["part"] == "p 1"], "modes", "overwrite_partitions")
    assert counts() == [("p 0", 200), ("p 1", 100), ("p 2", 200)]
    lake.write(small[small["part"] == "p 2"], "modes")
    assert counts() == [("p 2", 100)]
    lake.write(small.assign(more=1), "modes", "append")
    with_more = lake.read("SELECT count(*) AS n, count(more) AS m FROM modes", ctas_approach=False)
    assert list(with_more.itertuples(index=False, name=None)) == [(400, 300)]


def test_text_tables(lake: Lake) -> None:
    # Text formats have no notion of a line break or quote within a value: plain ones.
    small = pd.DataFrame({"id": [1, 2], "name": ["a", "b"], "value": [0.5, 1.5]})
    at = {"dataset": True, "database": lake.database, "index": False}
    wr.s3.to_csv(small, path=f"s3://{lake.bucket}/as_csv/", table="as_csv", **at)
    wr.s3.to_json(
        small, path=f"s3://{lake.bucket}/as_json/", table="as_json", orient="records", lines=True,
        **at,
    )  # fmt: skip
    assert plain(lake.read("SELECT * FROM as_csv")) == plain(small)
    assert plain(lake.read("SELECT * FROM as_json")) == plain(small)


def test_ctas_table_and_what_shows_it(lake: Lake) -> None:
    wr.athena.create_ctas_table(
        "SELECT id, value, part FROM t WHERE id < 9", lake.database, ctas_table="made",
        ctas_database=lake.database, s3_output=lake.output(), storage_format="parquet",
        write_compression="snappy", partitioning_info=["part"], wait=True, **POLLING,
    )  # fmt: skip
    assert sorted(lake.read("SELECT id FROM made")["id"]) == list(range(9))
    shown = wr.athena.show_create_table("made", lake.database, s3_output=lake.output(), **POLLING)
    assert "PARTITIONED BY ( `part` string)" in shown.replace("  ", " ")
    repaired = wr.athena.repair_table("made", lake.database, s3_output=lake.output(), **POLLING)
    assert repaired == "SUCCEEDED"
    assert wr.catalog.table(lake.database, "made")["Column Name"].tolist() == [
        "id", "value", "part",
    ]  # fmt: skip


def test_prepared_statements(lake: Lake) -> None:
    wr.athena.create_prepared_statement("SELECT id FROM t WHERE id = ?", "one_row")
    assert "one_row" in [item["StatementName"] for item in wr.athena.list_prepared_statements()]
    marked = lake.read(
        "EXECUTE one_row", params=["4"], paramstyle="qmark", ctas_approach=False
    )  # fmt: skip
    assert list(marked["id"]) == [4]
    wr.athena.delete_prepared_statement("one_row")
    assert wr.athena.list_prepared_statements() == []


def test_its_own_cache_finds_the_earlier_query(lake: Lake) -> None:
    sql, cached = "SELECT id FROM t WHERE id < 5 ORDER BY id", {"max_cache_seconds": 900}
    how = {"ctas_approach": False, "athena_cache_settings": cached, "s3_output": lake.output()}
    first, second = lake.read(sql, **how), lake.read(sql, **how)
    assert list(first["id"]) == list(second["id"]) == list(range(5))
    assert first.query_metadata["QueryExecutionId"] == second.query_metadata["QueryExecutionId"]


@pytest.mark.parametrize(
    ("sql", "how", "reason"),
    [
        ("SELECT nope FROM t", {}, "COLUMN_NOT_FOUND: line .*: Column 'nope' cannot be resolved"),
        ("SELECT * FROM none", {"ctas_approach": False}, "TABLE_NOT_FOUND"),
        ("SELECT id FROM t", {"ctas_parameters": {"bucketing_info": (["id"], 2)}}, "NOT_SUPPORTED"),
    ],
)
def test_a_failure_is_a_failure(lake: Lake, sql: str, how: dict[str, Any], reason: str) -> None:
    with pytest.raises(wr.exceptions.QueryFailed, match=reason):
        lake.read(sql, **how)


def test_without_a_place_for_results_it_makes_athenas_default_bucket(
    lake: Lake, aws: EmbeddedAws
) -> None:
    with pytest.warns(UserWarning, match="s3_output"):
        rows = wr.athena.read_sql_query("SELECT id FROM t", lake.database, **POLLING)
    assert len(rows) == ROWS
    aws.client("s3").head_bucket(Bucket="aws-athena-query-results-111111111111-us-east-1")
