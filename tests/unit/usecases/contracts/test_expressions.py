"""Rules between columns: read strictly, and unknown where SQL says unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from usecases.contracts.expression_frames import false_rows
from usecases.contracts.expressions import RuleError, read

COLUMNS = {
    "departed": "timestamp", "arrived": "timestamp", "seats": "bigint", "load": "double",
    "origin": "string", "dest": "string", "diverted": "boolean", "day": "date",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("seats", "a integer; expected a condition"),
        ("seatz > 1", "unknown column seatz; expected one of departed, arrived"),
        ("t.seats > 1", "unknown column t.seats"),
        ("1 = 1", "a rule that reads no column"),
        ("seats > 'x'", "a integer is compared with a string in seats > 'x'"),
        ("seats > (SELECT 1)", "(SELECT 1) cannot be judged alike"),
        ("seats IN (SELECT 1)", "IN with a list of literals"),
        ("sum(seats) > 1", "SUM(seats) cannot be judged alike"),
        ("arrived < now()", "cannot be judged alike"),
        ("random() < load", "cannot be judged alike"),
        ("rank() OVER (ORDER BY seats) = 1", "cannot be judged alike"),
        ("lower(origin) = origin", "LOWER(origin) cannot be judged alike"),
        ("origin LIKE 'E%'", "cannot be judged alike"),
        ("seats > 1; DROP TABLE x", "cannot be parsed"),
        ("seats > 1 FROM x", "cannot be parsed"),
        ("seats > 1) FROM (x", "not one expression"),
        ("seats > 1) OR (seats < 1", "not one expression"),
        ("seats > 1), (seats < 1", "not one expression"),
        ("seats >", "cannot be parsed"),
        ("'", "cannot be parsed"),
        ("diverted > TRUE", "booleans"),
        ("origin AND seats > 1", "a string in origin AND"),
        ("arrived - departed > 1", "a timestamp in arrived - departed"),
        ("arrived < departed + INTERVAL '1' MONTH", "unit up to DAY"),
        ("arrived < TIMESTAMP 'yesterday'", "no timestamp"),
        ("arrived < TIMESTAMP '2013-01-01 00:00:00+01:00'", "carries a zone"),
        ("CAST(seats AS varchar) = '1'", "the cast"),
        ("seats > 99999999999999999999", "the number 99999999999999999999"),
        ("load > 1e999", "a finite number"),
        ("(" * 900 + "seats > 1" + ")" * 900, "cannot be parsed"),
    ],
)
def test_what_sql_and_pandas_would_judge_differently_is_refused(rule: str, told: str) -> None:
    with pytest.raises(RuleError) as caught:
        read(rule, COLUMNS)  # type: ignore[arg-type]
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("arrived >= departed", [False, True, False]),
        ("arrived <= departed + INTERVAL '2' HOUR", [False, False, False]),
        ("seats > 0 OR load IS NULL", [False, True, False]),
        ("load <= seats", [False, True, False]),
        ("NOT (load <= seats)", [True, False, False]),
        ("load / seats <= 1", [False, True, False]),
        ("coalesce(load, -1) >= 0", [False, False, True]),
        ("origin <> dest AND length(origin) = 3", [False, True, False]),
        ("load BETWEEN 10 AND 100", [False, True, False]),
        ("diverted OR arrived IS NOT NULL", [False, False, True]),
    ],
)
def test_a_rule_is_broken_only_where_it_is_false(rule: str, broken: list[bool]) -> None:
    frame = pd.DataFrame(
        {
            "departed": pd.to_datetime(["2013-01-01 10:00"] * 3),
            "arrived": pd.to_datetime(["2013-01-01 11:00", "2013-01-01 09:00", None]),
            "seats": pd.Series([100, 0, None], dtype="Int64"),
            "load": [50.0, 5.0, np.nan],
            "origin": ["EWR", "JFK", None],
            "dest": ["JFK", "JFK", "EWR"],
            "diverted": pd.Series([None, False, False], dtype="boolean"),
            "day": pd.to_datetime(["2013-01-01"] * 3),
        }
    )
    assert false_rows(read(rule, COLUMNS), frame).tolist() == broken  # type: ignore[arg-type]
