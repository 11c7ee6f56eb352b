"""Alarms: AWS's own tables of missing data, and what must hold for any data.

The tables are those of "Configuring how CloudWatch alarms treat missing data" in the CloudWatch
user guide (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html)
and of its earlier edition: N is 3, the evaluation range 5, ``0`` within the threshold, ``X``
breaching, ``-`` missing; CURRENT is the state the alarm had.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localaws.services.cloudwatch.verdict import COMPARISONS, Datapoint, Facts, judge, reason_data

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
NO_DATA = "INSUFFICIENT_DATA"
CURRENT = "the state it had"
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - -": (NO_DATA, CURRENT, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - - - X": (NO_DATA, CURRENT, "ALARM", "OK"),
    "- - X - -": ("ALARM", CURRENT, "ALARM", "OK"),
    "X - - - -": ("ALARM", CURRENT, "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - - X": (NO_DATA, CURRENT, "ALARM", "OK"),
    "- - - X -": ("ALARM", CURRENT, "ALARM", "OK"),
}
ROWS = [
    (needed, row, treatment, wanted)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, states in table.items()
    for treatment, wanted in zip(TREATMENTS, states, strict=True)
]
VALUES = {"0": 1.0, "X": 9.0}


def facts(row: str, needed: int, missing: str = "missing", state: str = "OK", n: int = 3) -> Facts:
    recent = tuple(
        Datapoint(60.0 * number, VALUES[mark], 1.0) if mark in VALUES else None
        for number, mark in enumerate(row.split())
    )
    return Facts(state, recent, n, needed, "GreaterThanThreshold", 5.0, missing)


@pytest.mark.parametrize(("needed", "row", "treatment", "wanted"), ROWS)
@pytest.mark.parametrize("state", ["OK", "ALARM", NO_DATA])
def test_awss_tables(needed, row, treatment, wanted, state):
    verdict = judge(facts(row, needed, treatment, state))
    assert verdict.state == (state if wanted == CURRENT else wanted)


marks = st.lists(st.sampled_from("0X-"), min_size=5, max_size=5).map(" ".join)


@settings(deadline=None, max_examples=300)
@given(row=marks, needed=st.integers(1, 3), state=st.sampled_from(["OK", "ALARM", NO_DATA]))
def test_enough_data_makes_the_treatment_of_missing_data_irrelevant(row, needed, state):
    states = {judge(facts(row, needed, each, state)).state for each in TREATMENTS}
    real = [mark for mark in row.split() if mark != "-"]
    if len(real) >= 3:
        assert states == {"ALARM" if real[-3:].count("X") >= needed else "OK"}
    if "X" not in real and real and len(real) < 3:
        assert judge(facts(row, needed, "missing", state)).state == "OK"


@settings(deadline=None, max_examples=300)
@given(row=marks, needed=st.integers(1, 3), state=st.sampled_from(["OK", "ALARM", NO_DATA]))
def test_only_missing_data_left_missing_is_insufficient(row, needed, state):
    verdicts = {each: judge(facts(row, needed, each, state)) for each in TREATMENTS}
    assert verdicts["breaching"].state in ("OK", "ALARM")
    assert verdicts["notBreaching"].state in ("OK", "ALARM")
    if verdicts["notBreaching"].state == "ALARM":
        assert {verdict.state for verdict in verdicts.values()} == {"ALARM"}
    if verdicts["breaching"].state == "OK":
        assert all(v.state != "ALARM" for t, v in verdicts.items() if t != "ignore")


@settings(deadline=None, max_examples=200)
@given(
    values=st.lists(st.floats(-10, 10, allow_nan=False), min_size=1, max_size=6),
    threshold=st.floats(-10, 10, allow_nan=False),
    comparison=st.sampled_from(COMPARISONS),
)
def test_a_comparison_and_its_opposite_never_agree_on_one_datapoint(values, threshold, comparison):
    opposite = {
        "GreaterThanThreshold": "LessThanOrEqualToThreshold",
        "LessThanOrEqualToThreshold": "GreaterThanThreshold",
        "LessThanThreshold": "GreaterThanOrEqualToThreshold",
        "GreaterThanOrEqualToThreshold": "LessThanThreshold",
    }[comparison]
    recent = tuple(Datapoint(60.0 * n, value) for n, value in enumerate(values))
    states = [
        judge(Facts("OK", recent, 1, 1, each, threshold)).state for each in (comparison, opposite)
    ]
    assert sorted(states) == ["ALARM", "OK"]


def test_the_reason_of_an_alarm_is_worded_as_cloudwatch_words_it():
    verdict = judge(facts("0 0 X 0 X", 2))
    assert verdict.reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/01/70 00:04:00), "
        "9.0 (01/01/70 00:02:00)] were greater than the threshold (5.0) (minimum 2 datapoints for "
        "OK -> ALARM transition)."
    )


def test_the_reason_of_an_ok_names_the_datapoints_within_the_threshold():
    verdict = judge(facts("0", 1, n=1))
    assert verdict.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (01/01/70 00:00:00)] was not "
        "greater than the threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("missing", "Insufficient Data: 3 datapoints were unknown."),
        (
            "breaching",
            (
                "Threshold Crossed: no datapoints were received for 3 periods and 3 missing "
                "datapoints were treated as [Breaching]."
            ),
        ),
        (
            "notBreaching",
            (
                "Threshold Crossed: no datapoints were received for 3 periods and 3 missing "
                "datapoints were treated as [NonBreaching]."
            ),
        ),
    ],
)
def test_the_reason_without_data_says_how_it_was_treated(missing, reason):
    assert judge(facts("- - - - -", 3, missing)).reason == reason


def test_reason_data_lists_what_was_judged_newest_first():
    judged = facts("- - X 0 X", 2)
    data = reason_data(judged, judge(judged), {"period": 60, "statistic": "Maximum"}, 300.0)
    assert data["version"] == "1.0"
    assert data["queryDate"] == "1970-01-01T00:05:00.000+0000"
    assert data["startDate"] == "1970-01-01T00:02:00.000+0000"
    assert data["recentDatapoints"] == [9.0, 1.0, 9.0]
    assert [each["value"] for each in data["evaluatedDatapoints"]] == [9.0, 1.0, 9.0]
    assert data["evaluatedDatapoints"][0]["timestamp"] == "1970-01-01T00:04:00.000+0000"
