"""Secrets Manager, Parameter Store and Glue's catalogue: duplicates, tokens, versions, limits."""

from __future__ import annotations

import uuid

import pytest

from tests.functional.localaws.strict_world import refused


@pytest.fixture(scope="module")
def secrets(aws):
    return aws.client("secretsmanager")


def _token() -> str:
    return str(uuid.uuid4())


def test_a_token_makes_one_version_of_a_secret(secrets):
    name, token = "strict/tokens", _token()
    made = secrets.create_secret(Name=name, SecretString="a", ClientRequestToken=token)
    assert made["VersionId"] == token
    again = secrets.create_secret(Name=name, SecretString="a", ClientRequestToken=token)
    assert again["ARN"] == made["ARN"]
    for other in ({"SecretString": "b", "ClientRequestToken": token}, {"SecretString": "a"}):
        with refused("ResourceExistsException", 400):
            secrets.create_secret(Name=name, **other)
    second = _token()
    for _ in range(2):
        put = secrets.put_secret_value(SecretId=name, SecretString="c", ClientRequestToken=second)
        assert put["VersionId"] == second
    versions = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    assert {each["VersionId"] for each in versions} == {token, second}
    with refused("ResourceExistsException", 400):
        secrets.put_secret_value(SecretId=name, SecretString="d", ClientRequestToken=second)
    with refused("ResourceExistsException", 400):
        secrets.update_secret(SecretId=name, SecretString="d", ClientRequestToken=second)
    secrets.update_secret(SecretId=name, SecretString="c", ClientRequestToken=second)
    pending = _token()
    stages = {"VersionStages": ["AWSPENDING"], "ClientRequestToken": pending}
    secrets.put_secret_value(SecretId=name, SecretString="next", **stages)
    with refused("ResourceExistsException", 400):
        secrets.put_secret_value(SecretId=name, SecretString="other", **stages)
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "c"
    previous = secrets.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "a"


def test_a_deleted_secret_is_refused_until_it_is_restored(secrets):
    name = "strict/deleted"
    arn = secrets.create_secret(Name=name, SecretString="a")["ARN"]
    secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    for call in (
        lambda: secrets.get_secret_value(SecretId=name),
        lambda: secrets.put_secret_value(SecretId=name, SecretString="b"),
        lambda: secrets.update_secret(SecretId=name, SecretString="b"),
        lambda: secrets.create_secret(Name=name, SecretString="a"),
        lambda: secrets.tag_resource(SecretId=arn, Tags=[{"Key": "a", "Value": "b"}]),
        lambda: secrets.delete_secret(SecretId=name),
    ):
        with refused("InvalidRequestException", 400):
            call()
    secrets.restore_secret(SecretId=name)
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "a"
    for days in (6, 31):
        with refused("InvalidParameterException", 400):
            secrets.delete_secret(SecretId=name, RecoveryWindowInDays=days)


def test_the_current_version_of_a_secret_can_be_set_back(secrets):
    name = "strict/back"
    first = secrets.create_secret(Name=name, SecretString="a")["VersionId"]
    second = secrets.put_secret_value(SecretId=name, SecretString="b")["VersionId"]
    secrets.update_secret_version_stage(
        SecretId=name,
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=second,
        MoveToVersionId=first,
    )
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "a"


def test_a_secret_is_text_or_bytes(secrets):
    name = "strict/kinds"
    secrets.create_secret(Name=name)
    for value in ({}, {"SecretString": "a", "SecretBinary": b"a"}):
        with refused("InvalidParameterException", 400):
            secrets.put_secret_value(SecretId=name, **value)


@pytest.fixture(scope="module")
def ssm(aws):
    return aws.client("ssm")


def test_parameters_are_overwritten_only_on_demand(ssm):
    name = "/strict/once"
    assert ssm.put_parameter(Name=name, Value="1", Type="String")["Version"] == 1
    with refused("ParameterAlreadyExists", 400):
        ssm.put_parameter(Name=name, Value="2", Type="String")
    assert ssm.put_parameter(Name=name, Value="2", Overwrite=True)["Version"] == 2
    with refused("HierarchyTypeMismatchException", 400):
        ssm.put_parameter(Name=name, Value="s", Type="SecureString", Overwrite=True)
    with refused("ValidationException", 400):
        ssm.put_parameter(Name="/strict/untyped", Value="1")
    assert ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"] == "1"
    with refused("ParameterVersionNotFound", 400):
        ssm.get_parameter(Name=f"{name}:9")
    with refused("ParameterNotFound", 400):
        ssm.delete_parameter(Name="/strict/absent")


