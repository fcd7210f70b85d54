# Wild Rydes: `make up` and `make demo` need Python 3.11 or newer and make; nothing else.
#
# PYTHON=…  the interpreter for a new .venv. WILDRYDES_… and the like: see .env.example.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTHON ?= $(shell command -v python3.11 || command -v python3)
COMPILE := UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help up demo test faults check bench format lint types lock clean FORCE
MAKEFLAGS += --no-print-directory

help: ## list every target
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(VENV)/.runtime ## start the whole platform and stay in the foreground
	@exec $(BIN)/python manage.py up

demo: $(VENV)/.runtime ## send rides through the platform (started if need be), take one, show who did what
	@exec $(BIN)/python manage.py demo

test: $(VENV)/.dev ## run the tests, on servers of their own, a process for each core
	@$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile

faults: $(VENV)/.dev ## break it in every way we know, under load, and count what is lost; FAULTS="--only NAME"
	@$(BIN)/python -m tests.faults $(or $(FAULTS),--json bench/results/faults.json --docs docs/faults.md)

check: $(VENV)/.dev ## everything that CI runs: format, lint, types, layers, settings, tests
	@$(BIN)/ruff format --check .
	@$(MAKE) lint
	@$(MAKE) types
	@DJANGO_SETTINGS_MODULE=config.settings.test $(BIN)/python -W ignore::RuntimeWarning manage.py \
		makemigrations --check --dry-run
	@DJANGO_SETTINGS_MODULE=config.settings.test $(BIN)/python manage.py check
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(MAKE) test

bench: $(VENV)/.bench ## measure beside Celery, dramatiq, taskiq; ROWS="accept drain", ROUNDS=5, QUICK=1
	@$(BIN)/python -m bench $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick)

format: $(VENV)/.dev ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

lint: $(VENV)/.dev ## check style, and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: $(VENV)/.dev ## check the types
	@$(BIN)/mypy

lock: $(VENV)/.dev ## compile requirements/*.txt with hashes; UPGRADE=--upgrade for newer versions
	@$(COMPILE) $(UPGRADE) --output-file requirements/runtime.txt requirements/runtime.in
	@$(COMPILE) $(UPGRADE) --output-file requirements/dev.txt requirements/dev.in
	@$(COMPILE) $(UPGRADE) --output-file requirements/bench.txt requirements/bench.in

clean: ## remove .venv, the state directory with its data, and caches; not while `make up` runs
	@if $(BIN)/python -c 'import config' 2>/dev/null; then $(BIN)/python -m config.embedded.clean; \
		elif test -e .wildrydes; then echo "Left .wildrydes alone: there is no .venv to clean it with"; fi
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A set-up that was broken off is repaired by running again: a stamp is written last.

$(VENV)/.whole: FORCE
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
			echo "Wild Rydes needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python" >&2; \
			exit 1; }; \
		echo "Creating $(VENV) with $(PYTHON)"; \
		"$(PYTHON)" -m venv --clear $(VENV) && rm -f $@; }
	@test -e $@ || touch $@

$(VENV)/.runtime: $(VENV)/.whole requirements/runtime.txt
	$(call install,runtime)

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(call install,dev)

$(VENV)/.bench: $(VENV)/.runtime requirements/bench.txt
	$(call install,bench)

# A package that was half unpacked when we were interrupted looks whole to pip: install it again.
define install
	@echo "Installing requirements/$(1).txt"
	@if test -e $(VENV)/.installing; then again=--force-reinstall; fi; \
		touch $(VENV)/.installing; \
		$(PIP) install $$again --require-hashes -r requirements/$(1).txt
	@rm -f $(VENV)/.installing
	@touch $@
endef
