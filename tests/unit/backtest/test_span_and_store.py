"""Weeks and ticks of a span; computed things that are kept, and mended when damaged."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from orchestration.backtest.span import Span
from orchestration.backtest.store import Store
from resources.errors import Terminal
from tests.unit.backtest.toy import FLIGHTS, SPAN, day

if TYPE_CHECKING:
    from pathlib import Path


def test_a_span_of_whole_weeks() -> None:
    assert [since for since, _ in SPAN.weeks()][:2] == [day(3, 4), day(3, 11)]
    assert len(list(SPAN.weeks())) == 8
    ticks = list(SPAN.ticks())
    assert (ticks[0], ticks[-1]) == (day(3, 5), day(4, 28))


def test_an_incomplete_last_week_is_left_out() -> None:
    assert len(list(Span.of(date(2013, 3, 4), date(2013, 3, 15)).weeks())) == 1


def test_less_than_a_week_is_refused() -> None:
    with pytest.raises(Terminal, match="at least one whole week"):
        Span.of(date(2013, 3, 4), date(2013, 3, 8))


def test_outcomes_of_the_last_day_must_have_settled() -> None:
    # A day's delay of the label, two days in which a day settles.
    assert SPAN.landed_by(FLIGHTS) == SPAN.end + timedelta(days=3)


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    made = []

    def make() -> pa.Table:
        made.append(1)
        return pa.table({"x": [1, 2]})

    assert Store(tmp_path).table("rows/a", make) == Store(tmp_path).table("rows/a", make)
    assert Store(tmp_path).document("d/a", lambda: {"n": 1}) == {"n": 1}
    assert Store(tmp_path).document("d/a", lambda: pytest.fail("made again")) == {"n": 1}
    assert made == [1]


@pytest.mark.parametrize("damage", [b"", b"not parquet", b'{"cut": '])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(damage)
    (tmp_path / "a.json").write_bytes(damage)
    store = Store(tmp_path)
    assert store.table("a", lambda: pa.table({"x": [1]})).num_rows == 1
    assert store.document("a", lambda: [1]) == [1]
    assert store.document("a", lambda: pytest.fail("made again")) == [1]
