"""Release definitions compare by meaning, and a stage has succeeded only when all of it has."""
# ruff: noqa: N803 - the fakes take boto3\'s own parameter names

from datetime import UTC, datetime, timedelta

from resources.codepipeline import Releases, normal, stage_of

T = datetime(2026, 1, 1, tzinfo=UTC)
STAGE = {"name": "Dev", "actions": [{"name": "Deploy"}, {"name": "Smoke"}]}


def action(name: str, status: str, minute: int = 0, **more):
    start = T + timedelta(minutes=minute)
    end = start + timedelta(seconds=30)
    facts = {"stageName": "Dev", "actionName": name, "status": status}
    return facts | {"startTime": start, "lastUpdateTime": end} | more


def test_defaults_and_versions_do_not_make_a_difference():
    kind = {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}
    wanted = {"name": "p", "stages": [{"name": "A", "actions": [{"actionTypeId": kind}]}]}
    filled = {"actionTypeId": kind, "runOrder": 1, "inputArtifacts": [], "configuration": {}}
    stored = {
        "name": "p",
        "version": 4,
        "executionMode": "SUPERSEDED",
        "stages": [{"name": "A", "actions": [filled]}],
    }
    assert normal(stored) == normal(wanted)
    other = {**filled, "actionTypeId": {**kind, "version": "2"}}
    assert normal({**stored, "stages": [{"name": "A", "actions": [other]}]}) != normal(wanted)


def test_a_stage_is_not_over_while_an_action_has_yet_to_start():
    assert stage_of(STAGE, []).status == "NotStarted"
    assert stage_of(STAGE, [action("Deploy", "Succeeded")]).status == "InProgress"
    done = stage_of(STAGE, [action("Deploy", "Succeeded"), action("Smoke", "Succeeded", 1)])
    assert (done.status, done.started_at) == ("Succeeded", T)
    assert done.ended_at == T + timedelta(minutes=1, seconds=30)


def test_a_failure_says_why_and_a_retry_replaces_it():
    output = {"executionResult": {"errorDetails": {"message": "probe differs"}}}
    failed = action("Smoke", "Failed", 1, output=output)
    stage = stage_of(STAGE, [action("Deploy", "Succeeded"), failed])
    assert (stage.status, stage.error) == ("Failed", "Smoke: probe differs")
    again = [action("Deploy", "Succeeded"), failed, action("Smoke", "Succeeded", 2)]
    assert stage_of(STAGE, again).status == "Succeeded"
    assert stage_of(STAGE, again).error is None


class FakePipeline:
    """Executions by id; starting makes a new one unless the token is known."""

    def __init__(self) -> None:
        self.executions: list[dict] = []
        self.tokens: dict[str, str] = {}

    def list_pipeline_executions(self, **_):
        return {"pipelineExecutionSummaries": [each["summary"] for each in self.executions]}

    def get_pipeline_execution(self, *, pipelineExecutionId, **_):
        (found,) = [
            e for e in self.executions if e["summary"]["pipelineExecutionId"] == pipelineExecutionId
        ]
        return {"pipelineExecution": {"variables": found["variables"]}}

    def start_pipeline_execution(self, *, variables, clientRequestToken, **_):
        if clientRequestToken not in self.tokens:
            name = f"e{len(self.executions)}"
            summary = {"pipelineExecutionId": name, "status": "InProgress"}
            self.executions.append(
                {
                    "summary": summary | {"startTime": T, "lastUpdateTime": T},
                    "variables": [
                        {"name": v["name"], "resolvedValue": v["value"]} for v in variables
                    ],
                }
            )
            self.tokens[clientRequestToken] = name
        return {"pipelineExecutionId": self.tokens[clientRequestToken]}


def test_a_plan_in_flight_is_not_started_again_even_under_another_token():
    client = FakePipeline()
    releases = Releases(client)
    first = releases.start("p", {"PlanDigest": "d1"}, "t1")
    assert releases.start("p", {"PlanDigest": "d1"}, "t1") == first
    assert releases.start("p", {"PlanDigest": "d1"}, "t2") == first
    assert releases.start("p", {"PlanDigest": "d2"}, "t3") != first
    client.executions[0]["summary"]["status"] = "Failed"
    assert releases.start("p", {"PlanDigest": "d1"}, "t4") != first
    assert releases.executions("p")[0].variables == {"PlanDigest": "d1"}
