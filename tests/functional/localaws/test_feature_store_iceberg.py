"""Feature Store with an Iceberg offline store: its table, its flushes, its permissions."""

# ruff: noqa: S608 - SQL in f-strings is what is tested

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.localaws.roles import allow, ensure_role, trust
from tests.functional.localaws.test_feature_store import FeatureWorld, at, record

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

GLUE = "arn:aws:glue:*:*:"
#: What AWS's own policy AmazonSageMakerFeatureStoreAccess allows, but for the buckets' names.
AWS_POLICY = [
    allow(["s3:PutObject", "s3:GetBucketAcl", "s3:PutObjectAcl"], "arn:aws:s3:::*"),
    allow(["s3:GetObject"], "arn:aws:s3:::*/metadata/*"),
    allow(["glue:GetTable", "glue:UpdateTable"],
          [f"{GLUE}catalog", f"{GLUE}database/sagemaker_featurestore",
           f"{GLUE}table/sagemaker_featurestore/*"]),
]  # fmt: skip
COLUMNS = "event_time, seats, is_deleted"


class IcebergFeatures(FeatureWorld):
    """Groups whose offline store is an Iceberg table, with the role that AWS suggests."""

    def __init__(self, aws: EmbeddedAws) -> None:
        super().__init__(aws)
        ensure_role(aws.client("iam"), "iceberg-features", trust("sagemaker"), may=AWS_POLICY)

    def create(self, **extra: Any) -> str:
        where = {"S3Uri": f"s3://{self.lake.bucket}/fs"}
        iceberg = {"S3StorageConfig": where, "TableFormat": "Iceberg"}
        role = "arn:aws:iam::111111111111:role/iceberg-features"
        return super().create(**{"OfflineStoreConfig": iceberg, "RoleArn": role} | extra)

    def table(self, name: str) -> str:
        """The offline store's table, as SQL names it."""
        config = self.settled(name)["OfflineStoreConfig"]["DataCatalogConfig"]
        return f'"{config["Database"]}"."{config["TableName"]}"'


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> IcebergFeatures:
    return IcebergFeatures(aws)


def test_a_group_is_made_with_its_iceberg_table(world: IcebergFeatures) -> None:
    name = world.create()
    config = world.settled(name)["OfflineStoreConfig"]
    assert config["TableFormat"] == "Iceberg"
    root = config["S3StorageConfig"]["ResolvedOutputS3Uri"].removesuffix("/data")
    catalog = config["DataCatalogConfig"]
    table = world.lake.glue.get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])
    table = table["Table"]
    assert table["Parameters"]["table_type"] == "ICEBERG"
    assert table["Parameters"]["metadata_location"].startswith(f"{root}/metadata/00000-")
    assert table["StorageDescriptor"]["Location"] == root
    assert [(item["Name"], item["Type"]) for item in table["StorageDescriptor"]["Columns"]] == [
        ("plane", "string"), ("event_time", "string"), ("seats", "bigint"), ("age", "double"),
        ("write_time", "timestamp"), ("api_invocation_time", "timestamp"),
        ("is_deleted", "boolean"),
    ]  # fmt: skip


def test_records_are_appended_by_day(world: IcebergFeatures) -> None:
    name = world.create()
    for hour in (1, 2, 30):
        world.put(name, hour=hour)
    world.delete(name, hour=31)
    rows = world.offline(name, COLUMNS, 4)
    assert sorted(rows, key=lambda row: str(row[0])) == [
        [at(1), "101", "false"], [at(2), "102", "false"], [at(30), "130", "false"],
        [at(31), None, "true"],
    ]  # fmt: skip
    keys = [key for key in world.lake.keys("fs/") if f"/{name}-" in key and "/data/" in key]
    days = {key.rsplit("/", 2)[1] for key in keys}
    assert days == {"event_time_trunc=2013-01-01", "event_time_trunc=2013-01-02"}
    table = world.table(name)
    one_day = world.lake.run(f"SELECT * FROM {table} WHERE event_time < '2013-01-02'")
    everything = world.lake.run(f"SELECT * FROM {table}")
    assert (one_day["Statistics"]["DataScannedInBytes"]
            < everything["Statistics"]["DataScannedInBytes"])  # fmt: skip


def test_features_can_be_added(world: IcebergFeatures) -> None:
    name = world.create()
    world.put(name, hour=1)
    world.offline(name, "seats", 1)
    world.sagemaker.update_feature_group(
        FeatureGroupName=name,
        FeatureAdditions=[{"FeatureName": "engines", "FeatureType": "Integral"}],
    )
    world.runtime.put_record(FeatureGroupName=name, Record=record(hour=2, engines="4"))
    assert sorted(world.offline(name, "seats, engines", 2)) == [["101", None], ["102", "4"]]
    described = [row[0].split()[0] for row in world.lake.rows(f"DESCRIBE {world.table(name)}")]
    assert described[-4:] == ["engines", "write_time", "api_invocation_time", "is_deleted"]


def test_a_deleted_group_leaves_its_table(world: IcebergFeatures) -> None:
    name = world.create()
    world.put(name, hour=1)
    world.offline(name, "seats", 1)
    table = world.table(name)
    world.sagemaker.delete_feature_group(FeatureGroupName=name)
    assert world.lake.rows(f"SELECT seats FROM {table}") == [["101"]]


def test_a_table_that_is_gone_blocks_the_store_and_says_so(world: IcebergFeatures) -> None:
    name = world.create()
    world.lake.run(f"DROP TABLE {world.table(name).replace(chr(34), '`')}")
    world.put(name, hour=1)
    for _ in range(100):
        status = world.settled(name)["OfflineStoreStatus"]
        if status["Status"] == "Blocked":
            break
        time.sleep(0.1)
    assert "NoSuchTableError" in status["BlockedReason"]
    world.sagemaker.delete_feature_group(FeatureGroupName=name)


def test_a_role_without_glue_cannot_append(world: IcebergFeatures, aws: EmbeddedAws) -> None:
    role = f"no-glue-{uuid.uuid4().hex[:8]}"
    ensure_role(aws.client("iam"), role, trust("sagemaker"), may=AWS_POLICY[:2])
    name = world.create(RoleArn=f"arn:aws:iam::111111111111:role/{role}")
    world.put(name, hour=1)
    for _ in range(100):
        status = world.settled(name)["OfflineStoreStatus"]
        if status["Status"] == "Blocked":
            break
        time.sleep(0.1)
    assert "glue:GetTable" in status["BlockedReason"]
    ensure_role(aws.client("iam"), role, trust("sagemaker"), may=AWS_POLICY)
    assert world.offline(name, "seats", 1) == [["101"]]
