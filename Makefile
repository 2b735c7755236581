# `make demo` and `make test` need Python 3.11 or newer with venv and pip; they make .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: demo test lint docs bench prove clean

demo: $(VENV)/.installed
	$(BIN)/inarch demo --out out/demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n $(WORKERS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-dev
	$(BIN)/python -m handbook
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --site-dir out/docs

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.all

prove: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.fuzz
	$(BIN)/python -m benchmarks.kills

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit('inarch needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache
