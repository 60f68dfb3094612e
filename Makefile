# Muelle. Every target does all of its own set-up; a second call finds it done. `make` alone says what there is.
#   PYTHON=python3.12 make up     another interpreter (3.11 to 3.13)
#   make test ARGS="-k journal"   arguments for what is run
.DEFAULT_GOAL := help
.PHONY: help setup runtime up test check format bench chaos docs reference lock clean
SHELL := /bin/sh
export PYTHON

PY := .venv/bin/python
ARGS ?=

help: ## Say what there is
	@echo 'Muelle: the place where AI agents do their work.'
	@echo
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install everything that working on Muelle needs into .venv
	@scripts/setup.sh dev

runtime:
	@scripts/setup.sh runtime

up: runtime ## Start Muelle here and print its address
	@$(PY) -m compileall -q $(wildcard src packs/*/src)
	@exec .venv/bin/muelle up $(ARGS)

test: setup ## Run the test suite
	@scripts/test.sh $(ARGS)

check: setup ## Run every check that needs no server: style, types, floors, sizes, dead code, documents
	@$(PY) scripts/check.py $(ARGS)

format: setup ## Format the source and mend what can be mended
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

bench: setup ## Run every benchmark
	@set -e; for bench in tests/bench/bench_*.py; do echo "$$bench"; $(PY) "$$bench" $(ARGS); done

bench-%: setup ## Run one benchmark: bench-keel runs tests/bench/bench_keel.py
	@$(PY) tests/bench/bench_$(subst -,_,$*).py $(ARGS)

chaos: setup ## Show that every run ends once: kill, cut, freeze and restart everything (ARGS="--runs 2000")
	@$(PY) tests/chaos/chaos.py $(ARGS)

docs: setup ## Build the user's guide into site/, in English and Spanish
	@$(PY) scripts/generate_reference.py
	@$(PY) scripts/build_docs.py

reference: setup ## Write the reference pages of the guide anew from the source
	@$(PY) scripts/generate_reference.py

lock: ## Write the lock files anew, with the newest versions allowed
	@scripts/setup.sh dev
	@$(PY) scripts/lock.py

clean: ## Remove what was installed and built here
	rm -rf .venv .tools site dist .mypy_cache .ruff_cache .import_linter_cache
