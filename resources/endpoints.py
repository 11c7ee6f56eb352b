"""Endpoints: what they serve now, and what they answer. Deploying is the release's work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decisions.captures import EVENT_TIME
from resources.errors import Missing, Terminal, call, find

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """An endpoint and what it serves."""

    name: str
    status: str
    package_arn: str | None
    config_name: str
    updated_at: datetime


class Endpoints:
    """The endpoints of one account.

    Args:
        client: A ``sagemaker`` client.
        runtime: A ``sagemaker-runtime`` client of the same account.
    """

    def __init__(self, client: Any, runtime: Any) -> None:
        self._client = client
        self._runtime = runtime

    def describe(self, name: str) -> EndpointFacts | None:
        """Return an endpoint's facts, or None if there is none of that name."""
        endpoint = find(self._client.describe_endpoint, EndpointName=name)
        if endpoint is None:
            return None
        # While an endpoint is being created it may not name its configuration yet.
        config = endpoint.get("EndpointConfigName", "")
        return EndpointFacts(
            name=name,
            status=endpoint["EndpointStatus"],
            package_arn=self._package(config) if config else None,
            config_name=config,
            updated_at=endpoint["LastModifiedTime"],
        )

    def invoke(
        self,
        name: str,
        instances: list[dict[str, Any]],
        *,
        inference_id: str | None = None,
        event_time: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Return one prediction per instance: ``{"probability": ..., "label": ...}``.

        Args:
            name: The endpoint.
            instances: What to ask about; one, if its answer is to meet its ground truth later.
            inference_id: The event's id, at most 64 characters, by which its label is found.
            event_time: The moment that is asked about, naive UTC.

        Raises:
            Terminal: The model refused an instance; the message names the feature.
            Transient: The endpoint was overloaded or unreachable.
        """
        given = {"InferenceId": inference_id} if inference_id else {}
        if event_time is not None:
            given["CustomAttributes"] = f"{EVENT_TIME}{event_time.isoformat()}"
        answer = call(
            self._runtime.invoke_endpoint,
            **given,
            EndpointName=name,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps({"instances": instances}, allow_nan=False).encode(),
        )
        predictions: list[dict[str, Any]] = json.loads(answer["Body"].read())["predictions"]
        if len(predictions) != len(instances):
            raise Terminal(
                f"Endpoint {name} answered {len(predictions)} predictions to {len(instances)} "
                "instances; its inference code breaks the contract."
            )
        return predictions

    def _package(self, config_name: str) -> str | None:
        try:
            config = call(self._client.describe_endpoint_config, EndpointConfigName=config_name)
            model_name = config["ProductionVariants"][0]["ModelName"]
            model = call(self._client.describe_model, ModelName=model_name)
        except Missing:
            return None  # deleted under a living endpoint: it serves, but nobody can say what
        containers = [model.get("PrimaryContainer", {}), *model.get("Containers", [])]
        arns = [each["ModelPackageName"] for each in containers if each.get("ModelPackageName")]
        return arns[0] if arns else None
