"""The guard of KMS, put together. What single operations uphold is in keys, ciphers and signing."""

from __future__ import annotations

from localaws.services.kms.ciphers import Ciphers
from localaws.services.kms.keys import Keys
from localaws.services.kms.signing import Signing


class KmsGuard(Keys, Ciphers, Signing):
    """Stands before the operations of KMS that moto performs too leniently."""

    service = "kms"
