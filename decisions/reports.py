"""The JSON that crosses processes: what a training run saw, and what the gates said of it.

Shapes only. How a number is computed belongs to pipelines/steps and decisions/drift; what it must
reach belongs to decisions/gates. A number that was not finite is None here, and a gate that needs
it fails.
"""

from datetime import datetime
from typing import Literal

from decisions.model import Fact, Finite

Verdict = Literal["stable", "drifted", "cannot_tell"]


class ColumnReport(Fact):
    """One column of a training set. Minimum and maximum are None for a categorical column."""

    name: str
    kind: Literal["numeric", "categorical"]
    missing: int
    distinct: int
    minimum: Finite = None
    maximum: Finite = None


class DataReport(Fact):
    """What validation found before any money was spent on training."""

    rows: int
    label_rate: Finite
    columns: tuple[ColumnReport, ...]
    problems: tuple[str, ...] = ()


class Metrics(Fact):
    """Quality of one model's probabilities on the test rows."""

    auc: Finite
    log_loss: Finite
    brier: Finite
    rows: int
    positives: int


class EvaluationReport(Fact):
    """Challenger and champion on the very same rows.

    Attributes:
        roc: At most 101 points (false positive rate, true positive rate).
        calibration: Points (mean predicted probability, observed rate, rows).
        feature_importance: Gain by feature.
    """

    challenger: Metrics
    champion: Metrics | None
    champion_package_arn: str | None
    test_from: datetime
    test_through: datetime
    roc: tuple[tuple[float, float], ...]
    calibration: tuple[tuple[float, float, int], ...]
    feature_importance: dict[str, float]
    model_sha256: str
    champion_sha256: str | None


class FacetReport(Fact):
    """One group of people or things (a facet's value) among the test rows.

    Attributes:
        positive_rate_label: Share of rows whose label is 1.
        positive_rate_prediction: Share of rows the model calls positive at the decision threshold.
    """

    facet: str
    value: str
    rows: int
    positive_rate_label: Finite
    positive_rate_prediction: Finite
    auc: Finite


class BiasReport(Fact):
    """How the model treats each value of each facet."""

    facets: tuple[FacetReport, ...]


class FeatureDrift(Fact):
    """How far one column moved from the baseline, and whether that can be told at all."""

    name: str
    psi: Finite
    rows_baseline: int
    rows_current: int
    missing_baseline: int
    missing_current: int
    status: Verdict
    why: str


class DriftReport(Fact):
    """The verdict on one window of new data against the frozen baseline."""

    features: tuple[FeatureDrift, ...]
    verdict: Verdict
    why: str

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """The columns that moved beyond the policy's threshold, farthest first."""
        moved = [feature for feature in self.features if feature.status == "drifted"]
        return tuple(sorted(moved, key=lambda feature: (-(feature.psi or 0.0), feature.name)))


MonitorName = Literal[
    "data_drift",
    "multivariate_drift",
    "prediction_drift",
    "model_quality",
    "performance_estimate",
    "bias_drift",
    "attribution_drift",
    "data_quality",
]


class MonitorReport(Fact):
    """One monitor's verdict on one window, in the form that the governor and the UI read.

    Attributes:
        monitor: Which one.
        verdict: "drifted" means that it fires.
        why: One sentence with the numbers in it.
        observed: Its measure; None where it cannot be told.
        threshold: Where it fires.
        rows: Rows it was measured on.
        retrains: Whether firing is a reason to train again, or is told only.
        window_from: First moment of the window.
        window_through: The window's end; not in it.
    """

    monitor: MonitorName
    verdict: Verdict
    why: str
    observed: Finite = None
    threshold: Finite = None
    rows: int = 0
    retrains: bool = True
    window_from: datetime | None = None
    window_through: datetime | None = None


class GateResult(Fact):
    """One gate's answer. `why` is one sentence with the numbers in it."""

    gate: str
    passed: bool
    blocking: bool
    observed: Finite
    threshold: Finite
    why: str


class GateReport(Fact):
    """Every gate's answer, bound by digest to the evidence and the model it speaks of."""

    passed: bool
    results: tuple[GateResult, ...]
    model_sha256: str
    evaluation_sha256: str
    bias_sha256: str
    data_report_sha256: str

    @property
    def refusals(self) -> tuple[GateResult, ...]:
        """The blocking gates that did not pass."""
        return tuple(result for result in self.results if result.blocking and not result.passed)
