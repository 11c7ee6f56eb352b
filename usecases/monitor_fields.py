"""The fields below `monitors:` of the monitors that a sample serves, each with its default.

Thresholds are decisions.monitors' own policies; drift's and quality's fields are in fields.py.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from decisions.model import Fact
from decisions.monitors.attribution import AttributionPolicy
from decisions.monitors.bias import BiasPolicy
from decisions.monitors.data_quality import DataQualityPolicy
from decisions.monitors.multivariate import MultivariatePolicy
from decisions.monitors.performance import PerformancePolicy
from decisions.monitors.predictions import PredictionPolicy
from decisions.monitors.verdicts import MonitorPolicy
from decisions.reports import MonitorName
from usecases.durations import Duration, at_least


class Sample(Fact):
    """What the monitor step looks at, and how often. Data time.

    Attributes:
        enabled: Whether these monitors look at all.
        source: `landed` makes the features of what has landed anew; `served` takes the requests
            that the champion's endpoint captured, as they were sent and before their labels.
        window: How much of the newest data one window is.
        every: How far apart the windows end: one measuring job each.
        rows: Most rows of the window, of the champion's training rows, and of its test rows.
        attribution_rows: Most rows of a side that SHAP values are computed for.
    """

    enabled: bool = True
    source: Literal["landed", "served"] = "landed"
    window: Duration = timedelta(days=14)
    every: Annotated[Duration, at_least("1h")] = timedelta(days=7)
    rows: int = Field(default=20_000, ge=100, le=200_000)
    attribution_rows: int = Field(default=5_000, ge=10, le=50_000)


class SampledMonitors(Fact):
    """The monitors that a sample serves; `monitors:` takes each as a section of its own."""

    sample: Sample = Sample()
    multivariate: MultivariatePolicy = MultivariatePolicy()
    predictions: PredictionPolicy = PredictionPolicy()
    performance: PerformancePolicy = PerformancePolicy()
    bias: BiasPolicy = BiasPolicy()
    attribution: AttributionPolicy = AttributionPolicy()
    data_quality: DataQualityPolicy = DataQualityPolicy()

    @property
    def sampled(self) -> dict[MonitorName, MonitorPolicy]:
        """Give the policies of the monitors that are on, by name, without data quality's."""
        every: dict[MonitorName, MonitorPolicy] = {
            "multivariate_drift": self.multivariate,
            "prediction_drift": self.predictions,
            "performance_estimate": self.performance,
            "bias_drift": self.bias,
            "attribution_drift": self.attribution,
        }
        return {name: each for name, each in every.items() if each.enabled}
