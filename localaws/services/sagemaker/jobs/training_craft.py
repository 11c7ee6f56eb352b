"""What a training job does between start and end: channels, the command, the model, the metrics.

Operations belong to `training.py`, the script's command line and variables to `script_mode.py`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from localaws.core.archives import ArchiveError, make_tar_gz
from localaws.services.sagemaker.jobs import environment, script_mode
from localaws.services.sagemaker.jobs.bench import JobFailedError, Task
from localaws.services.sagemaker.jobs.workspace import StoppedError, TimeLimitError, last_text

if TYPE_CHECKING:
    from localaws.core.provider import Document

_MESSAGES = {
    "Downloading": "Downloading input data",
    "Training": "Training in progress",
    "Uploading": "Uploading generated training model",
}


class TrainingCraft:
    """Channels, the command, the model archive."""

    kind = "training-job"
    title = "Training"
    missing = "Requested resource not found."

    def perform(self, task: Task) -> Document:
        """Do the job.

        Raises:
            JobFailedError: Nothing here can run its image, or its command did not end with 0.
            StoppedError: Somebody stopped it; what it had saved by then is uploaded.
            TimeLimitError: It ran longer than its StoppingCondition allows; likewise.
        """
        _enter(task, "Downloading")
        _lay_out(task)
        try:
            code = _run(task)
        except (StoppedError, TimeLimitError):
            _upload_what_was_saved(task)
            raise
        if code != 0:
            failure = task.workspace.message("/opt/ml/output/failure")
            reason = failure or task.workspace.log_tail()
            raise JobFailedError(f"AlgorithmError: {reason}, exit code: {code}")
        _enter(task, "Uploading")
        _upload(task)
        return {"FinalMetricDataList": _metrics(task)}

    def stopping(self, document: Document) -> None:
        """Enter the secondary status of a job that is being stopped."""
        now = document["LastModifiedTime"]
        enter(document, "Stopping", "Stopping the training job", now)

    def ended(self, document: Document, status: str, *, late: bool) -> None:
        """Set the end times and the last secondary status."""
        now = document["LastModifiedTime"]
        secondary = "MaxRuntimeExceeded" if late else status
        enter(document, secondary, f"Training job {status.lower()}", now)
        document["SecondaryStatusTransitions"][-1]["EndTime"] = now
        document["TrainingEndTime"] = now
        started = document.get("TrainingStartTime")
        if started is not None:
            seconds = max(1, math.ceil(now - started))
            document |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}


def enter(document: Document, status: str, message: str, now: float) -> None:
    """Move a training job's description to the next secondary status."""
    transitions = document["SecondaryStatusTransitions"]
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": message})
    document["SecondaryStatus"] = status
    document["LastModifiedTime"] = now


def _enter(task: Task, status: str) -> None:
    now = task.context.now()

    def change(document: Document) -> None:
        if document["TrainingJobStatus"] == "Stopping":
            return  # the stop came in between, and shows already
        enter(document, status, _MESSAGES[status], now)
        if status == "Downloading":
            document["TrainingStartTime"] = now

    task.records.change(task.name, change)


def _lay_out(task: Task) -> None:
    place, document = task.workspace, task.document
    for folder in ("/opt/ml/model", "/opt/ml/output/data", script_mode.CODE):
        place.path(folder).mkdir(parents=True, exist_ok=True)
    place.write_json(
        "/opt/ml/input/config/hyperparameters.json", document.get("HyperParameters", {})
    )
    instance = document.get("ResourceConfig", {}).get("InstanceType")
    place.write_json("/opt/ml/input/config/resourceconfig.json", environment.resources(instance))
    channels = {}
    for channel in document.get("InputDataConfig", []):
        name = channel["ChannelName"]
        channels[name] = {
            "TrainingInputMode": channel.get("InputMode", "File"),
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        task.objects.download(uri, place.path(f"/opt/ml/input/data/{name}"))
    place.write_json("/opt/ml/input/config/inputdataconfig.json", channels)


def _run(task: Task) -> int:
    argv = _command(task)
    return task.workspace.run(
        argv,
        environment.aws(task.context, task.name, task.document["RoleArn"])
        | script_mode.variables(task)
        | task.document.get("Environment", {}),
        folder=task.workspace.path(script_mode.CODE),
        timeout=task.document["StoppingCondition"].get("MaxRuntimeInSeconds", 86400),
        on_start=lambda: _enter(task, "Training"),
    )


def _command(task: Task) -> list[str]:
    specification = task.document.get("AlgorithmSpecification", {})
    if specification.get("ContainerEntrypoint"):
        return [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
    if script_mode.is_meant(task.document.get("HyperParameters", {})):
        return script_mode.command(task)
    raise JobFailedError(
        f"ClientError: the image {specification.get('TrainingImage')!r} alone cannot be run here: "
        "containers do not run in the embedded AWS. Give ContainerEntrypoint, or the "
        "hyperparameters sagemaker_program and sagemaker_submit_directory (script mode)."
    )


def _upload(task: Task) -> None:
    output = task.document["OutputDataConfig"]
    key = output.get("KmsKeyId") or None
    base = f"{output['S3OutputPath'].rstrip('/')}/{task.name.name}/output"
    for source, name in (("/opt/ml/model", "model"), ("/opt/ml/output/data", "output")):
        folder = task.workspace.path(source)
        if name == "output" and not any(folder.iterdir()):
            continue
        if output.get("CompressionType") == "NONE":
            task.objects.upload_folder(folder, f"{base}/{name}/", kms_key=key)
            continue
        archive = task.workspace.folder / f"{name}.tar.gz"
        try:
            make_tar_gz(folder, archive)
        except ArchiveError as error:
            raise JobFailedError(f"ClientError: {source} cannot be packed: {error}") from error
        task.objects.upload_file(archive, f"{base}/{name}.tar.gz", key)
        archive.unlink()


def _upload_what_was_saved(task: Task) -> None:
    # "Algorithms might use this window to save the model artifacts" (StopTrainingJob). Not when
    # the server stops: that job is done again.
    saved = any(task.workspace.path("/opt/ml/model").iterdir())
    if saved and not task.context.stopping.is_set():
        _upload(task)


def _metrics(task: Task) -> list[Document]:
    """Return the last value of each metric that MetricDefinitions finds in the log."""
    definitions = task.document.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])
    if not definitions:
        return []
    text = last_text(task.workspace.log)
    found = []
    for definition in definitions:
        values = [match.group(1) for match in re.finditer(definition["Regex"], text)]
        if values and _is_number(values[-1]):
            found.append(
                {
                    "MetricName": definition["Name"],
                    "Value": float(values[-1]),
                    "Timestamp": task.context.now(),
                }
            )
    return found


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and math.isfinite(float(text))
    except ValueError:
        return False
