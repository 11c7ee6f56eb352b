"""CodeBuild and CodePipeline: projects, pipelines, their stages and actions.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
and https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all, on, on_arn
from localaws.core.actions.passing import passed


def _project(asked: Asked, name: str) -> Need:
    arn = name if name.startswith("arn:") else asked.arn("codebuild", f"project/{name}")
    return Need(f"codebuild:{asked.operation}", arn)


def _projects(asked: Asked) -> list[Need]:
    return [_project(asked, name) for name in asked.parameters["names"]]


def _builds(asked: Asked) -> list[Need]:
    ids = asked.parameters.get("ids") or [asked.parameters["id"]]
    # A build's id, or the last part of its ARN, is <project>:<uuid>.
    return [_project(asked, each.rpartition("/")[2].rpartition(":")[0]) for each in ids]


def _started(asked: Asked) -> list[Need]:
    role = asked.parameters.get("serviceRoleOverride")
    return [
        _project(asked, asked.parameters["projectName"]),
        *passed([role] if role else [], "codebuild"),
    ]


def _declared_project(asked: Asked) -> list[Need]:
    role = asked.parameters.get("serviceRole")
    return [
        _project(asked, asked.parameters["name"]),
        *passed([role] if role else [], "codebuild"),
    ]


BUILD: dict[str, Rule] = {
    "BatchGetProjects": _projects,
    **for_all("BatchGetBuilds StopBuild", _builds),
    "StartBuild": _started,
    **for_all("CreateProject UpdateProject", _declared_project),
    "DeleteProject": on("codebuild", "project/{name}"),
    "ListBuildsForProject": on("codebuild", "project/{projectName}"),
    "ListBuilds": anywhere("codebuild:ListBuilds"),
    "ListProjects": anywhere("codebuild:ListProjects"),
}


def _declared_pipeline(asked: Asked) -> list[Need]:
    pipeline = asked.parameters["pipeline"]
    return [
        Need(f"codepipeline:{asked.operation}", asked.arn("codepipeline", pipeline["name"])),
        *passed([pipeline["roleArn"]], "codepipeline"),
    ]


PIPELINE: dict[str, Rule] = {
    **for_all("CreatePipeline UpdatePipeline", _declared_pipeline),
    **for_all(
        "DeletePipeline GetPipeline GetPipelineState StartPipelineExecution",
        on("codepipeline", "{name}"),
    ),
    **for_all(
        "GetPipelineExecution ListActionExecutions ListPipelineExecutions StopPipelineExecution",
        on("codepipeline", "{pipelineName}"),
    ),
    **for_all(
        "DisableStageTransition EnableStageTransition RetryStageExecution RollbackStage "
        "OverrideStageCondition",
        on("codepipeline", "{pipelineName}/{stageName}"),
    ),
    "PutApprovalResult": on("codepipeline", "{pipelineName}/{stageName}/{actionName}"),
    "ListPipelines": anywhere("codepipeline:ListPipelines"),
    **for_all(
        "TagResource UntagResource ListTagsForResource", on_arn("codepipeline", "resourceArn")
    ),
}
