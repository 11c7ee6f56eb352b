"""The clients find the embedded AWS as they would find another endpoint: by the environment."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.functional.localaws.roles import EVERYTHING, ensure_role, trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.conftest import EmbeddedAws


@pytest.fixture(scope="module", autouse=True)
def _roles(aws: EmbeddedAws) -> None:
    """What SageMaker may become: a role that is not there is refused."""
    for name in ("perennial-sagemaker", "sagemaker-world"):
        ensure_role(aws.client("iam"), name, trust("sagemaker"), may=EVERYTHING)


@pytest.fixture(scope="module")
def environment(
    aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Point whatever makes a client in this process, or in a child of it, to the embedded AWS."""
    settings = settings_for(aws, tmp_path_factory.mktemp("client"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        # One session for all: each new one reads its models anew.
        patch.setattr(boto3, "DEFAULT_SESSION", boto3.session.Session())
        yield settings


def settings_for(aws: EmbeddedAws, folder: Path) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "LOCALAWS111111111111",
        "AWS_SECRET_ACCESS_KEY": "unchecked",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # Nothing of the developer's own.
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }


@pytest.fixture(scope="module")
def bucket(aws: EmbeddedAws) -> str:
    name = f"clients-{uuid.uuid4().hex[:8]}"
    aws.client("s3").create_bucket(Bucket=name)
    return name
