"""The demo's facts as JSON and as a short table. Collects what was recorded; measures nothing."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from rich.table import Table

from decisions.reports import EvaluationReport, GateReport
from orchestration.following import utc

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.demo import Story
    from orchestration.following import Renewal
    from resources.platform import Platform


def write_report(path: Path, platform: Platform, story: Story) -> Path:
    """Write the report, replacing an earlier one, and return its path."""
    document = {
        "started_at": utc(story.started),
        "seconds": round(time.time() - story.started, 1),
        "renewals": [_renewal(platform, each) for each in story.renewals],
        "prediction": {
            "flight_id": story.instance.get("flight_id"),
            "features": story.instance.get("features"),
            **{answer["when"]: _answer(answer) for answer in story.predictions},
        },
        "quality": story.quality,
    }
    path.write_text(json.dumps(document, indent=2, default=str) + "\n")
    return path


def summary(platform: Platform, story: Story) -> Table:
    """Return what happened, a column per renewal."""
    table = Table(title="What happened", title_justify="left")
    table.add_column("")
    for renewal in story.renewals:
        version = renewal.package.version if renewal.package else None
        table.add_column(f"version {version}" if version else "refused", overflow="fold")
    facts = [_renewal(platform, each) for each in story.renewals]
    for title, key in _ROWS:
        table.add_row(title, *(_cell(each.get(key)) for each in facts))
    return table


_ROWS = (
    ("launched by", "launched_by"),
    ("trigger", "trigger"),
    ("AUC of challenger", "auc_challenger"),
    ("AUC of champion", "auc_champion"),
    ("gates passed", "gates_passed"),
    ("gates refused", "gates_refused"),
    ("pipeline steps, s", "step_seconds"),
    ("release stages, s", "stage_seconds"),
    ("landed to serving, s", "seconds_from_landing_to_serving"),
)


def _renewal(platform: Platform, renewal: Renewal) -> dict[str, Any]:
    marks = renewal.marks
    serving = marks.get("serving")
    facts: dict[str, Any] = {
        "run_id": renewal.run_id,
        "launched_by": renewal.launched_by,
        "trigger": renewal.trigger,
        "outcome": renewal.outcome,
        "marks": {name: utc(moment) for name, moment in marks.items()},
        "step_seconds": renewal.step_seconds,
        "stage_seconds": renewal.stage_seconds,
        "seconds_from_landing_to_serving": (
            round(serving - marks["landed"], 1) if serving and "landed" in marks else None
        ),
    }
    if renewal.release is not None:
        facts["release_execution_id"] = renewal.release.id
    if renewal.package is not None:
        package = renewal.package
        facts |= {
            "version": package.version,
            "model_package_arn": package.arn,
            "metadata": dict(package.metadata),
            **_scores(platform, package.metadata["run_uri"]),
        }
    return facts


def _scores(platform: Platform, run_uri: str) -> dict[str, Any]:
    read = platform.artifacts.read_uri
    evaluation = EvaluationReport.model_validate_json(read(f"{run_uri}/evaluate/evaluation.json"))
    gates = GateReport.model_validate_json(read(f"{run_uri}/judge/gate_report.json"))
    champion = evaluation.champion
    return {
        "auc_challenger": evaluation.challenger.auc,
        "auc_champion": champion.auc if champion else None,
        "test_rows": evaluation.challenger.rows,
        "gates": [result.model_dump() for result in gates.results],
        "gates_passed": [result.gate for result in gates.results if result.passed],
        "gates_refused": [result.gate for result in gates.results if not result.passed],
    }


def _answer(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "when"}


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {seconds:.1f}" for name, seconds in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)
