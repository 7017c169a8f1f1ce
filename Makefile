# Each target does its own set-up: nothing is needed but Python 3.11 or later, and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := uv>=0.9,<1

.PHONY: help install run test test-browser test-deploy lint format lock bench clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make the virtual environment (again only when the locks change)

$(VENV)/.installed: requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

run: install ## serve on http://127.0.0.1:8000 (HOST and PORT choose another address)
	exec $(BIN)/gunicorn

test: install ## run all tests
	$(BIN)/pytest --cov --cov-report=term

test-browser: install ## run the tests of the pages in Chromium (installs it where it can)
	tests/browser/setup.sh
	$(BIN)/pytest tests/browser

test-deploy: install ## run those of the deployment (installs nginx, Chromium and PostgreSQL where it can)
	tests/deploy/setup.sh
	$(BIN)/pytest tests/deploy

lint: install ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## measure what the documents claim: rushes, timing of refusals, a million customers, counters
	$(BIN)/python -m bench.rush
	$(BIN)/python -m bench.reset_timing
	$(BIN)/python -m bench.million
	$(BIN)/python -m bench.counters
	$(BIN)/python -m bench.bulk

lock: install ## renew the locked requirements within the ranges of pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check '$(UV)'
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--all-extras --constraint requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## remove the virtual environment and caches, not the data
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
