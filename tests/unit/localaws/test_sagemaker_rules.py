"""The rules of pipelines and of the registry's policies that need no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localaws.services.sagemaker.jobs.workspace import rewrite
from localaws.services.sagemaker.pipelines import conditions, definition
from localaws.services.sagemaker.pipelines.expressions import ExpressionError, resolve, walk
from localaws.services.sagemaker.pipelines.order import ready

FAIL = {"Type": "Fail", "Arguments": {"ErrorMessage": "x"}}
ARN = "arn:aws:sagemaker:us-east-1:555555555555:model-package/g/1"


class Parameters:
    """A scope that knows parameters only."""

    def __init__(self, **values: object) -> None:
        self._values = values

    def parameter(self, name: str) -> object:
        return self._values[name]


def nodes(*steps: dict) -> dict[str, definition.Node]:
    return definition.read(json.dumps({"Version": definition.VERSION, "Steps": list(steps)})).nodes


def names(*arguments: object) -> list[str]:
    return [node.name for node in ready(*arguments)]


def test_a_step_after_a_condition_waits_for_the_branch_taken() -> None:
    gate = {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
            "IfSteps": [FAIL | {"Name": "Yes"}],
            "ElseSteps": [FAIL | {"Name": "No"}],
        },
    }
    graph = nodes(
        gate,
        FAIL | {"Name": "After", "DependsOn": ["Gate"]},
        FAIL | {"Name": "AfterNo", "DependsOn": ["No"]},
    )
    assert names(graph, {}, {}) == ["Gate"]
    assert names(graph, {"Gate": "Executing"}, {}) == []
    judged = {"Gate": "Succeeded"}
    assert names(graph, judged, {"Gate": True}) == ["Yes"]
    assert names(graph, judged | {"Yes": "Executing"}, {"Gate": True}) == []
    assert names(graph, judged | {"Yes": "Succeeded"}, {"Gate": True}) == ["After"]
    assert names(graph, judged | {"No": "Succeeded"}, {"Gate": False}) == ["After", "AfterNo"]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [(True, True, True), (1, True, False), ("true", True, False), (1, 1.0, True), (None, 0, False)],
)
def test_equality_coerces_nothing(left: object, right: object, *, equal: bool) -> None:
    condition = {"Type": "Equals", "LeftValue": left, "RightValue": right}
    assert conditions.hold([condition], Parameters()) is equal


@pytest.mark.parametrize("value", [None, True, "0.9"])
def test_only_numbers_are_compared_by_size(value: object) -> None:
    condition = {"Type": "GreaterThan", "LeftValue": value, "RightValue": 0.5}
    with pytest.raises(ExpressionError, match="not a number"):
        conditions.hold([condition], Parameters())


def test_joins_resolve_what_they_hold() -> None:
    join = {"Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.N"}, True, 0.5]}}
    assert resolve({"x": [join]}, Parameters(N=3)) == {"x": ["a/3/true/0.5"]}


def test_paths_lead_through_names_numbers_and_named_items() -> None:
    document = {"a": {"b": [{"c-d": 1}]}, "Outputs": [{"OutputName": "x", "Uri": "u"}]}
    assert walk(document, "$.a.b[0]['c-d']", what="it") == 1
    assert walk(document, ".Outputs['x'].Uri", what="it") == "u"
    for path in ("a.c", "a.b[1]", "Outputs['y']", "a..b", "a.b[x]"):
        with pytest.raises(ExpressionError, match="it: "):
            walk(document, path, what="it")


def test_only_paths_that_start_with_the_containers_root_are_rewritten() -> None:
    folder = Path("/jobs/j")
    assert rewrite("/opt/ml/model", folder) == "/jobs/j/opt/ml/model"
    assert rewrite("--x=/opt/ml:/opt/ml/a", folder) == "--x=/jobs/j/opt/ml:/jobs/j/opt/ml/a"
    for other in ("s3://b/opt/ml", "/data/opt/ml/x", "/opt/mlflow", "/opt/ml-data"):
        assert rewrite(other, folder) == other
