"""Which steps may start now: a pure function of the definition and what has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localaws.services.sagemaker.pipelines.definition import Node

_DONE = "Succeeded"


def ready(
    nodes: Mapping[str, Node], statuses: Mapping[str, str], outcomes: Mapping[str, bool]
) -> list[Node]:
    """Return the steps that may start.

    Args:
        nodes: All steps.
        statuses: Status of every step that has started.
        outcomes: Outcome of every condition that has been judged.
    """
    left_out = _left_out(nodes, statuses, outcomes)
    return [
        node
        for node in nodes.values()
        if node.name not in statuses
        and node.name not in left_out
        and (node.parent is None or statuses.get(node.parent[0]) == _DONE)
        and all(_finished(need, nodes, statuses, left_out) for need in node.needs)
    ]


def _left_out(
    nodes: Mapping[str, Node], statuses: Mapping[str, str], outcomes: Mapping[str, bool]
) -> set[str]:
    """Return the steps that will not run: on a branch not taken, or in need of such a step."""
    left_out: set[str] = set()
    while True:
        more = {
            node.name
            for node in nodes.values()
            if node.name not in left_out
            and node.name not in statuses
            and (_not_taken(node, outcomes, left_out) or node.needs & left_out)
        }
        if not more:
            return left_out
        left_out |= more


def _not_taken(node: Node, outcomes: Mapping[str, bool], left_out: set[str]) -> bool:
    if node.parent is None:
        return False
    condition, branch = node.parent
    return condition in left_out or outcomes.get(condition, branch) != branch


def _finished(
    name: str, nodes: Mapping[str, Node], statuses: Mapping[str, str], left_out: set[str]
) -> bool:
    """Whether a step is done; a condition is when the branch it took is."""
    if statuses.get(name) != _DONE:
        return False
    return all(
        node.name in left_out or _finished(node.name, nodes, statuses, left_out)
        for node in nodes.values()
        if node.parent is not None and node.parent[0] == name
    )
