"""The digest of rows: blind to order and files, and to nothing else."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.row_digest import RowDigest

SCHEMA = pa.schema(
    [("id", pa.string()), ("n", pa.int64()), ("x", pa.float64()), ("t", pa.timestamp("us"))]
)
ROW = st.tuples(
    st.one_of(st.none(), st.text(max_size=4)),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.none(), st.floats(allow_nan=False)),
    st.one_of(st.none(), st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))),  # noqa: DTZ001
)
ROWS = st.lists(ROW, max_size=8)


def digest(*parts: list[tuple[object, ...]], schema: pa.Schema = SCHEMA) -> str:
    made = RowDigest([(field.name, str(field.type)) for field in schema])
    for part in parts:
        columns = [list(column) for column in zip(*part, strict=True)] or [[] for _ in schema]
        arrays = [
            pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)
        ]
        made.add([pa.record_batch(arrays, schema=schema)])
    assert made.rows == sum(map(len, parts))
    return made.hexdigest()


@settings(deadline=None)
@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 8))
def test_neither_order_nor_files_matter(rows, random, cut) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert digest(rows) == digest(shuffled[:cut], shuffled[cut:])


@settings(deadline=None)
@given(ROWS, ROWS)
def test_other_rows_have_another_digest(left, right) -> None:
    # repr tells -0.0 from 0.0, as the digest does.
    same = sorted(map(repr, left)) == sorted(map(repr, right))
    assert (digest(left) == digest(right)) == same


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([("a", 1, 1.0, None)], [("a", 1, 1.0, None)] * 2),
        ([(None, None, None, None)], [("", 0, 0.0, datetime(1970, 1, 1))]),  # noqa: DTZ001
        ([("ab", 0, 0.0, None)], [("ba", 0, 0.0, None)]),
        ([("a", 0, None, None)], [("a", None, 0.0, None)]),
    ],
)
def test_rows_that_a_weaker_digest_would_confuse(left, right) -> None:
    assert digest(left) != digest(right)


def test_every_nan_is_one() -> None:
    assert digest([("a", 1, float("nan"), None)]) == digest([("a", 1, -float("nan"), None)])


def test_the_columns_are_part_of_it() -> None:
    renamed = pa.schema([field.with_name(field.name + "_") for field in SCHEMA])
    row = [("a", 1, 1.0, None)]
    assert digest(row) != digest(row, schema=renamed)
