"""Performs one attempt at an action: reads a source, runs a build. All through AWS's own API.

Which action comes next belongs to ``engine``. An attempt must be resumable: what it started is
noted before it waits, and started with a token, so that a second server re-attaches.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.services.codepipeline import builds, variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.codepipeline.state import State


class ServerStopsError(Exception):
    """The server is about to stop; the attempt stays in progress for the next one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended and what it leaves to later actions."""

    status: str
    summary: str = ""
    error: dict[str, str] | None = None
    artifacts: dict[str, dict[str, str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    revision: dict[str, Any] | None = None
    by: str = ""

    def changes(self, now: float) -> Document:
        """Return what becomes of the attempt's document."""
        return {
            "status": self.status,
            "summary": self.summary,
            "error": self.error,
            "updated": now,
            "by": self.by,
            "produced": self.artifacts,
            "variables": self.variables,
            "revision": self.revision,
        }

    def contribute(self, declared: Document) -> Callable[[Document], None]:
        """Return the change that makes artifacts and variables known to the execution."""

        def change(execution: Document) -> None:
            execution["artifacts"] |= self.artifacts
            if declared.get("namespace"):
                execution["outputs"][declared["namespace"]] = self.variables
            if self.revision:
                execution["revisions"][declared["name"]] = self.revision

        return change


def failed(code: str, message: str) -> Outcome:
    """Return the outcome of an attempt that failed."""
    return Outcome("Failed", summary=message, error={"code": code, "message": message})


def perform(context: ServerContext, state: State, key: str) -> Outcome:
    """Perform the attempt at ``key`` to its end.

    Raises:
        ServerStopsError: The server stops; nothing about the attempt was changed.
    """
    job = Job(context, state, key)
    try:
        job.resolve()
        return _source(job) if job.category == "Source" else _build(job)
    except variables.UnresolvedError as error:
        return failed("ConfigurationError", str(error))
    except (ClientError, BotoCoreError) as error:
        if context.stopping.is_set():
            raise ServerStopsError from error
        return failed("ConfigurationError", str(error))


class Job:
    """An attempt with everything around it that performing it needs."""

    def __init__(self, context: ServerContext, state: State, key: str) -> None:
        self.context = context
        self.key = key
        self.execution_key, _, self.action_id = key.rpartition("/")
        self.account, self.region, self.pipeline, self.execution_id = self.execution_key.split("/")
        self._state = state
        self.execution = state.execution(self.execution_key.rpartition("/")[0], self.execution_id)[
            1
        ]
        self.attempt = state.action(self.execution_key, self.action_id)
        self.declared: Document = self.attempt["declared"]
        self.category: str = self.declared["actionTypeId"]["category"]
        self.configuration: dict[str, str] = {}
        self.store: Document = self.execution["declaration"]["artifactStore"]

    def client(self, service: str) -> Any:
        """Return a client that acts as the pipeline's role, in its region."""
        role = self.execution["declaration"]["roleArn"]
        return self.context.client_as_role(service, role, self.region, acting_as="codepipeline")

    def resolve(self) -> None:
        """Put values in place of references, and note the result for whoever asks.

        Raises:
            UnresolvedError: A reference has no value.
        """
        known = self.known_variables()
        self.configuration = {
            name: variables.resolve(value, known)
            for name, value in self.declared["configuration"].items()
        }
        inputs = {
            artifact["name"]: self.execution["artifacts"][artifact["name"]]
            for artifact in self.declared["inputArtifacts"]
        }
        self.note(resolved=self.configuration, consumed=inputs)

    def known_variables(self) -> dict[str, dict[str, str]]:
        """Return the variables of every namespace that this attempt may refer to."""
        own = {"PipelineExecutionId": self.execution_id}
        return {
            "codepipeline": own,
            "variables": self.execution["variables"],
            **self.execution["outputs"],
        }

    def note(self, **members: Any) -> None:
        """Store facts about the attempt while it runs."""
        self._state.actions.update(self.key, lambda action: action.update(members))

    def new_location(self, artifact: str) -> dict[str, str]:
        """Return a fresh place for an artifact in the pipeline's store, named as AWS names it."""
        name = f"{self.pipeline[:20]}/{artifact[:10]}/{secrets.token_hex(4)}"
        return {"bucket": self.store["location"], "key": name}

    def places(self) -> dict[str, dict[str, str]]:
        """Return where this attempt's artifacts go: noted first, so that a restart asks alike."""
        if "produced" not in self.attempt:
            declared = [artifact["name"] for artifact in self.declared["outputArtifacts"]]
            self.attempt["produced"] = {name: self.new_location(name) for name in declared}
            self.note(produced=self.attempt["produced"])
        found: dict[str, dict[str, str]] = self.attempt["produced"]
        return found


def _source(job: Job) -> Outcome:
    override = job.execution["overrides"].get(job.declared["name"], {})
    bucket = job.configuration["S3Bucket"]
    key = override.get("S3_OBJECT_KEY", job.configuration["S3ObjectKey"])
    s3 = job.client("s3")
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        return failed("ConfigurationError", f"Bucket {bucket} must have versioning enabled")
    pinned = override.get("S3_OBJECT_VERSION_ID")
    answer = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": pinned} if pinned else {}))
    artifact = job.declared["outputArtifacts"][0]["name"]
    place = job.places()[artifact]
    _put(s3, job.store, place, answer["Body"].read())
    version = answer["VersionId"]
    summary = answer["Metadata"].get(
        "codepipeline-artifact-revision-summary", f"Amazon S3 version id: {version}"
    )
    return Outcome(
        "Succeeded",
        summary=summary,
        artifacts={artifact: place},
        variables={
            "BucketName": bucket,
            "ObjectKey": key,
            "VersionId": version,
            "ETag": answer["ETag"].strip('"'),
        },
        revision={"artifact": artifact, "id": version, "summary": summary,
                  "created": answer["LastModified"].timestamp()},
    )  # fmt: skip


def _put(s3: Any, store: Document, place: dict[str, str], body: bytes) -> None:
    encryption = (
        {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store["encryptionKey"]["id"]}
        if "encryptionKey" in store
        else {}
    )
    s3.put_object(Bucket=place["bucket"], Key=place["key"], Body=body, **encryption)


def _build(job: Job) -> Outcome:
    build_id = job.attempt.get("external")
    produced = job.places()
    if build_id is None:
        try:
            request = builds.start_request(job, next(iter(produced.values()), None))
        except builds.UnfitProjectError as error:
            return failed("ConfigurationError", str(error))
        build_id = job.client("codebuild").start_build(**request)["build"]["id"]
        job.note(external=build_id)
    build = builds.wait(job.client("codebuild"), build_id, job.context.stopping)
    if build is None:
        raise ServerStopsError
    if build["buildStatus"] != "SUCCEEDED":
        return failed("JobFailed", builds.failure_message(build))
    exported = build.get("exportedEnvironmentVariables", [])
    return Outcome(
        "Succeeded",
        artifacts=produced,
        variables={variable["name"]: variable["value"] for variable in exported},
    )
