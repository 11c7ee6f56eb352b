"""Brings an endpoint's deployment into service: blue/green, and again after a restart.

A new process must answer /ping before it serves; until then, and if it never does, the old one
goes on. Operations are in `endpoints.py`, processes in `fleet.py` and `host.py`.
"""

from __future__ import annotations

import logging
import shutil
import threading
from typing import TYPE_CHECKING

from localaws.services.sagemaker import arns, roles, tags
from localaws.services.sagemaker.hosting.fleet import fleet_of
from localaws.services.sagemaker.hosting.host import HostError, Plan, launch
from localaws.services.sagemaker.jobs import environment
from localaws.services.sagemaker.objects import Objects
from localaws.services.sagemaker.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.core.store import Store
    from localaws.services.sagemaker.arns import ResourceName

_log = logging.getLogger(__name__)
KIND = "endpoint"
BUSY = {"Creating", "Updating", "Deleting"}
_STARTUP_SECONDS = 60.0
_REASON_CHARACTERS = 1024


def endpoint_records(store: Store) -> Records:
    """Return the endpoints of all accounts."""
    return Records(
        store,
        f"sagemaker/{KIND}",
        missing=("ValidationException", 'Could not find endpoint "{arn}".'),
        taken=("ValidationException", 'Cannot create already existing endpoint "{arn}".'),
    )


class Rollout:
    """Brings deployments into service, each in a thread of its own."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    def begin(self, name: ResourceName) -> None:
        """Start deploying what the endpoint's record says is pending."""
        self._in_background(self._deploy, name)

    def resume(self) -> None:
        """Bring back what served when the server ended, and go on with what was being changed."""
        for document in list(endpoint_records(self._context.store).all()):
            name = arns.parse(document["EndpointArn"])
            if document["EndpointStatus"] == "Deleting":
                self.end(name)
            elif "_Serving" in document or document["EndpointStatus"] in BUSY:
                self._in_background(self._bring_back, name)

    def end(self, name: ResourceName) -> None:
        """Stop serving an endpoint whose record says Deleting, then forget it."""
        self._in_background(self._end, name)

    def _end(self, name: ResourceName) -> None:
        fleet_of(self._context).remove(name.arn)
        shutil.rmtree(self._folder(name), ignore_errors=True)
        with self._context.store.transaction():
            endpoint_records(self._context.store).delete(name)
            tags.remove(self._context.store, name.arn)

    def _bring_back(self, name: ResourceName) -> None:
        document = endpoint_records(self._context.store).get(name)
        try:
            if "_Serving" in document:
                self._serve(name, document["_Serving"])
        except HostError as error:
            if document["EndpointStatus"] not in BUSY and not self._context.stopping.is_set():
                self._settle(name, EndpointStatus="Failed", FailureReason=_reason(error))
        if document["EndpointStatus"] in BUSY:
            self._deploy(name)

    def _deploy(self, name: ResourceName) -> None:
        records = endpoint_records(self._context.store)
        generation = records.change(name, _next_generation)["_Generation"]
        document = records.get(name)
        deployment = document["_Pending"] | {"Generation": generation}
        try:
            self._serve(name, deployment)
        except HostError as error:
            if not self._context.stopping.is_set():
                status = "InService" if "_Serving" in document else "Failed"
                self._settle(name, EndpointStatus=status, FailureReason=_reason(error))
                shutil.rmtree(self._folder(name, generation), ignore_errors=True)
            return
        self._settle(
            name,
            EndpointStatus="InService",
            EndpointConfigName=deployment["EndpointConfigName"],
            ProductionVariants=[_variant(deployment, self._context.now())],
            _Serving=deployment,
            **({"LastDeploymentConfig": deployment["DeploymentConfig"]}
               if deployment["DeploymentConfig"] else {}),
        )  # fmt: skip
        if "_Serving" in document:
            old = self._folder(name, document["_Serving"]["Generation"])
            shutil.rmtree(old, ignore_errors=True)

    def _serve(self, name: ResourceName, deployment: Document) -> None:
        variant, role_arn = deployment["Variant"], deployment["RoleArn"]
        try:
            client = roles.client(self._context, "s3", role_arn, name.region)
            env = environment.aws(self._context, name, role_arn)
        except roles.RoleError as error:
            raise HostError(str(error)) from error
        plan = Plan(
            folder=self._folder(name, deployment["Generation"]),
            container=deployment["Container"],
            timeout=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS),
            env=env,
            deployment=deployment,
        )
        fleet = fleet_of(self._context)
        objects = Objects(client)
        earlier = fleet.swap(name.arn, launch(plan, objects), objects)
        if earlier is not None:
            earlier.stop()

    def _settle(self, name: ResourceName, **members: object) -> None:
        def change(document: Document) -> None:
            document.pop("_Pending", None)
            document.update(members, LastModifiedTime=self._context.now())

        endpoint_records(self._context.store).change(name, change)

    def _folder(self, name: ResourceName, generation: int | None = None) -> Path:
        folder = self._context.folder(
            "sagemaker", "endpoint", name.account_id, name.region, name.name
        )
        return folder if generation is None else folder / str(generation)

    def _in_background(self, work: Callable[[ResourceName], None], name: ResourceName) -> None:
        def run() -> None:
            try:
                work(name)
            except Exception as error:  # noqa: BLE001 - becomes the endpoint's FailureReason
                if self._context.stopping.is_set():
                    return
                _log.exception("Deployment of %s failed inside the server", name.arn)
                self._fail(name, error)

        threading.Thread(target=run, name=f"endpoint-{name.name}", daemon=True).start()

    def _fail(self, name: ResourceName, error: Exception) -> None:
        serving = "_Serving" in endpoint_records(self._context.store).get(name)
        self._settle(
            name,
            EndpointStatus="InService" if serving else "Failed",
            FailureReason=f"InternalServerError: {type(error).__name__}: {error}",
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
