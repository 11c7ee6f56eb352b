"""What a pipeline definition is made from, and the hash that says when to make it again.

No SDK here: the orchestrator asks for the hash at every tick.
"""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_SHA256 = r"^[0-9a-f]{64}$"


class CompileRequest(BaseModel):
    """Everything that a template may put into a definition. Per-run values are its parameters.

    Attributes:
        slug: The use case's name in AWS, for example `flight-delay`.
        package_group_arn: The model package group in the assets account, by ARN since it is
            another account's.
        image_uri: Image of all steps and of serving; None for SageMaker's scikit-learn image.
        volume_gb: Storage of each job, in GiB.
        max_runtime_seconds: A job that runs longer is stopped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: Literal["binary"] = "binary"
    pipeline_name: str = Field(min_length=1)
    slug: str = Field(min_length=1)
    region: str = Field(min_length=1)
    role_arn: str = Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/")
    artifact_bucket: str = Field(min_length=3)
    code_sha256: str = Field(pattern=_SHA256)
    config_sha256: str = Field(pattern=_SHA256)
    package_group_arn: str = Field(pattern=r"^arn:aws[a-z-]*:sagemaker:")
    image_uri: str | None = None
    processing_instance_type: str = "ml.m5.large"
    training_instance_type: str = "ml.m5.large"
    serving_instance_types: tuple[str, ...] = ("ml.m5.large", "ml.t2.medium")
    volume_gb: int = Field(default=30, ge=1)
    max_runtime_seconds: int = Field(default=3600, ge=60)

    @property
    def inputs_sha256(self) -> str:
        """Digest of this request, the templates' sources and the SDK's version.

        While it is unchanged, compiling would give the same definition again.
        """
        sources = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(__file__).parent.glob("*.py"))
        }
        document = {
            "request": self.model_dump(mode="json"),
            "sources": sources,
            "sagemaker": metadata.version("sagemaker"),
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
