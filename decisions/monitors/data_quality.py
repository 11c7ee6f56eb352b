"""Is the data still what the baseline promises of it: complete, in range, of known categories?

The constraints are read off the frozen baseline, as Model Monitor suggests them (completeness,
is_non_negative, domains with a content threshold): no rows are looked at again. It never trains: a
model made of broken data would be worse. Declared contracts of datasets are decisions/contracts'.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from decisions.baseline import (
    Baseline,
    CategoricalBaseline,
    CategoricalCounts,
    NumericBaseline,
    NumericCounts,
    Profile,
)
from decisions.model import Fact
from decisions.monitors.intervals import wilson, z_of
from decisions.monitors.verdicts import Answer, MonitorPolicy, cannot_tell


class DataQualityPolicy(MonitorPolicy):
    """What breaks the baseline's promises. Shares are of a column's rows.

    Attributes:
        retrains: Never: a model made of broken data would be worse.
        missing_rise: Rise of the missing share from which a column is incomplete.
        unseen_share: Share of categories unknown to the baseline from which its domain is broken.
        range_margin: How far beyond the baseline's range, as a share of its width, values may lie.
    """

    retrains: Literal[False] = False
    minimum_rows: int = Field(default=200, ge=1)
    missing_rise: float = Field(default=0.1, gt=0.0, le=1.0)
    unseen_share: float = Field(default=0.1, gt=0.0, le=1.0)
    range_margin: float = Field(default=0.5, ge=0.0)


class Violation(Fact):
    """One promise that a column breaks."""

    column: str
    check: str
    why: str


def violations(
    baseline: Baseline, profile: Profile, policy: DataQualityPolicy
) -> tuple[Violation, ...]:
    """Name every promise that a column with enough rows breaks, by column."""
    found: list[Violation] = []
    for name, before in sorted(baseline.features.items()):
        now = profile.features.get(name)
        if now is None:
            found.append(Violation(column=name, check="missing_column", why="it is gone"))
        elif now.kind != before.kind:
            why = f"it was {before.kind} and is {now.kind}"
            found.append(Violation(column=name, check="data_type", why=why))
        elif now.rows >= policy.minimum_rows:
            found += [
                Violation(column=name, check=check, why=why)
                for check, why in _broken(before, now, policy)
            ]
    return tuple(found)


def judge(baseline: Baseline, profile: Profile, policy: DataQualityPolicy) -> Answer:
    """Say whether the window keeps what the baseline promises."""
    if not baseline.features:
        return cannot_tell("The baseline has no column.")
    found = violations(baseline, profile, policy)
    rows = max((each.rows for each in profile.features.values()), default=0)
    if rows < policy.minimum_rows and not found:
        return cannot_tell(
            f"The window has {rows} rows; at least {policy.minimum_rows} are needed.", rows=rows
        )
    told = "; ".join(f"{each.column} {each.check}: {each.why}" for each in found[:5])
    return Answer(
        verdict="drifted" if found else "stable",
        why=(
            f"{len(found)} promises of {len(baseline.features)} columns are broken: {told}."
            if found
            else f"All {len(baseline.features)} columns keep what the baseline promises."
        ),
        observed=float(len(found)),
        threshold=1.0,
        rows=rows,
    )


def _broken(
    before: NumericBaseline | CategoricalBaseline,
    now: NumericCounts | CategoricalCounts,
    policy: DataQualityPolicy,
) -> Iterator[tuple[str, str]]:
    yield from _completeness(before, now, policy)
    if isinstance(now, NumericCounts) and isinstance(before, NumericBaseline):
        yield from _finite(before, now)
        yield from _range(before, now, policy)
    if isinstance(now, CategoricalCounts) and isinstance(before, CategoricalBaseline):
        yield from _domain(before, now, policy)


def _completeness(
    before: NumericBaseline | CategoricalBaseline,
    now: NumericCounts | CategoricalCounts,
    policy: DataQualityPolicy,
) -> Iterator[tuple[str, str]]:
    """A rise must be large, and not be what few rows show by chance (Wilson's lower bound)."""
    was = before.missing / before.rows if before.rows else 0.0
    share = wilson(now.missing, now.rows, z_of(policy.confidence))
    if share.value - was >= policy.missing_rise and share.low > was:
        yield "completeness", f"{share.value:.1%} are missing, {was:.1%} were"


def _finite(before: NumericBaseline, now: NumericCounts) -> Iterator[tuple[str, str]]:
    if now.infinite and not before.infinite:
        yield "data_type", f"{now.infinite} values are infinite, none was"


def _range(
    before: NumericBaseline, now: NumericCounts, policy: DataQualityPolicy
) -> Iterator[tuple[str, str]]:
    low, high = before.minimum, before.maximum
    if low is None or high is None:
        return
    margin = policy.range_margin * (high - low)
    if now.minimum is not None and low >= 0.0 > now.minimum:
        yield "is_non_negative", f"the least is {now.minimum:g}, none was negative"
    elif now.minimum is not None and now.minimum < low - margin:
        yield "range", f"the least is {now.minimum:g}, {low:g} was"
    if now.maximum is not None and now.maximum > high + margin:
        yield "range", f"the greatest is {now.maximum:g}, {high:g} was"


def _domain(
    before: CategoricalBaseline, now: CategoricalCounts, policy: DataQualityPolicy
) -> Iterator[tuple[str, str]]:
    """Categories beyond the baseline's kept ones: only a baseline without a tail knows them all."""
    unseen = now.other + sum(n for value, n in now.values.items() if value not in before.values)
    was = before.other / before.rows if before.rows else 0.0
    share = wilson(unseen, now.rows, z_of(policy.confidence))
    if share.value - was >= policy.unseen_share and share.low > was:
        yield "categorical_values", f"{share.value:.1%} are of categories not kept, {was:.1%} were"
