"""Athena's query operations: accept, run in a pool of two, describe, hand out results, cancel.

Differences from AWS that a client can see are listed in docs/localaws.md.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.core.tokens import ClientToken, TokenRule
from localaws.services.athena import history, result_settings, results
from localaws.services.athena.engine import Engine, Order
from localaws.services.athena.failures import SYSTEM_ERROR, QueryFailedError
from localaws.services.athena.history import History
from localaws.services.athena.metadata import Metadata
from localaws.services.athena.prepared import Preparation, PreparedStatements, read_preparation
from localaws.services.athena.statements import Statement, read
from localaws.services.athena.workgroups import PAGING, PRIMARY, WorkGroups, invalid

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.athena.engine import Outcome

_log = logging.getLogger(__name__)
_WORKERS = 2
_PAGE = 1000
_START = TokenRule("ClientRequestToken", "InvalidRequestException")


class AthenaProvider(WorkGroups, PreparedStatements, Metadata):
    """Athena."""

    service = "athena"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._engine = Engine(context)
        self._history = History(context.store)
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="athena")
        self._cursors: dict[str, Any] = {}

    def start(self) -> None:
        """Fail what a previous server left unfinished: nobody is running it any more."""
        lost = QueryFailedError(
            "GENERIC_INTERNAL_ERROR: The embedded AWS was restarted before the query finished. "
            "Start it again with another ClientRequestToken",
            category=SYSTEM_ERROR,
        )
        for record in self._history.unfinished():
            self._history.change(record, **history.failed(lost, self.context.now(), 0))

    def stop(self) -> None:
        """Interrupt running queries; the next start records them as failed."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for cursor in list(self._cursors.values()):
            cursor.interrupt()
        self._pool.shutdown(wait=True)
        self._engine.close()

    def start_query_execution(self, call: Call, request: Document) -> Document:
        """Accept a query; the same ClientRequestToken finds the same query.

        Raises:
            ServiceError: InvalidRequestException, also for a token used with other parameters.
        """
        token = ClientToken(self.context, call, request, _START)
        if (known := token.answer()) is not None:
            return known
        workgroup = self._work_group(call, request.get("WorkGroup", PRIMARY))
        if workgroup["State"] != "ENABLED":
            raise invalid(f"WorkGroup {workgroup['Name']} is disabled.")
        statement = _read(*self._filled(call, workgroup["Name"], request))
        record = self._record(call, request, workgroup) | _kind(statement)

        def accept() -> Document:
            nonlocal record
            record = self._history.accept(call, record)
            return {"QueryExecutionId": record["id"]}

        answer, new = token.once(accept)
        if new:
            self._pool.submit(self._run, call, record, statement)
        return answer

    def get_query_execution(self, call: Call, request: Document) -> Document:
        """Describe a query."""
        record = self._history.get(call, request["QueryExecutionId"])
        return {"QueryExecution": history.described(record)}

    def batch_get_query_execution(self, call: Call, request: Document) -> Document:
        """Describe several queries; unknown ids are listed, not raised."""
        found, unknown = [], []
        for query_id in request["QueryExecutionIds"]:
            try:
                found.append(history.described(self._history.get(call, query_id)))
            except ServiceError as error:
                unknown.append({"QueryExecutionId": query_id, "ErrorCode": "NOT_FOUND",
                                "ErrorMessage": error.message})  # fmt: skip
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": unknown}

    def list_query_executions(self, call: Call, request: Document) -> Document:
        """List a workgroup's queries, newest first."""
        workgroup = self._work_group(call, request.get("WorkGroup", PRIMARY))["Name"]
        ids = self._history.ids(call, workgroup)
        page, more = PAGING.page(ids, request, key=str, default=50)
        return {"QueryExecutionIds": page} | more

    def get_query_results(self, call: Call, request: Document) -> Document:
        """Return a page of a query's rows; of a SELECT, the first row is the header."""
        record = self._history.get(call, request["QueryExecutionId"])
        if record["state"] in history.UNFINISHED:
            raise invalid(f"Query has not yet finished. Current state: {record['state']}")
        if record["state"] != "SUCCEEDED":
            raise invalid(
                f"Query did not finish successfully. Final query state: {record['state']}"
            )
        if request.get("QueryResultType") == "DATA_MANIFEST":
            raise invalid("The embedded Athena hands out DATA_ROWS only; read the manifest from S3")
        try:
            page = results.read_page(
                self._engine.files(record["id"]), request.get("NextToken"),
                request.get("MaxResults", _PAGE),
            )  # fmt: skip
        except ValueError:
            raise invalid(f"The token {request.get('NextToken')} is invalid") from None
        except FileNotFoundError:
            raise invalid("Could not find results: the local result files were deleted") from None
        return page | {"UpdateCount": record.get("update_count", 0)}

    def stop_query_execution(self, call: Call, request: Document) -> Document:
        """Cancel a query; one that has finished stays as it is."""
        record = self._history.get(call, request["QueryExecutionId"])
        cancelled = QueryFailedError("Query cancelled by user", state="CANCELLED")
        self._history.change(record, **history.failed(cancelled, self.context.now(), 0))
        if cursor := self._cursors.get(record["id"]):
            cursor.interrupt()
        return {}

    def get_query_runtime_statistics(self, call: Call, request: Document) -> Document:
        """Return timings and row counts; of stages DuckDB has none to tell."""
        record = self._history.get(call, request["QueryExecutionId"])
        shown = history.described(record)["Statistics"]
        timeline = {key: value for key, value in shown.items() if key.endswith("InMillis")}
        rows = {"InputBytes": record.get("bytes", 0), "OutputRows": record.get("rows", 0)}
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}}

    def _record(self, call: Call, request: Document, workgroup: Document) -> Document:
        configuration = workgroup["Configuration"]
        asked = request.get("ResultConfiguration", {})
        forced = configuration.get("EnforceWorkGroupConfiguration", False)
        ours = configuration.get("ResultConfiguration", {})
        chosen = ours if forced else ours | asked
        result_settings.check(chosen)
        return {
            "account": call.account_id, "region": call.region, "text": request["QueryString"],
            "parameters": request.get("ExecutionParameters", []),
            "context": request.get("QueryExecutionContext", {}), "workgroup": workgroup["Name"],
            "result_configuration": chosen,
            "enforced": bool(forced and ours.get("OutputLocation")),
            "cutoff": configuration.get("BytesScannedCutoffPerQuery"),
            "submitted": self.context.now(),
            "reuse_minutes": result_settings.reuse_minutes(request),
        }  # fmt: skip

    def _run(
        self, call: Call, record: Document, statement: Statement | Preparation | QueryFailedError
    ) -> None:
        started = self.context.now()
        if not self._history.change(record, state="RUNNING", started=started):
            return
        began = time.monotonic()
        cursor = self._cursors[record["id"]] = self._engine.cursor()
        try:
            outcome = self._perform(call, record, statement, cursor)
            changes = history.succeeded(outcome, self.context.now(), _millis(began))
        except QueryFailedError as failure:
            changes = history.failed(failure, self.context.now(), _millis(began))
        except Exception as error:  # noqa: BLE001 - no query may stay RUNNING for ever
            _log.exception("Athena query %s failed inside the embedded AWS", record["id"])
            internal = QueryFailedError(
                f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}", category=SYSTEM_ERROR
            )
            changes = history.failed(internal, self.context.now(), _millis(began))
        finally:
            self._cursors.pop(record["id"]).close()
        if not self.context.stopping.is_set():
            self._history.change(record, **changes)

    def _perform(
        self,
        call: Call,
        record: Document,
        statement: Statement | Preparation | QueryFailedError,
        cursor: Any,
    ) -> Outcome:
        if isinstance(statement, QueryFailedError):
            raise statement
        order = _order(call, record)
        if isinstance(statement, Preparation):
            self._prepare(record, statement)
            return self._engine.told(order)
        if statement.kind == "query" and record.get("reuse_minutes"):
            previous = self._history.reusable(record, self.context.now())
            if previous and (outcome := self._engine.reused(order, previous)):
                return outcome
        return self._engine.run(order, statement, cursor)


