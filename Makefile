# What a person types. `make demo` and `make test` need Python 3.11 and a package registry, nothing else.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ROUNDS ?= 200

# Our processes are many and short: each would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test suite check crash bench lock clean

help: ## what there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

$(VENV)/.ready: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(VENV)/.ready ## everything on this machine, with records on their way; ONCE=1 ends by itself
	@$(BIN)/ml-connector demo $(if $(ONCE),--once)

test: $(VENV)/.ready ## what CI runs: check, and the tests beside it
	@$(MAKE) --no-print-directory --jobs 2 check suite

suite: $(VENV)/.ready
	$(BIN)/python -m pytest -n 4 --dist loadgroup --durations 25

check: $(VENV)/.ready ## lint, format, types, which room imports which, mappings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	SANDBOX_URL=http://127.0.0.1:8600 $(BIN)/ml-connector map check

crash: $(VENV)/.ready ## kill the journeys at every boundary, ROUNDS=200 times; STORIES=customers for one of them
	$(BIN)/python -m tests.crash --rounds $(ROUNDS) $(if $(STORIES),--stories $(STORIES))

bench: $(VENV)/.ready ## the flow against a bare loop that makes the same calls
	$(BIN)/python -m bench

lock: ## resolve pyproject.toml anew (needs uv)
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --extra build --extra embedded --extra dev --generate-hashes \
		--no-emit-index-url --no-header -o requirements.lock

clean: ## remove what was made here, the local databases too
	rm -rf $(VENV) .ml-connector .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
