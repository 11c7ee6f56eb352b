"""Athena: run SQL and read typed rows. Composing SQL does not belong here.

Every query carries a token made from its intent, so a re-run after a crash finds the query it
started instead of paying for a second one. A token whose query failed before this call is stepped
over by a numbered salt: the cause may have been mended since, and Athena would answer the old
failure for ever. A failure is first compared by Athena's own clock, never by ours. Throttling is
waited out (throttling.py): Athena's quotas are an account's, and others use them, too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from resources.athena_results import is_csv, texts_of
from resources.errors import Terminal, Transient
from resources.polling import wait_for
from resources.throttling import PATIENCE, patiently
from resources.tokens import token_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from resources.polling import Clock, Sleep

#: How often a query is run again, under another token, whose failure was Athena's own.
REPEATS = 3
_FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_ATTEMPTS = 20
_PAGE = 1000
# Date headers have whole seconds, so anything younger might be this very call's query.
_OLD = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class QueryRun:
    """A query that succeeded."""

    query_id: str
    bytes_scanned: int
    engine_ms: int
    output_location: str
    token: str


class Athena:
    """One workgroup, whose settings say where results go.

    Args:
        client: An Athena client of the account that owns the tables.
        workgroup: The workgroup's name.
        s3: An S3 client that may read what queries leave behind; without one, many rows are read
            by many calls.
        sleep: Waits some seconds; tests pass their own.
        clock: Monotonic seconds; tests pass their own.
    """

    def __init__(
        self,
        client: Any,
        workgroup: str,
        *,
        s3: Any = None,
        sleep: Sleep = time.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        self._client = client
        self._workgroup = workgroup
        self._s3 = s3
        self._wait_for = partial(wait_for, sleep=sleep, clock=clock)
        self._call = partial(patiently, sleep=sleep, clock=clock)

    def run(
        self,
        sql: str,
        *,
        database: str,
        intent: str,
        salt: str = "",
        deadline: timedelta = timedelta(minutes=30),
        repeats: int = REPEATS,
        stop: bool = True,
    ) -> QueryRun:
        """Run a statement to its end, or re-attach to the one this intent started before.

        Args:
            sql: One statement in Athena's dialect. With the same intent it must be the same text.
            database: Glue database that unqualified names refer to.
            intent: What this query is for; the same intent is the same query.
            salt: Tells deliberate repetitions apart, for example a Dagster run id.
            deadline: After this the query is stopped. Throttling is waited out no longer either.
            stop: False leaves it running at the deadline: whoever asks again with this intent
                finds it further on.
            repeats: How often a query is run again whose failure Athena calls retryable. None
                for a statement that leaves debris which its repetition would meet.

        Raises:
            Transient: Athena throttled for long, failed retryably too often, or the deadline
                passed, and the query was stopped (or, with ``stop=False``, left running).
            Terminal: Athena refused or failed the query; the message has its id and reason.
        """
        for attempt in range(_ATTEMPTS):
            token = token_for(intent, f"{salt}#{attempt}" if attempt else salt)
            started, asked_at = self._start(sql, database, token, min(deadline, PATIENCE))
            query = self._finish(started, deadline, stop=stop)
            if query["Status"]["State"] == "SUCCEEDED":
                return _run_of(query, token)
            if _failed_before(query, asked_at):
                continue
            failure = _failure(query)
            if isinstance(failure, Terminal) or repeats <= 0:
                raise failure
            repeats -= 1
        raise Terminal(
            f"Athena failed the query for {intent!r} {_ATTEMPTS} times over. Last: "
            f"{_failure(query)}. Mend the cause, then pass another salt."
        )

    def rows(self, run: QueryRun) -> Iterator[dict[str, Any]]:
        """Yield the rows of a query that succeeded, some of them in memory at a time.

        Values are Python's: int, float, Decimal, bool, date, datetime (naive for ``timestamp``,
        UTC for ``timestamp with time zone``), str for all else, None for NULL.
        """
        pages = self._pages(run.query_id)
        first = next(pages)
        columns = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        rows: Iterable[Sequence[str | None]]
        if "NextToken" in first and self._s3 is not None and is_csv(run.output_location):
            rows = texts_of(self._s3, run.output_location, len(columns))
        else:
            rows = _texts([column["Name"] for column in columns], chain([first], pages))
        readers = [(column["Name"], _reader(column["Type"])) for column in columns]
        for texts in rows:
            yield {
                name: None if text is None else read(text)
                for (name, read), text in zip(readers, texts, strict=True)
            }

    def _pages(self, query_id: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"QueryExecutionId": query_id, "MaxResults": _PAGE}
        while True:
            page = self._call(self._client.get_query_results, **request)
            yield page
            if "NextToken" not in page:
                return
            request["NextToken"] = page["NextToken"]

    def select(
        self,
        sql: str,
        *,
        database: str,
        intent: str,
        salt: str = "",
        deadline: timedelta = timedelta(minutes=30),
        stop: bool = True,
    ) -> list[dict[str, Any]]:
        """Run a query and return all its rows; meant for reports, not for tables.

        Raises:
            Transient: As ``run``.
            Terminal: As ``run``.
        """
        run = self.run(
            sql, database=database, intent=intent, salt=salt, deadline=deadline, stop=stop
        )
        return list(self.rows(run))

    def _start(
        self, sql: str, database: str, token: str, patience: timedelta
    ) -> tuple[str, datetime]:
        answer = self._call(
            self._client.start_query_execution,
            patience=patience,
            QueryString=sql,
            QueryExecutionContext={"Database": database},
            WorkGroup=self._workgroup,
            ClientRequestToken=token,
        )
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        date_header = headers.get("date")
        asked_at = parsedate_to_datetime(date_header) if date_header else datetime.now(UTC)
        return answer["QueryExecutionId"], asked_at

    def _finish(self, query_id: str, deadline: timedelta, *, stop: bool) -> Any:
        def look() -> Any | None:
            answer = self._call(
                self._client.get_query_execution,
                patience=min(deadline, PATIENCE),
                QueryExecutionId=query_id,
            )
            query = answer["QueryExecution"]
            return query if query["Status"]["State"] in _FINAL else None

        try:
            return self._wait_for(look, f"Athena query {query_id}", deadline=deadline, first=0.05)
        except Transient as error:
            if error.service:
                raise  # AWS's own answer, not our deadline
            if not stop:
                raise Transient(f"Athena query {query_id} still runs after {deadline}.") from error
            self._call(self._client.stop_query_execution, QueryExecutionId=query_id)
            raise Transient(f"Athena query {query_id} was stopped after {deadline}.") from error


def _failed_before(query: dict[str, Any], asked_at: datetime) -> bool:
    submitted = query["Status"].get("SubmissionDateTime")
    return submitted is not None and submitted < asked_at - _OLD


def _run_of(query: dict[str, Any], token: str) -> QueryRun:
    statistics = query.get("Statistics", {})
    return QueryRun(
        query_id=query["QueryExecutionId"],
        bytes_scanned=int(statistics.get("DataScannedInBytes", 0)),
        engine_ms=int(statistics.get("EngineExecutionTimeInMillis", 0)),
        output_location=query.get("ResultConfiguration", {}).get("OutputLocation", ""),
        token=token,
    )


def _failure(query: dict[str, Any]) -> Terminal | Transient:
    status = query["Status"]
    details = status.get("AthenaError", {})
    kind = Transient if details.get("Retryable") else Terminal
    reason = status.get("StateChangeReason") or details.get("ErrorMessage") or "no reason given"
    return kind(
        f"Athena query {query['QueryExecutionId']} {status['State'].lower()}: {reason}",
        service="athena",
        operation="StartQueryExecution",
        code=status["State"],
    )


def _texts(names: list[str], pages: Iterable[dict[str, Any]]) -> Iterator[Sequence[str | None]]:
    for place, page in enumerate(pages):
        rows = [
            [cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]
        ]
        # SELECT's first row repeats the column names; SHOW and DESCRIBE have no such row.
        yield from rows[1:] if place == 0 and rows[:1] == [names] else rows


def _reader(athena_type: str) -> Callable[[str], Any]:
    return _READERS.get(athena_type.partition("(")[0].strip().lower(), str)


def _boolean(text: str) -> bool:
    return text.lower() == "true"


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text[:26])  # Athena may print nanoseconds; Python keeps micro


def _zoned(text: str) -> datetime:
    stamp, _, zone = text.rpartition(" ")
    if zone != "UTC":
        raise Terminal(f"Athena answered the time {text!r}; make it UTC with AT TIME ZONE 'UTC'.")
    return _timestamp(stamp).replace(tzinfo=UTC)


_READERS: dict[str, Callable[[str], Any]] = {
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "int": int,
    "bigint": int,
    "float": float,
    "real": float,
    "double": float,
    "decimal": Decimal,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "timestamp": _timestamp,
    "timestamp with time zone": _zoned,
}
