"""Glue's catalogue: an action needs the catalogue, the database and the table, all of them.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
and https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, for_all, on_arn

_ON_TABLE = """
    BatchCreatePartition BatchDeletePartition BatchGetPartition BatchUpdatePartition CreatePartition
    CreatePartitionIndex DeletePartition GetPartition GetPartitionIndexes GetPartitions
    GetTableVersion GetTableVersions DeleteTableVersion UpdatePartition GetTable DeleteTable
    CreateTable UpdateTable GetTables BatchDeleteTable BatchDeleteTableVersion
    DeletePartitionIndex
"""


def _catalogued(asked: Asked, *parts: str) -> list[Need]:
    account = asked.parameters.get("CatalogId") or asked.account_id
    root = f"arn:aws:glue:{asked.region}:{account}:"
    return [Need(f"glue:{asked.operation}", root + part) for part in ("catalog", *parts)]


def _database(asked: Asked) -> list[Need]:
    given = asked.parameters
    name = given.get("Name") or given.get("DatabaseInput", {}).get("Name") or "*"
    return _catalogued(asked, f"database/{name}")


def _deleted_database(asked: Asked) -> list[Need]:
    # With the database go its tables and functions.
    name = asked.parameters["Name"]
    return _catalogued(
        asked, f"database/{name}", f"table/{name}/*", f"userDefinedFunction/{name}/*"
    )


def _table(asked: Asked) -> list[Need]:
    given = asked.parameters
    database = given["DatabaseName"]
    one = given.get("TableName") or given.get("Name") or given.get("TableInput", {}).get("Name")
    tables = given.get("TablesToDelete") or [one or "*"]
    return _catalogued(
        asked, f"database/{database}", *[f"table/{database}/{each}" for each in tables]
    )


TABLE: dict[str, Rule] = {
    **for_all("CreateDatabase GetDatabase GetDatabases UpdateDatabase", _database),
    "DeleteDatabase": _deleted_database,
    **for_all(_ON_TABLE, _table),
    **for_all("TagResource UntagResource GetTags", on_arn("glue", "ResourceArn")),
}
