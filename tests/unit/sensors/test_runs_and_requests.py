"""What sensors read of Dagster's runs, and the run keys they ask under. No AWS is needed."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from decisions.promotion import Plan
from orchestration.environments import ROOT
from resources.model_registry import PackageFacts
from sensors.approvals import MOST_STARTS, request_for
from sensors.governing import Situation, changed
from sensors.runs import training_runs
from usecases import run_tags as tags
from usecases.declaration import UseCase, load_use_case

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2013, 3, 1, 12)  # noqa: DTZ001 - data time is naive UTC
PLAN = Plan(
    package_arn="arn:aws:sagemaker:us-east-1:555555555555:model-package/flight-delay/2",
    version=2,
    model_sha256="ab" * 32,
    stages=("dev", "staging", "prod"),
    after={"dev": None, "staging": None, "prod": None},
    number=1,
    attempt=1,
    reason="Version 2 is approved and does not serve in every stage yet.",
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    return load_use_case(ROOT / "usecases" / "flight_delay")


def add(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **labels: str) -> str:
    names = {"model": tags.RETRAIN, "plan": tags.PLAN, "outcome": tags.OUTCOME}
    names |= {"tried": tags.TRIED_THROUGH, "attempt": tags.ATTEMPT}
    run = dg.DagsterRun(
        "some_job",
        run_id=str(uuid.uuid4()),
        status=status,
        tags={names[key]: value for key, value in labels.items()},
    )
    instance.add_run(run)
    return run.run_id


@pytest.mark.parametrize(
    ("status", "outcome", "expected"),
    [
        (dg.DagsterRunStatus.STARTING, None, "running"),
        (dg.DagsterRunStatus.STARTED, None, "running"),
        (dg.DagsterRunStatus.CANCELING, None, "running"),
        (dg.DagsterRunStatus.SUCCESS, None, "succeeded"),
        (dg.DagsterRunStatus.FAILURE, None, "failed"),
        (dg.DagsterRunStatus.CANCELED, None, "failed"),
        (dg.DagsterRunStatus.FAILURE, "refused", "refused"),
    ],
)
def test_a_run_is_what_became_of_it(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    outcome: str | None,
    expected: str,
) -> None:
    labels = {"outcome": outcome} if outcome else {}
    add(instance, status, model="one", attempt="3", tried=NOON.isoformat(), **labels)
    (fact,) = training_runs(instance, ["one"])["one"]
    assert fact.status == expected
    assert (fact.attempt, fact.tried_through, fact.episode) == (3, NOON, "")


def test_each_use_case_sees_its_own_runs(instance: dg.DagsterInstance) -> None:
    mine = add(instance, dg.DagsterRunStatus.SUCCESS, model="one")
    add(instance, dg.DagsterRunStatus.SUCCESS, model="two")
    add(instance, dg.DagsterRunStatus.SUCCESS)
    found = training_runs(instance, ["one", "three"])
    assert [run.run_id for run in found["one"]] == [mine]
    assert found["three"] == ()


def test_one_plan_has_one_key_until_a_run_fails_to_start_it(
    instance: dg.DagsterInstance, use_case: UseCase
) -> None:
    keys = []
    for _ in range(MOST_STARTS):
        request = request_for(instance, use_case, PLAN)
        assert isinstance(request, dg.RunRequest)
        assert request == request_for(instance, use_case, PLAN)
        keys.append(request.run_key)
        add(instance, dg.DagsterRunStatus.SUCCESS, plan="another")
        last = add(instance, dg.DagsterRunStatus.FAILURE, plan=PLAN.digest)
    assert keys == [f"{PLAN.digest}/{number}" for number in range(MOST_STARTS)]
    told = request_for(instance, use_case, PLAN)
    assert told == (
        f"{MOST_STARTS} runs failed to start the release of version 2; the last was {last}"
    )


def test_what_was_changed_since_the_newest_version_is_named(use_case: UseCase) -> None:
    def with_metadata(**metadata: str) -> Situation:
        newest = PackageFacts("arn", 4, "Approved", NOON, "", metadata)
        return Situation({}, newest, None, (newest,))

    assert changed(use_case, Situation({}, None, None)) is None
    assert changed(use_case, with_metadata()) is None
    assert changed(use_case, with_metadata(code_sha256="0", config_sha256="0")) == (
        "code and config differ from those of version 4"
    )
