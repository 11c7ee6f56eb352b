"""The past, as Athena gives it: every event with its features, what was known when, counts.

The features of the whole span are made once, four weeks at a time, by the very SQL that makes a
training set: a row takes the records known at its event time, so it is the same in every set that
holds it. What differs from one training to the next is which outcomes were known, and that is asked
of the spine's own SQL, bound to the moment of the training.

An outcome may come up to ``settles`` after its day; what production learns later than that never
enters its datasets, and rows older than that are taken as they are.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from assets.dataset_inputs import Inputs
from assets.feature_sql import iso_text
from decisions.model import digest_of
from usecases import point_in_time, sql
from usecases.point_in_time import Tables, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from orchestration.backtest.scratch import Scratch
    from orchestration.backtest.span import Span
    from orchestration.backtest.store import Store
    from usecases.declaration import UseCase
    from usecases.fields import FeatureGroup
    from usecases.profiling import Select

CHUNK = timedelta(days=28)
"""Events joined at once: with a year's, every row would meet every record of its key."""

LEAD = timedelta(days=14)
"""How far back before a chunk its first rows find records. Production keeps all it ever wrote."""


class History:
    """A use case's past over a span.

    Args:
        scratch: Runs SQL where the span has landed.
        use_case: Whose past.
        span: Which part of it.
        store: Where rows are kept.
        say: Told what is under way.
    """

    def __init__(
        self,
        scratch: Scratch,
        use_case: UseCase,
        span: Span,
        store: Store,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._scratch = scratch
        self._use_case = use_case
        self._span = span
        self._store = store
        self._say = say

    @cached_property
    def identity(self) -> dict[str, str]:
        """Give what every answer depends on: the version of each raw table, and how far we look."""
        found: dict[str, str] = {}
        for dataset in self._use_case.datasets:
            found |= Inputs(self._scratch.platform, self._use_case, dataset).of_all()
        return {**found, "as of": self._as_of.isoformat()}

    @cached_property
    def events(self) -> Any:
        """Give every event from the first training window on, with features and final outcome.

        A pyarrow table in the order of event time and id, columns as in a training set.
        """
        import pyarrow as pa

        parts = []
        for window in self._chunks():
            self._say(f"features of {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}")
            parts.append(self._chunk(window))
        training = self._use_case.training_set
        table = pa.concat_tables(parts, promote_options="permissive")
        return table.sort_by([(training.event_time, "ascending"), (training.id, "ascending")])

    def training_set(self, as_of: datetime) -> Any:
        """Return the rows that a training at a past moment would have learnt from."""
        import pyarrow.compute as pc

        training = self._use_case.training_set
        window = Window(as_of - training.window, as_of, as_of)
        due = point_in_time.due_before(self._use_case, window)
        rows = self._between(window.start, due)
        settled = due - self._use_case.dataset(training.spine).settles
        known = pc.is_in(rows[training.id], value_set=self._known(settled, due, as_of))
        old = pc.less(rows[training.event_time], _moment(settled, rows, training.event_time))
        return rows.filter(pc.or_(old, known))

    def outcomes(self, since: datetime, until: datetime) -> Any:
        """Return the events of some time with what became of them."""
        return self._between(since, until)

    def baseline(
        self, since: datetime, until: datetime, count: Callable[[Select], Any]
    ) -> dict[str, Any]:
        """Return the JSON of a training window's frozen baseline, counted unless it is there."""
        watched = self._use_case.monitors.drift.model_dump(mode="json")["tables"]
        about = {"since": since.isoformat(), "until": until.isoformat(), "watched": watched}
        name = digest_of({**self.identity, **about})

        found: dict[str, Any] = self._store.document(
            f"baselines/{name}", lambda: count(self.select)
        )
        return found

    def select(self, text: str) -> list[dict[str, Any]]:
        """Run a query with few rows about the raw tables."""
        return self._scratch.select(text, intent=digest_of({**self.identity, "sql": text}))

    @property
    def last_day(self) -> date:
        """Give the last day of which a model is asked."""
        return (self._span.end - timedelta(days=1)).date()

    @property
    def _as_of(self) -> datetime:
        return self._span.landed_by(self._use_case)

    @property
    def _first(self) -> datetime:
        """Give the first moment of the first training's window, or of all data."""
        start = self._use_case.sources.start
        wanted = self._span.start - self._use_case.training_set.window
        return max(wanted, datetime.combine(start, time())) if start else wanted

    def _chunks(self) -> Iterator[Window]:
        at = self._first
        while at < self._span.end:
            yield Window(at, min(at + CHUNK, self._span.end), self._as_of)
            at += CHUNK

    def _between(self, since: datetime, until: datetime) -> Any:
        import pyarrow.compute as pc

        name = self._use_case.training_set.event_time
        moments = self.events[name]
        low, high = (_moment(at, self.events, name) for at in (since, until))
        return self.events.filter(pc.and_(pc.greater_equal(moments, low), pc.less(moments, high)))

    def _known(self, since: datetime, until: datetime, as_of: datetime) -> Any:
        """Give the ids of the events whose outcome the spine's SQL knew at a moment."""
        training = self._use_case.training_set
        bound = sql.bind(
            self._use_case.queries[training.spine],
            window_start=since,
            window_end=until,
            as_of=as_of,
        )
        name, label = training.id, exp.column(training.label.column, quoted=True)
        query = (
            exp.select(exp.column(name, quoted=True))
            .from_(_parsed(bound).subquery("known"))
            .where(label.is_(exp.null()).not_())
        )
        return self._rows("known", str(query.sql(dialect=sql.DIALECT)))[name].combine_chunks()

    def _chunk(self, window: Window) -> Any:
        spine = sql.bind(
            self._use_case.queries[self._use_case.training_set.spine],
            window_start=window.start,
            window_end=window.end,
            as_of=window.as_of,
        )
        groups = {
            join.group: self._records_sql(join.group, window)
            for join in self._use_case.training_set.joins
        }
        training = self._use_case.training_set.model_dump(mode="json")
        about = {"spine": spine, "groups": groups, "training": training, "of": str(window)}
        name = digest_of({**self.identity, "about": about})
        return self._store.table(f"rows/{name}", lambda: self._joined(spine, groups, window))

    def _joined(self, spine: str, groups: dict[str, str], window: Window) -> Any:
        with self._scratch.tables({"spine": spine, **groups}) as made:
            tables = Tables(made["spine"], {name: made[name] for name in groups})
            # The label's delay is cut off by whoever makes a training set of these rows.
            text = point_in_time.training_set_sql(self._use_case, tables, window)
            return self._scratch.fetch(text)

    def _records_sql(self, name: str, window: Window) -> str:
        """Write a group's records in the offline store's columns, written when they were known."""
        group = self._use_case.feature_group(name)
        start = self._use_case.sources.start
        since = window.start - LEAD
        bound = sql.bind(
            self._use_case.queries[group.dataset],
            window_start=max(since, datetime.combine(start, time())) if start else since,
            window_end=window.end,
            as_of=window.as_of,
        )
        chosen = exp.select(*_offline_columns(group)).from_(_parsed(bound).subquery("made"))
        return str(chosen.sql(dialect=sql.DIALECT))

    def _rows(self, what: str, query: str) -> Any:
        name = digest_of({**self.identity, what: query})
        return self._store.table(f"rows/{name}", lambda: self._scratch.fetch(query))


def _offline_columns(group: FeatureGroup) -> list[Any]:
    moment = exp.column(group.event_time, quoted=True)
    return [
        exp.column(group.record_id, quoted=True),
        exp.alias_(iso_text(moment), group.event_time, quoted=True),
        *(exp.column(name, quoted=True) for name in group.features),
        exp.alias_(moment.copy(), "api_invocation_time", quoted=True),
        exp.alias_(moment.copy(), "write_time", quoted=True),
        exp.alias_(exp.false(), "is_deleted", quoted=True),
    ]


def _parsed(text: str) -> Any:
    return sqlglot.parse_one(text, dialect=sql.DIALECT)


def _moment(at: datetime, table: Any, column: str) -> Any:
    import pyarrow as pa

    return pa.scalar(at, table.schema.field(column).type)
