"""What should serve follows from the registry alone; a release is never started twice."""

from __future__ import annotations

from typing import Any

import pytest

from decisions.promotion import (
    FailedRelease,
    Nothing,
    PackageFact,
    Plan,
    PromotionFacts,
    PromotionPolicy,
    decide,
)

POLICY = PromotionPolicy()
STAGES = ("dev", "staging", "prod")


def package(version: int, approval: str = "Approved", gates: str = "passed") -> PackageFact:
    return PackageFact(
        arn=f"arn:{version}",
        version=version,
        approval=approval,
        model_sha256=f"{version}" * 64,
        gates=gates,
    )


def facts(*packages: PackageFact, serving: str | None = None, **changes: Any) -> PromotionFacts:
    stages = dict.fromkeys(STAGES, serving)
    return PromotionFacts(**{"packages": packages, "serving": stages, **changes})


def planned(given: PromotionFacts) -> Plan:
    plan = decide(given, POLICY)
    assert isinstance(plan, Plan), plan
    return plan


def why(given: PromotionFacts) -> str:
    nothing = decide(given, POLICY)
    assert isinstance(nothing, Nothing), nothing
    return nothing.why


def test_the_newest_package_through_both_locks_is_released() -> None:
    plan = planned(
        facts(
            package(1),
            package(2),
            package(3, "PendingManualApproval"),
            package(4, gates="failed: performance"),
            package(5, "Rejected"),
            serving="arn:1",
        )
    )
    assert (plan.version, plan.stages) == (2, STAGES)
    assert plan.reason == "Version 2 is approved and replaces version 1."


def test_nothing_is_released_twice() -> None:
    assert "serves in dev, staging, prod" in why(facts(package(1), serving="arn:1"))
    plan = planned(facts(package(1)))
    assert "in flight" in why(facts(package(1), in_flight=plan.digest))
    assert planned(facts(package(1))).digest == plan.digest


def test_nothing_is_released_unless_something_is_approved() -> None:
    assert "None of 0" in why(facts())
    assert "None of 1" in why(facts(package(1, gates="")))


def test_rejecting_what_serves_brings_the_one_before_back() -> None:
    first = planned(facts(package(1)))
    back = planned(facts(package(1), package(2, "Rejected"), serving="arn:2", finished_releases=2))
    assert back.version == 1
    assert back.reason == "Version 2 is no longer approved: back to version 1."
    assert back.digest != first.digest


def test_going_forward_again_is_another_release() -> None:
    first = planned(facts(package(1), package(2), serving="arn:1", finished_releases=1))
    again = planned(facts(package(1), package(2), serving="arn:1", finished_releases=3))
    assert first.digest != again.digest


def test_a_stage_that_lags_is_a_reason_to_release() -> None:
    serving = {"dev": "arn:2", "staging": "arn:2", "prod": "arn:1"}
    assert planned(facts(package(1), package(2))).version == 2
    given = PromotionFacts(packages=(package(1), package(2)), serving=serving)
    assert planned(given).after == serving


@pytest.mark.parametrize("asked", [0, 1])
def test_a_failed_release_waits_until_it_is_asked_for(asked: int) -> None:
    given = facts(
        package(1),
        last_failed=FailedRelease(package_arn="arn:1", attempts=1),
        requested=bool(asked),
    )
    if asked:
        assert planned(given).attempt == 2
    else:
        assert "failed 1 time(s)" in why(given)


def test_a_failure_of_another_package_does_not_hold_this_one() -> None:
    failed = FailedRelease(package_arn="arn:1", attempts=3)
    assert planned(facts(package(1), package(2), last_failed=failed)).attempt == 1


def test_the_reason_does_not_make_another_release() -> None:
    plan = planned(facts(package(1)))
    assert plan.model_copy(update={"reason": "other words"}).digest == plan.digest
