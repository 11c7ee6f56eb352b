"""From raw tables to an approved version, and what a second run over the same data does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.loop.loop_world import Loop, Outcome
    from usecases.declaration import UseCase


def test_the_first_run_registers_judges_and_approves(
    loop: Loop, use_case: UseCase, first: Outcome
) -> None:
    assert first.succeeded, first.told
    champion = loop.champion(use_case)
    assert champion is not None
    assert champion.arn.startswith("arn:aws:sagemaker:us-east-1:555555555555:model-package/")
    assert champion.approval == "Approved"
    assert champion.metadata["gates"] == "passed"
    assert champion.metadata["approved_by"] == "policy"
    assert champion.metadata["dagster_run_id"] == first.run.run_id
    assert champion.metadata["trained_through"] == first.run.tags["perennial/tried_through"]
    shown = first.metadata("flight_delay", "training", "evaluation")
    assert 0.5 < shown["auc"] < 1.0
    assert "data:image/png;base64," in shown["roc"]
    rows = first.metadata("flight_delay", "training_set")["dagster/row_count"]
    assert rows == first.metadata("flight_delay", "training", "data_report")["dagster/row_count"]


def test_a_second_run_over_the_same_data_attaches_to_what_was_done(
    loop: Loop, use_case: UseCase, first: Outcome, again: Outcome
) -> None:
    assert again.succeeded, again.told
    made_by = [package.metadata["dagster_run_id"] for package in loop.packages(use_case)]
    assert first.run.run_id in made_by
    assert again.run.run_id not in made_by
    model = ("flight_delay", "training", "model")
    assert again.metadata(*model)["execution_arn"] == first.metadata(*model)["execution_arn"]
    for group in use_case.feature_groups:
        shown = again.metadata("flight_delay", "features", group.name)
        assert shown["written"] == 0


def test_laying_the_foundations_again_changes_nothing(loop: Loop, use_case: UseCase) -> None:
    assert loop.bootstrap(use_case).created == []
