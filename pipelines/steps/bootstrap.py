"""The container's entry: `python3 bootstrap.py <step> [options]`.

Makes the bundle importable, installs its requirements where the image lacks them, and hands over.
Standard library only, and nothing about any single step.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import subprocess
import sys
from pathlib import Path

STEPS = ("validate", "prepare", "train", "evaluate", "bias", "judge", "monitor")
_UNUSED = ("pandas", "sklearn", "matplotlib")
"""Libraries that pyarrow and LightGBM import if they can. No step uses them; they cost seconds."""

_NEEDED = ("numpy", "pyarrow", "pydantic", "lightgbm")


class _Hidden(importlib.abc.MetaPathFinder):
    """Makes the unused libraries look as if they were not installed."""

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        """Refuse the hidden names and leave every other to the finders that follow."""
        if fullname in _UNUSED:
            raise ModuleNotFoundError(f"{fullname} is hidden from the steps", name=fullname)


def bundle_root() -> Path:
    """Give the folder that holds this bundle's `pipelines` and `decisions`."""
    return Path(__file__).resolve().parent


def install_missing(root: Path) -> None:
    """Install the bundle's requirements if any import would fail.

    Raises:
        SystemExit: pip failed; its output is in the log.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        return
    print(f"bootstrap: installing requirements, the image lacks {', '.join(missing)}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "-r", str(root / "requirements.txt")], check=False)
    if done.returncode:
        raise SystemExit(
            f"bootstrap: pip could not install {root / 'requirements.txt'} (status "
            f"{done.returncode}). Give the job a network route to a package index, or an image "
            "that has these packages."
        )


def run_step(step: str, argv: list[str]) -> int:
    """Run one step of the bundle and give its exit status."""
    root = bundle_root()
    sys.path.insert(0, str(root))
    install_missing(root)
    sys.meta_path.insert(0, _Hidden())
    module = importlib.import_module(f"pipelines.steps.{step}")
    status: int = module.main(argv)
    return status


def main() -> int:
    """Read the step's name and run it."""
    if len(sys.argv) < 2 or sys.argv[1] not in STEPS:  # noqa: PLR2004 - program and step
        print(f"usage: bootstrap.py {{{','.join(STEPS)}}} [options]", file=sys.stderr)
        return 2
    return run_step(sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
