"""A second model from a folder of YAML and SQL, without a line of Python; a person approves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assets.approval import approve, reject
from resources.errors import Terminal
from tests.functional.loop.loop_world import ROOT
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from tests.functional.loop.loop_world import Loop, Outcome


def test_it_trains_is_registered_and_waits_for_a_person(loop: Loop, again: Outcome) -> None:
    use_case = load_use_case(ROOT / "tests/fixtures/usecases/flight_cancellation")
    loop.bootstrap(use_case)
    outcome = loop.run(use_case)
    assert outcome.succeeded, outcome.told
    (package,) = loop.packages(use_case)
    assert package.metadata["gates"] == "passed"
    assert package.approval == "PendingManualApproval"
    verdict = outcome.metadata("flight_cancellation", "approval")["verdict"]
    assert verdict == "version 1 awaits `perennial approve flight_cancellation`"
    assert loop.champion(use_case) is None
    told = loop.sensor(use_case, "retraining_sensor").skip_reason.skip_message
    assert told == "flight_cancellation: Version 1 awaits approval or release."

    approve(loop.platform, use_case, 1, "ada")
    champion = loop.champion(use_case)
    assert champion is not None
    assert champion.metadata["approved_by"] == "ada"
    (request,) = loop.sensor(use_case, "approval_sensor").run_requests
    assert request.job_name == "release_flight_cancellation"
    assert request.run_key == f"{request.tags['perennial/plan']}/0"
    (repeated,) = loop.sensor(use_case, "approval_sensor").run_requests
    assert repeated.run_key == request.run_key
    with pytest.raises(Terminal, match="has no version 7; registered: 1"):
        approve(loop.platform, use_case, 7, "ada")
    reject(loop.platform, use_case, 1, "ada", "the weather table was wrong")
    assert loop.champion(use_case) is None
    told = loop.sensor(use_case, "approval_sensor").skip_reason.skip_message
    assert told == "flight_cancellation: None of 1 packages is approved with passed gates."
