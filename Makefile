# `make demo` shows it, `make test` checks it. Both set up .venv from the lock file first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test check audit bench acceptance lock browser-deps clean

help:            ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: .venv/ready  ## the virtual environment with everything in the lock file

.venv/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup      ## partner e-mails arrive in two sandbox helpdesks and get their due dates
	$(BIN)/regiondo-sla demo

check: setup     ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -c pyproject.toml -r sla_rules connectors plugin

test: check      ## every check, in its short form
	$(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder -m "not acceptance"

bench: setup     ## the measurements in docs/
	$(BIN)/python tests/benchmarks/bench_schedule.py
	$(BIN)/python tests/benchmarks/bench_evaluate.py $(BENCH)
	$(BIN)/python tests/benchmarks/score_classify.py
	$(BIN)/python tests/benchmarks/bench_webhooks.py
	$(BIN)/python tests/benchmarks/bench_console.py
	$(BIN)/python tests/benchmarks/bench_work.py
	$(BIN)/python tests/benchmarks/bench_growth.py

acceptance: BENCH = --full
acceptance: test bench  ## the full figures
	$(BIN)/pytest -q -s -m acceptance --timeout 3600

lock: setup      ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

audit: setup     ## known holes in the dependencies; passes, and says so, where the service cannot be asked
	@$(BIN)/uv tool run --quiet pip-audit --disable-pip --require-hashes -r requirements.lock >.audit 2>&1; \
	 status=$$?; cat .audit; \
	 if [ $$status -ne 0 ] && ! grep -qE "Found [0-9]+ known" .audit; then \
	   echo "audit: the service could not be asked, so nothing was checked"; status=0; fi; \
	 skipped=$$(grep -c "could not be audited" .audit); \
	 [ "$$skipped" = 0 ] || echo "audit: $$skipped dependencies are unknown to the service, so they were not checked"; \
	 rm -f .audit; exit $$status

clean:           ## remove what was set up and the embedded database
	rm -rf .venv var
