# Two commands on a fresh machine: `make demo` and `make test`. `make help` lists the others.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first Python of at least 3.11; `make setup PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
READY := .venv/.ready
SOURCES := src tests scripts benchmarks workflow/scripts
SNAKEFILES := Snakefile workflow/Snakefile workflow/Benchmark workflow/rules
# Test processes, at most four: each may hold a few hundred megabytes of images.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$(( n < 4 ? n : 4 )))

.PHONY: help setup demo test test-all test-slurm lint format bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## create .venv from the lock (once)

$(READY): envs/requirements-cpu.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "newlesions needs Python 3.11 or newer; none was found (set PYTHON=...)" >&2; exit 2; }
	@echo "Setting up .venv (a few minutes, once) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(head -n 1 envs/requirements-cpu.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/requirements-cpu.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## simulate a small cohort in demo/ and run the whole workflow on it
	$(BIN)/newlesions demo

test: setup ## the fast tests
	$(BIN)/python -m pytest -m "not slow and not slurm" -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-all: setup ## every test but those on a cluster, with coverage
	$(BIN)/python -m pytest -m "not slurm" -n $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term

test-slurm: setup ## the workflow on a SLURM that is started on this machine (root; installs Debian's packages)
	trap '$(BIN)/python scripts/local_slurm.py stop' EXIT; $(BIN)/python scripts/local_slurm.py start; \
		$(BIN)/python -m pytest -m slurm -n 4 --dist load tests/slurm

lint: setup ## ruff, snakefmt, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check $(SNAKEFILES)
	$(BIN)/mypy

format: setup ## format Python and Snakemake files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt $(SNAKEFILES)

bench: setup ## what a pair costs, what the orchestration adds, and what our own shortcuts gain
	$(BIN)/python benchmarks/preprocess.py
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/consensus.py
	$(BIN)/python benchmarks/cohort_page.py
	$(BIN)/python benchmarks/network.py
	$(BIN)/python benchmarks/planning.py
	$(BIN)/python benchmarks/orchestration.py
	$(BIN)/python benchmarks/report.py

lock: setup ## write envs/requirements-cpu.txt from the current .venv
	$(BIN)/python scripts/lock.py

clean: ## remove what was built, not .venv
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov .snakemake
	find src tests scripts benchmarks workflow -name __pycache__ -type d -prune -exec rm -rf {} +
