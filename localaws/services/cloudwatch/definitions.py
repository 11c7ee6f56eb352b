"""Which alarms can be performed: the request of PutMetricAlarm or PutCompositeAlarm, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.services.cloudwatch import composite, queries
from localaws.services.cloudwatch.queries import invalid
from localaws.services.cloudwatch.verdict import COMPARISONS

if TYPE_CHECKING:
    from localaws.core.provider import Document

ACTIONS = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
_COMMON = {"AlarmName", "AlarmDescription", "ActionsEnabled", *ACTIONS.values(), "Tags"}
_METRIC = _COMMON | {
    "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit",
    "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator",
    "TreatMissingData", "EvaluateLowSampleCountPercentile", "Metrics",
}  # fmt: skip
_COMPOSITE = _COMMON | {"AlarmRule"}
_SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period",
           "Unit")  # fmt: skip
_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
_SMALLEST_PERIOD = 10
_HOUR, _DAY, _WEEK = 3600, 86400, 7 * 86400
_ARN_PARTS = 6


def check_metric_alarm(request: Document) -> None:
    """Check that an alarm on a metric or an expression can be performed.

    Raises:
        ServiceError: ValidationError, naming the member.
    """
    _check_common(request, _METRIC)
    for member in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if member not in request:
            raise invalid(f"The parameter {member} is required.")
    if request["ComparisonOperator"] not in COMPARISONS:
        raise invalid(
            "The embedded AWS does not perform anomaly detection: ComparisonOperator "
            f"{request['ComparisonOperator']}."
        )
    if request.get("TreatMissingData", "missing") not in _TREATMENTS:
        raise invalid(f"TreatMissingData must be one of {', '.join(_TREATMENTS)}.")
    if request.get("EvaluateLowSampleCountPercentile", "evaluate") != "evaluate":
        raise invalid("The embedded AWS does not perform EvaluateLowSampleCountPercentile=ignore.")
    if not 1 <= request.get("DatapointsToAlarm", 1) <= request["EvaluationPeriods"]:
        raise invalid("DatapointsToAlarm must be between 1 and EvaluationPeriods.")
    if "Metrics" in request:
        _check_expression(request)
    else:
        _check_single(request)
    _check_extent(period_of(request), request["EvaluationPeriods"])


def check_composite_alarm(request: Document) -> composite.Node:
    """Check a composite alarm and return its rule.

    Raises:
        ServiceError: ValidationError, naming the member.
    """
    _check_common(request, _COMPOSITE)
    try:
        return composite.parse(request["AlarmRule"])
    except composite.RuleError as error:
        raise invalid(str(error)) from error


def period_of(alarm: Document) -> int:
    """Return the period of a metric alarm in seconds."""
    if "Metrics" in alarm:
        returned = next(q for q in alarm["Metrics"] if q.get("ReturnData", True))
        if "MetricStat" in returned:
            return int(returned["MetricStat"]["Period"])
        return queries.period_of(returned, alarm["Metrics"])
    return int(alarm["Period"])


def statistic_of(alarm: Document) -> str:
    """Return the statistic of an alarm on a single metric."""
    return str(alarm.get("Statistic") or alarm["ExtendedStatistic"])


def _check_common(request: Document, performed: set[str]) -> None:
    for member in sorted(set(request) - performed):
        raise invalid(f"The embedded AWS does not perform {member} of an alarm.")
    for member in ACTIONS.values():
        for arn in request.get(member, []):
            parts = arn.split(":")
            if len(parts) != _ARN_PARTS or parts[2] != "sns":
                raise invalid(
                    f"The embedded AWS performs no alarm action but SNS topics: {arn} in {member}."
                )


def _check_single(request: Document) -> None:
    for member in ("MetricName", "Namespace", "Period"):
        if member not in request:
            raise invalid(f"The parameter {member} is required, or Metrics.")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise invalid("Exactly one of Statistic and ExtendedStatistic must be given.")
    queries.check_statistic(statistic_of(request))
    queries.check_period(request["Period"], smallest=_SMALLEST_PERIOD)


def _check_expression(request: Document) -> None:
    if given := [member for member in _SINGLE if member in request]:
        raise invalid(f"Metrics and {', '.join(given)} must not be given together.")
    queries.check_queries(request["Metrics"])
    returned = [query for query in request["Metrics"] if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise invalid("Exactly one element of the metrics list should return data.")
    periods = {q["MetricStat"]["Period"] for q in request["Metrics"] if "MetricStat" in q}
    if len(periods) != 1:
        raise invalid("All metrics of an alarm must have the same period.")
    queries.check_period(periods.pop(), smallest=_SMALLEST_PERIOD)


def _check_extent(period: int, count: int) -> None:
    # "at most seven days for periods of an hour or more, one day for shorter ones"
    most = _WEEK if period >= _HOUR else _DAY
    if period * count > most:
        raise invalid(
            f"Metrics cannot be checked across more than {most // _DAY} day(s) "
            f"(EvaluationPeriods * Period must be <= {most})."
        )
