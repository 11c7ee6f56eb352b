"""KMS: keys by id, ARN or alias, and what conditions on keys may ask.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
and https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.core.actions.needs import Asked, Need, Rule, anywhere, for_all

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_KEY = """
    CancelKeyDeletion CreateGrant Decrypt DeleteImportedKeyMaterial DeriveSharedSecret DescribeKey
    DisableKey DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey
    GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext
    GenerateMac GetKeyPolicy GetKeyRotationStatus GetParametersForImport GetPublicKey
    ImportKeyMaterial ListGrants ListKeyPolicies ListKeyRotations ListResourceTags PutKeyPolicy
    ReplicateKey RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion Sign TagResource UntagResource
    UpdateKeyDescription UpdatePrimaryRegion Verify VerifyMac
"""
_EVERYWHERE = """
    CreateKey GenerateRandom ListAliases ListKeys ListRetirableGrants DescribeCustomKeyStores
"""
_BY_MEMBER = {
    "kms:SigningAlgorithm": "SigningAlgorithm",
    "kms:MessageType": "MessageType",
    "kms:EncryptionAlgorithm": "EncryptionAlgorithm",
    "kms:MacAlgorithm": "MacAlgorithm",
    "kms:DataKeyPairSpec": "KeyPairSpec",
    "kms:GranteePrincipal": "GranteePrincipal",
}
_ABSENT = (
    "kms:ViaService", "kms:RequestAlias", "kms:EncryptionContextKeys", "kms:EncryptionContext:",
    "kms:GrantIsForAWSResource", *_BY_MEMBER,
)  # fmt: skip
_CIPHERTEXT_HEAD = 36  # characters of a key's id


def key_need(
    asked: Asked, action: str, key_id: str, encryption_context: Mapping[str, str], via: str = ""
) -> Need:
    """Return the need of an action on a key, by any of its names.

    ``via`` is the service that uses the key in the caller's name.
    """
    arn = asked.look.key_arn(asked.account_id, asked.region, key_id)
    values: dict[str, Any] = {
        "kms:CallerAccount": asked.account_id,
        "kms:ResourceAliases": lambda: asked.look.key_aliases(arn),
        **{f"kms:EncryptionContext:{key}": value for key, value in encryption_context.items()},
    }
    if encryption_context:
        values["kms:EncryptionContextKeys"] = tuple(encryption_context)
    if ":alias/" in key_id or key_id.startswith("alias/"):
        values["kms:RequestAlias"] = key_id.rpartition(":")[2]
    if via:
        values["kms:ViaService"] = f"{via}.{asked.region}.amazonaws.com"
    return Need(action, arn, values, _ABSENT)


def _key(asked: Asked) -> list[Need]:
    given = asked.parameters
    key_id = given.get("KeyId") or _key_of_ciphertext(given)
    need = key_need(asked, f"kms:{asked.operation}", key_id, given.get("EncryptionContext", {}))
    own = {key: str(given[member]) for key, member in _BY_MEMBER.items() if given.get(member)}
    return [Need(need.action, need.resource, {**need.values, **own}, need.absent)]


def _key_of_ciphertext(given: Mapping[str, Any]) -> str:
    # moto writes the key's id in front of what it encrypts; a Decrypt need not repeat it.
    blob = given.get("CiphertextBlob")
    head = bytes(blob)[:_CIPHERTEXT_HEAD] if blob else b""
    return head.decode("ascii", "replace") if head else "*"


def _re_encrypt(asked: Asked) -> list[Need]:
    given = asked.parameters
    source = given.get("SourceKeyId") or _key_of_ciphertext(given)
    return [
        key_need(asked, "kms:ReEncryptFrom", source, given.get("SourceEncryptionContext", {})),
        key_need(
            asked, "kms:ReEncryptTo", given["DestinationKeyId"],
            given.get("DestinationEncryptionContext", {}),
        ),
    ]  # fmt: skip


def _alias(asked: Asked) -> list[Need]:
    alias = asked.parameters["AliasName"]
    key = asked.parameters.get("TargetKeyId") or alias
    action = f"kms:{asked.operation}"
    return [Need(action, asked.arn("kms", alias)), key_need(asked, action, key, {})]


TABLE: dict[str, Rule] = {
    **for_all(_ON_KEY, _key),
    "ReEncrypt": _re_encrypt,
    **for_all("CreateAlias UpdateAlias DeleteAlias", _alias),
    **{name: anywhere(f"kms:{name}") for name in _EVERYWHERE.split()},
}
