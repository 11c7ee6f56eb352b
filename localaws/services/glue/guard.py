"""The guard of Glue's catalogue: names folded, partitions complete, versions respected.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog.html
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from localaws.core import relay
from localaws.core.errors import ServiceError
from localaws.core.guard import Guard
from localaws.core.paging import Paging
from localaws.core.provider import named_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.context import ServerContext
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

    Method = Callable[[Call, Document, Passing], Response]

#: Members that name databases and tables: https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
_NAMES = ("DatabaseName", "TableName", "Name", "DatabaseInput", "TableInput", "TablesToDelete")
_PAGES = Paging("NextToken", "MaxResults", "InvalidInputException")
_TAGS = ("tag_resource", "untag_resource", "get_tags")


class GlueGuard(Guard):
    """Stands before every operation on the catalogue."""

    service = "glue"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._methods: dict[str, Method | None] = {}
        # Between reading a table's version and updating the table nobody else may.
        self._updating = threading.Lock()

    def find(self, operation: str) -> Method | None:
        """Return what guards an operation: all of them see names in lower case."""
        if operation not in self._methods:
            method = named_method(self, operation)
            known = operation in _TAGS
            self._methods[operation] = None if known else _folding(method)
        return self._methods[operation]

    def get_tables(self, call: Call, request: Document, passing: Passing) -> Response:
        """List a database's tables, page by page: moto has no pages."""
        return _page(request, passing, "TableList", key=lambda each: str(each["Name"]), most=100)

    def get_partitions(self, call: Call, request: Document, passing: Passing) -> Response:
        """List a table's partitions, page by page, without columns if those are not wanted."""
        if request.get("ExcludeColumnSchema"):
            return _page(request, passing, "Partitions", key=_values, most=1000, trim=_no_columns)
        return _page(request, passing, "Partitions", key=_values, most=1000)

    def create_partition(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a partition with a value for every key of its table."""
        _check_values(request["PartitionInput"], _keys(request, passing))
        return passing.on()

    def batch_create_partition(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create the complete ones of several partitions; name the others."""
        keys, body = _keys(request, passing), relay.body_of(passing)
        inputs = body["PartitionInputList"]
        wrong = [each for each in inputs if len(each.get("Values", [])) != keys]
        body["PartitionInputList"] = [each for each in inputs if each not in wrong]
        told = relay.ask(passing, body) if body["PartitionInputList"] else {}
        errors = told.get("Errors") or []
        return relay.answer({"Errors": errors + [_wrong(each, keys) for each in wrong]})

    def update_table(self, call: Call, request: Document, passing: Passing) -> Response:
        """Update a table, if it still has the version that the caller saw."""
        if "TableInput" not in request:
            raise ServiceError(
                "InvalidInputException",
                "UpdateTable needs TableInput; UpdateOpenTableFormatInput is not performed here.",
            )
        named = {"DatabaseName": request["DatabaseName"], "Name": request["TableInput"]["Name"]}
        named = {name: value.lower() for name, value in named.items()}
        with self._updating:
            if "VersionId" not in request and not request.get("SkipArchive"):
                return passing.on()
            current = relay.ask(passing, named, "GetTable")["Table"]["VersionId"]
            if request.get("VersionId", current) != current:
                raise ServiceError(
                    "ConcurrentModificationException",
                    f"Update table failed due to concurrent modifications: version "
                    f"{request['VersionId']} was expected, {current} is current.",
                )
            response = passing.on()
            if request.get("SkipArchive"):
                old = {"DatabaseName": named["DatabaseName"], "TableName": named["Name"]}
                relay.ask(passing, old | {"VersionId": current}, "DeleteTableVersion")
            return response


def _folding(method: Method | None) -> Method:
    def folded(call: Call, request: Document, passing: Passing) -> Response:
        body = relay.body_of(passing)
        changed = {name: _lower(body[name]) for name in _NAMES if name in body}
        if any(body[name] != value for name, value in changed.items()):
            passing = relay.rewritten(passing, body | changed)
        return passing.on() if method is None else method(call, request, passing)

    return folded


def _page(
    request: Document,
    passing: Passing,
    member: str,
    *,
    key: Callable[[Document], str],
    most: int,
    trim: Callable[[Document], Document] | None = None,
) -> Response:
    told = relay.ask(passing, relay.body_of(passing))
    # In an order that creating and deleting others does not change, so that no page skips one.
    items = sorted(told[member], key=key)
    page, token = _PAGES.page(items, request, key=key, default=most, most=most)
    return relay.answer(told | {member: [trim(each) for each in page] if trim else page} | token)


def _values(partition: Document) -> str:
    return json.dumps(partition["Values"])


def _no_columns(partition: Document) -> Document:
    descriptor = partition.get("StorageDescriptor")
    if not descriptor:
        return partition
    kept = {name: value for name, value in descriptor.items() if name != "Columns"}
    return partition | {"StorageDescriptor": kept}


def _lower(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [_lower(each) for each in value]
    return value | {"Name": value["Name"].lower()}


def _keys(request: Document, passing: Passing) -> int:
    table = {"DatabaseName": request["DatabaseName"], "Name": request["TableName"]}
    lower = {name: value.lower() for name, value in table.items()}
    return len(relay.ask(passing, lower, "GetTable")["Table"].get("PartitionKeys") or [])


def _check_values(partition: Document, keys: int) -> None:
    if len(partition.get("Values", [])) != keys:
        raise ServiceError("InvalidInputException", _mismatch(partition, keys))


def _wrong(partition: Document, keys: int) -> Document:
    detail = {"ErrorCode": "InvalidInputException", "ErrorMessage": _mismatch(partition, keys)}
    return {"PartitionValues": partition.get("Values", []), "ErrorDetail": detail}


def _mismatch(partition: Document, keys: int) -> str:
    count = len(partition.get("Values", []))
    return (
        f"The number of partition keys do not match the number of partition values: {keys}, {count}"
    )
