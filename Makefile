# Two commands do all their own set-up, virtual environments included: `make demo` and `make test`.
# They need Python 3.10 or newer (PYTHON=python3.12 make test) and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
# Each worker begins with a run of neighbours, so that the servers that a module shares start once.
SPREAD := -n $(WORKERS) --dist worksteal
MINUTES ?= 10
SEED ?= 1
# Those that .ci/pythons has unpacked are found, after the machine's own.
PYTHONS := 3.10 3.11 3.12 3.13 3.14 3.15
WITH_PYTHONS = PATH="$$PATH$$(printf ':%s' "$${OTEL_REFUSALS_PYTHONS:-$${XDG_CACHE_HOME:-$$HOME/.cache}/otel-refusals/pythons}"/*/usr/bin)"
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo observe test newest versions matrix between frameworks vendor-suites vendor-suites-slice peers check lint \
  types format bench stress fuzz pictures clean help

help: ## Show what there is.
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/demo ## See refusals of real SDK calls against a local vendor endpoint: no API key, no Docker.
	@$(BIN)/otel-refusals demo

observe: $(VENV)/demo ## Watch the alert rules at work, with the Prometheus and Alertmanager of this machine.
	@$(BIN)/otel-refusals observe

test: newest versions ## Run the whole suite, then what drives the SDKs on their older versions.
	@echo
	@echo "All of it passed: the newest SDKs, and the older ones that docs/versions.md tells of."
	@$(BIN)/python -m tests.bundle.servers || true

newest: $(VENV)/dev
	@echo "== the whole suite, on the newest SDKs"
	@$(BIN)/coverage erase
	@COVERAGE_PROCESS_START=pyproject.toml $(BIN)/python -m pytest -q $(SPREAD) --cov --cov-report=term:skip-covered

versions: $(VENV)/dev
	@echo "== what drives the SDKs, on older versions"
	@$(WITH_PYTHONS) $(BIN)/tox run -q -m ci -- -q $(SPREAD)

matrix: versions between ## Run all older versions, every Python that can be had, and the releases between.
	@echo "== the rest of the versions, and every Python that is here or that Debian has"
	@.ci/pythons $(PYTHONS) || true
	@$(WITH_PYTHONS) $(BIN)/tox run -q -m more -- -q $(SPREAD)

between: $(VENV)/dev
	@echo "== the releases between"
	@$(BIN)/python -m tests.between

frameworks: $(VENV)/dev ## Check that LangChain, Pydantic AI, LiteLLM, Instructor and OpenAI Agents are seen.
	@$(BIN)/tox run -q -e frameworks

vendor-suites: $(VENV)/dev ## Run the vendors' own test suites whole, plain and instrumented: an hour.
	@$(BIN)/python -m benchmarks.vendor_suites

vendor-suites-slice: $(VENV)/dev
	@echo "== what drives clients and streams, of the suites of the anthropic and openai SDKs"
	@$(BIN)/python -m benchmarks.vendor_suites $(shell grep -oE '^(anthropic|openai)==[0-9.]+' constraints.txt) --slice --modes sdk

check: lint types ## Lint and type-check.

lint: $(VENV)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/dev
	@$(BIN)/mypy
	@$(BIN)/pyright

format: $(VENV)/dev ## Format the code.
	@$(BIN)/ruff check --fix -q .
	@$(BIN)/ruff format -q .

fuzz: $(VENV)/dev ## Fuzz all that reads what a server sends, ten minutes each; go on where the last run stopped.
	@$(BIN)/python -W ignore -m tests.fuzz --minutes $(MINUTES) --seed $(SEED) $(TARGETS)

bench: $(VENV)/dev ## Measure what the instrumentation costs.
	@$(BIN)/python benchmarks/cost.py

peers: $(VENV)/dev ## Test beside the other instrumentations, measure them, and write docs/performance.md.
	@$(BIN)/python benchmarks/compare.py

stress: $(VENV)/dev ## Make 100,000 calls in every way, with otel-refusals and without: counts exact, memory flat.
	@$(BIN)/python -m benchmarks.stress

pictures: $(VENV)/dev ## Draw the dashboards' pictures in docs/pictures anew.
	@$(BIN)/python -m dashboards.generator
	@$(BIN)/python -m dashboards.pictures

clean: ## Remove the virtual environments and caches.
	rm -rf $(VENV) .tox .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@echo "== setting up a virtual environment in $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, this is " + sys.version)'
	@$(PYTHON) -m venv $(VENV)
	@echo "   pip"
	@$(PIP) install -q --upgrade pip

$(VENV)/demo: $(BIN)/python pyproject.toml constraints.txt
	@echo "   otel-refusals, the anthropic and openai SDKs, OpenTelemetry"
	@$(PIP) install -q -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/dev: $(VENV)/demo
	@echo "   what the tests need"
	@$(PIP) install -q -c constraints.txt uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q -c constraints.txt --group test --group lint
	@touch $@
