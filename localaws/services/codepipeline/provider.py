"""CodePipeline's operations, each a check of the request and one change of state.

What happens next to an execution belongs to ``engine``; reading and showing to ``views``. The
operations are grouped in three mixins by what they act on, to keep each readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from localaws.core.provider import Provider
from localaws.services.codepipeline.definitions import DefinitionOperations
from localaws.services.codepipeline.engine import Engine
from localaws.services.codepipeline.interventions import InterventionOperations
from localaws.services.codepipeline.runs import ExecutionOperations
from localaws.services.codepipeline.state import State

if TYPE_CHECKING:
    from localaws.core.context import ServerContext

_JOIN_SECONDS = 5.0


class CodePipelineProvider(
    DefinitionOperations, ExecutionOperations, InterventionOperations, Provider
):
    """Pipelines of type V2, executed for real."""

    service: ClassVar[str] = "codepipeline"

    def __init__(self, context: ServerContext) -> None:
        super().__init__(context)
        self.state = State(context)
        self.engine = Engine(context, self.state)

    def start(self) -> None:
        """Take up the executions in flight."""
        self.engine.resume()

    def stop(self) -> None:
        """Let the waiting threads leave; what they waited for stays in progress."""
        self.engine.join(_JOIN_SECONDS)
