"""The checks on a raw table: are its columns those that use cases count on, is it on time?

Neither blocks: upstream's table is there whatever we think of it. Both hold retraining, which the
governor decides from the same facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from assets.parts import asset_key
from decisions.freshness import CannotTell, Late, write_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.sightings import Sighting
    from usecases.raw_tables import Outlook, RawTable

_SHOWN = 20
"""Partitions and columns that metadata names before it counts."""


def check_results(
    raw: RawTable, sighting: Sighting, outlooks: Mapping[str, Outlook]
) -> dict[str, dg.AssetCheckResult]:
    """Return the checks `schema` and `freshness`; neither blocks, both hold retraining."""
    key = asset_key(raw.key)
    if sighting.facts is None:
        return {
            name: dg.AssetCheckResult(
                asset_key=key, check_name=name, passed=False, description=sighting.problem
            )
            for name in ("schema", "freshness")
        }
    drifts = {u: e.drift[raw.name] for u, e in outlooks.items() if raw.name in e.drift}
    broken = [f"{use_case}: {drift.why}" for use_case, drift in drifts.items() if drift.breaks]
    undeclared = sorted({name for drift in drifts.values() for name in drift.undeclared})
    found = {
        "schema": dg.AssetCheckResult(
            asset_key=key,
            check_name="schema",
            passed=not broken,
            description="; ".join(broken) or "Every declared column is there, as declared.",
            metadata={"undeclared": brief(undeclared)},
        ),
    }
    # While a source is out of reach no age can be judged: what was said last stands.
    if any(raw.name in each.freshness for each in outlooks.values()):
        found["freshness"] = _freshness_check(raw, outlooks)
    return found


def _freshness_check(raw: RawTable, outlooks: Mapping[str, Outlook]) -> dg.AssetCheckResult:
    verdicts = {u: e.freshness[raw.name] for u, e in outlooks.items() if raw.name in e.freshness}
    wrong = {u: v for u, v in verdicts.items() if isinstance(v, Late | CannotTell)}
    late = [verdict.by for verdict in wrong.values() if isinstance(verdict, Late)]
    said = {f"{use_case}: {verdict.why}" for use_case, verdict in (wrong or verdicts).items()}
    return dg.AssetCheckResult(
        asset_key=asset_key(raw.key),
        check_name="freshness",
        passed=not wrong,
        # What cannot be told may be a table that was only just created.
        severity=dg.AssetCheckSeverity.ERROR if late else dg.AssetCheckSeverity.WARN,
        description=" ".join(sorted(said)),
        metadata={"late_by": write_length(max(late)), "seconds": max(late).total_seconds()}
        if late
        else {},
    )


def evaluations(
    raw: RawTable, results: Mapping[str, dg.AssetCheckResult]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Return check results as a sensor reports them."""
    for name, result in results.items():
        yield dg.AssetCheckEvaluation(
            asset_key=asset_key(raw.key),
            check_name=name,
            passed=bool(result.passed),
            severity=result.severity,
            description=result.description,
            metadata=result.metadata,
            blocking=False,
        )


def brief(names: tuple[str, ...] | list[str]) -> str:
    """Return some names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
