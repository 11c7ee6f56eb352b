"""Keys and aliases: what may be created, and the way from one state to another.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
Using a key belongs to ciphers and signing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localaws.core import relay
from localaws.core.errors import ServiceError, not_implemented
from localaws.core.guard import Guard
from localaws.services.kms import material, rules
from localaws.services.kms.describing import describe

if TYPE_CHECKING:
    from localaws.core.guard import Passing
    from localaws.core.http import Response
    from localaws.core.provider import Call, Document

_SHORTEST, _LONGEST = 7, 30
_PENDING = "PendingDeletion"


class Keys(Guard):
    """Guards the making of keys and aliases, and the states of keys."""

    def create_key(self, call: Call, request: Document, passing: Passing) -> Response:
        """Create a key; of an asymmetric one the private half is kept here, durably."""
        if request.get("MultiRegion") or request.get("Origin", "AWS_KMS") != "AWS_KMS":
            raise not_implemented("kms", "CreateKey with MultiRegion or an Origin of its own")
        _check_policy(request.get("Policy"))
        spec: str = (
            request.get("KeySpec") or request.get("CustomerMasterKeySpec") or rules.SYMMETRIC
        )
        usage = rules.check_creation(spec, request.get("KeyUsage"))
        made = relay.ask(passing, relay.body_of(passing) | {"KeyUsage": usage})
        if rules.is_asymmetric(spec):
            pem = material.generate(spec)
            table = self.context.store.table("kms/material")
            table.put(made["KeyMetadata"]["Arn"], {"spec": spec, "pem": pem})
        return relay.answer(made)

    def put_key_policy(self, call: Call, request: Document, passing: Passing) -> Response:
        """Set a policy that is one."""
        _check_policy(request["Policy"])
        return passing.on()

    def enable_key(self, call: Call, request: Document, passing: Passing) -> Response:
        """Enable a key that is not about to be deleted."""
        return self._unless_pending(request, passing)

    def disable_key(self, call: Call, request: Document, passing: Passing) -> Response:
        """Disable a key that is not about to be deleted."""
        return self._unless_pending(request, passing)

    def update_key_description(self, call: Call, request: Document, passing: Passing) -> Response:
        """Describe a key that is not about to be deleted."""
        return self._unless_pending(request, passing)

    def tag_resource(self, call: Call, request: Document, passing: Passing) -> Response:
        """Tag a key that is not about to be deleted."""
        return self._unless_pending(request, passing)

    def untag_resource(self, call: Call, request: Document, passing: Passing) -> Response:
        """Untag a key that is not about to be deleted."""
        return self._unless_pending(request, passing)

    def enable_key_rotation(self, call: Call, request: Document, passing: Passing) -> Response:
        """Let an enabled symmetric key be rotated."""
        return _rotating(request, passing)

    def disable_key_rotation(self, call: Call, request: Document, passing: Passing) -> Response:
        """Let an enabled symmetric key not be rotated."""
        return _rotating(request, passing)

    def schedule_key_deletion(self, call: Call, request: Document, passing: Passing) -> Response:
        """Schedule a deletion. Nothing deletes the key when its time has come: it stays pending."""
        days = request.get("PendingWindowInDays", _LONGEST)
        if not _SHORTEST <= days <= _LONGEST:
            raise rules.invalid(
                f"PendingWindowInDays must be between {_SHORTEST} and {_LONGEST}, not {days}"
            )
        key = _named(request, passing)
        if key["KeyState"] == _PENDING:
            raise rules.invalid_state(key)
        changed = {"KeyId": key["KeyId"], "PendingWindowInDays": days}
        told = relay.ask(passing, changed) | {"KeyId": key["Arn"], "KeyState": _PENDING}
        return relay.answer(told | {"PendingWindowInDays": days})

    def cancel_key_deletion(self, call: Call, request: Document, passing: Passing) -> Response:
        """Take a scheduled deletion back; the key is then disabled."""
        key = _named(request, passing)
        if key["KeyState"] != _PENDING:
            raise rules.invalid_state(key)
        relay.ask(passing, {"KeyId": key["KeyId"]})
        return relay.answer({"KeyId": key["Arn"]})

    def create_alias(self, call: Call, request: Document, passing: Passing) -> Response:
        """Name a key that is not about to be deleted."""
        return _aliasing(request, passing)

    def update_alias(self, call: Call, request: Document, passing: Passing) -> Response:
        """Let an alias name another key of the same kind."""
        before = describe(passing, request["AliasName"])
        after = describe(passing, request["TargetKeyId"])
        kinds = [(key["KeyUsage"], rules.is_asymmetric(key["KeySpec"])) for key in (before, after)]
        if kinds[0] != kinds[1]:
            raise rules.invalid("The current and new KMS key must be of the same type and usage")
        return _aliasing(request, passing)

    @staticmethod
    def _unless_pending(request: Document, passing: Passing) -> Response:
        key = _named(request, passing)
        if key["KeyState"] == _PENDING:
            raise rules.invalid_state(key)
        # moto takes some of these with an id only.
        body = relay.body_of(passing) | {"KeyId": key["KeyId"]}
        return relay.answer(relay.ask(passing, body))


def _named(request: Document, passing: Passing) -> Document:
    """Return the key a request names by id or ARN; these operations take no alias."""
    if "alias/" in request["KeyId"]:
        raise ServiceError("NotFoundException", f"Invalid keyId {request['KeyId']}")
    return describe(passing, request["KeyId"])


def _rotating(request: Document, passing: Passing) -> Response:
    key = _named(request, passing)
    rules.check_state(key)
    if key["KeySpec"] != rules.SYMMETRIC:
        raise ServiceError("UnsupportedOperationException", "Only symmetric keys are rotated.")
    return passing.on()


def _aliasing(request: Document, passing: Passing) -> Response:
    name = request["AliasName"]
    if not name.startswith("alias/"):
        raise rules.invalid('Alias must start with the prefix "alias/".')
    if name.startswith("alias/aws/"):
        raise ServiceError("NotAuthorizedException", "The prefix alias/aws/ is reserved.")
    key = describe(passing, request["TargetKeyId"])
    if key["KeyState"] == _PENDING:
        raise rules.invalid_state(key)
    return passing.on()


def _check_policy(policy: str | None) -> None:
    if policy is None:
        return
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, TypeError, KeyError) as error:
        raise ServiceError(
            "MalformedPolicyDocumentException", f"The policy is not a policy document: {error}"
        ) from error
    if not statements:
        raise ServiceError("MalformedPolicyDocumentException", "The policy has no statement")
