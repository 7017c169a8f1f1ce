# Each target does its own set-up: nothing is needed but Python 3.11 or later, and make.

export PYTHON ?= python3
VENV := .venv
BIN  := $(VENV)/bin
RUN  := $(VENV)/.installed/requirements-run.txt
TEST := $(VENV)/.installed/requirements-test.txt
MANIFESTS := build/manifests/.installed/requirements-manifests.txt
CLIENTS := build/clients/.installed/requirements-clients.txt
LOCK := build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-header --upgrade

BENCHES := floor hashing rush million memory timing bulk
SECONDS := 60
TESTS   :=

.PHONY: help install run test test-browser test-databases test-deploy test-image test-manifests test-clients test-evershop types lint format lock bench fuzz clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(TEST) ## install what development needs into .venv (again only when the lock changes)

$(RUN): requirements.txt

$(TEST): $(RUN)

$(VENV)/.installed/%: dev/%
	dev/install.sh $(VENV) $<

run: $(RUN) ## serve on http://127.0.0.1:8000 (HOST and PORT choose another address)
	exec $(BIN)/python -m dev.run

test: install ## run all tests that need nothing but Python
	$(BIN)/pytest -n 2 $(if $(COVERAGE),--cov --cov-report=term)

# What these need beside Python is installed where that can be done without asking: as root, on a Debian.

test-browser: install ## run the tests of the pages in Chromium
	tests/install.sh chromium fonts-dejavu-core npm
	cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(BIN)/pytest tests/browser

test-deploy: install ## run the tests of the deployment: nginx, browsers behind it, restarts, failover, pooler
	tests/install.sh nginx-light openssl curl chromium fonts-dejavu-core firefox-esr postgresql-15 pgbouncer
	$(BIN)/pytest tests/deploy

test-databases: install ## run the tests of TESTS= on Debian's PostgreSQL, behind PgBouncer
	tests/install.sh postgresql-15 pgbouncer
	$(BIN)/python -m tests.deploy.database.suite -n 2 $(TESTS)

test-image: install ## build the image, run it confined, and look into it (as root, on a Debian)
	tests/install.sh buildah debootstrap util-linux
	$(BIN)/pytest tests/image

test-manifests: install $(MANIFESTS) ## validate the manifests in deploy/ against schemas, and the service
	$(BIN)/pytest tests/manifests

$(MANIFESTS): dev/requirements-manifests.txt
	mkdir -p build
	dev/install.sh build/manifests $<

GENERATORS := tests/clients/generators
EVERSHOP := tests/evershop

test-clients: $(CLIENTS) $(GENERATORS)/node_modules ## type-check the JavaScript, and try the clients that five generators make
	$(BIN)/pytest $(GENERATORS)

test-evershop: install $(EVERSHOP)/node_modules ## run the tests of the sessions shared with EverShop, with its packages in Node
	$(BIN)/pytest $(EVERSHOP)

types: install $(GENERATORS)/node_modules ## write the types of clients/customers.js anew, from the OpenAPI document
	$(BIN)/python -m tests.clients.generators.types

$(CLIENTS): dev/requirements-clients.txt | install
	mkdir -p build
	dev/install.sh build/clients $<

$(GENERATORS)/node_modules $(EVERSHOP)/node_modules: %/node_modules: %/package-lock.json
	tests/install.sh npm
	cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

lint: install ## check style, types, and which module may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## measure what the documents claim
	for bench in $(BENCHES); do $(BIN)/python -m dev.bench.$$bench || exit; done

fuzz: install ## call every operation with what nobody expects, for SECONDS=60 in all
	$(BIN)/python -m dev.fuzz --seconds $(SECONDS)

lock: ## renew the locked requirements within the ranges of pyproject.toml
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group run -c requirements.txt -o dev/requirements-run.txt
	$(LOCK) pyproject.toml --group test --all-extras -c dev/requirements-run.txt -o dev/requirements-test.txt
	$(LOCK) --group manifests -o dev/requirements-manifests.txt
	$(LOCK) --group clients -o dev/requirements-clients.txt

clean: ## remove the virtual environment and caches, not the data
	rm -rf $(VENV) build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
