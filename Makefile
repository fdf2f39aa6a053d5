# Everything a newcomer or CI runs. `make demo` and `make test` install what they need.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
SOAK := $(BIN)/pytest -v -m soak
SIMULATED := tests/testing/test_simulation.py
HARNESS := tests/integration/tcc

.PHONY: demo test check bench soak docs install clean

demo: .venv/.runtime
	$(BIN)/electric demo

test: .venv/.dev
	$(BIN)/pytest -n 2 -q

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python -m benchmarks

# What it finds goes into the tables of docs/reliability.md. The simulator takes all processors by
# itself; what must be back in time runs beside nothing else. One that was broken off has written
# soak.jsonl so far: the last command makes tables of it.
soak: export ELECTRIC_SOAK_RESULTS = $(CURDIR)/soak.jsonl
soak: .venv/.dev
	rm -f soak.jsonl
	status=0; \
	$(SOAK) $(SIMULATED) || status=1; \
	$(SOAK) -n 2 --maxschedchunk 1 --ignore $(SIMULATED) --ignore $(HARNESS) || status=1; \
	$(SOAK) -n 2 --maxschedchunk 1 $(HARNESS) || status=1; \
	$(BIN)/python -m tests.integration.tcc.report soak.jsonl docs/reliability.md || status=1; \
	exit $$status

docs: .venv/.dev
	$(BIN)/python -m tests.checks.pages
	$(BIN)/mkdocs build --strict

install: .venv/.dev

clean:
	rm -rf .venv site dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The development requirements include those of the runtime.
.venv/.runtime: .venv/bin/python requirements/runtime.txt pyproject.toml
	[ -f .venv/.dev ] || $(PIP) --require-hashes -r requirements/runtime.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

.venv/.dev: .venv/bin/python requirements/dev.txt pyproject.toml
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch .venv/.runtime $@
