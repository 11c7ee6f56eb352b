"""Who may do what: trust and permission policies as data. Attaching them belongs to bootstrap.py.

Each role gets the actions its callers make, on the names the project uses. An action that cannot be
narrowed to a resource stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources import names as role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.aws import AwsSettings
    from resources.names import Names

Policy = dict[str, Any]

_BUCKET_READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"]
_BUCKET_WRITE = ["s3:PutObject", "s3:DeleteObject"]
_KMS = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]


def document(*statements: Policy) -> Policy:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: Iterable[str], resources: Iterable[str] | str, **more: Any) -> Policy:
    """Return one Allow statement."""
    listed = [resources] if isinstance(resources, str) else list(resources)
    return {"Effect": "Allow", "Action": list(actions), "Resource": listed, **more}


def trusted_account(account_id: str, external_id: str) -> Policy:
    """Return the trust in an account's principals that bring the ExternalId."""
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }
    )


def trusted_service(service: str) -> Policy:
    """Return the trust in an AWS service."""
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{service}.amazonaws.com"},
        }
    )


def buckets(names: Names, *, write: bool) -> Policy:
    """Return access to the lake and the artifacts."""
    arns = [f"arn:aws:s3:::{names.lake_bucket}", f"arn:aws:s3:::{names.artifact_bucket}"]
    actions = [*_BUCKET_READ, *(_BUCKET_WRITE if write else [])]
    return allow(actions, [*arns, *(f"{arn}/*" for arn in arns)])


def key_use(settings: AwsSettings) -> Policy:
    """Return the use of the artifact key, by its alias."""
    arn = f"arn:aws:kms:{settings.region}:{settings.accounts['assets']}:key/*"
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/perennial-artifacts"}}
    return allow(_KMS, arn, Condition=condition)


def orchestrator(settings: AwsSettings, names: Names, account_id: str) -> Policy:
    """Return what Dagster does in an account."""
    region = settings.region
    sagemaker = f"arn:aws:sagemaker:{region}:{account_id}:*"
    return document(
        buckets(names, write=True),
        key_use(settings),
        allow(
            ["athena:*QueryExecution*", "athena:GetQueryResults"],
            f"arn:aws:athena:{region}:{account_id}:workgroup/{names.workgroup}",
        ),
        allow(
            [
                "glue:Get*",
                "glue:CreateTable",
                "glue:UpdateTable",
                "glue:DeleteTable",
                "glue:BatchCreatePartition",
                "glue:UpdatePartition",
            ],
            f"arn:aws:glue:{region}:{account_id}:*",
        ),
        allow(
            [
                "sagemaker:Describe*",
                "sagemaker:List*",
                "sagemaker:CreateFeatureGroup",
                "sagemaker:UpdateFeatureGroup",
                "sagemaker:BatchWriteRecord",
                "sagemaker:GetRecord",
                "sagemaker:CreatePipeline",
                "sagemaker:UpdatePipeline",
                "sagemaker:AddTags",
                "sagemaker:StartPipelineExecution",
                "sagemaker:StopPipelineExecution",
                "sagemaker:UpdateModelPackage",
                "sagemaker:InvokeEndpoint",
            ],
            sagemaker,
        ),
        allow(
            [
                "codepipeline:Get*",
                "codepipeline:List*",
                "codepipeline:StartPipelineExecution",
                "codepipeline:PutApprovalResult",
            ],
            f"arn:aws:codepipeline:{region}:{account_id}:*",
        ),
        allow(
            ["iam:PassRole"],
            f"arn:aws:iam::{account_id}:role/{role.SAGEMAKER_ROLE}",
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    )


def sagemaker(settings: AwsSettings, names: Names, account_id: str) -> Policy:
    """Return what jobs and endpoints do."""
    assets = settings.accounts["assets"]
    region = settings.region
    return document(
        buckets(names, write=True),
        key_use(settings),
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{region}:{account_id}:log-group:/aws/sagemaker/*",
        ),
        allow(["cloudwatch:PutMetricData"], "*"),
        allow(["ecr:GetAuthorizationToken"], "*"),
        allow(
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            f"arn:aws:ecr:{region}:*:repository/*",
        ),
        allow(
            ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            f"arn:aws:sagemaker:{region}:{assets}:model-package*",
        ),
        allow(
            [
                "sagemaker:CreateProcessingJob",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:StopProcessingJob",
                "sagemaker:StopTrainingJob",
                "sagemaker:AddTags",
            ],
            f"arn:aws:sagemaker:{region}:{account_id}:*",
        ),
        allow(
            ["iam:PassRole"],
            f"arn:aws:iam::{account_id}:role/{role.SAGEMAKER_ROLE}",
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    )


def deploy(settings: AwsSettings, account_id: str) -> Policy:
    """Return what a release does in dev, staging and prod."""
    region = settings.region
    return document(
        allow(
            [
                "sagemaker:CreateModel",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:CreateEndpoint",
                "sagemaker:UpdateEndpoint",
                "sagemaker:DeleteEndpoint",
                "sagemaker:Describe*",
                "sagemaker:ListTags",
                "sagemaker:AddTags",
                "sagemaker:InvokeEndpoint",
            ],
            f"arn:aws:sagemaker:{region}:{account_id}:*",
        ),
        allow(
            ["iam:PassRole"],
            f"arn:aws:iam::{account_id}:role/{role.SAGEMAKER_ROLE}",
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    )


def codebuild(settings: AwsSettings, names: Names) -> Policy:
    """Return what the release's builds do."""
    stages = [settings.accounts[stage] for stage in ("dev", "staging", "prod")]
    assets, region = settings.accounts["assets"], settings.region
    return document(
        buckets(names, write=True),
        key_use(settings),
        allow(
            ["sagemaker:DescribeModelPackage"],
            f"arn:aws:sagemaker:{region}:{assets}:model-package/*",
        ),
        allow(
            ["sts:AssumeRole"], [f"arn:aws:iam::{each}:role/{role.DEPLOY_ROLE}" for each in stages]
        ),
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{region}:{assets}:log-group:/aws/codebuild/*",
        ),
    )


def codepipeline(settings: AwsSettings, names: Names) -> Policy:
    """Return what the release pipeline itself does."""
    assets, region = settings.accounts["assets"], settings.region
    return document(
        buckets(names, write=True),
        key_use(settings),
        allow(
            [
                "codebuild:StartBuild",
                "codebuild:BatchGetBuilds",
                "codebuild:BatchGetProjects",
                "codebuild:StopBuild",
            ],
            f"arn:aws:codebuild:{region}:{assets}:project/perennial-*",
        ),
    )


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
    bucket = f"arn:aws:s3:::{names.artifact_bucket}"
    everything = [bucket, f"{bucket}/*"]
    return document(
        allow([*_BUCKET_READ, *_BUCKET_WRITE], everything, Principal={"AWS": principals}),
        allow(_BUCKET_READ, everything, Principal={"AWS": serving}),
    )


def artifact_key(settings: AwsSettings) -> Policy:
    """Return who may use and who administers the artifact key."""
    users = [account for name, account in settings.accounts.items() if name != "assets"]
    return document(
        allow(
            ["kms:*"], "*", Principal={"AWS": f"arn:aws:iam::{settings.accounts['assets']}:root"}
        ),
        allow(_KMS, "*", Principal={"AWS": [f"arn:aws:iam::{each}:root" for each in users]}),
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
