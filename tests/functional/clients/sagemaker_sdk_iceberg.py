"""Drives the sagemaker SDK's Iceberg feature groups; prints as JSON what it saw. Run by its path.

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
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import OfflineStoreConfig, OnlineStoreConfig, S3StorageConfig
from sagemaker.mlops.feature_store import (
    FeatureGroupManager,
    IcebergProperties,
    create_athena_query,
    ingest_dataframe,
    load_feature_definitions_from_dataframe,
)

ROLE = "arn:aws:iam::111111111111:role/perennial-sagemaker"
BUCKET = sys.argv[1]
NAME = f"sdk-ice-{uuid.uuid4().hex[:8]}"

logging.getLogger().setLevel(logging.ERROR)
boto_session = boto3.Session(region_name="us-east-1")
session = Session(boto_session=boto_session, default_bucket=BUCKET)
FRAME = pd.DataFrame(
    {
        "id": pd.array([f"r{index}" for index in range(20)], dtype="string"),
        "at": pd.array([f"2020-01-{1 + index:02d}T00:00:00Z" for index in range(20)], "string"),
        "n": range(20),
    }
)


def offline() -> list[dict[str, Any]]:
    """Query the offline store until every record has come."""
    deadline = time.monotonic() + 60
    while True:
        query = create_athena_query(NAME, session)
        query.run(
            f'SELECT id, n FROM "{query.table_name}" ORDER BY n',  # noqa: S608
            output_location=f"s3://{BUCKET}/athena",
        )
        query.wait()
        rows = query.as_dataframe()
        if len(rows) >= len(FRAME) or time.monotonic() > deadline:
            return rows.to_dict("records")
        time.sleep(0.2)


def properties() -> dict[str, str]:
    found = FeatureGroupManager.get(
        feature_group_name=NAME, include_iceberg_properties=True, session=boto_session
    )
    return dict(found.iceberg_properties.properties)


def story() -> dict[str, Any]:
    group = FeatureGroupManager.create(
        feature_group_name=NAME, record_identifier_feature_name="id",
        event_time_feature_name="at", role_arn=ROLE, session=boto_session,
        feature_definitions=load_feature_definitions_from_dataframe(FRAME),
        online_store_config=OnlineStoreConfig(enable_online_store=True),
        offline_store_config=OfflineStoreConfig(
            s3_storage_config=S3StorageConfig(s3_uri=f"s3://{BUCKET}/offline"),
            table_format="Iceberg",
        ),
        iceberg_properties=IcebergProperties(
            properties={"write.target-file-size-bytes": "268435456"}
        ),
    )  # fmt: skip
    seen: dict[str, Any] = {"created with": properties()}
    seen["failed rows"] = ingest_dataframe(NAME, FRAME).failed_rows
    seen["offline"] = offline()
    group.update(
        iceberg_properties=IcebergProperties(
            properties={"history.expire.max-snapshot-age-ms": "86400000"}
        ),
        session=boto_session,
    )
    seen["updated to"] = properties()
    group.delete()
    return seen


sys.stdout.write(json.dumps(story(), default=str))
