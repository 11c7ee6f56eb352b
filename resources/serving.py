"""Facts about what serves and what is being released, as the promotion decision takes them.

Gathers; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decisions.promotion import FailedRelease, PackageFact, PromotionFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from resources.aws import AccountName
    from resources.codepipeline import ReleaseFacts
    from resources.model_registry import PackageFacts
    from resources.platform import Platform

_IN_FLIGHT = frozenset({"InProgress", "Stopping"})
_FAILED = frozenset({"Failed", "Stopped", "Cancelled"})


def package_fact(package: PackageFacts) -> PackageFact:
    """Return what the promotion decision looks at of one package."""
    return PackageFact(
        arn=package.arn,
        version=package.version,
        approval=package.approval,
        model_sha256=package.metadata.get("model_sha256", ""),
        gates=package.metadata.get("gates", ""),
    )


def promotion_facts(
    platform: Platform, use_case: str, stages: Iterable[AccountName], *, requested: bool = False
) -> PromotionFacts:
    """Ask the registry, every stage's endpoint and the release pipeline.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: AWS refused.
    """
    endpoint = platform.names.endpoint(use_case)
    serving: dict[str, str | None] = {}
    for stage in stages:
        facts = platform.endpoints(stage).describe(endpoint)
        serving[stage] = facts.package_arn if facts is not None else None
    releases = platform.releases.executions(platform.names.release_pipeline(use_case))
    finished = [release for release in releases if release.status not in _IN_FLIGHT]
    return PromotionFacts(
        packages=tuple(package_fact(each) for each in platform.registry(use_case).packages()),
        serving=serving,
        in_flight=_in_flight(releases),
        finished_releases=len(finished),
        last_failed=_failed_in_a_row(finished),
        requested=requested,
    )


def newest_packages(platform: Platform, use_case: str) -> tuple[PackageFacts, ...]:
    """Return a use case's versions from the newest down to its champion, newest first.

    Raises:
        Transient: AWS could not be asked just now.
        Terminal: There is no registry, or AWS refused.
    """
    return platform.registry(use_case).packages(last=lambda each: package_fact(each).releasable)


def champion_of(packages: Iterable[PackageFacts]) -> PackageFacts | None:
    """Return the newest approved package whose gates passed: the one to beat, and to serve."""
    passed = [package for package in packages if package_fact(package).releasable]
    return max(passed, key=lambda package: package.version, default=None)


def candidate_of(packages: Iterable[PackageFacts]) -> PackageFacts | None:
    """Return the newest package that awaits approval and is newer than the champion."""
    known = list(packages)
    champion = champion_of(known)
    floor = champion.version if champion else 0
    waiting = [
        each for each in known if each.approval == "PendingManualApproval" and each.version > floor
    ]
    return max(waiting, key=lambda package: package.version, default=None)


def _in_flight(releases: Sequence[ReleaseFacts]) -> str | None:
    for release in releases:
        if release.status in _IN_FLIGHT:
            return release.variables.get("PlanDigest", release.id)
    return None


def _failed_in_a_row(finished: Sequence[ReleaseFacts]) -> FailedRelease | None:
    newest_first = sorted(finished, key=_age, reverse=True)
    if not newest_first or newest_first[0].status not in _FAILED:
        return None
    arn = newest_first[0].variables.get("ModelPackageArn", "")
    attempts = 0
    for release in newest_first:
        if release.status not in _FAILED or release.variables.get("ModelPackageArn") != arn:
            break
        attempts += 1
    return FailedRelease(package_arn=arn, attempts=attempts)


def _age(release: ReleaseFacts) -> datetime:
    return release.started_at
