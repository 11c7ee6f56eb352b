"""From request to definition in a process of its own: `python -m pipelines.templates.compile`.

The sagemaker SDK takes seconds to import, makes clients as it loads and reconfigures logging; the
orchestrator must catch none of that. Upserting the definition belongs to `resources`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.templates.request import CompileRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_SECONDS = 180.0
_NOWHERE = "http://127.0.0.1:9"  # the discard port: whatever tries to leave fails at once


class CompileError(Exception):
    """The template could not be compiled; the text ends with what the compiler said."""


def compile_definition(request: CompileRequest, *, timeout: float = _TIMEOUT_SECONDS) -> str:
    """Compile a request in a subprocess and give the definition's JSON.

    Args:
        request: What to compile.
        timeout: Seconds after which the compiler is killed.

    Raises:
        CompileError: The compiler failed or took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "request.json"), Path(folder, "definition.json")
        source.write_text(request.model_dump_json(), encoding="utf-8")
        module = "pipelines.templates.compile"
        command = [sys.executable, "-m", module, "--request", str(source), "--out", str(target)]
        try:
            done = subprocess.run(
                command,
                env=_environment(request.region, folder),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CompileError(
                f"compiling {request.pipeline_name} took over {timeout:.0f} s; "
                "the machine is overloaded, try again"
            ) from error
        if done.returncode:
            raise CompileError(f"compiling {request.pipeline_name} failed: {done.stderr[-2000:]}")
        return target.read_text(encoding="utf-8")


def _environment(region: str, home: str) -> dict[str, str]:
    """Give the compiler's whole environment: no profile, no configuration, no way out.

    The proxy is a wall. The SDK has no cheap switch for its telemetry (the documented one makes
    every lookup validate its whole schema again), and a definition needs no network at all.
    """
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CONFIG_DIRS": home,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_VALIDATE_ROLE": "false",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "NO_PROXY": "",
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Read a request, write a definition."""
    parser = argparse.ArgumentParser(prog="compile", description=__doc__, allow_abbrev=False)
    parser.add_argument("--request", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    found = parser.parse_args(argv)
    request = CompileRequest.model_validate_json(found.request.read_bytes())
    from pipelines.templates import binary

    found.out.write_text(binary.definition(request), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
