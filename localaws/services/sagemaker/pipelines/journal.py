"""What one execution has done so far, durably: its own record and one per step started.

Deciding what to do next belongs to `executor.py`, answering requests to `executions.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.services.sagemaker.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.provider import Document
    from localaws.core.store import Store
    from localaws.services.sagemaker.arns import ResourceName

RUNNING = {"Executing", "Stopping"}
_STEPS = "sagemaker/pipeline-step"
_REASON_CHARACTERS = 1024


def execution_records(store: Store) -> Records:
    """Return the executions of all pipelines of all accounts."""
    return Records(
        store,
        "sagemaker/pipeline-execution",
        missing=("ResourceNotFound", "Pipeline execution '{arn}' does not exist."),
        taken=("ConflictException", "Pipeline execution '{arn}' already exists."),
    )


class Journal:
    """The records of one execution."""

    def __init__(self, store: Store, name: ResourceName) -> None:
        self.name = name
        self._records = execution_records(store)
        self._steps = store.table(_STEPS)

    def execution(self) -> Document:
        """Return the execution's own record."""
        return self._records.get(self.name)

    def change(self, change: Callable[[Document], None]) -> Document:
        """Change the execution's own record in one step."""
        return self._records.change(self.name, change)

    def steps(self) -> list[Document]:
        """Return the steps in the order they started."""
        return [document for _, document in self._steps.scan(f"{self.name.key}/")]

    def step(self, step: str) -> Document | None:
        """Return one step's record."""
        return self._steps.get(f"{self.name.key}/{step}")

    def begin(self, step: str, attempt: int, now: float, described: Document) -> Document:
        """Record that a step starts, or find it recorded by an earlier life of the server."""
        known = self.step(step)
        if known is not None:
            return known
        record: Document = {
            "StepName": step,
            "StartTime": now,
            "StepStatus": "Executing",
            "AttemptCount": attempt,
            "Metadata": {},
            **described,
        }
        self._steps.put(f"{self.name.key}/{step}", record)
        return record

    def publish(self, step: str, metadata: Document) -> None:
        """Make a step's metadata visible."""
        self._set(step, Metadata=metadata)

    def end(
        self,
        step: str,
        status: str,
        now: float,
        *,
        reason: str | None = None,
        properties: Any = None,
    ) -> None:
        """Record a step's end, its reason if it failed, what it made if it succeeded."""
        members: Document = {"StepStatus": status, "EndTime": now}
        if reason is not None:
            members["FailureReason"] = reason[:_REASON_CHARACTERS]
        if properties is not None:
            members["_Properties"] = properties
        self._set(step, **members)

    def forget_unsuccessful(self) -> None:
        """Remove the steps that did not succeed, so that a retry performs them again."""
        for record in self.steps():
            if record["StepStatus"] != "Succeeded":
                self._steps.delete(f"{self.name.key}/{record['StepName']}")

    def forget(self) -> None:
        """Remove everything."""
        for record in self.steps():
            self._steps.delete(f"{self.name.key}/{record['StepName']}")
        self._records.delete(self.name)

    def _set(self, step: str, **members: object) -> None:
        self._steps.update(f"{self.name.key}/{step}", lambda record: record.update(members))
