"""What must be there once, and must have ended: asked of the server at the run's end."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.kills.ledger import Call
    from benchmarks.kills.readers import Readers

EXPERIMENTATION, ASSETS = "111111111111", "555555555555"
STAGES = {"dev": "222222222222", "staging": "333333333333", "prod": "444444444444"}
_TOKENS = {
    "athena:StartQueryExecution": ("ClientRequestToken", "QueryExecutionId"),
    "codepipeline:StartPipelineExecution": ("clientRequestToken", "pipelineExecutionId"),
    "sagemaker:StartPipelineExecution": ("ClientRequestToken", "PipelineExecutionArn"),
}
_UNDER_WAY = frozenset(
    {"IN_PROGRESS", "InProgress", "Executing", "Stopping", "QUEUED", "RUNNING", "Creating",
     "Updating", "Deleting"}
)  # fmt: skip


class Inventory:
    """Everything of the loop that the server knows now."""

    def __init__(self, readers: Readers, group: str, release: str, training: str) -> None:
        self._client = readers.client
        self.packages = [
            self._client("sagemaker", ASSETS).describe_model_package(ModelPackageName=each)
            for each in self._all(
                "sagemaker", ASSETS, "list_model_packages", "ModelPackageArn",
                ModelPackageGroupName=group,
            )
        ]  # fmt: skip
        self.trainings = self._trainings(training)
        self.releases = self._releases(release)
        self.actions = self._pages(
            "codepipeline", ASSETS, "list_action_executions", pipelineName=release
        )
        self.builds = self._builds()
        self.jobs = self._jobs()
        self.queries = self._queries()
        self.endpoints = {
            stage: self._pages("sagemaker", account, "list_endpoints")
            for stage, account in STAGES.items()
        }

    def under_way(self) -> list[str]:
        """Return what has not ended."""
        found = [
            *((f"training {e['PipelineExecutionArn']}", e["PipelineExecutionStatus"])
              for e in self.trainings),
            *((f"release {e['pipelineExecutionId']}", e["status"]) for e in self.releases),
            *((f"action {e['actionExecutionId']}", e["status"]) for e in self.actions),
            *((f"build {e['id']}", e["buildStatus"]) for e in self.builds),
            *self.jobs.items(),
            *self.queries.items(),
            *((f"endpoint in {stage}", e["EndpointStatus"])
              for stage, endpoints in self.endpoints.items() for e in endpoints),
        ]  # fmt: skip
        return [f"{what}: {status}" for what, status in found if status in _UNDER_WAY]

    def duplicates(self, calls: Iterable[Call]) -> list[str]:
        """Return what is there more often than it was asked for."""
        return [
            *_twice("model", (_artifact(each) for each in self.packages)),
            *_twice("training", (e["PipelineExecutionDisplayName"] for e in self.trainings)),
            *_twice("release of plan", map(_plan, self.releases)),
            *_twice("successful release of", map(_package, filter(_succeeded, self.releases))),
            *_twice("build of action", self._build_of_action()),
            *_twice("job of step", (_step(name) for name in self.jobs)),
            *token_duplicates(calls),
            *(f"{len(endpoints)} endpoints in {stage}"
              for stage, endpoints in self.endpoints.items() if len(endpoints) > 1),
        ]  # fmt: skip

    def _build_of_action(self) -> Iterator[str]:
        """One build was started per attempt: those with an action's token in their environment."""
        owners: dict[str, str] = {}
        for action in self.actions:
            external = (
                action.get("output", {}).get("executionResult", {}).get("externalExecutionId")
            )
            if external:
                owners[external] = action["actionExecutionId"]
        for build in self.builds:
            yield owners.get(build["id"], f"none ({build['id']})")

    def orphans(self) -> list[str]:
        """Return the builds that no action knows of."""
        return [each for each in self._build_of_action() if each.startswith("none")]

    def _trainings(self, name: str) -> list[dict[str, Any]]:
        return self._pages(
            "sagemaker", EXPERIMENTATION, "list_pipeline_executions", PipelineName=name
        )

    def _releases(self, name: str) -> list[dict[str, Any]]:
        client = self._client("codepipeline", ASSETS)
        found = self._pages("codepipeline", ASSETS, "list_pipeline_executions", pipelineName=name)
        for each in found:
            detail = client.get_pipeline_execution(
                pipelineName=name, pipelineExecutionId=each["pipelineExecutionId"]
            )["pipelineExecution"]
            each["variables"] = {v["name"]: v["resolvedValue"] for v in detail["variables"]}
        return found

    def _builds(self) -> list[dict[str, Any]]:
        client = self._client("codebuild", ASSETS)
        ids = self._pages("codebuild", ASSETS, "list_builds")
        batches = [ids[start : start + 100] for start in range(0, len(ids), 100)]
        return [b for batch in batches for b in client.batch_get_builds(ids=batch)["builds"]]

    def _jobs(self) -> dict[str, str]:
        found = {}
        for family in ("Processing", "Training"):
            operation = f"list_{family.lower()}_jobs"
            for each in self._pages("sagemaker", EXPERIMENTATION, operation):
                found[f"job {each[f'{family}JobName']}"] = each[f"{family}JobStatus"]
        return found

    def _queries(self) -> dict[str, str]:
        client = self._client("athena", EXPERIMENTATION)
        ids = self._pages("athena", EXPERIMENTATION, "list_query_executions", WorkGroup="perennial")
        found = {}
        for start in range(0, len(ids), 50):
            answer = client.batch_get_query_execution(QueryExecutionIds=ids[start : start + 50])
            for each in answer["QueryExecutions"]:
                found[f"query {each['QueryExecutionId']}"] = each["Status"]["State"]
        return found

    def _all(
        self, service: str, account: str, operation: str, member: str, **request: Any
    ) -> list[Any]:
        return [each[member] for each in self._pages(service, account, operation, **request)]

    def _pages(self, service: str, account: str, operation: str, **request: Any) -> list[Any]:
        client = self._client(service, account)
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**request)
        else:
            pages = [getattr(client, operation)(**request)]
        return [
            each
            for page in pages
            for value in page.values()
            if isinstance(value, list)
            for each in value
        ]


def _twice(what: str, names: Iterable[str]) -> list[str]:
    return [f"{what} {name}: {count} times" for name, count in Counter(names).items() if count > 1]


def token_duplicates(calls: Iterable[Call]) -> list[str]:
    """One token, one answer: what clients were told, whatever is stored."""
    answers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for call in calls:
        if call.name in _TOKENS and call.outcome == "acknowledged":
            token, answer = _TOKENS[call.name]
            if token in call.parameters:
                answers[call.name, call.account, call.parameters[token]].add(call.answer[answer])
    return [
        f"{name} answered one token with {len(found)} ids"
        for (name, _, _), found in answers.items()
        if len(found) > 1
    ]


def _artifact(package: dict[str, Any]) -> str:
    url: str = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    return url


def _plan(release: dict[str, Any]) -> str:
    return str(release["variables"]["PlanDigest"])


def _package(release: dict[str, Any]) -> str:
    return str(release["variables"]["ModelPackageArn"])


def _succeeded(release: dict[str, Any]) -> bool:
    return bool(release["status"] == "Succeeded")


def _step(job: str) -> str:
    """``job pipelines-<execution>-<step>-<suffix>``: one attempt of a step has one name."""
    return job.rpartition("-")[0]
