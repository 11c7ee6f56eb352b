"""The project's own foundations and jobs on the embedded AWS, for use cases quick to train."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml

from orchestration.bootstrap import bootstrap
from orchestration.definitions import build_definitions
from orchestration.environments import load_environment
from orchestration.upstream import land
from resources.serving import champion_of
from usecases.declaration import load_use_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orchestration.environments import Environment
    from resources.model_registry import PackageFacts
    from usecases.declaration import UseCase

ROOT = Path(__file__).resolve().parents[3]

#: What makes the flights' own use case quick: three weeks of data and a shallow model.
QUICK: dict[str, Any] = {
    "training_set": {"window": "20d", "minimum_rows": 1000},
    "hyperparameters": {"num_iterations": 20, "early_stopping_rounds": 10},
    "split": {"validation_days": 2, "test_days": 4},
    "gates": [
        {"gate": "schema"},
        {"gate": "size", "minimum_test_rows": 200, "minimum_per_class": 20},
        {"gate": "performance", "minimum_auc": 0.5},
        {"gate": "champion", "tolerance": 0.5},
    ],
    "retraining": {"max_age": "3d", "minimum_new_data": "1d", "cool_down": "1d"},
    "release": {"stages": ["dev"]},
}


@dataclass
class Outcome:
    """How a Dagster run ended, and every message it failed with."""

    run: dg.DagsterRun
    succeeded: bool
    messages: list[str]
    result: Any

    @property
    def told(self) -> str:
        return "\n".join(self.messages)

    def metadata(self, *key: str) -> dict[str, Any]:
        """The metadata of an asset that this run materialized."""
        for event in self.result.get_asset_materialization_events():
            if event.asset_key == dg.AssetKey(key) and event.partition is None:
                values = event.step_materialization_data.materialization.metadata
                return {name: value.value for name, value in values.items()}
        raise AssertionError(f"{key} was not materialized: {self.told}")


class Loop:
    """One deployment of the project on a running embedded AWS."""

    def __init__(self, aws: Any, folder: Path) -> None:
        self.aws = aws
        self.folder = folder
        local = load_environment("local")
        self.environment: Environment = local.model_copy(update={"endpoint_url": aws.endpoint_url})
        self.platform = self.environment.doors()
        self.instance = dg.DagsterInstance.ephemeral()
        self.quick = self.declare("quick")

    def bootstrap(self, *use_cases: UseCase) -> Any:
        names = self.platform.names
        return bootstrap(self.platform.accounts, self.environment.admin_client, names, use_cases)

    def land(self, until: datetime) -> Any:
        return land(self.platform.accounts, self.platform.names, until)

    def declare(
        self,
        label: str,
        *,
        edit: dict[str, tuple[str, str]] | None = None,
        reshape: Callable[[dict[str, Any]], None] | None = None,
        **changes: Any,
    ) -> UseCase:
        """Copy the flights' use case, quickened: change its YAML and text of its SQL (`edit`)."""
        source = ROOT / "usecases" / "flight_delay"
        folder = self.folder / label / changes.get("name", source.name)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(source, folder)
        path = folder / "usecase.yaml"
        document = yaml.safe_load(path.read_text())
        for section, change in {**QUICK, **changes}.items():
            merged = isinstance(change, dict)
            document[section] = {**document[section], **change} if merged else change
        if reshape:
            reshape(document)
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        for name, (old, new) in (edit or {}).items():
            text = (folder / "sql" / name).read_text()
            assert old in text
            (folder / "sql" / name).write_text(text.replace(old, new))
        return load_use_case(folder)

    def definitions(self, use_case: UseCase) -> dg.Definitions:
        overrides = {"platform": self.platform}
        return build_definitions(self.environment, (use_case,), overrides=overrides)

    def run(self, use_case: UseCase, job: str = "retrain", **options: Any) -> Outcome:
        """Execute a job of the use case in this process, as a run of this instance."""
        defs = self.definitions(use_case)
        name = job if job == "refresh_features" else f"{job}_{use_case.name}"
        result = defs.resolve_job_def(name).execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return Outcome(run, result.success, list(_messages(result)), result)

    def sensor(self, use_case: UseCase, name: str, cursor: str | None = None) -> Any:
        """One tick of a sensor, as the daemon would evaluate it."""
        defs = self.definitions(use_case)
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            resources={"platform": self.platform},
            definitions=defs,
        )
        return defs.resolve_sensor_def(name)(context)

    def packages(self, use_case: UseCase) -> tuple[PackageFacts, ...]:
        return self.platform.registry(use_case.name).packages()

    def champion(self, use_case: UseCase) -> PackageFacts | None:
        return champion_of(self.packages(use_case))

    def only(self, use_case: UseCase, *keys: list[str]) -> Outcome:
        """Materialize some assets of the training job, with their checks."""
        return self.run(use_case, asset_selection=[dg.AssetKey(key) for key in keys])

    def dataset(self, name: str) -> tuple[str, str]:
        """Where a curated table points, and the digest of what it was made from."""
        table = self.platform.catalogue.table("perennial_flight_delay", name)
        return table.location, table.parameters["perennial.digest"]

    def executions(self, use_case: UseCase) -> list[dict[str, Any]]:
        name = self.platform.names.training_pipeline(use_case.name)
        found = self.aws.client("sagemaker").list_pipeline_executions(PipelineName=name)
        return list(found["PipelineExecutionSummaries"])

    def checks_pass(self, outcome: Outcome, key: list[str], *, but: str = "") -> bool:
        """Say whether every check of an asset passed in a run, but for one that may fail."""
        told = {
            event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data.passed
            for event in outcome.result.all_events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
            and event.asset_check_evaluation_data.asset_key == dg.AssetKey(key)
        }
        assert told
        return all(passed for name, passed in told.items() if name != but)

    def only_days(self, use_case: UseCase, key: list[str], first: str, last: str) -> Outcome:
        """Materialize the days of one dataset, as a backfill from the UI or the CLI does."""
        tags = {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        }
        return self.run(use_case, job="backfill", asset_selection=[dg.AssetKey(key)], tags=tags)


def _messages(result: Any) -> Any:
    """What a person reads of a failed run: each step's error, and each failed check."""
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None:
                yield error.message
                error = error.cause
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                yield f"check {check.check_name}: {check.description}"
