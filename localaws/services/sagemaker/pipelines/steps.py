"""What each type of step does. All of it goes through AWS's own API; order is in `executor.py`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.services.sagemaker.arns import ResourceName
from localaws.services.sagemaker.pipelines import conditions
from localaws.services.sagemaker.pipelines.expressions import ExpressionError, Scope, resolve
from localaws.services.sagemaker.records import public

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.provider import Document
    from localaws.services.sagemaker.jobs.bench import Bench
    from localaws.services.sagemaker.pipelines.definition import Node

_NAME = 63
_TOKEN = 36


class StepFailedError(Exception):
    """The step failed; the text is its FailureReason."""


class StepStoppedError(Exception):
    """The step's job was stopped."""


class InterruptedStepError(Exception):
    """The server stops; the step is taken up again when it starts."""


@dataclass(frozen=True)
class Work:
    """All that performing one step needs.

    Attributes:
        job_name: Name of what the step makes; the same whenever it is performed again.
        publish: Makes the step's metadata visible.
        benches: Where jobs of each kind run.
    """

    node: Node
    scope: Scope
    client: Any
    account_id: str
    region: str
    job_name: str
    publish: Callable[[Document], None]
    benches: dict[str, Bench]


def job_name(execution_id: str, step: str, attempt: int) -> str:
    """Return the name AWS would give, but a function of its arguments: a restart finds it again."""
    suffix = hashlib.sha256(f"{execution_id}/{step}/{attempt}".encode()).hexdigest()[:10]
    plain = step.replace("_", "-")[: _NAME - len(f"pipelines-{execution_id}--{suffix}")].strip("-")
    return f"pipelines-{execution_id}-{plain}-{suffix}"


def perform(work: Work) -> Document:
    """Perform a step and return the properties that others may refer to.

    Raises:
        StepFailedError: It failed.
        StepStoppedError: Its job was stopped.
        InterruptedStepError: The server stops.
    """
    try:
        return _PERFORMERS[work.node.kind](work)
    except ExpressionError as error:
        raise StepFailedError(f"ClientError: {error}") from error


def _processing(work: Work) -> Document:
    return _job(work, "Processing", "processing-job")


def _training(work: Work) -> Document:
    return _job(work, "Training", "training-job")


def _job(work: Work, title: str, kind: str) -> Document:
    name = ResourceName(work.account_id, work.region, kind, work.job_name)
    bench = work.benches[kind]
    if bench.records.find(name) is None:
        arguments = _arguments(work) | {f"{title}JobName": work.job_name}
        _invoke(work.client, f"create_{title.lower()}_job", arguments)
    work.publish({f"{title}Job": {"Arn": name.arn}})
    document = bench.wait(name)
    status = document[f"{title}JobStatus"]
    if status == "Completed":
        return public(document)
    if status == "Failed":
        raise StepFailedError(document.get("FailureReason", "ClientError: the job failed"))
    if status == "Stopped":
        raise StepStoppedError(f"ClientError: the job {name.arn} was stopped.")
    raise InterruptedStepError


def _register(work: Work) -> Document:
    arguments = _arguments(work)
    group = str(arguments.get("ModelPackageGroupName", ""))
    if group and not group.startswith("arn:"):
        _ensure_group(work.client, group)
    token = hashlib.sha256(work.job_name.encode()).hexdigest()[:_TOKEN]
    made = _invoke(work.client, "create_model_package", arguments | {"ClientToken": token})
    work.publish({"RegisterModel": {"Arn": made["ModelPackageArn"]}})
    return _invoke(
        work.client, "describe_model_package", {"ModelPackageName": made["ModelPackageArn"]}
    )


def _ensure_group(client: Any, group: str) -> None:
    # The service makes a group of its own account that a RegisterModel step names.
    try:
        client.create_model_package_group(ModelPackageGroupName=group)
    except ClientError as error:
        if "already exists" not in str(error):
            raise StepFailedError(f"ClientError: {error}") from error


def _model(work: Work) -> Document:
    try:
        described: Document = work.client.describe_model(ModelName=work.job_name)
    except ClientError:
        _invoke(work.client, "create_model", _arguments(work) | {"ModelName": work.job_name})
        described = _invoke(work.client, "describe_model", {"ModelName": work.job_name})
    work.publish({"Model": {"Arn": described["ModelArn"]}})
    return described


def _condition(work: Work) -> Document:
    outcome = conditions.hold(work.node.arguments["Conditions"], work.scope)
    work.publish({"Condition": {"Outcome": "True" if outcome else "False"}})
    return {"Outcome": "True" if outcome else "False"}


def _fail(work: Work) -> Document:
    message = str(resolve(work.node.arguments["ErrorMessage"], work.scope))
    work.publish({"Fail": {"ErrorMessage": message}})
    raise StepFailedError(message)


_PERFORMERS: dict[str, Callable[[Work], Document]] = {
    "Processing": _processing,
    "Training": _training,
    "RegisterModel": _register,
    "Model": _model,
    "Condition": _condition,
    "Fail": _fail,
}


def _arguments(work: Work) -> Document:
    resolved = resolve(work.node.arguments, work.scope)
    # ExperimentConfig is the SDK's default and belongs to Experiments, which are not performed.
    return {name: value for name, value in dict(resolved).items() if name != "ExperimentConfig"}  # type: ignore[call-overload]


def _invoke(client: Any, operation: str, arguments: Document) -> Document:
    try:
        response: Document = getattr(client, operation)(**arguments)
    except (ClientError, BotoCoreError) as error:
        title = "".join(part.title() for part in operation.split("_"))
        raise StepFailedError(
            f"ClientError: Failed to invoke sagemaker:{title}. Error Details: {error}"
        ) from error
    response.pop("ResponseMetadata", None)
    return response
