"""Athena's writing statements, DDL and workgroups over HTTP."""

# ruff: noqa: S608 - SQL in f-strings is what is tested

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.athena_world import AthenaWorld

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> AthenaWorld:
    world = AthenaWorld(aws)
    world.land_flights(3)
    return world


def ctas(world: AthenaWorld, table: str, select: str, options: str = "") -> str:
    return (
        f"CREATE TABLE {table} WITH (format = 'PARQUET', write_compression = 'ZSTD', "
        f"external_location = 's3://{world.bucket}/{table}/'{options}) AS {select}"
    )


def test_create_table_as_select(world: AthenaWorld) -> None:
    sql = ctas(world, "made", "SELECT carrier, count(*) AS n, avg(delay) AS mean, "
               "min(scheduled_at) AS first FROM flights GROUP BY carrier")  # fmt: skip
    query = world.run(sql)
    assert (query["StatementType"], query["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    table = world.glue.get_table(DatabaseName=world.database, Name="made")["Table"]
    columns = table["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in columns] == [
        ("carrier", "string"), ("n", "bigint"), ("mean", "double"), ("first", "timestamp"),
    ]  # fmt: skip
    manifest = query["Statistics"]["DataManifestLocation"]
    listed = world.s3.get_object(Bucket=world.bucket, Key=manifest.split("/", 3)[3])["Body"].read()
    files = [uri.split("/", 3)[3] for uri in listed.decode().split()]
    assert files == world.keys("made/")
    body = world.s3.get_object(Bucket=world.bucket, Key=files[0])["Body"].read()
    stored = pq.ParquetFile(io.BytesIO(body))
    assert stored.metadata.row_group(0).column(0).compression == "ZSTD"
    assert world.rows("SELECT n, mean FROM made ORDER BY carrier") == [
        ["3", None], ["3", "1.0"], ["3", "0.0"],
    ]  # fmt: skip
    answer = world.athena.get_query_results(QueryExecutionId=query["QueryExecutionId"])
    assert (answer["ResultSet"]["Rows"], answer["UpdateCount"]) == ([], 3)


def test_partitioned_ctas_and_insert(world: AthenaWorld) -> None:
    world.run(
        ctas(world, "daily", "SELECT carrier, distance, dt FROM flights WHERE dt < '2013-01-03'",
             ", partitioned_by = ARRAY['dt']")
    )  # fmt: skip
    assert world.rows("SHOW PARTITIONS daily") == [["dt=2013-01-01"], ["dt=2013-01-02"]]
    world.run(
        "INSERT INTO daily SELECT carrier, distance, dt FROM flights WHERE dt >= '2013-01-02'"
    )
    assert world.rows("SELECT dt, count(*) FROM daily GROUP BY dt ORDER BY dt") == [
        ["2013-01-01", "3"], ["2013-01-02", "6"], ["2013-01-03", "3"],
    ]  # fmt: skip
    world.run("INSERT INTO daily (dt, carrier) VALUES ('2014-01-01', 'DL')")
    assert world.rows("SELECT carrier, distance FROM daily WHERE dt > '2014'") == [["DL", None]]
    assert "TYPE_MISMATCH" in world.reason("INSERT INTO daily VALUES ('x', 'y', '2014-01-01')")
    assert "TYPE_MISMATCH" in world.reason("INSERT INTO daily VALUES ('x', 1)")


def test_a_location_that_is_not_empty_is_refused(world: AthenaWorld) -> None:
    world.s3.put_object(Bucket=world.bucket, Key="taken/file", Body=b"x")
    reason = world.reason(ctas(world, "taken", "SELECT 1 AS a"))
    assert reason.startswith("HIVE_PATH_ALREADY_EXISTS: ")
    assert world.rows("SHOW TABLES 'taken'") == []


@pytest.mark.parametrize(
    ("select", "options", "reason"),
    [
        ("SELECT 1, 2 AS b", "", "MISSING_COLUMN_NAME"),
        ("SELECT 1 AS a, 2 AS A", "", "DUPLICATE_COLUMN_NAME"),
        ("SELECT 1 AS a, 2 AS b", ", bucketed_by = ARRAY['a'], bucket_count = 2", "bucket_count"),
        ("SELECT 1 AS a, 2 AS b", ", partitioned_by = ARRAY['a']", "HIVE_COLUMN_ORDER_MISMATCH"),
        ("SELECT now() AS a", "", "timestamp(3) with time zone"),
        ("SELECT 1 AS a, n FROM UNNEST(sequence(1, 101)) AS t(n)", ", partitioned_by = ARRAY['n']",
         "HIVE_TOO_MANY_OPEN_PARTITIONS"),
        ("SELECT 1 AS a, * FROM nowhere", "", "TABLE_NOT_FOUND"),
    ],
)  # fmt: skip
def test_what_ctas_refuses(world: AthenaWorld, select: str, options: str, reason: str) -> None:
    assert reason in world.reason(ctas(world, "refused", select, options))
    assert world.keys("refused/") == []


def test_a_table_is_not_made_twice(world: AthenaWorld) -> None:
    world.run(ctas(world, "once", "SELECT 1 AS a"))
    assert "TABLE_ALREADY_EXISTS" in world.reason(ctas(world, "once", "SELECT 1 AS a"))
    world.run("DROP TABLE once")
    assert world.keys("once/")  # an external table's files stay
    world.run("DROP TABLE IF EXISTS once")
    assert "Table not found" in world.reason("DROP TABLE once")


def test_unload(world: AthenaWorld) -> None:
    sql = (f"UNLOAD (SELECT carrier, delay FROM flights) TO 's3://{world.bucket}/unloaded/' "
           "WITH (format = 'PARQUET')")  # fmt: skip
    world.run(sql)
    body = world.s3.get_object(Bucket=world.bucket, Key=world.keys("unloaded/")[0])["Body"].read()
    assert pq.read_table(io.BytesIO(body)).num_rows == 9
    assert "HIVE_PATH_ALREADY_EXISTS" in world.reason(sql)


def test_views_see_the_database_they_were_made_in(world: AthenaWorld) -> None:
    world.run("CREATE VIEW busy AS SELECT carrier, count(*) AS n FROM flights GROUP BY carrier")
    world.run("CREATE OR REPLACE VIEW busiest AS SELECT max(n) AS n FROM busy")
    assert world.rows(f"SELECT n FROM {world.database}.busiest",
                      QueryExecutionContext={"Database": "default"}) == [["3"]]  # fmt: skip
    assert "COLUMN_NOT_FOUND" in world.reason("CREATE VIEW broken AS SELECT nope FROM flights")
    world.run("DROP VIEW busiest")


def test_ddl(world: AthenaWorld) -> None:
    name = f"{world.database}_ddl"
    world.run(f"CREATE DATABASE IF NOT EXISTS {name}")
    world.run(f"CREATE DATABASE IF NOT EXISTS {name}")
    assert [name] in world.rows("SHOW DATABASES")
    world.run(
        f"CREATE EXTERNAL TABLE {name}.t (a bigint, b array<struct<c:string>>) "
        f"PARTITIONED BY (dt string) STORED AS PARQUET LOCATION 's3://{world.bucket}/ddl/'"
    )
    described = world.rows(f"DESCRIBE {name}.t")
    assert [row[0].split() for row in described if row[0]][:3] == [
        ["a", "bigint"], ["b", "array<struct<c:string>>"], ["dt", "string"],
    ]  # fmt: skip
    world.run(f"ALTER TABLE {name}.t ADD IF NOT EXISTS PARTITION (dt = '2013-01-01')")
    world.run(f"ALTER TABLE {name}.t ADD IF NOT EXISTS PARTITION (dt = '2013-01-01')")
    assert world.rows(f"SHOW PARTITIONS {name}.t") == [["dt=2013-01-01"]]
    world.run(f"ALTER TABLE {name}.t DROP PARTITION (dt = '2013-01-01')")
    assert world.rows(f"SHOW PARTITIONS {name}.t") == []
    assert "is not empty" in world.reason(f"DROP DATABASE {name}")
    world.run(f"DROP DATABASE {name} CASCADE")


def test_an_enforcing_workgroup_has_its_way(world: AthenaWorld) -> None:
    name = f"{world.workgroup}-strict"
    world.athena.create_work_group(
        Name=name,
        Configuration={
            "ResultConfiguration": {"OutputLocation": f"s3://{world.bucket}/strict/"},
            "BytesScannedCutoffPerQuery": 10_000_000,
        },
    )
    query = world.run(
        "SELECT 1", WorkGroup=name,
        ResultConfiguration={"OutputLocation": f"s3://{world.bucket}/mine/"},
    )  # fmt: skip
    assert query["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{world.bucket}/strict/")
    refused = world.reason(ctas(world, "unlocated", "SELECT 1 AS a"), WorkGroup=name)
    assert "enforces a centralized output location" in refused
    made = world.run("CREATE TABLE located AS SELECT 1 AS a", WorkGroup=name)
    assert world.keys(f"strict/tables/{made['QueryExecutionId']}/")
    assert world.rows("SELECT a FROM located") == [["1"]]


def test_workgroups(world: AthenaWorld) -> None:
    name = f"{world.workgroup}-other"
    world.athena.create_work_group(Name=name, Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(ClientError, match="No output location provided"):
        world.start("SELECT 1", WorkGroup=name)
    world.athena.update_work_group(
        WorkGroup=name,
        ConfigurationUpdates={
            "ResultConfigurationUpdates": {"OutputLocation": f"s3://{world.bucket}/late/"}
        },
    )
    world.run("SELECT 1", WorkGroup=name)
    world.athena.update_work_group(WorkGroup=name, State="DISABLED")
    with pytest.raises(ClientError, match="disabled"):
        world.start("SELECT 1", WorkGroup=name)
    listed = world.athena.list_work_groups()["WorkGroups"]
    assert {"primary", name} <= {group["Name"] for group in listed}
    world.athena.delete_work_group(WorkGroup=name)
    with pytest.raises(ClientError, match="is not found"):
        world.athena.get_work_group(WorkGroup=name)
