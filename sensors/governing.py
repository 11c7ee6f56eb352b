"""Facts for the governor, and its verdict as a run. Deciding belongs to decisions.retraining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from decisions import freshness, retraining
from decisions.model import digest_of
from decisions.retraining import Hold, Retrain, RetrainFacts
from pipelines.templates.code_bundle import build_bundle
from resources.glue import source_facts
from resources.serving import candidate_of, champion_of, package_fact
from resources.sightings import Sighting
from usecases import run_tags as tags
from usecases.raw_tables import NOTHING_SEEN, Outlook, outlook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    from decisions.reports import DriftReport
    from decisions.retraining import RunFact
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from usecases.declaration import UseCase

    Job = UnresolvedAssetJobDefinition | dg.JobDefinition


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a use case stands: what has landed, what is champion, what waits."""

    landed: Mapping[str, datetime | None]
    champion: PackageFacts | None
    candidate: PackageFacts | None
    packages: tuple[PackageFacts, ...] = ()
    outlook: Outlook = NOTHING_SEEN

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


def situation_of(platform: Platform, use_case: UseCase) -> Situation:
    """Ask the catalogue and the registry.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: A source table is missing or its mark malformed, or AWS refused.
    """
    database = use_case.sources.database
    sources = {
        (database, table): Sighting(facts=source_facts(platform.catalogue.table(database, table)))
        for table in use_case.sources.tables
    }
    landed = {n[1]: each.facts.landed_through for n, each in sources.items() if each.facts}
    packages = platform.registry(use_case.name).packages()
    champion = champion_of(packages)
    candidate = candidate_of(packages)
    awaited = candidate is not None and not package_fact(candidate).gates.startswith("failed")
    judged = outlook(use_case, sources, platform.clock() if platform.clock else None)
    return Situation(landed, champion, candidate if awaited else None, packages, judged)


def govern(
    use_case: UseCase,
    situation: Situation,
    runs: tuple[RunFact, ...],
    *,
    drift: DriftReport | None = None,
) -> Retrain | Hold:
    """Ask the governor."""
    landed, trained = situation.landed_through, situation.trained_through
    staleness = None
    if landed is not None and trained is not None:
        staleness = freshness.judge(landed, trained, use_case.retraining.max_age)
    facts = RetrainFacts(
        use_case=use_case.name,
        champion_version=situation.champion.version if situation.champion else None,
        trained_through=trained,
        landed_through=landed,
        drift=drift,
        staleness=staleness,
        runs=runs,
        pending_version=situation.candidate.version if situation.candidate else None,
        changed=changed(use_case, situation) if use_case.retraining.on_change else None,
        late=situation.outlook.late,
        schema_drift=situation.outlook.schema_drift,
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    return retraining.decide(facts, use_case.retraining.policy, now)


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
