"""Models: a container each, resolved from a registered package or given outright.

Serving them belongs to `endpoints.py` and `fleet.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.records import Records, public
from localaws.services.sagemaker.registry.packages import package_records

if TYPE_CHECKING:
    from localaws.core.store import Store

_KIND = "model"
_LIST = Listing(name="ModelName", default_order="Descending")


def model_records(store: Store) -> Records:
    """Return the models of all accounts."""
    return Records(
        store,
        f"sagemaker/{_KIND}",
        missing=("ValidationException", 'Could not find model "{arn}".'),
        taken=("ValidationException", 'Cannot create already existing model "{arn}".'),
    )


class Models(Provider):
    """CreateModel and its kin."""

    def create_model(self, call: Call, request: Document) -> Document:
        """Create a model; a package it names must be approved and open to the caller.

        Raises:
            ServiceError: ValidationException.
        """
        name = arns.own(call, _KIND, request["ModelName"])
        container = self._container(call, _given_container(request))
        now = self.context.now()
        document = {key: value for key, value in request.items() if key != "Tags"} | {
            "ModelArn": name.arn,
            "CreationTime": now,
            "_Container": container,
        }
        with self.context.store.transaction():
            model_records(self.context.store).insert(name, document)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
        return {"ModelArn": name.arn}

    def describe_model(self, call: Call, request: Document) -> Document:
        """Describe a model."""
        name = arns.own(call, _KIND, request["ModelName"])
        return public(model_records(self.context.store).get(name))

    def list_models(self, call: Call, request: Document) -> Document:
        """List models."""
        page, more = _LIST.page(model_records(self.context.store).of(call), request)
        members = ("ModelName", "ModelArn", "CreationTime")
        return {"Models": [pick(item, *members) for item in page], **more}

    def delete_model(self, call: Call, request: Document) -> Document:
        """Delete a model; endpoints that serve it go on."""
        name = arns.own(call, _KIND, request["ModelName"])
        with self.context.store.transaction():
            model_records(self.context.store).delete(name)
            tags.remove(self.context.store, name.arn)
        return {}

    def _container(self, call: Call, given: Document) -> Document:
        """Return what is to be served: image, model data URL and environment."""
        if not given.get("ModelPackageName"):
            return pick(given, "Image", "ModelDataUrl", "Environment")
        name = arns.parse(given["ModelPackageName"])
        package = package_records(self.context.store).get(name)
        if package.get("ModelApprovalStatus") != "Approved":
            raise ServiceError(
                "ValidationException",
                f"ModelPackage {name.arn} is {package.get('ModelApprovalStatus')}: only an "
                "Approved model package can be deployed.",
            )
        containers = package.get("InferenceSpecification", {}).get("Containers", [])
        refuse(len(containers) != 1, "a model package of other than one container")
        container = pick(containers[0], "Image", "ModelDataUrl", "Environment")
        # What the request says about the environment goes over what the package says, as in AWS.
        environment = container.get("Environment", {}) | given.get("Environment", {})
        return container | {"Environment": environment}


def _given_container(request: Document) -> Document:
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    refuse(len(containers) != 1, "an inference pipeline of several containers")
    container: Document | None = containers[0]
    if not container or not (container.get("Image") or container.get("ModelPackageName")):
        raise ServiceError(
            "ValidationException",
            "Give PrimaryContainer with an Image and ModelDataUrl, or with a ModelPackageName.",
        )
    for member in ("ModelDataSource", "AdditionalModelDataSources", "MultiModelConfig"):
        refuse(container.get(member), f"PrimaryContainer.{member}")
    refuse(container.get("Mode") == "MultiModel", "PrimaryContainer.Mode MultiModel")
    return container
