"""The base of every fact and verdict: frozen, closed, and free of NaN. No verdict belongs here."""

import hashlib
import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Fact(BaseModel):
    """A value that neither changes nor accepts a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def finite_or_none(value: Any) -> Any:
    """Turn NaN and infinity into None: JSON has no word for them, and a gate must see 'missing'."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


Finite = Annotated[float | None, BeforeValidator(finite_or_none)]
"""A finite number, or None where the computation had no finite answer."""


def canonical_json(document: Any) -> str:
    """Serialize so that equal documents are equal bytes: sorted keys, no blanks, no NaN.

    Raises:
        ValueError: If the document holds NaN or infinity.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(document: Any) -> str:
    """Give the sha256 of a JSON document's canonical form."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()
