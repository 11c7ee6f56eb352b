"""boto3's paginators over listings of several pages: nothing twice, nothing left out.

Each listing has three or more items and is asked for one or two at a time. ``pages=1`` marks what
comes as a whole however little is asked for: moto's way with it, and CodeBuild's own page size.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.localaws.sagemaker_world import ENDED, INFERENCE, ROLE, World, unique, until

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

COUNT = 5
TRUST = '{"Version": "2012-10-17", "Statement": []}'
POLICY = """{"Version": "2012-10-17",
 "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}"""


def check(
    client: Any, listing: str, wanted: Any, *, size: int | None = 2, key: str | None = None,
    pages: int = 2, **request: Any,
) -> None:  # fmt: skip
    """Page through a listing and compare what its result key holds with what was made.

    ``key`` is the member that identifies an item (None: the item itself); items of others, in
    listings of the whole account, are left aside.
    """
    paginator = client.get_paginator(listing)
    found = list(paginator.paginate(**request, PaginationConfig={"PageSize": size} if size else {}))
    items = [
        item if key is None else item[key]
        for page in found
        for item in paginator.result_keys[0].search(page) or []
    ]
    ours = [item for item in items if item in set(wanted)]
    assert sorted(ours) == sorted(wanted), f"{listing}: {len(found)} pages"
    assert len(items) == len(set(items)), f"{listing} tells something twice"
    assert len(found) >= pages, f"{listing} came in {len(found)} page(s)"


@pytest.fixture(scope="module")
def world(aws: EmbeddedAws) -> World:
    return World(aws)


def test_s3(aws: EmbeddedAws) -> None:
    s3, bucket = aws.client("s3"), unique("paged")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = [f"k/{index} ü&" for index in range(COUNT)]
    versions = [s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"] for key in keys]
    versions += [s3.put_object(Bucket=bucket, Key=key, Body=b"y")["VersionId"] for key in keys[:2]]
    check(s3, "list_objects_v2", keys, key="Key", Bucket=bucket)
    check(s3, "list_objects", keys, key="Key", Bucket=bucket)
    check(s3, "list_object_versions", versions, key="VersionId", Bucket=bucket)
    folders = [s3.put_object(Bucket=bucket, Key=f"f{n}/x", Body=b"") and f"f{n}/" for n in range(5)]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Delimiter="/", Prefix="f", PaginationConfig={"PageSize": 2}
    )
    assert [item["Prefix"] for page in pages for item in page["CommonPrefixes"]] == folders
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for number in range(1, 6):
        s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=number, Body=b"p")
    check(s3, "list_parts", range(1, 6), key="PartNumber", Bucket=bucket, Key="m", UploadId=upload)
    for name in (unique("paged") for _ in range(2)):
        s3.create_bucket(Bucket=name)
    mine = [item["Name"] for item in s3.list_buckets()["Buckets"]]
    check(s3, "list_buckets", mine, key="Name")


def test_glue_and_athenas_view_of_it(aws: EmbeddedAws) -> None:
    glue, athena, database = aws.client("glue"), aws.client("athena"), unique("paged")
    databases = [database, *(f"{database}-{index}" for index in range(2))]
    for name in databases:
        glue.create_database(DatabaseInput={"Name": name})
    tables = [f"t{index}" for index in range(COUNT)]
    storage = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://none/"}
    for name in tables:
        glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": name, "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": "p", "Type": "string"}],
            },
        )  # fmt: skip
    for index in range(COUNT):
        glue.create_partition(
            DatabaseName=database, TableName="t0",
            PartitionInput={"Values": [str(index)], "StorageDescriptor": storage},
        )  # fmt: skip
    check(glue, "get_databases", databases, key="Name", pages=1)
    check(glue, "get_tables", tables, key="Name", pages=1, DatabaseName=database)
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName=database, TableName="t0", PaginationConfig={"PageSize": 2}
    )
    found = [item["Values"][0] for page in pages for item in page["Partitions"]]
    assert sorted(found) == [str(index) for index in range(COUNT)]
    catalog = {"CatalogName": "AwsDataCatalog"}
    check(athena, "list_databases", databases, key="Name", **catalog)
    check(athena, "list_table_metadata", tables, key="Name", DatabaseName=database, **catalog)


