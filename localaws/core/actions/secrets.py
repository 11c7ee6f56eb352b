"""Secrets Manager: secrets by name or ARN; six random characters end the ARN.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
"""

from __future__ import annotations

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all

_ON_ONE = """
    CancelRotateSecret DeleteResourcePolicy DeleteSecret DescribeSecret GetResourcePolicy
    GetSecretValue ListSecretVersionIds PutResourcePolicy PutSecretValue RestoreSecret RotateSecret
    TagResource UntagResource UpdateSecret UpdateSecretVersionStage ValidateResourcePolicy
"""


def _secret(asked: Asked) -> list[Need]:
    given = asked.parameters.get("SecretId") or "*"
    arn = asked.look.secret_arn(asked.account_id, asked.region, given)
    stage = asked.parameters.get("VersionStage")
    return [
        Need(
            f"secretsmanager:{asked.operation}",
            arn,
            {
                "secretsmanager:SecretId": arn,
                **({"secretsmanager:VersionStage": stage} if stage else {}),
            },
            absent=("secretsmanager:VersionStage", "secretsmanager:VersionId"),
        )
    ]


def _new_secret(asked: Asked) -> list[Need]:
    name = asked.parameters["Name"]
    arn = asked.arn("secretsmanager", f"secret:{name}")
    return [Need("secretsmanager:CreateSecret", arn, {"secretsmanager:Name": name}, makes=True)]


TABLE: dict[str, Rule] = {
    **for_all(_ON_ONE, _secret),
    "CreateSecret": _new_secret,
    "ListSecrets": anywhere("secretsmanager:ListSecrets"),
    "GetRandomPassword": anywhere("secretsmanager:GetRandomPassword"),
}
