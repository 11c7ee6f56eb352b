"""The model artifact: written by train, opened by everyone with suspicion. Never pickle.

`model.txt` is LightGBM's own text, `model.json` says how to feed it, `code/` is what serves it.
Loading a folder that is already open belongs to `inference`, which ships inside the artifact.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.steps.command import StepError, write_bytes, write_json
from pipelines.steps.inference import MODEL_FORMAT, Encoding, Model, model_fn

if TYPE_CHECKING:
    from pipelines.steps.config import StepConfig

ARCHIVE = "model.tar.gz"
_MEBIBYTE = 1024 * 1024
_MEMBER_LIMITS = {"model.txt": 256 * _MEBIBYTE, "model.json": 8 * _MEBIBYTE}
_ARCHIVE_LIMIT = 1024 * _MEBIBYTE
_MEMBERS_LIMIT = 1000
_HERE = Path(__file__).resolve().parent


def save_model(folder: Path, booster_text: str, encoding: Encoding, config: StepConfig) -> None:
    """Write the artifact's content: equal models give equal bytes."""
    write_bytes(folder / "model.txt", booster_text.encode())
    document: dict[str, Any] = {
        "format": MODEL_FORMAT,
        "kind": "lightgbm-binary",
        "use_case": config.use_case,
        "label": config.label,
        "decision_threshold": config.decision_threshold,
        **encoding.document(),
    }
    write_json(folder / "model.json", document)
    write_bytes(folder / "code" / "inference.py", (_HERE / "inference.py").read_bytes())
    requirements = (_HERE / "serving_requirements.txt").read_bytes()
    write_bytes(folder / "code" / "requirements.txt", requirements)


def open_model(archive: Path, folder: Path, what: str) -> Model:
    """Load a model from its `model.tar.gz`, taking only the two files it is made of.

    Args:
        archive: The artifact. It is data from elsewhere: its own `code/` is never run here.
        folder: An empty place to put the two files.
        what: Name for messages, for example "the champion".

    Raises:
        StepError: The archive is missing, damaged, too large, or is no model of ours.
    """
    try:
        found = _take_members(archive, folder, what)
    except FileNotFoundError:
        raise StepError(
            f"{what} is missing at {archive}; expected a {ARCHIVE}. "
            "Check the input's S3 address: it must be the folder that holds the artifact."
        ) from None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise StepError(f"{what} at {archive} cannot be unpacked: {error}. Train again.") from error
    if found != set(_MEMBER_LIMITS):
        raise StepError(
            f"{what} at {archive} has {sorted(found)}; expected {sorted(_MEMBER_LIMITS)}. "
            "It was not written by this pipeline's train step."
        )
    try:
        return model_fn(str(folder))
    except Exception as error:  # LightGBM raises its own error class on text it cannot parse
        raise StepError(f"{what} at {archive} cannot be loaded: {error}. Train again.") from error


def _take_members(archive: Path, folder: Path, what: str) -> set[str]:
    """Stream the archive once and copy the members that belong to a model."""
    found: set[str] = set()
    size = 0
    with tarfile.open(archive, "r|gz") as tar:
        for count, member in enumerate(tar, 1):
            name = member.name.removeprefix("./")
            size += member.size
            too_large = member.size > _MEMBER_LIMITS.get(name, _ARCHIVE_LIMIT)
            if too_large or size > _ARCHIVE_LIMIT or count > _MEMBERS_LIMIT:
                raise StepError(
                    f"{what} at {archive} is too large at member {name!r}; expected at most "
                    f"{_ARCHIVE_LIMIT} bytes in {_MEMBERS_LIMIT} files."
                )
            source = tar.extractfile(member) if member.isreg() and name in _MEMBER_LIMITS else None
            if source is not None:
                with (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                found.add(name)
    return found
