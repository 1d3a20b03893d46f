# Two commands to know: `make demo` and `make test`. Each sets up its own virtual environment first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORKERS ?= auto

.PHONY: demo test test-sail test-spark check bench soak docs docs-site clean

demo: $(VENV)/demo.stamp
	$(BIN)/psiselect demo

# The tests start hundreds of processes. Where the environment forbids compiled modules, each would compile them anew.
test: $(VENV)/test.stamp
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Engines, each in an environment of its own, as users have them.
test-sail: $(VENV)-sail/test.stamp
	$(VENV)-sail/bin/python -m pytest tests/psi/distributed tests/psiselect/test_on_an_engine.py

test-spark: $(VENV)-spark/test.stamp
	$(VENV)-spark/bin/python -m pytest -m '' tests/psi/distributed

check: $(VENV)/check.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m pytest tests/test_plain_pages.py
	if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; fi

bench: $(VENV)/bench.stamp
	$(BIN)/python bench/run.py

soak: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m soak

docs: $(VENV)/check.stamp
	$(BIN)/python docs/generate.py

docs-site: $(VENV)/docs.stamp
	$(BIN)/python docs/site.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "psiselect needs Python 3.11 or later; say `make PYTHON=python3.12 ...`")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e .
	touch $@

# The walks through the page need a browser; they are skipped where there is none.
COMMA := ,
BROWSER := $(if $(shell command -v chromium chromium-browser google-chrome),$(COMMA)browser)
# Likewise the exchanges on Spark and Sail: they are large, and Spark needs Java.
ENGINES := $(if $(shell command -v java),$(COMMA)engines)

$(VENV)/test.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[test$(BROWSER)$(ENGINES)]'
	touch $@

$(VENV)-sail/test.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)-sail
	$(VENV)-sail/bin/python -m pip install -q -e '.[test,sail]'
	touch $@

$(VENV)-spark/test.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)-spark
	$(VENV)-spark/bin/python -m pip install -q -e '.[test,spark]'
	touch $@

$(VENV)/check.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[check]'
	touch $@

$(VENV)/bench.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[bench]'
	touch $@

$(VENV)/docs.stamp: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-sail $(VENV)-spark build dist *.egg-info
