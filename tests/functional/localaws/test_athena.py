"""Athena over HTTP: queries really run, over the Glue catalogue and S3."""

# ruff: noqa: S608, ISC004 - SQL in f-strings is what is tested

from __future__ import annotations

import csv
import io
import time
import uuid
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.athena_world import COLUMNS, AthenaWorld, day_of, flights

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> AthenaWorld:
    world = AthenaWorld(aws)
    world.land_flights(5)
    return world


def test_select_over_partitions(world: AthenaWorld) -> None:
    query = world.run(
        "SELECT carrier, count(*) AS n, avg(delay) AS mean, max(scheduled_at), min(dt) "
        "FROM flights WHERE dt BETWEEN '2013-01-02' AND '2013-01-04' GROUP BY carrier ORDER BY 1"
    )
    answer = world.athena.get_query_results(QueryExecutionId=query["QueryExecutionId"])
    infos = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    rows = [[cell.get("VarCharValue") for cell in row["Data"]]
            for row in answer["ResultSet"]["Rows"]]  # fmt: skip
    assert [(info["Name"], info["Type"]) for info in infos] == [
        ("carrier", "varchar"), ("n", "bigint"), ("mean", "double"), ("_col3", "timestamp"),
        ("_col4", "varchar"),
    ]  # fmt: skip
    assert rows == [
        ["carrier", "n", "mean", "_col3", "_col4"],
        ["AA", "3", None, "2013-01-04 02:00:00.000", "2013-01-02"],
        ["B6", "3", "1.0", "2013-01-04 01:00:00.000", "2013-01-02"],
        ["UA", "3", "0.0", "2013-01-04 00:00:00.000", "2013-01-02"],
    ]
    assert query["StatementType"] == "DML"
    assert query["Statistics"]["EngineExecutionTimeInMillis"] > 0


