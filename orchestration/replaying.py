"""Asking what serves about events of past days, as its clients would have: one event a request.

One request carries one inference id, and ground truth is found by it; so one event is asked about
at a time, several requests at once. Features are those known at the event's time, from the offline
store. Judging the answers belongs to the quality sensor.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import sqlglot
from sqlglot import exp

from assets.versions import reading
from assets.windows import Window
from resources.errors import Terminal
from usecases import point_in_time
from usecases.sql import DIALECT

if TYPE_CHECKING:
    from datetime import datetime

    from resources.aws import AccountName
    from resources.platform import Platform
    from usecases.declaration import UseCase

_THREADS = 8
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Replay:
    """What was asked. ``asked`` counts events."""

    stage: str
    asked: int
    seconds: float


def replay(
    platform: Platform,
    use_case: UseCase,
    start: datetime,
    end: datetime,
    *,
    per_day: int | None = None,
) -> Replay:
    """Ask the last stage's endpoint about the events from ``start`` until before ``end``.

    Args:
        platform: The doors.
        use_case: Whose endpoint.
        start: First event time, naive UTC.
        end: Event time before which they end.
        per_day: At most so many events of each day, always the same ones; all if None.

    Raises:
        Terminal: There is no such event, the model refused one, or an id is too long for AWS.
        Transient: The endpoint was overloaded or unreachable; events asked about stay captured, and
            asking again does no harm: of several answers the first one counts.
    """
    begun = time.monotonic()
    rows = _events(platform, use_case, start, end, per_day)
    if not rows:
        raise Terminal(
            f"No event of {use_case.name} between {start} and {end} is in the dataset "
            f"{use_case.training_set.spine}. Land and materialize those days, or name others."
        )
    stage = cast("AccountName", use_case.release.stages[-1])
    endpoints, name = platform.endpoints(stage), platform.names.endpoint(use_case.name)
    training = use_case.training_set
    known = {training.id, training.event_time, training.label.column}

    def ask(row: dict[str, Any]) -> None:
        instance = {key: value for key, value in row.items() if key not in known}
        endpoints.invoke(
            name,
            [instance],
            inference_id=inference_id(row[training.id]),
            event_time=row[training.event_time],
        )

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(ask, rows):
            pass
    return Replay(stage, len(rows), round(time.monotonic() - begun, 3))


def inference_id(event: Any) -> str:
    """Return an event's id as InvokeEndpoint takes it.

    Raises:
        Terminal: It is longer than AWS allows.
    """
    text = str(event)
    if not 0 < len(text) <= _LONGEST_ID:
        raise Terminal(
            f"The id {text!r} has {len(text)} characters; InvokeEndpoint takes 1 to {_LONGEST_ID} "
            "as InferenceId. Give the training set's spine a shorter id."
        )
    return text


def _events(
    platform: Platform, use_case: UseCase, start: datetime, end: datetime, per_day: int | None
) -> list[dict[str, Any]]:
    # A client asks before there is a label, so that one is due is no condition here.
    window = point_in_time.Window(start, end, end + use_case.training_set.label.delay)
    read = reading(platform, use_case, Window(start, end), written_by=None, salt="replay")
    query = point_in_time.training_set_sql(
        use_case, read.tables, window, written_by=read.written_by
    )
    if per_day is not None:
        query = _sampled(use_case, query, per_day)
    database = platform.names.curated_database(use_case.name)
    intent = f"replay {use_case.name} of {read.identity}"
    rows = platform.athena.select(query, database=database, intent=intent, salt=query)
    return [{key: each for key, each in row.items() if key != "_lot"} for row in rows]


def _sampled(use_case: UseCase, query: str, per_day: int) -> str:
    """Return the query with at most so many rows of each day, drawn by the digest of their id."""
    training = use_case.training_set
    identity = exp.cast(exp.column(training.id, quoted=True), "varchar")
    day = exp.func("date_trunc", exp.Literal.string("day"), exp.column(training.event_time))
    lot = sqlglot.parse_one(
        "row_number() OVER (PARTITION BY :day ORDER BY md5(to_utf8(:id)))", dialect=DIALECT
    )
    values = {"day": day, "id": identity}
    lot = lot.transform(lambda n: values[n.name].copy() if isinstance(n, exp.Placeholder) else n)
    inner = sqlglot.parse_one(query, dialect=DIALECT)
    numbered = exp.select("*", exp.alias_(lot, "_lot", quoted=True)).from_(inner.subquery("events"))
    whole = exp.select("*").from_(numbered.subquery("numbered"))
    few = exp.column("_lot", quoted=True) <= exp.Literal.number(per_day)
    return str(whole.where(few).sql(dialect=DIALECT))
