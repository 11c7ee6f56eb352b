"""What a build needs before its first command: credentials, variables, sources.

All of it is fetched through AWS's own API. Failures are ``InputError``, which names the phase's
status code as CodeBuild does. Running commands does not belong here.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from localaws.core.archives import ArchiveError, extract_zip
from localaws.services.codebuild.buildspec import Buildspec, BuildspecError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from localaws.core.context import ServerContext
    from localaws.core.provider import Document


_MAX_SOURCE_BYTES = 512 * 1024**2


class InputError(Exception):
    """Something the build needs is missing or refused.

    Attributes:
        code: CodeBuild's status code for the phase, for example ``YAML_FILE_ERROR``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def role_environment(
    context: ServerContext, build_account: str, role_arn: str, build_id: str
) -> dict[str, str]:
    """Assume the service role and return its credentials as environment variables.

    Raises:
        InputError: The role does not exist or cannot be assumed.
    """
    sts = context.client("sts", build_account, acting_as="codebuild")
    try:
        credentials = sts.assume_role(
            RoleArn=role_arn, RoleSessionName=f"AWSCodeBuild-{build_id.rsplit(':', 1)[-1]}"
        )["Credentials"]
    except ClientError as error:
        raise InputError(
            "CLIENT_ERROR",
            f"CodeBuild is not authorized to perform: sts:AssumeRole on service role {role_arn}. "
            f"Make sure that the role exists and trusts codebuild.amazonaws.com. ({error})",
        ) from error
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def variables(ssm: Any, declared: Iterable[Document]) -> dict[str, str]:
    """Resolve environment variables of type PLAINTEXT and PARAMETER_STORE.

    Raises:
        InputError: A parameter does not exist.
    """
    return {
        variable["name"]: (
            _parameter(ssm, variable["value"])
            if variable.get("type") == "PARAMETER_STORE"
            else variable["value"]
        )
        for variable in declared
    }


def parameters(ssm: Any, names: dict[str, str]) -> dict[str, str]:
    """Resolve a buildspec's ``env.parameter-store``.

    Raises:
        InputError: A parameter does not exist.
    """
    return {variable: _parameter(ssm, name) for variable, name in names.items()}


def _parameter(ssm: Any, name: str) -> str:
    try:
        return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except ClientError as error:
        raise InputError("PARAMETER_STORE_ERROR", f"parameter {name}: {error}") from error


def fetch_source(s3: Any, build: Document, scratch: Path, target: Path) -> str:
    """Unpack the build's source into ``target`` and return its version (S3 version or ETag).

    The zip itself is written to ``scratch`` and removed.

    Raises:
        InputError: The object is missing or is no safe zip.
    """
    target.mkdir(parents=True, exist_ok=True)
    source = build["source"]
    if source["type"] == "NO_SOURCE":
        return ""
    bucket, _, key = source["location"].partition("/")
    version = {"VersionId": build["sourceVersion"]} if build.get("sourceVersion") else {}
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, **version)
        with scratch.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file)
        extract_zip(scratch, target, max_bytes=_MAX_SOURCE_BYTES)
        scratch.unlink()
    except (ClientError, ArchiveError) as error:
        raise InputError("CLIENT_ERROR", f"source s3://{bucket}/{key}: {error}") from error
    return str(answer.get("VersionId") or answer["ETag"].strip('"'))


def read_buildspec(declared: str | None, source: Path) -> Buildspec:
    """Read the buildspec: inline YAML, a path in the source, or ``buildspec.yml``.

    Raises:
        InputError: The file is not there, or is no buildspec that can be performed.
    """
    inline = declared is not None and "\n" in declared.strip()
    name = "the inline buildspec" if inline else (declared or "buildspec.yml")
    try:
        return parse(str(declared) if inline else _file_in(source, name))
    except BuildspecError as error:
        raise InputError("YAML_FILE_ERROR", f"{name}: {error}") from error


def _file_in(source: Path, name: str) -> str:
    path = (source / name).resolve()
    if not path.is_relative_to(source.resolve()) or not path.is_file():
        raise InputError("YAML_FILE_ERROR", f"YAML file does not exist: {name}")
    return path.read_text(encoding="utf-8")
