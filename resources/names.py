"""What things are called in AWS, once. Naming Dagster assets does not belong here.

Names are functions of account numbers, region and use case only, so that a re-run finds what an
earlier one made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resources.aws import AccountName, AwsSettings

ORCHESTRATOR_ROLE = "perennial-orchestrator"
SAGEMAKER_ROLE = "perennial-sagemaker"
DEPLOY_ROLE = "perennial-deploy"
CODEPIPELINE_ROLE = "perennial-codepipeline"
CODEBUILD_ROLE = "perennial-codebuild"
DEPLOY_PROJECT = "perennial-deploy"
SMOKE_PROJECT = "perennial-smoke"
OFFLINE_STORE_DATABASE = "sagemaker_featurestore"
RAW_DATABASE = "nycflights"
#: CloudWatch namespace of how late sources are.
FRESHNESS_NAMESPACE = "Perennial/Freshness"
#: CloudWatch namespace of what the governor could not tell.
GOVERNOR_NAMESPACE = "Perennial/Governor"


def slug(use_case: str) -> str:
    """Return a use case's name as AWS takes it: ``flight_delay`` becomes ``flight-delay``."""
    return use_case.replace("_", "-")


class Names:
    """Every AWS name of the project, for one set of accounts."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings

    @property
    def lake_bucket(self) -> str:
        """Bucket of tables, training sets and query results, in the experimentation account."""
        return self._bucket("lake", "experimentation")

    @property
    def artifact_bucket(self) -> str:
        """Bucket of code, models, reports and releases, in the assets account."""
        return self._bucket("artifacts", "assets")

    def capture_bucket(self, stage: AccountName) -> str:
        """Return the bucket of captured predictions, in the account of the stage that serves."""
        return self._bucket("captures", stage)

    def capture_prefix(self, use_case: str) -> str:
        """Return the key in the capture bucket below which each version has its folder."""
        return f"{slug(use_case)}"

    @property
    def kms_alias(self) -> str:
        """Alias of the key that encrypts the artifact bucket, in the assets account."""
        return "alias/perennial-artifacts"

    @property
    def workgroup(self) -> str:
        """Athena workgroup, in the experimentation account."""
        return "perennial"

    @property
    def athena_results(self) -> str:
        """S3 prefix of the workgroup's results."""
        return f"s3://{self.lake_bucket}/athena-results/"

    @property
    def feature_store_uri(self) -> str:
        """S3 prefix of the offline feature store."""
        return f"s3://{self.lake_bucket}/feature-store/"

    @property
    def no_champion_uri(self) -> str:
        """S3 prefix that stands for "there is no champion yet"."""
        return f"s3://{self.artifact_bucket}/champions/none"

    def role_arn(self, account: AccountName, role: str) -> str:
        """Return the ARN of a role by its full name, for example ``perennial-sagemaker``."""
        return f"arn:aws:iam::{self._settings.accounts[account]}:role/{role}"

    def slug(self, use_case: str) -> str:
        """Return a use case's name as AWS takes it."""
        return slug(use_case)

    def curated_database(self, use_case: str) -> str:
        """Return the Glue database of a use case's datasets."""
        return f"perennial_{use_case}"

    def feature_group(self, use_case: str, group: str, version: int = 1) -> str:
        """Return the name of a feature group; its first version has no number."""
        suffix = f"-v{version}" if version > 1 else ""
        return f"{slug(use_case)}-{slug(group)}{suffix}"

    def ingested(self, use_case: str, group: str, version: int = 1) -> str:
        """Return the lake's key of what a feature group has taken in."""
        return f"features/{use_case}/{self.feature_group(use_case, group, version)}/ingested.json"

    def training_pipeline(self, use_case: str) -> str:
        """Return the name of the SageMaker Pipeline that trains."""
        return f"{slug(use_case)}-train"

    def package_group(self, use_case: str) -> str:
        """Return the name of the model package group."""
        return slug(use_case)

    def package_group_arn(self, use_case: str) -> str:
        """Return the ARN of the model package group, in the assets account."""
        return self._assets_arn("sagemaker", f"model-package-group/{slug(use_case)}")

    def release_pipeline(self, use_case: str) -> str:
        """Return the name of the CodePipeline that releases."""
        return f"{slug(use_case)}-release"

    def release_source_key(self, use_case: str) -> str:
        """Return the artifact bucket's key of the release's source bundle."""
        return f"releases/{slug(use_case)}/source.zip"

    def endpoint(self, use_case: str) -> str:
        """Return the name of the endpoint, the same in dev, staging and prod."""
        return slug(use_case)

    def _bucket(self, kind: str, account: AccountName) -> str:
        return f"perennial-{kind}-{self._settings.accounts[account]}-{self._settings.region}"

    def _assets_arn(self, service: str, resource: str) -> str:
        assets = self._settings.accounts["assets"]
        return f"arn:aws:{service}:{self._settings.region}:{assets}:{resource}"
