"""Endpoints: created, updated blue/green, deleted, and brought back after a restart.

A new process must answer /ping before it serves; until then, and if it never does, the old one
goes on. Processes themselves belong to `fleet.py`; invoking belongs to `sagemaker_runtime`.
"""

from __future__ import annotations

import logging
import shutil
import threading
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.hosting.configurations import configuration_records
from localaws.services.sagemaker.hosting.fleet import fleet_of
from localaws.services.sagemaker.hosting.host import HostError, Plan, launch
from localaws.services.sagemaker.hosting.models import model_records
from localaws.services.sagemaker.jobs import environment
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.objects import Objects
from localaws.services.sagemaker.records import Records, public

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localaws.core.store import Store
    from localaws.services.sagemaker.arns import ResourceName

_log = logging.getLogger(__name__)
_KIND = "endpoint"
_LIST = Listing(
    name="EndpointName", status="EndpointStatus", default_order="Descending", default_size=10
)
_BUSY = {"Creating", "Updating", "Deleting"}
_STARTUP_SECONDS = 60.0
_REASON_CHARACTERS = 1024


def endpoint_records(store: Store) -> Records:
    """Return the endpoints of all accounts."""
    return Records(
        store,
        f"sagemaker/{_KIND}",
        missing=("ValidationException", 'Could not find endpoint "{arn}".'),
        taken=("ValidationException", 'Cannot create already existing endpoint "{arn}".'),
    )


class Endpoints(Provider):
    """CreateEndpoint and its kin."""

    def create_endpoint(self, call: Call, request: Document) -> Document:
        """Start serving a configuration."""
        name = arns.own(call, _KIND, request["EndpointName"])
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
        endpoint_records(self.context.store).insert(name, document)
        tags.put(self.context.store, name.arn, request.get("Tags", []))
        self._in_background(self._deploy, name)
        return {"EndpointArn": name.arn}

    def update_endpoint(self, call: Call, request: Document) -> Document:
        """Exchange what an endpoint serves, without a gap.

        Raises:
            ServiceError: ValidationException, the endpoint is being changed or never came up.
        """
        name = arns.own(call, _KIND, request["EndpointName"])
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
        self._in_background(self._deploy, name)
        return {"EndpointArn": name.arn}

    def describe_endpoint(self, call: Call, request: Document) -> Document:
        """Describe an endpoint."""
        name = arns.own(call, _KIND, request["EndpointName"])
        document = endpoint_records(self.context.store).get(name)
        shown = public(document)
        if document["EndpointStatus"] in _BUSY and "_Pending" in document:
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
        """Stop serving.

        Raises:
            ServiceError: ValidationException, the endpoint is being changed.
        """
        name = arns.own(call, _KIND, request["EndpointName"])
        records = endpoint_records(self.context.store)
        records.change(name, _require_quiet)
        records.delete(name)
        fleet_of(self.context).remove(name.arn)
        shutil.rmtree(self._folder(name), ignore_errors=True)
        tags.remove(self.context.store, name.arn)
        return {}

    def _resume_endpoints(self) -> None:
        """Bring back what served when the server ended, and go on with what was being deployed."""
        for document in list(endpoint_records(self.context.store).all()):
            if "_Serving" in document or document["EndpointStatus"] in _BUSY:
                self._in_background(self._bring_back, arns.parse(document["EndpointArn"]))

    def _stop_endpoints(self) -> None:
        fleet_of(self.context).stop_all()

    def _bring_back(self, name: ResourceName) -> None:
        document = endpoint_records(self.context.store).get(name)
        try:
            if "_Serving" in document:
                self._serve(name, document["_Serving"])
        except HostError as error:
            if document["EndpointStatus"] not in _BUSY and not self.context.stopping.is_set():
                self._settle(name, EndpointStatus="Failed", FailureReason=_reason(error))
        if document["EndpointStatus"] in _BUSY:
            self._deploy(name)

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
            "DeploymentConfig": policy or None,
        }

    def _deploy(self, name: ResourceName) -> None:
        records = endpoint_records(self.context.store)
        generation = records.change(name, _next_generation)["_Generation"]
        document = records.get(name)
        deployment = document["_Pending"] | {"Generation": generation}
        try:
            self._serve(name, deployment)
        except HostError as error:
            if not self.context.stopping.is_set():
                status = "InService" if "_Serving" in document else "Failed"
                self._settle(name, EndpointStatus=status, FailureReason=_reason(error))
                shutil.rmtree(self._folder(name, generation), ignore_errors=True)
            return
        self._settle(
            name,
            EndpointStatus="InService",
            EndpointConfigName=deployment["EndpointConfigName"],
            ProductionVariants=[_variant(deployment, self.context.now())],
            _Serving=deployment,
            **({"LastDeploymentConfig": deployment["DeploymentConfig"]}
               if deployment["DeploymentConfig"] else {}),
        )  # fmt: skip
        if "_Serving" in document:
            old = self._folder(name, document["_Serving"]["Generation"])
            shutil.rmtree(old, ignore_errors=True)

    def _serve(self, name: ResourceName, deployment: Document) -> None:
        variant = deployment["Variant"]
        plan = Plan(
            folder=self._folder(name, deployment["Generation"]),
            container=deployment["Container"],
            timeout=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS),
            env=environment.aws(self.context, name),
        )
        fleet = fleet_of(self.context)
        objects = Objects(self.context.client("s3", name.account_id, name.region))
        earlier = fleet.swap(name.arn, launch(plan, objects), objects)
        if earlier is not None:
            earlier.stop()

    def _settle(self, name: ResourceName, **members: object) -> None:
        def change(document: Document) -> None:
            document.pop("_Pending", None)
            document.update(members, LastModifiedTime=self.context.now())

        endpoint_records(self.context.store).change(name, change)

    def _folder(self, name: ResourceName, generation: int | None = None) -> Path:
        folder = self.context.folder(
            "sagemaker", "endpoint", name.account_id, name.region, name.name
        )
        return folder if generation is None else folder / str(generation)

    def _in_background(self, work: Callable[[ResourceName], None], name: ResourceName) -> None:
        def run() -> None:
            try:
                work(name)
            except Exception as error:  # noqa: BLE001 - becomes the endpoint's FailureReason
                if self.context.stopping.is_set():
                    return
                _log.exception("Deployment of %s failed inside the server", name.arn)
                self._fail(name, error)

        threading.Thread(target=run, name=f"endpoint-{name.name}", daemon=True).start()

    def _fail(self, name: ResourceName, error: Exception) -> None:
        serving = "_Serving" in endpoint_records(self.context.store).get(name)
        self._settle(
            name,
            EndpointStatus="InService" if serving else "Failed",
            FailureReason=f"InternalServerError: {type(error).__name__}: {error}",
        )


def _require_quiet(document: Document) -> None:
    if document["EndpointStatus"] in _BUSY:
        raise ServiceError(
            "ValidationException",
            f'Cannot update in-progress endpoint "{document["EndpointArn"]}" '
            f"(status {document['EndpointStatus']}).",
        )


def _next_generation(document: Document) -> None:
    document["_Generation"] += 1


def _variant(deployment: Document, now: float) -> Document:
    variant = deployment["Variant"]
    count = variant.get("InitialInstanceCount", 1)
    image = deployment["Container"].get("Image", "")
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now}
        ],
        "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
        "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def _reason(error: Exception) -> str:
    return str(error)[:_REASON_CHARACTERS]
