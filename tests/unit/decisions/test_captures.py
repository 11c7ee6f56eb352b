"""Captured lines: what is a prediction, and which of the fates each other line has."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.captures import Prediction, Refused, read_line


def line(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "captureData": {
            "endpointInput": {"observedContentType": "application/json", "mode": "INPUT",
                              "data": '{"instances": [{"b": 1, "a": null}]}', "encoding": "JSON"},
            "endpointOutput": {"observedContentType": "application/json", "mode": "OUTPUT",
                               "data": '{"predictions": [{"probability": 0.25, "label": 0}]}',
                               "encoding": "JSON"},
        },
        "eventMetadata": {"eventId": "e-1", "inferenceId": "f-1",
                          "customAttributes": ["event_time=2013-06-01T10:00:00"],
                          "inferenceTime": "2026-11-30T02:00:00Z"},
        "eventVersion": "0",
    }  # fmt: skip
    for path, value in changes.items():
        *parents, name = path.split("__")
        holder = document
        for parent in parents:
            holder = holder[parent]
        if value is None:
            del holder[name]
        else:
            holder[name] = value
    return document


def read(**changes: Any) -> Prediction | Refused:
    return read_line(json.dumps(line(**changes)))


def test_a_line_becomes_a_prediction() -> None:
    found = read()
    assert found == Prediction(
        inference_id="f-1",
        event_id="e-1",
        predicted_at=datetime.fromisoformat("2026-11-30T02:00:00"),
        event_time=datetime.fromisoformat("2013-06-01T10:00:00"),
        probability=0.25,
        features='{"a":null,"b":1}',
    )
    assert found.day == "2013-06-01"


def test_without_an_event_time_the_day_is_the_predictions() -> None:
    found = read(eventMetadata__customAttributes=None)
    assert isinstance(found, Prediction)
    assert (found.event_time, found.day) == (None, "2026-11-30")


def test_base64_is_read_as_well() -> None:
    data = base64.b64encode(b'{"instances": [{"b": 1, "a": null}]}').decode()
    found = read(
        captureData__endpointInput__data=data, captureData__endpointInput__encoding="BASE64"
    )
    assert found == read()


IN, OUT = "captureData__endpointInput__data", "captureData__endpointOutput__data"
METADATA = "eventMetadata__"
TWO = '{"instances": [{}, {}]}'
TWO_ANSWERS = '{"predictions": [{"probability": 0.1}, {"probability": 0.2}]}'
CERTAIN = '{"predictions": [{"probability": 1.5}]}'
WORD = '{"predictions": [{"probability": "0.5"}]}'


@pytest.mark.parametrize(
    ("fate", "why", "changes"),
    [
        ("unnamed", "no InferenceId", {METADATA + "inferenceId": None}),
        ("several", "other than one instance", {IN: TWO, OUT: TWO_ANSWERS}),
        ("malformed", "more or fewer", {IN: TWO}),
        ("malformed", "endpointOutput is no JSON object", {"captureData__endpointOutput": None}),
        ("malformed", "no data as JSON", {"captureData__endpointInput__encoding": "CSV"}),
        ("malformed", "no BASE64", {"captureData__endpointInput__encoding": "BASE64"}),
        ("malformed", "endpointInput is not JSON", {IN: '{"instances": [{"a": NaN}]}'}),
        ("malformed", "outside of 0 to 1", {OUT: CERTAIN}),
        ("malformed", "no number", {OUT: WORD}),
        ("malformed", "no eventId", {METADATA + "eventId": None}),
        ("malformed", "inferenceTime is no ISO", {METADATA + "inferenceTime": "soon"}),
        ("malformed", "event_time is no ISO", {METADATA + "customAttributes": ["event_time=x"]}),
    ],
)
def test_every_other_line_has_a_fate_and_a_reason(
    fate: str, why: str, changes: dict[str, Any]
) -> None:
    found = read(**changes)
    assert isinstance(found, Refused)
    assert found.fate == fate
    assert why in found.why


@given(st.text() | st.sampled_from(["{", "[]", "null", "{}", '{"eventMetadata": {}}', "[" * 5000]))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(read_line(text), Refused)


@given(st.integers(0, 400), st.characters(exclude_categories=["Cs"]))
def test_a_damaged_line_is_refused_or_still_a_prediction(at: int, other: str) -> None:
    text = json.dumps(line())
    found = read_line(text[:at] + other + text[at + 1 :])
    assert isinstance(found, Prediction | Refused)
