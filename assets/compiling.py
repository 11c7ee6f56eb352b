"""From a declaration to an up-to-date SageMaker Pipeline: code, configuration, definition.

All three are named by content, so nothing is uploaded or compiled twice. Running it is training.py.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from decisions.model import digest_of
from pipelines.templates.code_bundle import build_bundle
from pipelines.templates.compile import compile_definition
from pipelines.templates.request import CompileRequest
from resources.names import SAGEMAKER_ROLE

if TYPE_CHECKING:
    from resources.platform import Platform
    from usecases.declaration import UseCase


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the current pipeline of a use case is made of."""

    name: str
    code_sha256: str
    config_sha256: str
    changed: bool


def ensure_pipeline(platform: Platform, use_case: UseCase) -> Compiled:
    """Upload code and configuration, and compile and upsert the pipeline if its inputs changed.

    Raises:
        CompileError: The template could not be compiled.
    """
    bundle = build_bundle()
    platform.artifacts.put_all(list(bundle.objects()))  # the archive comes last
    config = use_case.step_config()
    config_sha256 = digest_of(config)
    platform.artifacts.put_if_absent(
        f"configs/{config_sha256}/config.json", json.dumps(config, sort_keys=True).encode()
    )
    request = request_of(platform, use_case, bundle.sha256, config_sha256)
    changed = (
        platform.training.current_inputs_sha256(request.pipeline_name) != request.inputs_sha256
    )
    if changed:
        platform.training.upsert(
            request.pipeline_name,
            compile_definition(request),
            request.role_arn,
            inputs_sha256=request.inputs_sha256,
        )
    return Compiled(request.pipeline_name, bundle.sha256, config_sha256, changed)


def request_of(
    platform: Platform, use_case: UseCase, code_sha256: str, config_sha256: str
) -> CompileRequest:
    """Return what the template is compiled from."""
    names, compute = platform.names, use_case.compute
    return CompileRequest(
        template=use_case.template,
        pipeline_name=names.training_pipeline(use_case.name),
        slug=names.slug(use_case.name),
        region=platform.accounts.settings.region,
        role_arn=names.role_arn("experimentation", SAGEMAKER_ROLE),
        artifact_bucket=names.artifact_bucket,
        code_sha256=code_sha256,
        config_sha256=config_sha256,
        package_group_arn=names.package_group_arn(use_case.name),
        image_uri=platform.accounts.settings.step_image,
        processing_instance_type=compute.processing_instance,
        training_instance_type=compute.training_instance,
        serving_instance_types=(use_case.release.instance_type,),
        volume_gb=compute.volume_gb,
        max_runtime_seconds=int(compute.max_runtime.total_seconds()),
    )


@cache
def commit() -> str:
    """Return the git commit of the running code, or "unknown" outside a checkout."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return answer.stdout.strip() or "unknown"
