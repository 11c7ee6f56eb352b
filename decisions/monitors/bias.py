"""Is a group treated otherwise than when the champion was judged? Post-training bias metrics.

For each value d of a facet against all other rows a, by SageMaker Clarify's definitions
("Measure Post-training Data and Model Bias"):

- DPPL, difference in positive proportions in predicted labels: q'_a - q'_d;
- DI, disparate impact: q'_d / q'_a;
- AD, accuracy difference: ACC_a - ACC_d, where labels are there.

What fires is not a difference as such (the gates judge that) but its change since the champion's
test rows, if it is large and its interval excludes zero: Newcombe's for each difference, put
together by the same square-and-add for their difference (decisions/monitors/intervals), at a
confidence divided over all comparisons.
"""

from collections.abc import Iterable

from pydantic import Field

from decisions.model import Fact, Finite
from decisions.monitors.intervals import Interval, difference, wilson, z_of
from decisions.monitors.measured import FacetCounts, Measurements
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell


class BiasPolicy(MonitorPolicy):
    """When a group's treatment has changed.

    Attributes:
        minimum_rows: Of a facet's value, on either side; values with fewer are not judged.
        maximum_change: Change of DPPL or AD from which it fires.
    """

    minimum_rows: int = Field(default=200, ge=1)
    maximum_change: float = Field(default=0.1, gt=0.0, le=1.0)


class GroupBias(Fact):
    """One facet's value against all other rows, now and on the champion's test rows.

    Attributes:
        dppl: With its interval; positive where the group is called positive less often.
        disparate_impact: None where the others are never called positive.
        accuracy_difference: None where labels are missing.
        dppl_change: Now less before.
        accuracy_change: Now less before; None where labels are missing on a side.
    """

    facet: str
    value: str
    rows: int
    dppl: Interval
    dppl_baseline: Interval
    disparate_impact: Finite = None
    accuracy_difference: Interval | None = None
    dppl_change: Interval
    accuracy_change: Interval | None = None

    @property
    def changes(self) -> tuple[tuple[str, Interval], ...]:
        """Give the changes that are judged, by the name of their measure."""
        found = [("DPPL", self.dppl_change), ("AD", self.accuracy_change)]
        return tuple((name, each) for name, each in found if each is not None)


def compare(window: Measurements, policy: BiasPolicy) -> tuple[GroupBias, ...]:
    """Measure every facet's value with enough rows on both sides."""
    before = {(each.facet, each.value): each for each in window.facets_baseline}
    enough = [
        (before[each.facet, each.value], each)
        for each in window.facets
        if (each.facet, each.value) in before
        and min(each.rows, before[each.facet, each.value].rows) >= policy.minimum_rows
    ]
    z = z_of(policy.confidence, max(1, 2 * len(enough)))
    made = (_group(was, now, window.facets_baseline, window.facets, z) for was, now in enough)
    return tuple(each for each in made if each is not None)


def judge(window: Measurements, policy: BiasPolicy) -> Answer:
    """Say whether any group's treatment has changed."""
    if not window.facets or not window.facets_baseline:
        return cannot_tell("No facet was measured on both sides.", rows=window.rows)
    groups = compare(window, policy)
    if not groups:
        return cannot_tell(
            f"No facet's value has {policy.minimum_rows} rows on both sides.", rows=window.rows
        )
    changes = [(each, name, change) for each in groups for name, change in each.changes]
    group, name, change = max(changes, key=lambda found: abs(found[2].value))
    moved = [
        f"{each.facet}={each.value} {measure} {found.value:+.3f}"
        for each, measure, found in changes
        if abs(found.value) >= policy.maximum_change and found.excludes_zero
    ]
    largest = (
        f"The largest change is {name} of {group.facet}={group.value}: {change.value:+.3f} "
        f"[{change.low:+.3f}, {change.high:+.3f}]"
    )
    return Answer(
        verdict="drifted" if moved else "stable",
        why=f"{len(moved)} of {len(changes)} comparisons moved by {policy.maximum_change:.2f} or "
        f"more{': ' + ', '.join(moved[:5]) if moved else ''}. {largest}.",
        observed=abs(change.value),
        threshold=policy.maximum_change,
        rows=window.rows,
    )


def _group(
    was: FacetCounts,
    now: FacetCounts,
    all_before: Iterable[FacetCounts],
    all_now: Iterable[FacetCounts],
    z: float,
) -> GroupBias | None:
    """Measure one value; None where it has no others to be compared with."""
    others_was, others_now = _others(was, all_before), _others(now, all_now)
    if not others_was.rows or not others_now.rows:
        return None
    dppl = [_dppl(others_now, now, z), _dppl(others_was, was, z)]
    accuracy = [_accuracy(others_now, now, z), _accuracy(others_was, was, z)]
    called = others_now.predicted / others_now.rows
    return GroupBias(
        facet=now.facet,
        value=now.value,
        rows=now.rows,
        dppl=dppl[0],
        dppl_baseline=dppl[1],
        disparate_impact=now.predicted / now.rows / called if called else None,
        accuracy_difference=accuracy[0],
        dppl_change=difference(*dppl),
        accuracy_change=(
            difference(accuracy[0], accuracy[1]) if accuracy[0] and accuracy[1] else None
        ),
    )


def _others(one: FacetCounts, counts: Iterable[FacetCounts]) -> FacetCounts:
    rest = [each for each in counts if each.facet == one.facet and each.value != one.value]
    return FacetCounts(
        facet=one.facet,
        value=f"not {one.value}",
        rows=sum(each.rows for each in rest),
        predicted=sum(each.predicted for each in rest),
        labelled=sum(each.labelled for each in rest),
        correct=sum(each.correct for each in rest),
    )


def _dppl(others: FacetCounts, group: FacetCounts, z: float) -> Interval:
    return difference(
        wilson(others.predicted, others.rows, z), wilson(group.predicted, group.rows, z)
    )


def _accuracy(others: FacetCounts, group: FacetCounts, z: float) -> Interval | None:
    if not others.labelled or not group.labelled:
        return None
    return difference(
        wilson(others.correct, others.labelled, z), wilson(group.correct, group.labelled, z)
    )
