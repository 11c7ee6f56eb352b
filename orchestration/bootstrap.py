"""The foundations in five accounts: roles, buckets, key, catalogue, registry, release pipelines.

Laying them again changes nothing; laying them after a change of declaration or code corrects what
differs. How a piece is laid is foundations.py, what the policies say policies.py and
sharing.py, what a release does pipelines/release.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration import foundations, policies, sharing
from pipelines.release.definition import (
    Capture,
    Fleet,
    ReleaseStage,
    codebuild_projects,
    release_pipeline_definition,
)
from pipelines.release.source import source_bundle
from resources import names as role
from resources.codepipeline import Releases
from resources.glue import Catalogue
from resources.model_registry import ModelRegistry
from resources.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from resources.aws import AccountName, AwsAccounts
    from resources.names import Names
    from usecases.declaration import UseCase

    class AdminClient(Protocol):
        """Makes a client that acts as an account's administrator."""

        def __call__(self, service: str, account: AccountName, /) -> Any:
            """Return the client."""


_STAGES = policies.SERVING_STAGES


@dataclass(slots=True)
class BootstrapReport:
    """What was made or corrected, and what was there already."""

    created: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)

    def note(self, what: str, *, changed: bool) -> None:
        """Record one piece."""
        (self.created if changed else self.unchanged).append(what)


def bootstrap(
    accounts: AwsAccounts, admin: AdminClient, names: Names, use_cases: Iterable[UseCase]
) -> BootstrapReport:
    """Lay what is missing and correct what differs.

    Raises:
        Terminal: AWS refused; the message says what and where.
        Transient: AWS could not be reached.
    """
    report = BootstrapReport()
    work = _Foundations(accounts, admin, names, report)
    work.roles()
    work.storage()
    work.catalogue()
    work.builds()
    for use_case in use_cases:
        work.registry(use_case)
        work.captures(use_case)
        work.release(use_case)
    return report


