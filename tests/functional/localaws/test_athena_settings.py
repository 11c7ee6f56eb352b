"""Athena beside the queries: prepared statements, reuse, encryption, decimals, what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.athena_world import AthenaWorld

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> AthenaWorld:
    made = AthenaWorld(aws)
    made.land_flights(2)
    return made


def test_prepared_statements_belong_to_their_workgroup(world: AthenaWorld) -> None:
    athena, at = world.athena, {"WorkGroup": world.workgroup, "StatementName": "by_carrier"}
    athena.create_prepared_statement(**at, QueryStatement="SELECT ? || ','")
    with pytest.raises(ClientError, match="already exists"):
        athena.create_prepared_statement(**at, QueryStatement="SELECT 1")
    assert world.rows("EXECUTE by_carrier USING concat('a', 'b')") == [["ab,"]]
    assert world.rows("EXECUTE by_carrier", ExecutionParameters=["'c'"]) == [["c,"]]
    athena.update_prepared_statement(**at, QueryStatement="SELECT 2")
    assert athena.get_prepared_statement(**at)["PreparedStatement"]["QueryStatement"] == "SELECT 2"
    found = athena.batch_get_prepared_statement(
        WorkGroup=world.workgroup, PreparedStatementNames=["by_carrier", "none"]
    )
    assert [item["StatementName"] for item in found["PreparedStatements"]] == ["by_carrier"]
    assert [item["StatementName"] for item in found["UnprocessedPreparedStatementNames"]] == [
        "none"
    ]
    with pytest.raises(ClientError, match="was not found in workGroup primary"):
        world.start("EXECUTE by_carrier", WorkGroup="primary")
    with pytest.raises(ClientError, match="not empty"):
        athena.delete_work_group(WorkGroup=world.workgroup)
    athena.delete_prepared_statement(**at)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        athena.get_prepared_statement(**at)


def test_a_query_has_a_longest_length(world: AthenaWorld) -> None:
    text = "SELECT length('')"
    padded = text.replace("''", f"'{'é' * ((262_144 - len(text)) // 2)}'")
    assert len(padded.encode()) in (262_143, 262_144)
    assert world.rows(padded) == [[str(padded.count("é"))]]
    with pytest.raises(ClientError, match="length less than or equal to 262144"):
        world.start(padded.replace("é'", "éé'"))


def test_a_result_is_reused_only_as_long_as_it_is_there(world: AthenaWorld) -> None:
    asked = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}
    sql = "SELECT count(*) AS n FROM flights"

    def run(**more: Any) -> dict[str, Any]:
        return world.run(sql, ResultReuseConfiguration=asked, **more)

    def reused(query: dict[str, Any]) -> bool:
        return bool(query["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"])

    first, second = run(), run()
    assert (reused(first), reused(second)) == (False, True)
    assert second["Statistics"]["DataScannedInBytes"] == 0 < first["Statistics"][
        "DataScannedInBytes"
    ]  # fmt: skip
    assert not reused(run(QueryExecutionContext={"Database": world.database.upper()}))
    key = first["ResultConfiguration"]["OutputLocation"].split("/", 3)[3]
    world.s3.delete_object(Bucket=world.bucket, Key=key)
    assert not reused(run())


def test_results_are_encrypted_as_asked_or_not_at_all(world: AthenaWorld, aws: EmbeddedAws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    for encryption, header in (
        ({"EncryptionOption": "SSE_S3"}, "AES256"),
        ({"EncryptionOption": "SSE_KMS", "KmsKey": key}, "aws:kms"),
    ):
        query = world.run(
            "SELECT 1 AS a",
            ResultConfiguration={
                "OutputLocation": f"s3://{world.bucket}/sealed/",
                "EncryptionConfiguration": encryption,
            },
        )
        place = query["ResultConfiguration"]["OutputLocation"].split("/", 3)[3]
        stored = world.s3.head_object(Bucket=world.bucket, Key=place)
        assert stored["ServerSideEncryption"] == header


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"OutputLocation": "file:///tmp/"}, "not a valid S3 path"),
        ({"OutputLocation": "s3://"}, "not a valid S3 path"),
        ({"EncryptionConfiguration": {"EncryptionOption": "SSE_KMS"}}, "needs a KmsKey"),
        ({"EncryptionConfiguration": {"EncryptionOption": "CSE_KMS", "KmsKey": "k"}}, "CSE_KMS"),
    ],
)
def test_what_results_cannot_be(
    world: AthenaWorld, configuration: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        world.start("SELECT 1", ResultConfiguration=configuration)


def test_decimals_have_their_own_digits(world: AthenaWorld) -> None:
    assert world.value("DECIMAL '12345678901234567890.120'") == "12345678901234567890.120"
    assert world.value("DECIMAL '-0.05'") == "-0.05"
    assert world.value("CAST(7.5 AS decimal)") == "8"
    assert world.value("CAST(1.5 AS decimal(10, 3))") == "1.500"


def test_a_column_of_no_table_cannot_be_resolved(world: AthenaWorld) -> None:
    assert world.reason("SELECT nope").startswith("COLUMN_NOT_FOUND: line 1:8")


def test_bad_data_names_no_local_file(world: AthenaWorld) -> None:
    world.s3.put_object(Bucket=world.bucket, Key="bad/x.json", Body=b'{"n": "one"}\n')
    world.run(
        "CREATE EXTERNAL TABLE bad (n int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        f"LOCATION 's3://{world.bucket}/bad/'"
    )
    reason = world.reason("SELECT * FROM bad")
    assert reason.startswith("HIVE_BAD_DATA")
    assert "athena-cache" not in reason


def test_show_create_table_makes_the_table_again(world: AthenaWorld) -> None:
    shown = "\n".join(str(row[0]) for row in world.rows("SHOW CREATE TABLE flights"))
    world.run(shown.replace(".flights`", ".again`").replace(f"`{world.database}.", "`"))
    again = world.glue.get_table(DatabaseName=world.database, Name="again")["Table"]
    first = world.glue.get_table(DatabaseName=world.database, Name="flights")["Table"]
    assert again["PartitionKeys"] == first["PartitionKeys"]
    assert [(item["Name"], item["Type"]) for item in again["StorageDescriptor"]["Columns"]] == [
        (item["Name"], item["Type"]) for item in first["StorageDescriptor"]["Columns"]
    ]


UNLOAD = """UNLOAD (SELECT flight_id, carrier, dt FROM flights) TO '{place}'
WITH (format = 'PARQUET', compression = 'SNAPPY', partitioned_by = ARRAY[{keys}])"""


def test_unload_by_partition(world: AthenaWorld) -> None:
    place = f"s3://{world.bucket}/unloaded/"
    query = world.run(UNLOAD.format(place=place, keys="'carrier', 'dt'"))
    manifest = query["Statistics"]["DataManifestLocation"].split("/", 3)[3]
    listed = world.s3.get_object(Bucket=world.bucket, Key=manifest)["Body"].read().decode().split()
    assert sorted(uri.split("/", 3)[3] for uri in listed) == sorted(world.keys("unloaded/"))
    assert len(listed) == 6
    assert all("/carrier=" in uri and "/dt=2013-01-0" in uri for uri in listed)
    reason = world.reason(UNLOAD.format(place=f"{place}more/", keys="'carrier'"))
    assert "HIVE_COLUMN_ORDER_MISMATCH" in reason


def test_folders_of_partitions_are_named_as_hive_names_them(world: AthenaWorld) -> None:
    world.run("CREATE TABLE odd WITH (partitioned_by = ARRAY['p']) AS SELECT 1 AS a, 'x y:/é' AS p")
    assert world.rows("SELECT a, p FROM odd WHERE p = 'x y:/é'") == [["1", "x y:/é"]]
    found = world.glue.get_partitions(DatabaseName=world.database, TableName="odd")["Partitions"]
    assert [item["Values"] for item in found] == [["x y:/é"]]
    assert found[0]["StorageDescriptor"]["Location"].endswith("/p=x y%3A%2Fé/")
