# Each target does its own set-up: nothing is needed but Python 3.11 or later, and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := uv>=0.9,<1

.PHONY: help install run test test-browser test-databases test-deploy test-image test-manifests lint format lock bench fuzz clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

test-deploy: install ## run the tests of the deployment: nginx, a browser, restarts, failover, pooler, replica
	tests/deploy/setup.sh
	tests/deploy/database/setup.sh
	$(BIN)/pytest tests/deploy

test-databases: install ## run the tests of the API on Debian's PostgreSQL, behind PgBouncer
	tests/deploy/database/setup.sh
	$(BIN)/python -m tests.deploy.database.suite

test-image: install ## build the image, run it confined, and look into it (as root, on a Debian)
	tests/image/setup.sh
	$(BIN)/pytest tests/image

test-manifests: install build/manifests/.installed ## validate the manifests in deploy/ against schemas, and the service
	$(BIN)/pytest tests/manifests

build/manifests/.installed: tests/manifests/requirements.txt
	$(PYTHON) -m venv --clear build/manifests
	build/manifests/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

lint: install ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## measure what the documents claim: rushes, floods, guesses, timing, a million customers, counters, capacity
	$(BIN)/python -m bench.rush
	$(BIN)/python -m bench.reset_timing
	$(BIN)/python -m bench.flood
	$(BIN)/python -m bench.guessing
	$(BIN)/python -m bench.guess_timing
	$(BIN)/python -m bench.million
	$(BIN)/python -m bench.counters
	$(BIN)/python -m bench.bulk
	$(BIN)/python -m bench.capacity

lock: install ## renew the locked requirements within the ranges of pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check '$(UV)'
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		--all-extras --constraint requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header \
		tests/manifests/requirements.in -o tests/manifests/requirements.txt

clean: ## remove the virtual environment and caches, not the data
	rm -rf $(VENV) build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
