"""What a release is: a CodePipeline definition, its CodeBuild projects, and their scripts."""

from pipelines.release.definition import (
    Fleet,
    ReleaseStage,
    codebuild_projects,
    release_pipeline_definition,
)
from pipelines.release.source import source_bundle, source_sha256

__all__ = [
    "Fleet",
    "ReleaseStage",
    "codebuild_projects",
    "release_pipeline_definition",
    "source_bundle",
    "source_sha256",
]
