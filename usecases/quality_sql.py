"""The SQL that joins predictions with ground truth and scores each window, where the rows are.

Ground truth is the spine's query as of now, asked for the windows alone: a label that came late, or
was restated, is seen whenever it comes, whether or not anybody materialized the dataset since.
AUC and the variance of it are exact: midranks give every row its placement value (E. R. DeLong et
al., Biometrics 44, 1988, in the rank form of X. Sun and W. Xu, IEEE Signal Processing Letters 21,
2014). What the scores mean belongs to decisions/quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from decisions.quality import WindowScores
from usecases.sql import DIALECT, bind, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from usecases.declaration import UseCase

PREDICTIONS = "predictions"
_DAY = timedelta(days=1)

# Of an event that was asked about more than once, the first answer counts: it was acted upon.
_QUERY = """
WITH truth AS (
  SELECT CAST(:id AS varchar) AS inference_id, :event_time AS happened_at, :label AS label
  FROM spine_rows
), asked AS (
  SELECT inference_id, event_time, predicted_at, probability, row_number() OVER (
    PARTITION BY inference_id ORDER BY predicted_at, event_id
  ) AS nth
  FROM predictions
  WHERE dt BETWEEN :first_day AND :last_day AND model_version = :version
), placed AS (
  SELECT
    CAST(floor(date_diff('second', :start, coalesce(
      truth.happened_at, asked.event_time, asked.predicted_at
    )) / :seconds) AS bigint) AS w,
    asked.probability AS p,
    truth.label AS y
  FROM asked LEFT JOIN truth ON asked.inference_id = truth.inference_id
  WHERE asked.nth = 1
), ranked AS (
  SELECT
    w, p, y,
    rank() OVER (PARTITION BY w ORDER BY p)
      + (count(*) OVER (PARTITION BY w, p) - 1) / 2e0
      - rank() OVER (PARTITION BY w, y ORDER BY p)
      - (count(*) OVER (PARTITION BY w, y, p) - 1) / 2e0 AS beyond,
    count(*) OVER (PARTITION BY w) - count(*) OVER (PARTITION BY w, y) AS others
  FROM placed WHERE y IS NOT NULL
), valued AS (
  SELECT w, p, y, CASE WHEN others > 0 THEN beyond / CAST(others AS double) END AS v
  FROM ranked
), scored AS (
  SELECT
    w,
    count(*) AS labelled,
    sum(y) AS positives,
    avg(CASE WHEN y = 1 THEN v END) AS auc,
    var_samp(CASE WHEN y = 1 THEN v END) / CAST(sum(y) AS double)
      + var_samp(CASE WHEN y = 0 THEN v END) / CAST(sum(1 - y) AS double) AS auc_variance,
    avg((p - y) * (p - y)) AS brier,
    var_samp((p - y) * (p - y)) / CAST(count(*) AS double) AS brier_variance,
    avg(-ln(greatest(CASE WHEN y = 1 THEN p ELSE 1e0 - p END, 1e-15))) AS log_loss,
    avg(p) AS mean_probability
  FROM valued GROUP BY w
), asked_about AS (
  SELECT w, count(*) AS predictions FROM placed GROUP BY w
)
SELECT
  asked_about.w, predictions, labelled, positives, auc, auc_variance, brier, brier_variance,
  log_loss, mean_probability
FROM asked_about LEFT JOIN scored ON asked_about.w = scored.w
WHERE asked_about.w >= 0 AND asked_about.w < :windows
ORDER BY asked_about.w
"""


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of equal length, one after the other. Naive UTC; `end` is not in the last one."""

    start: datetime
    length: timedelta
    count: int

    @classmethod
    def before(cls, end: datetime, length: timedelta, count: int) -> Windows:
        """Give the windows that end at the last midnight at or before a moment."""
        midnight = end.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(midnight - length * count, length, count)

    @property
    def end(self) -> datetime:
        """The moment at which the last one ends."""
        return self.start + self.length * self.count

    def bounds(self, at: int) -> tuple[datetime, datetime]:
        """Give the first moment of a window, and the first one after it."""
        return self.start + self.length * at, self.start + self.length * (at + 1)


def scores_sql(
    use_case: UseCase, windows: Windows, *, as_of: datetime, version: int, dialect: str = DIALECT
) -> str:
    """Write the query of every window's scores; windows without predictions have no row.

    Args:
        use_case: Whose predictions, and whose spine.
        windows: By the event's time.
        as_of: Labels known by then count, naive UTC.
        version: Of the model whose predictions are scored.
        dialect: Any that sqlglot writes; Athena unless told.
    """
    training = use_case.training_set
    spine = bind(
        use_case.queries[training.spine],
        window_start=windows.start,
        window_end=windows.end,
        as_of=as_of,
    )
    values: dict[str, Any] = {
        "id": exp.column(training.id, quoted=True),
        "event_time": exp.column(training.event_time, quoted=True),
        "label": exp.column(training.label.column, quoted=True),
        # A day to spare: who sends no event time is filed under the day of the prediction.
        "first_day": exp.Literal.string((windows.start - _DAY).date().isoformat()),
        "last_day": exp.Literal.string((windows.end + _DAY).date().isoformat()),
        "version": exp.Literal.number(version),
        "start": timestamp(windows.start),
        "seconds": exp.cast(exp.Literal.number(windows.length.total_seconds()), "double"),
        "windows": exp.Literal.number(windows.count),
    }
    inner = sqlglot.parse_one(spine, dialect=DIALECT)

    def fill(node: Any) -> Any:
        if isinstance(node, exp.Placeholder):
            return values[node.name].copy()
        if isinstance(node, exp.Table) and node.name == "spine_rows":
            return inner.subquery("spine_rows")
        return node

    return str(sqlglot.parse_one(_QUERY, dialect=DIALECT).transform(fill).sql(dialect=dialect))


def scores_from(rows: Sequence[Mapping[str, Any]], windows: Windows) -> tuple[WindowScores, ...]:
    """Read the query's rows, oldest window first; a window without a row has no predictions."""
    found = {int(row["w"]): row for row in rows}
    return tuple(_scores(found.get(at, {}), *windows.bounds(at)) for at in range(windows.count))


def _scores(row: Mapping[str, Any], start: datetime, end: datetime) -> WindowScores:
    counts = {name: int(row.get(name) or 0) for name in ("predictions", "labelled", "positives")}
    measures = ("auc", "auc_variance", "brier", "brier_variance", "log_loss", "mean_probability")
    return WindowScores(
        window_from=start,
        window_through=end,
        **counts,
        **{name: row.get(name) for name in measures},
    )
