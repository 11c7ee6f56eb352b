"""A contract run by pandera on a pandas frame. What is promised is contract.py's.

Row for row it counts what the SQL pass counts; the property tests hold both to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from usecases.contracts.contract import Contract, Rule
    from usecases.fields import ColumnType

_DTYPES: Mapping[ColumnType, str] = {
    "bigint": "Int64", "int": "Int32", "double": "float64", "string": "str",
    "timestamp": "datetime64[us]", "date": "datetime64[us]", "boolean": "boolean",
}  # fmt: skip


def pandera_schema(contract: Contract) -> Any:
    """Return the pandera DataFrameSchema that promises what the contract does.

    Freshness is not in it: it is judged against what has landed, which no frame knows. Types are
    compared with the catalogue's instead, because pandas has several for one of SQL's.
    """
    import pandera.pandas as pa

    columns = {}
    for name in contract.types:
        own = [rule for rule in contract.rules if rule.columns == (name,) and rule.subject == name]
        checks = [_COLUMN_CHECKS[rule.sort](rule) for rule in own if rule.sort in _COLUMN_CHECKS]
        present = any(rule.sort == "present" for rule in own)
        columns[name] = pa.Column(None, checks=checks, nullable=not present)
    whole = [
        pa.Check(_frame_check(rule), error=rule.name, ignore_na=False)
        for rule in contract.rules
        if rule.sort in {"unique", "row"}
    ]
    return pa.DataFrameSchema(columns, checks=whole)


def as_frame(contract: Contract, rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return rows of Python values as a frame with one fitting dtype per column."""
    import pandas as pd

    listed = list(rows)
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in listed], dtype=_DTYPES[kind])
            for name, kind in contract.types.items()
        }
    )


def broken_rows(contract: Contract, frame: Any) -> dict[str, int]:
    """Validate a frame with pandera; return how many of its rows break each rule, all named.

    Raises:
        RuntimeError: If a check itself failed, for example because a column is missing.
    """
    import pandera.pandas as pa

    counts = {rule.name: 0 for rule in contract.rules}
    try:
        pandera_schema(contract).validate(frame.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        for (column, check), found in cases.groupby(["column", "check"], dropna=False)["index"]:
            name = f"{column}.present" if check == "not_nullable" else str(check)
            if name not in counts:
                raise RuntimeError(f"pandera could not check {column}: {check}") from error
            counts[name] = max(counts[name], int(found.nunique()))
    return counts


def _bound(make: str) -> Callable[[Rule], Any]:
    def check(rule: Rule) -> Any:
        import pandera.pandas as pa

        return getattr(pa.Check, make)(rule.value, error=rule.name)

    return check


def _pattern(rule: Rule) -> Any:
    import pandera.pandas as pa

    return pa.Check(lambda values: values.astype("str").str.fullmatch(rule.value), error=rule.name)


def _max_length(rule: Rule) -> Any:
    import pandera.pandas as pa

    return pa.Check(lambda values: values.astype("str").str.len() <= rule.value, error=rule.name)


def _frame_check(rule: Rule) -> Callable[[Any], Any]:
    """Return a function from frame to which of its rows keep the rule, as a Series of booleans."""

    def unique(frame: Any) -> Any:
        keys = frame[list(rule.columns)]
        return ~(keys.duplicated(keep=False) & keys.notna().all(axis="columns"))

    def row(frame: Any) -> Any:
        import pandas as pd

        from usecases.contracts.expression_frames import false_rows

        return pd.Series(~false_rows(rule.value, frame), index=frame.index)

    return unique if rule.sort == "unique" else row


_COLUMN_CHECKS: Mapping[str, Callable[[Rule], Any]] = {
    "minimum": _bound("ge"),
    "exclusive_minimum": _bound("gt"),
    "maximum": _bound("le"),
    "exclusive_maximum": _bound("lt"),
    "allowed": _bound("isin"),
    "pattern": _pattern,
    "max_length": _max_length,
}
