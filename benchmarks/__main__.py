"""`python -m benchmarks loop [--repeat N] [--write]`: run one measurement and print it."""

from __future__ import annotations

import argparse

from benchmarks import loop


def main() -> None:
    """Run the measurement that was named."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=["loop"], default="loop")
    parser.add_argument("--repeat", type=int, default=1, help="demos, each on a fresh state")
    parser.add_argument("--write", action="store_true", help="keep it in docs/benchmarks.md")
    found = parser.parse_args()
    loop.main(repeat=found.repeat, write=found.write)


if __name__ == "__main__":
    main()