class _Foundations:
    def __init__(
        self, accounts: AwsAccounts, admin: AdminClient, names: Names, report: BootstrapReport
    ) -> None:
        self._settings = accounts.settings
        self._admin = cache(admin)  # making a client takes longer than most calls
        self._names = names
        self._note = report.note

    def roles(self) -> None:
        """Lay the roles of every account."""
        settings, names, ids = self._settings, self._names, self._settings.accounts
        home = policies.trusted_account(ids["experimentation"], settings.external_id)
        builder = policies.trusted_account(ids["assets"], settings.external_id)
        jobs = policies.trusted_service("sagemaker")
        for account, number in ids.items():
            policy = policies.orchestrator(settings, names, number)
            self._role(account, role.ORCHESTRATOR_ROLE, home, policy)
        for account in ("experimentation", *_STAGES):
            policy = policies.sagemaker(settings, names, ids[account])
            self._role(account, role.SAGEMAKER_ROLE, jobs, policy)
        for account in _STAGES:
            policy = policies.deploy(settings, ids[account])
            self._role(account, role.DEPLOY_ROLE, builder, policy)
        for service, name, policy in (
            ("codebuild", role.CODEBUILD_ROLE, policies.codebuild(settings, names)),
            ("codepipeline", role.CODEPIPELINE_ROLE, policies.codepipeline(settings, names)),
        ):
            self._role("assets", name, policies.trusted_service(service), policy)

    def storage(self) -> None:
        """Lay the key, the lake and the artifact bucket. The roles they name must be there."""
        region, lake = self._settings.region, self._names.lake_bucket
        made = foundations.ensure_bucket(self._admin("s3", "experimentation"), lake, region)
        self._note(f"bucket {lake}", changed=made)
        s3, bucket = self._admin("s3", "assets"), self._names.artifact_bucket
        policy = sharing.artifact_key(self._settings)
        alias = self._names.kms_alias
        key, made = foundations.ensure_key(self._admin("kms", "assets"), alias, policy)
        self._note(f"KMS key {alias}", changed=made)
        made = foundations.ensure_bucket(s3, bucket, region)
        self._note(f"bucket {bucket}", changed=made)
        made = foundations.ensure_versioning(s3, bucket)
        self._note(f"versioning of {bucket}", changed=made)
        made = foundations.ensure_encryption(s3, bucket, key)
        self._note(f"encryption of {bucket}", changed=made)
        policy = sharing.artifact_bucket(self._settings, self._names)
        made = foundations.ensure_bucket_policy(s3, bucket, policy)
        self._note(f"policy of {bucket}", changed=made)
        written = Objects(s3, bucket).put_if_absent("champions/none/none.json", b"{}")
        self._note("the champion that is none", changed=written)

    def catalogue(self) -> None:
        """Lay the databases all use cases share, and the Athena workgroup."""
        glue = Catalogue(self._admin("glue", "experimentation"))
        for database in (role.RAW_DATABASE, role.OFFLINE_STORE_DATABASE):
            made = glue.ensure_database(database)
            self._note(f"Glue database {database}", changed=made)
        name, results = self._names.workgroup, self._names.athena_results
        athena = self._admin("athena", "experimentation")
        made = foundations.ensure_workgroup(athena, name, results)
        self._note(f"Athena workgroup {name}", changed=made)

    def builds(self) -> None:
        """Lay the CodeBuild projects that every release uses."""
        codebuild = self._admin("codebuild", "assets")
        service_role = self._names.role_arn("assets", role.CODEBUILD_ROLE)
        for project in codebuild_projects(role_arn=service_role):
            made = foundations.ensure_project(codebuild, project)
            self._note(f"CodeBuild project {project['name']}", changed=made)

    def registry(self, use_case: UseCase) -> None:
        """Lay a use case's curated database, model package group and its policy."""
        database = self._names.curated_database(use_case.name)
        made = Catalogue(self._admin("glue", "experimentation")).ensure_database(database)
        self._note(f"Glue database {database}", changed=made)
        sagemaker = self._admin("sagemaker", "assets")
        arn = self._names.package_group_arn(use_case.name)
        group = self._names.package_group(use_case.name)
        made = ModelRegistry(sagemaker, arn).ensure_group()
        self._note(f"model package group {group}", changed=made)
        policy = sharing.package_group(self._settings, arn)
        made = foundations.ensure_group_policy(sagemaker, group, policy)
        self._note(f"policy of model package group {group}", changed=made)

    def captures(self, use_case: UseCase) -> None:
        """Lay the bucket of a use case's captured predictions, in the account that serves last."""
        capture, stage = use_case.release.capture, use_case.release.stages[-1]
        s3, bucket = self._admin("s3", stage), self._names.capture_bucket(stage)
        prefix = self._names.capture_prefix(use_case.name)
        made = foundations.ensure_bucket(s3, bucket, self._settings.region)
        self._note(f"bucket {bucket}", changed=made)
        made = foundations.ensure_expiry(s3, bucket, prefix, capture.retention.days)
        self._note(f"expiry of {bucket}/{prefix}", changed=made)

    def release(self, use_case: UseCase) -> None:
        """Lay a use case's source bundle and release pipeline."""
        artifacts = Objects(self._admin("s3", "assets"), self._names.artifact_bucket)
        key = self._names.release_source_key(use_case.name)
        made = foundations.ensure_object(artifacts, key, source_bundle())
        self._note(f"release source {key}", changed=made)
        definition = release_pipeline_definition(
            name=self._names.release_pipeline(use_case.name),
            role_arn=self._names.role_arn("assets", role.CODEPIPELINE_ROLE),
            artifact_bucket=self._names.artifact_bucket,
            source_key=key,
            stages=[self._stage(use_case, stage) for stage in use_case.release.stages],
            fleet=Fleet(use_case.release.instance_type, use_case.release.instance_count),
        )
        made = Releases(self._admin("codepipeline", "assets")).ensure(definition)
        self._note(f"CodePipeline {definition['name']}", changed=made)

    def _stage(self, use_case: UseCase, stage: AccountName) -> ReleaseStage:
        return ReleaseStage(
            name=stage,
            account_id=self._settings.accounts[stage],
            execution_role_arn=self._names.role_arn(stage, role.SAGEMAKER_ROLE),
            deploy_role_arn=self._names.role_arn(stage, role.DEPLOY_ROLE),
            approval=stage == "prod" and use_case.release.prod_approval,
            capture=self._capture(use_case, stage),
        )

    def _capture(self, use_case: UseCase, stage: AccountName) -> Capture:
        last = stage == use_case.release.stages[-1]
        uri = f"s3://{self._names.capture_bucket(stage)}/"
        uri += self._names.capture_prefix(use_case.name)
        return Capture(uri, use_case.release.capture.percent if last else 0)

    def _role(
        self, account: AccountName, name: str, trust: policies.Policy, policy: policies.Policy
    ) -> None:
        made = foundations.ensure_role(self._admin("iam", account), name, trust, policy)
        self._note(f"role {name} in {account}", changed=made)
