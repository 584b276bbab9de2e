# Two commands do everything: `make demo` shows Oddline at work, `make test` proves it.
# Both make the virtual environment .venv/ on their first call.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check -c constraints.txt
INPUTS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test up check setup clients bench quality speed peers fuzz requests faults endurance audit clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/base.stamp  ## Start the service, judge a real series, draw the picture, stop
	@$(BIN)/oddline demo

test: $(VENV)/full.stamp check  ## All checks and tests (no service needed; they start their own)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

up: $(VENV)/base.stamp  ## Run the service here until Ctrl-C
	@$(BIN)/oddline up

check: $(VENV)/full.stamp  ## Style, types, layers and file sizes, without the tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@told=$$($(BIN)/lint-imports --no-cache) || { echo "$$told"; exit 1; }

setup: $(VENV)/full.stamp  ## Make .venv/ with everything: embedded server, torch, plots, test tools

bench: $(VENV)/full.stamp  ## Measure the service and print the table
	@$(BIN)/python bench/service.py

quality: $(VENV)/full.stamp .venv-bench/stamp  ## Measure detection on labelled series: make quality FOLDER=...
	@$(BIN)/python bench/quality.py $(FOLDER)

speed: $(VENV)/full.stamp .venv-bench/stamp  ## Measure time and memory, 1,000 to 1,000,000 rows, beside other libraries
	@$(BIN)/python bench/speed.py

requests: $(VENV)/full.stamp  ## Send requests made from the OpenAPI document: make requests EXAMPLES=1000
	@EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/python -m pytest tests/contract/test_openapi_requests.py

fuzz: $(VENV)/full.stamp  ## Try a million hostile uploads on what reads them: make fuzz OPTIONS='--seconds 60'
	@$(BIN)/python tests/fuzz/run.py $(OPTIONS)

faults: $(VENV)/full.stamp  ## Play the fault table in full and print it (kills, outages, lost messages, wrong clocks ...)
	@FAULTS=full $(BIN)/python -m pytest tests/faults -n 2 --dist loadgroup

endurance: $(VENV)/full.stamp  ## Ten minutes of a hundred clients while something is killed every 20 s: make endurance OPTIONS='--minutes 1'
	@PYTHONPATH=tests $(BIN)/python bench/endurance.py $(OPTIONS)

peers: .venv-bench/stamp  ## Make .venv-bench/ with the libraries that benches compare with

audit: .venv-audit/stamp  ## Ask whether a pinned dependency is known to be vulnerable; says 'not run' where no database answers
	@$(PYTHON) bench/audit.py .venv-audit/bin/pip-audit $(OPTIONS)

clean:  ## Remove the environment and every cache
	rm -rf $(VENV) .venv-bench .venv-audit .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Oddline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "python3 -m venv failed: on Debian and Ubuntu install the package python3-venv."; rm -rf $(VENV); exit 1; }

# The base is what users get: no torch, no test tools. The full environment contains it.
$(VENV)/base.stamp: $(INPUTS) | $(BIN)/python
	@echo "Setting up .venv (once, under a minute) ..."
	@$(PIP) -e '.[embedded,plot]'
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

$(VENV)/full.stamp: $(INPUTS) | $(BIN)/python
	@echo "Setting up .venv with torch and the test tools (once, a few minutes) ..."
	@$(PIP) -e '.[embedded,deep,plot,s3,dev]'
	@$(MAKE) --no-print-directory clients
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $(VENV)/base.stamp $@

# The retired service's own clients, which tests drive. Who cannot have them goes without: those tests are skipped then. The
# first takes its version from the environment and pulls what Python has had for long.
clients:
	@TRAVIS_BUILD_NUMBER=85 $(PIP) --no-deps --upgrade --target $(VENV)/clients/python nexosisapi==3.0.85 || \
	  echo "The Python client could not be installed: tests with it are skipped."
	@npm install --silent --no-audit --no-fund --no-package-lock --prefix $(VENV)/clients/node nexosis-api-client@3.0.0 \
	  --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=3000 --fetch-timeout=20000 || \
	  echo "The JavaScript client could not be installed with npm: tests with it are skipped."

# Their pins cannot share an environment with ours; benches call them as processes.
.venv-bench/stamp: bench/constraints.txt
	@echo "Setting up .venv-bench with aeon, PyOD, stumpy and scikit-learn ..."
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install -qq --disable-pip-version-check -c $< aeon pyod stumpy scikit-learn
	@touch $@

.venv-audit/stamp: bench/audit-constraints.txt
	@echo "Setting up .venv-audit with pip-audit ..."
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python -m pip install -qq --disable-pip-version-check -c $< pip-audit
	@touch $@
