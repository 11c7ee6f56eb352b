"""The foundations in five accounts: roles, buckets, key, catalogue, registry, release pipelines.

Every piece is described, then created or corrected, so laying them again changes nothing. What the
policies say is policies.py; what a release does is pipelines/release.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration import policies
from pipelines.release.definition import (
    Fleet,
    ReleaseStage,
    codebuild_projects,
    release_pipeline_definition,
)
from pipelines.release.source import source_bundle
from resources import names as role
from resources.codepipeline import Releases
from resources.errors import Missing, PerennialError, call, find
from resources.glue import Catalogue
from resources.model_registry import ModelRegistry
from resources.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from resources.aws import AccountName, AwsAccounts
    from resources.names import Names
    from usecases.declaration import UseCase

    class AdminClient(Protocol):
        """Makes a client that acts as an account's administrator."""

        def __call__(self, service: str, account: AccountName, /) -> Any:
            """Return the client."""


_STAGES: tuple[AccountName, ...] = ("dev", "staging", "prod")
_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "EntityAlreadyExists", "AlreadyExistsException"})


@dataclass
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
    """Lay what is missing.

    Raises:
        Terminal: AWS refused; the message says what and where.
        Transient: AWS could not be reached.
    """
    report = BootstrapReport()
    work = _Foundations(accounts, admin, names, report)
    work.roles()
    work.storage()
    work.catalogue()
    for use_case in use_cases:
        work.registry(use_case)
        work.release(use_case)
    return report


