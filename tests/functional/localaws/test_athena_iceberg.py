"""Athena on Iceberg tables over HTTP: made, written, read, travelled through, changed, dropped."""

# ruff: noqa: S608 - SQL in f-strings is what is tested

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

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
        f"CREATE TABLE {table} WITH (table_type = 'ICEBERG', is_external = false, "
        f"format = 'PARQUET', location = 's3://{world.bucket}/ice/{table}/'{options}) AS {select}"
    )


def entry(world: AthenaWorld, table: str) -> dict[str, Any]:
    return dict(world.glue.get_table(DatabaseName=world.database, Name=table)["Table"])


def metadata(world: AthenaWorld, table: str) -> dict[str, Any]:
    location = entry(world, table)["Parameters"]["metadata_location"]
    bucket, key = location.removeprefix("s3://").split("/", 1)
    return dict(json.loads(world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()))


def test_create_insert_select(world: AthenaWorld) -> None:
    query = world.run(
        "CREATE TABLE events (id bigint, carrier string, ts timestamp, tags array<string>, "
        "price decimal(10,2)) PARTITIONED BY (day(ts), bucket(4, id), carrier) "
        f"LOCATION 's3://{world.bucket}/ice/events/' "
        "TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_compression' = 'snappy')"
    )
    assert (query["StatementType"], query["SubstatementType"]) == ("DDL", "CREATE_TABLE")
    assert world.rows("SELECT * FROM events") == []
    world.run(
        "INSERT INTO events VALUES "
        "(1, 'UA', TIMESTAMP '2013-01-01 05:00:00', ARRAY['a', 'b'], DECIMAL '1.50'), "
        "(2, 'UA', TIMESTAMP '2013-01-02 05:00:00', NULL, DECIMAL '2.50'), "
        "(3, NULL, TIMESTAMP '2013-01-02 06:00:00', ARRAY[], NULL)"
    )
    assert world.rows("SELECT * FROM events ORDER BY id") == [
        ["1", "UA", "2013-01-01 05:00:00.000", "[a, b]", "1.50"],
        ["2", "UA", "2013-01-02 05:00:00.000", None, "2.50"],
        ["3", None, "2013-01-02 06:00:00.000", "[]", None],
    ]
    world.run("INSERT INTO events (id, ts) VALUES (4, TIMESTAMP '2013-01-03 00:00:00')")
    assert world.rows("SELECT count(*), sum(id) FROM events") == [["4", "10"]]
    table = entry(world, "events")
    parameters = table["Parameters"]
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert set(parameters) == {"table_type", "metadata_location", "previous_metadata_location"}
    assert parameters["table_type"] == "ICEBERG"
    assert "/ice/events/metadata/00002-" in parameters["metadata_location"]
    assert "/ice/events/metadata/00001-" in parameters["previous_metadata_location"]
    found = metadata(world, "events")
    assert found["format-version"] == 2
    assert [field["transform"] for field in found["partition-specs"][0]["fields"]] == [
        "day", "bucket[4]", "identity",
    ]  # fmt: skip
    assert found["properties"]["write.parquet.compression-codec"] == "snappy"


def test_conditions_leave_files_unread(world: AthenaWorld) -> None:
    world.run(ctas(world, "days", "SELECT flight_id, delay, scheduled_at FROM flights",
                   ", partitioning = ARRAY['day(scheduled_at)']"))  # fmt: skip
    everything = world.run("SELECT * FROM days")["Statistics"]["DataScannedInBytes"]
    for condition in (
        "scheduled_at >= TIMESTAMP '2013-01-03 00:00:00'",
        "scheduled_at >= DATE '2013-01-03'",
        "TIMESTAMP '2013-01-02 23:00:00' < scheduled_at",
        "flight_id = '2013-01-03|1'",
        "flight_id IN ('2013-01-03|1', '2013-01-03|2')",
        "(flight_id = '2013-01-03|1' OR flight_id > '2013-01-03|1')",
    ):
        query = world.run(f"SELECT * FROM days WHERE {condition}")
        assert 0 < query["Statistics"]["DataScannedInBytes"] < everything / 2, condition
    assert world.rows(
        "SELECT count(*) FROM days WHERE scheduled_at < TIMESTAMP '2013-01-02 00:00:00'"
    ) == [["3"]]
    assert world.rows(
        "SELECT a.flight_id FROM days a LEFT JOIN days b ON a.flight_id = b.flight_id "
        "AND b.delay > 5 WHERE b.flight_id IS NULL AND a.flight_id = '2013-01-01|0'"
    ) == [["2013-01-01|0"]]


