"""The stores are in step, or it is said which records are not, and how."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.skew import Pair, judge

T1, T2 = "2013-01-01T10:00:00Z", "2013-01-01T11:00:00Z"


def pair(record_id: str = "JFK", offline: dict | None = None, online: dict | None = None) -> Pair:
    return Pair(record_id=record_id, offline=offline, online=online)


def record(at: str = T1, **values) -> dict:
    return {"id": "JFK", "at": at, **values}


@pytest.mark.parametrize(
    ("offline", "online", "kind"),
    [
        (record(x=1.5, n=3, c="a"), record(x="1.5", n="3", c="a"), "in step"),
        (record(x=0.1 + 0.2), record(x="0.3"), "in step"),
        (record(x=1e22), record(x="1e+22"), "in step"),
        (record(x=None), record(), "in step"),
        (record(at="2013-01-01T10:00:00.000Z"), record(), "in step"),
        (None, None, "in step"),
        (record(T1), record(T2), "ahead"),
        (record(T2), record(T1), "stale"),
        (record(), None, "missing"),
        (None, record(), "extra"),
        (record(x=1.5), record(x="1.6"), "different"),
        (record(n=3), record(n="4"), "different"),
        (record(n=3), record(n="3.0"), "different"),
        (record(c="a"), record(c="A"), "different"),
        (record(x=1.5), record(), "different"),
        (record(), record(x="1.5"), "different"),
        (record(x=1.5), record(x="none"), "different"),
    ],
)
def test_each_kind_is_told(offline, online, kind):
    verdict = judge([pair(offline=offline, online=online)], event_time="at")
    assert verdict.counts == {kind: 1}
    harmless = kind in ("in step", "ahead")
    assert verdict.verdict == ("in step" if harmless else "skewed")
    assert bool(verdict.examples) is not harmless
    if kind == "different":
        assert "online" in verdict.why


def test_nothing_to_compare_is_not_in_step():
    assert judge([], event_time="at").verdict == "cannot tell"


@given(st.lists(st.sampled_from(["in step", "missing", "stale", "different", "extra", "ahead"])))
def test_counts_add_up_and_one_harmful_record_is_enough(kinds):
    made = {
        "in step": (record(x=1), record(x="1")),
        "missing": (record(), None),
        "stale": (record(T2), record(T1)),
        "different": (record(x=1), record(x="2")),
        "extra": (None, record()),
        "ahead": (record(T1), record(T2)),
    }
    verdict = judge([pair(str(n), *made[kind]) for n, kind in enumerate(kinds)], event_time="at")
    assert sum(verdict.counts.values()) == verdict.compared == len(kinds)
    assert {kind: kinds.count(kind) for kind in set(kinds)} == verdict.counts
    assert (verdict.verdict == "skewed") == bool(set(kinds) - {"in step", "ahead"})
    assert all(len(told) <= 5 for told in verdict.examples.values())
