"""A release through three accounts, and the releases that must not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.release.release_world import BUCKET, INFERENCE, STAGES, ReleaseWorld

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> ReleaseWorld:
    world = ReleaseWorld(aws)
    world.prepare()
    return world


@pytest.fixture(scope="module")
def serving(world: ReleaseWorld) -> str:
    """A pipeline whose first release, a model of bias 0.25, serves in all three accounts."""
    world.create_pipeline("rel")
    status, errors = world.release("rel", world.register(0.25))
    assert status == "Succeeded", errors
    return "rel"


def serves(world: ReleaseWorld, endpoint: str) -> dict[str, float]:
    return {stage: round(world.ask(stage, endpoint, 5), 9) for stage in STAGES}


def test_a_release_serves_in_every_account_and_says_what(world: ReleaseWorld, serving: str) -> None:
    assert serves(world, serving) == dict.fromkeys(STAGES, 0.3)
    package = world.register(0.5)
    status, errors = world.release(serving, package)
    assert status == "Succeeded", errors
    assert serves(world, serving) == dict.fromkeys(STAGES, 0.55)
    tags = world.tags("prod", serving)
    assert tags["perennial:model-package"] == package.arn
    assert tags["perennial:model-sha256"] == package.sha256


def test_released_twice_nothing_changes(world: ReleaseWorld, serving: str) -> None:
    package = world.register(0.125)
    assert world.release(serving, package)[0] == "Succeeded"
    before = world.aws.client("sagemaker", "prod").describe_endpoint(EndpointName=serving)
    assert world.release(serving, package)[0] == "Succeeded"
    after = world.aws.client("sagemaker", "prod").describe_endpoint(EndpointName=serving)
    assert after["LastModifiedTime"] == before["LastModifiedTime"]


def test_a_package_that_is_not_approved_is_refused(world: ReleaseWorld, serving: str) -> None:
    before = serves(world, serving)
    status, errors = world.release(serving, world.register(0.75, approved=False))
    assert status == "Failed"
    assert list(errors) == ["Dev/Deploy"]
    assert "REFUSED: " in errors["Dev/Deploy"]
    assert "is PendingManualApproval, not Approved" in errors["Dev/Deploy"]
    assert serves(world, serving) == before


def test_another_digest_than_planned_is_refused(world: ReleaseWorld, serving: str) -> None:
    before = serves(world, serving)
    _, errors = world.release(serving, world.register(0.75), ModelSha256="f" * 64)
    assert "records model_sha256" in errors["Dev/Deploy"]
    assert serves(world, serving) == before


def test_an_artifact_changed_after_judgement_is_refused(world: ReleaseWorld, serving: str) -> None:
    before = serves(world, serving)
    package, other = world.register(0.75), world.register(0.8)
    world.s3.copy_object(
        Bucket=BUCKET, Key=package.key, CopySource={"Bucket": BUCKET, "Key": other.key}
    )
    _, errors = world.release(serving, package)
    assert "the artifact was changed after it was judged" in errors["Dev/Deploy"]
    assert serves(world, serving) == before


def test_a_model_that_does_not_load_leaves_the_old_one_serving(
    world: ReleaseWorld, serving: str
) -> None:
    before = serves(world, serving)
    broken = INFERENCE.replace(
        "def model_fn", "raise RuntimeError('no such model')\n\ndef model_fn"
    )
    status, errors = world.release(serving, world.register(0.9, inference=broken))
    assert status == "Failed"
    assert list(errors) == ["Dev/Deploy"]
    assert "did not come into service" in errors["Dev/Deploy"]
    assert serves(world, serving) == before


def test_a_model_that_answers_otherwise_is_taken_back(world: ReleaseWorld, serving: str) -> None:
    before = serves(world, serving)
    old = world.tags("dev", serving)["perennial:model-package"]
    status, errors = world.release(serving, world.register(0.6, probed=0.61))
    assert status == "Failed"
    assert list(errors) == ["Dev/Smoke"]
    assert "evaluation expected" in errors["Dev/Smoke"]
    assert "was put back to" in errors["Dev/Smoke"]
    assert serves(world, serving) == before
    assert world.tags("dev", serving)["perennial:model-package"] == old


def test_a_model_that_takes_nonsense_is_taken_back(world: ReleaseWorld, serving: str) -> None:
    before = serves(world, serving)
    lenient = INFERENCE.replace('if set(instance) != {"x"}', "if False").replace(
        'item["x"]', 'item.get("x", 0)'
    )
    _, errors = world.release(serving, world.register(0.65, inference=lenient))
    assert "accepted a request without any of the model's features" in errors["Dev/Smoke"]
    assert serves(world, serving) == before


def test_a_wrong_probe_does_not_take_back_what_served_before(
    world: ReleaseWorld, serving: str
) -> None:
    package = world.register(0.45)
    assert world.release(serving, package)[0] == "Succeeded"
    wrong = world.register(0.45, probed=0.1)
    _, errors = world.release(serving, package, ProbeUri=wrong.probe_uri)
    assert f"This release did not change {serving}" in errors["Dev/Smoke"]
    assert serves(world, serving) == dict.fromkeys(STAGES, 0.5)


def test_after_a_first_release_that_failed_the_next_one_serves(world: ReleaseWorld) -> None:
    world.create_pipeline("rel-first")
    broken = world.register(0.1, inference="raise RuntimeError('no such model')")
    assert world.release("rel-first", broken)[0] == "Failed"
    status, errors = world.release("rel-first", world.register(0.2))
    assert status == "Succeeded", errors
    assert serves(world, "rel-first") == dict.fromkeys(STAGES, 0.25)
