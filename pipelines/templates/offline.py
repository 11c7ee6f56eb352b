"""A pipeline session that cannot reach AWS: a definition is a text, and making it sends nothing.

Import only in the compile process: it imports the sagemaker SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from sagemaker.core.workflow.pipeline_context import PipelineSession

if TYPE_CHECKING:
    from pipelines.templates.request import CompileRequest


class OfflinePipelineSession(PipelineSession):  # type: ignore[misc] # the SDK is untyped
    """Answers what the SDK asks while composing, and refuses what would upload.

    The definition names code and configuration by digest, so there is nothing to upload; the same
    request gives the same bytes on a laptop, in CI and beside AWS.
    """

    def __init__(self, request: CompileRequest) -> None:
        session = boto3.session.Session(
            aws_access_key_id="offline",
            aws_secret_access_key="offline",  # noqa: S106 - signs nothing; required to make clients
            region_name=request.region,
        )
        super().__init__(boto_session=session, default_bucket=request.artifact_bucket)
        self._request = request

    def account_id(self) -> str:
        """Give the account of the execution role, instead of asking STS."""
        return str(self._request.role_arn.split(":")[4])

    def default_bucket(self) -> str:
        """Give the artifact bucket, instead of creating one."""
        return self._request.artifact_bucket

    def upload_data(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse: a template that uploads would differ from call to call."""
        raise RuntimeError("a template tried to upload data; name it by its digest instead")

    def upload_string_as_file_body(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse, as `upload_data` does."""
        raise RuntimeError("a template tried to upload a text; name it by its digest instead")