def test_the_csv_lies_where_the_workgroup_says(world: AthenaWorld) -> None:
    query = world.run("SELECT 'a \"quoted\", text' AS t, CAST(NULL AS bigint) AS n")
    location = query["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{world.bucket}/results/{query['QueryExecutionId']}.csv"
    key = location.split("/", 3)[3]
    body = world.s3.get_object(Bucket=world.bucket, Key=key)["Body"].read().decode()
    assert body == '"t","n"\n"a ""quoted"", text",\n'
    assert list(csv.reader(io.StringIO(body)))[1] == ['a "quoted", text', ""]
    assert world.keys(f"{key}.metadata")


def test_only_partitions_that_can_match_are_read(world: AthenaWorld) -> None:
    sizes = world.land_flights(4, table="sized")
    everything = world.run("SELECT * FROM sized")["Statistics"]["DataScannedInBytes"]
    assert everything == sum(sizes)
    for condition in (
        "dt = '2013-01-03'",
        "dt >= '2013-01-03' AND delay >= 0 AND dt < '2013-01-04'",
        "sized.dt = date_format(timestamp '2013-01-03 10:00:00', '%Y-%m-%d')",
        "substr(dt, 9) = '03' OR dt = '2013-01-03'",
    ):
        query = world.run(f"SELECT * FROM sized WHERE {condition}")
        assert query["Statistics"]["DataScannedInBytes"] == sizes[2], condition
    unsure = world.run("SELECT * FROM sized WHERE dt = '2013-01-03' OR carrier = 'UA'")
    assert unsure["Statistics"]["DataScannedInBytes"] == sum(sizes)


def test_pruning_never_changes_an_outer_join(world: AthenaWorld) -> None:
    rows = world.rows(
        "SELECT v.k, f.dt FROM (VALUES '2013-01-01', '1999-01-01') AS v(k) "
        "LEFT JOIN (SELECT DISTINCT dt FROM flights) AS f ON f.dt = v.k "
        "WHERE f.dt IS NULL OR f.dt = '2013-01-01' ORDER BY 1"
    )
    assert rows == [["1999-01-01", None], ["2013-01-01", "2013-01-01"]]
    unmatched = world.rows(
        "SELECT count(*) FROM (VALUES 'x') AS v(k) LEFT JOIN flights AS f ON f.dt = v.k "
        "WHERE f.dt IS NULL"
    )
    assert unmatched == [["1"]]


def test_only_registered_partitions_count_and_their_location_is_honoured(
    world: AthenaWorld,
) -> None:
    world.create_table("placed", COLUMNS, [{"Name": "dt", "Type": "string"}])
    world.put_parquet("raw/placed/dt=2013-01-01/part-0.parquet", flights(day_of(1)))
    world.put_parquet("elsewhere/x/part-0.parquet", flights(day_of(2), rows=2))
    assert world.rows("SELECT count(*) FROM placed") == [["0"]]
    world.add_partition("placed", "2013-01-02", f"s3://{world.bucket}/elsewhere/x/")
    assert world.rows("SELECT dt, count(*) FROM placed GROUP BY dt") == [["2013-01-02", "2"]]
    world.run("MSCK REPAIR TABLE placed")
    assert world.rows("SELECT dt, count(*) FROM placed GROUP BY dt ORDER BY 1") == [
        ["2013-01-01", "3"], ["2013-01-02", "2"],
    ]  # fmt: skip
    assert world.rows("SHOW PARTITIONS placed") == [["dt=2013-01-01"], ["dt=2013-01-02"]]


def test_equal_files_in_two_partitions_keep_their_own_partition_values(world: AthenaWorld) -> None:
    world.create_table("twins", COLUMNS, [{"Name": "dt", "Type": "string"}])
    for day in ("2013-01-01", "2013-01-02"):
        world.put_parquet(f"raw/twins/dt={day}/part-0.parquet", flights(day_of(1)))
        world.add_partition("twins", day)
    assert world.rows("SELECT dt, count(*) FROM twins GROUP BY dt ORDER BY 1") == [
        ["2013-01-01", "3"], ["2013-01-02", "3"],
    ]  # fmt: skip


def test_a_column_that_an_older_file_lacks_reads_null(world: AthenaWorld) -> None:
    columns = [{"Name": "a", "Type": "bigint"}, {"Name": "b", "Type": "string"}]
    world.create_table("grown", columns, [])
    world.put_parquet("raw/grown/old.parquet", pa.table({"a": [1]}))
    world.put_parquet("raw/grown/new.parquet", pa.table({"b": ["x"], "A": [2]}))
    assert world.rows("SELECT a, b FROM grown ORDER BY a") == [["1", None], ["2", "x"]]


def test_a_file_that_contradicts_the_catalogue_is_bad_data(world: AthenaWorld) -> None:
    world.create_table(
        "bad", [{"Name": "a", "Type": "bigint"}, {"Name": "b", "Type": "bigint"}], []
    )
    world.put_parquet("raw/bad/part.parquet", pa.table({"a": [1.5, None], "b": [1, 2]}))
    assert world.reason("SELECT a FROM bad") == (
        f"HIVE_BAD_DATA: Field a's type DOUBLE in parquet file s3://{world.bucket}/raw/bad/"
        "part.parquet is incompatible with type bigint defined in table schema"
    )
    assert world.rows("SELECT sum(b) FROM bad") == [["3"]]


def test_a_changed_object_is_seen_at_once(world: AthenaWorld) -> None:
    world.create_table("fresh", [{"Name": "a", "Type": "bigint"}], [])
    for value in (1, 2):
        world.put_parquet("raw/fresh/part.parquet", pa.table({"a": [value]}))
        assert world.rows("SELECT a FROM fresh") == [[str(value)]]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM nowhere", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{db}.nowhere' "
         "does not exist"),
        ("SELECT 1\n  FROM nodb.t", "SCHEMA_NOT_FOUND: line 2:8: Schema 'nodb' does not exist"),
        ('SELECT * FROM "/etc/passwd"',
         "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{db}./etc/passwd' does not exist"),
        ("SELECT carrier, nope FROM flights",
         "COLUMN_NOT_FOUND: line 1:17: Column 'nope' cannot be resolved"),
        ("SELECT f.nope FROM flights AS f",
         "COLUMN_NOT_FOUND: line 1:8: Column 'f.nope' cannot be resolved"),
        ("SELECT carrier, count(*) FROM flights",
         "EXPRESSION_NOT_AGGREGATE: line 1:8: 'carrier' must be an aggregate expression or appear "
         "in GROUP BY clause"),
        ("SELECT xxhash64(to_utf8(carrier)) FROM flights",
         "NOT_SUPPORTED: The embedded Athena does not perform the function xxhash64. "
         "See docs/localaws.md"),
        ("DELETE FROM flights", "NOT_SUPPORTED: Modifying Hive table rows is only supported for "
         "transactional tables"),
        ("TRUNCATE TABLE flights", "NOT_SUPPORTED: The embedded Athena does not perform the "
         "statement TRUNCATE TABLE flights .... See docs/localaws.md"),
    ],
)  # fmt: skip
def test_failures_say_what_athena_says(world: AthenaWorld, sql: str, reason: str) -> None:
    assert world.reason(sql) == reason.format(db=world.database)


