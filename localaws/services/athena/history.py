"""Every query's record, durable from the moment it is accepted. provider.py runs the queries."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from localaws.services.athena.failures import SYSTEM_ERROR
from localaws.services.athena.workgroups import ENGINE, invalid

if TYPE_CHECKING:
    from localaws.core.provider import Call, Document
    from localaws.core.store import Store
    from localaws.services.athena.engine import Outcome
    from localaws.services.athena.failures import QueryFailedError

_SAME = ("text", "parameters", "context", "workgroup", "result_configuration", "substatement")
UNFINISHED = ("QUEUED", "RUNNING")


class History:
    """The queries of all accounts."""

    def __init__(self, store: Store) -> None:
        self._queries = store.table("athena/query")

    def accept(self, call: Call, record: Document) -> Document:
        """Note a new query and return its record; the caller does so under the query's token."""
        query_id = str(uuid.uuid4())
        record = record | {"id": query_id, "state": "QUEUED"}
        self._queries.put(f"{call.account_id}/{call.region}/{query_id}", record)
        return record

    def get(self, call: Call, query_id: str) -> Document:
        """Return a query's record.

        Raises:
            ServiceError: There is none.
        """
        found = self._queries.get(f"{call.account_id}/{call.region}/{query_id}")
        if found is None:
            raise invalid(f"QueryExecution {query_id} was not found")
        return found

    def change(self, record: Document, **changes: Any) -> bool:
        """Change a query that has not finished; say whether it had not."""
        changed = []

        def apply(document: Document) -> None:
            if document["state"] in UNFINISHED:
                document.update(changes)
                changed.append(True)

        self._queries.update(f"{record['account']}/{record['region']}/{record['id']}", apply)
        return bool(changed)

    def ids(self, call: Call, workgroup: str) -> list[str]:
        """Return the ids of a workgroup's queries, newest first."""
        found = self._queries.scan(f"{call.account_id}/{call.region}/")
        return [item["id"] for _, item in found if item["workgroup"] == workgroup][::-1]

    def reusable(self, record: Document, now: float) -> Document | None:
        """Return the newest result that a query may hand out instead of running.

        Same text, parameters, database, workgroup and place, and young enough:
        https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html
        """
        oldest = now - 60 * record["reuse_minutes"]
        found = self._queries.scan(f"{record['account']}/{record['region']}/")
        fitting = [
            item for _, item in found
            if item["state"] == "SUCCEEDED" and item["completed"] >= oldest
            and not item.get("reused") and all(item[key] == record[key] for key in _SAME)
        ]  # fmt: skip
        return max(fitting, key=lambda item: float(item["completed"]), default=None)

    def unfinished(self) -> list[Document]:
        """Return the records of all queries that have not finished."""
        return [item for _, item in self._queries.scan() if item["state"] in UNFINISHED]


def succeeded(outcome: Outcome, now: float, engine_millis: int) -> Document:
    """Return the changes that make a record SUCCEEDED."""
    return {
        "state": "SUCCEEDED", "completed": now, "output": outcome.output_location,
        "manifest": outcome.manifest_location, "bytes": outcome.data_bytes, "rows": outcome.rows,
        "update_count": outcome.update_count, "engine_millis": engine_millis,
        "planning_millis": outcome.planning_millis, "reused": outcome.reused,
    }  # fmt: skip


def failed(failure: QueryFailedError, now: float, engine_millis: int) -> Document:
    """Return the changes that make a record FAILED or CANCELLED."""
    return {
        "state": failure.state, "completed": now, "reason": failure.reason,
        "category": failure.category, "engine_millis": engine_millis,
    }  # fmt: skip


def described(record: Document) -> Document:
    """Return a record as GetQueryExecution shows it."""
    shown = {
        "QueryExecutionId": record["id"], "Query": record["text"],
        "StatementType": record["statement_type"], "SubstatementType": record["substatement"],
        "ResultConfiguration": record["result_configuration"]
        | ({"OutputLocation": record["output"]} if record.get("output") else {}),
        "QueryExecutionContext": record["context"], "Status": _status(record),
        "Statistics": _statistics(record), "WorkGroup": record["workgroup"],
        "EngineVersion": ENGINE,
    }  # fmt: skip
    if record["parameters"]:
        shown["ExecutionParameters"] = record["parameters"]
    return shown


def _status(record: Document) -> Document:
    status: Document = {"State": record["state"], "SubmissionDateTime": record["submitted"]}
    if record.get("completed"):
        status["CompletionDateTime"] = record["completed"]
    if record.get("reason"):
        status["StateChangeReason"] = record["reason"]
    if record["state"] == "FAILED":
        status["AthenaError"] = {
            "ErrorCategory": record["category"],
            "ErrorType": 1 if record["category"] == SYSTEM_ERROR else 1000,
            "Retryable": record["category"] == SYSTEM_ERROR,
            "ErrorMessage": record["reason"],
        }
    return status


def _statistics(record: Document) -> Document:
    queued = int((record.get("started", record["submitted"]) - record["submitted"]) * 1000)
    engine = record.get("engine_millis", 0)
    total = int((record.get("completed", record["submitted"]) - record["submitted"]) * 1000)
    statistics = {
        "EngineExecutionTimeInMillis": engine, "DataScannedInBytes": record.get("bytes", 0),
        "TotalExecutionTimeInMillis": total, "QueryQueueTimeInMillis": queued,
        "QueryPlanningTimeInMillis": record.get("planning_millis", 0),
        "ServiceProcessingTimeInMillis": max(total - queued - engine, 0),
        "ResultReuseInformation": {"ReusedPreviousResult": record.get("reused", False)},
    }  # fmt: skip
    if record.get("manifest"):
        statistics["DataManifestLocation"] = record["manifest"]
    return statistics
