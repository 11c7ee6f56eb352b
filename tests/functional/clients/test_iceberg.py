"""pyiceberg's own Glue catalogue and S3 reader, and awswrangler's Iceberg functions, unchanged."""

# ruff: noqa: S608 - SQL in f-strings is what is tested

from __future__ import annotations

import datetime as dt
import threading
import uuid
from typing import TYPE_CHECKING, Any

import awswrangler as wr
import pandas as pd
import pyarrow as pa
import pyathena
import pytest
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.expressions import GreaterThanOrEqual
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, LongType, NestedField, StringType

from tests.functional.clients.positional_deletes import delete_rows
from tests.functional.localaws.athena_world import AthenaWorld

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from tests.functional.conftest import EmbeddedAws

ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "carrier": pa.array(["UA", None, "B6"]),
        "at": pa.array([dt.datetime(2013, 1, day, 5) for day in (1, 2, 3)], pa.timestamp("us")),  # noqa: DTZ001
    }
)


class Engines:
    """Athena, and pyiceberg with its own clients, on the same lake."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.world = AthenaWorld(aws)
        self.catalog = GlueCatalog(
            "glue",
            **{
                "glue.endpoint": aws.endpoint_url,
                "s3.endpoint": aws.endpoint_url,
                "client.region": "us-east-1",
                "client.access-key-id": "LOCALAWS111111111111",
                "client.secret-access-key": "unchecked",
            },
        )

    def location(self, name: str) -> str:
        return f"s3://{self.world.bucket}/ice/{name}"

    def load(self, name: str) -> Table:
        return self.catalog.load_table((self.world.database, name))

    def ctas(self, name: str, select: str, options: str = "") -> None:
        self.world.run(
            f"CREATE TABLE {name} WITH (table_type = 'ICEBERG', is_external = false, "
            f"location = '{self.location(name)}/'{options}) AS {select}"
        )


@pytest.fixture(scope="module")
def engines(aws: EmbeddedAws, environment: dict[str, str]) -> Engines:
    return Engines(aws)


VALUES = (
    "SELECT * FROM (VALUES (1, 'UA', TIMESTAMP '2013-01-01 05:00:00'), "
    "(2, NULL, TIMESTAMP '2013-01-02 05:00:00'), (3, 'B6', TIMESTAMP '2013-01-03 05:00:00')) "
    "AS t(id, carrier, at)"
)


def test_pyiceberg_reads_what_athena_writes(engines: Engines) -> None:
    engines.ctas("theirs", VALUES, ", partitioning = ARRAY['day(at)', 'bucket(id, 4)']")
    table = engines.load("theirs")
    assert isinstance(table.io, PyArrowFileIO)  # its own S3 client, not the server's
    found = table.scan().to_arrow().sort_by("id").to_pylist()
    assert found == ROWS.to_pylist()
    late = table.scan(row_filter=GreaterThanOrEqual("at", "2013-01-03T00:00:00"))
    assert [task.file.record_count for task in late.plan_files()] == [1]
    assert late.to_arrow()["carrier"].to_pylist() == ["B6"]


def test_athena_reads_what_pyiceberg_writes(engines: Engines) -> None:
    table = engines.catalog.create_table(
        (engines.world.database, "ours"), ROWS.schema, engines.location("ours")
    )
    table.append(ROWS)
    table.append(ROWS)
    assert engines.world.rows("SELECT count(*), sum(id), min(at) FROM ours") == [
        ["6", "12", "2013-01-01 05:00:00.000"]
    ]
    table.delete("id = 2")
    assert engines.world.rows("SELECT count(*) FROM ours") == [["4"]]
    engines.world.run("INSERT INTO ours VALUES (9, 'DL', TIMESTAMP '2013-02-01 00:00:00')")
    assert sorted(table.refresh().scan().to_arrow()["id"].to_pylist()) == [1, 1, 3, 3, 9]
    with table.update_schema() as change:
        change.rename_column("carrier", "airline")
        change.add_column("seats", IntegerType())
    assert engines.world.rows("SELECT airline, seats FROM ours WHERE id = 9") == [["DL", None]]
    with table.transaction() as change:
        change.set_properties({"write.target-file-size-bytes": "1000000"})
    engines.world.run("UPDATE ours SET seats = 100 WHERE airline = 'UA'")
    assert table.refresh().scan().to_arrow()["seats"].to_pylist().count(100) == 2


def test_names_in_capitals_and_columns_that_need_a_value(engines: Engines) -> None:
    schema = Schema(NestedField(1, "FlightId", LongType(), required=True),
                    NestedField(2, "Carrier", StringType(), required=False))  # fmt: skip
    name = (engines.world.database, "capitals")
    engines.catalog.create_table(name, schema, engines.location("capitals"))
    engines.world.run("INSERT INTO capitals VALUES (1, 'UA'), (2, 'DL')")
    engines.world.run("UPDATE capitals SET carrier = 'XX' WHERE flightid = 2")
    assert engines.world.rows("SELECT FlightId, CARRIER FROM capitals WHERE FLIGHTID > 1") == [
        ["2", "XX"]
    ]
    found = engines.load("capitals").scan().to_arrow()
    assert found.sort_by("FlightId").to_pydict() == {"FlightId": [1, 2], "Carrier": ["UA", "XX"]}
    reason = engines.world.reason("INSERT INTO capitals (carrier) VALUES ('AA')")
    assert reason.startswith("CONSTRAINT_VIOLATION: NULL value not allowed")


def test_positional_deletes_of_others_are_applied(engines: Engines) -> None:
    """Athena itself, Spark and Trino write such; pyiceberg cannot, so the files are made here."""
    engines.ctas("deleted", "SELECT x AS a FROM UNNEST(sequence(1, 10)) AS t(x)")
    delete_rows(engines.load("deleted"), positions=[0, 4])
    assert engines.load("deleted").scan().to_arrow().num_rows == 8
    assert engines.world.rows("SELECT count(*), sum(a) FROM deleted") == [["8", "49"]]
    engines.world.run("DELETE FROM deleted WHERE a = 10")
    assert engines.world.rows("SELECT count(*), sum(a) FROM deleted") == [["7", "39"]]
    assert engines.load("deleted").scan().to_arrow().num_rows == 7


def test_files_that_were_there_before_the_table(engines: Engines) -> None:
    """Files without field ids are read by the table's name mapping, wherever they lie."""
    name = (engines.world.database, "adopted")
    engines.world.put_parquet("elsewhere/part-0.parquet", ROWS)
    table = engines.catalog.create_table(name, ROWS.schema, engines.location("adopted"))
    table.add_files([f"s3://{engines.world.bucket}/elsewhere/part-0.parquet"])
    with table.update_schema() as change:
        change.rename_column("carrier", "airline")
    assert engines.world.rows("SELECT airline, id FROM adopted WHERE id <> 3 ORDER BY id") == [
        ["UA", "1"], [None, "2"],
    ]  # fmt: skip
    engines.world.run("UPDATE adopted SET airline = 'DL' WHERE id = 2")
    assert engines.load("adopted").scan().to_arrow().sort_by("id")["airline"].to_pylist() == [
        "UA", "DL", "B6",
    ]  # fmt: skip


