"""Endpoint configurations: immutable; what is not performed here is refused at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core.provider import Call, Document, Provider
from localaws.services.sagemaker import arns, tags
from localaws.services.sagemaker.hosting import capture
from localaws.services.sagemaker.hosting.models import model_records
from localaws.services.sagemaker.jobs.environment import refuse
from localaws.services.sagemaker.listing import Listing, pick
from localaws.services.sagemaker.records import Records, public

if TYPE_CHECKING:
    from localaws.core.store import Store

_KIND = "endpoint-config"
_LIST = Listing(name="EndpointConfigName", default_order="Descending")
_REFUSED = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants",
            "CrossRegionTrafficConfig")  # fmt: skip


def configuration_records(store: Store) -> Records:
    """Return the endpoint configurations of all accounts."""
    return Records(
        store,
        f"sagemaker/{_KIND}",
        missing=("ValidationException", 'Could not find endpoint configuration "{arn}".'),
        taken=(
            "ValidationException",
            'Cannot create already existing endpoint configuration "{arn}".',
        ),
    )


class EndpointConfigurations(Provider):
    """CreateEndpointConfig and its kin."""

    def create_endpoint_config(self, call: Call, request: Document) -> Document:
        """Create a configuration of one production variant whose model is there.

        Raises:
            ServiceError: ValidationException.
        """
        for member in _REFUSED:
            refuse(request.get(member), member)
        if request.get("DataCaptureConfig"):
            capture.check(request["DataCaptureConfig"])
        variants = request["ProductionVariants"]
        refuse(len(variants) != 1, "an endpoint of several production variants")
        refuse(not variants[0].get("ModelName"), "a production variant without ModelName")
        model_records(self.context.store).get(arns.own(call, "model", variants[0]["ModelName"]))
        name = arns.own(call, _KIND, request["EndpointConfigName"])
        document = {key: value for key, value in request.items() if key != "Tags"}
        document |= {"EndpointConfigArn": name.arn, "CreationTime": self.context.now()}
        with self.context.store.transaction():
            configuration_records(self.context.store).insert(name, document)
            tags.put(self.context.store, name.arn, request.get("Tags", []))
        return {"EndpointConfigArn": name.arn}

    def describe_endpoint_config(self, call: Call, request: Document) -> Document:
        """Describe a configuration."""
        name = arns.own(call, _KIND, request["EndpointConfigName"])
        return public(configuration_records(self.context.store).get(name))

    def list_endpoint_configs(self, call: Call, request: Document) -> Document:
        """List configurations."""
        page, more = _LIST.page(configuration_records(self.context.store).of(call), request)
        members = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        return {"EndpointConfigs": [pick(item, *members) for item in page], **more}

    def delete_endpoint_config(self, call: Call, request: Document) -> Document:
        """Delete a configuration; an endpoint that uses it goes on serving."""
        name = arns.own(call, _KIND, request["EndpointConfigName"])
        with self.context.store.transaction():
            configuration_records(self.context.store).delete(name)
            tags.remove(self.context.store, name.arn)
        return {}
