"""Which permissions each operation needs: a table per service, after AWS's authorization reference.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
An operation is usually its own action on one resource; what differs is said here. Whether somebody
has the permissions does not belong here (core.authorization).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from localaws.core.actions import (
    athena,
    cloudwatch,
    code,
    events,
    featurestore,
    glue,
    iam,
    kms,
    logs,
    messaging,
    s3,
    sagemaker,
    secrets,
    ssm,
    sts,
)
from localaws.core.actions.needs import Need

if TYPE_CHECKING:
    from localaws.core.actions.needs import Asked, Table

#: IAM's prefix of a service's actions, where it is not botocore's name of the service.
PREFIXES = {
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
}
#: By botocore's name of the service.
TABLES: dict[str, Table] = {
    "athena": athena.TABLE,
    "cloudwatch": cloudwatch.TABLE,
    "codebuild": code.BUILD,
    "codepipeline": code.PIPELINE,
    "events": events.TABLE,
    "glue": glue.TABLE,
    "iam": iam.TABLE,
    "kms": kms.TABLE,
    "logs": logs.TABLE,
    "s3": s3.TABLE,
    "sagemaker": sagemaker.TABLE,
    "sagemaker-featurestore-runtime": featurestore.TABLE,
    "sagemaker-runtime": sagemaker.RUNTIME,
    "secretsmanager": secrets.TABLE,
    "sns": messaging.SNS,
    "sqs": messaging.SQS,
    "ssm": ssm.TABLE,
    "sts": sts.TABLE,
}


def needs(asked: Asked) -> list[Need]:
    """Return every permission that a request needs; all of them must be had.

    An operation that no table knows, and a request whose resource cannot be read from it, needs its
    action on all resources: only ``Resource: "*"`` grants that, so what is forgotten or malformed
    is denied rather than let through.
    """
    rule = TABLES.get(asked.service, {}).get(asked.operation)
    if rule is not None:
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
            return list(rule(asked))
    return [Need(f"{PREFIXES.get(asked.service, asked.service)}:{asked.operation}")]
