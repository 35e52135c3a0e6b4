# Everything runs in .venv, which the first target that needs it builds.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PYTHONUTF8 = 1

.PHONY: help setup quickstart test test-fast lint docs peers bench clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

# torch goes first and alone: any other order drags in gigabytes of CUDA on machines without a GPU.
.venv/core: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Argosy needs Python 3.11 or newer, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --quiet torch==2.13.0 numpy
	$(BIN)/pip install --quiet -e .
	@touch $@

.venv/dev: .venv/core
	$(BIN)/pip install --quiet -e '.[dev]'
	@touch $@

setup: .venv/dev  ## Build .venv with everything the tests need

quickstart: .venv/core  ## Train a small code model on this machine's own Python library and open the report
	@$(BIN)/argosy run examples/first-venture/venture.toml

lint: .venv/dev  ## Format check, lint, types, import rules
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## Lint, then every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: .venv/dev  ## The one-minute gate
	$(BIN)/python -m pytest -m fast -n 2

docs: .venv/dev  ## Generate the reference pages and build the site
	$(BIN)/pip install --quiet -e '.[docs]'
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/parallelism.py blocks
	$(BIN)/mkdocs build --strict --quiet

.venv-peers/ready:
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet torch==2.13.0 numpy
	.venv-peers/bin/pip install --quiet torch==2.13.0 transformers==5.24.0 accelerate==1.15.0 keras==3.15.1 tensorflow-cpu==2.21.0
	@touch $@

# Apart from the others: it needs an older huggingface-hub.
.venv-litgpt/ready:
	$(PYTHON) -m venv .venv-litgpt
	.venv-litgpt/bin/pip install --quiet torch==2.13.0 litgpt==0.5.13
	@touch $@

.venv-llm-analysis/ready:
	$(PYTHON) -m venv .venv-llm-analysis
	.venv-llm-analysis/bin/pip install --quiet llm-analysis==0.2.2
	@touch $@

peers: .venv-peers/ready .venv-litgpt/ready .venv-llm-analysis/ready  ## Install the packages that benchmarks compare with, 4 GB, apart from .venv

BENCHMARKS := startup loader overhead prepare_memory exactness capital mnist tensorflow_programs training_speed time_to_loss gpu_training parity parallel_overhead bubble
bench: .venv/dev peers  ## Quick benchmarks beside peers
	@for script in $(BENCHMARKS); do $(BIN)/python benchmarks/$$script.py --quick; done

clean:  ## Remove what building and testing left behind
	rm -rf build site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
