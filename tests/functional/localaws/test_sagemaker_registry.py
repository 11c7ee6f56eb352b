"""The Model Registry over HTTP: versions, tokens, approval, limits, and who may do what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.sagemaker_world import World, unique


@pytest.fixture(scope="module")
def world(aws: Any) -> World:
    return World(aws)


@pytest.fixture(scope="module")
def data(world: World) -> str:
    return world.model_data("2")


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


def test_versions_count_up_and_are_never_given_twice(world: World, data: str) -> None:
    group = world.shared_group()
    assets = world.aws.client("sagemaker", "assets")
    first, second = world.package(group, data), world.package(group, data)
    assert (first[-2:], second[-2:]) == ("/1", "/2")
    assert ":555555555555:model-package/" in second
    assets.delete_model_package(ModelPackageName=second)
    third = world.package(group, data, ModelApprovalStatus="Approved")
    assert third[-2:] == "/3"
    listed = assets.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )
    assert [each["ModelPackageVersion"] for each in listed["ModelPackageSummaryList"]] == [3]
    rest = assets.list_model_packages(
        ModelPackageGroupName=group,
        SortBy="CreationTime",
        SortOrder="Descending",
        NextToken=listed["NextToken"],
    )
    assert [each["ModelPackageVersion"] for each in rest["ModelPackageSummaryList"]] == [1]
    approved = assets.list_model_packages(
        ModelPackageGroupName=group.rpartition("/")[2], ModelApprovalStatus="Approved"
    )["ModelPackageSummaryList"]
    assert [each["ModelPackageArn"] for each in approved] == [third]
    batch = assets.batch_describe_model_package(ModelPackageArnList=[first, second])
    assert list(batch["ModelPackageSummaries"]) == [first]
    assert list(batch["BatchDescribeModelPackageErrorMap"]) == [second]


def test_a_token_registers_once(world: World, data: str) -> None:
    group, token = world.shared_group(), unique("token")
    first = world.package(group, data, ClientToken=token)
    assert world.package(group, data, ClientToken=token) == first
    with pytest.raises(ClientError) as caught:
        world.package(group, data, ClientToken=token, ModelPackageDescription="another")
    assert code_of(caught) == "ConflictException"


def test_approval_and_metadata_are_merged_within_limits(world: World, data: str) -> None:
    assets = world.aws.client("sagemaker", "assets")
    arn = world.package(world.shared_group(), data, CustomerMetadataProperties={"a": "1", "b": "2"})
    assets.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="looks good",
        CustomerMetadataProperties={"b": "3", "c": "4"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    package = assets.describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {"b": "3", "c": "4"}
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "looks good"
    with pytest.raises(ClientError, match="52"):
        assets.update_model_package(
            ModelPackageArn=arn,
            CustomerMetadataProperties={str(number): "x" for number in range(50)},
        )
    with pytest.raises(ClientError) as caught:
        assets.update_model_package(
            ModelPackageArn=arn, CustomerMetadataProperties={"long": "x" * 257}
        )
    assert code_of(caught) == "ValidationException"
    kept = assets.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]
    assert kept == {"b": "3", "c": "4"}, "a refused update must change nothing"


def test_strangers_are_denied_whether_the_group_exists_or_not(world: World, data: str) -> None:
    group = world.shared_group()
    arn = world.package(group, data)
    staging = world.aws.client("sagemaker", "staging")
    for refused in (
        lambda: world.package(group, data, account="staging"),
        lambda: staging.describe_model_package(ModelPackageName=arn),
        lambda: staging.list_model_packages(ModelPackageGroupName=f"{group}-none"),
        # Named in the policy, but not for this action.
        lambda: world.sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Approved"
        ),
    ):
        with pytest.raises(ClientError) as caught:
            refused()
        assert code_of(caught) == "AccessDeniedException"


def test_a_policy_that_cannot_be_judged_is_not_taken(world: World) -> None:
    group = world.shared_group().rpartition("/")[2]
    assets = world.aws.client("sagemaker", "assets")
    policy = json.loads(
        assets.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
    )
    policy["Statement"][0]["Conditions"] = {"StringEquals": {"aws:PrincipalAccount": "1"}}
    with pytest.raises(ClientError, match="element Conditions"):
        assets.put_model_package_group_policy(
            ModelPackageGroupName=group, ResourcePolicy=json.dumps(policy)
        )


def test_model_data_must_be_there(world: World) -> None:
    with pytest.raises(ClientError, match="no such object"):
        world.package(world.shared_group(), world.uri("models/none/model.tar.gz"))


def test_a_group_goes_only_when_empty(world: World, data: str) -> None:
    assets = world.aws.client("sagemaker", "assets")
    group = world.shared_group()
    arn = world.package(group, data)
    with pytest.raises(ClientError) as caught:
        assets.delete_model_package_group(ModelPackageGroupName=group)
    assert code_of(caught) == "ConflictException"
    assets.delete_model_package(ModelPackageName=arn)
    assets.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="does not exist"):
        assets.describe_model_package_group(ModelPackageGroupName=group)


def test_tags_are_added_replaced_and_removed(world: World) -> None:
    arn = world.shared_group()
    assets = world.aws.client("sagemaker", "assets")
    assets.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    assets.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    assets.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert assets.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
