"""Models that must not get in: refused by a gate, or registered on evidence that does not hold."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from resources.objects import parse_s3_uri
from usecases import asset_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.model_registry import PackageFacts
    from tests.functional.loop.loop_world import Loop
    from usecases.declaration import UseCase

EVALUATION = "evaluate/evaluation.json"


def register_copy(loop: Loop, champion: PackageFacts, label: str, tamper: Any) -> str:
    """Copy what the champion's run left, change it, and register it as a version that waits."""
    artifacts, slug = loop.platform.artifacts, "flight-delay"
    source = parse_s3_uri(champion.metadata["run_uri"])[1]
    target = f"runs/{slug}/{label}"
    for each in artifacts.list(f"{source}/"):
        artifacts.put(each.key.replace(source, target), artifacts.get(each.key))
    model = parse_s3_uri(champion.model_data_url)[1].replace(source, target)
    tamper(loop, target, model)
    assets = loop.aws.client("sagemaker", "assets")
    metadata = {
        key: value
        for key, value in champion.metadata.items()
        if key not in {"gates", "approved_by"} and not key.endswith("_report_sha256")
    }
    original = assets.describe_model_package(ModelPackageName=champion.arn)
    specification = original["InferenceSpecification"]
    specification["Containers"][0]["ModelDataUrl"] = artifacts.uri(model)
    specification["Containers"][0].pop("ModelDataETag", None)
    arn = assets.create_model_package(
        ModelPackageGroupName=slug,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=specification,
        CustomerMetadataProperties={**metadata, "run_uri": artifacts.uri(target)},
    )["ModelPackageArn"]
    return str(arn)


def better_auc(loop: Loop, run: str, model: str) -> None:
    edit_evaluation(loop, run, lambda report: report["challenger"].update(auc=0.97))


def not_a_number(loop: Loop, run: str, model: str) -> None:
    edit_evaluation(loop, run, lambda report: report["challenger"].update(auc=float("nan")))


def missing_auc(loop: Loop, run: str, model: str) -> None:
    edit_evaluation(loop, run, lambda report: report["challenger"].update(auc=None))


def edit_evaluation(loop: Loop, run: str, change: Callable[[dict[str, Any]], None]) -> None:
    report = json.loads(loop.platform.artifacts.get(f"{run}/{EVALUATION}"))
    change(report)
    loop.platform.artifacts.put(f"{run}/{EVALUATION}", json.dumps(report).encode())


def other_model(loop: Loop, run: str, model: str) -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("model.txt"))
    loop.platform.artifacts.put(model, body.getvalue())


def no_reports(loop: Loop, run: str, model: str) -> None:
    loop.platform.artifacts.delete_prefix(f"{run}/judge/")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (better_auc, "evaluation"),
        (not_a_number, "AUC is missing or not finite"),
        (missing_auc, "AUC is missing or not finite"),
        (other_model, "the stored model is"),
        (no_reports, "gate_report.json"),
    ],
)
def test_evidence_that_does_not_hold_is_rejected(
    loop: Loop, use_case: UseCase, champion: PackageFacts, tamper: Any, said: str
) -> None:
    arn = register_copy(loop, champion, f"copy-{tamper.__name__.replace('_', '-')}", tamper)
    outcome = loop.only(use_case, asset_keys.registry(use_case.name))
    assert not outcome.succeeded
    assert said in outcome.told
    assert "What serves was left alone." in outcome.told
    package = loop.platform.registry(use_case.name).describe(arn)
    assert package.approval == "Rejected"
    assert package.metadata["gates"].startswith("failed: ")


def test_a_gate_refuses_and_the_champion_keeps(
    loop: Loop, use_case: UseCase, champion: PackageFacts
) -> None:
    strict = loop.declare(
        "strict",
        gates=[{"gate": "schema"}, {"gate": "performance", "minimum_auc": 0.99}],
    )
    packages = loop.packages(use_case)
    outcome = loop.run(strict)
    assert not outcome.succeeded
    assert outcome.run.tags["perennial/outcome"] == "refused"
    assert "check performance: The challenger's AUC" in outcome.told
    assert "is below the minimum 0.9900" in outcome.told
    assert loop.packages(use_case) == packages
    registry = dg.AssetKey(["flight_delay", "registry"])
    assert registry not in {
        event.asset_key for event in outcome.result.get_asset_materialization_events()
    }
    # A gate that refused is an answer: asking again over the same data does not train again.
    executions = len(loop.executions(use_case))
    training = (
        getattr(asset_keys, name)(strict.name)
        for name in ("data_report", "model", "evaluation", "bias", "gate_report")
    )
    assert "check performance" in loop.only(strict, *training).told
    assert len(loop.executions(use_case)) == executions
