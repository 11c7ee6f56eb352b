"""InvokeEndpoint: hands a request to the process that serves the endpoint, and its answer back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import urllib3

from localaws.core.errors import ServiceError
from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns
from localaws.services.sagemaker.hosting import capture
from localaws.services.sagemaker.hosting.fleet import fleet_of
from localaws.services.sagemaker.hosting.host import HostError
from localaws.services.sagemaker.hosting.rollout import endpoint_records
from localaws.services.sagemaker.jobs.environment import refuse

if TYPE_CHECKING:
    from localaws.core.context import ServerContext
    from localaws.services.sagemaker.arns import ResourceName

_SERVES = {"InService", "Updating"}
_INVOCATION_SECONDS = 60.0
_BRING_UP_SECONDS = 60.0
_REFUSED = (
    "TargetModel", "TargetContainerHostname", "InferenceComponentName", "SessionId",
    "EnableExplanations", "PrefixAwareId",
)  # fmt: skip
_MESSAGE_CHARACTERS = 2048


class SageMakerRuntimeProvider(Provider):
    """Operations of `sagemaker-runtime`."""

    service = "sagemaker-runtime"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)

    def invoke_endpoint(self, call: Call, request: Document) -> Document:
        """Ask a model.

        Raises:
            ServiceError: ValidationError, there is no such endpoint in service; ModelError, the
                model's code refused or failed.
        """
        for member in _REFUSED:
            refuse(request.get(member), member)
        name = arns.own(call, "endpoint", request["EndpointName"])
        self._require_serving(name, request.get("TargetVariant"))
        response, serving = self._ask(name, request)
        if response.status >= 400:  # noqa: PLR2004 - HTTP's errors
            raise _model_error(name, response.status, response.data)
        answer = {
            "Body": response.data,
            "ContentType": response.headers.get("Content-Type", "application/octet-stream"),
            "InvokedProductionVariant": serving["Variant"]["VariantName"],
        }
        capture.record(self.context, name, serving, request, answer)
        return answer

    def _require_serving(self, name: ResourceName, wanted: str | None) -> None:
        endpoint = endpoint_records(self.context.store).find(name)
        if endpoint is None or endpoint["EndpointStatus"] == "Deleting":
            raise ServiceError(
                "ValidationError", f"Endpoint {name.name} of account {name.account_id} not found."
            )
        if endpoint["EndpointStatus"] not in _SERVES or "_Serving" not in endpoint:
            raise ServiceError(
                "ValidationError",
                f"Endpoint {name.name} of account {name.account_id} is "
                f"{endpoint['EndpointStatus']}, not InService.",
            )
        if wanted not in (None, endpoint["_Serving"]["Variant"]["VariantName"]):
            raise ServiceError(
                "ValidationError", f"Variant {wanted} not found for endpoint {name.name}."
            )

    def _ask(
        self, name: ResourceName, request: Document
    ) -> tuple[urllib3.BaseHTTPResponse, Document]:
        """Return what the process that serves answers, and the deployment it belongs to."""
        headers = {
            "Content-Type": request.get("ContentType") or "application/json",
            "Accept": request.get("Accept") or "application/json",
        }
        if request.get("CustomAttributes"):
            headers["X-Amzn-SageMaker-Custom-Attributes"] = request["CustomAttributes"]
        try:
            return self._post(name, request["Body"], headers)
        except (HostError, urllib3.exceptions.HTTPError) as error:
            raise ServiceError(
                "ServiceUnavailable", f"{name.name} does not answer: {error}", status=503
            ) from error

    def _post(
        self, name: ResourceName, body: bytes, headers: dict[str, str]
    ) -> tuple[urllib3.BaseHTTPResponse, Document]:
        fleet = fleet_of(self.context)
        for last in (False, True):
            host = fleet.host(name.arn, patience=_BRING_UP_SECONDS)
            try:
                response = self._pool.request(
                    "POST", f"{host.url}/invocations", body=body, headers=headers,
                    timeout=_INVOCATION_SECONDS,
                )  # fmt: skip
            except (urllib3.exceptions.ProtocolError, urllib3.exceptions.NewConnectionError):
                # Exchanged or died since we asked for it: there is another one now.
                if last:
                    raise
            else:
                return response, host.plan.deployment
        raise AssertionError("unreachable: the second failure is raised")


def _model_error(name: ResourceName, status: int, body: bytes) -> ServiceError:
    message = body.decode(errors="replace")[:_MESSAGE_CHARACTERS]
    group = f"/aws/sagemaker/Endpoints/{name.name}"
    return ServiceError(
        "ModelError",
        f"Received client error ({status}) from primary with message "
        f'"{message}". See {group} in account {name.account_id} for more information.'
        if status < 500  # noqa: PLR2004 - HTTP's own boundary
        else f"Received server error ({status}) from primary with message "
        f'"{message}". See {group} in account {name.account_id} for more information.',
        status=424,
        extra={
            "OriginalStatusCode": status,
            "OriginalMessage": message,
            "LogStreamArn": f"arn:aws:logs:{name.region}:{name.account_id}:log-group:{group}",
        },
    )
