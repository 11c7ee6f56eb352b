"""The picture of a drift report is drawn for every report, however poor."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest

from assets.plots import drift as draw
from decisions import drift
from decisions.baseline import Baseline, NumericBaseline, NumericCounts, Profile
from decisions.reports import DriftReport, FeatureDrift

START = datetime.fromisoformat("2013-03-01")


def judged(columns: int, windows: int) -> DriftReport:
    edges = tuple(float(edge) for edge in range(9))
    frozen = NumericBaseline(edges=edges, counts=(100,) * 10, missing=0, rows=1000)
    names = [f"weather.column_{number}" for number in range(columns)]
    baseline = Baseline(
        features=dict.fromkeys(names, frozen), window_from=START, window_through=START
    )
    profiles = [
        Profile(
            features={
                name: NumericCounts(
                    counts=(100 + 9 * day * place, *([60] * 9)),
                    missing=0,
                    rows=640 + 9 * day * place,
                )
                for place, name in enumerate(names)
            },
            window_from=START,
            window_through=START + timedelta(days=day),
        )
        for day in range(windows)
    ]
    policy = drift.DriftPolicy(ignore=("weather.column_0",))
    return drift.judge(baseline, profiles, policy)


OLD = DriftReport(
    features=(
        FeatureDrift(
            name="x", psi=0.3, rows_baseline=9, rows_current=9, missing_baseline=0,
            missing_current=0, status="drifted", why="PSI.",
        ),
    ),
    verdict="drifted",
    why="1 of 1.",
)  # fmt: skip


@pytest.mark.parametrize(
    "report",
    [judged(11, 7), judged(40, 1), judged(1, 2), drift.cannot_tell("The file is gone."), OLD],
    ids=["a usual one", "many columns", "one column", "nothing", "an earlier version"],
)
def test_every_report_has_a_picture(report: DriftReport, tmp_path) -> None:
    text = draw(report, 0.25).value
    head = "![drift](data:image/png;base64,"
    assert text.startswith(head)
    png = base64.b64decode(text[len(head) : -1])
    assert png.startswith(b"\x89PNG")
    (tmp_path / "drift.png").write_bytes(png)
    # It travels as metadata of an event.
    assert len(text) < 200_000
