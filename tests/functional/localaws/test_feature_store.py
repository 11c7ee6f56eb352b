"""Feature Store over HTTP: groups, order of event times, deletion, batches, the offline store."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.athena_world import AthenaWorld
from tests.functional.localaws.roles import allow, ensure_role, trust

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

FEATURES = (("plane", "String"), ("event_time", "String"), ("seats", "Integral"),
            ("age", "Fractional"))  # fmt: skip
ROLE = "arn:aws:iam::111111111111:role/feature-store"  # made by FeatureWorld


class FeatureWorld:
    """Feature groups of this test run's own, and Athena to look at their offline stores."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.lake = AthenaWorld(aws)
        ensure_role(
            aws.client("iam"), "feature-store", trust("sagemaker"),
            may=[allow(["s3:PutObject", "s3:GetBucketAcl"], "arn:aws:s3:::*")],
        )  # fmt: skip
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-featurestore-runtime")

    def create(self, **extra: Any) -> str:
        """Create a group and wait until it is Created; return its name."""
        name = f"planes-{uuid.uuid4().hex[:8]}"
        request: dict[str, Any] = {
            "FeatureGroupName": name, "RecordIdentifierFeatureName": "plane",
            "EventTimeFeatureName": "event_time", "RoleArn": ROLE,
            "FeatureDefinitions": [{"FeatureName": feature, "FeatureType": kind}
                                   for feature, kind in FEATURES],
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{self.lake.bucket}/fs"}},
        }  # fmt: skip
        request |= extra
        self.sagemaker.create_feature_group(**request)
        name = request["FeatureGroupName"]
        assert self.settled(name)["FeatureGroupStatus"] == "Created"
        return name

    def settled(self, name: str) -> dict[str, Any]:
        for _ in range(500):
            group = self.sagemaker.describe_feature_group(FeatureGroupName=name)
            if group["FeatureGroupStatus"] != "Creating":
                return dict(group)
            time.sleep(0.01)
        raise AssertionError(f"{name} stays Creating")

    def put(self, name: str, *, hour: int, **extra: Any) -> None:
        self.runtime.put_record(FeatureGroupName=name, Record=record(hour=hour), **extra)

    def get(self, name: str, plane: str = "N1") -> dict[str, str]:
        answer = self.runtime.get_record(FeatureGroupName=name, RecordIdentifierValueAsString=plane)
        return {item["FeatureName"]: item["ValueAsString"] for item in answer.get("Record", [])}

    def delete(self, name: str, hour: int, mode: str = "SoftDelete") -> None:
        self.runtime.delete_record(
            FeatureGroupName=name, RecordIdentifierValueAsString="N1", EventTime=at(hour),
            DeletionMode=mode,
        )  # fmt: skip

    def offline(self, name: str, columns: str, rows: int) -> list[list[str | None]]:
        """The offline store's rows, once there are that many."""
        catalog = self.sagemaker.describe_feature_group(FeatureGroupName=name)[
            "OfflineStoreConfig"
        ]["DataCatalogConfig"]
        sql = (f"SELECT {columns} FROM {catalog['Database']}.{catalog['TableName']} "  # noqa: S608
               "ORDER BY api_invocation_time, event_time")  # fmt: skip
        deadline = time.monotonic() + 15
        while True:
            found = self.lake.rows(sql)
            if len(found) >= rows or time.monotonic() > deadline:
                return found
            time.sleep(0.1)


def at(hour: int) -> str:
    return (datetime(2013, 1, 1, tzinfo=UTC) + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(plane: str = "N1", hour: int = 0, **values: str) -> list[dict[str, str]]:
    features = {"plane": plane, "event_time": at(hour), "seats": str(100 + hour), "age": "1.5"}
    return [{"FeatureName": name, "ValueAsString": value}
            for name, value in {**features, **values}.items()]  # fmt: skip


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> FeatureWorld:
    return FeatureWorld(aws)


@pytest.fixture(scope="module")
def group(world: FeatureWorld) -> str:
    return world.create()


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**request)
    failure = error.value.response["Error"]
    return failure["Code"], failure["Message"]