def test_conversion_and_division_errors(world: AthenaWorld) -> None:
    assert world.reason("SELECT CAST(carrier AS bigint) FROM flights").startswith(
        "INVALID_CAST_ARGUMENT: "
    )
    assert world.reason("SELECT 1 / 0").startswith("DIVISION_BY_ZERO: ")


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT 1; SELECT 2", "SELECT nosuchfunction(1)"])
def test_what_is_no_statement_starts_no_query(world: AthenaWorld, sql: str) -> None:
    with pytest.raises(ClientError) as refused:
        world.start(sql)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_the_same_token_is_the_same_query(world: AthenaWorld) -> None:
    token = uuid.uuid4().hex
    first = world.start("SELECT 1", ClientRequestToken=token)
    assert world.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError) as refused:
        world.start("SELECT 2", ClientRequestToken=token)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    assert world.start("SELECT 1") != first


def test_execution_parameters(world: AthenaWorld) -> None:
    rows = world.rows(
        "SELECT count(*) FROM flights WHERE carrier = ? AND distance < ?",
        ExecutionParameters=["'B6'", "1000"],
    )
    assert rows == [["5"]]
    with pytest.raises(ClientError, match="Incorrect number of parameters"):
        world.start("SELECT ?", ExecutionParameters=["1", "2"])


def test_results_are_paged(world: AthenaWorld) -> None:
    query = world.run("SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n")
    paginator = world.athena.get_paginator("get_query_results")
    pages = list(paginator.paginate(QueryExecutionId=query["QueryExecutionId"]))
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
    values = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert values == ["n", *map(str, range(1, 2501))]
    small = world.athena.get_query_results(QueryExecutionId=query["QueryExecutionId"], MaxResults=1)
    assert small["ResultSet"]["Rows"] == [{"Data": [{"VarCharValue": "n"}]}]
    second = world.athena.get_query_results(
        QueryExecutionId=query["QueryExecutionId"], MaxResults=1, NextToken=small["NextToken"]
    )
    assert second["ResultSet"]["Rows"] == [{"Data": [{"VarCharValue": "1"}]}]


def test_a_long_query_can_be_stopped(world: AthenaWorld) -> None:
    numbers = "UNNEST(sequence(1, 100000))"
    query_id = world.start(
        f"SELECT sum(sin(a * b)) FROM {numbers} AS x(a) CROSS JOIN {numbers} AS y(b)"
    )
    for _ in range(200):
        state = world.athena.get_query_execution(QueryExecutionId=query_id)
        if state["QueryExecution"]["Status"]["State"] == "RUNNING":
            break
        time.sleep(0.01)
    with pytest.raises(ClientError, match="Query has not yet finished"):
        world.athena.get_query_results(QueryExecutionId=query_id)
    world.athena.stop_query_execution(QueryExecutionId=query_id)
    assert world.wait(query_id)["Status"]["State"] == "CANCELLED"
    assert world.rows("SELECT 1") == [["1"]]


