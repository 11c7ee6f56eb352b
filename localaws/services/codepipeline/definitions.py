"""Operations on pipeline definitions: create, read, update, delete, transitions, tags.

Executions do not belong here. One difference from AWS, kept on purpose: creating a pipeline does
not start a first execution, because a start needs values for variables without defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from localaws.core.errors import ServiceError
from localaws.services.codepipeline import declaration, paging
from localaws.services.codepipeline.state import pipeline_key

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.core.provider import Call, Document
    from localaws.services.codepipeline.engine import Engine
    from localaws.services.codepipeline.state import State


class DefinitionOperations:
    """CodePipeline's operations on definitions."""

    context: ServerContext
    state: State
    engine: Engine

    def create_pipeline(self, call: Call, request: Document) -> Document:
        """Check a declaration and store it as version 1."""
        declared = self._checked(call, request["pipeline"])
        now = self.context.now()
        document = {
            "declaration": declared | {"version": 1},
            "version": 1,
            "sequence": 0,
            "created": now,
            "updated": now,
            "transitions": {},
            "tags": request.get("tags", []),
        }
        key = pipeline_key(call, declared["name"])
        with self.engine.lock:
            if self.state.pipelines.get(key) is not None:
                raise ServiceError(
                    "PipelineNameInUseException",
                    f"A pipeline with the name '{declared['name']}' already exists in account "
                    f"'{call.account_id}'",
                )
            self.state.store_version(key, document)
        return {"pipeline": document["declaration"], "tags": document["tags"]}

    def update_pipeline(self, call: Call, request: Document) -> Document:
        """Replace a declaration; executions in flight go on with the one they started with."""
        declared = self._checked(call, request["pipeline"])
        with self.engine.lock:
            key, document = self.state.pipeline(call, declared["name"])
            document["version"] += 1
            document["declaration"] = declared | {"version": document["version"]}
            document["updated"] = self.context.now()
            self.state.store_version(key, document)
        return {"pipeline": document["declaration"]}

    def get_pipeline(self, call: Call, request: Document) -> Document:
        """Return the declaration of the latest version, or of the one asked for."""
        key, document = self.state.pipeline(call, request["name"])
        version = request.get("version", document["version"])
        declared = self.state.versions.get(f"{key}/{version}")
        if declared is None:
            raise ServiceError(
                "PipelineVersionNotFoundException",
                f"Pipeline {request['name']} has no version {version}",
            )
        return {
            "pipeline": declared,
            "metadata": {
                "pipelineArn": _arn(call, request["name"]),
                "created": document["created"],
                "updated": document["updated"],
            },
        }

    def list_pipelines(self, call: Call, request: Document) -> Document:
        """Return a page of summaries, by name."""
        found = [document for _, document in self.state.pipelines.scan(pipeline_key(call, ""))]
        summaries = [
            {
                "name": document["declaration"]["name"],
                "version": document["version"],
                "pipelineType": document["declaration"]["pipelineType"],
                "executionMode": document["declaration"]["executionMode"],
                "created": document["created"],
                "updated": document["updated"],
            }
            for document in found
        ]
        summaries.sort(key=lambda summary: str(summary["name"]))
        return paging.page("pipelines", summaries, request, "name")

    def delete_pipeline(self, call: Call, request: Document) -> Document:
        """Forget a pipeline and its history; unknown names are no error, as on AWS."""
        with self.engine.lock:
            self.state.forget(pipeline_key(call, request["name"]))
        return {}

    def enable_stage_transition(self, call: Call, request: Document) -> Document:
        """Open a transition and let in who waits."""
        self._set_transition(call, request, {"enabled": True})
        return {}

    def disable_stage_transition(self, call: Call, request: Document) -> Document:
        """Close a transition; executions that reach it wait."""
        self._set_transition(call, request, {"enabled": False, "reason": request["reason"]})
        return {}

    def _set_transition(self, call: Call, request: Document, change: Document) -> None:
        change |= {"by": call.principal_arn, "at": self.context.now()}
        with self.engine.lock:
            key, document = self.state.pipeline(call, request["pipelineName"])
            find_stage(document["declaration"], request["stageName"])
            place = f"{request['stageName']}/{request['transitionType']}"
            document["transitions"][place] = change
            self.state.pipelines.put(key, document)
        self.engine.advance(key)

    # -- tags ------------------------------------------------------------------------------------

    def list_tags_for_resource(self, call: Call, request: Document) -> Document:
        """Return a pipeline's tags."""
        return {"tags": self._by_arn(call, request["resourceArn"])[1]["tags"]}

    def tag_resource(self, call: Call, request: Document) -> Document:
        """Add or replace tags."""
        given = {tag["key"]: tag for tag in request["tags"]}
        with self.engine.lock:
            key, document = self._by_arn(call, request["resourceArn"])
            kept = [tag for tag in document["tags"] if tag["key"] not in given]
            document["tags"] = kept + list(given.values())
            self.state.pipelines.put(key, document)
        return {}

    def untag_resource(self, call: Call, request: Document) -> Document:
        """Remove tags."""
        with self.engine.lock:
            key, document = self._by_arn(call, request["resourceArn"])
            gone = set(request["tagKeys"])
            document["tags"] = [tag for tag in document["tags"] if tag["key"] not in gone]
            self.state.pipelines.put(key, document)
        return {}

    def _by_arn(self, call: Call, arn: str) -> tuple[str, Document]:
        name = arn.rpartition(":")[2]
        if arn != _arn(call, name):
            raise ServiceError("InvalidArnException", f"{arn} is no pipeline of this account")
        return self.state.pipeline(call, name)

    def _checked(self, call: Call, pipeline: Document) -> Document:
        declared = declaration.normalized(pipeline)
        declaration.check(declared)
        role = declared["roleArn"]
        try:
            self.context.client("sts", call.account_id, acting_as="codepipeline").assume_role(
                RoleArn=role, RoleSessionName="create-pipeline"
            )
        except ClientError as error:
            raise declaration.structure_error(
                f"CodePipeline is not authorized to perform AssumeRole on role {role}: {error}"
            ) from error
        return declared


def find_stage(declared: Document, name: str) -> Document:
    """Return a stage of a declaration.

    Raises:
        ServiceError: StageNotFoundException.
    """
    for stage in declared["stages"]:
        if stage["name"] == name:
            found: Document = stage
            return found
    raise ServiceError(
        "StageNotFoundException", f"Pipeline {declared['name']} has no stage with name '{name}'"
    )


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:codepipeline:{call.region}:{call.account_id}:{name}"
