# Two commands matter: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python that is new enough; `make PYTHON=/path/to/python` overrides it.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; \
	done)
BIN := .venv/bin
BIND ?= 127.0.0.1:8000
DATA_DIR ?= var
# Test processes, each with a database of its own.
JOBS ?= logical
# Further words for pytest: make test ARGS='-k waiting'.
ARGS ?=

PYTEST := $(BIN)/python -m pytest
PARALLEL := -n $(JOBS) --dist worksteal
SERVICES := $(BIN)/python scripts/services.py run
TESTED := $(SERVICES) --in-memory -- $(PYTEST)
FAST := not postgres and not redis and not podman and not blender and not ffmpeg and not chromium \
	and not slow

.PHONY: help run install install-test test test-fast lint bench pictures fuzz lock wheel try-image clean

help:  ## list what can be made
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: install  ## install when needed, then serve on BIND (127.0.0.1:8000), data in DATA_DIR (var)
	@$(BIN)/jobyard migrate --data-dir $(DATA_DIR)
	@exec $(BIN)/jobyard serve --bind $(BIND) --data-dir $(DATA_DIR)

install: python-found  ## prepare .venv alone, so that .venv/bin/jobyard works
	@$(PYTHON) scripts/prepare.py run

install-test: python-found
	@$(PYTHON) scripts/prepare.py run test

python-found:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found"; exit 1; }
.PHONY: python-found

test: install-test  ## the whole suite beside real PostgreSQL, Redis, Podman, Blender, ffmpeg, Chromium
	@$(TESTED) $(PARALLEL) --durations=30 $(ARGS)

test-fast: install-test  ## what needs no service and is not slow; under 3 minutes
	@$(PYTEST) $(PARALLEL) --durations=30 -m "$(FAST)" $(ARGS)

lint: install-test  ## ruff, mypy and the import contracts alone
	@$(PYTEST) tests/lint $(ARGS)

bench: install-test  ## every benchmark: one line of figures each
	@$(SERVICES) -- sh -ec 'for file in $(sort $(wildcard bench/[!_]*.py)); do $(BIN)/python -m bench.$$(basename $$file .py); done'

bench-%: install-test  ## one benchmark: bench-NAME runs bench/NAME.py
	@$(SERVICES) -- $(BIN)/python -m bench.$* $(ARGS)

pictures: install-test  ## take the pictures of the pages in docs/pictures anew
	@JOBYARD_PICTURES=docs/pictures $(TESTED) -n 0 tests/browser/test_pictures.py $(ARGS)

fuzz: install-test  ## the property tests with fresh seeds; FUZZ_EXAMPLES each (5000)
	@$(TESTED) $(PARALLEL) --hypothesis-profile=fuzz -m property $(ARGS)

lock: install  ## resolve requirements/*.in into new exact pins
	@$(BIN)/python scripts/lock.py

wheel: install  ## build dist/jobyard-*.whl
	@rm -rf build  # what it holds of deleted files would be packed as well
	@$(BIN)/python -m pip wheel -qq --no-deps --no-build-isolation -w dist .

try-image: install  ## build deploy/Containerfile on a base of Debian's, run it, let it do a job
	@$(BIN)/python scripts/try_image.py

farm-worker: python-found  ## build dist/jobyard-farm-worker.pyz, which needs nothing but Python
	@$(PYTHON) scripts/archive.py

clean:  ## remove .venv, caches and builds; DATA_DIR stays
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache .tox
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
