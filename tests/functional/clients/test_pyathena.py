"""PyAthena, unchanged: its cursors, types, parameters and errors, and SQLAlchemy on top of it."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import pyathena
import pytest
from pyathena.arrow.cursor import ArrowCursor
from pyathena.async_cursor import AsyncCursor
from pyathena.cursor import DictCursor
from pyathena.pandas.cursor import PandasCursor
from sqlalchemy import create_engine, inspect, text

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

#: SQL, the value a cursor gives, the value in a PandasCursor's frame (None: the same).
VALUES: list[tuple[str, Any]] = [
    ("CAST(1 AS tinyint)", 1),
    ("CAST(2 AS smallint)", 2),
    ("3", 3),
    ("BIGINT '-9223372036854775808'", -(2**63)),
    ("CAST(1.5 AS double)", 1.5),
    ("CAST(2.5 AS real)", 2.5),
    ("1e10", 1e10),
    ("1.50", Decimal("1.50")),
    ("DECIMAL '12345678901234567890.12'", Decimal("12345678901234567890.12")),
    ("CAST(7.5 AS decimal)", Decimal(8)),
    ("CAST(1.25 AS decimal(10,3))", Decimal("1.250")),
    ("'x\"y, ''z'''", "x\"y, 'z'"),
    ("CAST('abc' AS varchar(2))", "ab"),
    ("''", ""),
    ("true", True),
    ("DATE '2020-02-29'", dt.date(2020, 2, 29)),
    (
        "TIMESTAMP '2020-02-29 01:02:03.456'",
        dt.datetime(2020, 2, 29, 1, 2, 3, 456000),  # noqa: DTZ001 - Athena's has no zone
    ),
    (
        "TIMESTAMP '2020-02-29 01:02:03.456 UTC'",
        dt.datetime(2020, 2, 29, 1, 2, 3, 456000, tzinfo=ZoneInfo("UTC")),
    ),
    ("TIME '01:02:03'", dt.time(1, 2, 3)),
    ("to_utf8('x')", b"x"),
    ("ARRAY[1, 2, NULL]", [1, 2, None]),
    ("ARRAY['a', 'b']", ["a", "b"]),
    ("MAP(ARRAY['k'], ARRAY['v'])", {"k": "v"}),
    ("CAST(ROW('y', 'z') AS ROW(a varchar, b varchar))", {"a": "y", "b": "z"}),
    ("JSON '{\"a\": [1]}'", {"a": [1]}),
    ("CAST(NULL AS varchar)", None),
    ("NULL", None),
]


class Desk:
    """A connection with a database of its own."""

    def __init__(self, aws: EmbeddedAws, bucket: str) -> None:
        self.bucket, self.database = bucket, f"pa_{uuid.uuid4().hex[:8]}"
        aws.client("glue").create_database(DatabaseInput={"Name": self.database})
        self.staging = f"s3://{bucket}/pyathena/"
        self.connection = pyathena.connect(
            s3_staging_dir=self.staging, region_name="us-east-1", schema_name=self.database,
            poll_interval=0.02,
        )  # fmt: skip

    def run(self, sql: str, *parameters: Any, **how: Any) -> Any:
        return self.connection.cursor().execute(sql, *parameters, **how)


@pytest.fixture(scope="module")
def desk(environment: dict[str, str], aws: EmbeddedAws, bucket: str) -> Desk:
    return Desk(aws, bucket)


def test_every_type_arrives_as_python_knows_it(desk: Desk) -> None:
    columns = ", ".join(f"{sql} AS c{index}" for index, (sql, _) in enumerate(VALUES))
    row = desk.run(f"SELECT {columns}").fetchone()
    assert list(row) == [value for _, value in VALUES]
    assert [type(value) for value in row] == [type(value) for _, value in VALUES]
    named = desk.connection.cursor(DictCursor).execute(f"SELECT {columns}").fetchone()
    assert list(named.values()) == list(row)


def test_pandas_reads_the_csv_in_s3(desk: Desk) -> None:
    sql = """SELECT n, n / DOUBLE '2' AS half, CAST(n AS varchar) AS name,
             IF(n % 2 = 0, n) AS even, CAST(n AS decimal(9,2)) AS price
             FROM UNNEST(sequence(1, 3)) AS t(n)"""
    rows = desk.connection.cursor(PandasCursor).execute(sql).as_pandas()
    assert rows["n"].tolist() == [1, 2, 3]
    assert rows["half"].tolist() == [0.5, 1.0, 1.5]
    assert rows["name"].tolist() == ["1", "2", "3"]
    assert rows["even"].isna().tolist() == [True, False, True]
    assert rows["price"].tolist() == [Decimal("1.00"), Decimal("2.00"), Decimal("3.00")]


def test_pandas_reads_parquet_by_unload(desk: Desk) -> None:
    cursor = desk.connection.cursor(PandasCursor, unload=True)
    rows = cursor.execute("SELECT n, ARRAY[n] AS list FROM UNNEST(sequence(1, 3)) AS t(n)")
    frame = rows.as_pandas().sort_values("n")
    assert [(n, list(items)) for n, items in frame.itertuples(index=False)] == [
        (1, [1]), (2, [2]), (3, [3]),
    ]  # fmt: skip
    assert cursor.data_manifest_location.endswith(f"{cursor.query_id}-manifest.csv")


def test_arrow_cannot_be_told_the_endpoint(desk: Desk) -> None:
    """Why docs/localaws/clients.md lists ArrowCursor as not working; should it, the test says so.

    It reads with Arrow's own S3 client, and passes it no endpoint; the query itself succeeds.
    """
    cursor = desk.connection.cursor(ArrowCursor, connect_timeout=1, request_timeout=1)
    with pytest.raises(pyathena.error.OperationalError, match=r"amazonaws\.com|NETWORK_CONNECTION"):
        cursor.execute("SELECT 1 AS a")


def test_more_rows_than_a_page(desk: Desk) -> None:
    sql = "SELECT n FROM UNNEST(sequence(1, 3003)) AS t(n) ORDER BY n"
    assert [row[0] for row in desk.run(sql).fetchall()] == list(range(1, 3004))
    cursor = desk.run(sql)
    assert [len(cursor.fetchmany(1500)) for _ in range(4)] == [1500, 1500, 3, 0]


def test_parameters(desk: Desk) -> None:
    values = {
        "a": 1, "b": "it's", "c": None, "d": dt.date(2020, 1, 1), "e": Decimal("1.5"),
        "f": [1, 2],
    }  # fmt: skip
    row = desk.run(
        "SELECT %(a)s, %(b)s, %(c)s, %(d)s, %(e)s WHERE 2 IN %(f)s", values
    ).fetchone()  # fmt: skip
    assert row == (1, "it's", None, dt.date(2020, 1, 1), Decimal("1.5"))
    marks = desk.run("SELECT ?, ?, ?", ["1", "'a''b'", "DATE '2020-01-01'"], paramstyle="qmark")
    assert marks.fetchone() == (1, "a'b", dt.date(2020, 1, 1))
    with pytest.raises(pyathena.error.DatabaseError, match="INVALID_PARAMETER_USAGE"):
        desk.run("SELECT ?, ?", ["1"], paramstyle="qmark")


def test_a_table_from_nothing(desk: Desk) -> None:
    desk.run(
        "CREATE EXTERNAL TABLE people (id int, name string) PARTITIONED BY (team string) "
        f"STORED AS PARQUET LOCATION 's3://{desk.bucket}/people/'"
    )
    desk.run("INSERT INTO people VALUES (1, 'x', 'p'), (2, NULL, 'q')")
    desk.connection.cursor().executemany(
        "INSERT INTO people VALUES (%(id)s, %(name)s, 'r')",
        [{"id": 3, "name": "z"}, {"id": 4, "name": "w"}],
    )
    cursor = desk.run("SELECT * FROM people ORDER BY id")
    assert cursor.fetchall() == [(1, "x", "p"), (2, None, "q"), (3, "z", "r"), (4, "w", "r")]
    assert [item[:2] for item in cursor.description] == [
        ("id", "integer"), ("name", "varchar"), ("team", "varchar"),
    ]  # fmt: skip
    assert cursor.statement_type == "DML"
    assert cursor.output_location == f"{desk.staging}{cursor.query_id}.csv"
    assert cursor.data_scanned_in_bytes > 0
    assert desk.run("SHOW PARTITIONS people").fetchall() == [("team=p",), ("team=q",), ("team=r",)]
    assert "PARTITIONED BY" in str(desk.run("SHOW CREATE TABLE people").fetchall())
    described = cursor.get_table_metadata("people")
    assert [column.name for column in described.columns] == ["id", "name"]
    assert [column.name for column in described.partition_keys] == ["team"]
    assert [item.name for item in cursor.list_table_metadata()] == ["people"]
    assert desk.database in [item.name for item in cursor.list_databases("AwsDataCatalog")]


def test_sqlalchemy(desk: Desk, environment: dict[str, str]) -> None:
    desk.run(
        "CREATE EXTERNAL TABLE IF NOT EXISTS alchemy (id int, name string) "
        f"STORED AS PARQUET LOCATION 's3://{desk.bucket}/alchemy/'"
    )
    desk.run("INSERT INTO alchemy VALUES (1, 'x')")
    engine = create_engine(
        f"awsathena+rest://@athena.us-east-1.amazonaws.com:443/{desk.database}"
        f"?s3_staging_dir={quote_plus(desk.staging)}&poll_interval=0.02"
    )
    with engine.connect() as connection:
        found = connection.execute(text("SELECT * FROM alchemy WHERE id = :id"), {"id": 1})
        assert found.fetchall() == [(1, "x")]
        assert [item["name"] for item in inspect(connection).get_columns("alchemy")] == [
            "id", "name",
        ]  # fmt: skip
    engine.dispose()


def test_results_are_reused_when_asked(desk: Desk) -> None:
    sql, reuse = "SELECT 42 AS x", {"result_reuse_enable": True, "result_reuse_minutes": 60}
    first = desk.run(sql, **reuse)
    second = desk.run(sql, **reuse)
    assert (first.reused_previous_result, second.reused_previous_result) == (False, True)
    assert second.fetchall() == first.fetchall() == [(42,)]
    assert second.query_id != first.query_id
    assert second.output_location == first.output_location
    assert second.data_scanned_in_bytes == 0
    assert desk.run(sql).reused_previous_result is False
    assert desk.run("SELECT 43 AS x", **reuse).reused_previous_result is False


def test_prepared_statements(desk: Desk) -> None:
    desk.run("PREPARE double_it FROM SELECT 2 * ?, ?")
    assert desk.run("EXECUTE double_it USING 21, split_part('a,b', ',', 2)").fetchone() == (42, "b")
    desk.run("DEALLOCATE PREPARE double_it")
    with pytest.raises(pyathena.error.DatabaseError, match="double_it was not found"):
        desk.run("EXECUTE double_it USING 21, 1")


@pytest.mark.parametrize(
    ("sql", "kind", "reason"),
    [
        ("SELECT nope", pyathena.error.OperationalError, "COLUMN_NOT_FOUND: line 1:8: .*'nope'"),
        ("SELECT 1 / 0", pyathena.error.OperationalError, "DIVISION_BY_ZERO"),
        ("SELECT * FROM none", pyathena.error.OperationalError, "TABLE_NOT_FOUND"),
        ("SELEC 1", pyathena.error.DatabaseError, "mismatched input 'SELEC'"),
        ("EXPLAIN SELECT 1", pyathena.error.OperationalError, "NOT_SUPPORTED"),
    ],
)
def test_errors(desk: Desk, sql: str, kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        desk.run(sql)


def test_a_query_is_cancelled(desk: Desk) -> None:
    cursor = desk.connection.cursor(AsyncCursor)
    query_id, future = cursor.execute(
        "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a(x) "
        "CROSS JOIN UNNEST(sequence(1, 100000)) AS b(y) WHERE x * y % 7 = 1"
    )
    time.sleep(0.2)
    cursor.cancel(query_id)
    assert future.result(timeout=20).state == "CANCELLED"
    cursor.close()
