"""What the orchestrator did so far, its policy allows: the embedded AWS itself would not object."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from orchestration import policies

if TYPE_CHECKING:
    from tests.functional.loop.loop_world import Loop, Outcome

#: Where IAM's action is not called like the API's operation.
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
}


@pytest.mark.usefixtures("again")
def test_every_call_that_was_made_is_granted(loop: Loop, first: Outcome) -> None:
    settings, names = loop.environment.aws, loop.platform.names
    refused = []
    for account, operation in sorted(loop.calls):
        policy = policies.orchestrator(settings, names, settings.accounts[account])
        granted = [action for statement in policy["Statement"] for action in statement["Action"]]
        action = ACTIONS.get(operation, operation)
        if not any(fnmatchcase(action, pattern) for pattern in granted):
            refused.append(f"{action} in {account}")
    assert refused == []
    assert ("experimentation", "sagemaker:StartPipelineExecution") in loop.calls
    assert ("assets", "sagemaker:UpdateModelPackage") in loop.calls
