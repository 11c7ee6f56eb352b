"""What must be true of a window before it is said to have drifted. Parameters only; no judging."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from decisions.model import Fact

NumericMeasure = Literal["psi", "jensen_shannon", "ks", "wasserstein"]
CategoricalMeasure = Literal["psi", "jensen_shannon", "total_variation", "l_infinity"]
Measure = Literal["psi", "jensen_shannon", "ks", "wasserstein", "total_variation", "l_infinity"]
Positive = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
RowsPerIndependent = dict[str, Annotated[float, Field(ge=1.0)]]

THRESHOLDS: dict[str, float] = {
    "psi": 0.25,
    "jensen_shannon": 0.2,
    "ks": 0.2,
    "wasserstein": 0.5,
    "total_variation": 0.2,
    "l_infinity": 0.12,
}
"""Where a measure fires unless told: PSI by convention, the others as strict.

A normal variable that moves by half its standard deviation has, over ten bins, PSI 0.24,
Jensen-Shannon distance 0.20, total variation 0.20, L-infinity 0.12, KS distance 0.20, and of course
normalised Wasserstein distance 0.5.
"""


class Persistence(Fact):
    """A column fires once ``windows`` of the last ``of`` windows reached the threshold."""

    windows: int = Field(default=1, ge=1, le=60)
    of: int = Field(default=1, ge=1, le=60)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.windows > self.of:
            raise ValueError(f"{self.windows} windows of the last {self.of} can never be reached")
        return self


class DriftPolicy(Fact):
    """When a shift counts.

    Attributes:
        psi_threshold: PSI from which one column has drifted, where the measure is PSI.
        minimum_rows: Fewest rows of a window, and of the baseline; with fewer, nothing can be told.
        minimum_features: Drifted columns from which the whole window has drifted.
        ignore: Columns that are counted and shown but never count.
        measure: What numeric columns are judged by.
        categorical_measure: What categorical and boolean columns are judged by.
        thresholds: Where another measure than PSI fires, by measure; see THRESHOLDS.
        release_ratio: A column that fired clears below this share of its threshold: what hovers
            about the threshold fires once.
        fdr: Share of false discoveries allowed among the columns of one window.
        persistence: In how many of the last windows the threshold must have been reached.
        rows_per_independent: How many rows are worth one independent observation, by table or by
            "<table>.<column>"; as measured with the baseline unless told. Neighbouring hours of
            weather are nearly the same observation, and a p-value that takes them for many is too
            small.
        seasonal: What a window is compared with: the baseline's rows of the same "weekday"; those
            or the same season of the "year" before, whichever is nearer; or all rows ("none").
        minimum_importance: Share of the model's gain below which a column's drift is told but does
            not count. Only where the importance is known.
        minimum_weight: Summed importance of drifted columns from which the whole window has
            drifted, however few they are; None where only their number counts.
        maximum_other: Largest share of a categorical baseline that may lie in values not kept; with
            more, its counts say nothing.
    """

    psi_threshold: Positive = 0.25
    minimum_rows: int = Field(default=200, ge=1)
    minimum_features: int = Field(default=1, ge=1)
    ignore: tuple[str, ...] = ()
    measure: NumericMeasure = "psi"
    categorical_measure: CategoricalMeasure = "psi"
    thresholds: dict[Measure, Positive] = Field(default_factory=dict)
    release_ratio: float = Field(default=0.8, gt=0.0, le=1.0)
    fdr: float = Field(default=0.05, gt=0.0, lt=1.0)
    persistence: Persistence = Persistence()
    rows_per_independent: RowsPerIndependent = Field(default_factory=dict)
    seasonal: Literal["weekday", "year", "none"] = "weekday"
    minimum_importance: Share = 0.01
    minimum_weight: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    maximum_other: Share = 0.8

    def measure_of(self, kind: str) -> Measure:
        """Give the measure that a kind of column is judged by."""
        return self.measure if kind == "numeric" else self.categorical_measure

    def threshold_of(self, measure: Measure) -> float:
        """Give the value from which a measure fires."""
        if measure == "psi":
            return self.psi_threshold
        return self.thresholds.get(measure, THRESHOLDS[measure])

    def design_effect(self, column: str) -> float | None:
        """Give how many rows of a column are worth one, as declared; None where nobody did."""
        table = column.partition(".")[0]
        known = self.rows_per_independent
        return known.get(column, known.get(table))
