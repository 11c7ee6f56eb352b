"""Pipelines as definitions: create, update, describe, delete. Running is in `executions.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.core.tokens import ClientToken, TokenRule
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.arns import ResourceName
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.objects import ObjectError, Objects
from localaws.services.sagemaker.pipelines import definition
from localaws.services.sagemaker.pipelines.journal import RUNNING, Journal
from localaws.services.sagemaker.records import Records, public

if TYPE_CHECKING:
    from localaws.core.store import Store

KIND = "pipeline"
#: The same for all operations on pipelines and their executions.
TOKEN = TokenRule("ClientRequestToken", "ConflictException")
_TAKEN = (
    "Pipeline names must be unique within an AWS account and region. "
    "Pipeline with name ({name}) already exists."
)
_LIST = Listing(name="PipelineName", default_order="Descending")


def pipeline_records(store: Store) -> Records:
    """Return the pipelines of all accounts."""
    return Records(
        store,
        f"sagemaker/{KIND}",
        missing=("ResourceNotFound", "Pipeline '{arn}' does not exist."),
        taken=("ValidationException", _TAKEN),
    )


class PipelineCatalogue(Provider):
    """CreatePipeline and its kin."""

    def create_pipeline(self, call: Call, request: Document) -> Document:
        """Create a pipeline whose steps can all be performed here.

        Raises:
            ServiceError: ValidationException, the definition is wrong or the name is taken.
        """
        name = arns.own(call, KIND, request["PipelineName"])
        token = ClientToken(self.context, call, request, TOKEN)
        if (known := token.answer()) is not None:
            return known
        now = self.context.now()
        document = self._described(call, request) | {
            "PipelineName": name.name,
            "PipelineArn": name.arn,
            "PipelineDisplayName": request.get("PipelineDisplayName", name.name),
            "PipelineStatus": "Active",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

        def create() -> Document:
            pipeline_records(self.context.store).insert(name, document)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
            return {"PipelineArn": name.arn}

        return token.once(create)[0]

    def update_pipeline(self, call: Call, request: Document) -> Document:
        """Change a pipeline; executions under way keep the definition they started with."""
        name = arns.own(call, KIND, request["PipelineName"])
        changes = self._described(call, request) | {"LastModifiedTime": self.context.now()}
        pipeline_records(self.context.store).set(name, **changes)
        return {"PipelineArn": name.arn}

    def describe_pipeline(self, call: Call, request: Document) -> Document:
        """Describe a pipeline, named by name or ARN."""
        refuse(request.get("PipelineVersionId"), "PipelineVersionId")
        name = arns.owned(call, arns.named(call, KIND, request["PipelineName"]))
        return public(pipeline_records(self.context.store).get(name))

    def list_pipelines(self, call: Call, request: Document) -> Document:
        """List pipelines."""
        prefix = request.get("PipelineNamePrefix", "")
        items = [
            item | {"LastExecutionTime": item.get("LastRunTime")}
            for item in pipeline_records(self.context.store).of(call)
            if item["PipelineName"].startswith(prefix)
        ]
        page, more = _LIST.page(items, request)
        members = (
            "PipelineArn", "PipelineName", "PipelineDisplayName", "PipelineDescription",
            "RoleArn", "CreationTime", "LastModifiedTime", "LastExecutionTime",
        )  # fmt: skip
        return {"PipelineSummaries": [pick(item, *members) for item in page], **more}

    def delete_pipeline(self, call: Call, request: Document) -> Document:
        """Delete a pipeline and its executions.

        Raises:
            ServiceError: ConflictException, one of them is under way.
        """
        token = ClientToken(self.context, call, request, TOKEN)
        return token.once(lambda: self._delete(arns.own(call, KIND, request["PipelineName"])))[0]

    def _delete(self, name: ResourceName) -> Document:
        pipeline_records(self.context.store).get(name)
        executions = self.context.store.table("sagemaker/pipeline-execution")
        mine = list(executions.scan(f"{name.key}/execution/"))
        if any(document["PipelineExecutionStatus"] in RUNNING for _, document in mine):
            raise ServiceError(
                "ConflictException", f"Pipeline '{name.arn}' has executions under way."
            )
        for key, _ in mine:
            Journal(
                self.context.store,
                ResourceName(name.account_id, name.region, KIND, key.split("/", 2)[2]),
            ).forget()
        pipeline_records(self.context.store).delete(name)
        tags.remove(self.context.store, name.arn)
        return {"PipelineArn": name.arn}

    def _described(self, call: Call, request: Document) -> Document:
        members = pick(
            request, "PipelineDefinition", "PipelineDescription", "PipelineDisplayName",
            "RoleArn", "ParallelismConfiguration",
        )  # fmt: skip
        place = request.get("PipelineDefinitionS3Location")
        if place:
            s3 = self.context.client_for(call, "s3", call.region, via="sagemaker")
            objects = Objects(s3)
            try:
                content = objects.read(f"s3://{place['Bucket']}/{place['ObjectKey']}")
            except ObjectError as error:
                raise ServiceError("ValidationException", str(error)) from error
            members["PipelineDefinition"] = content.decode()
        if "PipelineDefinition" in members:
            definition.read(members["PipelineDefinition"])
        return members
