"""Runs one statement from text to result files. Query states and the API belong to provider.py."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
from botocore.exceptions import ClientError

from localaws.core.errors import ServiceError
from localaws.services.athena import ddl, iceberg_changes, results, writes
from localaws.services.athena.failures import QueryFailedError, explain
from localaws.services.athena.functions import MACROS, SETTINGS
from localaws.services.athena.objects import ObjectCache, split_uri
from localaws.services.athena.results import ResultFiles
from localaws.services.athena.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localaws.core.context import ServerContext
    from localaws.core.provider import Call
    from localaws.services.athena.parquet_writer import Written
    from localaws.services.athena.results import Row
    from localaws.services.athena.statements import Statement

_THREADS = 2
_MEMORY = "2GB"


@dataclass(frozen=True, slots=True)
class Order:
    """A query as it was asked for.

    Attributes:
        call: Who asked; S3 and Glue are asked in their name.
        output: ``s3://bucket/prefix/`` the results go to.
        enforced: Whether the workgroup forced that place.
        encryption: Extra arguments of S3's PutObject.
    """

    query_id: str
    call: Call
    database: str
    region: str
    output: str
    enforced: bool
    cutoff: int | None
    encryption: dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement that succeeded did."""

    output_location: str
    manifest_location: str | None
    data_bytes: int
    rows: int
    update_count: int
    planning_millis: int
    reused: bool = False


