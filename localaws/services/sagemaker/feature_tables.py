"""The offline store as Glue and S3 see it: location, columns, partition keys. No records here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.services.sagemaker.arns import ResourceName

DATABASE = "sagemaker_featurestore"
GLUE_TYPES = {"Integral": "bigint", "Fractional": "double", "String": "string"}
PARTITION_KEYS = ("year", "month", "day")
APPENDED = (("write_time", "timestamp"), ("api_invocation_time", "timestamp"),
            ("is_deleted", "boolean"), ("hour", "string"))  # fmt: skip
RESERVED = frozenset({*(name for name, _ in APPENDED), *PARTITION_KEYS})

_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def resolve_offline(name: ResourceName, asked: Document, now: float) -> Document:
    """Return OfflineStoreConfig with S3 folder and Glue table resolved, as AWS lays them out."""
    stamp = datetime.fromtimestamp(now, UTC)
    prefix = asked["S3StorageConfig"]["S3Uri"].rstrip("/")
    resolved = (
        f"{prefix}/{name.account_id}/sagemaker/{name.region}/offline-store/"
        f"{name.name}-{stamp:%Y%m%dT%H%M%SZ}/data"
    )
    config: Document = {
        "S3StorageConfig": {**asked["S3StorageConfig"], "ResolvedOutputS3Uri": resolved},
        "DisableGlueTableCreation": asked.get("DisableGlueTableCreation", False),
        "TableFormat": "Iceberg" if asked.get("TableFormat") == "Iceberg" else "Glue",
    }
    if not config["DisableGlueTableCreation"]:
        table = re.sub(r"\W", "_", name.name).lower()
        config["DataCatalogConfig"] = asked.get("DataCatalogConfig") or {
            "Catalog": "AwsDataCatalog", "Database": DATABASE,
            "TableName": f"{table}_{int(now)}",
        }  # fmt: skip
    return config


def create_database(glue: Any, group: Document) -> None:
    """Make the Glue database of a group's table, if it is not there already."""
    catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
    _unless_there(glue.create_database, DatabaseInput={"Name": catalog["Database"]})


def create_table(glue: Any, group: Document) -> None:
    """Make the Glue table, if it is not there already."""
    catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
    _unless_there(
        glue.create_table,
        DatabaseName=catalog["Database"],
        TableInput={
            "Name": catalog["TableName"], "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in PARTITION_KEYS],
            "StorageDescriptor": storage(group),
        },
    )  # fmt: skip


def add_columns(glue: Any, group: Document, additions: list[Document]) -> None:
    """Add features' columns to the Glue table, before the columns that the store itself appends."""
    catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
    extended = group | {"FeatureDefinitions": group["FeatureDefinitions"] + additions}
    table = glue.get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])["Table"]
    kept = ("Name", "TableType", "Parameters", "PartitionKeys", "Description", "Owner")
    glue.update_table(
        DatabaseName=catalog["Database"],
        TableInput={key: table[key] for key in kept if key in table}
        | {"StorageDescriptor": storage(extended)},
    )


def storage(group: Document) -> Document:
    """Return the Glue StorageDescriptor of a group's offline store."""
    columns = [(feature["FeatureName"].lower(), GLUE_TYPES[feature["FeatureType"]])
               for feature in group["FeatureDefinitions"]]  # fmt: skip
    return {
        "Columns": [{"Name": name, "Type": kind} for name, kind in [*columns, *APPENDED]],
        "Location": group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"] + "/",
        "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
        "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe"},
    }


def _unless_there(create: Any, **request: Any) -> None:
    try:
        create(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
