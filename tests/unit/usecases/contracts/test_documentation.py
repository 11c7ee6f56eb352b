"""The worked example of docs/data/contracts.md is one that loads, and is told as it says."""

from __future__ import annotations

from pathlib import Path

import yaml

from usecases import contract_checks
from usecases.contracts.contract import contract_of
from usecases.contracts.frames import as_frame, broken_rows
from usecases.fields import Dataset

PAGE = Path(__file__).parents[4] / "docs" / "data" / "contracts.md"


def test_the_worked_example_loads_and_finds_what_it_says() -> None:
    text = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    (document,) = yaml.safe_load(text)
    document["fresh_within"] = "36h"
    dataset = Dataset.model_validate({**document, "description": "As documented."})
    assert list(contract_checks.findings(dataset, "event_time")) == []
    contract = contract_of(dataset, "event_time")
    row = dict.fromkeys(contract.types) | {
        "flight_id": "20130102-UA1", "event_time": "2013-01-02", "origin": "EWR", "dest": "EWR",
        "distance": 1, "tailnum": "N1", "departed_at": "2013-01-02", "arrived_at": "2013-01-04",
    }  # fmt: skip
    found = broken_rows(contract, as_frame(contract, [row]))
    assert {name: rows for name, rows in found.items() if rows} == {
        "goes_somewhere": 1,
        "lands_within_a_day": 1,
    }
