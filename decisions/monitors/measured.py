"""What the monitor step measured of one window, beside the champion's own rows. Shapes only.

Both sides were scored by the champion: the baseline is its own test rows (never seen in training),
except that attributions and the domain classifier use the rows it was trained on.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from decisions.model import Fact, Finite

Count = Annotated[int, Field(ge=0)]
SCORE_BINS = 20
"""Bins of equal width over [0, 1]; bin i holds i/20 <= p < (i + 1)/20, the last one 1 too."""


class ScoreCounts(Fact):
    """How a model's probabilities are spread.

    Attributes:
        counts: Rows by bin, SCORE_BINS of them.
        missing: Rows without a probability (null or NaN).
        positives: Rows called positive at the decision threshold.
        mean: Of the probabilities.
    """

    counts: tuple[Count, ...]
    missing: Count = 0
    positives: Count = 0
    mean: Finite = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.counts) != SCORE_BINS:
            raise ValueError(f"{len(self.counts)} bins of scores; expected {SCORE_BINS}")
        if self.positives > self.scored:
            raise ValueError(f"{self.positives} positive calls among {self.scored} scored rows")
        return self

    @property
    def scored(self) -> int:
        """Give how many rows have a probability."""
        return sum(self.counts)

    @property
    def rows(self) -> int:
        """Give all rows."""
        return self.scored + self.missing


class FacetCounts(Fact):
    """Calls and outcomes of one value of one facet.

    Attributes:
        predicted: Rows called positive.
        labelled: Rows whose label is known.
        correct: Of the labelled rows, those called as they turned out.
    """

    facet: str
    value: str
    rows: Count
    predicted: Count
    labelled: Count = 0
    correct: Count = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.predicted > self.rows or self.labelled > self.rows or self.correct > self.labelled:
            raise ValueError(f"counts of {self.facet}={self.value} exceed what they are part of")
        return self


class Attributions(Fact):
    """Global attribution by feature: the mean absolute SHAP value, in log-odds."""

    rows: Count
    mean_absolute: dict[str, Annotated[float, Field(ge=0.0)]]


class Separation(Fact):
    """How well a domain classifier tells two groups of rows apart, out of fold.

    Attributes:
        fold_aucs: AUC on each held-out block of days.
        rows_before: Rows of the first group.
        rows_now: Rows of the second.
        features: Share of the classifier's gain by feature; the largest separate most.
    """

    fold_aucs: tuple[Annotated[float, Field(ge=0.0, le=1.0)], ...]
    rows_before: Count
    rows_now: Count
    features: dict[str, float] = Field(default_factory=dict)


class Estimate(Fact):
    """Quality estimated without labels, and how far the estimate can be trusted.

    Attributes:
        auc: Estimated AUC of the window.
        accuracy: Estimated share of right calls at the decision threshold.
        brier: Estimated Brier score.
        auc_baseline: True AUC of the test rows.
        accuracy_baseline: True share of right calls there.
        brier_baseline: True Brier score there.
        auc_checked: AUC of the test rows as the same method estimates it, out of fold.
        calibration_error: Expected calibration error of the test rows after calibration, out of
            fold, in probability.
        rows: Rows of the window.
        expected_positives: Sum of the calibrated probabilities.
        rows_baseline: Test rows.
        positives_baseline: Positive ones of them.
        auc_realised: True AUC of the window's labelled rows, if there are any.
        labelled: How many they are.
    """

    auc: Finite = None
    accuracy: Finite = None
    brier: Finite = None
    auc_baseline: Finite = None
    accuracy_baseline: Finite = None
    brier_baseline: Finite = None
    auc_checked: Finite = None
    calibration_error: Finite = None
    rows: Count
    expected_positives: Finite = None
    rows_baseline: Count
    positives_baseline: Count
    auc_realised: Finite = None
    labelled: Count = 0


class Measurements(Fact):
    """One window, measured once and stored; thresholds are applied when it is judged.

    Attributes:
        window_from: First event time that may be in it, naive UTC.
        window_through: Event time before which it ends.
        rows: Rows of the window, after sampling.
        source: Whether they were made of what landed, or captured as they were served.
        separation: The window against the rows the champion learnt from.
        separation_within: The baseline's own newest days against its earlier ones.
    """

    format: int = 1
    window_from: datetime
    window_through: datetime
    rows: Count
    source: Literal["landed", "served"] = "landed"
    scores_baseline: ScoreCounts | None = None
    scores: ScoreCounts | None = None
    facets_baseline: tuple[FacetCounts, ...] = ()
    facets: tuple[FacetCounts, ...] = ()
    attributions_baseline: Attributions | None = None
    attributions: Attributions | None = None
    separation: Separation | None = None
    separation_within: Separation | None = None
    estimate: Estimate | None = None
