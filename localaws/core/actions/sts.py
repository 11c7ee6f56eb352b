"""STS: assuming roles. Who one is, everybody may ask.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
and https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, nothing

_ABSENT = (
    "sts:ExternalId", "sts:SourceIdentity", "sts:TransitiveTagKeys", "sts:RoleSessionName",
    "sts:DurationSeconds",
)  # fmt: skip


def _assume(asked: Asked) -> list[Need]:
    given = asked.parameters
    values = {
        key: str(given[member])
        for key, member in (
            ("sts:ExternalId", "ExternalId"),
            ("sts:RoleSessionName", "RoleSessionName"),
            ("sts:SourceIdentity", "SourceIdentity"),
            ("sts:DurationSeconds", "DurationSeconds"),
        )
        if given.get(member)
    }
    actions = ["sts:AssumeRole"]
    actions += ["sts:TagSession"] if given.get("Tags") else []
    actions += ["sts:SetSourceIdentity"] if given.get("SourceIdentity") else []
    return [Need(action, given["RoleArn"], values, _ABSENT) for action in actions]


TABLE: dict[str, Rule] = {"AssumeRole": _assume, "GetCallerIdentity": nothing}
