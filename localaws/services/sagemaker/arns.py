"""Names and ARNs of SageMaker: made, read and turned into store keys here only.

What a resource holds, and who may see it, does not belong here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localaws.core.errors import ServiceError

if TYPE_CHECKING:
    from localaws.core.provider import Call


@dataclass(frozen=True, slots=True)
class ResourceName:
    """A resource by account, region and name; what an ARN says.

    Attributes:
        kind: The ARN's resource type, for example ``model-package-group``.
        name: What follows the type, for example ``flight-delay/3``.
    """

    account_id: str
    region: str
    kind: str
    name: str

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{self.kind}/{self.name}"

    @property
    def key(self) -> str:
        """Key of the resource in its table of the store."""
        return f"{self.account_id}/{self.region}/{self.name}"


def own(call: Call, kind: str, name: str) -> ResourceName:
    """Return the caller's own resource of that name."""
    return ResourceName(call.account_id, call.region, kind, name)


def named(call: Call, kind: str, name_or_arn: str) -> ResourceName:
    """Return the resource that a request names, by plain name or by ARN.

    Raises:
        ServiceError: ValidationException, if it is an ARN of another kind or service.
    """
    if not name_or_arn.startswith("arn:"):
        return own(call, kind, name_or_arn)
    parsed = parse(name_or_arn)
    if parsed.kind != kind:
        raise ServiceError(
            "ValidationException", f"{name_or_arn} names a {parsed.kind}, not a {kind}."
        )
    return parsed


def owned(call: Call, name: ResourceName) -> ResourceName:
    """Return the name if it is one of the caller's account and region.

    Raises:
        ServiceError: AccessDeniedException, it is another account's; ValidationException, another
            region's.
    """
    if name.account_id != call.account_id:
        raise ServiceError(
            "AccessDeniedException",
            f"User: {call.principal_arn} is not authorized to perform: sagemaker:{call.operation} "
            f"on resource: {name.arn} because no resource-based policy allows the "
            f"sagemaker:{call.operation} action",
        )
    if name.region != call.region:
        raise ServiceError("ValidationException", f"{name.arn} is not of region {call.region}.")
    return name


def parse(arn: str) -> ResourceName:
    """Take a SageMaker ARN apart.

    Raises:
        ServiceError: ValidationException, if it is none.
    """
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "sagemaker" or "/" not in parts[5]:  # noqa: PLR2004 - an ARN has six parts
        raise ServiceError("ValidationException", f"{arn} is not the ARN of a SageMaker resource.")
    kind, _, name = parts[5].partition("/")
    return ResourceName(account_id=parts[4], region=parts[3], kind=kind, name=name)
