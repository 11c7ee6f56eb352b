"""Where the references of one execution lead to: its parameters, variables, steps and files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from localaws.services.sagemaker.objects import ObjectError, Objects
from localaws.services.sagemaker.pipelines.expressions import ExpressionError, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.provider import Document
    from localaws.services.sagemaker.pipelines.definition import Definition


class ExecutionScope:
    """The references of one step of one execution.

    Args:
        definition: The pipeline, for its property files.
        parameters: Values by name.
        variables: Execution variables but CurrentDateTime.
        describe: Returns what a step that succeeded has made.
        objects: S3 as the pipeline's account sees it.
    """

    def __init__(
        self,
        definition: Definition,
        parameters: Document,
        variables: Document,
        describe: Callable[[str], Document | None],
        objects: Objects,
    ) -> None:
        self._definition = definition
        self._parameters = parameters
        self._variables = variables
        self._describe = describe
        self._objects = objects

    def parameter(self, name: str) -> object:
        """Return a pipeline parameter's value."""
        return self._parameters[name]

    def execution(self, name: str) -> object:
        """Return an execution variable."""
        if name == "CurrentDateTime":
            return instant(datetime.now(UTC).timestamp())
        return self._variables[name]

    def properties(self, step: str) -> object:
        """Return the description of what a step made."""
        described = self._describe(step)
        if described is None:
            raise ExpressionError(f"Step {step} has not succeeded; it has no properties.")
        return described

    def property_file(self, step: str, name: str) -> bytes:
        """Return the content of a step's property file."""
        files = self._definition.nodes[step].step["PropertyFiles"]
        file = next(each for each in files if each["PropertyFileName"] == name)
        output = walk(
            self.properties(step),
            f".ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri",
            what=f"Step {step}",
        )
        return self.object(f"{str(output).rstrip('/')}/{file['FilePath']}")

    def object(self, uri: str) -> bytes:
        """Return the content of an S3 object."""
        try:
            return self._objects.read(uri)
        except ObjectError as error:
            raise ExpressionError(str(error)) from error


def instant(seconds: float) -> str:
    """Return a time as execution variables show it: ISO 8601 in UTC."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
