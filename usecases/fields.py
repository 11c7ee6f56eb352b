"""The fields of a use case's YAML, one frozen model per block. Shapes and single-field rules only.

What two fields must agree on belongs to checks.py; docs/usecases.md explains each field to the
person who writes one.
"""

import contextlib
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from decisions.drift_policy import (
    CategoricalMeasure,
    DriftPolicy,
    Measure,
    NumericMeasure,
    Persistence,
    Positive,
    RowsPerIndependent,
    Share,
)
from decisions.freshness import SourcePolicy
from decisions.model import Fact
from decisions.promotion import PromotionPolicy
from usecases.durations import Duration
from usecases.monitor_fields import SampledMonitors
from usecases.serving_fields import Capture, QualityMonitor


def parse_day(value: Any) -> date:
    """Read "2013-01-31".

    Raises:
        PydanticCustomError: If the text is no day.
    """
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PydanticCustomError("day", 'not a day; expected for example "2013-01-31"') from None


Day = Annotated[date, BeforeValidator(parse_day)]
"""A day, written 2013-01-31."""


def parse_naive_utc(value: Any) -> datetime:
    """Read an ISO time without an offset, such as "2013-03-01T00:00:00": it is UTC.

    Raises:
        PydanticCustomError: If the text is no such time.
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        return value
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None and found.tzinfo is None:
            return found
    raise PydanticCustomError(
        "naive_utc", 'not a time in UTC without an offset; expected for example "2013-03-01T06:00"'
    )


NaiveUtc = Annotated[datetime, BeforeValidator(parse_naive_utc)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""A name that is safe as SQL identifier, asset key, and (with dashes) as AWS name."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Kind = Literal["numeric", "categorical"]
WatchKind = Literal["numeric", "categorical", "boolean", "timestamp", "text_length"]
"""What is counted of a watched column: its values, or for text its number of characters."""
ColumnType = Literal["string", "bigint", "int", "double", "timestamp", "date", "boolean"]
Instance = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
Owner = Annotated[
    str, StringConstraints(pattern=r"^(team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")
]
Stage = Literal["dev", "staging", "prod"]


class Sla(Fact):
    """How late a raw table may be: in data time, and by the wall clock between two landings."""

    event_time_lag: Duration | None = None
    arrival: Duration | None = None


class SourceTable(Fact):
    """A raw Glue table: the columns that the SQL counts on, and how late its data may be.

    ``freshness`` is short for ``sla.event_time_lag``.
    """

    columns: dict[Identifier, ColumnType] = Field(min_length=1)
    partition_key: Identifier | None = None
    freshness: Duration | None = None
    sla: Sla = Sla()
    description: str = ""

    @property
    def policy(self) -> SourcePolicy:
        """Give the parameters of decisions.freshness."""
        lag = self.freshness if self.sla.event_time_lag is None else self.sla.event_time_lag
        return SourcePolicy(event_time_lag=lag, arrival=self.sla.arrival)


class Sources(Fact):
    """The Glue database of the upstream team, its tables, and the first day they have."""

    database: Identifier
    start: Day | None = None
    refresh: Literal["with_training", "on_landing"] = "with_training"
    tables: dict[Identifier, SourceTable] = Field(min_length=1)


class Column(Fact):
    """What a dataset promises of one column. A null breaks no promise but `nullable: false`."""

    type: ColumnType
    nullable: bool = False
    unique: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    allowed: tuple[str, ...] = ()
    pattern: str | None = Field(default=None, min_length=1, max_length=500)
    max_length: int | None = Field(default=None, ge=0)
    description: str = ""


class RowRule(Fact):
    """What must hold between the columns of each row: a boolean SQL expression."""

    name: Identifier
    sql: Text
    description: str = ""


class Dataset(Fact):
    """A table that one SQL file builds from the raw ones.

    Attributes:
        partition_by: The event time whose day makes the partition; None for a query without a
            window, whose table is made as a whole.
        settles: How long after its end a day may still gain what was not known before.
        table_format: Parquet files behind partitions, or one Iceberg table with its snapshots.
    """

    name: Identifier
    description: Text
    sql: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]+\.sql$")]
    primary_key: tuple[Identifier, ...] = Field(min_length=1)
    columns: dict[Identifier, Column] = Field(min_length=1)
    partition_by: Identifier | None = None
    settles: Duration = timedelta(days=2)
    table_format: Literal["parquet", "iceberg"] = "parquet"
    rules: tuple[RowRule, ...] = ()
    fresh_within: Duration | None = None


class Retention(Fact):
    """How long what does not serve any more is kept, by the wall clock.

    Attributes:
        superseded: Data that nothing points at, snapshots of Iceberg tables that another followed,
            and what killed runs left.
        quarantined: Data that broke its contract, after it was last judged; its record stays.
    """

    superseded: Duration = timedelta(days=7)
    quarantined: Duration = timedelta(days=90)


class FeatureGroup(Fact):
    """A Feature Store feature group, fed by one dataset.

    Attributes:
        version: Part of the AWS group's name from 2 on. What AWS cannot change needs the next one.
        ttl: How long after its event time the online store keeps a record, by the wall clock.
        bulk_from: With so many rows to write, they are inserted into the offline table at once.
    """

    name: Identifier
    description: Text
    dataset: Identifier
    record_id: Identifier
    event_time: Identifier
    version: int = Field(default=1, ge=1, le=999)
    online: bool = True
    offline: bool = True
    table_format: Literal["glue", "iceberg"] = "glue"
    ttl: Duration | None = None
    bulk_from: int = Field(default=1_000_000, ge=1)
    features: dict[Identifier, Kind] = Field(min_length=1)


class Label(Fact):
    """What is to be foretold, and how long after the event it is surely known."""

    column: Identifier
    kind: Literal["binary"]
    delay: Duration


class Join(Fact):
    """Features of a group, as they were known at each row's event time.

    Attributes:
        max_age: A record older than this at the row's event time counts as missing.
    """

    group: Identifier
    key: Identifier
    max_age: Duration | None = None


class TrainingSet(Fact):
    """Rows, label and features to learn from.

    Attributes:
        written_by: Feature records written later are left out, as if it were that day (naive UTC).
    """

    spine: Identifier
    id: Identifier
    event_time: Identifier
    label: Label
    window: Duration
    minimum_rows: int = Field(ge=1)
    direct: dict[Identifier, Kind] = Field(default_factory=dict)
    joins: tuple[Join, ...] = ()
    written_by: NaiveUtc | None = None


class Split(Fact):
    """The newest days test, the days before them validate, the rest trains."""

    validation_days: int = Field(ge=1)
    test_days: int = Field(ge=1)


class Compute(Fact):
    """What SageMaker runs the steps on."""

    processing_instance: Instance
    training_instance: Instance
    volume_gb: int = Field(ge=1, le=16384)
    max_runtime: Duration


class Bias(Fact):
    """The features whose values must be treated alike."""

    facets: tuple[Identifier, ...] = Field(min_length=1)


class DriftMonitor(Fact):
    """Which columns of which raw tables are watched, and when a shift counts.

    Attributes:
        window: The newest days that are compared.
        stride: From one window of the history to the next.
        history: How many windows, the newest included, are judged again at each tick: a column that
            fired longer ago and never cleared since is seen as long as it is within them.
        top_values: Values that a baseline keeps of a column counted by value; the commonest.
        tables: Kind by column by table. What else there is, decisions.drift_policy explains.
    """

    window: Duration
    psi_threshold: Positive
    minimum_rows: int = Field(ge=1)
    minimum_features: int = Field(ge=1)
    ignore: tuple[str, ...] = ()
    measure: NumericMeasure = "psi"
    categorical_measure: CategoricalMeasure = "psi"
    thresholds: dict[Measure, Positive] = Field(default_factory=dict)
    release_ratio: float = Field(default=0.8, gt=0.0, le=1.0)
    fdr: float = Field(default=0.05, gt=0.0, lt=1.0)
    persistence: Persistence = Persistence()
    stride: Duration = timedelta(days=1)
    history: int = Field(default=1, ge=1, le=60)
    rows_per_independent: RowsPerIndependent = Field(default_factory=dict)
    seasonal: Literal["weekday", "year", "none"] = "weekday"
    minimum_importance: Share = 0.01
    minimum_weight: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    maximum_other: Share = 0.8
    top_values: int = Field(default=50, ge=1, le=1000)
    tables: dict[Identifier, dict[Identifier, WatchKind]] = Field(min_length=1)

    @property
    def policy(self) -> DriftPolicy:
        """Give the parameters of decisions.drift."""
        own = self.model_dump(exclude={"window", "stride", "history", "top_values", "tables"})
        return DriftPolicy.model_validate(own)

    @property
    def windows(self) -> int:
        """Give how many windows the judge is to be handed, the newest included."""
        return max(self.history, self.persistence.of)


class ModelMonitorSource(Fact):
    """A schedule of SageMaker Model Monitor that an account still has.

    Attributes:
        schedule: Its name.
        retrains: Whether a drift that it finds is a reason to train again.
    """

    schedule: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
    retrains: bool = True


class Monitors(SampledMonitors):
    """What is watched while a model serves."""

    drift: DriftMonitor
    quality: QualityMonitor = QualityMonitor()
    model_monitor: ModelMonitorSource | None = None


class Approval(Fact):
    """Who lets a version out: the gates alone, or a person too."""

    policy: Literal["automatic", "manual"]


class Release(Fact):
    """Where a version goes, and what it serves on."""

    stages: tuple[Stage, ...] = Field(min_length=1)
    prod_approval: bool
    instance_type: Instance
    instance_count: int = Field(default=1, ge=1, le=100)
    maximum_attempts: int = Field(default=1, ge=1, le=10)
    capture: Capture = Capture()

    @property
    def policy(self) -> PromotionPolicy:
        """Give the parameters of decisions.promotion."""
        return PromotionPolicy(stages=self.stages, maximum_attempts=self.maximum_attempts)
