"""Who may do what, over HTTP: borders of accounts, roles' policies, resource policies."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.conftest import client
from tests.functional.localaws.roles import allow, ensure_role, policy, trust
from tests.functional.localaws.sagemaker_world import CLUSTER, IMAGE, World

if TYPE_CHECKING:
    from tests.functional.conftest import EmbeddedAws

HERE, ASSETS = "111111111111", "555555555555"


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def bucket(aws: EmbeddedAws) -> str:
    """A bucket of the assets account with one object."""
    name = unique("authz")
    s3 = aws.client("s3", "assets")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/x", Body=b"here")
    return name


class Actor:
    """A role of the experimentation account, and clients that act as it."""

    def __init__(self, aws: EmbeddedAws, *may: dict[str, Any], **session: Any) -> None:
        self.name = unique("actor")
        self.iam = aws.client("iam")
        self.arn = ensure_role(self.iam, self.name, trust("sagemaker", accounts=(HERE,)))
        if may:
            self.may(*may)
        self._url = aws.endpoint_url
        given = aws.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="test", **session)[
            "Credentials"
        ]
        self._credentials = (given["AccessKeyId"], given["SessionToken"])

    def may(self, *statements: dict[str, Any]) -> None:
        self.iam.put_role_policy(
            RoleName=self.name, PolicyName="may", PolicyDocument=policy(*statements)
        )

    def client(self, service: str) -> Any:
        return client(self._url, service, *self._credentials)


def refused(operation: Any, **request: Any) -> str:
    """Call what must be denied; return the message."""
    with pytest.raises(ClientError) as caught:
        operation(**request)
    error = caught.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException", "403"}, error
    return str(error["Message"])


def everything_in(bucket: str) -> list[str]:
    return [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_a_bucket_of_another_account_is_closed_without_a_policy(
    aws: EmbeddedAws, bucket: str
) -> None:
    s3 = aws.client("s3")
    body = refused(s3.get_object, Bucket=bucket, Key="a/x")
    assert body.endswith("because no resource-based policy allows the s3:GetObject action")
    refused(s3.put_object, Bucket=bucket, Key="a/y", Body=b"")
    refused(s3.delete_object, Bucket=bucket, Key="a/x")
    refused(s3.list_objects_v2, Bucket=bucket)
    refused(s3.get_object, Bucket=bucket, Key="is/not/there")
    refused(s3.put_bucket_policy, Bucket=bucket, Policy="{}")
    refused(s3.head_object, Bucket=bucket, Key="a/x")
    own = unique("own")
    s3.create_bucket(Bucket=own)
    source = {"Bucket": bucket, "Key": "a/x"}
    refused(s3.copy_object, Bucket=own, Key="x", CopySource=source)
    assert aws.client("s3", "assets").list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_bucket_policy_opens_what_it_says_to_whom_it_says(aws: EmbeddedAws) -> None:
    bucket, s3, owner = unique("shared"), aws.client("s3"), aws.client("s3", "assets")
    owner.create_bucket(Bucket=bucket)
    prefix = {"StringLike": {"s3:prefix": "a/*"}}
    home = {"Principal": {"AWS": f"arn:aws:iam::{HERE}:root"}}
    owner.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(
            allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/a/*", **home),
            allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Condition=prefix, **home),
        ),
    )
    s3.put_object(Bucket=bucket, Key="a/y", Body=b"theirs")
    assert s3.get_object(Bucket=bucket, Key="a/y")["Body"].read() == b"theirs"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="a/")["KeyCount"] == 1
    refused(s3.list_objects_v2, Bucket=bucket)
    refused(s3.get_object, Bucket=bucket, Key="b")
    refused(s3.delete_object, Bucket=bucket, Key="a/y")
    refused(aws.client("s3", "dev").get_object, Bucket=bucket, Key="a/y")
    # Who may not list does not learn that a key is not there.
    refused(s3.get_object, Bucket=bucket, Key="a/none")
    owner.delete_bucket_policy(Bucket=bucket)
    refused(s3.get_object, Bucket=bucket, Key="a/y")


def test_a_role_may_do_what_its_policies_say_from_one_call_to_the_next(
    aws: EmbeddedAws, bucket: str
) -> None:
    own = unique("lake")
    aws.client("s3").create_bucket(Bucket=own)
    actor = Actor(aws, allow("s3:PutObject", f"arn:aws:s3:::{own}/in/*"))
    s3 = actor.client("s3")
    s3.put_object(Bucket=own, Key="in/x", Body=b"1")
    assert refused(s3.put_object, Bucket=own, Key="out/x", Body=b"1") == (
        f"User: arn:aws:sts::{HERE}:assumed-role/{actor.name}/test is not authorized to perform: "
        f"s3:PutObject on resource: arn:aws:s3:::{own}/out/x because no identity-based policy "
        "allows the s3:PutObject action"
    )
    refused(s3.get_object, Bucket=own, Key="in/x")
    actor.may(allow("s3:*", everything_in(own)))
    assert s3.get_object(Bucket=own, Key="in/x")["Body"].read() == b"1"
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=own, Key="in/none")
    arn = actor.iam.create_policy(
        PolicyName=unique("no"),
        PolicyDocument=policy(allow("s3:GetObject", "*") | {"Effect": "Deny"}),
    )["Policy"]["Arn"]
    actor.iam.attach_role_policy(RoleName=actor.name, PolicyArn=arn)
    said = refused(s3.get_object, Bucket=own, Key="in/x")
    assert said.endswith("with an explicit deny in an identity-based policy")
    refused(actor.client("s3").get_object, Bucket=bucket, Key="a/x")


def test_across_accounts_both_sides_must_allow(aws: EmbeddedAws) -> None:
    bucket, owner = unique("both"), aws.client("s3", "assets")
    owner.create_bucket(Bucket=bucket)
    owner.put_object(Bucket=bucket, Key="x", Body=b"1")
    actor = Actor(aws)
    grant = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": actor.arn})
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(grant))
    refused(actor.client("s3").get_object, Bucket=bucket, Key="x")
    actor.may(allow("s3:GetObject", "*"))
    actor.client("s3").get_object(Bucket=bucket, Key="x")
    refused(aws.client("s3").get_object, Bucket=bucket, Key="x")


def test_explicit_denies_bind_the_owner_too_who_may_still_replace_the_policy(
    aws: EmbeddedAws,
) -> None:
    bucket, s3 = unique("vault"), aws.client("s3", "assets")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    everything = everything_in(bucket)
    unencrypted = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    deny = {"Effect": "Deny", "Principal": "*", "Resource": everything}
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=policy(
            deny | {"Action": "s3:BypassGovernanceRetention"},
            deny | {"Action": "s3:PutObject", "Condition": unencrypted},
        ),
    )
    refused(s3.put_object, Bucket=bucket, Key="x", Body=b"")
    version = s3.put_object(Bucket=bucket, Key="x", Body=b"", ServerSideEncryption="aws:kms")[
        "VersionId"
    ]
    said = refused(
        s3.delete_object, Bucket=bucket, Key="x", VersionId=version, BypassGovernanceRetention=True
    )
    assert "s3:BypassGovernanceRetention" in said
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(deny | {"Action": "s3:*"}))
    refused(s3.list_objects_v2, Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)


def test_public_policies_are_blocked_where_the_bucket_says_so(aws: EmbeddedAws) -> None:
    bucket, s3 = unique("public"), aws.client("s3", "assets")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="x", Body=b"1")
    public = policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*"))
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    aws.client("s3").get_object(Bucket=bucket, Key="x")
    closed = {"BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=closed)
    refused(aws.client("s3").get_object, Bucket=bucket, Key="x")
    assert "BlockPublicPolicy" in refused(s3.put_bucket_policy, Bucket=bucket, Policy=public)


def test_the_key_of_an_encrypted_object_must_be_open_too(aws: EmbeddedAws) -> None:
    kms, s3, bucket = aws.client("kms", "assets"), aws.client("s3", "assets"), unique("sealed")
    root = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ASSETS}:root"})
    key = kms.create_key(Policy=policy(root))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=bucket)
    rule = {"ApplyServerSideEncryptionByDefault": {
        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}  # fmt: skip
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    there = {"Principal": {"AWS": f"arn:aws:iam::{HERE}:root"}}
    s3.put_bucket_policy(
        Bucket=bucket, Policy=policy(allow("s3:*", everything_in(bucket), **there))
    )
    s3.put_object(Bucket=bucket, Key="x", Body=b"1")
    assert "kms:Decrypt" in refused(aws.client("s3").get_object, Bucket=bucket, Key="x")
    put = {"Bucket": bucket, "Key": "y", "Body": b"1"}
    assert "kms:GenerateDataKey" in refused(aws.client("s3").put_object, **put)
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    use = allow(["kms:Decrypt", "kms:GenerateDataKey"], "*", Condition=via, **there)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(root, use))
    aws.client("s3").put_object(**put)
    assert aws.client("s3").get_object(Bucket=bucket, Key="x")["Body"].read() == b"1"
    refused(aws.client("kms").generate_data_key, KeyId=key, KeySpec="AES_256")


def test_a_key_policy_decides_in_its_own_account_too(aws: EmbeddedAws) -> None:
    kms = aws.client("kms")
    administrator = f"arn:aws:iam::{HERE}:user/administrator"
    manage = allow(["kms:Put*", "kms:Describe*"], "*", Principal={"AWS": administrator})
    key = kms.create_key(Policy=policy(manage))["KeyMetadata"]["KeyId"]
    said = refused(kms.encrypt, KeyId=key, Plaintext=b"x")
    assert said.endswith("because no resource-based policy allows the kms:Encrypt action")
    account = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{HERE}:root"})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(account))
    actor = Actor(aws)
    refused(actor.client("kms").encrypt, KeyId=key, Plaintext=b"x")
    actor.may(allow("kms:Encrypt", f"arn:aws:kms:us-east-1:{HERE}:key/{key}"))
    actor.client("kms").encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.encrypt(KeyId=str(uuid.uuid4()), Plaintext=b"x")


def test_topics_queues_and_secrets_are_shared_by_their_policies(aws: EmbeddedAws) -> None:
    there = {"Principal": {"AWS": f"arn:aws:iam::{HERE}:root"}}
    sqs, name = aws.client("sqs", "assets"), unique("q")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    refused(aws.client("sqs").send_message, QueueUrl=url, MessageBody="m")
    arn = f"arn:aws:sqs:us-east-1:{ASSETS}:{name}"
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": policy(allow("sqs:SendMessage", arn, **there))}
    )
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="m")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "m"
    refused(aws.client("sqs").receive_message, QueueUrl=url)
    secrets = aws.client("secretsmanager", "assets")
    secret = secrets.create_secret(Name=unique("s"), SecretString="hush")["ARN"]
    refused(aws.client("secretsmanager").get_secret_value, SecretId=secret)
    secrets.put_resource_policy(
        SecretId=secret,
        ResourcePolicy=policy(allow("secretsmanager:GetSecretValue", "*", **there)),
    )
    found = aws.client("secretsmanager").get_secret_value(SecretId=secret)
    assert found["SecretString"] == "hush"
    topic = aws.client("sns", "assets").create_topic(Name=unique("t"))["TopicArn"]
    with pytest.raises(ClientError, match="AuthorizationError"):
        aws.client("sns").publish(TopicArn=topic, Message="m")
    aws.client("sns", "assets").publish(TopicArn=topic, Message="m")


def test_session_policies_and_boundaries_narrow_a_role(aws: EmbeddedAws) -> None:
    only = policy(allow("sqs:ListQueues", "*"))
    actor = Actor(aws, allow("*", "*"), Policy=only)
    actor.client("sqs").list_queues()
    said = refused(actor.client("s3").list_buckets)
    assert said.endswith("because no session policy allows the s3:ListAllMyBuckets action")
    bounded = Actor(aws, allow("*", "*"))
    arn = actor.iam.create_policy(PolicyName=unique("edge"), PolicyDocument=only)["Policy"]["Arn"]
    bounded.client("s3").list_buckets()
    actor.iam.put_role_permissions_boundary(RoleName=bounded.name, PermissionsBoundary=arn)
    said = refused(bounded.client("s3").list_buckets)
    assert said.endswith("because no permissions boundary allows the s3:ListAllMyBuckets action")
    bounded.client("sqs").list_queues()


def test_what_no_table_knows_needs_a_grant_on_everything(aws: EmbeddedAws) -> None:
    narrow = Actor(aws, allow("secretsmanager:*", f"arn:aws:secretsmanager:*:{HERE}:secret:*"))
    ask = narrow.client("secretsmanager").batch_get_secret_value
    refused(lambda: ask(Filters=[{"Key": "name", "Values": ["none"]}]))
    narrow.may(allow("secretsmanager:BatchGetSecretValue", "*"))
    ask(Filters=[{"Key": "name", "Values": ["none"]}])


def _job(role: str) -> dict[str, Any]:
    specification = {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]}
    return {
        "ProcessingJobName": unique("job"), "RoleArn": role, "ProcessingResources": CLUSTER,
        "AppSpecification": specification,
    }  # fmt: skip


def test_a_role_is_handed_over_only_by_who_may_pass_it_and_to_whom_it_trusts(
    aws: EmbeddedAws,
) -> None:
    actor, worker = Actor(aws, allow("sagemaker:*", "*")), Actor(aws)
    create = actor.client("sagemaker").create_processing_job
    assert "iam:PassRole" in refused(create, **_job(worker.arn))
    to = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    actor.may(allow("sagemaker:*", "*"), allow("iam:PassRole", worker.arn, Condition=to))
    refused(create, **_job(worker.arn))
    to = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    actor.may(allow("sagemaker:*", "*"), allow("iam:PassRole", worker.arn, Condition=to))
    create(**_job(worker.arn))
    trusted = policy(trust(accounts=(HERE,)))
    actor.iam.update_assume_role_policy(RoleName=worker.name, PolicyDocument=trusted)
    with pytest.raises(ClientError, match="Could not assume role"):
        create(**_job(worker.arn))
    with pytest.raises(ClientError, match="Could not assume role"):
        aws.client("sagemaker").create_processing_job(**_job(f"{worker.arn}-absent"))
    refused(
        aws.client("sagemaker").create_processing_job,
        **_job(f"arn:aws:iam::{ASSETS}:role/somebody"),
    )


def test_a_job_may_read_and_write_what_its_role_may(aws: EmbeddedAws) -> None:
    world = World(aws)
    worker = Actor(aws)
    world.put("in/x", "1")
    inputs = [{"InputName": "in", "S3Input": {
        "S3Uri": world.uri("in/"), "LocalPath": "/opt/ml/processing/input/in",
        "S3DataType": "S3Prefix", "S3InputMode": "File"}}]  # fmt: skip
    job = _job(worker.arn) | {"ProcessingInputs": inputs}
    world.sagemaker.create_processing_job(**job)
    ended = world.ended_processing(job["ProcessingJobName"])
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "s3:ListBucket" in ended["FailureReason"]
    worker.may(allow(["s3:ListBucket", "s3:GetObject"], everything_in(world.bucket)))
    job |= {"ProcessingJobName": unique("job")}
    world.sagemaker.create_processing_job(**job)
    ended = world.ended_processing(job["ProcessingJobName"])
    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")


def test_a_query_reads_what_its_caller_may(aws: EmbeddedAws) -> None:
    from tests.functional.localaws.athena_world import AthenaWorld

    lake = AthenaWorld(aws)
    lake.land_flights(1)
    sql = "SELECT count(*) FROM flights"
    assert lake.rows(sql) == [["3"]]
    glue = allow("glue:Get*", "*")
    results = allow(["s3:PutObject"], f"arn:aws:s3:::{lake.bucket}/results/*")
    listing = allow("s3:ListBucket", f"arn:aws:s3:::{lake.bucket}")
    actor = Actor(aws, allow("athena:*", "*"), glue, results, listing)
    lake.athena = actor.client("athena")
    # A copy of the file is here already; that somebody else may read it does not help.
    assert "Permission denied on S3 path" in lake.reason(sql)
    data = allow("s3:GetObject", f"arn:aws:s3:::{lake.bucket}/raw/*")
    actor.may(allow("athena:*", "*"), glue, results, listing, data)
    assert lake.rows(sql) == [["3"]]
    actor.may(allow("athena:*", "*"), results, listing, data)
    assert "glue:GetTable" in lake.reason(sql)


def test_a_trust_policy_may_ask_for_anything_documented(aws: EmbeddedAws) -> None:
    iam, sts = aws.client("iam", "dev"), aws.client("sts")

    def assumable(condition: dict[str, Any], **given: Any) -> bool:
        name = unique("trusting")
        arn = ensure_role(iam, name, trust(accounts=(HERE,), Condition=condition))
        try:
            sts.assume_role(RoleArn=arn, RoleSessionName="session", **given)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    arn = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:user/*"}}
    assert assumable(arn)
    assert not assumable({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:role/*"}})
    external = {"StringEquals": {"sts:ExternalId": "right"}}
    assert assumable(external, ExternalId="right")
    assert not assumable(external, ExternalId="wrong-one")
    assert not assumable(external)
    assert not assumable({"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    assert assumable({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})
    assert not assumable({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})
    assert not assumable({"StringLikely": {"aws:PrincipalArn": "*"}})


def test_without_enforcement_only_borders_and_resource_policies_hold(tmp_path: Any) -> None:
    from tests.functional.localaws.core_world import running

    with running(tmp_path / "aws", enforce_iam=False) as process:
        iam = process.client("iam", HERE)
        arn = ensure_role(iam, "idle", trust(accounts=(HERE,)))
        given = process.client("sts", HERE).assume_role(RoleArn=arn, RoleSessionName="session")
        process.client("s3", ASSETS).create_bucket(Bucket="theirs")
        s3 = process.client("s3", given["Credentials"])
        s3.create_bucket(Bucket="mine")
        refused(s3.list_objects_v2, Bucket="theirs")
        deny = allow("s3:ListBucket", "arn:aws:s3:::mine", Principal="*") | {"Effect": "Deny"}
        s3.put_bucket_policy(Bucket="mine", Policy=json.dumps({"Statement": deny}))
        refused(s3.list_objects_v2, Bucket="mine")
