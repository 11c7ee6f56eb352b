"""Random changes in every service that moto performs, and a listing of all that can be seen."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.localaws.core_world import Process


class Scribe:
    """One account's user, who does this and that.

    Attributes:
        written: How many changes were acknowledged.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a test's dice
        self.written = 0

    def prepare(self, aws: Process) -> None:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        aws.client("sqs").create_queue(QueueName="q")
        aws.client("glue").create_database(DatabaseInput={"Name": "db"})
        aws.client("logs").create_log_group(logGroupName="g")

    def write(self, aws: Process, changes: int) -> None:
        possible = [*self._objects(aws), *self._messages(aws), *self._others(aws)]
        for _ in range(changes):
            self.dice.choice(possible)(f"n{self.written}")
            self.written += 1

    def _objects(self, aws: Process) -> list[Callable[[str], Any]]:
        s3 = aws.client("s3")

        def put(name: str) -> None:
            body = name.encode() * self.dice.choice([0, 10, 40_000])
            s3.put_object(Bucket="kept", Key=name[-1], Body=body, Metadata={"n": name})

        def upload(name: str) -> None:
            started = s3.create_multipart_upload(Bucket="kept", Key=name)
            s3.upload_part(Bucket="kept", Key=name, UploadId=started["UploadId"], PartNumber=1,
                           Body=name.encode())  # fmt: skip

        return [put, put, upload, lambda name: s3.delete_object(Bucket="kept", Key=name[-1])]

    def _messages(self, aws: Process) -> list[Callable[[str], Any]]:
        sqs = aws.client("sqs")
        queue = sqs.get_queue_url(QueueName="q")["QueueUrl"]

        def receive(_: str) -> None:
            for message in sqs.receive_message(QueueUrl=queue).get("Messages", []):
                if self.dice.random() < 0.5:
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

        return [receive, lambda name: sqs.send_message(QueueUrl=queue, MessageBody=name)]

    def _others(self, aws: Process) -> list[Callable[[str], Any]]:
        ssm, kms, iam = aws.client("ssm"), aws.client("kms"), aws.client("iam")
        glue, secrets, logs = aws.client("glue"), aws.client("secretsmanager"), aws.client("logs")

        def sign_in(name: str) -> None:
            iam.create_user(UserName=name)
            iam.create_access_key(UserName=name)

        return [
            sign_in,
            lambda name: ssm.put_parameter(Name=f"/{name[-1]}", Value=name, Type="SecureString",
                                           Overwrite=True),
            lambda name: kms.create_key(Description=name),
            lambda name: kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"),
            lambda name: glue.create_table(DatabaseName="db", TableInput={"Name": name}),
            lambda name: secrets.create_secret(Name=name, SecretString=name),
            lambda name: logs.create_log_stream(logGroupName="g", logStreamName=name),
        ]  # fmt: skip


def listing(aws: Process) -> dict[str, Any]:
    """All that can be seen; reading it twice gives the same."""
    kms, iam, secrets = aws.client("kms"), aws.client("iam"), aws.client("secretsmanager")
    sqs, ssm = aws.client("sqs"), aws.client("ssm")
    queue = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    keys = [key["KeyId"] for key in kms.list_keys()["Keys"]]
    described = [kms.describe_key(KeyId=key)["KeyMetadata"] for key in keys]
    users = [user["UserName"] for user in iam.list_users()["Users"]]
    names = [each["Name"] for each in ssm.describe_parameters()["Parameters"]]
    return {
        "objects": _objects(aws.client("s3")),
        "messages": sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"],
        "keys": described,
        "public": [kms.get_public_key(KeyId=key["KeyId"])["PublicKey"] for key in described
                   if key.get("KeyUsage") == "SIGN_VERIFY"],
        "users": [iam.list_access_keys(UserName=user)["AccessKeyMetadata"] for user in users],
        "parameters": [ssm.get_parameter_history(Name=name)["Parameters"] for name in names],
        "tables": aws.client("glue").get_tables(DatabaseName="db")["TableList"],
        "secrets": secrets.list_secrets(MaxResults=100)["SecretList"],
        "streams": aws.client("logs").describe_log_streams(logGroupName="g")["logStreams"],
    }  # fmt: skip


def _objects(s3: Any) -> list[Any]:
    found = s3.list_object_versions(Bucket="kept")
    versions = found.get("Versions", [])
    contents = [
        s3.get_object(Bucket="kept", Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
        for each in versions
    ]
    uploads = s3.list_multipart_uploads(Bucket="kept").get("Uploads", [])
    return [versions, contents, found.get("DeleteMarkers", []), uploads]
