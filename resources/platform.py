"""All doors of one deployment in one object, each opened on first use. No logic belongs here."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from resources.athena import Athena
from resources.codepipeline import Releases
from resources.endpoints import Endpoints
from resources.feature_store import FeatureStore
from resources.glue import Catalogue
from resources.iceberg import IcebergTables
from resources.metrics import Metrics
from resources.model_monitor import ModelMonitor
from resources.model_registry import ModelRegistry
from resources.names import Names
from resources.objects import Objects
from resources.processing import ProcessingJobs
from resources.sagemaker import TrainingPipelines

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from resources.aws import AccountName, AwsAccounts


class Platform:
    """Data and training in the experimentation account, everything durable in assets.

    Attributes:
        clock: The wall clock (naive UTC) by which arrivals are judged; None where data is replayed.
    """

    def __init__(self, accounts: AwsAccounts, clock: Callable[[], datetime] | None = None) -> None:
        self.accounts = accounts
        self.clock = clock
        self.names = Names(accounts.settings)

    @cached_property
    def athena(self) -> Athena:
        """Return the query engine of the experimentation account."""
        return Athena(
            self.accounts.client("athena", "experimentation"),
            self.names.workgroup,
            s3=self.accounts.client("s3", "experimentation"),
        )

    @cached_property
    def catalogue(self) -> Catalogue:
        """Return the Glue catalogue of the experimentation account."""
        return Catalogue(self.accounts.client("glue", "experimentation"))

    @cached_property
    def iceberg(self) -> IcebergTables:
        """Return the Iceberg tables of the experimentation account's catalogue."""
        return IcebergTables(self.accounts.client("glue", "experimentation"))

    @cached_property
    def metrics(self) -> Metrics:
        """Return the metrics of the experimentation account."""
        return Metrics(self.accounts.client("cloudwatch", "experimentation"))

    @cached_property
    def lake(self) -> Objects:
        """Return the data lake's bucket."""
        return Objects(self.accounts.client("s3", "experimentation"), self.names.lake_bucket)

    def captures(self, stage: AccountName) -> Objects:
        """Return the bucket of what a stage's endpoints captured, in that stage's account."""
        return Objects(self.accounts.client("s3", stage), self.names.capture_bucket(stage))

    @cached_property
    def artifacts(self) -> Objects:
        """Return the artifact bucket of the assets account."""
        return Objects(self.accounts.client("s3", "assets"), self.names.artifact_bucket)

    @cached_property
    def feature_store(self) -> FeatureStore:
        """Return the Feature Store of the experimentation account."""
        return FeatureStore(
            self.accounts.client("sagemaker", "experimentation"),
            self.accounts.client("sagemaker-featurestore-runtime", "experimentation"),
        )

    @cached_property
    def training(self) -> TrainingPipelines:
        """Return the SageMaker Pipelines of the experimentation account."""
        return TrainingPipelines(self.accounts.client("sagemaker", "experimentation"))

    @cached_property
    def processing(self) -> ProcessingJobs:
        """Return the processing jobs of the experimentation account."""
        return ProcessingJobs(self.accounts.client("sagemaker", "experimentation"))

    @cached_property
    def model_monitor(self) -> ModelMonitor:
        """Return Model Monitor's schedules of the account that serves, where it has any."""
        return ModelMonitor(
            self.accounts.client("sagemaker", "prod"), self.accounts.client("s3", "prod")
        )

    @cached_property
    def releases(self) -> Releases:
        """Return the release pipelines of the assets account."""
        return Releases(self.accounts.client("codepipeline", "assets"))

    def registry(self, use_case: str) -> ModelRegistry:
        """Return a use case's model package group in the assets account."""
        return ModelRegistry(
            self.accounts.client("sagemaker", "assets"), self.names.package_group_arn(use_case)
        )

    def endpoints(self, stage: AccountName) -> Endpoints:
        """Return the endpoints of a stage's account."""
        return Endpoints(
            self.accounts.client("sagemaker", stage),
            self.accounts.client("sagemaker-runtime", stage),
        )