def test_ctas_is_one_commit_with_the_querys_id(world: AthenaWorld) -> None:
    query = world.run(ctas(world, "made", "SELECT carrier, count(*) AS n FROM flights GROUP BY 1",
                           ", write_compression = 'GZIP'"))  # fmt: skip
    assert (query["StatementType"], query["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert world.rows("SELECT * FROM made ORDER BY 1") == [["AA", "3"], ["B6", "3"], ["UA", "3"]]
    parameters = entry(world, "made")["Parameters"]
    assert "/metadata/00000-" in parameters["metadata_location"]
    (snapshot,) = metadata(world, "made")["snapshots"]
    assert snapshot["summary"]["trino_query_id"] == query["QueryExecutionId"]
    data = [key for key in world.keys("ice/made/") if "/data/" in key]
    manifest = query["Statistics"]["DataManifestLocation"]
    listed = world.s3.get_object(Bucket=world.bucket, Key=manifest.split("/", 3)[3])["Body"].read()
    assert [uri.split("/", 3)[3] for uri in listed.decode().split()] == data


def test_time_travel(world: AthenaWorld) -> None:
    world.run(ctas(world, "past", "SELECT 1 AS a"))
    first = world.rows('SELECT snapshot_id, CAST(committed_at AS varchar) FROM "past$snapshots"')[0]
    world.run("INSERT INTO past VALUES (2)")
    assert world.rows(f"SELECT a FROM past FOR VERSION AS OF {first[0]}") == [["1"]]
    now = "FOR TIMESTAMP AS OF current_timestamp"
    assert world.rows(f"SELECT count(*) FROM past {now}") == [["2"]]
    both = f"SELECT count(*) FROM past FOR VERSION AS OF {first[0]} p JOIN past q ON p.a <= q.a"
    assert world.rows(both) == [["2"]]
    assert "INVALID_ARGUMENTS" in world.reason("SELECT * FROM past FOR VERSION AS OF 7")
    early = "SELECT * FROM past FOR TIMESTAMP AS OF TIMESTAMP '2001-01-01 00:00:00 UTC'"
    assert "No version history table" in world.reason(early)
    assert "does not support versioned tables" in world.reason(
        "SELECT * FROM flights FOR VERSION AS OF 1"
    )


def test_metadata_tables(world: AthenaWorld) -> None:
    world.run(ctas(world, "looked", "SELECT carrier, delay FROM flights"))
    world.run("INSERT INTO looked VALUES ('DL', 1.0)")
    added = """SELECT operation, summary['added-records'] FROM "looked$snapshots"
               ORDER BY committed_at"""
    assert world.rows(added) == [["append", "9"], ["append", "1"]]
    assert world.rows(
        f'SELECT sum(record_count) FROM "{world.database}"."looked$files" WHERE content = 0'
    ) == [["10"]]
    assert world.rows('SELECT count(*), count(DISTINCT snapshot_id) FROM "looked$history"') == [
        ["2", "2"]
    ]
    assert world.rows('SELECT name, type FROM "looked$refs"') == [["main", "BRANCH"]]
    assert world.rows('SELECT count(*) FROM "looked$manifests"') == [["2"]]
    world.run(ctas(world, "parted", "SELECT flight_id, carrier, scheduled_at AS at FROM flights",
                   ", partitioning = ARRAY['day(at)', 'carrier']"))  # fmt: skip
    one = """SELECT partition.carrier, record_count, file_count FROM "parted$partitions"
             WHERE partition.at_day = DATE '2013-01-02' ORDER BY 1"""
    assert world.rows(one) == [["AA", "1", "1"], ["B6", "1", "1"], ["UA", "1", "1"]]
    assert "does not perform the metadata table $nothing" in world.reason(
        'SELECT * FROM "looked$nothing"'
    )


def test_delete_and_update(world: AthenaWorld) -> None:
    world.run(ctas(world, "changing", "SELECT flight_id, carrier, delay, scheduled_at FROM flights",
                   ", partitioning = ARRAY['day(scheduled_at)']"))  # fmt: skip
    query = world.run(
        "DELETE FROM changing WHERE carrier = 'UA' "
        "AND scheduled_at < TIMESTAMP '2013-01-03 00:00:00'"
    )
    assert (query["StatementType"], query["SubstatementType"]) == ("DML", "DELETE")
    answer = world.athena.get_query_results(QueryExecutionId=query["QueryExecutionId"])
    assert answer["UpdateCount"] == 2
    assert world.rows("SELECT count(*), count(*) FILTER (WHERE carrier = 'UA') FROM changing") == [
        ["7", "1"]
    ]
    # A NULL condition deletes nothing; a subquery may look at the same table.
    world.run("DELETE FROM changing WHERE delay > 100")
    world.run("DELETE FROM changing WHERE flight_id = (SELECT max(flight_id) FROM changing)")
    assert world.rows("SELECT count(*) FROM changing") == [["6"]]
    world.run(
        "UPDATE changing SET delay = delay + 1, carrier = 'XX' "
        f"WHERE {world.database}.changing.carrier = 'B6'"
    )
    assert world.rows("SELECT carrier, delay FROM changing ORDER BY flight_id") == [
        ["XX", "2.0"], ["AA", None], ["XX", "2.0"], ["AA", None], ["UA", "0.0"], ["XX", "2.0"],
    ]  # fmt: skip
    world.run("DELETE FROM changing WHERE scheduled_at < TIMESTAMP '2013-01-03 00:00:00'")
    assert world.rows("SELECT count(*) FROM changing") == [["2"]]
    before = len(metadata(world, "changing")["snapshots"])
    world.run("DELETE FROM changing WHERE carrier = 'nobody'")
    assert len(metadata(world, "changing")["snapshots"]) == before
    world.run("DELETE FROM changing")
    assert world.rows("SELECT count(*) FROM changing") == [["0"]]
    assert "transactional tables" in world.reason("DELETE FROM flights")
    assert "COLUMN_NOT_FOUND" in world.reason("UPDATE changing SET nothing = 1")


def test_merge(world: AthenaWorld) -> None:
    stock = "(1, 'a', 10), (2, 'b', 20), (3, 'c', 30), (NULL, 'n', 0)"
    moves = ("(1, 'a', 1), (2, 'gone', 0), (4, 'd', 40), (5, 'skip', 0), (3, 'none', NULL), "
             "(3, 'none', NULL)")  # fmt: skip
    for name, values in (("stock", stock), ("moves", moves)):
        world.run(ctas(world, name, f"SELECT * FROM (VALUES {values}) AS t(id, name, amount)"))
    sql = (
        "MERGE INTO stock t USING moves s ON t.id = s.id "
        "WHEN MATCHED AND s.name = 'gone' THEN DELETE "
        "WHEN MATCHED AND s.amount > 0 THEN UPDATE SET amount = t.amount + s.amount "
        "WHEN NOT MATCHED AND s.amount > 0 THEN INSERT (id, amount) VALUES (s.id, s.amount)"
    )
    query = world.run(sql)
    answer = world.athena.get_query_results(QueryExecutionId=query["QueryExecutionId"])
    assert (query["SubstatementType"], answer["UpdateCount"]) == ("MERGE", 3)
    assert world.rows("SELECT * FROM stock ORDER BY id") == [
        ["1", "a", "11"], ["3", "c", "30"], ["4", None, "40"], [None, "n", "0"],
    ]  # fmt: skip
    twice = "MERGE INTO stock t USING moves s ON t.id = s.id WHEN MATCHED THEN DELETE"
    assert "MERGE_TARGET_ROW_MULTIPLE_MATCHES" in world.reason(twice)
    world.run("MERGE INTO stock USING (SELECT 9 AS id) s ON stock.id = s.id "
              "WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'z', 90)")  # fmt: skip
    assert world.rows("SELECT name FROM stock WHERE id = 9") == [["z"]]


def test_columns_are_found_by_their_id(world: AthenaWorld) -> None:
    world.run(ctas(world, "evolved", "SELECT 1 AS a, 'x' AS b, CAST(1 AS real) AS c"))
    (first,) = world.rows('SELECT snapshot_id FROM "evolved$snapshots"')[0]
    world.run("ALTER TABLE evolved ADD COLUMNS (d timestamp, e array<int>)")
    world.run("ALTER TABLE evolved CHANGE COLUMN a number bigint")
    world.run("ALTER TABLE evolved DROP COLUMN b")
    world.run("ALTER TABLE evolved ADD COLUMNS (b int)")
    world.run(
        "INSERT INTO evolved VALUES (5000000000, 2.5, TIMESTAMP '2013-01-01 00:00:00', ARRAY[1], 7)"
    )
    assert world.rows("SELECT number, c, d, e, b FROM evolved ORDER BY number") == [
        ["1", "1.0", None, None, None],
        ["5000000000", "2.5", "2013-01-01 00:00:00.000", "[1]", "7"],
    ]
    assert world.rows(f"SELECT a, b FROM evolved FOR VERSION AS OF {first} WHERE a = 1") == [
        ["1", "x"]
    ]
    assert [row[0].split()[0] for row in world.rows("DESCRIBE evolved")] == [
        "number",
        "c",
        "d",
        "e",
        "b",
    ]
    described = world.athena.get_table_metadata(
        CatalogName="AwsDataCatalog", DatabaseName=world.database, TableName="evolved"
    )["TableMetadata"]
    assert [item["Name"] for item in described["Columns"]] == ["number", "c", "d", "e", "b"]
    assert "already exists" in world.reason("ALTER TABLE evolved ADD COLUMNS (c int)")
    assert "FAILED" in world.reason("ALTER TABLE evolved CHANGE COLUMN number number int")


def test_types(world: AthenaWorld) -> None:
    values = {
        "CAST(1 AS tinyint)": "1", "CAST(2 AS real)": "2.0", "true": "true",
        "TIMESTAMP '2013-01-01 01:02:03.004'": "2013-01-01 01:02:03.004",
        "TIMESTAMP '2013-01-01 01:02:03.004 UTC'": "2013-01-01 01:02:03.004 UTC",
        "DATE '2013-01-01'": "2013-01-01", "X'00ff'": "00 ff", "DECIMAL '1.50'": "1.50",
        "MAP(ARRAY['k'], ARRAY[1])": "{k=1}", "CAST(ROW(1, 'x') AS ROW(a int, b varchar))":
        "{a=1, b=x}", "ARRAY[ARRAY[1], NULL]": "[[1], null]",
    }  # fmt: skip
    select = ", ".join(f"{sql} AS c{index}" for index, sql in enumerate(values))
    world.run(ctas(world, "typed", f"SELECT {select}"))
    assert world.rows("SELECT * FROM typed") == [list(values.values())]
    types = [item["Type"] for item in entry(world, "typed")["StorageDescriptor"]["Columns"]]
    assert types == [
        "int", "float", "boolean", "timestamp", "timestamp", "date", "binary", "decimal(3,2)",
        "map<string,int>", "struct<a:int,b:string>", "array<array<int>>",
    ]  # fmt: skip
    world.run("INSERT INTO typed SELECT * FROM typed")
    assert world.rows("SELECT count(*) FROM typed WHERE c4 < current_timestamp") == [["2"]]


def test_drop_deletes_the_data(world: AthenaWorld) -> None:
    world.run(ctas(world, "dropped", "SELECT 1 AS a"))
    world.s3.put_object(Bucket=world.bucket, Key="ice/dropped2/kept", Body=b"x")
    assert world.keys("ice/dropped/")
    world.run("DROP TABLE dropped")
    assert world.keys("ice/dropped/") == []
    assert world.keys("ice/dropped2/") == ["ice/dropped2/kept"]
    assert world.rows("SHOW TABLES 'dropped'") == []


def test_optimize(world: AthenaWorld) -> None:
    world.run(ctas(world, "small", "SELECT 0 AS a"))
    for number in range(1, 5):
        world.run(f"INSERT INTO small VALUES ({number})")
    files = 'SELECT count(*) FROM "small$files"'
    world.run("OPTIMIZE small REWRITE DATA USING BIN_PACK WHERE a > 3")
    assert world.rows(files) == [["5"]]
    world.run("OPTIMIZE small REWRITE DATA USING BIN_PACK")
    assert world.rows(files) == [["1"]]
    assert world.rows("SELECT count(*), sum(a) FROM small") == [["5", "10"]]


def test_vacuum(world: AthenaWorld) -> None:
    age = "'vacuum_max_snapshot_age_seconds' = '0'"
    world.run(ctas(world, "aged", "SELECT 1 AS a"))
    world.run("DELETE FROM aged")
    world.run("INSERT INTO aged VALUES (2)")
    world.s3.put_object(Bucket=world.bucket, Key="ice/aged/data/orphan", Body=b"x")
    world.run("VACUUM aged")
    assert len(metadata(world, "aged")["snapshots"]) == 3  # none is five days old
    assert "ice/aged/data/orphan" in world.keys("ice/aged/")
    world.run(f"ALTER TABLE aged SET TBLPROPERTIES ({age})")
    time.sleep(1)  # S3 tells whole seconds
    world.run("VACUUM aged")
    assert len(metadata(world, "aged")["snapshots"]) == 1
    assert len(world.keys("ice/aged/data/")) == 1
    assert world.rows("SELECT a FROM aged") == [["2"]]


def test_show_create_table_makes_the_same_table(world: AthenaWorld) -> None:
    world.run(
        "CREATE TABLE shown (id int, at timestamp) PARTITIONED BY (day(at), bucket(4, id)) "
        f"LOCATION 's3://{world.bucket}/ice/shown' TBLPROPERTIES ({_ICEBERG}, "
        "'write_compression' = 'gzip', 'vacuum_min_snapshots_to_keep' = '3')"
    )
    world.run(
        "ALTER TABLE shown SET TBLPROPERTIES ('write_target_data_file_size_bytes' = '1000000')"
    )
    properties = metadata(world, "shown")["properties"]
    assert properties["write.target-file-size-bytes"] == "1000000"
    assert properties["write.parquet.compression-codec"] == "gzip"
    lines = [row[0] for row in world.rows("SHOW CREATE TABLE shown")]
    spec = metadata(world, "shown")["partition-specs"]
    world.run("DROP TABLE shown")
    world.run("".join(line or "" for line in lines).replace(f"{world.database}.shown", "shown"))
    assert [row[0] for row in world.rows("SHOW CREATE TABLE shown")] == lines
    assert metadata(world, "shown")["partition-specs"] == spec


_ICEBERG = "'table_type' = 'ICEBERG'"
_CTAS = "CREATE TABLE wrong WITH (table_type = 'ICEBERG', "


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (f"LOCATION 's3://BUCKET/x/' TBLPROPERTIES ({_ICEBERG}, 'format' = 'orc')",
         "NOT_SUPPORTED: The embedded Athena does not perform Iceberg tables of format orc"),
        (f"LOCATION 's3://BUCKET/x/' TBLPROPERTIES ({_ICEBERG}, 'what' = 'x')",
         "Unsupported table property key: what"),
        (f"TBLPROPERTIES ({_ICEBERG})", "need a LOCATION"),
        ("LOCATION 's3://BUCKET/x/' TBLPROPERTIES ('classification' = 'parquet')",
         "CREATE TABLE must be EXTERNAL"),
        (f"PARTITIONED BY (day(a)) LOCATION 's3://BUCKET/x/' TBLPROPERTIES ({_ICEBERG})",
         "'day(a)' does not fit a column of type int"),
        (f"PARTITIONED BY (b) LOCATION 's3://BUCKET/x/' TBLPROPERTIES ({_ICEBERG})",
         "INVALID_TABLE_PROPERTY"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_made(world: AthenaWorld, form: str, reason: str) -> None:
    sql = f"CREATE TABLE wrong (a int) {form.replace('BUCKET', world.bucket)}"
    assert reason in world.reason(sql)
    assert world.rows("SHOW TABLES 'wrong'") == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("is_external = true, location = 's3://BUCKET/y/'",
         "INVALID_TABLE_PROPERTY: Cannot create an external Iceberg table"),
        ("is_external = false, location = 's3://BUCKET/raw/'",
         "ICEBERG_FILESYSTEM_ERROR: Cannot create a table on a non-empty location"),
        ("is_external = false, external_location = 's3://BUCKET/y/'",
         "INVALID_TABLE_PROPERTY: Iceberg tables take location"),
        ("is_external = false, location = 's3://BUCKET/y/', partitioning = ARRAY['a']",
         "ICEBERG_TOO_MANY_OPEN_PARTITIONS"),
    ],
)  # fmt: skip
def test_ctas_that_is_refused(world: AthenaWorld, options: str, reason: str) -> None:
    query = "SELECT x AS a FROM UNNEST(sequence(1, 101)) AS t(x)"
    sql = f"{_CTAS}{options.replace('BUCKET', world.bucket)}) AS {query}"
    assert reason in world.reason(sql)
    assert world.rows("SHOW TABLES 'wrong'") == []
    assert world.keys("y/metadata") == []
