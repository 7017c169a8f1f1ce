# Each target does its own set-up: nothing is needed but Python 3.11 or later, and make.

export PYTHON ?= python3
VENV := .venv
BIN  := $(VENV)/bin
RUN  := $(VENV)/.installed/requirements-run.txt
TEST := $(VENV)/.installed/requirements-test.txt
MANIFESTS := build/manifests/.installed/requirements-manifests.txt
LOCK := build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-header --upgrade

SECONDS := 60

.PHONY: help install run test test-browser test-databases test-deploy test-image test-manifests lint format lock bench fuzz clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(TEST) ## install what development needs into .venv (again only when the lock changes)

$(RUN): requirements.txt

$(TEST): $(RUN)

$(VENV)/.installed/%: dev/%
	dev/install.sh $(VENV) $<

run: $(RUN) ## serve on http://127.0.0.1:8000 (HOST and PORT choose another address)
	exec $(BIN)/python -m dev.run

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

test-manifests: install $(MANIFESTS) ## validate the manifests in deploy/ against schemas, and the service
	$(BIN)/pytest tests/manifests

$(MANIFESTS): dev/requirements-manifests.txt
	mkdir -p build
	dev/install.sh build/manifests $<

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

fuzz: install ## call every operation with what nobody expects, for SECONDS=60 in all
	$(BIN)/python -m fuzz --seconds $(SECONDS)

lock: ## renew the locked requirements within the ranges of pyproject.toml
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group run -c requirements.txt -o dev/requirements-run.txt
	$(LOCK) pyproject.toml --group test --all-extras -c dev/requirements-run.txt -o dev/requirements-test.txt
	$(LOCK) --group manifests -o dev/requirements-manifests.txt

clean: ## remove the virtual environment and caches, not the data
	rm -rf $(VENV) build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
