"""MERGE INTO an Iceberg table, as two queries: the rows there are, changed, and the new ones.

https://docs.aws.amazon.com/athena/latest/ug/merge-into-statement.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from localaws.services.athena import iceberg_scan
from localaws.services.athena.failures import QueryFailedError, syntax_error
from localaws.services.athena.iceberg_changes import assignments, replace, target, unqualified
from localaws.services.athena.iceberg_tables import ROW
from localaws.services.athena.parquet_writer import Written
from localaws.services.athena.readers import Need

if TYPE_CHECKING:
    from localaws.services.athena.catalog import TableInfo
    from localaws.services.athena.session import Session

_HIT, _ACTION, _RANK = "$hit", "$action", "$rank"


def merge(session: Session, info: TableInfo, statement: exp.Merge) -> Written:
    """Perform MERGE.

    Raises:
        QueryFailedError: A row of the target matches several of the source, or a clause is wrong.
    """
    form = _Merge(info, statement)
    touched = iceberg_scan.planned(info, Need(None))
    session.iceberg.narrow(info, touched)
    acted = session.number(form.acted(exp.Count(this=exp.Star()))) if form.matched else 0
    rows = form.acted(exp.Count(this=exp.Distinct(expressions=[form.row])))
    if acted and session.number(rows) != acted:
        raise QueryFailedError(
            "MERGE_TARGET_ROW_MULTIPLE_MATCHES: One MERGE target table row matched more than one "
            "source row"
        )
    new = form.new()
    counted = exp.select(exp.Count(this=exp.Star())).from_(new.subquery("new")) if new else None
    added = session.number(counted) if counted is not None else 0
    queries = ([form.left()] if acted else []) + ([new] if new is not None and added else [])
    if queries:
        replace(session, info, touched if acted else [], queries)
    return Written(acted + added, [], info.location)


class _Merge:
    """A MERGE taken apart.

    Attributes:
        matched: Its WHEN MATCHED clauses, in order.
        row: What tells the target's rows apart.
    """

    def __init__(self, info: TableInfo, statement: exp.Merge) -> None:
        self._info = info
        self._table: exp.Table = statement.this
        self._name = self._table.alias or self._table.name
        using = statement.args["using"]
        self._using, self._source_name = using, using.alias_or_name
        self._on = unqualified(statement.args["on"], self._table)
        whens = list(statement.args["whens"].expressions)
        if any(when.args.get("source") for when in whens):
            raise syntax_error("Athena knows no WHEN NOT MATCHED BY SOURCE")
        self.matched = [when for when in whens if when.args["matched"]]
        self._others = [when for when in whens if not when.args["matched"]]
        self.row = exp.column(ROW, table=self._name, quoted=True)

    def acted(self, what: exp.Expression) -> exp.Select:
        """Return a query over the pairs of rows that a WHEN MATCHED acts on."""
        pairs = exp.select(what).from_(self._target()).join(self._source(), on=self._on.copy())
        return pairs.where(
            exp.Not(this=exp.Is(this=self._action(self.matched), expression=exp.null()))
        )

    def left(self) -> exp.Select:
        """Return the query of the target's rows after the WHEN MATCHED clauses."""
        values = [assignments(self._info, _pairs(when), self._table) for when in self.matched]
        pairs = exp.select(
            *(
                exp.alias_(self._changed(column.name, values), column.name, quoted=True)
                for column in self._info.columns
            ),
            exp.alias_(self._action(self.matched), _ACTION, quoted=True),
            exp.alias_(self.row.copy(), ROW, quoted=True),
        )
        pairs = pairs.from_(self._target()).join(
            self._source(), on=self._on.copy(), join_type="left"
        )
        # A row that matched, but none of the conditions, may be there several times.
        order = exp.Order(expressions=[exp.Ordered(this=_column(_ACTION), nulls_first=False)])
        rank = exp.Window(this=exp.RowNumber(), partition_by=[_column(ROW)], order=order)
        ranked = exp.select("*", exp.alias_(rank, _RANK, quoted=True)).from_(
            pairs.subquery("pairs")
        )
        deletes = [index for index, when in enumerate(self.matched) if _deletes(when)]
        kept = exp.select(*(_column(column.name) for column in self._info.columns)).from_(
            ranked.subquery("ranked")
        ).where(_column(_RANK).eq(1))  # fmt: skip
        gone = exp.func("coalesce", _column(_ACTION), exp.Literal.number(len(self.matched)))
        return kept.where(exp.Not(this=gone.isin(*deletes))) if deletes else kept

    def new(self) -> exp.Select | None:
        """Return the query of the rows that WHEN NOT MATCHED inserts, if there is such a clause."""
        if not self._others:
            return None
        values = [_inserted(self._info, when) for when in self._others]
        action = self._action(self._others)
        return exp.select(
            *(
                exp.alias_(
                    self._case([value.get(column.name, exp.null()) for value in values],
                               self._others, exp.null()),
                    column.name, quoted=True,
                )
                for column in self._info.columns
            )
        ).from_(self._source()).join(
            self._target(), on=self._on.copy(), join_type="left"
        ).where(
            exp.Is(this=self.row.copy(), expression=exp.null()),
            exp.Not(this=exp.Is(this=action, expression=exp.null())),
        )  # fmt: skip

    def _target(self) -> exp.Table:
        table = target(self._info)
        table.set("alias", exp.TableAlias(this=exp.to_identifier(self._name, quoted=True)))
        return table

    def _source(self) -> exp.Subquery:
        hit = exp.alias_(exp.true(), _HIT, quoted=True)
        query = exp.select("*", hit).from_(self._using.copy())
        return query.subquery(exp.to_identifier(self._source_name, quoted=True))

    def _changed(self, name: str, values: list[dict[str, exp.Expression]]) -> exp.Expression:
        old = exp.column(name, table=self._name, quoted=True)
        return self._case([value.get(name, old) for value in values], self.matched, old)

    def _action(self, whens: list[exp.When]) -> exp.Expression:
        numbers: list[exp.Expression] = [exp.Literal.number(index) for index in range(len(whens))]
        return self._case(numbers, whens, exp.null())

    def _case(
        self, values: list[exp.Expression], whens: list[exp.When], otherwise: exp.Expression
    ) -> exp.Expression:
        case = exp.Case()
        for value, when in zip(values, whens, strict=True):
            hit: exp.Expression = exp.column(_HIT, table=self._source_name, quoted=True)
            condition = when.args.get("condition")
            if condition is not None:
                hit = exp.and_(hit, unqualified(condition, self._table))
            case = case.when(hit, value.copy())
        return case.else_(otherwise.copy())


def _deletes(when: exp.When) -> bool:
    return isinstance(when.args["then"], exp.Var)


def _pairs(when: exp.When) -> list[exp.Expression]:
    return [] if _deletes(when) else list(when.args["then"].expressions)


def _inserted(info: TableInfo, when: exp.When) -> dict[str, exp.Expression]:
    then = when.args["then"]
    if not isinstance(then, exp.Insert) or then.expression is None:
        raise syntax_error("WHEN NOT MATCHED takes THEN INSERT (columns) VALUES (values)")
    names = [column.name.lower() for column in then.this.expressions] if then.this else [
        column.name for column in info.columns
    ]  # fmt: skip
    values = then.expression.expressions
    if len(names) != len(values) or set(names) - {column.name for column in info.columns}:
        raise QueryFailedError(
            "INVALID_ARGUMENTS: line 1:1: MERGE's INSERT needs a value for each column it names, "
            f"of those that the table has: {', '.join(names)}"
        )
    return dict(zip(names, values, strict=True))


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)
