"""What survives a stop, a kill and a restart, and which servers are refused a state folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import socket
import time
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.core_world import Process, refused, running, trusting

ACCOUNT = "555555555555"


@pytest.fixture(scope="module", params=["stopped", "killed"])
def restarted(request, tmp_path_factory):
    """A server filled in every service that moto keeps, ended one way or the other, started again.

    The killed one is killed the moment the last call is answered.
    """
    state = tmp_path_factory.mktemp(request.param) / "aws"
    first = Process(state)
    try:
        written = {service: fill(first) for service, fill in FILL.items()}
        if request.param == "stopped":
            assert first.stop() == 0
    finally:
        first.kill()
    with running(state) as second:
        yield second, written


def test_nothing_was_answered_otherwise_when_repeated(restarted):
    health = restarted[0].health()
    assert (health["status"], health["notes"]) == ("ok", [])


def _fill_s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    bodies = {}
    for number in range(3):
        body = f"version {number}".encode() * 1000
        put = s3.put_object(Bucket="kept", Key="k", Body=body, Metadata={"a_b": "c"}, Tagging="x=y")
        bodies[put["VersionId"]] = body
    s3.put_object(Bucket="kept", Key="removed", Body=b"x")
    s3.delete_object(Bucket="kept", Key="removed")
    upload = s3.create_multipart_upload(Bucket="kept", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="kept", Key="m", UploadId=upload, PartNumber=1, Body=b"part")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    until = datetime(2040, 1, 1, tzinfo=UTC)
    s3.put_object(Bucket="locked", Key="k", Body=b"x" * 200_000, ObjectLockMode="COMPLIANCE",
                  ObjectLockRetainUntilDate=until, ContentMD5=_md5(b"x" * 200_000))  # fmt: skip
    listing = s3.list_object_versions(Bucket="kept")
    return bodies, (upload, part["ETag"]), (listing["Versions"], listing["DeleteMarkers"])


def test_s3_keeps_versions_markers_and_unfinished_uploads(restarted):
    aws, written = restarted
    bodies, (upload, etag), listed = written["s3"]
    s3 = aws.client("s3")
    again = s3.list_object_versions(Bucket="kept")
    assert (again["Versions"], again["DeleteMarkers"]) == listed
    for version, body in bodies.items():
        found = s3.get_object(Bucket="kept", Key="k", VersionId=version)
        assert found["Body"].read() == body
        assert found["Metadata"] == {"a_b": "c"}
    assert s3.get_object_tagging(Bucket="kept", Key="k")["TagSet"] == [{"Key": "x", "Value": "y"}]
    s3.complete_multipart_upload(
        Bucket="kept",
        Key="m",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
    )
    assert s3.get_object(Bucket="kept", Key="m")["Body"].read() == b"part"


def test_s3_keeps_locks_and_large_contents(restarted):
    s3 = restarted[0].client("s3")
    found = s3.get_object(Bucket="locked", Key="k")
    assert found["Body"].read() == b"x" * 200_000
    assert found["ObjectLockRetainUntilDate"] == datetime(2040, 1, 1, tzinfo=UTC)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="locked", Key="k", VersionId=found["VersionId"])


def _md5(content):
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _fill_glue(aws):
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "db"})
    for through in ("1", "2"):
        table = {
            "Name": "t",
            "Parameters": {"landed": through},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": {"Columns": [{"Name": "x", "Type": "int"}], "Location": "s3://a"},
        }
        (glue.create_table if through == "1" else glue.update_table)(
            DatabaseName="db", TableInput=table
        )
    glue.create_partition(DatabaseName="db", TableName="t", PartitionInput={"Values": ["d"]})
    return _read_glue(glue)


def _read_glue(glue):
    return [
        glue.get_table(DatabaseName="db", Name="t")["Table"],
        glue.get_table_versions(DatabaseName="db", TableName="t")["TableVersions"],
        glue.get_partitions(DatabaseName="db", TableName="t")["Partitions"],
    ]


def test_glue_keeps_tables_their_versions_and_partitions(restarted):
    aws, written = restarted
    assert _read_glue(aws.client("glue")) == written["glue"]


def _fill_iam(aws):
    policy = trusting("111111111111", "perennial")
    aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=policy)
    return aws.client("sts", "111111111111").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", RoleSessionName="session", ExternalId="perennial"
    )["Credentials"]


def test_roles_and_the_credentials_given_for_them_go_on_working(restarted):
    aws, written = restarted
    identity = aws.client("sts", written["iam"]).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/session"


def _fill_kms(aws):
    kms = aws.client("kms")
    secret = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/kept", TargetKeyId=secret)
    signer = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    cipher = kms.encrypt(KeyId="alias/kept", Plaintext=b"hidden")["CiphertextBlob"]
    curve = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signature = kms.sign(KeyId=curve, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    public = {key: kms.get_public_key(KeyId=key)["PublicKey"] for key in (signer, curve)}
    return cipher, public, (curve, signature)


def test_kms_decrypts_and_signs_with_the_same_keys(restarted):
    aws, written = restarted
    cipher, public, (curve, signature) = written["kms"]
    kms = aws.client("kms")
    assert kms.decrypt(CiphertextBlob=cipher)["Plaintext"] == b"hidden"
    assert {key: kms.get_public_key(KeyId=key)["PublicKey"] for key in public} == public
    assert kms.verify(KeyId=curve, Message=b"m", Signature=signature,
                      SigningAlgorithm="ECDSA_SHA_256")["SignatureValid"]  # fmt: skip


def _fill_ssm(aws):
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/p", Value="1", Type="String", Tags=[{"Key": "a", "Value": "b"}])
    ssm.put_parameter(Name="/p", Value="2", Type="String", Overwrite=True)


def test_ssm_keeps_a_parameters_history_and_still_takes_new_ones(restarted):
    aws, _ = restarted
    ssm = aws.client("ssm")
    history = ssm.get_parameter_history(Name="/p")["Parameters"]
    assert [entry["Value"] for entry in history] == ["1", "2"]
    ssm.put_parameter(Name="/q", Value="1", Type="String", Tags=[{"Key": "c", "Value": "d"}])
    for name, tag in (("/p", "a"), ("/q", "c")):
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        assert [entry["Key"] for entry in tags] == [tag]


def _fill_messages(aws):
    sqs, sns, events = aws.client("sqs"), aws.client("sns"), aws.client("events")
    queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:kept"
    deliver = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deliver]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sqs.send_message(QueueUrl=queue, MessageBody="waiting")
    topic = sns.create_topic(Name="kept")["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    events.put_rule(Name="kept", EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule="kept", Targets=[{"Id": "1", "Arn": arn}])
    flying = sqs.create_queue(QueueName="flying")["QueueUrl"]
    sqs.send_message(QueueUrl=flying, MessageBody="in flight")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn.replace("kept", "flying"))
    sns.publish(TopicArn=topic, Message="signed")
    sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=2, VisibilityTimeout=0)
    taken = sqs.receive_message(QueueUrl=flying, VisibilityTimeout=600)["Messages"][0]
    return topic, taken["ReceiptHandle"], sqs.receive_message(QueueUrl=flying, VisibilityTimeout=0)


def test_messages_wait_and_subscriptions_and_rules_go_on_delivering(restarted):
    aws, written = restarted
    sqs = aws.client("sqs")
    topic, _, _ = written["messages"]
    aws.client("sns").publish(TopicArn=topic, Message="published")
    aws.client("events").put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": "{}"}])
    queue = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
    bodies: list[str] = []
    deadline = time.monotonic() + 10
    while len(bodies) < 4 and time.monotonic() < deadline:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies += [message["Body"] for message in received.get("Messages", [])]
    assert bodies[:3] == ["waiting", "signed", "published"]
    assert json.loads(bodies[3])["source"] == "test"


def test_a_message_in_flight_stays_in_flight_and_its_receipt_good(restarted):
    aws, written = restarted
    _, receipt, signed = written["messages"]
    sqs = aws.client("sqs")
    queue = sqs.get_queue_url(QueueName="flying")["QueueUrl"]
    counts = ["ApproximateNumberOfMessagesNotVisible"]
    asked = {"QueueUrl": queue, "AttributeNames": counts}
    assert sqs.get_queue_attributes(**asked)["Attributes"][counts[0]] == "1"
    again = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
    assert signed["Messages"][0]["Body"] in [message["Body"] for message in again["Messages"]]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipt)
    assert sqs.get_queue_attributes(**asked)["Attributes"][counts[0]] == "0"


def _fill_others(aws):
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "said"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    aws.client("secretsmanager").create_secret(Name="s", SecretString="hush")
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    return aws.client("secretsmanager").describe_secret(SecretId="s")["VersionIdsToStages"]


def test_logs_secrets_and_metrics_are_kept(restarted):
    aws, written = restarted
    secret = aws.client("secretsmanager").describe_secret(SecretId="s")
    assert secret["VersionIdsToStages"] == written["others"]
    events = aws.client("logs").get_log_events(logGroupName="g", logStreamName="s")["events"]
    assert [event["message"] for event in events] == ["said"]
    assert aws.client("secretsmanager").get_secret_value(SecretId="s")["SecretString"] == "hush"
    assert aws.client("cloudwatch").list_metrics(Namespace="n")["Metrics"][0]["MetricName"] == "m"


FILL = {
    "s3": _fill_s3,
    "glue": _fill_glue,
    "iam": _fill_iam,
    "kms": _fill_kms,
    "ssm": _fill_ssm,
    "messages": _fill_messages,
    "others": _fill_others,
}


def test_contents_that_no_object_has_any_more_leave_the_disk(tmp_path):
    state = tmp_path / "aws"
    server = Process(state)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    for number in range(3):
        s3.put_object(Bucket="kept", Key="overwritten", Body=str(number).encode())
    assert server.stop() == 0
    assert [path.read_bytes() for path in (state / "moto" / "objects").glob("??/*")] == [b"2"]


def test_a_second_server_on_the_same_state_is_refused(tmp_path):
    with running(tmp_path / "aws"):
        said = refused(tmp_path / "aws", 0)
    assert "uses the state folder" in said
    assert "--state" in said


def test_a_port_in_use_is_one_clear_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused(tmp_path / "aws", taken.getsockname()[1])
    assert said.strip().count("\n") == 0
    assert "--port" in said


class _Attack:
    def __reduce__(self):
        return os.system, ("true",)


def test_a_snapshot_cannot_name_code_to_run(tmp_path):
    import io

    from localaws.core.bodies import Bodies
    from localaws.core.pickling import MotoUnpickler

    bodies = Bodies(tmp_path)
    # The second spelling reaches os through a module of moto's that imports it.
    through_moto = b"cmoto.s3.models\nos.system\n(S'true'\ntR."
    dotted = b"\x80\x04\x8c\x0emoto.s3.models\x8c\tos.system\x93\x8c\x04true\x85R."
    for payload in (pickle.dumps(_Attack()), through_moto, dotted):
        with pytest.raises((pickle.UnpicklingError, AttributeError)):
            MotoUnpickler(io.BytesIO(payload), bodies).load_state()
