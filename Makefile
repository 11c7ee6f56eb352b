# One command for each thing. Everything is installed into .venv from hash-locked requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_PROCESSES ?= 2
PEERS := .venv-peers
PEERS_STAMP := $(PEERS)/.installed
PEERS_DRIFT := .venv-peers-drift
PEERS_DRIFT_STAMP := $(PEERS_DRIFT)/.installed

# Bytecode is kept: every process of the loop would compile the same libraries anew otherwise.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo ui up down test test-fast coverage check format lock clean-state bench bench-peers bench-peers-drift lock-peers

help:
	@echo "make demo         the whole loop on this machine (installs first)"
	@echo "make ui           the Dagster UI on the demo's state"
	@echo "make test         unit, functional and e2e tests"
	@echo "make check        ruff, mypy, import-linter"
	@echo "make up | down    start | stop the embedded AWS and the Dagster daemon"
	@echo "make clean-state  forget everything the demo stored (.perennial)"
	@echo "make bench-peers  the venv of the benchmarks' rivals (.venv-peers); bench-peers-drift: another"
	@echo "make lock         resolve requirements.txt anew from pyproject.toml"

install: $(STAMP)

# The lock is installed as it is, hashes checked; the project itself is then put on the path.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; ok = (3, 11) <= v < (3, 14); \
	  sys.exit(0 if ok else f"Python 3.11 to 3.13 is needed, {sys.executable} is {v[0]}.{v[1]}: run make PYTHON=/path/to/python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: install
	$(BIN)/perennial demo

ui: install
	$(BIN)/perennial ui

up: install
	$(BIN)/perennial up

down: install
	$(BIN)/perennial down

# In groups of files, see tests/conftest.py.
test: install
	$(BIN)/python -m pytest tests --numprocesses $(TEST_PROCESSES)

test-fast: install
	$(BIN)/python -m pytest tests/unit

coverage: install
	$(BIN)/python -m localaws.coverage

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install bench-peers bench-peers-drift
	$(BIN)/python -m benchmarks loop --repeat 5 --write
	$(BIN)/python -m benchmarks localaws --repeat 5 --write
	$(BIN)/python -m benchmarks data --repeat 5 --write
	$(BIN)/python -m benchmarks drift --repeat 5 --write
	$(BIN)/python -m benchmarks kills --kills 100 --write

# Rivals live in a venv of their own: what they need is not what we need.
bench-peers: $(PEERS_STAMP)

$(PEERS_STAMP): benchmarks/peers.txt
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r benchmarks/peers.txt
	@touch $(PEERS_STAMP)

bench-peers-drift: $(PEERS_DRIFT_STAMP)

$(PEERS_DRIFT_STAMP): benchmarks/peers-drift.txt
	@test -x $(PEERS_DRIFT)/bin/python || $(PYTHON) -m venv $(PEERS_DRIFT)
	$(PEERS_DRIFT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r benchmarks/peers-drift.txt
	@touch $(PEERS_DRIFT_STAMP)

# Needs uv.
lock-peers:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock-peers" benchmarks/peers.in -o benchmarks/peers.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock-peers" benchmarks/peers-drift.in -o benchmarks/peers-drift.txt

# Needs uv. Hashes of every artifact, for every supported Python; names no index host.
lock:
	uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" pyproject.toml requirements.in -o requirements.txt

clean-state:
	@test ! -x $(BIN)/perennial || $(BIN)/perennial down
	rm -rf .perennial
