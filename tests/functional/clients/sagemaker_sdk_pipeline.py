"""Drives the sagemaker SDK's Pipeline object, and prints as JSON what it saw. Run by its path.

In a process of its own: the SDK makes clients when imported and takes over logging. What must hold
is test_sagemaker_sdk.py's to say. Arguments: bucket, ARN of the model package group.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.training.configs import Compute, InputData
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer

ROLE = "arn:aws:iam::111111111111:role/perennial-sagemaker"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
BUCKET, GROUP = sys.argv[1:3]

logging.getLogger().setLevel(logging.ERROR)
session = PipelineSession(
    boto_session=boto3.Session(region_name="us-east-1"), default_bucket=BUCKET
)


def judge(score: ParameterFloat) -> tuple[ProcessingStep, PropertyFile]:
    processor = Processor(
        role=ROLE, image_uri=IMAGE, instance_count=1, instance_type="ml.m5.large",
        entrypoint=["python3", f"{INPUT}/code/judge.py"], sagemaker_session=session,
    )  # fmt: skip
    place = Join(
        on="/", values=[f"s3://{BUCKET}/runs", ExecutionVariables.PIPELINE_EXECUTION_ID, "judge"]
    )
    report = PropertyFile(name="report", output_name="report", path="report.json")
    code = ProcessingS3Input(
        s3_uri=f"s3://{BUCKET}/code/", local_path=f"{INPUT}/code", s3_data_type="S3Prefix",
        s3_input_mode="File",
    )  # fmt: skip
    result = ProcessingS3Output(
        s3_uri=place, local_path=f"{OUTPUT}/report", s3_upload_mode="EndOfJob"
    )
    step = ProcessingStep(
        name="Judge",
        step_args=processor.run(
            inputs=[ProcessingInput(input_name="code", s3_input=code)],
            outputs=[ProcessingOutput(output_name="report", s3_output=result)],
            arguments=[f"{OUTPUT}/report/report.json", score.to_string()],
            logs=False,
        ),
        property_files=[report],
        cache_config=CacheConfig(enable_caching=False),
    )
    return step, report


def train(judged: ProcessingStep) -> TrainingStep:
    trainer = ModelTrainer(
        training_image=IMAGE, role=ROLE, sagemaker_session=session,
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/trained"),
        hyperparameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{BUCKET}/code/sourcedir.tar.gz",
        },
    )  # fmt: skip
    reports = judged.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri
    channel = InputData(channel_name="report", data_source=reports)
    arguments = trainer.train(input_data_config=[channel], wait=False, logs=False)
    return TrainingStep(name="Train", step_args=arguments)


def register(trained: TrainingStep) -> ModelStep:
    builder = ModelBuilder(
        s3_model_data_url=trained.properties.ModelArtifacts.S3ModelArtifacts, image_uri=IMAGE,
        role_arn=ROLE, sagemaker_session=session, env_vars={"SAGEMAKER_PROGRAM": "inference.py"},
    )  # fmt: skip
    arguments = builder.register(
        model_package_group_name=GROUP, content_types=["application/json"],
        response_types=["application/json"], inference_instances=["ml.m5.large"],
        approval_status="PendingManualApproval",
    )  # fmt: skip
    return ModelStep(name="Register", step_args=arguments)


def pipeline(name: str) -> Pipeline:
    score = ParameterFloat("Score")
    minimum = ParameterFloat("Minimum", default_value=0.5)
    judged, report = judge(score)
    trained = train(judged)
    refuse = FailStep(name="Refuse", error_message=Join(on=" ", values=["score", score, "is low"]))
    found = JsonGet(step_name=judged.name, property_file=report, json_path="score")
    gate = ConditionStep(
        name="Gate", conditions=[ConditionGreaterThanOrEqualTo(left=found, right=minimum)],
        if_steps=[trained, register(trained)], else_steps=[refuse],
    )  # fmt: skip
    return Pipeline(
        name=name, parameters=[score, minimum], steps=[judged, gate], sagemaker_session=session
    )


def steps_of(execution: Any) -> dict[str, Any]:
    return {
        step["StepName"]: {"status": step["StepStatus"], "why": step.get("FailureReason")}
        for step in execution.list_steps()
    }


def error_of(action: Any) -> str:
    try:
        action()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except WaiterError as error:
        return type(error).__name__
    return "none"


def story() -> dict[str, Any]:
    made = pipeline(f"sdk-{uuid.uuid4().hex[:8]}")
    created = made.create(role_arn=ROLE, description="first")
    seen: dict[str, Any] = {
        "arn": created["PipelineArn"],
        "created twice": error_of(lambda: made.create(role_arn=ROLE)),
    }
    made.upsert(role_arn=ROLE, description="second", tags=[{"Key": "k", "Value": "v"}])
    seen["described"] = made.describe()["PipelineDescription"]
    seen["definition"] = made.describe()["PipelineDefinition"] == made.definition()
    made.update(role_arn=ROLE, description="third")
    seen["updated"] = made.describe()["PipelineDescription"]
    seen["tags"] = session.sagemaker_client.list_tags(ResourceArn=seen["arn"])["Tags"]
    seen["without its parameter"] = error_of(lambda: made.start(parameters={}))

    good = made.start(parameters={"Score": 0.75}, execution_display_name="good")
    good.wait(delay=1, max_attempts=90)
    seen["good"] = {
        "status": good.describe()["PipelineExecutionStatus"],
        "steps": steps_of(good),
        "parameters": good.list_parameters()["PipelineParameters"],
    }
    low = made.start(parameters={"Score": 0.25})
    seen["low waited"] = error_of(lambda: low.wait(delay=1, max_attempts=90))
    seen["low"] = {"status": low.describe()["PipelineExecutionStatus"], "steps": steps_of(low)}

    slow = made.start(parameters={"Score": 9.0})  # judge.py then sleeps
    slow.stop()
    # wait() knows no Stopped: it would go on to its last attempt.
    seen["stop waited"] = error_of(lambda: slow.wait(delay=1, max_attempts=5))
    end = time.monotonic() + 60
    while slow.describe()["PipelineExecutionStatus"] == "Stopping" and time.monotonic() < end:
        time.sleep(0.2)
    seen["stopped"] = slow.describe()["PipelineExecutionStatus"]
    listed = made.list_executions()["PipelineExecutionSummaries"]
    seen["executions"] = sorted(item["PipelineExecutionStatus"] for item in listed)
    seen["packages"] = len(
        session.sagemaker_client.list_model_packages(ModelPackageGroupName=GROUP)[
            "ModelPackageSummaryList"
        ]
    )
    made.delete()
    seen["after delete"] = error_of(made.describe)
    return seen


sys.stdout.write(json.dumps(story(), default=str))
