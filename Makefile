# `make demo` and `make test` do all their own set-up. Everything lies in .venv and stores/data.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/python -m uv

.PHONY: help setup demo test check lock audit bench lab docs clean
.DEFAULT_GOAL := help

help:  ## show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.synced  ## make .venv and install Earmark with the locked versions

.venv/.synced: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "Earmark needs Python 3.11 or newer, %s is %d.%d; say make PYTHON=python3.12" % (sys.executable, v[0], v[1]))'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked packages (some 5 GB with PyTorch; once)"
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || { sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >.venv/uv.lock; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.lock; }
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## the main job: synthetic corpus, five methods, Table 5 and its figures
	@$(BIN)/earmark demo

test: check  ## all checks and tests
# Two workers with two threads each would stand in one another's way; without bytecode every process compiles Earmark anew.
	@OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal

check: setup  ## style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: setup  ## renew requirements.lock from pyproject.toml
	@$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev --no-header --upgrade pyproject.toml --output-file requirements.lock

# A vulnerability that does not concern Earmark is named here with --ignore-vuln, its reason in a comment above.
audit: setup  ## look for known vulnerabilities of the locked versions
	@$(BIN)/python -m pip_audit --strict --require-hashes --disable-pip --requirement requirements.lock

bench: setup  ## measure the figures under tests/benchmarks (long)
	@for file in tests/benchmarks/bench_*.py; do echo "$$file"; $(BIN)/python "$$file"; done

lab: setup  ## hear, see and compare: JupyterLab with the notebooks
	@$(BIN)/earmark lab

docs: setup  ## the documentation site, stores/data/site/index.html
	@ls $${EARMARK_STORES:-stores/data}/papers/tour/*/tour.ipynb >/dev/null 2>&1 || $(BIN)/earmark paper tour --profile smoke
	@$(BIN)/python -m sphinx -b html -c notebooks/guide -W --keep-going -n -q notebooks stores/data/site
	@echo "stores/data/site/index.html"

clean:  ## remove the environment and all stores
	rm -rf .venv stores/data
