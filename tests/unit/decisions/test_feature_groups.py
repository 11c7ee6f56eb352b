"""A group converges to its declaration by steps that AWS can take, or the refusal says why."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from decisions.feature_groups import (
    AddFeatures,
    Create,
    GroupFacts,
    GroupPlan,
    NeedsNewVersion,
    NoChange,
    UpdateTtl,
    plan,
)

BASE = {"id": "String", "at": "String", "x": "Fractional"}
KINDS = st.sampled_from(["Integral", "Fractional", "String"])


def group(**changes: Any) -> GroupFacts:
    return GroupFacts(**{"record_id": "id", "event_time": "at", "features": BASE, **changes})


def test_a_missing_group_is_created_and_an_equal_one_left_alone():
    assert plan(group(), None) == Create()
    assert plan(group(), group()) == NoChange()


def test_a_feature_more_is_added():
    more = {**BASE, "y": "Integral", "z": "String"}
    assert plan(group(features=more), group()) == AddFeatures(
        features={"y": "Integral", "z": "String"}
    )


def test_time_to_live_is_set_changed_and_taken_away():
    assert plan(group(ttl_seconds=60), group()) == UpdateTtl(ttl_seconds=60)
    assert plan(group(ttl_seconds=60), group(ttl_seconds=90)) == UpdateTtl(ttl_seconds=60)
    assert plan(group(), group(ttl_seconds=90)) == UpdateTtl(ttl_seconds=None)


def test_what_cannot_change_needs_a_new_version_and_each_thing_is_named():
    found = group(features={**BASE, "x": "String", "gone": "Integral"})
    answer = plan(group(table_format="Iceberg", features=BASE), found)
    assert answer == NeedsNewVersion(
        why=(
            "offline table format is 'Glue', wanted 'Iceberg'",
            "type of x is 'String', wanted 'Fractional'",
            "feature gone is no longer declared",
        )
    )
    for change in (
        {"record_id": "x"},
        {"event_time": "id"},
        {"online": False},
        {"table_format": None},
    ):
        assert isinstance(plan(group(**change), group()), NeedsNewVersion)


def groups() -> st.SearchStrategy[GroupFacts]:
    return st.builds(
        GroupFacts,
        record_id=st.sampled_from(["id", "other"]),
        event_time=st.just("at"),
        features=st.dictionaries(st.sampled_from("abcd"), KINDS),
        online=st.booleans(),
        table_format=st.sampled_from(["Glue", "Iceberg", None]),
        ttl_seconds=st.sampled_from([None, 60, 3600]),
    )


def acted(declared: GroupFacts, found: GroupFacts | None, step: GroupPlan) -> GroupFacts:
    """What AWS would make of a step."""
    if isinstance(step, Create) or found is None:
        return declared
    if isinstance(step, AddFeatures):
        return found.model_copy(update={"features": {**found.features, **step.features}})
    assert isinstance(step, UpdateTtl)
    return found.model_copy(update={"ttl_seconds": step.ttl_seconds})


@given(groups(), st.none() | groups())
def test_steps_end_in_what_is_declared_or_in_a_refusal_that_loses_nothing(declared, found):
    before = found
    for _ in range(4):
        step = plan(declared, found)
        if isinstance(step, (NoChange, NeedsNewVersion)):
            break
        found = acted(declared, found, step)
    if isinstance(step, NeedsNewVersion):
        assert found == before, "a group that needs a new version must not be half changed"
        assert step.why
    else:
        assert step == NoChange()
        assert found is not None
        assert {**found.model_dump(), "features": set(found.features.items())} == {
            **declared.model_dump(),
            "features": set(declared.features.items()),
        }
    if before is not None:
        assert set(before.features.items()) <= set(found.features.items())
