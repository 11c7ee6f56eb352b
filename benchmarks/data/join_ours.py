"""Our generated SQL on the benchmark's files: on DuckDB in a child process, and through Athena.

``python -m benchmarks.data.join_ours FOLDER OUTPUT`` is the child.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data.join_files import GROUPS, features_of
from benchmarks.data.join_rivals import timed
from usecases.declaration import load_use_case
from usecases.fields import FeatureGroup, Join, Label, TrainingSet
from usecases.point_in_time import Table, Tables, Window, training_set_sql

if TYPE_CHECKING:
    from benchmarks.servers import Server

MEMORY_LIMIT = "2GB"
_DATABASE, _BUCKET = "bench_joins", "bench-joins"
_START = datetime.fromisoformat("2026-01-01")
_GLUE = {
    "labels": {
        "label_id": "string", "event_timestamp": "timestamp", "entity_id": "string",
        "label": "int",
    },
    **{
        f"g{group}": {
            "entity_id": "string", "event_time": "string", "event_timestamp": "timestamp",
            **dict.fromkeys(features_of(group), "double"), "write_time": "timestamp",
            "api_invocation_time": "timestamp", "is_deleted": "boolean",
        }
        for group in range(GROUPS)
    },
}  # fmt: skip


def generated_sql(dialect: str) -> str:
    """Return the training set's SQL as the project generates it for this declaration."""
    base = load_use_case(Path(__file__).resolve().parents[2] / "usecases" / "flight_delay")
    groups = tuple(
        FeatureGroup(
            name=f"g{group}",
            description="Benchmark.",
            dataset="planes",
            record_id="entity_id",
            event_time="event_time",
            features=dict.fromkeys(features_of(group), "numeric"),
        )
        for group in range(GROUPS)
    )
    training = TrainingSet(
        spine="labels",
        id="label_id",
        event_time="event_timestamp",
        label=Label(column="label", kind="binary", delay=timedelta(0)),
        window=timedelta(days=200),
        minimum_rows=1,
        joins=tuple(Join(group=group.name, key="entity_id") for group in groups),
    )
    use_case = base.model_copy(update={"feature_groups": groups, "training_set": training})
    tables = Tables(
        Table(_DATABASE, "labels"), {each.name: Table(_DATABASE, each.name) for each in groups}
    )
    end = _START + timedelta(days=200)
    return training_set_sql(use_case, tables, Window(_START, end, end), dialect=dialect)


def on_duckdb(folder: Path, output: Path) -> Any:
    """Return the join on DuckDB, with bounded memory; what exceeds it spills beside the output."""
    import duckdb

    settings = {
        "threads": 2,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(output.parent / "spill"),
    }
    connection = duckdb.connect(config=settings)
    connection.execute(f"CREATE SCHEMA {_DATABASE}")
    for name in _GLUE:
        connection.execute(
            f"CREATE VIEW {_DATABASE}.{name} AS FROM read_parquet('{folder / name}.parquet')"
        )
    query = generated_sql("duckdb")
    copy = f"COPY ({query}) TO '{output}' (FORMAT parquet, COMPRESSION zstd)"
    return lambda: connection.execute(copy)


class OnAthena:
    """The join as CTAS on the embedded Athena, over tables that lie in its S3."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._s3, self._athena = server.client("s3"), server.client("athena")
        self._s3.create_bucket(Bucket=_BUCKET)
        glue = server.client("glue")
        glue.create_database(DatabaseInput={"Name": _DATABASE})
        for name, columns in _GLUE.items():
            key = f"{name}/part-0.parquet"
            self._s3.upload_file(str(folder / f"{name}.parquet"), _BUCKET, key)
            glue.create_table(DatabaseName=_DATABASE, TableInput=_table_input(name, columns))
        self._turn = 0

    def join(self) -> dict[str, float]:
        """Run the CTAS once; return its figures, seconds from the request to SUCCEEDED."""
        self._turn += 1
        spent = self._cpu_seconds()
        location = f"s3://{_BUCKET}/made{self._turn}/"
        began = time.perf_counter()
        self._run(
            f"CREATE TABLE made{self._turn} WITH (format = 'PARQUET', external_location = "
            f"'{location}', write_compression = 'ZSTD') AS {generated_sql('athena')}"
        )
        return {
            "seconds": time.perf_counter() - began,
            "cpu": self._cpu_seconds() - spent,
            "mebibytes": self._peak_mebibytes(),
        }

    def fetch(self, output: Path) -> None:
        """Download what the last join made."""
        found = self._s3.list_objects_v2(Bucket=_BUCKET, Prefix=f"made{self._turn}/")["Contents"]
        if len(found) != 1:
            raise SystemExit(f"the embedded Athena wrote {len(found)} files; expected one")
        self._s3.download_file(_BUCKET, found[0]["Key"], str(output))

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._server.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _peak_mebibytes(self) -> float:
        """Return the most memory the server ever held (VmHWM)."""
        status = Path(f"/proc/{self._server.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def _run(self, sql: str) -> None:
        query = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": _DATABASE},
            ResultConfiguration={"OutputLocation": f"s3://{_BUCKET}/results/"},
        )["QueryExecutionId"]
        while True:
            status = self._athena.get_query_execution(QueryExecutionId=query)
            found = status["QueryExecution"]["Status"]
            if found["State"] == "SUCCEEDED":
                return
            if found["State"] not in {"QUEUED", "RUNNING"}:
                raise SystemExit(f"the query {found['State']}: {found.get('StateChangeReason')}")
            time.sleep(0.05)


def _table_input(name: str, columns: dict[str, str]) -> dict[str, Any]:
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "Location": f"s3://{_BUCKET}/{name}/",
            "InputFormat": f"{hive}.MapredParquetInputFormat",
            "OutputFormat": f"{hive}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe"},
        },
    }


if __name__ == "__main__":
    print(timed(on_duckdb(Path(sys.argv[1]), Path(sys.argv[2]))))
