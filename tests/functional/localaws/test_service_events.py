"""Events of SageMaker, CodePipeline and CodeBuild on SQS, in the shapes their guides document."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from tests.functional.localaws.code_world import (
    ASSETS,
    approval_action,
    build_action,
    pipeline,
    source_action,
)
from tests.functional.localaws.code_world import World as CodeWorld
from tests.functional.localaws.event_world import Inbox, rule_to, unique
from tests.functional.localaws.sagemaker_world import (
    CLUSTER,
    IMAGE,
    ROLE,
    World,
    sink,
    source,
    tar_gz,
)

EXPERIMENTATION = "111111111111"


@pytest.fixture
def world(aws):
    return World(aws)


def heard(aws, account, service, detail=None, **pattern):
    """An inbox for the events of one service in one account."""

    def client(name):
        return aws.client(name, account)

    inbox = Inbox(client, unique("service"))
    pattern |= {"source": [f"aws.{service}"], "detail": detail} if detail else {}
    rule_to(client("events"), {"source": [f"aws.{service}"], **pattern}, inbox.arn)
    return inbox


def test_a_package_is_announced_when_it_is_registered_and_when_it_is_approved(aws, world):
    group = world.shared_group()
    name = group.rpartition("/")[2]
    inbox = heard(aws, "assets", "sagemaker", {"ModelPackageGroupName": [name]})
    arn = world.package(group, world.model_data("2"))
    assets = aws.client("sagemaker", "assets")
    assets.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assets.update_model_package(ModelPackageArn=arn, ApprovalDescription="tells nothing new")
    assets.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    events = inbox.count(3)
    assert [event["detail"]["ModelApprovalStatus"] for event in events] == [
        "PendingManualApproval", "Approved", "Rejected"
    ]  # fmt: skip
    approved = events[1]
    assert approved["detail-type"] == "SageMaker Model Package State Change"
    assert approved["account"] == ASSETS
    assert approved["resources"] == [arn]
    detail = approved["detail"]
    assert detail["ModelPackageVersion"] == 1
    assert detail["ModelPackageArn"] == arn
    assert detail["ModelPackageStatus"] == "Completed"
    assert detail["InferenceSpecification"]["Containers"][0]["Image"] == IMAGE
    assert detail["CertifyForMarketplace"] is False
    datetime.strptime(detail["CreationTime"], "%Y-%m-%dT%H:%M:%S%z")
    assert not any(member.startswith("_") for member in detail)


TRAIN = "import os\nopen(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('1')\n"


def test_a_training_job_is_announced_through_its_statuses(aws, world):
    name = unique("train")
    world.put(f"src/{name}/sourcedir.tar.gz", tar_gz({"train.py": TRAIN}))
    inbox = heard(aws, "experimentation", "sagemaker", {"TrainingJobName": [name]})
    world.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(world.uri(f"src/{name}/sourcedir.tar.gz")),
        },
        OutputDataConfig={"S3OutputPath": world.uri("models")},
        ResourceConfig=CLUSTER["ClusterConfig"],
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    described = world.ended_training(name)
    events = inbox.until(lambda bodies: bodies and _status(bodies[-1]) == "Completed")
    assert {event["detail-type"] for event in events} == {"SageMaker Training Job State Change"}
    transitions = [step["Status"] for step in described["SecondaryStatusTransitions"]]
    assert [event["detail"]["SecondaryStatus"] for event in events] == transitions
    assert {_status(event) for event in events[:-1]} == {"InProgress"}
    last = events[-1]["detail"]
    assert events[-1]["resources"] == [last["TrainingJobArn"]]
    assert last["HyperParameters"]["sagemaker_program"] == '"train.py"'
    assert int(last["TrainingEndTime"]) >= int(last["TrainingStartTime"]) > 1.7e12
    assert [step["Status"] for step in last["SecondaryStatusTransitions"]] == transitions


def _status(event):
    return event["detail"]["TrainingJobStatus"]


def test_a_failed_processing_job_says_why(aws, world):
    inbox = heard(
        aws, "experimentation", "sagemaker",
        **{"detail-type": ["SageMaker Processing Job State Change"]},
    )  # fmt: skip
    name = world.processing_job("raise SystemExit('no data')")
    world.ended_processing(name)
    events = inbox.until(
        lambda bodies: "Failed" in {
            b["detail"]["ProcessingJobStatus"] for b in bodies
            if b["detail"]["ProcessingJobName"] == name
        }
    )  # fmt: skip
    failed = events[-1]["detail"]
    assert failed["FailureReason"].startswith("AlgorithmError: ")
    assert failed["ProcessingResources"] == CLUSTER


def test_a_pipelines_execution_and_steps_are_announced_in_order(aws, world):
    name = unique("pipeline")
    world.put(f"code/{name}/main.py", "print('done')")
    job = {
        "RoleArn": ROLE,
        "ProcessingResources": CLUSTER,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/main.py"],
        },
        "ProcessingInputs": [source("code", world.uri(f"code/{name}/"))],
        "ProcessingOutputConfig": sink("out", world.uri("out")),
    }
    step = {"Name": "Work", "Type": "Processing", "Arguments": job}
    made = world.sagemaker.create_pipeline(
        PipelineName=name, RoleArn=ROLE, ClientRequestToken=unique("t" * 32),
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [step]}),
    )["PipelineArn"]  # fmt: skip
    inbox = heard(aws, "experimentation", "sagemaker", {"pipelineArn": [made]})
    arn = world.sagemaker.start_pipeline_execution(
        PipelineName=name, ClientRequestToken=unique("t" * 32)
    )["PipelineExecutionArn"]
    events = inbox.count(4)
    prefix = "SageMaker Model Building Pipeline "
    assert [event["detail-type"].removeprefix(prefix) for event in events] == [
        "Execution Status Change", "Execution Step Status Change", "Execution Step Status Change",
        "Execution Status Change",
    ]  # fmt: skip
    started, running, ended, done = (event["detail"] for event in events)
    assert started["currentPipelineExecutionStatus"] == "Executing"
    assert "previousPipelineExecutionStatus" not in started
    assert (done["previousPipelineExecutionStatus"], done["currentPipelineExecutionStatus"]) == (
        "Executing", "Succeeded"
    )  # fmt: skip
    assert done["executionEndTime"] >= done["executionStartTime"]
    assert (running["stepName"], running["stepType"], running["currentStepStatus"]) == (
        "Work", "Processing", "Executing"
    )  # fmt: skip
    assert (ended["previousStepStatus"], ended["currentStepStatus"]) == ("Executing", "Succeeded")
    assert ended["metadata"]["processingJob"]["arn"].startswith("arn:aws:sagemaker:us-east-1:")
    assert ended["stepEndTime"] >= ended["stepStartTime"]
    assert {event["resources"][1] for event in events} == {arn} == {done["pipelineExecutionArn"]}


def test_an_endpoint_and_its_model_are_announced(aws, world):
    name = world.configuration(world.container(world.model_data("3")))
    inbox = heard(aws, "experimentation", "sagemaker", {"EndpointName": [name]})
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    inbox.count(2)
    models = heard(aws, "experimentation", "sagemaker", {"ModelName": [name]})
    world.sagemaker.delete_endpoint(EndpointName=name)
    world.sagemaker.delete_model(ModelName=name)
    assert models.count(1)[0]["detail-type"] == "SageMaker Model State Change"
    events = inbox.count(3)
    assert [event["detail"]["EndpointStatus"] for event in events] == [
        "CREATING", "IN_SERVICE", "DELETING"
    ]  # fmt: skip
    assert events[1]["detail"]["ProductionVariants"][0]["DesiredWeight"] == 1.0
    assert events[1]["detail"]["CreationTime"] > 1.7e12


def test_a_feature_group_is_announced(aws, world):
    name = unique("group")
    inbox = heard(aws, "experimentation", "sagemaker", {"FeatureGroupName": [name]})
    aws.client("sagemaker").create_feature_group(
        FeatureGroupName=name, RecordIdentifierFeatureName="id", EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": "id", "FeatureType": "String"},
                            {"FeatureName": "at", "FeatureType": "String"}],
        OnlineStoreConfig={"EnableOnlineStore": True}, RoleArn=world.role(),
    )  # fmt: skip
    events = inbox.count(2)
    assert [event["detail"]["FeatureGroupStatus"] for event in events] == ["Creating", "Created"]
    assert events[0]["detail-type"] == "SageMaker Feature Group State Change"


@pytest.fixture(scope="module")
def code(aws):
    world = CodeWorld(aws.endpoint_url)
    try:
        world.prepare()
    except world.client("s3").exceptions.BucketAlreadyOwnedByYou:
        pass
    world.put_source({"file": ""})
    return world


def test_a_build_is_announced_by_state_and_by_phase(aws, code):
    name = unique("project")
    code.create_project(name, "version: 0.2\nphases: {build: {commands: [exit 3]}}\n", "NO_SOURCE")
    inbox = heard(aws, "assets", "codebuild", {"project-name": [name]})
    build = code.build(name)
    events = inbox.until(
        lambda bodies: "FAILED" in {b["detail"].get("build-status") for b in bodies}
    )
    states = [e for e in events if e["detail-type"] == "CodeBuild Build State Change"]
    phases = [e for e in events if e["detail-type"] == "CodeBuild Build Phase Change"]
    assert [event["detail"]["build-status"] for event in states] == ["IN_PROGRESS", "FAILED"]
    assert (events[0], events[-1]) == (states[0], states[-1])
    assert [
        (event["detail"]["completed-phase"], event["detail"]["completed-phase-status"])
        for event in phases
    ] == [(p["phaseType"], p["phaseStatus"]) for p in build["phases"] if "phaseStatus" in p]
    failed = next(e["detail"] for e in phases if e["detail"]["completed-phase"] == "BUILD")
    assert failed["completed-phase-status"] == "FAILED"
    assert "COMMAND_EXECUTION_ERROR" in failed["completed-phase-context"]
    assert failed["build-id"] == build["arn"]
    last = states[-1]["detail"]
    assert (last["current-phase"], last["version"]) == ("COMPLETED", "1")
    information = last["additional-information"]
    assert information["build-complete"] is True
    assert information["environment"]["compute-type"] == "BUILD_GENERAL1_SMALL"
    assert information["logs"]["group-name"] == f"/aws/codebuild/{name}"
    assert re.fullmatch(
        r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M", information["build-start-time"]
    )


def test_a_codepipeline_execution_is_announced_from_start_to_end(aws, code):
    name = unique("release")
    stages = {"Source": [source_action()], "Gate": [approval_action()]}
    code.client("codepipeline").create_pipeline(pipeline=pipeline(name, stages))
    inbox = heard(aws, "assets", "codepipeline", {"pipeline": [name]})
    execution = code.client("codepipeline").start_pipeline_execution(name=name)
    waiting = code.pending_approval(name, "Gate")
    code.client("codepipeline").put_approval_result(
        pipelineName=name, stageName="Gate", actionName="Approve", token=waiting["token"],
        result={"summary": "no", "status": "Rejected"},
    )  # fmt: skip
    events = inbox.count(10)
    assert [
        (
            event["detail-type"].split()[1],
            event["detail"].get("action") or event["detail"].get("stage") or "",
            event["detail"]["state"],
        )
        for event in events
    ] == [
        ("Pipeline", "", "STARTED"), ("Stage", "Source", "STARTED"),
        ("Action", "Source", "STARTED"),
        ("Action", "Source", "SUCCEEDED"), ("Stage", "Source", "SUCCEEDED"),
        ("Stage", "Gate", "STARTED"), ("Action", "Approve", "STARTED"),
        ("Action", "Approve", "FAILED"), ("Stage", "Gate", "FAILED"), ("Pipeline", "", "FAILED"),
    ]  # fmt: skip
    assert {event["detail"]["execution-id"] for event in events} == {
        execution["pipelineExecutionId"]
    }
    assert {event["resources"][0] for event in events} == {
        f"arn:aws:codepipeline:us-east-1:{ASSETS}:{name}"
    }
    assert events[0]["detail"]["execution-trigger"]["trigger-type"] == "StartPipelineExecution"
    source_done = events[3]["detail"]
    assert source_done["type"] == {
        "owner": "AWS", "category": "Source", "provider": "S3", "version": "1"
    }  # fmt: skip
    assert source_done["output-artifacts"][0]["name"] == "Code"
    rejected = events[7]["detail"]["execution-result"]
    assert rejected["error-code"] == "JobFailed"


def test_a_retried_stage_is_announced_as_resumed(aws, code):
    project, name = unique("project"), unique("release")
    code.create_project(project, "version: 0.2\nphases: {build: {commands: [exit 3]}}\n")
    stages = {"Source": [source_action()], "Do": [build_action("Build", project)]}
    codepipeline = code.client("codepipeline")
    codepipeline.create_pipeline(pipeline=pipeline(name, stages))
    inbox = heard(aws, "assets", "codepipeline", {"pipeline": [name]})
    execution = codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
    code.execution(name, execution, "Failed")
    codepipeline.retry_stage_execution(
        pipelineName=name, stageName="Do", pipelineExecutionId=execution,
        retryMode="FAILED_ACTIONS",
    )  # fmt: skip
    events = inbox.until(
        lambda bodies: [b["detail"]["state"] for b in bodies].count("RESUMED") >= 2
    )
    resumed = [e["detail-type"].split()[1] for e in events if e["detail"]["state"] == "RESUMED"]
    assert resumed == ["Pipeline", "Stage"]
    code.execution(name, execution, "Failed")
