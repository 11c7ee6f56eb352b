"""Runs one execution: starts every step as soon as it may, in parallel, and ends the execution.

What has been done is read from the journal alone, so that a restarted server goes on where it
was. What a step does is in `steps.py`, which may start is in `order.py`.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import TYPE_CHECKING, Any

from localaws.core.errors import ServiceError
from localaws.services.sagemaker import arns, roles
from localaws.services.sagemaker.objects import Objects
from localaws.services.sagemaker.pipelines import definition, steps
from localaws.services.sagemaker.pipelines.order import ready
from localaws.services.sagemaker.pipelines.scope import ExecutionScope, instant

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.sagemaker.jobs.bench import Bench
    from localaws.services.sagemaker.pipelines.definition import Node
    from localaws.services.sagemaker.pipelines.journal import Journal

_log = logging.getLogger(__name__)
_PARALLEL = 50
_FAILED = "Step failure: One or multiple steps failed."


class Executor:
    """One execution under way."""

    def __init__(self, context: ServerContext, journal: Journal, benches: dict[str, Bench]) -> None:
        self._context = context
        self._journal = journal
        self._benches = benches
        self._name = journal.name
        self._record = journal.execution()
        self._definition = definition.read(self._record["_Definition"])

    def run(self) -> None:
        """Run until nothing more can start; leave the journal as it is if the server stops."""
        self._stop_if_asked()  # the server may have ended between the request and its effect
        limit = self._record.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps")
        with ThreadPoolExecutor(limit or _PARALLEL, thread_name_prefix="step") as pool:
            running: set[Future[None]] = set()
            started: set[str] = set()
            while True:
                for node in self._may_start(started):
                    started.add(node.name)
                    running.add(pool.submit(self._step, node))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        if not self._context.stopping.is_set():
            self._finish()

    def stop_jobs(self) -> None:
        """Stop the jobs of the steps under way; their ends end the execution."""
        for step in self._journal.steps():
            for family in ("ProcessingJob", "TrainingJob"):
                job = step.get("Metadata", {}).get(family)
                if job and step["StepStatus"] == "Executing":
                    self._stop_job(arns.parse(job["Arn"]))

    def _publish(self, step: str, metadata: Document) -> None:
        self._journal.publish(step, metadata)
        self._stop_if_asked()  # a stop that came before this job was known passed it by

    def _stop_if_asked(self) -> None:
        if self._journal.execution()["PipelineExecutionStatus"] == "Stopping":
            self.stop_jobs()

    def _stop_job(self, name: arns.ResourceName) -> None:
        try:
            self._benches[name.kind].stop(name)
        except ServiceError as error:
            _log.info("%s needs no stop: %s", name.arn, error)  # It ended in the meantime.

    def _may_start(self, started: set[str]) -> list[Node]:
        """Return the steps to start now, those interrupted by a restart among them."""
        if self._context.stopping.is_set():
            return []
        records = self._journal.steps()
        halted = self._journal.execution()["PipelineExecutionStatus"] != "Executing" or any(
            record["StepStatus"] in ("Failed", "Stopped") for record in records
        )
        interrupted = [
            self._definition.nodes[record["StepName"]]
            for record in records
            if record["StepStatus"] == "Executing" and record["StepName"] not in started
        ]
        if halted:
            return interrupted
        statuses = {record["StepName"]: record["StepStatus"] for record in records}
        statuses |= dict.fromkeys(started - statuses.keys(), "Executing")
        outcomes = {
            record["StepName"]: record["Metadata"]["Condition"]["Outcome"] == "True"
            for record in records
            if "Condition" in record.get("Metadata", {})
        }
        return interrupted + ready(self._definition.nodes, statuses, outcomes)

    def _step(self, node: Node) -> None:
        attempt = self._record["_Attempt"]
        described = {
            shown: node.step[given]
            for given, shown in (
                ("DisplayName", "StepDisplayName"),
                ("Description", "StepDescription"),
            )
            if node.step.get(given)
        }
        record = self._journal.begin(node.name, attempt, self._context.now(), described)
        try:
            properties = steps.perform(self._work(node, record["AttemptCount"]))
        except steps.InterruptedStepError:
            return
        except steps.StepStoppedError as error:
            # Stopped by StopPipelineExecution, or by somebody behind the pipeline's back.
            asked = self._journal.execution()["PipelineExecutionStatus"] == "Stopping"
            self._end(node, "Stopped" if asked else "Failed", reason=str(error))
        except (steps.StepFailedError, roles.RoleError) as error:
            self._end(node, "Failed", reason=str(error))
        except Exception as error:  # noqa: BLE001 - becomes the step's FailureReason
            if self._context.stopping.is_set():
                return
            _log.exception("Step %s of %s failed inside the server", node.name, self._name.arn)
            self._end(node, "Failed", reason=f"InternalServerError: {error}")
        else:
            self._end(node, "Succeeded", properties=_plain(properties))

    def _end(self, node: Node, status: str, **more: object) -> None:
        self._journal.end(node.name, status, self._context.now(), **more)  # type: ignore[arg-type]

    def _work(self, node: Node, attempt: int) -> steps.Work:
        name = steps.job_name(self._record["_Id"], node.name, attempt)
        record = self._record
        pipeline = record["PipelineArn"]
        variables = {
            "StartDateTime": instant(record["CreationTime"]),
            "PipelineName": pipeline.rpartition("/")[2],
            "PipelineArn": pipeline,
            "PipelineExecutionId": record["_Id"],
            "PipelineExecutionArn": self._name.arn,
            "TrainingJobName": name,
            "ProcessingJobName": name,
        }
        objects = Objects(self._client("s3"))
        scope = ExecutionScope(
            self._definition, record["_Parameters"], variables, self._properties, objects
        )
        return steps.Work(
            node=node,
            scope=scope,
            client=self._client("sagemaker"),
            account_id=self._name.account_id,
            region=self._name.region,
            job_name=name,
            publish=lambda metadata: self._publish(node.name, metadata),
            benches=self._benches,
        )

    def _client(self, service: str) -> Any:
        return roles.client(self._context, service, self._record["_RoleArn"], self._name.region)

    def _properties(self, step: str) -> Document | None:
        record = self._journal.step(step) or {}
        properties: Document | None = record.get("_Properties")
        return properties

    def _finish(self) -> None:
        statuses = {record["StepStatus"] for record in self._journal.steps()}

        def change(record: Document) -> None:
            if "Failed" in statuses:
                record |= {"PipelineExecutionStatus": "Failed", "FailureReason": _FAILED}
            elif record["PipelineExecutionStatus"] == "Stopping":
                record["PipelineExecutionStatus"] = "Stopped"
            else:
                record["PipelineExecutionStatus"] = "Succeeded"
            record["LastModifiedTime"] = self._context.now()

        self._journal.change(change)


def _plain(properties: Document) -> Document:
    # Times as numbers: the journal is JSON.
    def number(value: object) -> object:
        return value.timestamp() if isinstance(value, datetime) else str(value)

    plain: Document = json.loads(json.dumps(properties, default=number))
    return plain
