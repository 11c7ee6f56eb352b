"""The JSON that crosses processes: what a training run saw, and what the gates said of it.

Shapes only. How a number is computed belongs to pipelines/steps and decisions/drift; what it must
reach belongs to decisions/gates. A number that was not finite is None here, and a gate that needs
it fails.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

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


class Bin(Fact):
    """One bin of a column: its share of the reference's rows and of the window's."""

    label: str
    baseline: float
    current: float


class WindowReading(Fact):
    """What one window showed of one column.

    Attributes:
        window_through: The window's end; not in it.
        value: The column's measure; None where it cannot be told.
        q_value: Share of false discoveries if this column and all surer ones were called.
        reached: Whether the threshold was reached, and by no chance.
        firing: Whether the column fires after this window.
    """

    window_through: datetime
    value: Finite = None
    q_value: Finite = None
    reached: bool = False
    firing: bool = False


class FeatureDrift(Fact):
    """How far one column moved from the baseline, and whether that can be told at all.

    Attributes:
        psi: Its Population Stability Index, whatever it is judged by.
        measure: What it is judged by.
        value: That measure of the newest window.
        threshold: Where it fires.
        release: Below which it clears.
        distances: All measures of the newest window that are defined for it.
        p_value: Of the newest window and the reference coming from one distribution.
        q_value: The same after the false discovery control over all columns.
        independent_rows: What the newest window's rows are worth, alike as they are.
        reference: "whole" baseline, its same "weekday" rows, or another year's same "season".
        importance: Share of the model's gain that stems from it; None where that is not known.
        counts: Whether its drift counts for the whole verdict, or is told only.
        bins: The coarse bins of the newest window.
        history: Every window judged, oldest first.
    """

    name: str
    psi: Finite
    rows_baseline: int
    rows_current: int
    missing_baseline: int
    missing_current: int
    status: Verdict
    why: str
    measure: str = "psi"
    value: Finite = None
    threshold: Finite = None
    release: Finite = None
    distances: dict[str, Finite] = Field(default_factory=dict)
    p_value: Finite = None
    q_value: Finite = None
    independent_rows: Finite = None
    reference: Literal["whole", "weekday", "season"] = "whole"
    importance: Finite = None
    counts: bool = True
    bins: tuple[Bin, ...] = ()
    history: tuple[WindowReading, ...] = ()

    @property
    def farness(self) -> float:
        """Give the measure in thresholds: 1 is where it fires."""
        if self.threshold and self.value is not None:
            return self.value / self.threshold
        return self.psi or 0.0


class DriftReport(Fact):
    """The verdict on the newest window of data against the frozen baseline.

    Attributes:
        baseline_sha256: Digest of the baseline compared with.
        windows: First moment and end of every window judged, oldest first.
        rows: Rows of the newest window, of the column that has most.
        weight: Summed importance of the drifted columns; None where it is not known.
    """

    features: tuple[FeatureDrift, ...]
    verdict: Verdict
    why: str
    baseline_sha256: str = ""
    windows: tuple[tuple[datetime, datetime], ...] = ()
    rows: int = 0
    weight: Finite = None

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """The columns that drifted, farthest first; also those that do not count."""
        moved = [feature for feature in self.features if feature.status == "drifted"]
        return tuple(sorted(moved, key=lambda feature: (-feature.farness, feature.name)))


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
