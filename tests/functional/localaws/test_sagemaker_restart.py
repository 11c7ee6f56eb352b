"""What SageMaker does after its server has ended: endpoints come back, work under way goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.functional.localaws.core_world import Process
from tests.functional.localaws.sagemaker_world import CLUSTER, IMAGE, ROLE, World, unique, until

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [
        {
            "Name": name,
            "Type": "Processing",
            "DependsOn": needs,
            "Arguments": {
                "ProcessingResources": CLUSTER,
                "AppSpecification": {
                    "ImageUri": IMAGE,
                    "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(1.5)"],
                },
                "RoleArn": ROLE,
            },
        }
        for name, needs in (("First", []), ("Second", ["First"]))
    ],
}


class Account:
    """What `World` asks of the `aws` fixture, of a server in a process of its own."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def client(self, service: str, account: str = "experimentation") -> Any:
        assert account == "experimentation"
        return self._process.client(service, "111111111111")


def test_work_under_way_goes_on_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "aws"
    process = Process(state)
    try:
        world = World(Account(process))
        configuration = world.configuration(world.container(world.model_data("2")))
        endpoint = unique("endpoint")
        world.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=configuration)
        until(
            lambda: world.sagemaker.describe_endpoint(EndpointName=endpoint),
            lambda described: described["EndpointStatus"] == "InService",
        )
        world.sagemaker.create_pipeline(
            PipelineName="p", PipelineDefinition=json.dumps(DEFINITION), RoleArn=ROLE,
            ClientRequestToken=unique("t" * 32),
        )  # fmt: skip
        started = world.sagemaker.start_pipeline_execution(PipelineName="p")
        until(
            lambda: steps(world, started["PipelineExecutionArn"]),
            lambda found: "ProcessingJob" in found.get("First", {}).get("Metadata", {}),
        )
        first = steps(world, started["PipelineExecutionArn"])["First"]
    finally:
        process.stop()
    process = Process(state)
    try:
        account = Account(process)
        world.sagemaker = account.client("sagemaker")
        response = account.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=b'{"n": 4}', ContentType="application/json"
        )
        assert json.load(response["Body"]) == {"prediction": 8.0}
        arn = started["PipelineExecutionArn"]
        execution = until(
            lambda: world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            lambda described: described["PipelineExecutionStatus"] != "Executing",
        )
        assert execution["PipelineExecutionStatus"] == "Succeeded", steps(world, arn)
        again = steps(world, arn)
        assert again["First"]["Metadata"] == first["Metadata"], "the same job goes on"
        assert again["Second"]["StepStatus"] == "Succeeded"
    finally:
        process.stop()


def steps(world: World, arn: str) -> dict[str, Any]:
    listed = world.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}
