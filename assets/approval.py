"""Approval of a judged version: by policy, or by a person who also may reject.

Judging belongs to registry.py, releasing to deployment.py.
"""

import dagster as dg

from assets.parts import asset_key
from resources.errors import Terminal
from resources.model_registry import PackageFacts
from resources.platform import Platform
from resources.serving import candidate_of
from usecases import asset_keys
from usecases.declaration import UseCase


def approval_asset(use_case: UseCase) -> dg.AssetsDefinition:
    """Return the asset that approves by policy, or says who has to."""

    @dg.asset(
        key=asset_key(asset_keys.approval(use_case.name)),
        deps=[asset_key(asset_keys.registry(use_case.name))],
        description="Approval of the newest judged version: by policy, or by a person.",
        group_name=use_case.group,
        kinds={"sagemaker"},
        owners=[use_case.owner],
    )
    def approval(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        registry = platform.registry(use_case.name)
        candidate = candidate_of(registry.packages())
        if candidate is None or candidate.metadata.get("gates") != "passed":
            return dg.MaterializeResult(metadata={"verdict": "no judged version awaits approval"})
        verdict = f"version {candidate.version} awaits `perennial approve {use_case.name}`"
        if use_case.approval.policy == "automatic":
            registry.approve(candidate.arn, "policy", "automatic approval: every gate passed")
            verdict = f"version {candidate.version} approved by policy"
        context.log.info(verdict)
        return dg.MaterializeResult(
            metadata={"verdict": verdict, "model_package_arn": candidate.arn}
        )

    return approval


def approve(platform: Platform, use_case: UseCase, version: int | None, by: str) -> PackageFacts:
    """Approve a judged version for a person.

    Raises:
        Terminal: There is no such version, or its gates have not passed.
    """
    package = find_version(platform, use_case, version)
    if package.metadata.get("gates") != "passed":
        said = package.metadata.get("gates", "not judged yet")
        raise Terminal(
            f"Version {package.version} of {use_case.name} cannot be approved: its gates are "
            f"{said}. Materialize {'/'.join(asset_keys.registry(use_case.name))} to judge it."
        )
    platform.registry(use_case.name).approve(package.arn, by, "approved by a person")
    return package


def reject(
    platform: Platform, use_case: UseCase, version: int | None, by: str, reason: str
) -> PackageFacts:
    """Reject a version for a person; if it serves, the one before is released in its place.

    Raises:
        Terminal: There is no such version.
    """
    package = find_version(platform, use_case, version)
    platform.registry(use_case.name).reject(package.arn, by, reason)
    return package


def find_version(platform: Platform, use_case: UseCase, version: int | None) -> PackageFacts:
    """Return a version; without a number the newest that awaits approval, else the newest of all.

    Raises:
        Terminal: There is none.
    """
    packages = platform.registry(use_case.name).packages()
    if version is None:
        found = candidate_of(packages) or next(iter(packages), None)
    else:
        found = next((each for each in packages if each.version == version), None)
    if found is None:
        known = ", ".join(str(each.version) for each in packages) or "none"
        raise Terminal(f"{use_case.name} has no version {version or 'yet'}; registered: {known}.")
    return found
