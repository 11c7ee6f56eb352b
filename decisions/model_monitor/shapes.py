"""The shapes of statistics.json, constraints.json and constraint_violations.json.

Field names are Model Monitor's own. A container may write more than these
(docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html), so an unknown field
is passed over. Reading and writing them, and the message about one that is wrong, is reading.py's.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from decisions.model import Finite

Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]
InferredType = Literal["Integral", "Fractional", "String", "Unknown"]
Switch = Literal["Enabled", "Disabled"]
CheckType = Literal[
    "data_type_check",
    "completeness_check",
    "baseline_drift_check",
    "missing_column_check",
    "extra_column_check",
    "categorical_values_check",
]
CLOSE = 1e-9
"""By how much, relatively, one bucket's end may miss the next one's start."""


class MonitorShape(BaseModel):
    """Frozen; what it does not know it passes over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Common(MonitorShape):
    """Rows of one feature."""

    num_present: Count
    num_missing: Count


class Bucket(MonitorShape):
    """Values from ``lower_bound`` on and below ``upper_bound``; the last bucket has its end too."""

    lower_bound: Number
    upper_bound: Number
    count: Count


class SketchParameters(MonitorShape):
    """Shrinking factor ``c`` and size ``k`` of the KLL sketch."""

    c: Number
    k: Number


class Sketch(MonitorShape):
    """A KLL sketch: an item at level i of ``data`` stands for 2^i values."""

    parameters: SketchParameters | None = None
    data: tuple[tuple[Number, ...], ...] = ()


class Kll(MonitorShape):
    """The distribution of a number, twice: in buckets and as a sketch."""

    buckets: tuple[Bucket, ...] = ()
    sketch: Sketch = Sketch()

    @model_validator(mode="after")
    def _contiguous(self) -> Self:
        for number, bucket in enumerate(self.buckets):
            if bucket.lower_bound > bucket.upper_bound:
                raise ValueError(f"bucket {number} ends before it starts")
            if number and not _meet(self.buckets[number - 1].upper_bound, bucket.lower_bound):
                raise ValueError(f"bucket {number} does not start where the one before it ends")
        return self


class NumericalDistribution(MonitorShape):
    """Holder of the KLL distribution."""

    kll: Kll


class NumericalStatistics(MonitorShape):
    """Moments and distribution of a number; moments are None where nothing was present."""

    common: Common
    mean: Finite = None
    sum: Finite = None
    std_dev: Finite = None
    min: Finite = None
    max: Finite = None
    distribution: NumericalDistribution | None = None


class CategoricalBucket(MonitorShape):
    """One value and its rows."""

    value: str
    count: Count


class Categorical(MonitorShape):
    """Rows by value."""

    buckets: tuple[CategoricalBucket, ...]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        _refuse_twice("value", (bucket.value for bucket in self.buckets))
        return self


class StringDistribution(MonitorShape):
    """Holder of the categorical distribution."""

    categorical: Categorical


class StringStatistics(MonitorShape):
    """Distinct values of a text, and, where they are few, how often each comes."""

    common: Common
    distinct_count: Number | None = None
    distribution: StringDistribution | None = None


class FeatureStatistics(MonitorShape):
    """One feature: a number, a text, or (``Unknown``) neither."""

    name: str
    inferred_type: InferredType
    numerical_statistics: NumericalStatistics | None = None
    string_statistics: StringStatistics | None = None


class DatasetStatistics(MonitorShape):
    """Rows of the whole data set."""

    item_count: Count


class Statistics(MonitorShape):
    """statistics.json."""

    version: float = 0.0
    dataset: DatasetStatistics
    features: tuple[FeatureStatistics, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _refuse_twice("feature", (feature.name for feature in self.features))
        for feature in self.features:
            found = feature.numerical_statistics or feature.string_statistics
            if found is None:
                continue
            rows = found.common.num_present + found.common.num_missing
            if rows != self.dataset.item_count:
                raise ValueError(
                    f"feature {feature.name!r} has {rows} rows (num_present + num_missing), and "
                    f"the data set {self.dataset.item_count} (item_count)"
                )
        return self


class NumConstraints(MonitorShape):
    """What a number promises."""

    is_non_negative: bool | None = None


class StringConstraints(MonitorShape):
    """The values a text may have; empty where there are too many to list."""

    domains: tuple[str, ...] = ()


class FeatureConstraints(MonitorShape):
    """What one feature promises; ``completeness`` is the least share of values present."""

    name: str
    inferred_type: InferredType
    completeness: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    num_constraints: NumConstraints | None = None
    string_constraints: StringConstraints | None = None


class DistributionConstraints(MonitorShape):
    """How two distributions are compared (rules.py), and from where on it is a drift."""

    perform_comparison: Switch = "Enabled"
    comparison_threshold: Number = 0.1
    comparison_method: Literal["Simple", "Robust"] = "Robust"
    categorical_comparison_threshold: Number = 0.1
    categorical_drift_method: Literal["LInfinity", "ChiSquared"] = "LInfinity"


class MonitoringConfig(MonitorShape):
    """Which checks run. The two thresholds are the share of rows that must comply."""

    evaluate_constraints: Switch = "Enabled"
    emit_metrics: Switch = "Enabled"
    datatype_check_threshold: Number = 1.0
    domain_content_threshold: Number = 1.0
    distribution_constraints: DistributionConstraints = DistributionConstraints()


class Constraints(MonitorShape):
    """constraints.json."""

    version: float = 0.0
    features: tuple[FeatureConstraints, ...]
    monitoring_config: MonitoringConfig = MonitoringConfig()

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        _refuse_twice("feature", (feature.name for feature in self.features))
        return self


class Violation(MonitorShape):
    """One promise that was broken. Monitors other than data quality's have other check types."""

    feature_name: str = ""
    constraint_check_type: str
    description: str = ""


class Violations(MonitorShape):
    """constraint_violations.json."""

    version: float = 0.0
    violations: tuple[Violation, ...]


def _meet(end: float, start: float) -> bool:
    return abs(end - start) <= CLOSE * max(abs(end), abs(start))


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} comes more than once")
