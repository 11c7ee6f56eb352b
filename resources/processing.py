"""SageMaker Processing jobs of our own, outside of any pipeline: described, or created once.

A job is named by its caller after what it is for, so that whoever asks again finds it. What a job
computes does not belong here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.errors import Terminal, call, find, make

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_RUNNING = frozenset({"InProgress", "Stopping"})


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One processing job."""

    name: str
    status: str
    reason: str

    @property
    def running(self) -> bool:
        """Say whether it has not ended."""
        return self.status in _RUNNING


@dataclass(frozen=True, slots=True)
class StepJob:
    """A step of the code bundle, run by itself.

    Attributes:
        inputs: S3 URI by name; each is mounted below the input folder.
        outputs: S3 prefix by name.
        arguments: The step's own options, without those of inputs and outputs.
        files: Inputs that the step takes as a file: path within the mounted folder by name.
    """

    name: str
    step: str
    image_uri: str
    role_arn: str
    instance_type: str
    volume_gb: int
    max_runtime_seconds: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    arguments: Sequence[str] = ()
    files: Mapping[str, str] | None = None


class ProcessingJobs:
    """The processing jobs of one account.

    Args:
        client: A ``sagemaker`` client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, name: str) -> JobFacts | None:
        """Return a job's facts, or None where there is no such job."""
        answer = find(self._client.describe_processing_job, ProcessingJobName=name)
        if answer is None:
            return None
        reason = answer.get("FailureReason") or answer.get("ExitMessage") or ""
        return JobFacts(name, answer["ProcessingJobStatus"], reason)

    def start(self, job: StepJob) -> bool:
        """Start a job, unless one of this name is there; say whether it was started.

        Raises:
            Transient: The account runs as many jobs as it may.
            Terminal: AWS refused.
        """
        return make(self._client.create_processing_job, **_request(job))

    def pipeline_image(self, pipeline: str) -> str:
        """Return the image that a pipeline's steps run in.

        Raises:
            Missing: There is no such pipeline.
            Terminal: Its definition names none.
        """
        answer = call(self._client.describe_pipeline, PipelineName=pipeline)
        for step in json.loads(answer["PipelineDefinition"]).get("Steps", []):
            image = step.get("Arguments", {}).get("AppSpecification", {}).get("ImageUri")
            if isinstance(image, str):
                return image
        raise Terminal(f"Pipeline {pipeline} has no processing step with an image of its own.")


def _request(job: StepJob) -> dict[str, Any]:
    entry = ["python3", f"{_INPUT}/code/bootstrap.py", job.step]
    return {
        "ProcessingJobName": job.name,
        "RoleArn": job.role_arn,
        "AppSpecification": {
            "ImageUri": job.image_uri,
            "ContainerEntrypoint": entry,
            "ContainerArguments": [*_places(job), *job.arguments],
        },
        "ProcessingInputs": [_input(name, uri) for name, uri in job.inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [_output(name, uri) for name, uri in job.outputs.items()]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": job.instance_type,
                "VolumeSizeInGB": job.volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime_seconds},
    }


def _places(job: StepJob) -> list[str]:
    """Return every place as an option: a step need not know where things are mounted."""
    files = job.files or {}
    found = ["--message", "/opt/ml/output/message"]
    for name in job.inputs:
        if name != "code":
            found += [f"--{name.replace('_', '-')}", f"{_INPUT}/{name}{files.get(name, '')}"]
    for name in job.outputs:
        found += [f"--{name.replace('_', '-')}", f"{_OUTPUT}/{name}"]
    return found


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{_INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str, uri: str) -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"{_OUTPUT}/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }
