# Needs Python 3.11 or newer with venv and pip; whatever else a target takes, it installs into .venv itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
WORKERS ?= 2

.PHONY: demo test test-all lint package docs bench prove clean

demo: $(VENV)/.installed
	$(BIN)/inarch demo --out out/demo

# A worker takes whole files, so that what a file's tests share is made once.
test: $(VENV)/.installed-dev
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow"

test-all: $(VENV)/.installed-dev
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m slow

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 src
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

package: $(VENV)/.installed-dev
	$(BIN)/python .ci/package

docs: $(VENV)/.installed-dev
	$(BIN)/python -m handbook
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --site-dir out/docs

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.all

prove: $(VENV)/.installed-dev
	$(BIN)/pytest -n $(WORKERS) --hypothesis-profile prove -m hypothesis --timeout 3600
	$(BIN)/python -m benchmarks.fuzz
	$(BIN)/python -m benchmarks.kills

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit('inarch needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[torch]"
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
