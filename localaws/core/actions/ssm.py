"""Systems Manager's parameters.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all

_ON_ONE = "DeleteParameter GetParameter GetParameterHistory LabelParameterVersion PutParameter"
_ON_RESOURCE = "AddTagsToResource ListTagsForResource RemoveTagsFromResource"


def _parameter(asked: Asked, name: str, **values: str) -> Need:
    if not name.startswith("arn:"):
        # A version or label (name:3) is no part of the ARN, and a leading slash stands for itself.
        name = asked.arn("ssm", f"parameter/{name.partition(':')[0].lstrip('/')}")
    return Need(f"ssm:{asked.operation}", name, values, absent=("ssm:Overwrite", "ssm:Recursive"))


def _one(asked: Asked) -> list[Need]:
    return [_parameter(asked, asked.parameters["Name"])]


def _several(asked: Asked) -> list[Need]:
    return [_parameter(asked, name) for name in asked.parameters["Names"]]


def _path(asked: Asked) -> list[Need]:
    recursive = "true" if asked.parameters.get("Recursive") else "false"
    values = {"ssm:Recursive": recursive}
    return [_parameter(asked, asked.parameters["Path"].rstrip("/"), **values)]


def _tagged(asked: Asked) -> list[Need]:
    return [_parameter(asked, asked.parameters["ResourceId"])]


TABLE: dict[str, Rule] = {
    **for_all(_ON_ONE, _one),
    **for_all("GetParameters DeleteParameters", _several),
    "GetParametersByPath": _path,
    **for_all(_ON_RESOURCE, _tagged),
    "DescribeParameters": anywhere("ssm:DescribeParameters"),
}
