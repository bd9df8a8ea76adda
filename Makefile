# Everything is done in a virtual environment in this folder; nothing outside it is changed.
# tests/README.md explains all targets. The most used ones:
#   make test                 all tests
#   make lint types           ruff and mypy
#   make demo                 a tour of a sample project's history
#   make bench                the benchmarks, written to tests/benchmarks/RESULTS.md
#   make simulate             how often the verdicts are right, in simulated histories
#   make reference pictures   what README and manual show of the commands

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: test test-faults test-matrix test-plugins test-lowest test-real test-recipes foreign-files lint types demo bench simulate completions reference pictures clean

# Installed anew when what is to be installed has changed.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Where PYTHONDONTWRITEBYTECODE is set, each of the hundreds of processes that tests start would
# compile our modules and rewrite the asserts in pytest's plugins (Hypothesis is one): done here once.
COMPILE = $(BIN)/python -m compileall -q pytest_insight && PYTHONDONTWRITEBYTECODE= \
  $(BIN)/python -m pytest --quiet --collect-only tests/util/test_times.py > /dev/null

test: $(VENV)/installed
	@$(COMPILE)
	$(BIN)/python -m pytest --numprocesses auto

# With other versions of pytest and Python; `make test-matrix TESTS=tests` runs all tests,
# ONLY="--python 3.13 --pytest 9" runs them with these.
TESTS ?= tests/recording
ONLY ?=
test-matrix: $(VENV)/installed
	$(BIN)/python -m tests.outside.matrix $(ONLY) $(TESTS)

# With the lowest allowed version of each dependency.
test-lowest: $(VENV)/installed
	$(BIN)/python -m tests.outside.matrix --lowest tests

# Test suites of other projects, recorded; `make test-real SUITES="attrs click"` runs some of them.
SUITES ?=
test-real: $(VENV)/installed
	$(BIN)/python -m tests.outside.real $(SUITES)

# One suite, recorded under many plugins; `make test-plugins PLUGINS="pytest-retry pytest-bdd"` runs
# some of them.
PLUGINS ?=
test-plugins: $(VENV)/installed
	$(BIN)/python -m tests.outside.plugins $(PLUGINS)

# The files of other recorders that tests import, each beside our own recording of the same run.
foreign-files: $(VENV)/installed
	$(BIN)/python -m tests.outside.foreign_files

# The faults that `make test` tries a few times, hundreds of times; FAULTS_SEED repeats a run.
FAULTS_SEED ?= $(shell date +%s)
test-faults: $(VENV)/installed
	@echo "FAULTS_SEED=$(FAULTS_SEED)"
	@$(COMPILE)
	FAULTS=long FAULTS_SEED=$(FAULTS_SEED) $(BIN)/python -m pytest --numprocesses auto tests/faults \
	  tests/storage/test_agreement.py tests/exchange/test_round_trip.py \
	  tests/query/test_filters.py tests/test_models.py tests/analysis

# The workflows for GitHub Actions and GitLab CI in the manual, job by job, in real repositories.
test-recipes: $(VENV)/installed
	$(BIN)/python -m tests.outside.recipes

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

demo: $(VENV)/installed
	@$(COMPILE)
	@sh tests/demo/tour.sh $(abspath $(BIN))

# `make bench BENCHMARKS="verdicts saving"` runs some of them.
BENCHMARKS ?=
bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks $(BENCHMARKS) --write

# Histories of which the truth is known; `make simulate SEED=2` uses other random numbers.
SEED ?= 1
simulate: $(VENV)/installed
	$(BIN)/python -m tests.simulation --seed $(SEED)

completions: $(VENV)/installed
	@for shell in bash zsh fish; do \
	  _INSIGHT_COMPLETE=source_$$shell $(BIN)/insight | sed '/./,$$!d' > completions/insight.$$shell; \
	done

# What the documents show of the commands: their help, the man page, the output in the examples.
reference: $(VENV)/installed
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.documents.blocks
	$(BIN)/python -m tests.cli.screens

# The pictures of the README, from a run of the demo's commands; needs Chromium.
pictures: $(VENV)/installed
	$(BIN)/python -m tests.demo.pictures

clean:
	rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
