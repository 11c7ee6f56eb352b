"""Releases: the asset that starts CodePipeline, and dev, staging and prod as it passes them.

What should serve is decided by decisions.promotion; the release itself is CodePipeline's. A stage
is recorded by the release sensor when the stage has passed, so no worker waits for it.
"""

from typing import Any

import dagster as dg

from assets.parts import asset_key
from decisions.promotion import Nothing, Plan, decide
from resources.platform import Platform
from resources.serving import promotion_facts
from usecases import asset_keys
from usecases.declaration import UseCase

REQUESTED_TAG = "perennial/requested"


def release_asset(use_case: UseCase) -> dg.AssetsDefinition:
    """Return the asset that starts the release that is due, if one is."""

    @dg.asset(
        key=asset_key(asset_keys.release(use_case.name)),
        deps=[asset_key(asset_keys.approval(use_case.name))],
        description="The newest release plan, handed to CodePipeline in the assets account.",
        group_name=use_case.group,
        kinds={"codepipeline"},
        owners=[use_case.owner],
    )
    def release(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        requested = context.run.tags.get(REQUESTED_TAG) == "true"
        facts = promotion_facts(
            platform, use_case.name, use_case.release.stages, requested=requested
        )
        verdict = decide(facts, use_case.release.policy)
        if isinstance(verdict, Nothing):
            context.log.info(verdict.why)
            return dg.MaterializeResult(metadata={"verdict": verdict.why})
        execution_id = start(platform, use_case, verdict)
        context.log.info("release %s: %s", execution_id, verdict.reason)
        return dg.MaterializeResult(metadata=_metadata(platform, use_case, verdict, execution_id))

    return release


def start(platform: Platform, use_case: UseCase, plan: Plan) -> str:
    """Start the plan's release, or find the one it started before; return its id."""
    package = platform.registry(use_case.name).describe(plan.package_arn)
    return platform.releases.start(
        platform.names.release_pipeline(use_case.name),
        {
            "ModelPackageArn": plan.package_arn,
            "ModelSha256": plan.model_sha256,
            "PlanDigest": plan.digest,
            "EndpointName": platform.names.endpoint(use_case.name),
            "ProbeUri": f"{package.metadata['run_uri']}/evaluate/probe.json",
        },
        token=plan.digest,
    )


def deployment_specs(use_case: UseCase) -> list[dg.AssetSpec]:
    """Return dev, staging and prod, each after the stage before it."""
    before = asset_keys.release(use_case.name)
    specs = []
    for stage in use_case.release.stages:
        key = asset_keys.deployment(use_case.name, stage)
        specs.append(
            dg.AssetSpec(
                asset_key(key),
                deps=[asset_key(before)],
                description=f"What the endpoint in {stage} serves once CodePipeline has passed it.",
                group_name=use_case.group,
                kinds={"sagemaker", "codebuild"},
                owners=[use_case.owner],
            )
        )
        before = key
    return specs


def _metadata(
    platform: Platform, use_case: UseCase, plan: Plan, execution_id: str
) -> dict[str, Any]:
    region = platform.accounts.settings.region
    name = platform.names.release_pipeline(use_case.name)
    console = (
        f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/"
        f"{name}/executions/{execution_id}/timeline?region={region}"
    )
    return {
        "execution_id": execution_id,
        "model_package_arn": plan.package_arn,
        "version": plan.version,
        "model_sha256": plan.model_sha256,
        "plan_digest": plan.digest,
        "reason": plan.reason,
        "console": dg.MetadataValue.url(console),
    }
