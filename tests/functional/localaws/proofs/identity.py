"""Proofs of IAM, KMS, Secrets Manager and SSM's parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.functional.localaws.proofs.prover import Prover

ACCOUNT = "777777777777"


def _policy(sid: str, **more: Any) -> str:
    statement = {"Sid": sid, "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Sid": "proof", "Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}]})  # fmt: skip


def prove_iam(do: Prover) -> None:
    policy = _managed_policies(do)
    _roles(do, policy)
    _users_and_groups(do, policy)
    do("GetAccountAuthorizationDetails", shows="proof-role")
    do("DeletePolicy", PolicyArn=policy)
    do("DeleteRole", RoleName="proof-role")


def _managed_policies(do: Prover) -> str:
    arn = do("CreatePolicy", PolicyName="proof-policy", PolicyDocument=_policy("first"))["Policy"][
        "Arn"
    ]
    do("GetPolicy", PolicyArn=arn, shows="proof-policy")
    do("ListPolicies", Scope="Local", shows="proof-policy")
    do("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=_policy("proofsecond"))
    do("GetPolicyVersion", PolicyArn=arn, VersionId="v2", shows="proofsecond")
    do("ListPolicyVersions", PolicyArn=arn, shows="v2")
    do("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    do("DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    do("TagPolicy", PolicyArn=arn, Tags=[{"Key": "k", "Value": "tagged-proof"}])
    do("ListPolicyTags", PolicyArn=arn, shows="tagged-proof")
    do("UntagPolicy", PolicyArn=arn, TagKeys=["k"])
    return arn


def _roles(do: Prover, policy: str) -> None:
    role = {"RoleName": "proof-role"}
    do("CreateRole", **role, AssumeRolePolicyDocument=_TRUST)
    do("GetRole", **role, shows="proof-role")
    do("ListRoles", shows="proof-role")
    do("UpdateAssumeRolePolicy", **role, PolicyDocument=_TRUST.replace("proof", "renewed"))
    do("UpdateRole", **role, MaxSessionDuration=7200)
    do("UpdateRoleDescription", **role, Description="proved")
    do("TagRole", **role, Tags=[{"Key": "k", "Value": "tagged-proof"}])
    do("ListRoleTags", **role, shows="tagged-proof")
    do("UntagRole", **role, TagKeys=["k"])
    do("PutRolePolicy", **role, PolicyName="inline-proof", PolicyDocument=_policy("inline"))
    do("GetRolePolicy", **role, PolicyName="inline-proof", shows="inline-proof")
    do("ListRolePolicies", **role, shows="inline-proof")
    do("DeleteRolePolicy", **role, PolicyName="inline-proof")
    do("AttachRolePolicy", **role, PolicyArn=policy)
    do("ListAttachedRolePolicies", **role, shows="proof-policy")
    do("ListEntitiesForPolicy", PolicyArn=policy, shows="proof-role")
    do("DetachRolePolicy", **role, PolicyArn=policy)
    _instance_profiles(do, role)
    do("PutRolePermissionsBoundary", **role, PermissionsBoundary=policy)
    do("DeleteRolePermissionsBoundary", **role)


def _instance_profiles(do: Prover, role: dict[str, str]) -> None:
    profile = {"InstanceProfileName": "proof-profile"}
    do("CreateInstanceProfile", **profile)
    do("AddRoleToInstanceProfile", **profile, **role)
    do("GetInstanceProfile", **profile, shows="proof-role")
    do("ListInstanceProfiles", shows="proof-profile")
    do("ListInstanceProfilesForRole", **role, shows="proof-profile")
    do("RemoveRoleFromInstanceProfile", **profile, **role)
    do("DeleteInstanceProfile", **profile)


def _users_and_groups(do: Prover, policy: str) -> None:
    user, group = {"UserName": "proof-user"}, {"GroupName": "proof-group"}
    do("CreateUser", **user)
    do("GetUser", **user, shows="proof-user")
    do("ListUsers", shows="proof-user")
    do("TagUser", **user, Tags=[{"Key": "k", "Value": "tagged-proof"}])
    do("ListUserTags", **user, shows="tagged-proof")
    do("UntagUser", **user, TagKeys=["k"])
    key = {**user, "AccessKeyId": do("CreateAccessKey", **user)["AccessKey"]["AccessKeyId"]}
    do("ListAccessKeys", **user, shows=key["AccessKeyId"])
    do("UpdateAccessKey", **key, Status="Inactive")
    do("DeleteAccessKey", **key)
    do("CreateGroup", **group)
    do("ListGroups", shows="proof-group")
    do("AddUserToGroup", **user, **group)
    do("GetGroup", **group, shows="proof-user")
    do("ListGroupsForUser", **user, shows="proof-group")
    do("RemoveUserFromGroup", **user, **group)
    for kind, one in (("User", user), ("Group", group)):
        inline = {**one, "PolicyName": "inline-proof"}
        do(f"Put{kind}Policy", **inline, PolicyDocument=_policy("inline"))
        do(f"Get{kind}Policy", **inline, shows="inline-proof")
        do(f"List{kind}Policies", **one, shows="inline-proof")
        do(f"Delete{kind}Policy", **inline)
        do(f"Attach{kind}Policy", **one, PolicyArn=policy)
        do(f"ListAttached{kind}Policies", **one, shows="proof-policy")
        do(f"Detach{kind}Policy", **one, PolicyArn=policy)
        do(f"Delete{kind}", **one)


def prove_kms(do: Prover) -> None:
    key = _keys(do)
    _cryptography(do, key)
    _grants_and_policies(do, key)
    do("DisableKey", **key)
    do("EnableKey", **key)
    do("ScheduleKeyDeletion", **key, PendingWindowInDays=7)
    do("CancelKeyDeletion", **key)


def _keys(do: Prover) -> dict[str, str]:
    made = do("CreateKey", Description="described-proof")["KeyMetadata"]["KeyId"]
    other = do("CreateKey")["KeyMetadata"]["KeyId"]
    key = {"KeyId": made}
    do("DescribeKey", **key, shows="described-proof")
    do("ListKeys", shows=made)
    do("UpdateKeyDescription", **key, Description="new")
    do("CreateAlias", AliasName="alias/proof", TargetKeyId=made)
    do("ListAliases", shows="alias/proof")
    do("UpdateAlias", AliasName="alias/proof", TargetKeyId=other)
    do("DeleteAlias", AliasName="alias/proof")
    do("TagResource", **key, Tags=[{"TagKey": "k", "TagValue": "tagged-proof"}])
    do("ListResourceTags", **key, shows="tagged-proof")
    do("UntagResource", **key, TagKeys=["k"])
    do("EnableKeyRotation", **key)
    do("GetKeyRotationStatus", **key, shows="'KeyRotationEnabled': True")
    do("DisableKeyRotation", **key)
    return key


def _cryptography(do: Prover, key: dict[str, str]) -> None:
    sealed = do(
        "Encrypt", **key, Plaintext=b"hidden", proves=lambda a: b"hidden" not in a["CiphertextBlob"]
    )
    blob = sealed["CiphertextBlob"]
    do("Decrypt", CiphertextBlob=blob, proves=lambda a: a["Plaintext"] == b"hidden")
    other = do("CreateKey")["KeyMetadata"]["KeyId"]
    moved = do("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=other,
               proves=lambda a: a["CiphertextBlob"] != blob)  # fmt: skip
    do(
        "Decrypt",
        CiphertextBlob=moved["CiphertextBlob"],
        proves=lambda a: a["Plaintext"] == b"hidden",
    )
    opened = _opens(do)
    do("GenerateDataKey", **key, KeySpec="AES_256",
       proves=lambda a: opened(a["CiphertextBlob"]) == a["Plaintext"])  # fmt: skip
    do("GenerateDataKeyWithoutPlaintext", **key, KeySpec="AES_256",
       proves=lambda a: len(opened(a["CiphertextBlob"])) == 32)  # fmt: skip
    drawn = set()
    for _ in range(2):
        do("GenerateRandom", NumberOfBytes=16, proves=lambda a: drawn.add(a["Plaintext"]) is None)
    assert len(drawn) == 2
    _signatures(do)


def _opens(do: Prover) -> Any:
    return lambda blob: do.helping("kms").decrypt(CiphertextBlob=blob)["Plaintext"]


def _signatures(do: Prover) -> None:
    signer = do("CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"][
        "KeyId"
    ]
    how = {"KeyId": signer, "Message": b"proof", "SigningAlgorithm": "ECDSA_SHA_256"}
    signed = do("Sign", **how, proves=lambda a: len(a["Signature"]) > 60)["Signature"]
    do("Verify", **how, Signature=signed, proves=lambda a: a["SignatureValid"])
    do("GetPublicKey", KeyId=signer, proves=lambda a: _verifies(a["PublicKey"], signed))
    mac = do("CreateKey", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"][
        "KeyId"
    ]
    how = {"KeyId": mac, "Message": b"proof", "MacAlgorithm": "HMAC_SHA_256"}
    code = do("GenerateMac", **how, proves=lambda a: len(a["Mac"]) == 32)["Mac"]
    do("VerifyMac", **how, Mac=code, proves=lambda a: a["MacValid"])


def _verifies(public: bytes, signature: bytes) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    load_der_public_key(public).verify(signature, b"proof", ec.ECDSA(SHA256()))
    return True


def _grants_and_policies(do: Prover, key: dict[str, str]) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/proof"
    grant = do("CreateGrant", **key, GranteePrincipal=role, Operations=["Decrypt"])["GrantId"]
    do("ListGrants", **key, shows=grant)
    do("RevokeGrant", **key, GrantId=grant)
    root = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*"}
    do("PutKeyPolicy", **key, PolicyName="default", Policy=_policy("keyproof", **root))
    do("GetKeyPolicy", **key, PolicyName="default", shows="keyproof")
    do("ListKeyPolicies", **key, shows="default")


def prove_secretsmanager(do: Prover) -> None:
    name = {"SecretId": "proof"}
    do("CreateSecret", Name="proof", SecretString="first-hidden")
    do("GetSecretValue", **name, shows="first-hidden")
    do("ListSecrets", shows="'Name': 'proof'")
    version = do("PutSecretValue", **name, SecretString="second-hidden")["VersionId"]
    do("BatchGetSecretValue", SecretIdList=["proof"], shows="second-hidden")
    do("ListSecretVersionIds", **name, shows=version)
    do("UpdateSecret", **name, Description="described-proof")
    do("DescribeSecret", **name, shows="described-proof")
    do("UpdateSecretVersionStage", **name, VersionStage="KEPT", MoveToVersionId=version)
    do("TagResource", **name, Tags=[{"Key": "k", "Value": "v"}])
    do("UntagResource", **name, TagKeys=["k"])
    root = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "secretsmanager:*"}
    do("PutResourcePolicy", **name, ResourcePolicy=_policy("secretproof", **root))
    do("GetResourcePolicy", **name, shows="secretproof")
    do("DeleteResourcePolicy", **name)
    do("DeleteSecret", **name)
    do("RestoreSecret", **name)
    drawn = set()
    for _ in range(2):
        do("GetRandomPassword", proves=lambda a: drawn.add(a["RandomPassword"]) is None)
    assert len(drawn) == 2


def prove_ssm(do: Prover) -> None:
    name = "/proofs/one"
    do("PutParameter", Name=name, Value="first", Type="String")
    do("PutParameter", Name=name, Value="second-proof", Type="String", Overwrite=True)
    do("GetParameter", Name=name, shows="second-proof")
    do("GetParameters", Names=[name], shows="second-proof")
    do("GetParametersByPath", Path="/proofs", shows="second-proof")
    do("GetParameterHistory", Name=name, shows="second-proof")
    do("DescribeParameters", shows=name)
    do("LabelParameterVersion", Name=name, Labels=["kept"])
    resource = {"ResourceType": "Parameter", "ResourceId": name}
    do("AddTagsToResource", **resource, Tags=[{"Key": "k", "Value": "tagged-proof"}])
    do("ListTagsForResource", **resource, shows="tagged-proof")
    do("RemoveTagsFromResource", **resource, TagKeys=["k"])
    do("DeleteParameter", Name=name)
    do("PutParameter", Name=name, Value="third", Type="String")
    do("DeleteParameters", Names=[name])
