"""Batches of which some entries fail: withheld from the service, reported as it would report them.

Only operations in the json protocol that report failures entry by entry.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.core.http import Request, Response

    Document = dict[str, Any]

_MESSAGE = "ordered by the fault plan"


@dataclass(frozen=True, slots=True)
class _Batch:
    entries: str
    report: Callable[[Document, list[tuple[int, Document]]], None]


def partial_operations(service: str, operation: str) -> list[tuple[str, str]]:
    """Return the (service, operation) pairs among those that globs mean."""
    return [
        pair
        for pair in _BATCHES
        if fnmatch.fnmatchcase(pair[0], service) and fnmatch.fnmatchcase(pair[1], operation)
    ]


def perform_partly(
    pair: tuple[str, str],
    request: Request,
    parameters: Document,
    chance: Callable[[int], float],
    fraction: float,
    perform: Callable[[Document, Request], Response],
) -> tuple[Response, int]:
    """Perform a batch without some of its entries.

    Args:
        pair: Service and operation.
        request: As it came.
        parameters: Of the call.
        chance: A number below 1 for each entry; those with the lowest fail.
        fraction: Share of entries to fail; at least one does.
        perform: Performs a call.

    Returns:
        The answer, and how many entries failed.
    """
    batch = _BATCHES[pair]
    entries = list(enumerate(parameters[batch.entries]))
    most = max(1, math.floor(fraction * len(entries)))
    chosen = {number for number, _ in sorted(entries, key=lambda each: chance(each[0]))[:most]}
    kept = {**parameters, batch.entries: [e for n, e in entries if n not in chosen]}
    sent = json.loads(request.body)
    sent[batch.entries] = [e for n, e in enumerate(sent[batch.entries]) if n not in chosen]
    body = json.dumps(sent).encode()
    headers = request.headers | {"content-length": str(len(body))}
    # An empty batch would be refused: what is wholly withheld is not asked for.
    answer = perform(kept, dataclasses.replace(request, body=body, headers=headers))
    if answer.status == 200:  # noqa: PLR2004 - HTTP's own number
        document = json.loads(answer.body or b"{}")
        batch.report(document, [(n, e) for n, e in entries if n in chosen])
        answer.body = json.dumps(document).encode()
    return answer, len(chosen)


def _report_events(answer: Document, failed: list[tuple[int, Document]]) -> None:
    answer["FailedEntryCount"] = answer.get("FailedEntryCount", 0) + len(failed)
    for number, _ in failed:
        entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": _MESSAGE}
        answer.setdefault("Entries", []).insert(number, entry)


def _report_messages(answer: Document, failed: list[tuple[int, Document]]) -> None:
    answer.setdefault("Failed", []).extend(
        {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError", "Message": _MESSAGE}
        for _, entry in failed
    )


def _report_partitions(answer: Document, failed: list[tuple[int, Document]]) -> None:
    detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": _MESSAGE}
    answer.setdefault("Errors", []).extend(
        {"PartitionValues": entry.get("Values", []), "ErrorDetail": detail} for _, entry in failed
    )


_BATCHES = {
    ("events", "PutEvents"): _Batch("Entries", _report_events),
    ("sqs", "SendMessageBatch"): _Batch("Entries", _report_messages),
    ("glue", "BatchCreatePartition"): _Batch("PartitionInputList", _report_partitions),
}
