"""What the Athena tests share: a lake with flights by day, and a client that waits."""

from __future__ import annotations

import io
import time
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
COLUMNS = [
    {"Name": "flight_id", "Type": "string"},
    {"Name": "carrier", "Type": "string"},
    {"Name": "delay", "Type": "double"},
    {"Name": "distance", "Type": "bigint"},
    {"Name": "scheduled_at", "Type": "timestamp"},
]


class AthenaWorld:
    """A bucket, a database and a workgroup of this test run's own."""

    def __init__(self, aws: EmbeddedAws, account: str = "experimentation") -> None:
        self.athena = aws.client("athena", account)
        self.glue = aws.client("glue", account)
        self.s3 = aws.client("s3", account)
        name = uuid.uuid4().hex[:8]
        self.bucket, self.database, self.workgroup = f"lake-{name}", f"db_{name}", f"wg-{name}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.athena.create_work_group(
            Name=self.workgroup,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/results/"},
                "EnforceWorkGroupConfiguration": False,
            },
        )

    def put_parquet(self, key: str, table: pa.Table) -> int:
        body = io.BytesIO()
        pq.write_table(table, body)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.getvalue())
        return len(body.getvalue())

    def create_table(
        self, name: str, columns: list[dict[str, str]], keys: list[dict[str, str]]
    ) -> None:
        self.glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": keys,
                "StorageDescriptor": PARQUET
                | {"Columns": columns, "Location": f"s3://{self.bucket}/raw/{name}/"},
            },
        )

    def add_partition(self, table: str, value: str, location: str | None = None) -> None:
        where = location or f"s3://{self.bucket}/raw/{table}/dt={value}/"
        self.glue.create_partition(
            DatabaseName=self.database,
            TableName=table,
            PartitionInput={
                "Values": [value],
                "StorageDescriptor": PARQUET | {"Columns": COLUMNS, "Location": where},
            },
        )

    def land_flights(self, days: int, *, table: str = "flights", rows: int = 3) -> list[int]:
        """Make a table of ``rows`` flights a day from 2013-01-01; return each file's size."""
        self.create_table(table, COLUMNS, [{"Name": "dt", "Type": "string"}])
        sizes = []
        for day in range(days):
            date = day_of(1) + timedelta(days=day)
            sizes.append(
                self.put_parquet(
                    f"raw/{table}/dt={date:%Y-%m-%d}/part-0.parquet", flights(date, rows)
                )
            )
            self.add_partition(table, f"{date:%Y-%m-%d}")
        return sizes

    def start(self, sql: str, **extra: Any) -> str:
        started = self.athena.start_query_execution(
            QueryString=sql,
            **{
                "WorkGroup": self.workgroup,
                "QueryExecutionContext": {"Database": self.database},
                **extra,
            },
        )
        return str(started["QueryExecutionId"])

    def wait(self, query_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            query = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if query["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return dict(query)
            time.sleep(0.01)
        raise AssertionError(f"query {query_id} did not finish")

    def run(self, sql: str, **extra: Any) -> dict[str, Any]:
        query = self.wait(self.start(sql, **extra))
        assert query["Status"]["State"] == "SUCCEEDED", query["Status"].get("StateChangeReason")
        return query

    def reason(self, sql: str, **extra: Any) -> str:
        """The reason for which a query fails."""
        query = self.wait(self.start(sql, **extra))
        assert query["Status"]["State"] == "FAILED", query["Status"]
        return str(query["Status"]["StateChangeReason"])

    def rows(self, sql: str, **extra: Any) -> list[list[str | None]]:
        """The rows of a SELECT without its header, as the strings Athena gives."""
        query = self.run(sql, **extra)
        answer = self.athena.get_query_results(QueryExecutionId=query["QueryExecutionId"])
        rows = [[cell.get("VarCharValue") for cell in row["Data"]]
                for row in answer["ResultSet"]["Rows"]]  # fmt: skip
        return rows[1:] if query["StatementType"] == "DML" else rows

    def value(self, expression: str) -> str | None:
        return self.rows(f"SELECT {expression}")[0][0]

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]


def day_of(day: int) -> datetime:
    """A day of January 2013, naive as Athena's timestamps are."""
    return datetime(2013, 1, day)  # noqa: DTZ001


def flights(date: datetime, rows: int = 3) -> pa.Table:
    carriers = ["UA", "B6", "AA"]
    return pa.table(
        {
            "flight_id": [f"{date:%Y-%m-%d}|{index}" for index in range(rows)],
            "carrier": [carriers[index % 3] for index in range(rows)],
            "delay": pa.array([float(index) if index % 3 != 2 else None for index in range(rows)]),
            "distance": pa.array([100 * index for index in range(rows)], pa.int64()),
            "scheduled_at": pa.array(
                [date + timedelta(hours=index % 24) for index in range(rows)], pa.timestamp("us")
            ),
        }
    )