def test_partitions_may_change(engines: Engines) -> None:
    engines.ctas("respun", VALUES, ", partitioning = ARRAY['day(at)']")
    table = engines.load("respun")
    with table.update_spec() as change:
        change.add_identity("carrier")
    engines.world.run("INSERT INTO respun VALUES (4, 'DL', TIMESTAMP '2013-01-03 06:00:00')")
    late = "SELECT id FROM respun WHERE at > TIMESTAMP '2013-01-03 00:00:00' ORDER BY id"
    assert engines.world.rows(late) == [["3"], ["4"]]
    assert engines.world.rows("SELECT id FROM respun WHERE carrier = 'DL'") == [["4"]]
    engines.world.run("DELETE FROM respun WHERE id IN (3, 4)")
    assert sorted(table.refresh().scan().to_arrow()["id"].to_pylist()) == [1, 2]


def test_both_append_at_once_and_nothing_is_lost(engines: Engines) -> None:
    engines.ctas("busy", "SELECT 0 AS a")
    failures: list[BaseException] = []

    def append(number: int) -> None:
        try:
            if number % 2:
                engines.world.run(f"INSERT INTO busy VALUES ({number})")
            else:
                engines.load("busy").append(pa.table({"a": pa.array([number], pa.int32())}))
        except BaseException as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    threads = [threading.Thread(target=append, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert engines.world.rows("SELECT a FROM busy ORDER BY a") == [[str(n)] for n in range(5)]
    snapshots = engines.load("busy").snapshots()
    assert len(snapshots) == 5
    assert len({snapshot.parent_snapshot_id for snapshot in snapshots}) == 5  # one line of history


def test_pyathena_reads_and_writes(engines: Engines) -> None:
    engines.ctas("cursed", VALUES)
    with pyathena.connect(
        s3_staging_dir=f"s3://{engines.world.bucket}/out/", schema_name=engines.world.database,
        region_name="us-east-1", poll_interval=0.02,
    ) as connection, connection.cursor() as cursor:  # fmt: skip
        cursor.execute("DELETE FROM cursed WHERE carrier IS NULL")
        cursor.execute("SELECT id, at FROM cursed ORDER BY id")
        assert cursor.fetchall() == [
            (1, dt.datetime(2013, 1, 1, 5)),  # noqa: DTZ001
            (3, dt.datetime(2013, 1, 3, 5)),  # noqa: DTZ001
        ]


def wrangled(engines: Engines, name: str, frame: pd.DataFrame, **how: Any) -> None:
    wr.athena.to_iceberg(
        df=frame, database=engines.world.database, table=name,
        table_location=f"{engines.location(name)}/",
        temp_path=f"s3://{engines.world.bucket}/wrangler/{uuid.uuid4().hex}/",
        workgroup=engines.world.workgroup, **how,
    )  # fmt: skip


def read(engines: Engines, sql: str) -> pd.DataFrame:
    return wr.athena.read_sql_query(
        sql, engines.world.database, workgroup=engines.world.workgroup, ctas_approach=False,
        athena_query_wait_polling_delay=0.02,
    )  # fmt: skip


def test_awswrangler_to_iceberg(engines: Engines) -> None:
    frame = pd.DataFrame({"id": [1, 2], "name": ["a", "b"],
                          "at": pd.to_datetime(["2013-01-01", "2013-01-02"])})  # fmt: skip
    wrangled(engines, "wrangled", frame, partition_cols=["day(at)"])
    wrangled(engines, "wrangled", frame.assign(id=[3, 4]))
    assert read(engines, "SELECT id FROM wrangled ORDER BY id")["id"].tolist() == [1, 2, 3, 4]
    more = frame.assign(id=[5, 6], extra=[0.5, 1.5])
    wrangled(engines, "wrangled", more, schema_evolution=True)
    assert read(engines, "SELECT sum(extra) AS s FROM wrangled")["s"].tolist() == [2.0]
    merged = pd.DataFrame({"id": [1, 7], "name": ["z", "new"],
                           "at": pd.to_datetime(["2013-01-01", "2013-01-09"])})  # fmt: skip
    wrangled(engines, "wrangled", merged, merge_cols=["id"], fill_missing_columns_in_df=True)
    found = read(engines, "SELECT id, name FROM wrangled WHERE id IN (1, 7) ORDER BY id")
    assert found["name"].tolist() == ["z", "new"]
    wr.athena.delete_from_iceberg_table(
        df=pd.DataFrame({"id": [1, 2, 3]}), database=engines.world.database, table="wrangled",
        merge_cols=["id"], temp_path=f"s3://{engines.world.bucket}/wrangler/delete/",
        workgroup=engines.world.workgroup,
    )  # fmt: skip
    assert read(engines, "SELECT id FROM wrangled ORDER BY id")["id"].tolist() == [4, 5, 6, 7]
    wrangled(engines, "wrangled", frame.assign(extra=[1.0, 2.0]), mode="overwrite")
    assert read(engines, "SELECT count(*) AS n FROM wrangled")["n"].tolist() == [2]
    everything = wr.athena.read_sql_table(
        "wrangled", engines.world.database, workgroup=engines.world.workgroup,
        s3_output=f"s3://{engines.world.bucket}/out/{uuid.uuid4().hex}/",
    )  # fmt: skip
    assert sorted(everything["name"]) == ["a", "b"]
