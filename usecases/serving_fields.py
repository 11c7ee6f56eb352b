"""The fields of what is kept of predictions, and of how good they must stay. Shapes only.

docs/usecases.md names them, docs/drift/quality.md explains them.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from decisions.model import Fact
from decisions.quality import QualityPolicy
from usecases.durations import Duration, at_least


class Capture(Fact):
    """What the last stage's endpoint keeps of its predictions.

    Attributes:
        percent: Of the requests; 0 keeps none, and model quality cannot be told.
        retention: After this S3 deletes what was captured; the table of predictions stays.
    """

    percent: int = Field(default=100, ge=0, le=100)
    retention: Annotated[Duration, at_least("1d")] = timedelta(days=30)


class QualityMonitor(Fact):
    """How good predictions must stay, once their labels are in. Data time.

    Attributes:
        window: Length of one window of events.
        windows: How many windows are looked back on.
        minimum_labels: Fewest labelled predictions of a window.
        minimum_per_class: Fewest of either label.
        minimum_coverage: Smallest share of a window's predictions that have a label.
        maximum_auc_drop: How far AUC may fall below the champion's on its test rows.
        maximum_brier_rise: How far the Brier score may rise above the champion's.
        persistence: Windows in a row that must fall short before it fires.
        confidence: Of the interval that must lie beyond the champion's own score.
    """

    window: Duration = timedelta(days=7)
    windows: int = Field(default=8, ge=1, le=60)
    minimum_labels: int = Field(default=500, ge=2)
    minimum_per_class: int = Field(default=30, ge=2)
    minimum_coverage: float = Field(default=0.7, gt=0.0, le=1.0)
    maximum_auc_drop: float = Field(default=0.05, gt=0.0, lt=1.0)
    maximum_brier_rise: float = Field(default=0.05, gt=0.0, lt=1.0)
    persistence: int = Field(default=2, ge=1)
    confidence: float = Field(default=0.95, ge=0.5, lt=1.0)

    @property
    def policy(self) -> QualityPolicy:
        """Give the parameters of decisions.quality."""
        return QualityPolicy.model_validate(self.model_dump(exclude={"window", "windows"}))
