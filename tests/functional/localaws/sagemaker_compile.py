"""Compiles a small pipeline with the sagemaker SDK and prints its definition. Run by its path.

In a process of its own: the SDK makes clients when imported and takes over logging.
Arguments: bucket, ARN of the model package group.
"""

from __future__ import annotations

import os
import sys

os.environ |= {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "unused",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "SAGEMAKER_VALIDATE_ROLE": "false",
}

import boto3
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.training.configs import Compute, InputData
from sagemaker.core.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThanOrEqualTo,
    ConditionIn,
    ConditionNot,
    ConditionOr,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer

ROLE = "arn:aws:iam::111111111111:role/sagemaker-world"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET, GROUP = sys.argv[1:3]
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"


class Offline(PipelineSession):
    """Refuses to upload: the definition must depend on nothing but this file."""

    def account_id(self) -> str:
        return "111111111111"

    def default_bucket(self) -> str:
        return BUCKET


session = Offline(boto_session=boto3.Session(region_name="us-east-1"), default_bucket=BUCKET)
score = ParameterFloat("Score")
minimum = ParameterFloat("Minimum", default_value=0.5)
rows = ParameterInteger("Rows", default_value=3)
kind = ParameterString("Kind", default_value="plain", enum_values=["plain", "other"])

processor = Processor(
    role=ROLE,
    image_uri=IMAGE,
    instance_count=1,
    instance_type="ml.m5.large",
    entrypoint=["python3", f"{INPUT}/code/judge.py"],
    sagemaker_session=session,
)
output = Join(on="/", values=[f"s3://{BUCKET}/runs", ExecutionVariables.PIPELINE_EXECUTION_ID, "j"])
report = PropertyFile(name="report", output_name="report", path="report.json")
judge = ProcessingStep(
    name="Judge",
    step_args=processor.run(
        inputs=[
            ProcessingInput(
                input_name="code",
                s3_input=ProcessingS3Input(
                    s3_uri=f"s3://{BUCKET}/pipeline-code/",
                    local_path=f"{INPUT}/code",
                    s3_data_type="S3Prefix",
                    s3_input_mode="File",
                ),
            )
        ],
        outputs=[
            ProcessingOutput(
                output_name="report",
                s3_output=ProcessingS3Output(
                    s3_uri=output, local_path=f"{OUTPUT}/report", s3_upload_mode="EndOfJob"
                ),
            )
        ],
        arguments=[f"{OUTPUT}/report/report.json", score.to_string(), rows.to_string()],
        logs=False,
    ),
    property_files=[report],
)
trainer = ModelTrainer(
    training_image=IMAGE,
    role=ROLE,
    sagemaker_session=session,
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/trained"),
    hyperparameters={
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/pipeline-code/sourcedir.tar.gz",
    },
)
train = TrainingStep(
    name="Train",
    step_args=trainer.train(
        input_data_config=[
            InputData(
                channel_name="report",
                data_source=judge.properties.ProcessingOutputConfig.Outputs[
                    "report"
                ].S3Output.S3Uri,
            )
        ],
        wait=False,
        logs=False,
    ),
)
builder = ModelBuilder(
    s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
    image_uri=IMAGE,
    role_arn=ROLE,
    sagemaker_session=session,
    env_vars={"SAGEMAKER_PROGRAM": "inference.py"},
)
register = ModelStep(
    name="Register",
    step_args=builder.register(
        model_package_group_name=GROUP,
        content_types=["application/json"],
        response_types=["application/json"],
        inference_instances=["ml.m5.large"],
        approval_status="PendingManualApproval",
        customer_metadata_properties={
            "kind": kind,
            "execution": ExecutionVariables.PIPELINE_EXECUTION_ID,
        },
    ),
)
refuse = FailStep(
    name="Refuse", error_message=Join(on=" ", values=["score", score, "is below", minimum])
)
found = JsonGet(step_name=judge.name, property_file=report, json_path="scores[0].value")
gate = ConditionStep(
    name="Gate",
    conditions=[
        ConditionGreaterThanOrEqualTo(left=found, right=minimum),
        ConditionNot(ConditionEquals(left=kind, right="other")),
        ConditionIn(value=kind, in_values=["plain", "simple"]),
        ConditionOr(
            [
                ConditionEquals(
                    left=JsonGet(step_name=judge.name, property_file=report, json_path="trusted"),
                    right=True,
                ),
                ConditionEquals(left=kind, right="never"),
            ]
        ),
    ],
    if_steps=[register],
    else_steps=[refuse],
)
pipeline = Pipeline(
    name="compiled",
    parameters=[score, minimum, rows, kind],
    steps=[judge, train, gate],
    sagemaker_session=session,
)
definition = pipeline.definition()
sys.stdout.write(definition)
