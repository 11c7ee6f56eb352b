"""The jobs of one kind under way: a thread each, an end each, whatever happens.

Belongs here: create, resume, stop, wait, and turning an end into a status. What a job does between
start and end belongs to its `Craft` (`processing.py`, `training.py`).
"""

from __future__ import annotations

import functools
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from localaws.core.errors import ServiceError
from localaws.services.sagemaker import arns, roles, tags
from localaws.services.sagemaker.jobs import logs
from localaws.services.sagemaker.jobs.workspace import (
    GRACE_SECONDS,
    StoppedError,
    TimeLimitError,
    Workspace,
)
from localaws.services.sagemaker.objects import ObjectError, Objects
from localaws.services.sagemaker.records import Records

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.sagemaker.arns import ResourceName

_log = logging.getLogger(__name__)
_ATTEMPTS = 3
#: From SIGTERM to SIGKILL when the server stops; the job is done again at the next start.
_END_SECONDS = 5.0
_REASON_CHARACTERS = 1024
_TAKEN = (
    "{} job names must be unique within an AWS account and region, and a {} job with this name "
    "already exists ({{arn}})"
)
_ENDED = {"Completed", "Failed", "Stopped"}


class JobFailedError(Exception):
    """The job failed; the text becomes its FailureReason."""


@dataclass(frozen=True)
class Task:
    """One job under way, as its craft sees it."""

    name: ResourceName
    document: Document
    workspace: Workspace
    objects: Objects
    records: Records
    context: ServerContext

    def set(self, **members: object) -> None:
        """Make members of the job's description visible now."""
        self.records.set(self.name, **members)


class Craft(Protocol):
    """What differs between processing and training jobs."""

    kind: str
    title: str
    missing: str

    def perform(self, task: Task) -> Document:
        """Do the job; return members to add to its description."""

    def stopping(self, document: Document) -> None:
        """Set what the description shows, besides the status, once a stop was asked for."""

    def ended(self, document: Document, status: str, *, late: bool) -> None:
        """Set what the description shows of an end besides status and reason."""


