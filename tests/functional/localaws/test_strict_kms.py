"""KMS as AWS documents it: states of keys, what a key is for, and signatures others can verify."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from tests.functional.localaws.core_world import running
from tests.functional.localaws.strict_world import refused

MESSAGE = b"the manifest of a model"


@pytest.fixture(scope="module")
def kms(aws):
    return aws.client("kms")


def _key(kms, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT"):
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


@pytest.fixture(scope="module")
def symmetric(kms):
    return _key(kms)


@pytest.fixture(scope="module")
def rsa(kms):
    return _key(kms, "RSA_2048", "SIGN_VERIFY")


@pytest.fixture(scope="module")
def mac(kms):
    return _key(kms, "HMAC_256", "GENERATE_VERIFY_MAC")


def _public(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


def _uses(kms, key, mac, rsa):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    tag = kms.generate_mac(KeyId=mac, Message=b"x", MacAlgorithm="HMAC_SHA_256")["Mac"]
    signing = {"KeyId": rsa, "Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    signature = kms.sign(**signing)["Signature"]
    other = _key(kms)
    return [
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
        lambda: kms.generate_mac(KeyId=mac, Message=b"x", MacAlgorithm="HMAC_SHA_256"),
        lambda: kms.verify_mac(KeyId=mac, Message=b"x", MacAlgorithm="HMAC_SHA_256", Mac=tag),
        lambda: kms.sign(**signing),
        lambda: kms.verify(**signing, Signature=signature),
        lambda: kms.get_public_key(KeyId=rsa),
    ]


def test_a_key_that_is_not_enabled_is_good_for_nothing(kms):
    keys = [
        _key(kms),
        _key(kms, "HMAC_256", "GENERATE_VERIFY_MAC"),
        _key(kms, "RSA_2048", "SIGN_VERIFY"),
    ]
    uses = _uses(kms, *keys)
    for use in uses:
        use()
    for key in keys:
        kms.disable_key(KeyId=key)
    for use in uses:
        with refused("DisabledException", 400):
            use()
    for key in keys:
        kms.enable_key(KeyId=key)
    uses[0]()
    for key in keys:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for use in uses:
        with refused("KMSInvalidStateException", 400):
            use()


def test_the_way_to_deletion_and_back(kms):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    for days in (6, 31):
        with refused("ValidationException", 400):
            kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=days)
    with refused("KMSInvalidStateException", 400):
        kms.cancel_key_deletion(KeyId=arn)
    scheduled = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert (scheduled["KeyId"], scheduled["KeyState"]) == (arn, "PendingDeletion")
    for change in (
        kms.enable_key,
        kms.disable_key,
        kms.schedule_key_deletion,
        kms.enable_key_rotation,
    ):
        with refused("KMSInvalidStateException", 400):
            change(KeyId=arn)
    with refused("KMSInvalidStateException", 400):
        kms.create_alias(AliasName="alias/strict-pending", TargetKeyId=arn)
    assert kms.cancel_key_deletion(KeyId=arn)["KeyId"] == arn
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"
    with refused("DisabledException", 400):
        kms.enable_key_rotation(KeyId=arn)
    kms.enable_key(KeyId=arn)
    kms.enable_key_rotation(KeyId=arn)


def test_a_key_is_for_one_thing(kms, symmetric, rsa, mac):
    signing = {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    for use in (
        lambda: kms.sign(KeyId=symmetric, **signing),
        lambda: kms.encrypt(KeyId=rsa, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_1"),
        lambda: kms.encrypt(KeyId=mac, Plaintext=b"x"),
        lambda: kms.generate_data_key(KeyId=rsa, KeySpec="AES_256"),
        lambda: kms.generate_mac(KeyId=symmetric, Message=b"x", MacAlgorithm="HMAC_SHA_256"),
        lambda: kms.generate_mac(KeyId=mac, Message=b"x", MacAlgorithm="HMAC_SHA_512"),
        lambda: kms.sign(KeyId=rsa, Message=b"x", SigningAlgorithm="ECDSA_SHA_256"),
        lambda: kms.encrypt(
            KeyId=symmetric, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256"
        ),
    ):
        with refused("InvalidKeyUsageException", 400):
            use()
    with refused("UnsupportedOperationException", 400):
        kms.get_public_key(KeyId=symmetric)
    with refused("UnsupportedOperationException", 400):
        kms.enable_key_rotation(KeyId=mac)


def test_a_key_s_usage_fits_its_material(kms):
    assert kms.create_key()["KeyMetadata"]["KeyUsage"] == "ENCRYPT_DECRYPT"
    for spec, usage in (
        ("SYMMETRIC_DEFAULT", "SIGN_VERIFY"),
        ("HMAC_256", "ENCRYPT_DECRYPT"),
        ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
    ):
        with refused("ValidationException", 400):
            _key(kms, spec, usage)
    with refused("ValidationException", 400):
        kms.create_key(KeySpec="RSA_2048")
    for arguments in ({"MultiRegion": True}, {"Origin": "EXTERNAL"}):
        with refused("NotImplementedException", 501):
            kms.create_key(**arguments)
    with refused("MalformedPolicyDocumentException", 400):
        kms.create_key(Policy="{")


def test_the_encryption_context_is_part_of_the_ciphertext(kms, symmetric):
    context = {"use": "case", "and": "more"}
    blob = kms.encrypt(KeyId=symmetric, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    plain = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
    assert plain["Plaintext"] == b"x"
    # The last pair spells the same bytes as the first, one after the other.
    for other in ({}, {"use": "case"}, {"and": "more", "usecase": ""}, {"and": "moreuse", "c": ""}):
        with refused("InvalidCiphertextException", 400):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)
    with refused("InvalidCiphertextException", 400):
        kms.decrypt(CiphertextBlob=blob[:-1] + b"?", EncryptionContext=context)


def test_a_ciphertext_belongs_to_its_key(kms, symmetric):
    blob = kms.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    other = _key(kms)
    with refused("IncorrectKeyException", 400):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)
    with refused("IncorrectKeyException", 400):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=other, DestinationKeyId=symmetric)
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved, KeyId=other)["Plaintext"] == b"x"


@pytest.mark.parametrize("bits", [256, 384, 512])
@pytest.mark.parametrize("message_type", ["RAW", "DIGEST"])
def test_rsa_signatures_are_those_of_the_standard(kms, rsa, bits, message_type):
    hashing = getattr(hashes, f"SHA{bits}")()
    digest = hashlib.new(f"sha{bits}", MESSAGE).digest()
    sent = digest if message_type == "DIGEST" else MESSAGE
    public = _public(kms, rsa)
    # AWS: "along with a 256-bit salt" and so on: as long as the digest, nothing else verifies.
    pss = padding.PSS(padding.MGF1(hashing), salt_length=bits // 8)
    for name, scheme in (("PSS", pss), ("PKCS1_V1_5", padding.PKCS1v15())):
        signing = {"KeyId": rsa, "SigningAlgorithm": f"RSASSA_{name}_SHA_{bits}"}
        signature = kms.sign(**signing, Message=sent, MessageType=message_type)["Signature"]
        public.verify(signature, MESSAGE, scheme, hashing)
        with pytest.raises(InvalidSignature):
            public.verify(signature, b"another", scheme, hashing)
        assert kms.verify(**signing, Message=MESSAGE, Signature=signature)["SignatureValid"]
        with refused("KMSInvalidSignatureException", 400):
            kms.verify(**signing, Message=b"another", Signature=signature)


@pytest.mark.parametrize(
    ("spec", "bits"),
    [
        ("ECC_NIST_P256", 256),
        ("ECC_NIST_P384", 384),
        ("ECC_NIST_P521", 512),
        ("ECC_SECG_P256K1", 256),
    ],
)
def test_ecdsa_signatures_of_digests_verify_elsewhere(kms, spec, bits):
    key = _key(kms, spec, "SIGN_VERIFY")
    signing = {"KeyId": key, "SigningAlgorithm": f"ECDSA_SHA_{bits}"}
    digest = hashlib.new(f"sha{bits}", MESSAGE).digest()
    signature = kms.sign(**signing, Message=digest, MessageType="DIGEST")["Signature"]
    prehashed = ec.ECDSA(utils.Prehashed(getattr(hashes, f"SHA{bits}")()))
    _public(kms, key).verify(signature, digest, prehashed)
    assert kms.verify(**signing, Message=MESSAGE, Signature=signature)["SignatureValid"]
    with refused("ValidationException", 400):
        kms.sign(**signing, Message=digest[:-1], MessageType="DIGEST")


def test_anyone_can_encrypt_for_an_rsa_key(kms):
    key = _key(kms, "RSA_2048")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    outside = _public(kms, key).encrypt(b"secret", oaep)
    inside = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    for blob in (outside, inside["CiphertextBlob"]):
        opened = kms.decrypt(
            KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256"
        )
        assert opened["Plaintext"] == b"secret"
    with refused("InvalidCiphertextException", 400):
        kms.decrypt(KeyId=key, CiphertextBlob=outside, EncryptionAlgorithm="RSAES_OAEP_SHA_1")


def test_aliases(kms, symmetric):
    for name in ("alias/strict", "alias/strict/deeper"):
        kms.create_alias(AliasName=name, TargetKeyId=symmetric)
    with refused("AlreadyExistsException", 400):
        kms.create_alias(AliasName="alias/strict", TargetKeyId=symmetric)
    with refused("NotAuthorizedException", 400):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=symmetric)
    with refused("ValidationException", 400):
        kms.create_alias(AliasName="no-prefix", TargetKeyId=symmetric)
    with refused("NotFoundException", 400):
        kms.update_alias(AliasName="alias/absent", TargetKeyId=symmetric)
    assert kms.encrypt(KeyId="alias/strict", Plaintext=b"x")["KeyId"].endswith(symmetric)


def test_a_dry_run_does_nothing(kms, symmetric):
    with refused("DryRunOperationException"):
        kms.encrypt(KeyId=symmetric, Plaintext=b"x", DryRun=True)


def test_a_signing_key_outlives_the_server(tmp_path):
    with running(tmp_path / "state") as server:
        kms = server.client("kms")
        key = _key(kms, "ECC_NIST_P256", "SIGN_VERIFY")
        public = kms.get_public_key(KeyId=key)["PublicKey"]
        server.stop()
    with running(tmp_path / "state") as server:
        assert server.client("kms").get_public_key(KeyId=key)["PublicKey"] == public