class Engine:
    """DuckDB dressed as Athena. One instance serves all threads, each query with its own cursor."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._perform = {
            "query": self._query, "ctas": self._ctas, "insert": self._insert,
            "change": self._change,
            "unload": self._unload, "view": self._ddl, "ddl": self._ddl,
        }  # fmt: skip
        self._results = context.folder("athena", "results")
        self._scratch = context.folder("athena", "scratch")
        cache = context.folder("athena-cache")
        self.cache = ObjectCache(cache)
        self._database = duckdb.connect(config={"threads": _THREADS, "memory_limit": _MEMORY})
        self._database.execute(MACROS)
        # The SQL is a client's: of this machine's files it may read the copies, and no others.
        self._database.execute(
            "SET allowed_directories = $folders", {"folders": [f"{cache}/", f"{self._scratch}/"]}
        )
        self._database.execute("SET enable_external_access = false")

    def cursor(self) -> Any:
        """Return a connection for one query; its ``interrupt()`` cancels the query."""
        cursor = self._database.cursor()
        for setting in SETTINGS:
            cursor.execute(setting)
        return cursor

    def files(self, query_id: str) -> ResultFiles:
        """Return where a query's results lie locally."""
        return ResultFiles(self._results, query_id)

    def close(self) -> None:
        """Let go of threads and memory."""
        self.cache.close()
        self._database.close()

    def run(self, order: Order, statement: Statement, cursor: Any) -> Outcome:
        """Perform a statement and store its results.

        Raises:
            QueryFailedError: It failed, with Athena's reason.
        """
        began = time.monotonic()
        try:
            session = self._session(order, statement, cursor)
            return self._perform[statement.kind](order, statement, session, began)
        except duckdb.InterruptException as error:
            raise QueryFailedError("Query cancelled by user", state="CANCELLED") from error
        except duckdb.Error as error:
            raise explain(error, statement.text) from error
        except ClientError as error:
            failure = error.response["Error"]
            raise QueryFailedError(
                f"HIVE_METASTORE_ERROR: {failure['Code']}: {failure['Message']}"
            ) from error

    def told(self, order: Order, columns: Sequence[str] = (), rows: Sequence[Row] = ()) -> Outcome:
        """Store what a statement shows that reads no data; mostly nothing."""
        results.write_text(self.files(order.query_id), list(columns), list(rows))
        location = f"{order.output}{order.query_id}.txt"
        lines = "".join("\t".join(cell or "" for cell in row) + "\n" for row in rows)
        self._put(order, location, lines.encode())
        return Outcome(location, None, 0, len(rows), 0, 0)

    def reused(self, order: Order, previous: dict[str, Any]) -> Outcome | None:
        """Hand out an earlier query's rows again; None if they are gone, here or in S3."""
        bucket, key = split_uri(previous["output"])
        theirs, ours = self.files(previous["id"]), self.files(order.query_id)
        try:
            self._client(order, "s3").head_object(Bucket=bucket, Key=key)
            ours.rows.hardlink_to(theirs.rows)
            ours.columns.hardlink_to(theirs.columns)
        except (ClientError, FileNotFoundError):
            return None
        return Outcome(previous["output"], None, 0, previous["rows"], 0, 0, reused=True)

    def _session(self, order: Order, statement: Statement, cursor: Any) -> Session:
        return Session(
            query_id=order.query_id, text=statement.text, database=order.database,
            enforced=order.enforced, cutoff=order.cutoff, connection=cursor,
            glue=self._client(order, "glue"), s3=self._client(order, "s3"),
            may_read=partial(self._may_read, order), cache=self.cache, scratch_root=self._scratch,
        )  # fmt: skip

    def _client(self, order: Order, service: str) -> Any:
        return self._context.client_for(order.call, service, order.region, via="athena")

    def _may_read(self, order: Order, bucket: str, key: str) -> None:
        # A local copy may be another caller's; what they may read says nothing of this one.
        try:
            what = {"Bucket": bucket, "Key": key}
            self._context.judge(order.call, "s3", "GetObject", what, via="athena")
        except ServiceError as error:
            raise QueryFailedError(
                f"PERMISSION_DENIED: Permission denied on S3 path: s3://{bucket}/{key} "
                f"({error.message})"
            ) from error

    def _query(self, order: Order, statement: Statement, session: Session, began: float) -> Outcome:
        assert statement.expression is not None  # noqa: S101 - statements.read's promise
        plan = session.plan(statement.expression)
        planned = int((time.monotonic() - began) * 1000)
        files = self.files(order.query_id)
        rows = results.write(files, session.execute(plan.sql))
        location = f"{order.output}{order.query_id}.csv"
        self._put(order, location, files.csv.read_bytes())
        self._put(order, f"{location}.metadata", files.columns.read_bytes())
        files.csv.unlink()
        return Outcome(location, None, session.data_bytes, rows, 0, planned)

    def _written(self, order: Order, session: Session, done: Written) -> Outcome:
        results.write_text(self.files(order.query_id), [], [])
        manifest = f"{order.output}{order.query_id}-manifest.csv"
        self._put(order, manifest, "".join(f"{uri}\n" for uri in done.files).encode())
        location = f"{order.output}{order.query_id}"
        return Outcome(location, manifest, session.data_bytes, done.rows, done.rows, 0)

    def _ctas(self, order: Order, statement: Statement, session: Session, began: float) -> Outcome:
        default = f"{order.output}tables/{order.query_id}/"
        return self._written(
            order, session, writes.create_table_as(session, statement.expression, default)
        )

    def _insert(
        self, order: Order, statement: Statement, session: Session, began: float
    ) -> Outcome:
        return self._written(order, session, writes.insert_into(session, statement.expression))

    def _change(
        self, order: Order, statement: Statement, session: Session, began: float
    ) -> Outcome:
        assert statement.expression is not None  # noqa: S101 - statements.read's promise
        return self._written(order, session, iceberg_changes.change(session, statement.expression))

    def _unload(
        self, order: Order, statement: Statement, session: Session, began: float
    ) -> Outcome:
        assert statement.expression is not None  # noqa: S101 - statements.read's promise
        done = writes.unload(
            session, statement.expression, statement.location, dict(statement.options)
        )
        return self._written(order, session, done)

    def _ddl(self, order: Order, statement: Statement, session: Session, began: float) -> Outcome:
        answer = (
            ddl.create_view(session, statement.expression)
            if statement.expression is not None
            else ddl.run(session, statement.text)
        )
        return self.told(order, answer.columns, answer.rows)

    def _put(self, order: Order, location: str, body: bytes) -> None:
        bucket, key = split_uri(location)
        try:
            self._client(order, "s3").put_object(
                Bucket=bucket, Key=key, Body=body, **order.encryption
            )
        except ClientError as error:
            raise QueryFailedError(
                f"Access denied or no such bucket when writing output to url: {location} "
                f"({error.response['Error']['Code']})"
            ) from error
