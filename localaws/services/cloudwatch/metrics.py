"""Operations on metrics: put, list, and read with statistics. Alarms belong to ``alarms``."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.cloudwatch import queries, statistics
from localaws.services.cloudwatch.datums import Metric
from localaws.services.cloudwatch.paging import page

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.cloudwatch.datums import Datums
    from localaws.services.cloudwatch.expressions import Series
    from localaws.services.cloudwatch.statistics import Sample

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
_OLDEST_SECONDS = 14 * 86400
_AHEAD_SECONDS = 2 * 3600
_LARGEST = 2.0**360
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_MOST_DATUMS = 1000
_MOST_DATAPOINTS = 1440
_MOST_DATA_POINTS = 100_800
_LISTED_SECONDS = 14 * 86400
_ACTIVE_SECONDS = 3 * 3600
_PER_PAGE = 500
_MINUTE = 60


class MetricOperations:
    """CloudWatch's operations on metrics."""

    context: ServerContext
    datums: Datums

    def put_metric_data(self, call: Call, request: Document) -> Document:
        """Keep data; all of a request or nothing."""
        if request.get("EntityMetricData"):
            raise _value("The embedded AWS does not perform EntityMetricData.")
        namespace, data = request["Namespace"], request.get("MetricData", [])
        if namespace.startswith("AWS/") and not call.principal_arn.endswith(".amazonaws.com"):
            raise _value("The value AWS/ for parameter Namespace is invalid.")
        if not data:
            raise ServiceError("MissingParameter", "The parameter MetricData is required.")
        if len(data) > _MOST_DATUMS:
            raise _value(f"MetricData must have no more than {_MOST_DATUMS} items.")
        now = self.context.now()
        for number, datum in enumerate(data, 1):
            _check_datum(f"MetricData.member.{number}", datum, now)
        with self.datums.store.transaction():
            for datum in data:
                described = datum | {"Namespace": namespace}
                metric = Metric.of(call.account_id, call.region, described)
                self.datums.add(metric, datum, now)
        return {}

    def list_metrics(self, call: Call, request: Document) -> Document:
        """List the metrics that got data in the last two weeks."""
        for member in ("IncludeLinkedAccounts", "OwningAccount"):
            if request.get(member):
                raise _value(f"The embedded AWS does not perform {member}.")
        seconds = _ACTIVE_SECONDS if request.get("RecentlyActive") else _LISTED_SECONDS
        oldest = self.context.now() - seconds
        found = [
            {name: value for name, value in described.items() if name != "last"}
            for described in self.datums.series(call.account_id, call.region)
            if described["last"] >= oldest and _wanted(described, request)
        ]
        return page("Metrics", found, request, _PER_PAGE)

    def get_metric_statistics(self, call: Call, request: Document) -> Document:
        """Return statistics of one metric, a data point per period and unit."""
        names = request.get("Statistics", []) + request.get("ExtendedStatistics", [])
        if not names:
            raise ServiceError(
                "MissingParameter", "At least one of Statistics and ExtendedStatistics is required."
            )
        if request.get("Statistics") and request.get("ExtendedStatistics"):
            raise ServiceError(
                "InvalidParameterCombination",
                "Statistics and ExtendedStatistics must not be given together.",
            )
        for name in names:
            queries.check_statistic(name)
        period = request["Period"]
        queries.check_period(period)
        asked = _range(request, period)
        if (asked.end - asked.start) / period > _MOST_DATAPOINTS:
            raise ServiceError(
                "InvalidParameterCombination",
                f"You have requested up to {int((asked.end - asked.start) / period)} datapoints, "
                f"which exceeds the limit of {_MOST_DATAPOINTS}.",
            )
        metric = Metric.of(call.account_id, call.region, request)
        groups: dict[tuple[float, str], list[Sample]] = {}
        samples = self.datums.samples(metric, asked.start, asked.end, request.get("Unit"))
        for moment, unit, sample in samples:
            start = asked.start + (moment - asked.start) // period * period
            groups.setdefault((start, unit), []).append(sample)
        points = [_datapoint(*place, group, names) for place, group in groups.items()]
        # A period whose samples have none of the statistics asked for has no data point.
        told = [point for point in points if len(point) > len(("Timestamp", "Unit"))]
        return {"Label": request["MetricName"], "Datapoints": told}

    def get_metric_data(self, call: Call, request: Document) -> Document:
        """Evaluate queries, newest data point first unless asked otherwise."""
        asked_queries = request["MetricDataQueries"]
        queries.check_queries(asked_queries)
        shortest = min(queries.period_of(q, asked_queries) for q in asked_queries)
        asked = _range(request, shortest)
        found = queries.evaluate(self.datums, call.account_id, call.region, asked_queries, asked)
        _check_extent(request, found)
        descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results = []
        for query in asked_queries:
            if not query.get("ReturnData", True):
                continue
            series = sorted(found[query["Id"]].items(), reverse=descending)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or _label(query),
                    "Timestamps": [datetime.fromtimestamp(moment, UTC) for moment, _ in series],
                    "Values": [value for _, value in series],
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}


