"""What a release action is told, read from its environment, and the account it acts in.

The one place that knows the names of the environment variables. What to do with an order belongs
to ``deploy`` and ``smoke``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXTERNAL_ID = "perennial"


class Refused(Exception):  # noqa: N818 - it says what happened; "RefusedError" would say less
    """The release does not go on; the text says why, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which package is to serve where, and by which plan."""

    stage: str
    account_id: str
    endpoint: str
    package_arn: str
    model_sha256: str
    plan_digest: str
    deploy_role_arn: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Order:
        """Read the order.

        Raises:
            Refused: A variable is missing.
        """
        return cls(
            stage=required(environment, "STAGE"),
            account_id=required(environment, "TARGET_ACCOUNT_ID"),
            endpoint=required(environment, "ENDPOINT_NAME"),
            package_arn=required(environment, "MODEL_PACKAGE_ARN"),
            model_sha256=required(environment, "MODEL_SHA256"),
            plan_digest=required(environment, "PLAN_DIGEST"),
            deploy_role_arn=required(environment, "DEPLOY_ROLE_ARN"),
        )


def required(environment: Mapping[str, str], name: str) -> str:
    """Return a variable.

    Raises:
        Refused: It is missing or empty.
    """
    value = environment.get(name, "")
    if not value:
        raise Refused(f"Variable {name} is missing; the pipeline's definition must give it.")
    return value


def target_session(order: Order) -> Any:
    """Assume the target account's deploy role and return a boto3 session in it.

    Raises:
        Refused: The role leads to another account than the order names.
    """
    credentials = boto3.client("sts").assume_role(
        RoleArn=order.deploy_role_arn,
        RoleSessionName=f"release-{order.stage}",
        ExternalId=_EXTERNAL_ID,
    )["Credentials"]
    session = boto3.session.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    account = session.client("sts").get_caller_identity()["Account"]
    if account != order.account_id:
        raise Refused(
            f"{order.deploy_role_arn} acts in {account}, but {order.stage} is "
            f"account {order.account_id}."
        )
    return session


def run(main: Callable[[], None]) -> None:
    """Run a script; end it with one clear message and status 1 where it cannot go on."""
    try:
        main()
    except Refused as error:
        sys.exit(f"REFUSED: {error}")
    except (ClientError, BotoCoreError) as error:
        sys.exit(f"FAILED: AWS answered: {error}")