class Bench:
    """All jobs of one kind.

    Args:
        context: The server.
        craft: What these jobs do.
        slots: Bounds how many job processes run at a time, shared between kinds.
    """

    def __init__(self, context: ServerContext, craft: Craft, slots: threading.Semaphore) -> None:
        self._context = context
        self._craft = craft
        self._slots = slots
        self._running: dict[str, Workspace] = {}
        self._changed = threading.Condition()
        self._status = f"{craft.title}JobStatus"
        self.records = Records(
            context.store,
            f"sagemaker/{craft.kind}",
            missing=("ValidationException", craft.missing),
            taken=("ResourceInUse", _TAKEN.format(craft.title, craft.title.lower())),
        )

    def create(self, name: ResourceName, document: Document, labels: list[Document]) -> None:
        """Record the job as InProgress, with its tags, and start it.

        Raises:
            ServiceError: ResourceInUse, the name is taken.
        """
        document |= {self._status: "InProgress", "_Arn": name.arn, "_Attempts": 0}
        with self._context.store.transaction():
            self.records.insert(name, document)
            tags.put(self._context.store, name.arn, labels)
        self._start(name)

    def resume(self) -> None:
        """Start again, from the beginning, every job that was under way when the server ended."""
        for document in list(self.records.all()):
            if document[self._status] not in _ENDED:
                self._start(arns.parse(document["_Arn"]))

    def stop(self, name: ResourceName) -> None:
        """Stop a job that is under way.

        Raises:
            ServiceError: ValidationException, there is no such job or it has ended.
        """

        def mark(document: Document) -> None:
            if document[self._status] in _ENDED:
                raise ServiceError(
                    "ValidationException",
                    f"The request was rejected because the {self._craft.title.lower()} job is in "
                    f"status {document[self._status]}.",
                )
            if document[self._status] != "Stopping":
                document[self._status] = "Stopping"
                document["LastModifiedTime"] = self._context.now()
                self._craft.stopping(document)

        self.records.change(name, mark)
        workspace = self._running.get(name.key)
        if workspace is not None:
            workspace.stop(grace=GRACE_SECONDS)

    def stop_all(self) -> None:
        """End every process; the records stay InProgress, so that ``resume`` finds them."""
        for workspace in list(self._running.values()):
            workspace.stop(grace=_END_SECONDS)
        with self._changed:
            self._changed.notify_all()

    def wait(self, name: ResourceName) -> Document:
        """Block until the job has ended or the server stops; return its document."""
        with self._changed:
            while not self._context.stopping.is_set():
                document = self.records.get(name)
                if document[self._status] in _ENDED:
                    return document
                self._changed.wait(5.0)
        return self.records.get(name)

    def _start(self, name: ResourceName) -> None:
        attempt = self.records.change(name, _count_attempt)["_Attempts"]
        # A folder per attempt: after a crash the one before may still be written to.
        folder = self._context.folder(
            "sagemaker", self._craft.kind, name.account_id, name.region, name.name, str(attempt)
        )
        workspace = self._running[name.key] = Workspace(folder, self._slots)
        threading.Thread(
            target=self._live, args=(name, workspace), name=f"job-{name.name}", daemon=True
        ).start()

    def _live(self, name: ResourceName, workspace: Workspace) -> None:
        try:
            self._attempt(name, workspace)
        except Exception:  # noqa: BLE001 - a thread's last resort
            # Only the store can fail here, and a stopping server closes it.
            if not self._context.stopping.is_set():
                _log.exception("The record of %s could not be written", name.arn)
        finally:
            self._running.pop(name.key, None)
            with self._changed:
                self._changed.notify_all()

    def _attempt(self, name: ResourceName, workspace: Workspace) -> None:
        document = self.records.get(name)
        if document[self._status] == "Stopping":
            self._end(name, workspace, "Stopped")
            return
        if document["_Attempts"] > _ATTEMPTS:
            self._end(
                name,
                workspace,
                "Failed",
                reason=f"InternalServerError: the server ended {_ATTEMPTS} times in this job.",
            )
            return
        self._perform(name, document, workspace)

    def _perform(self, name: ResourceName, document: Document, workspace: Workspace) -> None:
        end = functools.partial(self._end, name, workspace)
        try:
            objects = Objects(roles.client(self._context, "s3", document["RoleArn"], name.region))
            task = Task(name, document, workspace, objects, self.records, self._context)
            members = self._craft.perform(task)
        except StoppedError:
            end("Stopped")
        except TimeLimitError:
            end("Stopped", late=True)
        except JobFailedError as error:
            end("Failed", reason=str(error))
        except (ObjectError, roles.RoleError) as error:
            end("Failed", reason=f"ClientError: {error}")
        except Exception as error:  # noqa: BLE001 - becomes the job's FailureReason
            _log.exception("%s failed inside the server", name.arn)
            end("Failed", reason=f"InternalServerError: {type(error).__name__}: {error}")
        else:
            end("Completed", members=members)

    def _end(
        self,
        name: ResourceName,
        workspace: Workspace,
        status: str,
        *,
        reason: str | None = None,
        late: bool = False,
        members: Document | None = None,
    ) -> None:
        if self._context.stopping.is_set():
            return  # Interrupted, not ended: ``resume`` does it again.
        logs.ship(self._context, name, self._craft.title, workspace.log)
        if status == "Completed":
            workspace.discard_files()

        def change(document: Document) -> None:
            document.update(members or {})
            document[self._status] = status
            document["LastModifiedTime"] = self._context.now()
            if reason is not None:
                document["FailureReason"] = reason[:_REASON_CHARACTERS]
            self._craft.ended(document, status, late=late)

        self.records.change(name, change)


def _count_attempt(document: Document) -> None:
    document["_Attempts"] += 1