def _check_extent(request: Document, found: dict[str, Series]) -> None:
    most = request.get("MaxDatapoints", _MOST_DATA_POINTS)
    if sum(len(series) for series in found.values()) > most:
        raise queries.invalid(
            f"The embedded AWS does not page data: ask for less than {most} data points at a time."
        )
    for query in request["MetricDataQueries"]:
        if "${" in query.get("Label", ""):
            raise queries.invalid("The embedded AWS does not perform dynamic labels.")


def _check_datum(place: str, datum: Document, now: float) -> None:
    given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(given) != 1:
        raise ServiceError(
            "InvalidParameterCombination" if given else "MissingParameter",
            f"{place} must have exactly one of Value, Values and StatisticValues.",
        )
    if len(datum.get("Counts") or datum.get("Values", [])) != len(datum.get("Values", [])):
        raise _value(f"{place}.Values and {place}.Counts must be of the same size.")
    numbers = [datum["Value"]] if "Value" in datum else [
        *datum.get("Values", []), *datum.get("Counts", []),
        *datum.get("StatisticValues", {}).values(),
    ]  # fmt: skip
    for number in numbers:
        if not math.isfinite(number) or abs(number) > _LARGEST:
            raise _value(f"The value {number} for parameter {place} is invalid.")
    if datum.get("StorageResolution", 1) not in (1, _MINUTE):
        raise _value(f"{place}.StorageResolution must be 1 or 60.")
    names = [dimension["Name"] for dimension in datum.get("Dimensions", [])]
    if len(set(names)) != len(names):
        raise _value(f"{place}.Dimensions names a dimension twice.")
    if "Timestamp" in datum:
        age = now - datum["Timestamp"].timestamp()
        if age > _OLDEST_SECONDS or age < -_AHEAD_SECONDS:
            raise _value(
                f"The parameter {place}.Timestamp must specify a time no more than two weeks in "
                "the past and no more than two hours in the future."
            )


def _wanted(described: Document, request: Document) -> bool:
    for member in ("Namespace", "MetricName"):
        if member in request and request[member] != described[member]:
            return False
    has = {d["Name"]: d["Value"] for d in described["Dimensions"]}
    return all(
        each["Name"] in has and each.get("Value", has[each["Name"]]) == has[each["Name"]]
        for each in request.get("Dimensions", [])
    )


def _range(request: Document, period: int) -> queries.Range:
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    if start >= end:
        raise queries.invalid("The parameter StartTime must be less than the parameter EndTime.")
    # "rounded down": to the minute, or for shorter periods to a whole one of them.
    step = min(period, _MINUTE)
    return queries.Range(start // step * step, end)


def _datapoint(start: float, unit: str, samples: list[Sample], names: list[str]) -> Document:
    values = {name: statistics.compute(name, samples) for name in names}
    known = {name: value for name, value in values.items() if value is not None}
    point: Document = {"Timestamp": datetime.fromtimestamp(start, UTC), "Unit": unit}
    point |= {name: value for name, value in known.items() if name in statistics.SIMPLE}
    extended = {name: value for name, value in known.items() if name not in statistics.SIMPLE}
    return point | ({"ExtendedStatistics": extended} if extended else {})


def _label(query: Document) -> str:
    return str(
        query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
    )


def _value(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)
