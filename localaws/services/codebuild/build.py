"""One build, carried through its phases in a thread of its own.

The order of phases and what a failure means is here; how commands run is ``shell``'s business,
where inputs come from is ``inputs``'. Every build goes through every phase, with or without
commands. A failed BUILD still runs POST_BUILD and UPLOAD_ARTIFACTS, a failed INSTALL or PRE_BUILD
only FINALIZING: so it is on AWS.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from localaws.services.codebuild import archive, inputs, records
from localaws.services.codebuild.buildspec import PHASES, Phase
from localaws.services.codebuild.logs import LogCarrier
from localaws.services.codebuild.shell import Shell, StoppedError, TimedOutError, make_bin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localaws.core.context import ServerContext
    from localaws.core.provider import Document
    from localaws.services.codebuild.buildspec import Buildspec

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class PhaseError(Exception):
    """A phase failed for a reason of the build's own; the build is FAILED."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Build:
    """Executes one build record to its end."""

    def __init__(
        self, context: ServerContext, store: records.Records, key: str, folder: Path
    ) -> None:
        self._context = context
        self._records = store
        self._key = key
        self._account, self._region, self._id = key.split("/", 2)
        record = store.builds.get(key)
        if record is None:
            raise KeyError(key)
        self._document: Document = record["build"]
        self._buildspec_text: str | None = self._document["source"].get("buildspec")
        self._deadline = time.time() + 60 * self._document["timeoutInMinutes"]
        self._folder = folder
        self._source = folder / "src"
        self._log = LogCarrier(
            context.client("logs", self._account, self._region),
            folder / "build.log",
            self._document["logs"]["groupName"],
            self._document["logs"]["streamName"],
        )
        self._shell = Shell(self._source, folder, folder / "build.log", {})

    def execute(self) -> None:
        """Carry the build to SUCCEEDED, FAILED, STOPPED, TIMED_OUT or FAULT. Never raises."""
        status = "SUCCEEDED"
        try:
            self._perform()
        except StoppedError:
            # A server that stops loses its build host; that is not the caller's stop_build.
            status = "FAULT" if self._context.stopping.is_set() else "STOPPED"
        except TimedOutError:
            status = "TIMED_OUT"
        except PhaseError:
            status = "FAILED"
        except Exception as error:  # noqa: BLE001 - the build must end with a status whatever broke
            self._log.note(f"The build host failed: {error!r}")
            status = "FAULT"
        self._finish(status)

    def stop(self) -> None:
        """Kill what runs; the build's thread then notes STOPPED."""
        self._shell.stop()

    def _perform(self) -> None:
        with self._phase("QUEUED"):
            pass
        try:
            self._carry_out()
        except PhaseError:
            self._finalize()
            raise
        self._finalize()

    def _carry_out(self) -> None:
        with self._phase("PROVISIONING"):
            environment = self._provision()
        with self._phase("DOWNLOAD_SOURCE"):
            scratch = self._folder / "source.zip"
            s3 = self._client("s3")
            version = inputs.fetch_source(s3, self._document, scratch, self._source)
            self._change(resolvedSourceVersion=version)
            buildspec = inputs.read_buildspec(self._buildspec_text, self._source)
            self._shell.environment = self._environment(buildspec, environment)
        failed = self._run_phases(buildspec)
        try:
            with self._phase("UPLOAD_ARTIFACTS"):
                self._upload(buildspec)
        except PhaseError as error:
            failed = failed or error
        if failed is not None:
            raise failed

    def _finalize(self) -> None:
        with self._phase("FINALIZING"):
            pass

    def _provision(self) -> dict[str, str]:
        declared = self._document["environment"].get("environmentVariables", [])
        role = self._document["serviceRole"]
        environment = inputs.role_environment(self._context, self._account, role, self._id)
        return environment | inputs.variables(self._client("ssm"), declared)

    def _environment(self, buildspec: Buildspec, given: dict[str, str]) -> dict[str, str]:
        ssm = self._client("ssm") if buildspec.parameter_store else None
        return (
            {"HOME": str(self._folder)}
            | buildspec.variables
            | inputs.parameters(ssm, buildspec.parameter_store)
            | given
            | {
                "PATH": f"{make_bin(self._folder / 'bin')}:{_SYSTEM_PATH}",
                "AWS_REGION": self._region,
                "AWS_DEFAULT_REGION": self._region,
                "AWS_ENDPOINT_URL": self._context.endpoint_url,
                "CODEBUILD_BUILD_ID": self._id,
                "CODEBUILD_BUILD_ARN": self._document["arn"],
                "CODEBUILD_BUILD_NUMBER": str(self._document["buildNumber"]),
                "CODEBUILD_BUILD_SUCCEEDING": "1",
                "CODEBUILD_INITIATOR": self._document["initiator"],
                "CODEBUILD_SRC_DIR": str(self._source),
                "CODEBUILD_START_TIME": str(int(self._document["startTime"] * 1000)),
            }
        )

    def _run_phases(self, buildspec: Buildspec) -> PhaseError | None:
        failed: PhaseError | None = None
        for name in PHASES:
            phase = buildspec.phases.get(name, Phase())
            try:
                with self._phase(name.upper()):
                    self._run(name, phase.commands, phase.finally_)
            except PhaseError as error:
                failed = failed or error
                self._shell.environment["CODEBUILD_BUILD_SUCCEEDING"] = "0"
                if name in ("install", "pre_build"):
                    raise
        self._export(buildspec)
        return failed

    def _run(self, name: str, commands: tuple[str, ...], last: tuple[str, ...]) -> None:
        failure = self._shell.run(name, commands, self._deadline)
        failure = self._shell.run(f"{name}-finally", last, self._deadline) or failure
        if failure is not None:
            raise PhaseError(
                "COMMAND_EXECUTION_ERROR",
                f"Error while executing command: {failure.command}. Reason: {failure.reason}. "
                f"Its output: {self._log.last_output() or 'none'}",
            )

    def _export(self, buildspec: Buildspec) -> None:
        known = self._shell.environment
        self._change(
            exportedEnvironmentVariables=[
                {"name": name, "value": known[name]} for name in buildspec.exported if name in known
            ]
        )

    def _upload(self, buildspec: Buildspec) -> None:
        if buildspec.artifacts is None or not self._document["artifacts"].get("location"):
            return
        try:
            body = archive.pack(buildspec.artifacts, self._source)
        except archive.ArtifactError as error:
            raise PhaseError("CLIENT_ERROR", str(error)) from error
        location = self._document["artifacts"]["location"].removeprefix("arn:aws:s3:::")
        bucket, _, key = location.partition("/")
        try:
            self._client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        except ClientError as error:
            raise PhaseError("CLIENT_ERROR", f"artifact s3://{bucket}/{key}: {error}") from error
        digest = hashlib.sha256(body).hexdigest()
        self._change(artifacts=self._document["artifacts"] | {"sha256sum": digest})

    def _client(self, service: str) -> Any:
        role = self._document["serviceRole"]
        return self._context.client_as_role(service, role, self._region, acting_as="codebuild")

    def _change(self, **members: object) -> None:
        self._records.change(self._key, lambda build: build.update(members))

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        self._records.change(self._key, lambda build: records.begin_phase(build, name))
        self._log.note(f"Entering phase {name}")
        outcome = ("FAULT", "", "")
        try:
            yield
            outcome = ("SUCCEEDED", "", "")
        except inputs.InputError as error:
            outcome = ("FAILED", error.code, str(error))
            raise PhaseError(error.code, str(error)) from error
        except PhaseError as error:
            outcome = ("FAILED", error.code, str(error))
            raise
        except TimedOutError:
            outcome = ("TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out.")
            raise
        except StoppedError:
            outcome = ("STOPPED", "", "The build was stopped.")
            if self._context.stopping.is_set():
                outcome = records.HOST_GONE
            raise
        except Exception as error:
            outcome = ("FAULT", "INTERNAL_SERVICE_ERROR", repr(error))
            raise
        finally:
            self._log.note(f"Phase complete: {name} State: {outcome[0]} {outcome[1]}".rstrip())
            self._records.change(self._key, lambda build: records.end_phase(build, *outcome))
            if not self._context.stopping.is_set():
                self._log.carry()

    def _finish(self, status: str) -> None:
        self._records.change(self._key, lambda build: records.complete(build, status))
