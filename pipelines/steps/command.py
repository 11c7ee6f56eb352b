"""How a step ends: with its report written, or with one clear error.

The frame around every step's body. No data, no model, no report's content belongs here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ML_INPUT = "/opt/ml/processing/input"
ML_OUTPUT = "/opt/ml/processing/output"
ML_MESSAGE = "/opt/ml/output/message"

_MESSAGE_CHARACTERS = 1024  # SageMaker keeps this much of an exit message or failure reason.


class StepError(Exception):
    """What was wrong, where, what was expected and how to mend it. Ends the step with status 1."""


def parser(step: str, purpose: str) -> argparse.ArgumentParser:
    """Start a step's command line with the option that every step has."""
    found = argparse.ArgumentParser(prog=step, description=purpose, allow_abbrev=False)
    found.add_argument("--message", type=Path, default=Path(ML_MESSAGE), help="error goes here too")
    return found


def run(step: str, body: Callable[[], None], message: Path) -> int:
    """Run a step's body and turn its failure into one message on stderr and in `message`.

    Returns:
        The process's exit status: 0, or 1 after any failure.
    """
    started = time.perf_counter()
    try:
        body()
    except StepError as error:
        return _fail(step, str(error), message)
    except Exception as error:  # noqa: BLE001 - the process ends here; the trace is printed, not lost
        traceback.print_exc()
        return _fail(step, f"unexpected {type(error).__name__}: {error}", message)
    print(f"{step}: done in {time.perf_counter() - started:.2f} s", flush=True)
    return 0


def _fail(step: str, reason: str, message: Path) -> int:
    text = f"{step}: {reason}"
    print(text, file=sys.stderr, flush=True)
    try:
        message.parent.mkdir(parents=True, exist_ok=True)
        message.write_text(text[:_MESSAGE_CHARACTERS], encoding="utf-8")
    except OSError as error:  # the log above still has the reason
        print(f"{step}: could not write {message}: {error}", file=sys.stderr, flush=True)
    return 1


def read_json(path: Path, what: str) -> Any:
    """Read a JSON document.

    Raises:
        StepError: The file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StepError(
            f"{what} is missing at {path}; expected a JSON file. "
            "Check the step's input of that name and the object behind it."
        ) from None
    except ValueError as error:
        raise StepError(f"{what} at {path} is not JSON: {error}. Write it again.") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
    path.chmod(0o644)


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document: sorted keys, readable, never NaN, equal bytes for equal documents."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def sha256_of(path: Path) -> str:
    """Give the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def arguments(argv: Sequence[str] | None) -> list[str]:
    """Give the arguments to parse: those passed in, else the process's own."""
    return list(sys.argv[1:] if argv is None else argv)
