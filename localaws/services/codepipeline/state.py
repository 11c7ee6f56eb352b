"""The durable state: pipelines, their executions, and each attempt at an action.

Documents and how to find them belong here; what may happen to them next is ``engine``'s business.
Keys: ``account/region/pipeline``, below it ``/execution``, below that ``/action``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document

IN_FLIGHT = ("InProgress", "Stopping")


class State:
    """All pipelines of all accounts."""

    def __init__(self, context: ServerContext) -> None:
        self.now = context.now
        self._store = context.store
        self.pipelines = context.store.table("codepipeline/pipeline")
        self.versions = context.store.table("codepipeline/version")
        self.executions = context.store.table("codepipeline/execution")
        self.actions = context.store.table("codepipeline/action")

    def pipeline(self, call: Call, name: str) -> tuple[str, Document]:
        """Return key and document of a pipeline.

        Raises:
            ServiceError: PipelineNotFoundException.
        """
        key = pipeline_key(call, name)
        document = self.pipelines.get(key)
        if document is None:
            raise ServiceError(
                "PipelineNotFoundException",
                f"Account '{call.account_id}' does not have a pipeline with name '{name}'",
            )
        return key, document

    def store_version(self, key: str, document: Document) -> None:
        """Store a pipeline, and its declaration under its version."""
        with self._store.transaction():
            self.versions.put(f"{key}/{document['version']}", document["declaration"])
            self.pipelines.put(key, document)

    def execution(self, pipeline: str, execution_id: str) -> tuple[str, Document]:
        """Return key and document of an execution.

        Raises:
            ServiceError: PipelineExecutionNotFoundException.
        """
        key = f"{pipeline}/{execution_id}"
        document = self.executions.get(key)
        if document is None:
            raise ServiceError(
                "PipelineExecutionNotFoundException",
                f"Pipeline execution {execution_id} does not exist",
            )
        return key, document

    def executions_of(self, pipeline: str) -> list[tuple[str, Document]]:
        """Return a pipeline's executions in the order in which they were started."""
        return sorted(
            self.executions.scan(f"{pipeline}/"), key=lambda item: int(item[1]["sequence"])
        )

    def in_flight(self, pipeline: str) -> list[tuple[str, Document]]:
        """Return the executions that are not at their end, in the order of their start."""
        return [item for item in self.executions_of(pipeline) if item[1]["status"] in IN_FLIGHT]

    def new_execution(
        self, pipeline: str, document: Document, variables: dict[str, str], trigger: Document
    ) -> tuple[str, Document]:
        """Make, but do not store, an execution that waits before the first stage."""
        self.pipelines.update(pipeline, lambda p: p.update(sequence=p["sequence"] + 1))
        execution_id = str(uuid.uuid4())
        now = self.now()
        return f"{pipeline}/{execution_id}", {
            "id": execution_id,
            "sequence": document["sequence"] + 1,
            "version": document["version"],
            "declaration": document["declaration"],
            "status": "InProgress",
            "summary": "",
            "started": now,
            "updated": now,
            "variables": variables,
            "trigger": trigger,
            "overrides": {},
            "stage": 0,
            "inside": False,
            "stages": {},
            "artifacts": {},
            "revisions": {},
            "outputs": {},
            "stop": None,
        }

    def new_action(self, execution_key: str, stage: str, declared: Document) -> str:
        """Store an attempt at an action, in progress from now on, and return its key."""
        action_id = str(uuid.uuid4())
        now = self.now()
        document: Document = {
            "id": action_id,
            "stage": stage,
            "declared": declared,
            "status": "InProgress",
            "started": now,
            "updated": now,
        }
        if declared["actionTypeId"]["category"] == "Approval":
            document["token"] = str(uuid.uuid4())
        self.actions.put(f"{execution_key}/{action_id}", document)
        return f"{execution_key}/{action_id}"

    def action(self, execution_key: str, action_id: str) -> Document:
        """Return an attempt that the execution knows of."""
        document = self.actions.get(f"{execution_key}/{action_id}")
        if document is None:
            raise KeyError(action_id)
        return document

    def actions_of(self, prefix: str) -> Iterator[tuple[str, Document]]:
        """Yield all attempts of a pipeline or of an execution, by key prefix."""
        yield from self.actions.scan(f"{prefix}/")

    def forget(self, pipeline: str) -> None:
        """Delete a pipeline with its whole history."""
        with self._store.transaction():
            self.pipelines.delete(pipeline)
            for table in (self.versions, self.executions, self.actions):
                for key, _ in list(table.scan(f"{pipeline}/")):
                    table.delete(key)


def pipeline_key(call: Call, name: str) -> str:
    """Return where a pipeline of the caller's account is kept."""
    return f"{call.account_id}/{call.region}/{name}"


def current_stage(execution: Document) -> Document:
    """Return the declaration of the stage an execution is in, or waits before."""
    stage: Document = execution["declaration"]["stages"][execution["stage"]]
    return stage


def transition(pipeline: Document, stage: str, kind: str) -> Document:
    """Return the state of a stage's Inbound or Outbound transition."""
    known: Document = pipeline["transitions"].get(f"{stage}/{kind}", {"enabled": True})
    return known
