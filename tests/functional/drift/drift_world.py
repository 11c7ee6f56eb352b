"""Flights landed on the embedded AWS, and models registered with baselines counted from them.

No model is trained: drift needs a package's record and its baseline, and nothing of the model.
"""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml

from decisions.model import digest_of
from orchestration.bootstrap import bootstrap
from orchestration.definitions import build_definitions
from orchestration.environments import load_environment
from orchestration.upstream import land
from resources.serving import champion_of
from sensors.drift import report_for
from sensors.governing import situation_of
from usecases.declaration import load_use_case
from usecases.profiling import measure_baseline

if TYPE_CHECKING:
    from decisions.baseline import Baseline
    from orchestration.environments import Environment
    from sensors.drift import Report
    from usecases.declaration import UseCase

ROOT = Path(__file__).resolve().parents[3]
LANDED = datetime(2013, 1, 19)  # noqa: DTZ001 - data time is naive UTC


class DriftWorld:
    """One deployment; every use case of it reads the same raw tables."""

    def __init__(self, aws: Any, folder: Path) -> None:
        local = load_environment("local")
        self.environment: Environment = local.model_copy(update={"endpoint_url": aws.endpoint_url})
        self.folder = folder
        self.platform = self.environment.doors()
        self.calls: Counter[str] = Counter()
        self.listen(self.platform)

    def listen(self, platform: Any) -> None:
        """Count the calls that a platform's doors make."""
        for service in ("glue", "athena"):
            client = platform.accounts.client(service, "experimentation")
            client.meta.events.register("before-call", self._count)
        platform.accounts.client("s3", "assets").meta.events.register("before-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def declare(self, **drift: Any) -> UseCase:
        """A use case of its own name that watches two columns of each table by the last 3 days."""
        name = f"drift_{uuid.uuid4().hex[:10]}"
        made = self.folder / name / name
        shutil.copytree(ROOT / "usecases" / "flight_delay", made)
        document = yaml.safe_load((made / "usecase.yaml").read_text())
        document["name"] = name
        document["monitors"]["drift"] = {
            "window": "3d",
            "psi_threshold": 0.5,
            "minimum_rows": 30,
            "minimum_features": 1,
            "persistence": {"of": 2, "windows": 2},
            "tables": {
                "flights": {"carrier": "categorical", "distance": "numeric"},
                "weather": {"temp": "numeric", "humid": "numeric"},
            },
            **drift,
        }
        (made / "usecase.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        return load_use_case(made)

    def deploy(self, use_case: UseCase) -> None:
        bootstrap(
            self.platform.accounts, self.environment.admin_client, self.platform.names, (use_case,)
        )

    def land(self, until: datetime) -> None:
        land(self.platform.accounts, self.platform.names, until)

    def baseline(self, use_case: UseCase) -> Baseline:
        """The first two weeks' counts."""

        def select(sql: str) -> list[dict[str, Any]]:
            return self.platform.athena.select(
                sql, database=use_case.sources.database, intent=digest_of({"sql": sql})
            )

        return measure_baseline(use_case, date(2013, 1, 1), date(2013, 1, 14), select)

    def champion(self, use_case: UseCase, baseline: bytes) -> str:
        """Register an approved version with this baseline file; return the file's URI."""
        registry = self.environment.admin_client("sagemaker", "assets")
        key = f"baselines/{use_case.name}/{digest_of(baseline.hex())}.json"
        self.platform.artifacts.put(key, baseline)
        uri = self.platform.artifacts.uri(key)
        registry.create_model_package(
            ModelPackageGroupName=self.platform.registry(use_case.name).group_arn,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={
                "model_sha256": "0" * 64,
                "gates": "passed",
                "drift_baseline_uri": uri,
            },
            InferenceSpecification={
                "Containers": [{"Image": "img", "ModelDataUrl": uri}],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        assert champion_of(self.platform.registry(use_case.name).packages()) is not None
        return uri

    def report(self, use_case: UseCase, platform: Any = None) -> Report:
        doors = platform or self.platform
        found = report_for(doors, use_case, situation_of(doors, use_case))
        assert found is not None
        return found

    def tick(self, *use_cases: UseCase, cursor: str | None = None) -> Any:
        """One tick of the sensor over these use cases, as the daemon would evaluate it."""
        overrides = {"platform": self.platform}
        defs = build_definitions(self.environment, use_cases, overrides=overrides)
        context = dg.build_sensor_context(
            instance=dg.DagsterInstance.ephemeral(),
            cursor=cursor,
            resources={"platform": self.platform},
            definitions=defs,
        )
        return defs.resolve_sensor_def("drift_sensor")(context)
