"""The embedded AWS is killed while clients call it; what it acknowledged is there, and once.

A few kills in a few seconds. `python -m benchmarks kills` does it a hundred times, with the demo's
loop as the client.
"""

from __future__ import annotations

import pytest

from benchmarks.kills.calls import Calls
from benchmarks.kills.moments import Plan
from benchmarks.kills.run import run, section

pytestmark = pytest.mark.e2e


def test_nothing_acknowledged_is_lost_or_doubled() -> None:
    result = run(Plan(kills=6, seed=7, gap=(0.5, 2.5)), Calls, most_seconds=180)
    told = section(result)
    assert result.kills.total() == 6, told
    assert result.checked > 50, told
    assert [str(loss) for loss in result.losses if not loss.key.by_moto] == [], told
    assert result.duplicates == [], told
    assert result.unfinished == [], told
