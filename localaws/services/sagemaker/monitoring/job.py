"""The processing job that a monitoring schedule is: inputs, environment, command, output.

After AWS's contract for containers of one's own:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import pick

if TYPE_CHECKING:
    from localaws.core.provider import Document
    from localaws.services.sagemaker.arns import ResourceName

_BASELINE = "/opt/ml/processing/baseline"
_OFFSET = re.compile(r"-P(?=\d|T\d)(?:(\d+)D)?(?:T(\d+)H)?")


def processing_job(request: Document, name: ResourceName, now: float) -> Document:
    """Return the CreateProcessingJob request of a schedule that runs once, now.

    Raises:
        ServiceError: ValidationException for what is not performed here.
    """
    config = request["MonitoringScheduleConfig"]
    schedule = config.get("ScheduleConfig", {})
    _refuse(config, schedule)
    definition = config["MonitoringJobDefinition"]
    source = definition["MonitoringInputs"][0]["BatchTransformInput"]
    output = definition["MonitoringOutputConfig"]["MonitoringOutputs"][0]["S3Output"]
    baseline, where = _baseline(definition.get("BaselineConfig", {}))
    environment = {
        **definition.get("Environment", {}),
        **where,
        "dataset_format": json.dumps(source["DatasetFormat"]),
        "dataset_source": source["LocalPath"],
        "output_path": output["LocalPath"],
        "publish_cloudwatch_metrics": "Disabled",
        "sagemaker_monitoring_schedule_name": name.name,
        "start_time": _moment(now, schedule.get("DataAnalysisStartTime", "-PT1H")),
        "end_time": _moment(now, schedule.get("DataAnalysisEndTime", "-PT0H")),
    }
    data = _input("data", source["DataCapturedDestinationS3Uri"], source["LocalPath"])
    return {
        "ProcessingJobName": f"model-monitoring-{now:.0f}-{uuid.uuid4().hex[:12]}",
        "ProcessingInputs": [data, *baseline],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "result",
                    "S3Output": {**output, "S3UploadMode": "EndOfJob"},
                }
            ],
            **pick(definition["MonitoringOutputConfig"], "KmsKeyId"),
        },
        "ProcessingResources": definition["MonitoringResources"],
        "AppSpecification": pick(
            definition["MonitoringAppSpecification"],
            "ImageUri", "ContainerEntrypoint", "ContainerArguments",
        ),
        "Environment": environment,
        **pick(definition, "StoppingCondition", "NetworkConfig", "RoleArn"),
    }  # fmt: skip


def _refuse(config: Document, schedule: Document) -> None:
    refuse(
        schedule.get("ScheduleExpression") != "NOW",
        "a periodic monitoring schedule: the embedded AWS runs one of "
        "ScheduleConfig.ScheduleExpression NOW, once",
    )
    refuse(
        "MonitoringJobDefinition" not in config,
        "a monitoring schedule by MonitoringJobDefinitionName; give MonitoringJobDefinition",
    )
    definition = config["MonitoringJobDefinition"]
    application = definition["MonitoringAppSpecification"]
    refuse(
        not application.get("ContainerEntrypoint"),
        "Model Monitor's own analyzer: its image is AWS's, and containers do not run here, only "
        "the command in MonitoringAppSpecification.ContainerEntrypoint",
    )
    for member in ("RecordPreprocessorSourceUri", "PostAnalyticsProcessorSourceUri"):
        refuse(application.get(member), f"{member}: only AWS's analyzer calls it")
    inputs = definition["MonitoringInputs"]
    refuse(
        len(inputs) != 1 or "BatchTransformInput" not in inputs[0],
        "a monitoring schedule with an EndpointInput; name the captured data's S3 prefix in one "
        "BatchTransformInput",
    )


def _baseline(config: Document) -> tuple[list[Document], dict[str, str]]:
    """Return the baseline's files as inputs, and the variables that say where they lie."""
    inputs, where = [], {}
    for kind in ("constraints", "statistics"):
        uri = config.get(f"{kind.title()}Resource", {}).get("S3Uri")
        if uri:
            folder = f"{_BASELINE}/{kind}"
            inputs.append(_input(kind, uri, folder))
            where[f"baseline_{kind}"] = f"{folder}/{uri.rpartition('/')[2]}"
    return inputs, where


def _input(name: str, uri: str, path: str) -> Document:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File",
        },
    }  # fmt: skip


def _moment(now: float, offset: str) -> str:
    """Return the time that lies so far before now, as the container gets it.

    Raises:
        ServiceError: ValidationException, it is no offset such as -PT1H or -P1D.
    """
    found = _OFFSET.fullmatch(offset)
    if found is None:
        raise ServiceError(
            "ValidationException", f"{offset!r} is no offset; expected for example -PT1H or -P1D."
        )
    days, hours = (int(each or 0) for each in found.groups())
    moment = datetime.fromtimestamp(now, UTC) - timedelta(days=days, hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
