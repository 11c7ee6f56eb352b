"""The judge before whom every request comes: may its caller do what it needs?

It fetches nothing itself, knows no service's actions and writes no rule of IAM's: see lookups,
core.actions and core.policy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from localaws.core.actions import needs
from localaws.core.actions.needs import Asked, Need
from localaws.core.actions.s3 import key_use
from localaws.core.authorization.cache import Caches
from localaws.core.authorization.contexts import context_of
from localaws.core.authorization.denials import denied, untrusted
from localaws.core.authorization.identities import Identities
from localaws.core.authorization.lookups import Lookups
from localaws.core.authorization.resources import Resources
from localaws.core.policy.context import Context
from localaws.core.policy.documents import Kind, read
from localaws.core.policy.evaluation import ALLOWED, Identity, Verdict, decide
from localaws.core.policy.principals import Principal
from localaws.core.policy.public import is_public
from localaws.core.policy.statements import Ask, allowing, denying

if TYPE_CHECKING:
    from localaws.core.accounts import Caller
    from localaws.core.context import ServerContext
    from localaws.core.http import Response
    from localaws.core.policy.evaluation import Guarded
    from localaws.core.provider import Call, Document

_log = logging.getLogger(__name__)

_NOT_FOUND = 404
#: Services in which a resource is reached in its owner's account, once both sides agree.
_REACHED = frozenset({"kms", "sns", "sqs", "secretsmanager", "events"})
#: Services that see at once whether they can assume a role they are given.
_TRY_ROLES = {"sagemaker": "sagemaker.amazonaws.com"}
_OF_AN_OBJECT = frozenset({"GetObject", "HeadObject", "GetObjectAttributes", "GetObjectTagging"})


class Authorizer:
    """Judges requests.

    Args:
        context: The server.
        enforce_iam: Whether roles are held to their own policies, too. Resource policies, trust
            policies and the borders of accounts hold in any case.
    """

    def __init__(self, context: ServerContext, *, enforce_iam: bool) -> None:
        self._caches = Caches()
        self._lookups = Lookups(context, self._caches)
        self._identities = Identities(self._lookups, self._caches, enforced=enforce_iam)
        self._resources = Resources(self._lookups, self._caches)

    def check(self, call: Call, request: Document) -> str:
        """Let a request pass if its caller may do all it needs.

        Returns the account to perform it in: the caller's, or that of a resource that is shared.

        Raises:
            ServiceError: The service's own way to deny.
        """
        self._lookups.seen(call.account_id)
        owner = call.account_id
        for need in needs(self._asked(call, request)):
            guarded = self._require(call, request, need)
            owner = guarded.account_id
        if call.operation == "PutBucketPolicy":
            self._refuse_public(call, request)
        return owner if call.service in _REACHED else call.account_id

    def changed(self, service: str, operation: str) -> None:
        """Forget what an operation that was performed may have changed."""
        self._caches.changed(service, operation)

    def check_answer(self, call: Call, request: Document, response: Response) -> None:
        """Hold back what an S3 answer would tell somebody who may not know it.

        That a key does not exist is for those who may list; an encrypted object's content is for
        those who may use its key. Both show only in the answer.

        Raises:
            ServiceError: AccessDenied.
        """
        if call.service != "s3" or call.operation not in _OF_AN_OBJECT:
            return
        asked = self._asked(call, request)
        bucket, key = request["Bucket"], request["Key"]
        if response.status == _NOT_FOUND:
            self._require(call, request, _listing(bucket))
        elif call.operation == "GetObject":
            used = _header(response, "x-amz-server-side-encryption-aws-kms-key-id")
            if used:
                need = key_use(asked, "kms:Decrypt", used, f"{bucket}/{key}")
                self._require(call, request, need)

    def _asked(self, call: Call, request: Document) -> Asked:
        return Asked(
            call.service, call.operation, call.account_id, call.region, request, self._lookups
        )

    def _require(self, call: Call, request: Document, need: Need) -> Guarded:
        caller = call.caller
        guarded = self._resources.guarding(need, caller)
        identity = self._identities.of(caller)
        if identity.unrestricted and _is_free(caller, guarded):
            verdict = ALLOWED
        else:
            context = context_of(call, request, need, guarded.account_id)
            ask = Ask(principal_of(caller), need.action, need.resource, context)
            verdict = _judge(ask, identity, guarded)
            if not verdict.allowed:
                _log.info("Denied %s %s: %s", verdict.message(ask), call.request_id, verdict.source)
                raise denied(call.service, verdict.message(ask))
        if need.action == "iam:PassRole":
            self._try_role(call, need.resource)
        return guarded

    def _try_role(self, call: Call, role_arn: str) -> None:
        service = _TRY_ROLES.get(call.service)
        if service is None:
            return
        trust = self._resources.trust(role_arn)
        principal = Principal(call.account_id, service, is_service=True)
        context = Context({"aws:SourceAccount": call.account_id})
        ask = Ask(principal, "sts:AssumeRole", role_arn, context)
        if trust is None or denying(trust, ask) or not allowing(trust, ask):
            raise untrusted(role_arn, service)

    def _refuse_public(self, call: Call, request: Document) -> None:
        policy = read(request["Policy"], "", Kind.RESOURCE)
        if is_public(policy) and self._resources.blocks(request["Bucket"], "BlockPublicPolicy"):
            raise denied(
                "s3",
                f"User: {call.principal_arn} is not authorized to perform: s3:PutBucketPolicy on "
                f"resource: arn:aws:s3:::{request['Bucket']} because public policies are blocked "
                "by the BlockPublicPolicy block public access setting.",
            )


def principal_of(caller: Caller) -> Principal:
    """Return a caller as policies name them."""
    return Principal(
        caller.account_id, caller.principal_arn, caller.role_arn, is_service=caller.is_service
    )


def _is_free(caller: Caller, guarded: Guarded) -> bool:
    # Most requests: an administrator in their own account, and no policy to ask.
    own = guarded.account_id == caller.account_id
    return own and guarded.policy is None and not guarded.decides


def _judge(ask: Ask, identity: Identity, guarded: Guarded) -> Verdict:
    return decide(ask, identity, guarded)


def _listing(bucket: str) -> Need:
    absent = ("s3:prefix", "s3:delimiter", "s3:max-keys", "s3:VersionId")
    return Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", absent=absent)


def _header(response: Response, name: str) -> str:
    return next((v for k, v in response.headers.items() if k.lower() == name), "")
