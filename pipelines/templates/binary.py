"""Template `binary`: validate, prepare, train, evaluate and bias, judge, then register or refuse.

The graph and nothing else. Import only in the compile process: importing the sagemaker SDK takes
seconds, makes boto3 clients and sets up the root logger. What the steps do is `pipelines.steps`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sagemaker.core import image_uris
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
)
from sagemaker.core.training.configs import Compute, InputData, MetricDefinition
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import (
    ConditionStep,
    FailStep,
    ModelStep,
    Pipeline,
    ProcessingStep,
    TrainingStep,
)
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer

from pipelines.templates.offline import OfflinePipelineSession

if TYPE_CHECKING:
    from pipelines.templates.request import CompileRequest

_SKLEARN_VERSION = "1.9-0"  # Python 3.12; the steps need 3.11
_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_MESSAGE = "/opt/ml/output/message"
# Inputs that a step takes as a file rather than as a folder.
_FILES = {"config": "/config.json"}
_JUDGED = {
    "data_report": "/data_report.json",
    "evaluation": "/evaluation.json",
    "bias": "/bias.json",
    "model": "/model.tar.gz",
}
_METRICS = ("train_auc", "train_log_loss", "validation_auc", "validation_log_loss")
PARAMETERS = (
    "TrainingSetUri",
    "TrainingSetSha256",
    "ChampionUri",
    "ChampionPackageArn",
    "TrainedFrom",
    "TrainedThrough",
    "DriftBaselineUri",
    "Commit",
    "DagsterRunId",
)
_TRACED = {
    "training_set_uri": "TrainingSetUri",
    "training_set_sha256": "TrainingSetSha256",
    "trained_from": "TrainedFrom",
    "trained_through": "TrainedThrough",
    "drift_baseline_uri": "DriftBaselineUri",
    "champion_package_arn": "ChampionPackageArn",
    "commit": "Commit",
    "dagster_run_id": "DagsterRunId",
}


def definition(request: CompileRequest) -> str:
    """Compile the template: the same request gives the same bytes."""
    graph = _Graph(request)
    pipeline = Pipeline(
        name=request.pipeline_name,
        parameters=list(graph.parameters.values()),
        steps=graph.steps(),
        sagemaker_session=graph.session,
        pipeline_experiment_config=None,  # packages and runs are found by their own names
    )
    return json.dumps(json.loads(pipeline.definition()), indent=1, sort_keys=True) + "\n"


class _Graph:
    """The steps of one definition, each made from the request and the steps before it."""

    def __init__(self, request: CompileRequest) -> None:
        self.request = request
        self.session = OfflinePipelineSession(request)
        self.parameters = {name: ParameterString(name=name) for name in PARAMETERS}
        self.image = request.image_uri or image_uris.retrieve(
            "sklearn", request.region, version=_SKLEARN_VERSION, image_scope="training"
        )
        bucket = request.artifact_bucket
        self.code_uri = f"s3://{bucket}/code/{request.code_sha256}"
        self.config_uri = f"s3://{bucket}/configs/{request.config_sha256}/config.json"

    def steps(self) -> list[Any]:
        """Wire the steps. Order comes from data, except that nothing starts before Validate."""
        validate = self._validate()
        prepare = self._prepare(validate)
        train = self._train(prepare)
        evaluate = self._evaluate(prepare, train)
        bias = self._bias(prepare, train)
        report = PropertyFile(name="GateReport", output_name="gate_report", path="gate_report.json")
        judge = self._judge([validate, evaluate, bias], train, report)
        passed = JsonGet(step_name=judge.name, property_file=report, json_path="passed")
        gate = ConditionStep(
            name="Gate",
            conditions=[ConditionEquals(left=passed, right=True)],
            if_steps=[self._register(train, evaluate, bias)],
            else_steps=[_refuse(judge)],
        )
        return [validate, prepare, train, evaluate, bias, judge, gate]

    def run_uri(self, *parts: str) -> Join:
        """Give a place below this execution's own prefix."""
        fixed = ["s3:/", self.request.artifact_bucket, "runs", self.request.slug]
        return Join(on="/", values=[*fixed, ExecutionVariables.PIPELINE_EXECUTION_ID, *parts])

    def _validate(self) -> ProcessingStep:
        return self._processing(
            "Validate",
            inputs={"training_set": self.parameters["TrainingSetUri"]},
            outputs={"data_report": ("validate",)},
            arguments=["--training-set-sha256", self.parameters["TrainingSetSha256"]],
        )

    def _prepare(self, validate: ProcessingStep) -> ProcessingStep:
        parts = ("train", "validation", "test", "encoding")
        return self._processing(
            "Prepare",
            inputs={"training_set": self.parameters["TrainingSetUri"]},
            outputs={part: ("prepare", part) for part in parts},
            depends_on=[validate],
        )

    def _train(self, prepare: ProcessingStep) -> TrainingStep:
        trainer = ModelTrainer(
            training_image=self.image,
            role=self.request.role_arn,
            sagemaker_session=self.session,
            base_job_name=f"{self.request.slug}-train",
            compute=Compute(
                instance_type=self.request.training_instance_type,
                instance_count=1,
                volume_size_in_gb=self.request.volume_gb,
            ),
            stopping_condition=StoppingCondition(
                max_runtime_in_seconds=self.request.max_runtime_seconds
            ),
            output_data_config=OutputDataConfig(s3_output_path=self.run_uri("train")),
            # Not SourceCode: it uploads under a timestamp, and every compile would differ.
            hyperparameters={
                "sagemaker_program": "train_entry.py",
                "sagemaker_submit_directory": f"{self.code_uri}/sourcedir.tar.gz",
            },
        ).with_metric_definitions(
            [MetricDefinition(name=name, regex=f"{name}=([0-9.]+)") for name in _METRICS]
        )
        channels = {part: _output(prepare, part) for part in ("train", "validation", "encoding")}
        channels["config"] = self.config_uri
        arguments = trainer.train(
            input_data_config=[
                InputData(channel_name=name, data_source=uri) for name, uri in channels.items()
            ]
        )
        return TrainingStep(name="Train", step_args=arguments)

    def _evaluate(self, prepare: ProcessingStep, train: TrainingStep) -> ProcessingStep:
        return self._processing(
            "Evaluate",
            inputs={
                "test": _output(prepare, "test"),
                "model": train.properties.ModelArtifacts.S3ModelArtifacts,
                "champion": self.parameters["ChampionUri"],
            },
            outputs={"evaluation": ("evaluate",)},
            arguments=["--champion-package-arn", self.parameters["ChampionPackageArn"]],
        )

    def _bias(self, prepare: ProcessingStep, train: TrainingStep) -> ProcessingStep:
        return self._processing(
            "Bias",
            inputs={
                "test": _output(prepare, "test"),
                "model": train.properties.ModelArtifacts.S3ModelArtifacts,
            },
            outputs={"bias": ("bias",)},
        )

    def _judge(
        self, reporting: list[ProcessingStep], train: TrainingStep, report: PropertyFile
    ) -> ProcessingStep:
        names = ("data_report", "evaluation", "bias")
        inputs = {name: _output(step, name) for name, step in zip(names, reporting, strict=True)}
        inputs["model"] = train.properties.ModelArtifacts.S3ModelArtifacts
        return self._processing(
            "Judge",
            inputs=inputs,
            outputs={"gate_report": ("judge",)},
            files=_JUDGED,
            property_files=[report],
        )

    def _processing(
        self,
        name: str,
        *,
        inputs: dict[str, Any],
        outputs: dict[str, tuple[str, ...]],
        arguments: list[Any] | None = None,
        files: dict[str, str] | None = None,
        **options: Any,
    ) -> ProcessingStep:
        """Make a processing step that runs the bundle's script of the same name."""
        step = name.lower()
        processor = Processor(
            role=self.request.role_arn,
            image_uri=self.image,
            instance_count=1,
            instance_type=self.request.processing_instance_type,
            entrypoint=["python3", f"{_INPUT}/code/bootstrap.py", step],
            volume_size_in_gb=self.request.volume_gb,
            max_runtime_in_seconds=self.request.max_runtime_seconds,
            base_job_name=f"{self.request.slug}-{step}",
            sagemaker_session=self.session,
        )
        given = {"code": self.code_uri, "config": self.config_uri, **inputs}
        run = processor.run(
            inputs=[_processing_input(key, uri) for key, uri in given.items()],
            outputs=[
                _processing_output(key, self.run_uri(*parts)) for key, parts in outputs.items()
            ],
            arguments=[
                "--message",
                _MESSAGE,
                *_paths(given, outputs, {**_FILES, **(files or {})}),
                *(arguments or []),
            ],
        )
        return ProcessingStep(name=name, step_args=run, **options)

    def _register(
        self, train: TrainingStep, evaluate: ProcessingStep, bias: ProcessingStep
    ) -> ModelStep:
        builder = ModelBuilder(
            s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
            image_uri=self.image,
            role_arn=self.request.role_arn,
            sagemaker_session=self.session,
            env_vars={
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        )
        arguments = builder.register(
            model_package_group_name=self.request.package_group_arn,
            content_types=["application/json"],
            response_types=["application/json"],
            inference_instances=list(self.request.serving_instance_types),
            approval_status="PendingManualApproval",
            model_metrics=ModelMetrics(
                model_statistics=_metrics(evaluate, "evaluation"), bias=_metrics(bias, "bias")
            ),
            customer_metadata_properties=self._metadata(),
        )
        return ModelStep(name="Register", step_args=arguments)

    def _metadata(self) -> dict[str, Any]:
        """Give what leads from a served prediction back to rows, code, configuration and run."""
        traced = {key: self.parameters[name] for key, name in _TRACED.items()}
        return {
            **traced,
            "code_sha256": self.request.code_sha256,
            "config_sha256": self.request.config_sha256,
            "run_uri": self.run_uri(),
        }


def _paths(
    inputs: dict[str, Any], outputs: dict[str, tuple[str, ...]], files: dict[str, str]
) -> list[str]:
    """Give every path as an argument: a step need not know where its container mounts things."""
    found: list[str] = []
    for name in inputs:
        file = files.get(name, "")
        if name != "code":
            found += [f"--{name.replace('_', '-')}", f"{_INPUT}/{name}{file}"]
    for name in outputs:
        flag = "output" if len(outputs) == 1 else name
        found += [f"--{flag}", f"{_OUTPUT}/{name}"]
    return found


def _output(step: ProcessingStep, name: str) -> Any:
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def _processing_input(name: str, uri: Any) -> ProcessingInput:
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri,
            local_path=f"{_INPUT}/{name}",
            s3_data_type="S3Prefix",
            s3_input_mode="File",
            s3_data_distribution_type="FullyReplicated",
        ),
    )


def _processing_output(name: str, uri: Any) -> ProcessingOutput:
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(
            s3_uri=uri, local_path=f"{_OUTPUT}/{name}", s3_upload_mode="EndOfJob"
        ),
    )


def _metrics(step: ProcessingStep, name: str) -> MetricsSource:
    return MetricsSource(
        content_type="application/json",
        s3_uri=Join(on="/", values=[_output(step, name), f"{name}.json"]),
    )


def _refuse(judge: ProcessingStep) -> FailStep:
    where = _output(judge, "gate_report")
    parts = ["The gates refused this model; see ", where, "/gate_report.json"]
    return FailStep(name="Refuse", error_message=Join(on="", values=parts))