def test_parameter_values_have_limits(ssm):
    ssm.put_parameter(Name="/strict/4k", Value="x" * 4096, Type="String")
    with refused("ValidationException", 400):
        ssm.put_parameter(Name="/strict/5k", Value="x" * 4097, Type="String")
    ssm.put_parameter(Name="/strict/8k", Value="x" * 8192, Type="String", Tier="Advanced")
    with refused("ValidationException", 400):
        ssm.put_parameter(Name="/strict/9k", Value="x" * 8193, Type="String", Tier="Advanced")
    with refused("ValidationException", 400):
        ssm.put_parameter(
            Name="/strict/8k", Value="x", Type="String", Tier="Standard", Overwrite=True
        )
    with refused("ParameterPatternMismatchException", 400):
        ssm.put_parameter(
            Name="/strict/pattern", Value="abc", Type="String", AllowedPattern=r"^\d+$"
        )
    for name in ("aws/mine", "/ssm/mine"):
        with refused("ValidationException", 400):
            ssm.put_parameter(Name=name, Value="x", Type="String")
    with refused("HierarchyLevelLimitExceededException", 400):
        ssm.put_parameter(Name="/a" * 16, Value="x", Type="String")


def test_labels_of_parameter_versions(ssm):
    name = "/strict/labels"
    for value in "12":
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["stable"])
    ssm.label_parameter_version(Name=name, ParameterVersion=2, Labels=["stable"])
    assert ssm.get_parameter(Name=f"{name}:stable")["Parameter"]["Value"] == "2"
    invalid = ["1st", "aws.x", "ssmlabel", "with space"]
    assert ssm.label_parameter_version(Name=name, Labels=invalid)["InvalidLabels"] == invalid
    with refused("ParameterVersionLabelLimitExceeded", 400):
        ssm.label_parameter_version(Name=name, Labels=[f"label-{n}" for n in range(10)])
    with refused("ParameterVersionNotFound", 400):
        ssm.label_parameter_version(Name=name, ParameterVersion=7, Labels=["late"])


@pytest.fixture(scope="module")
def glue(aws):
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "strict"})
    return glue


def _table(name, **more):
    column = [{"Name": "v", "Type": "int"}]
    days = [{"Name": "year", "Type": "int"}, {"Name": "day", "Type": "string"}]
    storage = {"Columns": column, "Location": f"s3://strict/{name}/"}
    return {"Name": name, "StorageDescriptor": storage, "PartitionKeys": days} | more


def _partition(*values):
    return {"Values": list(values), "StorageDescriptor": {"Location": "s3://strict/p/"}}


@pytest.fixture(scope="module")
def table(glue):
    glue.create_table(DatabaseName="strict", TableInput=_table("facts"))
    for year in ("2012", "2013"):
        for day in ("a", "b", "it's"):
            glue.create_partition(
                DatabaseName="strict", TableName="facts", PartitionInput=_partition(year, day)
            )
    return {"DatabaseName": "strict", "TableName": "facts"}


def test_the_catalogue_takes_nothing_twice(glue, table):
    with refused("AlreadyExistsException", 400):
        glue.create_database(DatabaseInput={"Name": "strict"})
    with refused("AlreadyExistsException", 400):
        glue.create_table(DatabaseName="strict", TableInput=_table("facts"))
    with refused("AlreadyExistsException", 400):
        glue.create_partition(**table, PartitionInput=_partition("2012", "a"))
    # Names are folded to lower case, so these are the same.
    with refused("AlreadyExistsException", 400):
        glue.create_database(DatabaseInput={"Name": "STRICT"})
    with refused("AlreadyExistsException", 400):
        glue.create_table(DatabaseName="strict", TableInput=_table("Facts"))
    answer = glue.batch_create_partition(
        **table, PartitionInputList=[_partition("2012", "a"), _partition("2014", "a")]
    )
    assert [error["ErrorDetail"]["ErrorCode"] for error in answer["Errors"]] == [
        "AlreadyExistsException"
    ]
    glue.delete_partition(**table, PartitionValues=["2014", "a"])


def test_names_are_lower_case(glue):
    glue.create_table(DatabaseName="strict", TableInput=_table("MixedCase"))
    assert glue.get_table(DatabaseName="strict", Name="mixedcase")["Table"]["Name"] == "mixedcase"
    assert glue.get_table(DatabaseName="STRICT", Name="MixedCase")["Table"]["Name"] == "mixedcase"


