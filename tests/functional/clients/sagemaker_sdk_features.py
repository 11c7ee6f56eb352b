"""Drives the sagemaker SDK's FeatureGroup objects, and prints as JSON what it saw. Run by its path.

In a process of its own, as sagemaker_sdk_pipeline.py. Argument: bucket.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from typing import Any

import boto3
import pandas as pd
from botocore.exceptions import ClientError
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import FeatureGroup
from sagemaker.core.shapes import (
    FeatureDefinition,
    FeatureValue,
    OfflineStoreConfig,
    OnlineStoreConfig,
    S3StorageConfig,
)
from sagemaker.mlops.feature_store import (
    create_athena_query,
    ingest_dataframe,
    load_feature_definitions_from_dataframe,
)

ROLE = "arn:aws:iam::111111111111:role/perennial-sagemaker"
BUCKET = sys.argv[1]
NAME = f"sdk-{uuid.uuid4().hex[:8]}"

logging.getLogger().setLevel(logging.ERROR)
session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket=BUCKET)
FRAME = pd.DataFrame(
    {
        "id": pd.array([f"r{index}" for index in range(20)], dtype="string"),
        "at": [1_600_000_000.0 + index for index in range(20)],
        "n": range(20),
    }
)


def record_of(group: FeatureGroup, key: str) -> dict[str, str]:
    found = group.get_record(record_identifier_value_as_string=key).record
    return {value.feature_name: value.value_as_string for value in found}


def offline(group: FeatureGroup) -> list[dict[str, Any]]:
    """Query the offline store until every record has come."""
    deadline = time.monotonic() + 60
    while True:
        query = create_athena_query(NAME, session)
        query.run(
            f'SELECT id, n, is_deleted FROM "{query.table_name}" ORDER BY id',  # noqa: S608
            output_location=f"s3://{BUCKET}/athena",
        )
        query.wait()
        rows = query.as_dataframe()
        if len(rows) >= len(FRAME) + 1 or time.monotonic() > deadline:
            return rows.to_dict("records")
        time.sleep(0.2)


def story() -> dict[str, Any]:
    definitions = load_feature_definitions_from_dataframe(FRAME)
    seen: dict[str, Any] = {
        "definitions": {item.feature_name: item.feature_type for item in definitions}
    }
    group = FeatureGroup.create(
        feature_group_name=NAME, record_identifier_feature_name="id",
        event_time_feature_name="at", feature_definitions=definitions, role_arn=ROLE,
        online_store_config=OnlineStoreConfig(enable_online_store=True),
        offline_store_config=OfflineStoreConfig(
            s3_storage_config=S3StorageConfig(s3_uri=f"s3://{BUCKET}/offline")
        ),
    )  # fmt: skip
    group.wait_for_status(target_status="Created", poll=1, timeout=60)
    seen["status"] = group.feature_group_status
    manager = ingest_dataframe(NAME, FRAME)
    seen["failed rows"] = manager.failed_rows
    seen["seventh"] = record_of(group, "r7")
    group.put_record(
        record=[
            FeatureValue(feature_name="id", value_as_string="r7"),
            FeatureValue(feature_name="at", value_as_string="1700000000.0"),
            FeatureValue(feature_name="n", value_as_string="70"),
        ]
    )
    seen["put"] = record_of(group, "r7")
    seen["offline"] = offline(group)
    group.update(feature_additions=[FeatureDefinition(feature_name="more", feature_type="String")])
    group.wait_for_status(target_status="Created", poll=1, timeout=60)
    group.refresh()
    seen["features"] = [item.feature_name for item in group.feature_definitions]
    seen["listed"] = [item.feature_group_name for item in FeatureGroup.get_all(name_contains=NAME)]
    group.delete_record(record_identifier_value_as_string="r7", event_time="1700000001.0")
    group.delete()
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            group.refresh()
            time.sleep(0.2)
    except ClientError as error:
        seen["after delete"] = error.response["Error"]["Code"]
    return seen


sys.stdout.write(json.dumps(story(), default=str))
