"""An Athena query over a million rows, beside DuckDB on the very same files."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.servers import OURS, Server

if TYPE_CHECKING:
    from pathlib import Path

ROWS, FILES = 1_000_000, 4
_BUCKET = "bench-athena"
#: Client and server share two cores with the query: asking more often would slow what is timed.
_POLL_SECONDS = 0.01
#: A glance, which is mostly what surrounds the query, and a query that has something to do.
QUERIES = {
    "Athena, 1 M rows, aggregate": (
        "SELECT carrier, count(*) AS flights, avg(delay) AS mean_delay, max(distance) AS farthest "
        "FROM {table} WHERE distance > 500 GROUP BY carrier ORDER BY carrier"
    ),
    "Athena, 1 M rows, windows": (
        "SELECT carrier, avg(delay - previous) AS change, count(*) AS flights FROM "
        "(SELECT carrier, delay, lag(delay) OVER (PARTITION BY tail ORDER BY distance, delay) "
        "AS previous FROM {table}) AS each_flight "
        "WHERE previous IS NOT NULL GROUP BY carrier ORDER BY carrier"
    ),
}


def compare(server: Server, folder: Path, figures: Any) -> None:
    """Ask both the same questions, once to warm up and once to time."""
    paths = _files(folder)
    _table(server, paths)
    athena = server.client("athena")  # programs make one and keep it
    files = "read_parquet([" + ", ".join(f"'{path}'" for path in paths) + "])"
    for name, sql in QUERIES.items():
        for turn in range(2):
            ours, answer = _timed(lambda sql=sql: _athena(athena, sql.format(table="flights")))
            rival, expected = _timed(lambda sql=sql: _duckdb(sql.format(table=files)))
            if turn:
                figures[name][OURS].append(ours)
                figures[name]["DuckDB"].append(rival)
        if answer != len(expected):
            raise SystemExit(f"Athena answered {answer} rows, DuckDB {len(expected)}")


def _timed(work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _duckdb(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def _athena(athena: Any, sql: str) -> int:
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": "bench_athena"},
        ResultConfiguration={"OutputLocation": f"s3://{_BUCKET}/results/"},
    )["QueryExecutionId"]
    while True:
        found = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if found["State"] == "SUCCEEDED":
            break
        if found["State"] not in {"QUEUED", "RUNNING"}:
            raise SystemExit(f"the query {found['State']}: {found.get('StateChangeReason')}")
        time.sleep(_POLL_SECONDS)
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return len(rows) - 1


def _files(folder: Path) -> list[Path]:
    random = np.random.default_rng(1)
    paths = []
    for number in range(FILES):
        size = ROWS // FILES
        table = pa.table({
            "carrier": pa.array(random.choice(["AA", "B6", "DL", "EV", "UA"], size)),
            "delay": random.normal(10, 30, size),
            "distance": random.integers(80, 5000, size),
            "tail": pa.array([f"N{each}" for each in random.integers(0, 5000, size)]),
        })  # fmt: skip
        paths.append(folder / f"part-{number}.parquet")
        pq.write_table(table, paths[-1])
    return paths


def _table(server: Server, paths: list[Path]) -> None:
    s3, glue = server.client("s3"), server.client("glue")
    s3.create_bucket(Bucket=_BUCKET)
    for path in paths:
        s3.upload_fileobj(io.BytesIO(path.read_bytes()), _BUCKET, f"flights/{path.name}")
    glue.create_database(DatabaseInput={"Name": "bench_athena"})
    kinds = {"carrier": "string", "delay": "double", "distance": "bigint", "tail": "string"}
    parquet = "org.apache.hadoop.hive.ql.io.parquet"
    glue.create_table(
        DatabaseName="bench_athena",
        TableInput={
            "Name": "flights",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in kinds.items()],
                "Location": f"s3://{_BUCKET}/flights/",
                "InputFormat": f"{parquet}.MapredParquetInputFormat",
                "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
                "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
            },
        },
    )