def test_what_the_catalogue_does_not_have(glue, table):
    absent = {"DatabaseName": "strict", "TableName": "absent"}
    for call in (
        lambda: glue.get_database(Name="absent"),
        lambda: glue.delete_database(Name="absent"),
        lambda: glue.get_tables(DatabaseName="absent"),
        lambda: glue.create_table(DatabaseName="absent", TableInput=_table("t")),
        lambda: glue.get_table(DatabaseName="strict", Name="absent"),
        lambda: glue.update_table(DatabaseName="strict", TableInput=_table("absent")),
        lambda: glue.delete_table(DatabaseName="strict", Name="absent"),
        lambda: glue.get_partitions(**absent),
        lambda: glue.create_partition(**absent, PartitionInput=_partition("1", "2")),
        lambda: glue.get_partition(**table, PartitionValues=["1", "2"]),
        lambda: glue.delete_partition(**table, PartitionValues=["1", "2"]),
        lambda: glue.update_partition(
            **table, PartitionValueList=["1", "2"], PartitionInput=_partition("1", "2")
        ),
        lambda: glue.update_database(Name="absent", DatabaseInput={"Name": "absent"}),
    ):
        with refused("EntityNotFoundException", 400):
            call()


def test_a_partition_has_a_value_for_every_key(glue, table):
    for values in (["2015"], ["2015", "a", "b"]):
        with refused("InvalidInputException", 400):
            glue.create_partition(**table, PartitionInput=_partition(*values))
        answer = glue.batch_create_partition(**table, PartitionInputList=[_partition(*values)])
        assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "InvalidInputException"


def test_an_update_of_a_table_knows_its_version(glue):
    glue.create_table(DatabaseName="strict", TableInput=_table("versions"))
    where = {"DatabaseName": "strict"}
    glue.update_table(**where, TableInput=_table("versions"))
    current = glue.get_table(**where, Name="versions")["Table"]["VersionId"]
    with refused("ConcurrentModificationException", 400):
        glue.update_table(**where, TableInput=_table("versions"), VersionId="0")
    glue.update_table(**where, TableInput=_table("versions"), VersionId=current)
    kept = glue.get_table_versions(**where, TableName="versions")["TableVersions"]
    glue.update_table(**where, TableInput=_table("versions"), SkipArchive=True)
    after = glue.get_table_versions(**where, TableName="versions")["TableVersions"]
    assert len(after) == len(kept)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("year = 2012", {("2012", d) for d in ("a", "b", "it's")}),
        ("year='2013' AND day = 'a'", {("2013", "a")}),
        ("day = 'a' or day = 'b' and year > 2012", {("2012", "a"), ("2013", "a"), ("2013", "b")}),
        ("year BETWEEN 2012 AND 2013 AND day IN ('a')", {("2012", "a"), ("2013", "a")}),
        ("year <= 2012 AND day LIKE 'it%'", {("2012", "it's")}),
    ],
)
def test_expressions_choose_partitions(glue, table, expression, found):
    got = glue.get_partitions(**table, Expression=expression)["Partitions"]
    assert {tuple(each["Values"]) for each in got} == found


# The first two are wrong on AWS as well; the last two are right there, and not evaluated here.
@pytest.mark.parametrize("expression", ["v = 1", "year = = 2012", "NOT year = 2012", "year != 1"])
def test_an_expression_that_is_not_evaluated_is_an_error(glue, table, expression):
    with refused("InvalidInputException", 400):
        glue.get_partitions(**table, Expression=expression)


def test_glue_lists_tables_and_partitions_by_pages(aws):
    glue = aws.client("glue", "121212121212")
    glue.create_database(DatabaseInput={"Name": "pages"})
    names = [f"t{number:03}" for number in range(103)]
    key = [{"Name": "dt", "Type": "string"}]
    for name in names:
        glue.create_table(DatabaseName="pages", TableInput={"Name": name, "PartitionKeys": key})
    first = glue.get_tables(DatabaseName="pages")
    assert [each["Name"] for each in first["TableList"]] == names[:100]
    # What is created or deleted meanwhile makes no page skip a table.
    glue.delete_table(DatabaseName="pages", Name="t000")
    token = {"NextToken": first["NextToken"]}
    rest = glue.get_tables(DatabaseName="pages", **token)
    assert [each["Name"] for each in rest["TableList"]] == names[100:]
    assert "NextToken" not in rest
    with refused("InvalidInputException", 400):
        glue.get_tables(DatabaseName="pages", Expression="t1.*", **token)

    table = {"DatabaseName": "pages", "TableName": "t001"}
    descriptor = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://b/k/"}
    for number in range(5):
        partition = {"Values": [f"day-{number}"], "StorageDescriptor": descriptor}
        glue.create_partition(PartitionInput=partition, **table)
    pages = glue.get_paginator("get_partitions").paginate(
        ExcludeColumnSchema=True, PaginationConfig={"PageSize": 2}, **table
    )
    found = [page["Partitions"] for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert found[0][0]["StorageDescriptor"] == {"Location": "s3://b/k/"}
    whole = glue.get_partitions(**table)["Partitions"]
    assert whole[0]["StorageDescriptor"] == descriptor
