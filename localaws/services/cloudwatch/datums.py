"""Metrics as they are kept: each datum by series and time, in the server's store.

Which requests are valid belongs to ``metrics``; statistics to ``statistics``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.services.cloudwatch.statistics import Sample, compute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localaws.core.provider import Document
    from localaws.core.store import Store

_numbers = itertools.count()
_SEEN_SECONDS = 60.0
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of one account and region; dimensions are part of its name."""

    account_id: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, account_id: str, region: str, described: Document) -> Metric:
        """Read the API's Namespace, MetricName and Dimensions."""
        listed = sorted((d["Name"], d["Value"]) for d in described.get("Dimensions", []))
        namespace = described["Namespace"]
        return cls(account_id, region, namespace, described["MetricName"], tuple(listed))

    @property
    def key(self) -> str:
        """Where its datums are kept."""
        spelled = json.dumps([self.namespace, self.name, self.dimensions])
        digest = hashlib.sha256(spelled.encode()).hexdigest()[:24]
        return f"{self.account_id}/{self.region}/{digest}"


@dataclass(frozen=True, slots=True)
class Point:
    """A statistic of one period.

    Attributes:
        start: Of the period, in epoch seconds.
        samples: How many measurements went into it.
    """

    start: float
    value: float
    samples: float


class Datums:
    """All metrics of a server."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._datums = store.table("cloudwatch/datum")
        self._series = store.table("cloudwatch/series")
        self._heard: list[Callable[[Metric], None]] = []

    def listen(self, heard: Callable[[Metric], None]) -> None:
        """Have ``heard`` told of each metric that gets a datum."""
        self._heard.append(heard)

    def add(self, metric: Metric, datum: Document, now: float) -> None:
        """Keep one datum as PutMetricData describes it."""
        moment = datum["Timestamp"].timestamp() if "Timestamp" in datum else now
        if datum.get("StorageResolution", _MINUTE) != 1:
            moment = moment // _MINUTE * _MINUTE  # "standard resolution ... data at one minute"
        body: Document = {"unit": datum.get("Unit", "None")}
        if "StatisticValues" in datum:
            body["set"] = datum["StatisticValues"]
        else:
            values = datum.get("Values") or [datum["Value"]]
            counts = datum.get("Counts") or [1.0] * len(values)
            body["values"] = list(zip(values, counts, strict=True))
        place = f"{metric.key}/{_instant(moment)}/{time.time_ns():020d}{next(_numbers)}"
        self._datums.put(place, body)
        self._note(metric, now)
        for heard in self._heard:
            heard(metric)

    def series(self, account_id: str, region: str) -> Iterator[Document]:
        """Yield what metrics there are: Namespace, MetricName, Dimensions, and when last put."""
        prefix = f"{account_id}/{region}/"
        for _, described in self._series.below(prefix):
            yield described

    def samples(
        self, metric: Metric, start: float, end: float, unit: str | None = None
    ) -> Iterator[tuple[float, str, Sample]]:
        """Yield (time, unit, sample) with ``start <= time < end``, oldest first."""
        low, high = (f"{metric.key}/{_instant(moment)}" for moment in (start, end))
        for key, body in self._datums.between(low, high):
            if unit is None or body["unit"] == unit:
                yield float(key.split("/")[3]), body["unit"], _sample(body)

    def points(
        self,
        metric: Metric,
        statistic: str,
        start: float,
        end: float,
        period: int,
        unit: str | None = None,
    ) -> list[Point]:
        """Return a statistic of each period from ``start`` on that has data, oldest first."""
        periods: dict[int, list[Sample]] = {}
        for moment, _, sample in self.samples(metric, start, end, unit):
            periods.setdefault(int((moment - start) // period), []).append(sample)
        found = []
        for number, samples in sorted(periods.items()):
            value = compute(statistic, samples)
            if value is not None:
                count = sum(sample.count for sample in samples)
                found.append(Point(start + number * period, value, count))
        return found

    def _note(self, metric: Metric, now: float) -> None:
        known = self._series.get(metric.key)
        if known is None or now - known["last"] > _SEEN_SECONDS:
            dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
            described = {"Namespace": metric.namespace, "MetricName": metric.name}
            self._series.put(metric.key, described | {"Dimensions": dimensions, "last": now})


def _instant(moment: float) -> str:
    return f"{moment:014.3f}"


def _sample(body: Document) -> Sample:
    if "set" in body:
        given = body["set"]
        return Sample(given["SampleCount"], given["Sum"], given["Minimum"], given["Maximum"])
    values = tuple((float(value), float(count)) for value, count in body["values"])
    numbers = [value for value, _ in values]
    total = math.fsum(value * count for value, count in values)
    count = sum(count for _, count in values)
    return Sample(count, total, min(numbers), max(numbers), values)