def test_athena(aws: EmbeddedAws, bucket: str) -> None:
    athena, group = aws.client("athena"), unique("paged")
    athena.create_work_group(
        Name=group,
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/paged/"}},
        Tags=[{"Key": f"k{index}", "Value": "v"} for index in range(80)],
    )
    sql = "SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n"
    ids = [
        athena.start_query_execution(QueryString=sql, WorkGroup=group)["QueryExecutionId"]
        for _ in range(COUNT)
    ]
    check(athena, "list_query_executions", ids, WorkGroup=group)
    deadline = time.monotonic() + 60
    while athena.get_query_execution(QueryExecutionId=ids[0])["QueryExecution"]["Status"][
        "State"
    ] in {"QUEUED", "RUNNING"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=ids[0])
    rows = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert rows == ["n", *map(str, range(1, 2501))]
    arn = f"arn:aws:athena:us-east-1:111111111111:workgroup/{group}"
    keys = [f"k{index}" for index in range(80)]
    check(athena, "list_tags_for_resource", keys, key="Key", size=75, ResourceARN=arn)


def test_iam_kms_and_secrets(aws: EmbeddedAws) -> None:
    iam, stem = aws.client("iam"), unique("paged")
    names = [f"{stem}-{index}" for index in range(COUNT)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName=names[0], PolicyName=name, PolicyDocument=POLICY)
        arn = iam.create_policy(PolicyName=name, PolicyDocument=POLICY)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=names[0], PolicyArn=arn)
    check(iam, "list_roles", names, key="RoleName")
    check(iam, "list_role_policies", names, pages=1, RoleName=names[0])
    check(iam, "list_attached_role_policies", names, key="PolicyName", RoleName=names[0])
    check(iam, "list_policies", names, key="PolicyName", Scope="Local")
    kms = aws.client("kms")
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)]
    check(kms, "list_keys", keys, key="KeyId", pages=1)
    secrets = aws.client("secretsmanager")
    for name in names:
        secrets.create_secret(Name=name, SecretString="s")
    check(secrets, "list_secrets", names, key="Name")


def test_parameters_logs_and_messages(aws: EmbeddedAws) -> None:
    ssm, stem = aws.client("ssm"), unique("paged")
    names = [f"/{stem}/{index}" for index in range(COUNT)]
    for name in names:
        ssm.put_parameter(Name=name, Value="v", Type="String")
        ssm.put_parameter(Name=names[0], Value=name, Type="String", Overwrite=True)
    check(ssm, "get_parameters_by_path", names, key="Name", Path=f"/{stem}")
    check(ssm, "describe_parameters", names, key="Name", pages=1)
    check(ssm, "get_parameter_history", range(1, COUNT + 2), key="Version", Name=names[0])
    logs, groups = aws.client("logs"), [f"{stem}-{index}" for index in range(COUNT)]
    for name in groups:
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=groups[0], logStreamName=name)
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + index, "message": f"m{index}"} for index in range(COUNT)]
    logs.put_log_events(logGroupName=groups[0], logStreamName=groups[0], logEvents=lines)
    check(logs, "describe_log_groups", groups, key="logGroupName", logGroupNamePrefix=stem)
    check(logs, "describe_log_streams", groups, key="logStreamName", logGroupName=groups[0])
    messages = [line["message"] for line in lines]
    check(logs, "filter_log_events", messages, key="message", logGroupName=groups[0])
    sqs = aws.client("sqs")
    queues = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in groups]
    check(sqs, "list_queues", queues, QueueNamePrefix=stem)


