"""The bundle as a container has it: its own processes, and no library it does not need."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from pipelines.templates.code_bundle import CodeBundle, build_bundle
from tests.unit.steps.world import config, rows, write_set

if TYPE_CHECKING:
    from pathlib import Path

PROBE = """
import runpy, sys
try:
    runpy.run_path({entry!r}, run_name="__main__")
finally:
    heavy = {{"pandas", "sklearn", "matplotlib", "boto3", "sagemaker"}} & set(sys.modules)
    print("heavy:", sorted(heavy))
"""


def test_a_step_runs_from_the_bundle_alone_and_lightly(tmp_path: Path) -> None:
    for path, content in build_bundle().files.items():
        target = tmp_path / "code" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    write_set(tmp_path / "set", rows())
    (tmp_path / "config.json").write_text(json.dumps(config()))
    entry = str(tmp_path / "code" / "bootstrap.py")
    places = {"training-set": "set", "config": "config.json", "output": "out", "message": "message"}
    options = [text for name, at in places.items() for text in (f"--{name}", str(tmp_path / at))]
    code = PROBE.format(entry=entry)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "validate", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "heavy: []" in done.stdout
    assert (tmp_path / "out" / "data_report.json").is_file()


def test_the_bundle_is_content_addressed_and_byte_stable() -> None:
    first, second = build_bundle(), build_bundle()
    assert (first.sha256, first.archive) == (second.sha256, second.archive)
    with tarfile.open(fileobj=io.BytesIO(first.archive)) as tar:
        assert {"train_entry.py", "bootstrap.py", "requirements.txt"} <= set(tar.getnames())
    changed = CodeBundle({**first.files, "bootstrap.py": b"other"})
    assert changed.sha256 != first.sha256
    assert list(first.objects())[-1][0].endswith("/sourcedir.tar.gz")


def test_it_holds_the_decisions_that_steps_import_and_no_other(tmp_path: Path) -> None:
    files = build_bundle().files
    needed = {"decisions/__init__.py", "decisions/reports.py", "decisions/gates/champion.py"}
    assert needed <= set(files)
    assert "decisions/retraining.py" not in files, "another governor is no reason to train"
    modules = []
    for path, content in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if path.startswith(("decisions/", "pipelines/steps/")) and path.endswith(".py"):
            name = path.removesuffix(".py").replace("/", ".")
            modules.append(name.removesuffix(".__init__"))
    code = (
        f"import sys, importlib; sys.path.insert(0, {str(tmp_path)!r}); "
        f"[importlib.import_module(name) for name in {modules!r}]; "
        f"print(sys.modules['decisions'].__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
