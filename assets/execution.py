"""One SageMaker Pipeline execution per training: started once, followed, found again after a crash.

What becomes of its reports belongs to training.py; the pipeline's definition to compiling.py.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assets.baseline import baseline_uri, ensure_baseline
from assets.compiling import Compiled, commit, ensure_pipeline
from assets.parts import digest_of
from assets.training_set import current
from resources.errors import Terminal
from resources.objects import parse_s3_uri
from resources.serving import champion_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resources.glue import TableFacts
    from resources.model_registry import PackageFacts
    from resources.platform import Platform
    from resources.sagemaker import ExecutionFacts, StepFacts
    from usecases.declaration import UseCase

_GOING = frozenset({"Executing", "Stopping", "Succeeded"})
_REFUSE = "Refuse"


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A pipeline execution that ended, by a gate's refusal or well."""

    execution: ExecutionFacts
    run_uri: str
    model_uri: str
    compiled: Compiled

    @property
    def refused(self) -> bool:
        """Say whether the pipeline's gates refused the model."""
        return not self.execution.succeeded


def train(
    platform: Platform,
    use_case: UseCase,
    *,
    run_id: str,
    log: Callable[[str], None],
    ended: Callable[[Sequence[StepFacts]], None],
) -> TrainingRun:
    """Train on the newest training set, or re-attach to the execution that did or does.

    Args:
        platform: The doors to AWS.
        use_case: What to train.
        run_id: The Dagster run that asks.
        log: Takes a line for people.
        ended: Takes the steps once the execution has ended, well or not.

    Raises:
        Terminal: There is no training set, or a step failed; the message has step and reason.
        CompileError: The pipeline could not be compiled.
    """
    table = current(platform, use_case)
    compiled = ensure_pipeline(platform, use_case)
    log(f"pipeline {compiled.name}: {'compiled and updated' if compiled.changed else 'unchanged'}")
    packages = platform.registry(use_case.name).packages()
    parameters = _parameters(platform, use_case, table, _opponent(packages, table, compiled))
    intent = digest_of(
        {"parameters": parameters, "code": compiled.code_sha256, "config": compiled.config_sha256}
    )
    arn = _start(
        platform,
        compiled,
        {**parameters, "Commit": commit(), "DagsterRunId": run_id},
        prefix=f"{platform.names.slug(use_case.name)}-{intent[:16]}-",
    )
    log(f"execution {arn}")
    # The steps do not need the baseline, only its name: Athena counts while they run. Without it
    # this fails, so nothing is approved, and the next try attaches to the same execution.
    with ThreadPoolExecutor(1, thread_name_prefix="baseline") as pool:
        counted = pool.submit(ensure_baseline, platform, use_case, table)
        execution = platform.training.wait(arn, on_step=lambda step: log(_line(step)))
        counted.result()
    ended(platform.training.steps(arn))
    return _ended(platform, use_case, execution, compiled)


def _start(
    platform: Platform, compiled: Compiled, parameters: dict[str, str], *, prefix: str
) -> str:
    """Start an execution, unless the newest attempt at the very same training is good to attach to.

    An attempt is named by what goes into it. One that failed before the gates had their say is
    tried again under the next number; one that runs, succeeded or was refused is the answer.
    """
    attempts = platform.training.named(compiled.name, prefix)
    numbers = {int(name.removeprefix(prefix)): arn for name, arn in attempts.items()}
    newest = max(numbers, default=0)
    if newest:
        facts = platform.training.describe(numbers[newest])
        if facts.status in _GOING or _refused(platform, facts.arn):
            return facts.arn
    display_name = f"{prefix}{newest + 1}"
    return platform.training.start(
        compiled.name,
        parameters,
        intent=f"{display_name} {parameters['DagsterRunId']}",
        display_name=display_name,
    )


def _ended(
    platform: Platform, use_case: UseCase, execution: ExecutionFacts, compiled: Compiled
) -> TrainingRun:
    """Read an ended execution.

    Raises:
        Terminal: A step failed for another reason than a gate's refusal.
    """
    steps = {step.name: step for step in platform.training.steps(execution.arn)}
    if not execution.succeeded and _REFUSE not in steps:
        failed = [
            f"{step.name}: {step.failure_reason}" for step in steps.values() if step.failure_reason
        ]
        raise Terminal(
            f"{execution.arn} ended {execution.status}. "
            f"{'; '.join(failed) or execution.failure_reason}. What serves was left alone."
        )
    job = steps["Train"].metadata["TrainingJob"]["Arn"].rpartition("/")[2]
    run_id = execution.arn.rpartition("/")[2]
    run_uri = platform.artifacts.uri(f"runs/{platform.names.slug(use_case.name)}/{run_id}")
    return TrainingRun(execution, run_uri, f"{run_uri}/train/{job}/output/model.tar.gz", compiled)


def _refused(platform: Platform, arn: str) -> bool:
    return any(step.name == _REFUSE for step in platform.training.steps(arn))


def _opponent(
    packages: Iterable[PackageFacts], table: TableFacts, compiled: Compiled
) -> PackageFacts | None:
    """Return the version to beat: the champion, if it was made from anything else than is now.

    Where nothing has changed since, a challenger could only be the champion again. The champion's
    own opponent names the execution that made it, which is then attached to.
    """
    known = {package.arn: package for package in packages}
    champion = champion_of(known.values())
    if champion is None:
        return None
    now = {
        "training_set_sha256": json.loads(table.parameters["perennial.summary"])["sha256"],
        "code_sha256": compiled.code_sha256,
        "config_sha256": compiled.config_sha256,
    }
    if any(champion.metadata.get(name) != digest for name, digest in now.items()):
        return champion
    return known.get(champion.metadata.get("champion_package_arn", "none"))


def _parameters(
    platform: Platform, use_case: UseCase, table: TableFacts, champion: PackageFacts | None
) -> dict[str, str]:
    summary = json.loads(table.parameters["perennial.summary"])
    return {
        "TrainingSetUri": summary["uri"],
        "TrainingSetSha256": summary["sha256"],
        "ChampionUri": _champion_uri(platform, champion),
        "ChampionPackageArn": champion.arn if champion else "none",
        "TrainedFrom": table.parameters["perennial.trained_from"],
        "TrainedThrough": table.parameters["perennial.trained_through"],
        "DriftBaselineUri": baseline_uri(platform, use_case, table),
    }


def _champion_uri(platform: Platform, champion: PackageFacts | None) -> str:
    """Return the S3 prefix that holds the champion's model.tar.gz, or the one that says none.

    Raises:
        Terminal: The champion's artifact lies in another bucket.
    """
    if champion is None:
        return platform.names.no_champion_uri
    bucket, key = parse_s3_uri(champion.model_data_url)
    if bucket != platform.artifacts.bucket:
        raise Terminal(f"{champion.arn} has its model in {bucket}, not in the artifact bucket.")
    return platform.artifacts.uri(key.rpartition("/")[0])


def _line(step: StepFacts) -> str:
    took = ""
    if step.started_at and step.ended_at:
        took = f" after {(step.ended_at - step.started_at).total_seconds():.1f} s"
    return f"step {step.name}: {step.status}{took} {step.failure_reason}".rstrip()
