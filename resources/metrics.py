"""CloudWatch: numbers that alarms and dashboards watch. What they mean is the caller's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.errors import call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

#: PutMetricData takes 1,000 metrics or 1 MB at once.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number at one moment (with a time zone, or naive UTC); ``unit`` as CloudWatch has it."""

    name: str
    value: float
    unit: str
    at: datetime
    dimensions: Mapping[str, str] = field(default_factory=dict)


class Metrics:
    """The metrics of one account."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, namespace: str, measurements: Sequence[Measurement]) -> None:
        """Store numbers, 500 a call; nothing to store is no call.

        Raises:
            Transient: CloudWatch could not be reached just now.
            Terminal: It refused.
        """
        for start in range(0, len(measurements), _BATCH):
            batch = measurements[start : start + _BATCH]
            call(
                self._client.put_metric_data,
                Namespace=namespace,
                MetricData=[_datum(each) for each in batch],
            )


def _datum(measurement: Measurement) -> dict[str, Any]:
    return {
        "MetricName": measurement.name,
        "Value": measurement.value,
        "Unit": measurement.unit,
        "Timestamp": measurement.at,
        "Dimensions": [
            {"Name": name, "Value": value} for name, value in measurement.dimensions.items()
        ],
    }