def test_sagemakers_catalogues(world: World) -> None:
    sagemaker, stem = world.sagemaker, unique("paged")
    names = [f"{stem}-{index}" for index in range(COUNT)]
    container = world.container(world.model_data("2", INFERENCE))
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "End", "Type": "Fail",
                  "Arguments": {"ErrorMessage": "as told"}}]}  # fmt: skip
    for name in names:
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large",
                 "InitialInstanceCount": 1}
            ],
        )  # fmt: skip
        sagemaker.create_pipeline(
            PipelineName=name, RoleArn=ROLE, PipelineDefinition=json.dumps(definition)
        )
        sagemaker.create_feature_group(
            FeatureGroupName=name, RecordIdentifierFeatureName="id", EventTimeFeatureName="at",
            FeatureDefinitions=[
                {"FeatureName": "id", "FeatureType": "String"},
                {"FeatureName": "at", "FeatureType": "Fractional"},
            ],
            OnlineStoreConfig={"EnableOnlineStore": True},
        )  # fmt: skip
    packages = [world.package(names[0], world.model_data("2")) for _ in range(COUNT)]
    group = {"ModelPackageGroupName": names[0]}
    check(sagemaker, "list_model_packages", packages, key="ModelPackageArn", **group)
    for listing, key in {
        "list_model_package_groups": "ModelPackageGroupName", "list_models": "ModelName",
        "list_endpoint_configs": "EndpointConfigName", "list_feature_groups": "FeatureGroupName",
    }.items():  # fmt: skip
        check(sagemaker, listing, names, key=key, NameContains=stem)
    check(sagemaker, "list_pipelines", names, key="PipelineName", PipelineNamePrefix=stem)


def test_sagemakers_executions(world: World) -> None:
    sagemaker, name = world.sagemaker, unique("paged")
    true = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    steps = [f"Step{index}" for index in range(COUNT)]
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": f"P{index}", "Type": "String"} for index in range(COUNT)],
        "Steps": [
            {"Name": step, "Type": "Condition",
             "Arguments": {"Conditions": [true], "IfSteps": [], "ElseSteps": []}}
            for step in steps
        ],
    }  # fmt: skip
    sagemaker.create_pipeline(
        PipelineName=name, RoleArn=ROLE, PipelineDefinition=json.dumps(definition)
    )
    given = [{"Name": f"P{index}", "Value": "v"} for index in range(COUNT)]
    arns = [
        sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)[
            "PipelineExecutionArn"
        ]
        for _ in range(COUNT)
    ]
    for arn in arns:
        until(
            lambda arn=arn: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            lambda run: run["PipelineExecutionStatus"] in ENDED,
        )
    one = {"PipelineExecutionArn": arns[0]}
    check(
        sagemaker, "list_pipeline_executions", arns, key="PipelineExecutionArn", PipelineName=name
    )
    check(sagemaker, "list_pipeline_execution_steps", steps, key="StepName", **one)
    check(
        sagemaker, "list_pipeline_parameters_for_execution", [item["Name"] for item in given],
        key="Name", **one,
    )  # fmt: skip


def test_sagemakers_jobs(world: World) -> None:
    jobs = [world.processing_job("pass") for _ in range(3)]
    check(world.sagemaker, "list_processing_jobs", jobs, key="ProcessingJobName", size=1)
    for job in jobs:
        world.ended_processing(job)
    pages = world.sagemaker.get_paginator("list_processing_jobs").paginate(
        StatusEquals="Completed", NameContains="job-", PaginationConfig={"PageSize": 1}
    )
    found = [item["ProcessingJobName"] for page in pages for item in page["ProcessingJobSummaries"]]
    assert set(jobs) <= set(found)


def test_code_services(aws: EmbeddedAws) -> None:
    codebuild, stem = aws.client("codebuild"), unique("paged")
    role = "arn:aws:iam::111111111111:role/paged"
    aws.client("iam").create_role(
        RoleName="paged",
        AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"},
                 "Action": "sts:AssumeRole"}]}
        ),
    )  # fmt: skip
    projects = [f"{stem}-{index}" for index in range(3)]
    for name in projects:
        codebuild.create_project(
            name=name, source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: "
                               "{build: {commands: ['true']}}"},
            artifacts={"type": "NO_ARTIFACTS"}, serviceRole=role,
            environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                         "computeType": "BUILD_GENERAL1_SMALL"},
        )  # fmt: skip
    builds = [codebuild.start_build(projectName=projects[0])["build"]["id"] for _ in range(3)]
    check(codebuild, "list_projects", projects, pages=1, size=None)
    check(codebuild, "list_builds_for_project", builds, pages=1, size=None, projectName=projects[0])
    check(codebuild, "list_builds", builds, pages=1, size=None)
