"""What a framework image does with a training script: the toolkit's command and SM_* variables.

The contract is that of AWS's `sagemaker-training` toolkit. Running the command belongs to
`workspace.py`; inputs and outputs belong to `training.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from localaws.core.archives import ArchiveError, extract_tar_gz
from localaws.services.sagemaker.jobs.bench import JobFailedError, Task
from localaws.services.sagemaker.jobs.environment import HOST

if TYPE_CHECKING:
    from localaws.core.provider import Document

CODE = "/opt/ml/code"
_PROGRAM = "sagemaker_program"
_ARCHIVE = "sagemaker_submit_directory"


def is_meant(hyperparameters: Document) -> bool:
    """Whether the hyperparameters name a script and where it comes from."""
    return bool(hyperparameters.get(_PROGRAM) and hyperparameters.get(_ARCHIVE))


def command(task: Task) -> list[str]:
    """Fetch the script and return the command that runs it.

    Raises:
        JobFailedError: The archive cannot be used or does not hold the script.
    """
    given = task.document.get("HyperParameters", {})
    program, source = _plain(given[_PROGRAM]), str(_plain(given[_ARCHIVE]))
    code = task.workspace.path(CODE)
    archive = task.workspace.folder / "sourcedir.tar.gz"
    task.objects.download_file(source, archive)
    try:
        extract_tar_gz(archive, code)
    except ArchiveError as error:
        raise JobFailedError(f"ClientError: {_ARCHIVE} {source}: {error}") from error
    if not (code / str(program)).is_file():
        raise JobFailedError(f"ClientError: {_PROGRAM} {program!r} is not in {source}.")
    if (code / "requirements.txt").is_file():
        _say(task, "requirements.txt is not installed here: the server's own Python runs this.")
    return ["python3", str(program), *_arguments(given)]


def variables(task: Task) -> dict[str, str]:
    """Return the SM_* variables, paths as the container would see them."""
    hyperparameters = task.document.get("HyperParameters", {})
    values = {name: _plain(value) for name, value in _user(hyperparameters).items()}
    channels = [each["ChannelName"] for each in task.document.get("InputDataConfig", [])]
    env = _places() | {
        "TRAINING_JOB_NAME": task.name.name,
        "TRAINING_JOB_ARN": task.name.arn,
        "SM_CURRENT_HOST": HOST,
        "SM_HOSTS": json.dumps([HOST]),
        "SM_NUM_CPUS": str(os.cpu_count() or 1),
        "SM_NUM_GPUS": "0",
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_HPS": json.dumps(values, sort_keys=True),
        "SM_USER_ARGS": json.dumps(_arguments(hyperparameters)),
    }
    env |= {
        f"SM_CHANNEL_{name.upper().replace('-', '_')}": f"/opt/ml/input/data/{name}"
        for name in channels
    }
    env |= {f"SM_HP_{name.upper()}": _text(value) for name, value in values.items()}
    if hyperparameters.get(_PROGRAM):
        program = str(_plain(hyperparameters[_PROGRAM]))
        env |= {"SM_USER_ENTRY_POINT": program, "SM_MODULE_NAME": PurePosixPath(program).stem}
    return env


def _places() -> dict[str, str]:
    return {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": "/opt/ml/output/intermediate",
        "SM_MODULE_DIR": CODE,
        "PYTHONPATH": CODE,
    }


def _user(hyperparameters: Document) -> Document:
    return {
        name: value
        for name, value in sorted(hyperparameters.items())
        if not name.startswith("sagemaker_")
    }


def _arguments(hyperparameters: Document) -> list[str]:
    # The toolkit writes one-letter names as -x; two dashes would be argparse's other spelling.
    arguments = []
    for name, value in _user(hyperparameters).items():
        arguments += [f"-{name}" if len(name) == 1 else f"--{name}", _text(_plain(value))]
    return arguments


def _plain(value: str) -> object:
    # The v2 SDK sends JSON-encoded values ("\"train.py\""), v3's classic form sends them bare.
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _say(task: Task, text: str) -> None:
    with task.workspace.log.open("a") as log:
        log.write(f"[embedded AWS] {text}\n")