def test_a_group_is_made_with_its_glue_table(world: FeatureWorld, group: str) -> None:
    described = world.settled(group)
    catalog = described["OfflineStoreConfig"]["DataCatalogConfig"]
    assert catalog["Database"] == "sagemaker_featurestore"
    assert catalog["TableName"].startswith(group.replace("-", "_") + "_")
    table = world.lake.glue.get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])
    columns = [(item["Name"], item["Type"])
               for item in table["Table"]["StorageDescriptor"]["Columns"]]  # fmt: skip
    assert columns == [
        ("plane", "string"), ("event_time", "string"), ("seats", "bigint"), ("age", "double"),
        ("write_time", "timestamp"), ("api_invocation_time", "timestamp"),
        ("is_deleted", "boolean"), ("hour", "string"),
    ]  # fmt: skip
    assert [key["Name"] for key in table["Table"]["PartitionKeys"]] == ["year", "month", "day"]


def test_the_later_event_time_wins_and_history_is_kept(world: FeatureWorld) -> None:
    name = world.create()
    for hour in (5, 3, 5, 7):
        world.put(name, hour=hour)
    assert world.get(name) == {
        "plane": "N1", "event_time": at(7), "seats": "107", "age": "1.5",
    }  # fmt: skip
    rows = world.offline(name, "event_time, seats, is_deleted, year, month, day, hour", 4)
    assert sorted(rows) == [
        [at(hour), str(100 + hour), "false", "2013", "01", "01", f"{hour:02}"]
        for hour in (3, 5, 5, 7)
    ]


def test_an_equal_event_time_does_not_replace(world: FeatureWorld, group: str) -> None:
    for seats in ("1", "2"):
        world.runtime.put_record(
            FeatureGroupName=group, Record=record("N-equal", hour=1, seats=seats)
        )
    assert world.get(group, "N-equal")["seats"] == "1"


def test_soft_delete_leaves_a_marker(world: FeatureWorld) -> None:
    name = world.create()
    world.put(name, hour=2)
    world.delete(name, hour=1)
    assert world.get(name)["seats"] == "102"
    world.delete(name, hour=3)
    assert world.get(name) == {}
    world.put(name, hour=2)
    assert world.get(name) == {}
    world.put(name, hour=4)
    assert world.get(name)["seats"] == "104"
    rows = world.offline(name, "event_time, seats, is_deleted", 5)
    assert sorted(rows, key=str) == sorted(
        [[at(2), "102", "false"], [at(1), None, "true"], [at(3), None, "true"],
         [at(2), "102", "false"], [at(4), "104", "false"]], key=str,
    )  # fmt: skip


def test_hard_delete_removes_or_refuses(world: FeatureWorld) -> None:
    name = world.create()
    world.put(name, hour=2)
    code, message = refused(
        world.runtime.delete_record, FeatureGroupName=name, RecordIdentifierValueAsString="N1",
        EventTime=at(2), DeletionMode="HardDelete",
    )  # fmt: skip
    assert (code, "not later" in message) == ("ValidationError", True)
    world.delete(name, 3, "HardDelete")
    world.put(name, hour=1)
    assert world.get(name)["seats"] == "101"
    rows = world.offline(name, "event_time, is_deleted", 3)
    assert sorted(rows) == [[at(1), "false"], [at(2), "false"], [at(3), "true"]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nope": "1"}, "FeatureName nope does not exist"),
        ({"seats": "1.5"}, "Value '1.5' of feature seats is not Integral"),
        ({"age": "old"}, "Value 'old' of feature age is not Fractional"),
        ({"age": "NaN"}, "is not Fractional"),
        ({"event_time": "2013-01-01"}, "expected ISO 8601 in UTC"),
        ({"event_time": "2013-01-01T00:00:00+01:00"}, "expected ISO 8601 in UTC"),
        ({"plane": ""}, "does not have a value for the feature plane"),
        ({"plane": "x" * 358_400}, "exceeds the limit of 350 KB"),
    ],
)
def test_what_is_no_record_is_refused(
    world: FeatureWorld, group: str, values: dict[str, str], message: str
) -> None:
    code, said = refused(world.runtime.put_record, FeatureGroupName=group, Record=record(**values))
    assert code == "ValidationError"
    assert message in said


