"""Facts for the governor, and its verdict as a run. Deciding belongs to decisions.retraining.

What the monitors and people say is gathered in evidence.py; judging.py puts it all before it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from decisions import cron, freshness
from decisions.model import digest_of
from decisions.moments import naive_utc
from decisions.retraining import RetrainFacts, Scheduled
from pipelines.templates.code_bundle import build_bundle
from resources.errors import Missing, Terminal
from resources.serving import candidate_of, champion_of, newest_packages, package_fact
from resources.sightings import Name, Sighting, look
from usecases import run_tags as tags
from usecases.raw_tables import NOTHING_SEEN, Outlook, outlook, raw_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    from decisions.reports import DriftReport, MonitorReport
    from decisions.retraining import Retrain, RunFact
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from resources.wishes import Wish
    from usecases.declaration import UseCase

    Job = UnresolvedAssetJobDefinition | dg.JobDefinition


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a use case stands: what has landed, what is champion, what waits.

    Attributes:
        clock: The wall clock (naive UTC) where schedules go by it; None where data is replayed.
    """

    landed: Mapping[str, datetime | None]
    champion: PackageFacts | None
    candidate: PackageFacts | None
    packages: tuple[PackageFacts, ...] = ()
    outlook: Outlook = NOTHING_SEEN
    clock: datetime | None = None

    @property
    def landed_through(self) -> datetime | None:
        """Return the moment up to which every source has landed."""
        known = [moment for moment in self.landed.values() if moment is not None]
        return min(known) if known and len(known) == len(self.landed) else None

    @property
    def trained_through(self) -> datetime | None:
        """Return the data time up to which the champion was trained."""
        said = self.champion.metadata.get("trained_through") if self.champion else None
        return datetime.fromisoformat(said) if said else None


def sight(platform: Platform, use_cases: Iterable[UseCase]) -> Mapping[Name, Sighting]:
    """Look at the entries of all tables of these use cases: one call per page of each database."""
    wanted = {name: raw.partition_key for name, raw in raw_tables(use_cases).items()}
    return look(platform.catalogue, wanted, {}, clock=time.time(), reads=0)


def situation_of(
    platform: Platform, use_case: UseCase, sightings: Mapping[Name, Sighting] | None = None
) -> Situation:
    """Ask the catalogue, unless it was asked for all use cases at once, and the registry.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A source table is missing or its mark malformed, or AWS refused.
    """
    sources = sight(platform, (use_case,)) if sightings is None else sightings
    landed = {table: _landed(sources, use_case, table) for table in use_case.sources.tables}
    packages = newest_packages(platform, use_case.name)
    champion = champion_of(packages)
    candidate = candidate_of(packages)
    awaited = candidate is not None and not package_fact(candidate).gates.startswith("failed")
    clock = platform.clock() if platform.clock else None
    judged = outlook(use_case, sources, clock)
    return Situation(landed, champion, candidate if awaited else None, packages, judged, clock)


def _landed(sources: Mapping[Name, Sighting], use_case: UseCase, table: str) -> datetime | None:
    seen = sources[use_case.sources.database, table]
    if seen.facts is None:
        raise (Missing if seen.gone else Terminal)(seen.problem)
    return seen.facts.landed_through


def facts_of(
    use_case: UseCase,
    situation: Situation,
    runs: tuple[RunFact, ...],
    *,
    drift: DriftReport | None = None,
    monitors: tuple[MonitorReport, ...] = (),
    wish: Wish | None = None,
    reasons_since: datetime | None = None,
) -> RetrainFacts:
    """Put together what the governor looks at."""
    landed, trained = situation.landed_through, situation.trained_through
    staleness = None
    if landed is not None and trained is not None:
        staleness = freshness.judge(landed, trained, use_case.retraining.max_age)
    return RetrainFacts(
        use_case=use_case.name,
        champion_version=situation.champion.version if situation.champion else None,
        registered_at=naive_utc(situation.champion.created_at) if situation.champion else None,
        trained_through=trained,
        landed_through=landed,
        drift=drift,
        monitors=monitors,
        staleness=staleness,
        scheduled=scheduled(use_case, situation),
        runs=runs,
        pending_version=situation.candidate.version if situation.candidate else None,
        requested=f"{wish.reason} ({wish.by})" if wish else None,
        requested_at=wish.at if wish else None,
        changed=changed(use_case, situation) if use_case.retraining.on_change else None,
        late=situation.outlook.late,
        schema_drift=situation.outlook.schema_drift,
        reasons_since=reasons_since,
        ceiling_usd=use_case.retraining.ceiling_usd(use_case.compute),
    )


def scheduled(use_case: UseCase, situation: Situation) -> Scheduled | None:
    """Say where the schedule stands: by the wall clock, or in data time where that is replayed."""
    text, moment = use_case.retraining.schedule, situation.clock or situation.landed_through
    if text is None or moment is None:
        return None
    times = cron.parse(text)
    return Scheduled(
        due=times.newest(moment),
        upcoming=times.upcoming(moment),
        clock="wall" if situation.clock else "data",
    )


def changed(use_case: UseCase, situation: Situation) -> str | None:
    """Say what the newest version was trained with that is not so any more."""
    newest = next(iter(situation.packages), None)
    if newest is None:
        return None
    now = {"code": build_bundle().sha256, "config": digest_of(use_case.step_config())}
    was = {name: newest.metadata.get(f"{name}_sha256") for name in now}
    found = [name for name, digest in now.items() if was[name] not in (None, digest)]
    if not found:
        return None
    return f"{' and '.join(found)} differ from those of version {newest.version}"


def run_request(use_case: UseCase, verdict: Retrain) -> dg.RunRequest:
    """Return the training run that a verdict asks for."""
    return dg.RunRequest(
        run_key=verdict.run_key,
        job_name=f"retrain_{use_case.name}",
        tags={
            tags.RETRAIN: use_case.name,
            tags.EPISODE: verdict.episode,
            tags.ATTEMPT: str(verdict.attempt),
            tags.REASON: "; ".join(verdict.reasons)[:500],
        },
    )
