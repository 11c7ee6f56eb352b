"""Brings a job's log to CloudWatch Logs when the job ends. Keeping it on disk is not done here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.services.sagemaker.jobs.workspace import last_text

if TYPE_CHECKING:
    from pathlib import Path

    from localaws.core.context import ServerContext
    from localaws.services.sagemaker.arns import ResourceName

_log = logging.getLogger(__name__)
_BATCH = 1000
_LINES = 10_000
_LINE_CHARACTERS = 8000


def ship(context: ServerContext, name: ResourceName, title: str, path: Path) -> None:
    """Put the log's last lines into `/aws/sagemaker/<title>Jobs`, stream `<job>/algo-1`.

    Best effort: a job that ran is not failed because of its log.
    """
    lines = last_text(path).splitlines()[-_LINES:]
    if not lines:
        return
    client = context.client("logs", name.account_id, name.region)
    group, stream = f"/aws/sagemaker/{title}Jobs", f"{name.name}/algo-1"
    try:
        _create(client.create_log_group, logGroupName=group)
        _create(client.create_log_stream, logGroupName=group, logStreamName=stream)
        now = int(context.now() * 1000)
        for start in range(0, len(lines), _BATCH):
            events = [
                {"timestamp": now, "message": line[:_LINE_CHARACTERS] or " "}
                for line in lines[start : start + _BATCH]
            ]
            client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    except (ClientError, BotoCoreError) as error:
        _log.warning("The log of %s stays in %s: %s", name.arn, path, error)


def _create(operation: Any, **arguments: str) -> None:
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
