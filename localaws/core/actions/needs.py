"""What a table is made of: a request as tables see it, and the permissions it needs.

Nothing about a single service belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from localaws.core.policy.context import Value

Values = Mapping[str, "Value | Callable[[], Value | None]"]


class Lookups(Protocol):
    """What tables must ask other services to name a resource."""

    def key_arn(self, account_id: str, region: str, key_id: str) -> str:
        """Return the ARN of a KMS key by any of its names; the name's own ARN if there is none."""

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        """Return the names of a KMS key's aliases."""

    def secret_arn(self, account_id: str, region: str, secret_id: str) -> str:
        """Return the ARN of a secret by name; one made of the name if there is none."""

    def role_arn(self, account_id: str, name: str) -> str:
        """Return the ARN of a role by name, path included; one without path if there is none."""

    def query_workgroup(self, account_id: str, region: str, query_id: str) -> str:
        """Return the workgroup of an Athena query; ``*`` if there is no such query."""

    def bucket_key(self, bucket: str) -> str:
        """Return the KMS key that a bucket's new objects are encrypted with, or nothing."""

    def object_key(self, bucket: str, key: str, version: str) -> str:
        """Return the KMS key that an object is encrypted with, or nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: who performs what, where, with which parameters.

    Attributes:
        service: botocore's name.
        account_id: The caller's account.
    """

    service: str
    operation: str
    account_id: str
    region: str
    parameters: Mapping[str, Any]
    look: Lookups

    def arn(self, service: str, rest: str) -> str:
        """Return the ARN of something in the caller's account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{rest}"


@dataclass(frozen=True, slots=True)
class Need:
    """A permission.

    Attributes:
        action: ``s3:GetObject``.
        resource: An ARN; ``*`` where AWS knows no resource for the action.
        values: Condition keys of this action and their values.
        absent: Condition keys that the action may have and this request has not.
        makes: The request makes the resource: it is the caller's own, whoever has that name now.
    """

    action: str
    resource: str = "*"
    values: Values = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    makes: bool = False


Rule = Callable[[Asked], Iterable[Need]]
Table = dict[str, Rule]


def anywhere(action: str) -> Rule:
    """Need an action for which AWS knows no resource."""
    return lambda _: [Need(action)]


def nothing(_: Asked) -> list[Need]:
    """Need nothing: everybody may."""
    return []


def on(service: str, template: str, **defaults: str) -> Rule:
    """Need the operation's own action on the resource that its parameters name.

    The template is the ARN's last part, for example ``workgroup/{WorkGroup}``; the defaults are
    values of parameters that may be left out.
    """

    def rule(asked: Asked) -> list[Need]:
        rest = template.format_map(_Parameters(defaults, asked.parameters))
        return [Need(f"{service}:{asked.operation}", asked.arn(service, rest))]

    return rule


def on_arn(service: str, member: str) -> Rule:
    """Need the operation's own action on the ARN that a parameter holds."""
    return lambda asked: [
        Need(f"{service}:{asked.operation}", str(asked.parameters.get(member) or "*"))
    ]


def for_all(names: str, rule: Rule) -> Table:
    """Return the same rule for several operations, separated by blanks."""
    return dict.fromkeys(names.split(), rule)


class _Parameters(dict[str, Any]):
    def __init__(self, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        super().__init__({**defaults, **{k: v for k, v in given.items() if v not in (None, "")}})

    def __missing__(self, key: str) -> str:
        # Only a policy for all such resources fits what the request does not name.
        return "*"
