"""Endpoints: their operations. Bringing what they serve into service is in `rollout.py`.

Invoking belongs to `sagemaker_runtime`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.hosting import capture
from localaws.services.sagemaker.hosting.configurations import configuration_records
from localaws.services.sagemaker.hosting.models import model_records
from localaws.services.sagemaker.hosting.rollout import BUSY, KIND, Rollout, endpoint_records
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.records import public

if TYPE_CHECKING:
    from localaws.core.context import ServerContext

_LIST = Listing(
    name="EndpointName", status="EndpointStatus", default_order="Descending", default_size=10
)


class Endpoints(Provider):
    """CreateEndpoint and its kin."""

    rollout: Rollout

    def _open_endpoints(self, context: ServerContext) -> None:
        self.rollout = Rollout(context)

    def create_endpoint(self, call: Call, request: Document) -> Document:
        """Start serving a configuration."""
        name = arns.own(call, KIND, request["EndpointName"])
        now = self.context.now()
        document = {
            "EndpointName": name.name,
            "EndpointArn": name.arn,
            "EndpointConfigName": request["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Generation": 0,
            "_Pending": self._deployment(call, request),
        }
        with self.context.store.transaction():
            endpoint_records(self.context.store).insert(name, document)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
        self.rollout.begin(name)
        return {"EndpointArn": name.arn}

    def update_endpoint(self, call: Call, request: Document) -> Document:
        """Exchange what an endpoint serves, without a gap.

        Raises:
            ServiceError: ValidationException, the endpoint is being changed or never came up.
        """
        name = arns.own(call, KIND, request["EndpointName"])
        pending = self._deployment(call, request)

        def change(document: Document) -> None:
            _require_quiet(document)
            if document["EndpointStatus"] == "Failed":
                raise ServiceError(
                    "ValidationException",
                    f'Cannot update endpoint "{name.arn}" in status Failed: delete it first.',
                )
            document |= {
                "EndpointStatus": "Updating",
                "LastModifiedTime": self.context.now(),
                "_Pending": pending,
            }
            document.pop("FailureReason", None)

        endpoint_records(self.context.store).change(name, change)
        self.rollout.begin(name)
        return {"EndpointArn": name.arn}

    def describe_endpoint(self, call: Call, request: Document) -> Document:
        """Describe an endpoint."""
        name = arns.own(call, KIND, request["EndpointName"])
        document = endpoint_records(self.context.store).get(name)
        shown = public(document)
        if config := document.get("_Serving", {}).get("Capture"):
            shown["DataCaptureConfig"] = capture.summary(config)
        if document["EndpointStatus"] in BUSY and "_Pending" in document:
            pending = document["_Pending"]
            shown["PendingDeploymentSummary"] = {
                "EndpointConfigName": pending["EndpointConfigName"],
                "ProductionVariants": [{"VariantName": pending["Variant"]["VariantName"]}],
                "StartTime": document["LastModifiedTime"],
            }
        return shown

    def list_endpoints(self, call: Call, request: Document) -> Document:
        """List endpoints."""
        page, more = _LIST.page(endpoint_records(self.context.store).of(call), request)
        members = (
            "EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus",
        )  # fmt: skip
        return {"Endpoints": [pick(item, *members) for item in page], **more}

    def delete_endpoint(self, call: Call, request: Document) -> Document:
        """Stop serving; the endpoint is Deleting until its process is gone.

        Raises:
            ServiceError: ValidationException, the endpoint is being changed.
        """
        name = arns.own(call, KIND, request["EndpointName"])

        def change(document: Document) -> None:
            _require_quiet(document)
            document |= {"EndpointStatus": "Deleting", "LastModifiedTime": self.context.now()}

        endpoint_records(self.context.store).change(name, change)
        self.rollout.end(name)
        return {}

    def _deployment(self, call: Call, request: Document) -> Document:
        """Resolve all that is to be served now: later changes of names must not reach it."""
        config_name = request["EndpointConfigName"]
        configuration = configuration_records(self.context.store).get(
            arns.own(call, "endpoint-config", config_name)
        )
        variant = configuration["ProductionVariants"][0]
        model = model_records(self.context.store).get(arns.own(call, "model", variant["ModelName"]))
        policy = request.get("DeploymentConfig", {})
        refuse(policy.get("RollingUpdatePolicy"), "DeploymentConfig.RollingUpdatePolicy")
        routing = policy.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
        refuse(
            routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE",
            f"traffic shifting of type {routing.get('Type')}, only ALL_AT_ONCE",
        )
        return {
            "EndpointConfigName": config_name,
            "Variant": variant,
            "Container": model["_Container"],
            "RoleArn": model["ExecutionRoleArn"],
            "Capture": configuration.get("DataCaptureConfig"),
            "DeploymentConfig": policy or None,
        }


def _require_quiet(document: Document) -> None:
    if document["EndpointStatus"] in BUSY:
        raise ServiceError(
            "ValidationException",
            f'Cannot update in-progress endpoint "{document["EndpointArn"]}" '
            f"(status {document['EndpointStatus']}).",
        )
