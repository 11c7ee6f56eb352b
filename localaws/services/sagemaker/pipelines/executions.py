"""Executions of pipelines: start, describe, list, stop, retry. Running them is in `executor.py`."""

from __future__ import annotations

import hashlib
import logging
import secrets
import string
import threading
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.core.tokens import ClientToken
from localaws.services.sagemaker import arns
from localaws.services.sagemaker.arns import ResourceName
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, paginate, pick
from localaws.services.sagemaker.pipelines import definition, parameters
from localaws.services.sagemaker.pipelines.catalogue import KIND, TOKEN, pipeline_records
from localaws.services.sagemaker.pipelines.executor import Executor
from localaws.services.sagemaker.pipelines.journal import RUNNING, Journal, execution_records
from localaws.services.sagemaker.records import public

if TYPE_CHECKING:
    from localaws.services.sagemaker.jobs.bench import Bench

_log = logging.getLogger(__name__)
_LIST = Listing(
    name="PipelineExecutionArn",
    default_order="Descending",
    sorts={"PipelineExecutionArn": "PipelineExecutionArn"},
)
_REFUSED = ("SelectiveExecutionConfig", "PipelineVersionId", "MlflowExperimentName")
_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 12


class PipelineExecutions(Provider):
    """StartPipelineExecution and its kin."""

    _benches: dict[str, Bench]
    _executors: dict[str, Executor]

    def start_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Start an execution, or return the one that this token started.

        Raises:
            ServiceError: ResourceNotFound; ValidationException, unknown or missing parameter.
        """
        for member in _REFUSED:
            refuse(request.get(member), member)
        name = arns.owned(call, arns.named(call, KIND, request["PipelineName"]))
        pipeline = pipeline_records(self.context.store).get(name)
        # A pipeline of the same name that was made anew knows none of the old one's tokens.
        token = self._token(call, request, f"{name.arn}/{pipeline['CreationTime']}")
        answer, new = token.once(lambda: self._new_execution(name, pipeline, request))
        if new:
            self._run(arns.parse(answer["PipelineExecutionArn"]))
        return answer

    def describe_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Describe an execution."""
        return public(self._journal(call, request).execution())

    def list_pipeline_executions(self, call: Call, request: Document) -> Document:
        """List the executions of a pipeline, newest first unless asked otherwise."""
        name = arns.owned(call, arns.named(call, KIND, request["PipelineName"]))
        pipeline_records(self.context.store).get(name)
        table = self.context.store.table("sagemaker/pipeline-execution")
        items = [document for _, document in table.scan(f"{name.key}/execution/")]
        page, more = _LIST.page(items, request)
        return {"PipelineExecutionSummaries": [_summary(item) for item in page], **more}

    def list_pipeline_execution_steps(self, call: Call, request: Document) -> Document:
        """List the steps that have started, newest first unless asked otherwise."""
        journal = self._journal(call, request)
        journal.execution()
        items = sorted(journal.steps(), key=lambda step: step["StartTime"])
        if request.get("SortOrder", "Descending") == "Descending":
            items.reverse()
        page, more = paginate(items, request, name=lambda step: str(step["StepName"]), size=100)
        return {"PipelineExecutionSteps": [public(step) for step in page], **more}

    def list_pipeline_parameters_for_execution(self, call: Call, request: Document) -> Document:
        """List the value of every parameter, defaults included."""
        values = self._journal(call, request).execution()["_Parameters"]
        items = [{"Name": name, "Value": _shown(value)} for name, value in values.items()]
        page, more = paginate(items, request, name=lambda item: str(item["Name"]), size=100)
        return {"PipelineParameters": page, **more}

    def describe_pipeline_definition_for_execution(self, call: Call, request: Document) -> Document:
        """Return the definition that the execution runs, whatever the pipeline says by now."""
        record = self._journal(call, request).execution()
        return {
            "PipelineDefinition": record["_Definition"],
            "CreationTime": record["CreationTime"],
        }

    def stop_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Stop an execution: no further step starts, jobs under way are stopped."""
        journal = self._journal(call, request)

        def change(record: Document) -> None:
            if record["PipelineExecutionStatus"] not in RUNNING:
                raise ServiceError(
                    "ConflictException",
                    f"Only pipeline executions in status Executing can be stopped, this one is "
                    f"{record['PipelineExecutionStatus']}.",
                )
            record |= {
                "PipelineExecutionStatus": "Stopping",
                "LastModifiedTime": self.context.now(),
            }

        def stop() -> Document:
            journal.change(change)
            return {"PipelineExecutionArn": journal.name.arn}

        answer, new = self._token(call, request, journal.name.arn).once(stop)
        executor = self._executors.get(journal.name.key)
        if new and executor is not None:
            executor.stop_jobs()
        return answer

    def retry_pipeline_execution(self, call: Call, request: Document) -> Document:
        """Run again the steps of a failed or stopped execution that did not succeed."""
        journal = self._journal(call, request)

        def change(record: Document) -> None:
            if record["PipelineExecutionStatus"] not in ("Failed", "Stopped"):
                raise ServiceError(
                    "ConflictException",
                    "Only failed or stopped pipeline executions can be retried, this one is "
                    f"{record['PipelineExecutionStatus']}.",
                )
            record.pop("FailureReason", None)
            record["_Attempt"] += 1
            record |= pick(request, "ParallelismConfiguration") | {
                "PipelineExecutionStatus": "Executing",
                "LastModifiedTime": self.context.now(),
            }

        def again() -> Document:
            journal.change(change)
            journal.forget_unsuccessful()
            return {"PipelineExecutionArn": journal.name.arn}

        answer, new = self._token(call, request, journal.name.arn).once(again)
        if new:
            self._run(journal.name)
        return answer

    def _resume_executions(self) -> None:
        """Go on with every execution that was under way when the server ended."""
        for record in list(execution_records(self.context.store).all()):
            if record["PipelineExecutionStatus"] in RUNNING:
                name = arns.parse(record["PipelineExecutionArn"])
                self._run(name)
                if record["PipelineExecutionStatus"] == "Stopping":
                    self._executors[name.key].stop_jobs()

    def _journal(self, call: Call, request: Document) -> Journal:
        if "PipelineExecutionArn" not in request:  # which ListPipelineExecutionSteps's model allows
            raise ServiceError("ValidationException", "PipelineExecutionArn is needed")
        name = arns.owned(call, arns.parse(request["PipelineExecutionArn"]))
        return Journal(self.context.store, name)

    def _token(self, call: Call, request: Document, scope: str) -> ClientToken:
        return ClientToken(self.context, call, request, TOKEN, scope)

    def _new_execution(
        self, pipeline: ResourceName, described: Document, request: Document
    ) -> Document:
        text = described["PipelineDefinition"]
        bound = parameters.bind(definition.read(text), request.get("PipelineParameters", []))
        execution_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        name = ResourceName(
            pipeline.account_id, pipeline.region, KIND, f"{pipeline.name}/execution/{execution_id}"
        )
        now = self.context.now()
        parallel = request.get(
            "ParallelismConfiguration", described.get("ParallelismConfiguration")
        )
        record = {
            "PipelineArn": pipeline.arn,
            "PipelineExecutionArn": name.arn,
            "PipelineExecutionDisplayName": request.get(
                "PipelineExecutionDisplayName", f"execution-{int(now * 1000)}"
            ),
            "PipelineExecutionStatus": "Executing",
            "CreationTime": now,
            "LastModifiedTime": now,
            **pick(request, "PipelineExecutionDescription"),
            **({"ParallelismConfiguration": parallel} if parallel else {}),
            "_Id": execution_id,
            "_Attempt": 1,
            "_Parameters": bound,
            "_Definition": text,
            "_RoleArn": described["RoleArn"],
            "_DefinitionSha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        execution_records(self.context.store).insert(name, record)
        pipeline_records(self.context.store).set(pipeline, LastRunTime=now)
        return {"PipelineExecutionArn": name.arn}

    def _run(self, name: ResourceName) -> None:
        executor = Executor(self.context, Journal(self.context.store, name), self._benches)
        self._executors[name.key] = executor

        def live() -> None:
            try:
                executor.run()
            except Exception:  # noqa: BLE001 - a thread's last resort
                if not self.context.stopping.is_set():
                    _log.exception("Execution %s failed inside the server", name.arn)
                    self._fail_execution(name)
            finally:
                if self._executors.get(name.key) is executor:  # a retry may have its own by now
                    del self._executors[name.key]

        threading.Thread(target=live, name=f"execution-{name.name}", daemon=True).start()

    def _fail_execution(self, name: ResourceName) -> None:
        execution_records(self.context.store).set(
            name,
            PipelineExecutionStatus="Failed",
            FailureReason="InternalServerError: the server's log has the cause.",
            LastModifiedTime=self.context.now(),
        )


def _summary(record: Document) -> Document:
    summary = pick(
        record, "PipelineExecutionArn", "PipelineExecutionStatus",
        "PipelineExecutionDescription", "PipelineExecutionDisplayName",
    )  # fmt: skip
    summary["StartTime"] = record["CreationTime"]
    if record.get("FailureReason"):
        summary["PipelineExecutionFailureReason"] = record["FailureReason"]
    return summary


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
