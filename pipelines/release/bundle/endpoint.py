"""An endpoint in the target account: described, changed, waited for, tagged.

Knows nothing of packages' approval or of probes; those belong to ``deploy`` and ``smoke``.
"""

from __future__ import annotations

import os
import time
from typing import Any

from botocore.exceptions import ClientError

from .order import Refused

PLAN_TAG = "perennial:plan"
PREVIOUS_CONFIG_TAG = "perennial:previous-config"
PACKAGE_TAG = "perennial:model-package"
SHA_TAG = "perennial:model-sha256"

_BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
_FIRST_POLL_SECONDS = 0.5
_LONGEST_POLL_SECONDS = 10.0
_POLL_GROWTH = 1.3
_LONGEST_REASON = 500  # characters
_DEADLINE_SECONDS = float(os.environ.get("RELEASE_DEADLINE_SECONDS", "2700"))


def find(operation: Any, **request: Any) -> dict[str, Any] | None:
    """Describe something; None where SageMaker says that it does not exist."""
    try:
        answer: dict[str, Any] = operation(**request)
    except ClientError as error:
        if "Could not find" in error.response["Error"].get("Message", ""):
            return None
        raise
    return answer


def settled(sagemaker: Any, name: str) -> dict[str, Any] | None:
    """Wait until nothing changes at an endpoint and describe it; None if there is none.

    Raises:
        Refused: It still changed at the deadline.
    """
    deadline, pause = time.monotonic() + _DEADLINE_SECONDS, _FIRST_POLL_SECONDS
    while True:
        endpoint = find(sagemaker.describe_endpoint, EndpointName=name)
        if endpoint is None or endpoint["EndpointStatus"] not in _BUSY:
            return endpoint
        if time.monotonic() > deadline:
            raise Refused(
                f"Endpoint {name} is still {endpoint['EndpointStatus']} after "
                f"{_DEADLINE_SECONDS:g} s."
            )
        time.sleep(pause)
        pause = min(pause * _POLL_GROWTH, _LONGEST_POLL_SECONDS)


def switch(sagemaker: Any, name: str, config: str, memory: dict[str, str]) -> None:
    """Make an endpoint serve a configuration; wait until it does. Nothing to do if it does.

    Args:
        sagemaker: A client of the target account.
        name: The endpoint.
        config: The configuration it is to serve.
        memory: Tags that the endpoint gets if, and before, it is changed.

    Raises:
        Refused: It does not come into service; what served before goes on serving.
    """
    current = settled(sagemaker, name)
    if current is not None and current["EndpointStatus"] == "Failed":
        # AWS allows nothing else with a failed endpoint, and nothing serves on it.
        print(f"{name} is Failed ({current.get('FailureReason', 'no reason')}): deleting it")
        sagemaker.delete_endpoint(EndpointName=name)
        current = settled(sagemaker, name)
    if current is None:
        print(f"{name}: creating with {config}")
        sagemaker.create_endpoint(
            EndpointName=name, EndpointConfigName=config, Tags=as_tags(memory)
        )
    elif current["EndpointConfigName"] == config:
        print(f"{name} serves {config} already")
        return
    else:
        before = current["EndpointConfigName"]
        print(f"{name}: {before} -> {config}")
        add_tags(sagemaker, current["EndpointArn"], {PREVIOUS_CONFIG_TAG: before} | memory)
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    _require_serving(settled(sagemaker, name), name, config)


def _require_serving(endpoint: dict[str, Any] | None, name: str, config: str) -> None:
    if endpoint is None:
        raise Refused(f"Endpoint {name} was deleted while it was being deployed.")
    if endpoint["EndpointStatus"] == "InService" and endpoint["EndpointConfigName"] == config:
        print(f"{name} is InService with {config}")
        return
    # The end of a reason says most: it is often a traceback.
    reason = endpoint.get("FailureReason", "no reason given")[-_LONGEST_REASON:]
    raise Refused(
        f"Endpoint {name} did not come into service with {config}: {reason}. "
        f"It is {endpoint['EndpointStatus']} with {endpoint['EndpointConfigName']}."
    )


def label(sagemaker: Any, name: str) -> None:
    """Copy onto the endpoint what its configuration's tags say: package and digest."""
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    known = tags(sagemaker, config["EndpointConfigArn"])
    add_tags(
        sagemaker,
        endpoint["EndpointArn"],
        {key: known[key] for key in (PACKAGE_TAG, SHA_TAG) if key in known},
    )


def tags(sagemaker: Any, arn: str) -> dict[str, str]:
    """Return a resource's tags."""
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def as_tags(values: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as SageMaker takes them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def add_tags(sagemaker: Any, arn: str, values: dict[str, str]) -> None:
    """Add or replace tags of a resource."""
    if values:
        sagemaker.add_tags(ResourceArn=arn, Tags=as_tags(values))