def test_queries_are_listed_newest_first(world: AthenaWorld) -> None:
    ids = [world.run(f"SELECT {number}")["QueryExecutionId"] for number in range(3)]
    listed = world.athena.list_query_executions(WorkGroup=world.workgroup, MaxResults=2)
    assert listed["QueryExecutionIds"] == [ids[2], ids[1]]
    more = world.athena.list_query_executions(
        WorkGroup=world.workgroup, MaxResults=2, NextToken=listed["NextToken"]
    )
    assert more["QueryExecutionIds"][0] == ids[0]
    found = world.athena.batch_get_query_execution(QueryExecutionIds=[ids[0], "unknown"])
    assert [query["Query"] for query in found["QueryExecutions"]] == ["SELECT 0"]
    assert found["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == "unknown"


def test_with_names_hide_tables_only_where_they_are_in_sight(world: AthenaWorld) -> None:
    rows = world.rows(
        "WITH flights AS (SELECT * FROM flights WHERE dt = '2013-01-01'), "
        "late AS (SELECT count(*) AS n FROM flights) "
        f"SELECT n, (SELECT count(*) FROM {world.database}.flights) FROM late"
    )
    assert rows == [["3", "15"]]


def test_columns_may_be_qualified_by_database(world: AthenaWorld) -> None:
    name = f"{world.database}.flights"
    assert world.rows(f"SELECT max({name}.distance) FROM {name}") == [["200"]]
    assert world.rows('SELECT max("Distance") FROM "FLIGHTS"') == [["200"]]


def test_metadata_comes_from_glue(world: AthenaWorld) -> None:
    names = {"CatalogName": "AwsDataCatalog", "DatabaseName": world.database}
    found = world.athena.get_table_metadata(**names, TableName="flights")["TableMetadata"]
    assert [column["Name"] for column in found["Columns"]][:2] == ["flight_id", "carrier"]
    assert found["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    assert world.athena.get_database(**names)["Database"]["Name"] == world.database
    with pytest.raises(ClientError) as missing:
        world.athena.get_table_metadata(**names, TableName="nowhere")
    assert missing.value.response["Error"]["Code"] == "MetadataException"


def test_csv_and_json_tables(world: AthenaWorld) -> None:
    world.s3.put_object(Bucket=world.bucket, Key="text/csv/a.csv", Body=b"h,h\n1,x\n,y\n")
    world.s3.put_object(Bucket=world.bucket, Key="text/json/a.json", Body=b'{"a": 1, "b": "x"}\n')
    for name, row_format, properties in (
        ("csv", "ROW FORMAT DELIMITED FIELDS TERMINATED BY ','",
         "TBLPROPERTIES ('skip.header.line.count' = '1')"),
        ("json", "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'", ""),
    ):  # fmt: skip
        world.run(
            f"CREATE EXTERNAL TABLE t_{name} (a bigint, b string) {row_format} "
            f"LOCATION 's3://{world.bucket}/text/{name}/' {properties}"
        )
    assert world.rows("SELECT a, b FROM t_csv ORDER BY b") == [["1", "x"], [None, "y"]]
    assert world.rows("SELECT a + 1, b FROM t_json") == [["2", "x"]]


def test_other_accounts_see_nothing_of_it(world: AthenaWorld, aws: EmbeddedAws) -> None:
    other = AthenaWorld(aws, "dev")
    assert other.reason(f"SELECT * FROM {world.database}.flights").startswith("SCHEMA_NOT_FOUND")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("dt = date '2013-01-01'", "Cannot apply operator: varchar = date"),
        ("scheduled_at >= '2013-01-01'", "Cannot apply operator: timestamp >= varchar"),
        ("distance = '3'", "Cannot apply operator: bigint = varchar"),
        ("distance IN ('3')", "Cannot apply operator: bigint IN varchar"),
        ("carrier || distance = 'x'", "for function concat"),
        ("coalesce(carrier, 0) = 'x'", "Cannot apply operator: varchar COALESCE integer"),
        ("max_dt > '2013'", "COLUMN_NOT_FOUND: line 1:55: Column 'max_dt' cannot be resolved"),
    ],
)
def test_what_trinos_analyzer_refuses(world: AthenaWorld, condition: str, reason: str) -> None:
    assert reason in world.reason(
        f"SELECT lower(dt) AS max_dt, 1 AS n FROM flights WHERE {condition}"
    )


def test_what_trinos_analyzer_accepts(world: AthenaWorld) -> None:
    rows = world.rows(
        "WITH days AS (SELECT dt AS day, carrier, distance * 2 AS distance FROM flights) "
        "SELECT day AS d, max(distance) AS far FROM days AS o "
        "WHERE CAST(day AS date) >= date '2013-01-05' AND distance > 1.5 AND carrier <> 'AA' "
        "AND EXISTS (SELECT 1 AS day FROM flights WHERE dt = o.day AND day < '2014') "
        "GROUP BY day HAVING max(distance) > 0 ORDER BY far, d"
    )
    assert rows == [["2013-01-05", "200"]]