def _read(text: str, parameters: list[str]) -> Statement | Preparation | QueryFailedError:
    """Parse already when asked, as Athena does, so that a syntax error starts no query.

    What Athena may know but nobody here performs is a query that fails.
    """
    if preparation := read_preparation(text):
        return preparation
    try:
        return read(text, parameters)
    except QueryFailedError as failure:
        if failure.reason.startswith("NOT_SUPPORTED"):
            return failure
        raise invalid(failure.reason.removeprefix("SYNTAX_ERROR: ")) from failure


def _kind(statement: Statement | Preparation | QueryFailedError) -> Document:
    if isinstance(statement, QueryFailedError):
        return {"statement_type": "DML", "substatement": "UNKNOWN"}
    return {"statement_type": statement.statement_type, "substatement": statement.substatement}


def _order(call: Call, record: Document) -> Order:
    configuration = record["result_configuration"]
    return Order(
        query_id=record["id"], call=call,
        # Clients quote it as Hive does (awswrangler for DESCRIBE).
        database=record["context"].get("Database", "default").strip("`"),
        region=record["region"], output=configuration["OutputLocation"].rstrip("/") + "/",
        enforced=record["enforced"], cutoff=record["cutoff"],
        encryption=result_settings.put_arguments(configuration),
    )  # fmt: skip


def _millis(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
