"""What the assets account lets the others do: policies of bucket, key and registry, as data.

A role's own policy is not enough across accounts; both sides must agree. What each role may do is
policies.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.policies import (
    BUCKET_READ,
    BUCKET_WRITE,
    KMS_USE,
    Policy,
    allow,
    document,
    everything_in,
)
from resources import names as role

if TYPE_CHECKING:
    from resources.aws import AwsSettings
    from resources.names import Names


def artifact_bucket(settings: AwsSettings, names: Names) -> Policy:
    """Return which roles of other accounts may use the artifact bucket."""
    principals = [
        f"arn:aws:iam::{settings.accounts['experimentation']}:role/{name}"
        for name in (role.ORCHESTRATOR_ROLE, role.SAGEMAKER_ROLE)
    ]
    serving = [
        f"arn:aws:iam::{settings.accounts[stage]}:role/{role.SAGEMAKER_ROLE}"
        for stage in ("dev", "staging", "prod")
    ]
    everything = everything_in(names.artifact_bucket)
    return document(
        allow([*BUCKET_READ, *BUCKET_WRITE], everything, Principal={"AWS": principals}),
        allow(BUCKET_READ, everything, Principal={"AWS": serving}),
    )


def artifact_key(settings: AwsSettings) -> Policy:
    """Return who may use and who administers the artifact key."""
    users = [account for name, account in settings.accounts.items() if name != "assets"]
    return document(
        allow(
            ["kms:*"], "*", Principal={"AWS": f"arn:aws:iam::{settings.accounts['assets']}:root"}
        ),
        allow(KMS_USE, "*", Principal={"AWS": [f"arn:aws:iam::{each}:root" for each in users]}),
    )


def package_group(settings: AwsSettings, group_arn: str) -> Policy:
    """Return which accounts may register into, and deploy from, a model package group."""
    packages = group_arn.replace(":model-package-group/", ":model-package/") + "/*"
    training = settings.accounts["experimentation"]
    serving = [settings.accounts[stage] for stage in ("dev", "staging", "prod")]
    return document(
        allow(
            [
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:DescribeModelPackage",
                "sagemaker:ListModelPackages",
            ],
            [group_arn, packages],
            Sid="Register",
            Principal={"AWS": f"arn:aws:iam::{training}:root"},
        ),
        allow(
            ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"],
            packages,
            Sid="Deploy",
            Principal={"AWS": [f"arn:aws:iam::{each}:root" for each in serving]},
        ),
    )
