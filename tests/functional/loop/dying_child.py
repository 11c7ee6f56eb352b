"""Makes the days of a dataset and dies at a chosen step, as a killed run does: no cleaning up.

Arguments: endpoint, folder of the use case, dataset, step. Run by its path. A step is the first
word of a statement, after whose success the process ends, or ``publish``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from assets.dataset_inputs import Inputs  # noqa: E402
from assets.dataset_partitions import make_days  # noqa: E402
from assets.windows import dataset_days, landed_through  # noqa: E402
from orchestration.environments import load_environment  # noqa: E402
from usecases.declaration import load_use_case  # noqa: E402

KILLED = 9


class Dying:
    """A door that ends the process once a method was done."""

    def __init__(self, door: Any, method: str, step: str) -> None:
        self._door, self._method, self._step = door, method, step

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._door, name)
        return self._then_die(real) if name == self._method else real

    def _then_die(self, real: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            answer = real(*args, **options)
            if self._step == "publish" or str(args[0]).split()[0] == self._step:
                os._exit(KILLED)
            return answer

        return call


def main(endpoint: str, folder: str, name: str, step: str) -> None:
    environment = load_environment("local").model_copy(update={"endpoint_url": endpoint})
    platform, use_case = environment.doors(), load_use_case(Path(folder))
    door, method = ("iceberg", "publish") if step == "publish" else ("athena", "run")
    platform.__dict__[door] = Dying(getattr(platform, door), method, step)
    dataset, as_of = use_case.dataset(name), landed_through(platform, use_case)
    make_days(
        platform,
        use_case,
        dataset,
        Inputs(platform, use_case, dataset),
        days=dataset_days(use_case, as_of),
        as_of=as_of,
        salt="a run that dies",
    )


main(*sys.argv[1:])
