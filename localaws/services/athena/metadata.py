"""Athena's own view of catalogues, databases and tables, read from Glue."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.athena.catalog import CATALOG_NAMES, current
from localaws.services.athena.workgroups import PAGING, invalid

_CATALOG = {"CatalogName": "AwsDataCatalog", "Type": "GLUE"}


class Metadata(Provider):
    """The operations on metadata."""

    def list_data_catalogs(self, call: Call, request: Document) -> Document:
        """List the one catalogue there is."""
        return {"DataCatalogsSummary": [_CATALOG]}

    def get_data_catalog(self, call: Call, request: Document) -> Document:
        """Describe the Glue catalogue."""
        _check_catalog(request["Name"])
        return {"DataCatalog": {"Name": "AwsDataCatalog", "Type": "GLUE"}}

    def get_database(self, call: Call, request: Document) -> Document:
        """Describe a database."""
        glue = self._glue(call, request)
        return {
            "Database": _database(_ask(glue.get_database, Name=request["DatabaseName"])["Database"])
        }

    def list_databases(self, call: Call, request: Document) -> Document:
        """List databases."""
        glue = self._glue(call, request)
        found = _all(glue.get_paginator("get_databases").paginate(), "DatabaseList")
        page, more = _page(found, request)
        return {"DatabaseList": [_database(item) for item in page]} | more

    def get_table_metadata(self, call: Call, request: Document) -> Document:
        """Describe a table."""
        found = _ask(
            self._glue(call, request).get_table,
            DatabaseName=request["DatabaseName"], Name=request["TableName"],
        )  # fmt: skip
        return {"TableMetadata": _table(found["Table"])}

    def list_table_metadata(self, call: Call, request: Document) -> Document:
        """List tables, by a pattern if one is given."""
        wanted = {"Expression": request["Expression"]} if request.get("Expression") else {}
        pages = (
            self._glue(call, request)
            .get_paginator("get_tables")
            .paginate(DatabaseName=request["DatabaseName"], **wanted)
        )
        page, more = _page(_all(pages, "TableList"), request)
        return {"TableMetadataList": [_table(item) for item in page]} | more

    def _glue(self, call: Call, request: Document) -> Any:
        _check_catalog(request["CatalogName"])
        return self.context.client_for(call, "glue", call.region, via="athena")


def _check_catalog(name: str) -> None:
    if name.lower() not in CATALOG_NAMES:
        raise invalid(f"DataCatalog {name} was not found")


def _ask(operation: Any, **request: Any) -> Document:
    try:
        answer: Document = operation(**request)
    except ClientError as error:
        failure = error.response["Error"]
        raise ServiceError(
            "MetadataException", f"{failure['Code']}: {failure['Message']}"
        ) from error
    return answer


def _all(pages: Any, member: str) -> list[Document]:
    found: Document = _ask(lambda: {"all": [item for page in pages for item in page[member]]})
    return sorted(found["all"], key=lambda item: str(item["Name"]))


def _page(found: list[Document], request: Document) -> tuple[list[Document], Document]:
    """Cut a page; moto's Glue gives everything however little is asked for."""
    return PAGING.page(found, request, key=lambda item: str(item["Name"]), default=50)


def _database(found: Document) -> Document:
    return {key: found[key] for key in ("Name", "Description", "Parameters") if found.get(key)}


def _table(found: Document) -> Document:
    storage = found.get("StorageDescriptor", {})
    location = {"location": storage["Location"]} if storage.get("Location") else {}
    return {
        "Name": found["Name"],
        "CreateTime": found.get("CreateTime"),
        "TableType": found.get("TableType", "EXTERNAL_TABLE"),
        "Columns": [_column(item) for item in current(storage.get("Columns", []))],
        "PartitionKeys": [_column(item) for item in found.get("PartitionKeys", [])],
        "Parameters": {**found.get("Parameters", {}), **location},
    }


def _column(found: Document) -> Document:
    return {key: found[key] for key in ("Name", "Type", "Comment") if found.get(key)}
