"""Takes a dataset in until it is killed. Arguments: endpoint, group. Run by its path."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from feature_world import World  # noqa: E402

from orchestration.environments import load_environment  # noqa: E402

environment = load_environment("local").model_copy(update={"endpoint_url": sys.argv[1]})
World(environment.doors(), ROOT, sys.argv[2]).take_in()
