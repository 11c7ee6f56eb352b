"""Asks a deployed endpoint what evaluation asked the model: ``python3 -m bundle.smoke``.

The answers must agree within 1e-6, and nonsense must be refused without harm. Where they do not,
the endpoint is put back to what it served before, and the release ends.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

from . import endpoint
from .order import Order, Refused, required, run, target_session

TOLERANCE = 1e-6  # of a probability, absolute
_NONSENSE = {"instances": [{"perennial_smoke_no_such_feature": 1}]}
_CLIENT_ERRORS = range(400, 500)


def main() -> None:
    """Check that the right package serves, then ask it; put back what served before if it errs."""
    order = Order.read(os.environ)
    probe = read_probe(boto3.client("s3"), required(os.environ, "PROBE_URI"))
    session = target_session(order)
    sagemaker, runtime = session.client("sagemaker"), session.client("sagemaker-runtime")
    require_package(sagemaker, order)
    try:
        compare(ask(runtime, order.endpoint, probe), probe["expected"])
        require_refusal(runtime, order.endpoint)
        compare(ask(runtime, order.endpoint, probe), probe["expected"])
    except Refused as error:
        raise Refused(f"{error} {put_back(sagemaker, order)}") from error
    print(f"{order.stage}: {len(probe['expected'])} predictions agree within {TOLERANCE:g}")


def read_probe(s3: Any, uri: str) -> dict[str, Any]:
    """Read probe.json as evaluation wrote it.

    Raises:
        Refused: It holds no instances, or not one expectation for each.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    probe: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    if not probe.get("instances") or len(probe["instances"]) != len(probe.get("expected", [])):
        raise Refused(f"{uri} must hold instances and one expected probability for each.")
    return probe


def require_package(sagemaker: Any, order: Order) -> None:
    """Check that the endpoint serves the package under release.

    Raises:
        Refused: It serves another one, or nothing.
    """
    state = endpoint.settled(sagemaker, order.endpoint)
    if state is None:
        raise Refused(f"There is no endpoint {order.endpoint}; run the Deploy action first.")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=state["EndpointConfigName"])
    served = endpoint.tags(sagemaker, config["EndpointConfigArn"]).get(endpoint.PACKAGE_TAG)
    if served != order.package_arn:
        raise Refused(
            f"{order.endpoint} serves {served}, not {order.package_arn}. Retry the whole "
            "stage (ALL_ACTIONS), not only this action."
        )


def ask(runtime: Any, name: str, probe: dict[str, Any]) -> list[float]:
    """Return the endpoint's probabilities.

    Raises:
        Refused: It answers with an error, or not in the agreed form.
    """
    body = json.dumps({"instances": probe["instances"]}).encode()
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=name,
            ContentType=probe.get("content_type", "application/json"),
            Accept="application/json",
            Body=body,
        )
        predictions = json.loads(answer["Body"].read())["predictions"]
        return [float(prediction["probability"]) for prediction in predictions]
    except ClientError as error:
        raise Refused(f"{name} answered the probe with an error: {error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{name} answered the probe in another form than agreed: {error!r}."
        ) from error


def compare(answered: list[float], expected: list[float]) -> None:
    """Check that the endpoint computes what evaluation computed.

    Raises:
        Refused: A probability is off, or missing.
    """
    for answer, expectation in zip(answered, expected, strict=False):
        print(f"expected {expectation:.9f}, answered {answer:.9f}")
    if len(answered) != len(expected):
        raise Refused(f"The endpoint gave {len(answered)} answers to {len(expected)} questions.")
    # Not "any off by more": a NaN is neither more nor less, and must not pass.
    if not all(abs(a - e) <= TOLERANCE for a, e in zip(answered, expected, strict=True)):
        raise Refused(f"The endpoint answers {answered}, evaluation expected {expected}.")


def require_refusal(runtime: Any, name: str) -> None:
    """Check that nonsense is answered as the caller's fault (4xx).

    Raises:
        Refused: It was accepted, or broke something.
    """
    try:
        runtime.invoke_endpoint(
            EndpointName=name, ContentType="application/json", Body=json.dumps(_NONSENSE).encode()
        )
    except ClientError as error:
        status = int(error.response.get("OriginalStatusCode", 0))
        print(f"nonsense was answered {status}: {error.response.get('OriginalMessage', '')}")
        if status in _CLIENT_ERRORS:
            return
        raise Refused(f"{name} broke on a malformed request: {error}.") from error
    raise Refused(f"{name} accepted a request without any of the model's features.")


def put_back(sagemaker: Any, order: Order) -> str:
    """Return the endpoint to what it served before this release, and say what became of it."""
    name = order.endpoint
    arn = sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"]
    known = endpoint.tags(sagemaker, arn)
    if known.get(endpoint.PLAN_TAG) != order.plan_digest:
        # What serves was here before this plan: the doubt is as much about the probe.
        return f"This release did not change {name}, so it stays as it is."
    previous = known.get(endpoint.PREVIOUS_CONFIG_TAG)
    if previous is None:
        return f"{name} served nothing before, so it stays as it is."
    endpoint.switch(sagemaker, name, previous, {})
    endpoint.label(sagemaker, name)
    return f"{name} was put back to {previous}."


if __name__ == "__main__":
    run(main)
