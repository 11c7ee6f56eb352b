"""The guard of Secrets Manager: tokens make one version, deleted secrets are left alone.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.core import relay
from localaws.core.errors import ServiceError
from localaws.core.guard import Guard

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_CURRENT = "AWSCURRENT"
_VALUES = ("SecretString", "SecretBinary")


class SecretsManagerGuard(Guard):
    """Stands before the operations of Secrets Manager that moto performs too leniently."""

    service = "secretsmanager"

    def create_secret(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a secret, unless one of its name is about to be deleted."""
        _check_kinds(request)
        _check_alive(request["Name"], passing)
        return passing.on()

    def put_secret_value(self, call: Call, request: Document, passing: Passing) -> Response:
        """Add a version; under a token that made one already, only with the same content."""
        if not any(name in request for name in _VALUES):
            raise _invalid_parameter("You must provide either SecretString or SecretBinary.")
        return _writing(request, passing)

    def update_secret(self, call: Call, request: Document, passing: Passing) -> Response:
        """Change a secret, and its value as ``put_secret_value`` does."""
        return _writing(request, passing)

    def get_secret_value(self, call: Call, request: Document, passing: Passing) -> Response:
        """Return a version; without a name of one, that which is current now."""
        if "VersionId" in request or "VersionStage" in request:
            return passing.on()
        # moto returns what was current before UpdateSecretVersionStage.
        return relay.rewritten(passing, relay.body_of(passing) | {"VersionStage": _CURRENT}).on()

    def update_secret_version_stage(
        self, call: Call, request: Document, passing: Passing
    ) -> Response:
        """Move a staging label."""
        return _alive(request, passing)

    def tag_resource(self, call: Call, request: Document, passing: Passing) -> Response:
        """Tag a secret."""
        return _alive(request, passing)

    def untag_resource(self, call: Call, request: Document, passing: Passing) -> Response:
        """Untag a secret."""
        return _alive(request, passing)

    def put_resource_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Attach a policy."""
        return _alive(request, passing)


def _writing(request: Document, passing: Passing) -> Response:
    _check_kinds(request)
    _check_alive(request["SecretId"], passing)
    body, token = relay.body_of(passing), request.get("ClientRequestToken")
    if token is not None and any(name in body for name in _VALUES):
        asked = {"SecretId": request["SecretId"], "VersionId": token}
        stored = relay.find(passing, asked, "GetSecretValue")
        if stored and any(stored.get(name) != body.get(name) for name in _VALUES):
            raise ServiceError(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {token} because that value is already in use "
                f"for a version of secret {stored['ARN']}.",
            )
    return passing.on()


def _alive(request: Document, passing: Passing) -> Response:
    _check_alive(request["SecretId"], passing)
    return passing.on()


def _check_alive(secret: str, passing: Passing) -> None:
    found = relay.find(passing, {"SecretId": secret}, "DescribeSecret")
    if found and found.get("DeletedDate") is not None:
        raise ServiceError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )


def _check_kinds(request: Document) -> None:
    if all(name in request for name in _VALUES):
        raise _invalid_parameter("You can't specify both a binary and a string secret value.")


def _invalid_parameter(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
