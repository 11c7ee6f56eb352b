"""Metric data queries, of GetMetricData and of alarms: checked, ordered, evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.services.cloudwatch import expressions
from localaws.services.cloudwatch.datums import Metric
from localaws.services.cloudwatch.statistics import is_statistic

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.services.cloudwatch.datums import Datums
    from localaws.services.cloudwatch.expressions import Series

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_HIGH_RESOLUTION = (1, 5, 10, 20, 30)
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Range:
    """The periods asked for; ``start`` begins the first, ``end`` is excluded."""

    start: float
    end: float


def check_period(period: int, *, smallest: int = 1) -> None:
    """Check that CloudWatch has periods of this length.

    Raises:
        ServiceError: ValidationError.
    """
    high = period in _HIGH_RESOLUTION and period >= smallest
    if not high and (period < _MINUTE or period % _MINUTE):
        raise invalid(
            f"Period must be {', '.join(str(p) for p in _HIGH_RESOLUTION if p >= smallest)} or a "
            f"multiple of 60, not {period}"
        )


def check_queries(queries: list[Document]) -> None:
    """Check ids, statistics, periods and expressions.

    Raises:
        ServiceError: ValidationError, naming the query.
    """
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise invalid("The values for parameter id in MetricDataQueries are not unique.")
    for query in queries:
        if not _ID.fullmatch(query["Id"]):
            raise invalid(f"The value {query['Id']} for parameter Id is invalid.")
        if ("MetricStat" in query) == ("Expression" in query):
            raise invalid(f"Query {query['Id']} must have either MetricStat or Expression.")
        if query.get("AccountId"):
            raise invalid("The embedded AWS does not perform AccountId in metric data queries.")
        if "MetricStat" in query:
            check_statistic(query["MetricStat"]["Stat"])
            check_period(query["MetricStat"]["Period"])
    _ordered(queries)


def check_statistic(name: str) -> None:
    """Check that a statistic is performed.

    Raises:
        ServiceError: ValidationError.
    """
    if not is_statistic(name):
        raise invalid(
            f"The embedded AWS does not perform the statistic {name!r}; it has SampleCount, "
            "Average, Sum, Minimum, Maximum and percentiles like p99."
        )


def evaluate(
    datums: Datums, account_id: str, region: str, queries: list[Document], asked: Range
) -> dict[str, Series]:
    """Return the series of every query by its id; all must have passed ``check_queries``."""
    found: dict[str, Series] = {}
    for query in _ordered(queries):
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = Metric.of(account_id, region, stat["Metric"])
            points = datums.points(
                metric, stat["Stat"], asked.start, asked.end, stat["Period"], stat.get("Unit")
            )
            found[query["Id"]] = {point.start: point.value for point in points}
        else:
            step = period_of(query, queries)
            count = max(0, -int((asked.start - asked.end) // step))
            periods = [asked.start + number * step for number in range(count)]
            node = expressions.parse(query["Expression"])
            found[query["Id"]] = expressions.evaluate(node, found, periods)
    return found


def period_of(query: Document, queries: list[Document]) -> int:
    """Return a query's period; an expression has that of what it refers to."""
    periods = [q["MetricStat"]["Period"] for q in queries if "MetricStat" in q]
    return int(query.get("Period") or (max(periods) if periods else _MINUTE))


def invalid(message: str) -> ServiceError:
    """Return CloudWatch's ValidationError."""
    return ServiceError("ValidationError", message)


def _ordered(queries: list[Document]) -> list[Document]:
    """Put what is referred to first."""
    waiting: dict[str, Any] = {query["Id"]: query for query in queries}
    needs = {query["Id"]: _needs(query) for query in queries}
    for name, needed in needs.items():
        if unknown := needed - waiting.keys():
            raise invalid(f"Query {name} refers to {', '.join(unknown)}, which is no query here.")
    done: list[Document] = []
    while waiting:
        ready = [name for name in waiting if not needs[name] & waiting.keys()]
        if not ready:
            raise invalid(f"The expressions of {', '.join(waiting)} refer to one another.")
        done.extend(waiting.pop(name) for name in ready)
    return done


def _needs(query: Document) -> set[str]:
    if "Expression" not in query:
        return set()
    try:
        return expressions.names(expressions.parse(query["Expression"]))
    except expressions.ExpressionError as error:
        raise invalid(str(error)) from error
