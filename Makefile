# What a person types. `make demo` and `make test` need Python 3.11 and a package registry, nothing else.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check crash bench lock clean

$(VENV)/.ready: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lock: ## resolve pyproject.toml anew (needs uv)
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --extra build --extra embedded --extra dev --generate-hashes \
		--no-emit-index-url --no-header -o requirements.lock
