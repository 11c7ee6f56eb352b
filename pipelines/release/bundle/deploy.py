"""Deploys a model package to one account's endpoint: ``python3 -m bundle.deploy``.

Refuses before it changes anything; a failed deployment leaves the version before serving. Run
twice it does nothing the second time: all names come from the package's content.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import boto3

from . import endpoint
from .order import Order, Refused, required, run, target_session

_CHUNK = 1024 * 1024
_LONGEST_STEM = 30  # SageMaker names have at most 63 characters


def main() -> None:
    """Verify the package, then make the target's endpoint serve it."""
    order = Order.read(os.environ)
    version = verify(order, boto3.client("sagemaker"), boto3.client("s3"))
    print(f"{order.stage}: version {version} is Approved and its digest holds")
    sagemaker = target_session(order).client("sagemaker")
    model = ensure_model(sagemaker, order, version, required(os.environ, "EXECUTION_ROLE_ARN"))
    config = ensure_config(sagemaker, order, model, version, os.environ)
    endpoint.switch(sagemaker, order.endpoint, config, {endpoint.PLAN_TAG: order.plan_digest})
    endpoint.label(sagemaker, order.endpoint)
    Path("endpoint-config.txt").write_text(config, encoding="utf-8")


def verify(order: Order, sagemaker: Any, s3: Any) -> int:
    """Check approval and digests again, at the last moment before serving; return the version.

    Raises:
        Refused: The package is not approved, or is not the model that the plan names.
    """
    package = sagemaker.describe_model_package(ModelPackageName=order.package_arn)
    approval = package.get("ModelApprovalStatus")
    if approval != "Approved":
        raise Refused(
            f"{order.package_arn} is {approval}, not Approved. Approve it in the Model "
            "Registry and release again."
        )
    recorded = package.get("CustomerMetadataProperties", {}).get("model_sha256", "nothing")
    if recorded != order.model_sha256:
        raise Refused(
            f"{order.package_arn} records model_sha256 {recorded}, the plan names "
            f"{order.model_sha256}. Plan the release anew."
        )
    containers = package["InferenceSpecification"]["Containers"]
    if len(containers) != 1:
        raise Refused(f"{order.package_arn} has {len(containers)} containers; one is expected.")
    stored = object_sha256(s3, containers[0]["ModelDataUrl"])
    if stored != order.model_sha256:
        raise Refused(
            f"{containers[0]['ModelDataUrl']} has sha256 {stored}, the plan names "
            f"{order.model_sha256}: the artifact was changed after it was judged. "
            "Train and register again."
        )
    return int(package["ModelPackageVersion"])


def object_sha256(s3: Any, uri: str) -> str:
    """Return the digest of an object's bytes, read in pieces."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def ensure_model(sagemaker: Any, order: Order, version: int, role_arn: str) -> str:
    """Describe or create the model; return its name.

    Raises:
        Refused: A model of that name serves another package.
    """
    content = f"{order.package_arn} {order.model_sha256} {role_arn}"
    name = f"{order.endpoint[:_LONGEST_STEM]}-v{version}-{_short_digest(content)}"
    known = endpoint.find(sagemaker.describe_model, ModelName=name)
    if known is None:
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"ModelPackageName": order.package_arn},
            ExecutionRoleArn=role_arn,
            Tags=_labels(order),
        )
        return name
    container = known.get("PrimaryContainer") or known["Containers"][0]
    if container.get("ModelPackageName") != order.package_arn:
        raise Refused(
            f"Model {name} exists in {order.account_id} but serves "
            f"{container.get('ModelPackageName')}. Delete it."
        )
    return name


def ensure_config(sagemaker: Any, order: Order, model: str, version: int, environment: Any) -> str:
    """Describe or create the endpoint configuration, named by its content; return its name.

    Its captures go below a prefix of the version's own: a captured prediction names the endpoint,
    never the model, and the prefix is what leads back to it.
    """
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": required(environment, "INSTANCE_TYPE"),
        "InitialInstanceCount": int(required(environment, "INSTANCE_COUNT")),
        "InitialVariantWeight": 1.0,
    }
    capture = data_capture(environment, version)
    content = json.dumps({**variant, **capture}, sort_keys=True)
    name = f"{order.endpoint[:_LONGEST_STEM]}-{_short_digest(content)}"
    if endpoint.find(sagemaker.describe_endpoint_config, EndpointConfigName=name) is None:
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], Tags=_labels(order), **capture
        )
    return name


def data_capture(environment: Any, version: int) -> dict[str, Any]:
    """Return the part of a configuration that captures predictions; empty if none are wanted."""
    uri, percent = required(environment, "CAPTURE_URI"), required(environment, "CAPTURE_PERCENT")
    if percent == "0":
        return {}
    return {
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": int(percent),
            "DestinationS3Uri": f"{uri}/v{version}",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        }
    }


def _labels(order: Order) -> list[dict[str, str]]:
    return endpoint.as_tags(
        {endpoint.PACKAGE_TAG: order.package_arn, endpoint.SHA_TAG: order.model_sha256}
    )


def _short_digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]


if __name__ == "__main__":
    run(main)
