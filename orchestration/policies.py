"""What each role may do, and who may become it, as data. Attaching belongs to foundations.py.

Each role gets the actions its callers make, on the names the project uses. An action that cannot be
narrowed to a resource stands alone. What a bucket, key or group allows is sharing.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resources import names as role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.aws import AccountName, AwsSettings
    from resources.names import Names

Policy = dict[str, Any]

SERVING_STAGES: tuple[AccountName, ...] = ("dev", "staging", "prod")

BUCKET_READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"]
BUCKET_WRITE = ["s3:PutObject", "s3:DeleteObject"]
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
KMS_USE = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]


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


def bucket_use(*buckets: str, write: bool) -> Policy:
    """Return access to whole buckets: keys hold digests and ids that no policy can list."""
    actions = [*BUCKET_READ, *(BUCKET_WRITE if write else [])]
    return allow(actions, [arn for bucket in buckets for arn in everything_in(bucket)])


def key_use(settings: AwsSettings, names: Names) -> Policy:
    """Return the use of the artifact key, by its alias."""
    arn = f"arn:aws:kms:{settings.region}:{settings.accounts['assets']}:key/*"
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": names.kms_alias}}
    return allow(KMS_USE, arn, Condition=condition)


def pass_sagemaker_role(account_id: str) -> Policy:
    """Return the right to hand SageMaker its role, and nobody else."""
    return allow(
        ["iam:PassRole"],
        f"arn:aws:iam::{account_id}:role/{role.SAGEMAKER_ROLE}",
        Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


def orchestrator(settings: AwsSettings, names: Names, account_id: str) -> Policy:
    """Return what Dagster does in an account: data and training, registry and releases, or ask."""
    if account_id == settings.accounts["experimentation"]:
        return _orchestrator_of_data(settings, names, account_id)
    if account_id == settings.accounts["assets"]:
        return _orchestrator_of_assets(settings, names, account_id)
    captures = [names.capture_bucket(stage) for stage in _stages_of(settings, account_id)]
    return document(
        allow(
            ["sagemaker:Describe*", "sagemaker:ListTags", "sagemaker:InvokeEndpoint"],
            f"arn:aws:sagemaker:{settings.region}:{account_id}:*",
        ),
        # What its endpoints captured is read from outside, and never written.
        allow(["s3:GetObject", "s3:ListBucket"], [a for b in captures for a in everything_in(b)]),
        # It names no resource. What a schedule wrote is readable where its bucket's policy says so.
        allow(["sagemaker:ListMonitoringExecutions"], "*"),
    )


def _stages_of(settings: AwsSettings, account_id: str) -> list[AccountName]:
    return [stage for stage in SERVING_STAGES if settings.accounts[stage] == account_id]


def _orchestrator_of_data(settings: AwsSettings, names: Names, account_id: str) -> Policy:
    region = settings.region
    return document(
        bucket_use(names.lake_bucket, names.artifact_bucket, write=True),
        key_use(settings, names),
        allow(
            ["athena:*QueryExecution*", "athena:GetQueryResults", "athena:GetWorkGroup"],
            f"arn:aws:athena:{region}:{account_id}:workgroup/{names.workgroup}",
        ),
        allow(
            [
                "glue:Get*",
                "glue:CreateDatabase",
                "glue:CreateTable",
                "glue:UpdateTable",
                "glue:DeleteTable",
                "glue:BatchCreatePartition",
                "glue:BatchUpdatePartition",
                "glue:BatchDeletePartition",
            ],
            f"arn:aws:glue:{region}:{account_id}:*",
        ),
        allow(
            [
                "sagemaker:Describe*",
                "sagemaker:List*",
                "sagemaker:CreateFeatureGroup",
                "sagemaker:UpdateFeatureGroup",
                # AWS asks for PutRecord too where records are written in batches.
                "sagemaker:BatchWriteRecord",
                "sagemaker:PutRecord",
                "sagemaker:GetRecord",
                "sagemaker:BatchGetRecord",
                "sagemaker:DeleteRecord",
                "sagemaker:CreatePipeline",
                "sagemaker:UpdatePipeline",
                "sagemaker:AddTags",
                "sagemaker:StartPipelineExecution",
                "sagemaker:StopPipelineExecution",
                "sagemaker:CreateProcessingJob",
            ],
            f"arn:aws:sagemaker:{region}:{account_id}:*",
        ),
        allow(
            ["cloudwatch:PutMetricData"],
            "*",
            Condition={
                "StringEquals": {
                    "cloudwatch:namespace": [role.FRESHNESS_NAMESPACE, role.GOVERNOR_NAMESPACE]
                }
            },
        ),
        pass_sagemaker_role(account_id),
    )


def _orchestrator_of_assets(settings: AwsSettings, names: Names, account_id: str) -> Policy:
    region = settings.region
    return document(
        bucket_use(names.artifact_bucket, write=True),
        key_use(settings, names),
        allow(
            ["sagemaker:Describe*", "sagemaker:List*", "sagemaker:UpdateModelPackage"],
            f"arn:aws:sagemaker:{region}:{account_id}:*",
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
    )


def sagemaker(settings: AwsSettings, names: Names, account_id: str) -> Policy:
    """Return what jobs and endpoints do; endpoints of dev, staging and prod read, and capture."""
    region = settings.region
    running = (
        key_use(settings, names),
        allow(_LOGS, f"arn:aws:logs:{region}:{account_id}:log-group:/aws/sagemaker/*"),
        allow(["cloudwatch:PutMetricData"], "*"),
        allow(["ecr:GetAuthorizationToken"], "*"),
        allow(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            f"arn:aws:ecr:{region}:*:repository/*",
        ),
    )
    if account_id != settings.accounts["experimentation"]:
        captures = [names.capture_bucket(stage) for stage in _stages_of(settings, account_id)]
        return document(
            bucket_use(names.artifact_bucket, write=False),
            # Data capture: an endpoint adds to what it said, and can neither read nor delete it.
            allow(["s3:PutObject"], [f"arn:aws:s3:::{bucket}/*" for bucket in captures]),
            *running,
        )
    packages = f"arn:aws:sagemaker:{region}:{settings.accounts['assets']}:model-package*"
    return document(
        bucket_use(names.lake_bucket, names.artifact_bucket, write=True),
        # Feature Store writes its offline store as this role, and looks at the bucket's owner.
        allow(["s3:GetBucketAcl", "s3:PutObjectAcl"], everything_in(names.lake_bucket)),
        # To an Iceberg offline store it commits in Glue (AmazonSageMakerFeatureStoreAccess).
        allow(
            ["glue:GetTable", "glue:UpdateTable"],
            [
                f"arn:aws:glue:{region}:{account_id}:{resource}"
                for resource in (
                    "catalog",
                    f"database/{role.OFFLINE_STORE_DATABASE}",
                    f"table/{role.OFFLINE_STORE_DATABASE}/*",
                )
            ],
        ),
        *running,
        allow(["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"], packages),
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
        pass_sagemaker_role(account_id),
    )


def deploy(settings: AwsSettings, account_id: str) -> Policy:
    """Return what a release does in dev, staging and prod."""
    region = settings.region
    packages = f"arn:aws:sagemaker:{region}:{settings.accounts['assets']}:model-package/*"
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
        # A model made of another account's package needs leave on the package, too.
        allow(["sagemaker:CreateModel", "sagemaker:DescribeModelPackage"], packages),
        pass_sagemaker_role(account_id),
    )


def codebuild(settings: AwsSettings, names: Names) -> Policy:
    """Return what the release's builds do."""
    stages = [settings.accounts[stage] for stage in ("dev", "staging", "prod")]
    assets, region = settings.accounts["assets"], settings.region
    return document(
        bucket_use(names.artifact_bucket, write=False),
        key_use(settings, names),
        allow(
            ["sagemaker:DescribeModelPackage"],
            f"arn:aws:sagemaker:{region}:{assets}:model-package/*",
        ),
        allow(
            ["sts:AssumeRole"], [f"arn:aws:iam::{each}:role/{role.DEPLOY_ROLE}" for each in stages]
        ),
        allow(_LOGS, f"arn:aws:logs:{region}:{assets}:log-group:/aws/codebuild/*"),
    )


def codepipeline(settings: AwsSettings, names: Names) -> Policy:
    """Return what the release pipeline itself does."""
    assets, region = settings.accounts["assets"], settings.region
    return document(
        bucket_use(names.artifact_bucket, write=True),
        allow(["s3:GetBucketVersioning"], f"arn:aws:s3:::{names.artifact_bucket}"),
        key_use(settings, names),
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


def everything_in(bucket: str) -> list[str]:
    """Return the ARNs of a bucket and of all its objects."""
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