def test_batches_tell_good_from_bad(world: FeatureWorld, group: str) -> None:
    entries = [{"FeatureGroupName": group, "Record": record(f"B{number}")} for number in range(3)]
    entries.append({"FeatureGroupName": group, "Record": record("B3", seats="many")})
    answer = world.runtime.batch_write_record(Entries=entries)
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["ValidationError"]
    assert answer["Errors"][0]["Entry"] == entries[3]
    assert answer["UnprocessedEntries"] == []
    found = world.runtime.batch_get_record(
        Identifiers=[
            {"FeatureGroupName": group, "FeatureNames": ["seats"],
             "RecordIdentifiersValueAsString": ["B0", "B2", "B3", "nobody"]},
            {"FeatureGroupName": "no-such-group", "RecordIdentifiersValueAsString": ["x"]},
        ]
    )  # fmt: skip
    assert [
        (item["RecordIdentifierValueAsString"], item["Record"]) for item in found["Records"]
    ] == [
        ("B0", [{"FeatureName": "seats", "ValueAsString": "100"}]),
        ("B2", [{"FeatureName": "seats", "ValueAsString": "100"}]),
    ]
    assert [error["ErrorCode"] for error in found["Errors"]] == ["ResourceNotFound"]
    listed = world.runtime.list_records(FeatureGroupName=group, MaxResults=2)
    assert len(listed["RecordIdentifiers"]) == 2
    assert listed["NextToken"]


def test_target_stores_are_honoured(world: FeatureWorld) -> None:
    name = world.create()
    world.put(name, hour=1, TargetStores=["OfflineStore"])
    assert world.get(name) == {}
    world.put(name, hour=2, TargetStores=["OnlineStore"])
    assert world.get(name)["seats"] == "102"
    assert world.offline(name, "event_time", 1) == [[at(1)]]


def test_groups_and_records_by_arn(world: FeatureWorld, group: str) -> None:
    arn = world.settled(group)["FeatureGroupArn"]
    world.runtime.put_record(FeatureGroupName=arn, Record=record("N-arn"))
    assert world.get(arn, "N-arn")["seats"] == "100"
    assert refused(
        world.runtime.get_record, FeatureGroupName="nowhere", RecordIdentifierValueAsString="x"
    )[0] == "ResourceNotFound"  # fmt: skip
    assert refused(world.runtime.put_record, FeatureGroupName="nowhere", Record=record())[0] == (
        "ValidationError"
    )