class _Foundations:
    def __init__(
        self, accounts: AwsAccounts, admin: AdminClient, names: Names, report: BootstrapReport
    ) -> None:
        self.settings = accounts.settings
        self.accounts = accounts
        self.admin = admin
        self.names = names
        self.report = report

    def roles(self) -> None:
        """Lay the roles of every account."""
        ids, names, settings = self.settings.accounts, self.names, self.settings
        home = policies.trusted_account(ids["experimentation"], settings.external_id)
        for account, account_id in ids.items():
            self._role(
                account,
                role.ORCHESTRATOR_ROLE,
                home,
                policies.orchestrator(settings, names, account_id),
            )
        for account in ("experimentation", *_STAGES):
            self._role(
                account,
                role.SAGEMAKER_ROLE,
                policies.trusted_service("sagemaker"),
                policies.sagemaker(settings, names, ids[account]),
            )
        for account in _STAGES:
            self._role(
                account,
                role.DEPLOY_ROLE,
                policies.trusted_account(ids["assets"], settings.external_id),
                policies.deploy(settings, ids[account]),
            )
        self._role(
            "assets",
            role.CODEBUILD_ROLE,
            policies.trusted_service("codebuild"),
            policies.codebuild(settings, names),
        )
        self._role(
            "assets",
            role.CODEPIPELINE_ROLE,
            policies.trusted_service("codepipeline"),
            policies.codepipeline(settings, names),
        )

    def storage(self) -> None:
        """Lay the key, the lake and the artifact bucket."""
        key = self._key()
        lake = self.admin("s3", "experimentation")
        self._bucket(lake, self.names.lake_bucket)
        s3, bucket = self.admin("s3", "assets"), self.names.artifact_bucket
        self._bucket(s3, bucket)
        self._ensure(
            f"versioning of {bucket}",
            lambda: call(s3.get_bucket_versioning, Bucket=bucket).get("Status") == "Enabled",
            lambda: call(
                s3.put_bucket_versioning,
                Bucket=bucket,
                VersioningConfiguration={"Status": "Enabled"},
            ),
        )
        rule = {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": key,
            },
            "BucketKeyEnabled": True,
        }
        self._ensure(
            f"encryption of {bucket}",
            lambda: _encryption(s3, bucket) == key,
            lambda: call(
                s3.put_bucket_encryption,
                Bucket=bucket,
                ServerSideEncryptionConfiguration={"Rules": [rule]},
            ),
        )
        policy = policies.artifact_bucket(self.settings, self.names)
        self._ensure(
            f"policy of {bucket}",
            lambda: _bucket_policy(s3, bucket) == policy,
            lambda: call(s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps(policy)),
        )
        written = Objects(s3, bucket).put_if_absent("champions/none/none.json", b"{}")
        self.report.note("the champion that is none", changed=written)

    def catalogue(self) -> None:
        """Lay the raw database and the Athena workgroup."""
        made = Catalogue(self.admin("glue", "experimentation")).ensure_database(role.RAW_DATABASE)
        self.report.note(f"Glue database {role.RAW_DATABASE}", changed=made)
        athena, name = self.admin("athena", "experimentation"), self.names.workgroup
        # Not enforced: Athena refuses external_location, and so content-named tables, otherwise.
        settings = {
            "ResultConfiguration": {"OutputLocation": self.names.athena_results},
            "EnforceWorkGroupConfiguration": False,
        }
        there = name in _workgroups(athena)
        if not there:
            call(athena.create_work_group, Name=name, Configuration=settings)
        self.report.note(f"Athena workgroup {name}", changed=not there)

    def registry(self, use_case: UseCase) -> None:
        """Lay a use case's model package group, its policy, and its curated database."""
        database = self.names.curated_database(use_case.name)
        made = Catalogue(self.admin("glue", "experimentation")).ensure_database(database)
        self.report.note(f"Glue database {database}", changed=made)
        sagemaker = self.admin("sagemaker", "assets")
        arn = self.names.package_group_arn(use_case.name)
        group = self.names.package_group(use_case.name)
        made = ModelRegistry(sagemaker, arn).ensure_group()
        self.report.note(f"model package group {group}", changed=made)
        policy = policies.package_group(self.settings, arn)
        self._ensure(
            f"policy of model package group {group}",
            lambda: _group_policy(sagemaker, group) == policy,
            lambda: call(
                sagemaker.put_model_package_group_policy,
                ModelPackageGroupName=group,
                ResourcePolicy=json.dumps(policy),
            ),
        )

    def release(self, use_case: UseCase) -> None:
        """Lay the CodeBuild projects, the source bundle and the release pipeline."""
        codebuild = self.admin("codebuild", "assets")
        service_role = self.names.role_arn("assets", role.CODEBUILD_ROLE)
        for project in codebuild_projects(role_arn=service_role):
            found = call(codebuild.batch_get_projects, names=[project["name"]])["projects"]
            self._ensure(
                f"CodeBuild project {project['name']}",
                lambda found=found: bool(found),  # type: ignore[misc]
                lambda project=project: call(codebuild.create_project, **project),  # type: ignore[misc]
            )
        artifacts = Objects(self.admin("s3", "assets"), self.names.artifact_bucket)
        key, bundle = self.names.release_source_key(use_case.name), source_bundle()
        self._ensure(
            f"release source {key}",
            lambda: _body(artifacts, key) == bundle,
            lambda: artifacts.put(key, bundle),
        )
        definition = release_pipeline_definition(
            name=self.names.release_pipeline(use_case.name),
            role_arn=self.names.role_arn("assets", role.CODEPIPELINE_ROLE),
            artifact_bucket=self.names.artifact_bucket,
            source_key=key,
            stages=[self._stage(use_case, stage) for stage in use_case.release.stages],
            fleet=Fleet(use_case.release.instance_type, use_case.release.instance_count),
        )
        made = Releases(self.admin("codepipeline", "assets")).ensure(definition)
        self.report.note(f"CodePipeline {definition['name']}", changed=made)

    def _stage(self, use_case: UseCase, stage: AccountName) -> ReleaseStage:
        return ReleaseStage(
            name=stage,
            account_id=self.settings.accounts[stage],
            execution_role_arn=self.names.role_arn(stage, role.SAGEMAKER_ROLE),
            deploy_role_arn=self.names.role_arn(stage, role.DEPLOY_ROLE),
            approval=stage == "prod" and use_case.release.prod_approval,
        )

    def _role(
        self, account: AccountName, name: str, trust: dict[str, Any], policy: dict[str, Any]
    ) -> None:
        iam = self.admin("iam", account)
        found = find(iam.get_role, RoleName=name)
        if found is None:
            call(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        elif _as_document(found["Role"]["AssumeRolePolicyDocument"]) != trust:
            call(iam.update_assume_role_policy, RoleName=name, PolicyDocument=json.dumps(trust))
            found = None
        stored = find(iam.get_role_policy, RoleName=name, PolicyName=name)
        if stored is None or _as_document(stored["PolicyDocument"]) != policy:
            call(
                iam.put_role_policy,
                RoleName=name,
                PolicyName=name,
                PolicyDocument=json.dumps(policy),
            )
            found = None
        self.report.note(f"role {name} in {account}", changed=found is None)

    def _bucket(self, s3: Any, bucket: str) -> None:
        self._ensure(
            f"bucket {bucket}",
            lambda: find(s3.head_bucket, Bucket=bucket) is not None,
            lambda: _create(s3.create_bucket, **_bucket_request(bucket, self.settings.region)),
        )
        closed = dict.fromkeys(
            ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"],
            True,
        )
        self._ensure(
            f"public access block of {bucket}",
            lambda: _public_access(s3, bucket) == closed,
            lambda: call(
                s3.put_public_access_block, Bucket=bucket, PublicAccessBlockConfiguration=closed
            ),
        )

    def _key(self) -> str:
        kms, alias = self.admin("kms", "assets"), self.names.kms_alias
        found = find(kms.describe_key, KeyId=alias)
        if found is None:
            policy = json.dumps(policies.artifact_key(self.settings))
            found = call(kms.create_key, Description="Perennial's artifacts", Policy=policy)
            key_id = found["KeyMetadata"]["KeyId"]
            call(kms.create_alias, AliasName=alias, TargetKeyId=key_id)
            self.report.note(f"KMS key {alias}", changed=True)
        else:
            self.report.note(f"KMS key {alias}", changed=False)
        return str(found["KeyMetadata"]["Arn"])

    def _ensure(self, what: str, is_there: Callable[[], bool], make: Callable[[], Any]) -> None:
        there = is_there()
        if not there:
            make()
        self.report.note(what, changed=not there)


def _bucket_request(bucket: str, region: str) -> dict[str, Any]:
    # us-east-1 is S3's default and must not be named.
    if region == "us-east-1":
        return {"Bucket": bucket}
    return {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": region}}


def _create(operation: Callable[..., Any], **request: Any) -> None:
    try:
        call(operation, **request)
    except PerennialError as error:
        if error.code not in _ALREADY:
            raise


def _as_document(policy: Any) -> Any:
    return json.loads(policy) if isinstance(policy, str) else policy


def _absent_is_none(operation: Callable[..., Any], code: str, **request: Any) -> Any | None:
    try:
        return call(operation, **request)
    except Missing:
        return None
    except PerennialError as error:
        if error.code != code:
            raise
        return None


def _encryption(s3: Any, bucket: str) -> str | None:
    code = "ServerSideEncryptionConfigurationNotFoundError"
    found = _absent_is_none(s3.get_bucket_encryption, code, Bucket=bucket)
    if found is None:
        return None
    rule = found["ServerSideEncryptionConfiguration"]["Rules"][0]
    key = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
    return None if key is None else str(key)


def _bucket_policy(s3: Any, bucket: str) -> Any:
    found = _absent_is_none(s3.get_bucket_policy, "NoSuchBucketPolicy", Bucket=bucket)
    return None if found is None else json.loads(found["Policy"])


def _public_access(s3: Any, bucket: str) -> Any:
    code = "NoSuchPublicAccessBlockConfiguration"
    found = _absent_is_none(s3.get_public_access_block, code, Bucket=bucket)
    return None if found is None else found["PublicAccessBlockConfiguration"]


def _group_policy(sagemaker: Any, group: str) -> Any:
    request = {"ModelPackageGroupName": group}
    found = _absent_is_none(
        sagemaker.get_model_package_group_policy, "ValidationException", **request
    )
    return None if found is None else json.loads(found["ResourcePolicy"])


def _workgroups(athena: Any) -> list[str]:
    listed = call(athena.list_work_groups)["WorkGroups"]
    return [each["Name"] for each in listed]


def _body(objects: Objects, key: str) -> bytes | None:
    try:
        return objects.get(key)
    except Missing:
        return None
