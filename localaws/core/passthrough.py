"""What moto performs for us: the allow-list, and the one way to call moto.

An operation is listed when moto really does it or faithfully stores it. Operations that moto
answers with an invented result are not, and neither is any service that has a provider here.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from localaws.core.http import call_application

if TYPE_CHECKING:
    from localaws.core.http import Request, Response

#: Every operation that moto implements is sound in these services.
_WHOLE_SERVICES = frozenset({"s3", "iam", "kms", "sns", "sqs", "logs", "events", "secretsmanager"})

#: Only these operations of these services.
_OPERATIONS = {
    "cloudwatch": frozenset(
        {"PutMetricData", "GetMetricData", "GetMetricStatistics", "ListMetrics"}
    ),
    "ssm": frozenset(
        {
            "AddTagsToResource",
            "DeleteParameter",
            "DeleteParameters",
            "DescribeParameters",
            "GetParameter",
            "GetParameterHistory",
            "GetParameters",
            "GetParametersByPath",
            "LabelParameterVersion",
            "ListTagsForResource",
            "PutParameter",
            "RemoveTagsFromResource",
        }
    ),
    "glue": frozenset(
        {
            "BatchCreatePartition",
            "BatchDeletePartition",
            "BatchDeleteTable",
            "BatchGetPartition",
            "BatchUpdatePartition",
            "CreateDatabase",
            "CreatePartition",
            "CreatePartitionIndex",
            "CreateTable",
            "DeleteDatabase",
            "DeletePartition",
            "DeleteTable",
            "DeleteTableVersion",
            "GetDatabase",
            "GetDatabases",
            "GetPartition",
            "GetPartitionIndexes",
            "GetPartitions",
            "GetTable",
            "GetTableVersion",
            "GetTableVersions",
            "GetTables",
            "GetTags",
            "TagResource",
            "UntagResource",
            "UpdateDatabase",
            "UpdatePartition",
            "UpdateTable",
        }
    ),
}

_ACCOUNT_HEADER = "x-moto-account-id"
#: moto's in-memory size of an object before it goes to a temporary file.
_BUFFER_BYTES = str(4 * 1024 * 1024)


def is_allowed(service: str, operation: str) -> bool:
    """Tell whether moto may answer this operation."""
    return service in _WHOLE_SERVICES or operation in _OPERATIONS.get(service, ())


class Moto:
    """moto's services, one call at a time.

    Attributes:
        lock: Held during each call and by whoever else looks into moto's state; moto's own state
            is not safe to change from two threads, and a snapshot must see whole changes.
        changes: Counts calls that may have changed something; guarded by ``lock``.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changes = 0
        self._applications: dict[str, Any] = {}
        os.environ.pop("MOTO_ACCOUNT_ID", None)
        # No page of a browser has any business with this server.
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", _BUFFER_BYTES)

    def call(self, service: str, request: Request, account_id: str) -> Response:
        """Perform a request in an account.

        Raises:
            NotImplementedError: moto has no such operation.
        """
        with self.lock:
            if request.method not in {"GET", "HEAD"}:
                self.changes += 1
            return call_application(
                self._application(service), request, {_ACCOUNT_HEADER: account_id}
            )

    def _application(self, service: str) -> Any:
        if service not in self._applications:
            from moto.moto_server.werkzeug_app import create_backend_app

            self._applications[service] = create_backend_app(service)
        return self._applications[service]