def test_records_expire(world: FeatureWorld, group: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.runtime.put_record(
        FeatureGroupName=group, Record=record("N-ttl", event_time=now),
        TtlDuration={"Unit": "Hours", "Value": 1},
    )  # fmt: skip
    answer = world.runtime.get_record(
        FeatureGroupName=group, RecordIdentifierValueAsString="N-ttl",
        ExpirationTimeResponse="Enabled", FeatureNames=["seats"],
    )  # fmt: skip
    assert answer["Record"] == [{"FeatureName": "seats", "ValueAsString": "100"}]
    assert datetime.fromisoformat(answer["ExpiresAt"]) > datetime.now(UTC)
    world.runtime.put_record(
        FeatureGroupName=group, Record=record("N-past"), TtlDuration={"Unit": "Days", "Value": 1}
    )
    assert world.get(group, "N-past") == {}


def test_fractional_event_times(world: FeatureWorld) -> None:
    features = [{"FeatureName": name, "FeatureType": kind if name != "event_time" else "Fractional"}
                for name, kind in FEATURES]  # fmt: skip
    name = world.create(FeatureDefinitions=features)
    for moment in ("1357002000.25", "1357002000.5", "1357002000"):
        world.runtime.put_record(FeatureGroupName=name, Record=record(event_time=moment))
    assert world.get(name)["event_time"] == "1357002000.5"
    assert world.offline(name, "event_time, day, hour", 3)[0][1:] == ["01", "01"]
    assert "not Fractional" in refused(
        world.runtime.put_record, FeatureGroupName=name, Record=record()
    )[1]  # fmt: skip


def test_features_can_be_added(world: FeatureWorld) -> None:
    name = world.create()
    world.put(name, hour=1)
    world.offline(name, "seats", 1)
    world.sagemaker.update_feature_group(
        FeatureGroupName=name,
        FeatureAdditions=[{"FeatureName": "engines", "FeatureType": "Integral"}],
    )
    described = world.settled(name)
    assert described["LastUpdateStatus"]["Status"] == "Successful"
    world.runtime.put_record(FeatureGroupName=name, Record=record(hour=2, engines="4"))
    assert world.get(name)["engines"] == "4"
    assert sorted(world.offline(name, "seats, engines", 2)) == [["101", None], ["102", "4"]]


def test_a_deleted_group_starts_anew(world: FeatureWorld) -> None:
    name = world.create()
    world.put(name, hour=9)
    world.sagemaker.delete_feature_group(FeatureGroupName=name)
    assert refused(world.sagemaker.describe_feature_group, FeatureGroupName=name)[0] == (
        "ResourceNotFound"
    )
    world.create(FeatureGroupName=name)
    assert world.get(name) == {}


def test_groups_are_listed_and_described(world: FeatureWorld) -> None:
    mark = uuid.uuid4().hex[:8]
    names = [f"listed-{mark}-{number}" for number in range(3)]
    for name in names:
        world.sagemaker.create_feature_group(
            FeatureGroupName=name, RecordIdentifierFeatureName="plane",
            EventTimeFeatureName="event_time", OnlineStoreConfig={"EnableOnlineStore": True},
            FeatureDefinitions=[{"FeatureName": feature, "FeatureType": kind}
                                for feature, kind in FEATURES],
        )  # fmt: skip
        world.settled(name)
    pages = world.sagemaker.get_paginator("list_feature_groups").paginate(
        NameContains=mark, FeatureGroupStatusEquals="Created", SortBy="Name",
        PaginationConfig={"PageSize": 2},
    )  # fmt: skip
    assert [item["FeatureGroupName"] for page in pages
            for item in page["FeatureGroupSummaries"]] == names  # fmt: skip
    world.sagemaker.update_feature_metadata(
        FeatureGroupName=names[0], FeatureName="seats", Description="how many sit",
        ParameterAdditions=[{"Key": "unit", "Value": "persons"}],
    )  # fmt: skip
    found = world.sagemaker.describe_feature_metadata(
        FeatureGroupName=names[0], FeatureName="seats"
    )
    assert (found["Description"], found["Parameters"]) == (
        "how many sit", [{"Key": "unit", "Value": "persons"}],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "code", "message"),
    [
        ({"RecordIdentifierFeatureName": "nope"}, "ValidationException", "nope"),
        ({"EventTimeFeatureName": "seats"}, "ValidationException", "String or Fractional"),
        ({"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://b/p"},
                                 "TableFormat": "Iceberg", "DisableGlueTableCreation": True}},
         "ValidationException", "does not perform TableFormat Iceberg with"),
        ({"FeatureDefinitions": [{"FeatureName": "plane", "FeatureType": "String"},
                                 {"FeatureName": "event_time", "FeatureType": "Fractional"}],
          "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://b/p"},
                                 "TableFormat": "Iceberg"}}, "ValidationException", "String"),
        ({"FeatureDefinitions": [{"FeatureName": "is_deleted", "FeatureType": "String"}]},
         "ValidationException", "reserved"),
        ({"FeatureGroupName": "{group}"}, "ResourceInUse", "already exists"),
    ],
)  # fmt: skip
def test_what_is_no_group_is_refused(
    world: FeatureWorld, group: str, extra: dict[str, Any], code: str, message: str
) -> None:
    if extra.get("FeatureGroupName") == "{group}":
        extra = {"FeatureGroupName": group}
    found = refused(world.create, **extra)
    assert (found[0], message in found[1]) == (code, True)


def test_a_group_without_its_bucket_fails(world: FeatureWorld) -> None:
    name = f"homeless-{uuid.uuid4().hex[:8]}"
    with pytest.raises(AssertionError):
        world.create(
            FeatureGroupName=name,
            OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://no-such-bucket-here/fs"}},
        )
    assert world.settled(name)["FeatureGroupStatus"] == "CreateFailed"
    assert world.settled(name)["FailureReason"]
