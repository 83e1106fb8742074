# Everything runs in a virtual environment made here; Python 3.10 or newer and make are all that is needed.
#   make quickstart                   train on a small real corpus and look at the result
#   make test                         the test suite
#   make PYTHON=python3.12 test       with another interpreter (into VENV, .venv unless given)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
QUICKSTART ?= quickstart
comma := ,
# the tests that call compiled code directly
COMPILED := $(addprefix tests/,w2v/kernels w2v/encoding/test_stream.py w2v/phrases neural/layers/test_kernels.py \
	neural/kernels/test_fused_inference.py encoder/model/test_lookup.py encoder/retrieval/test_retrieval_kernels.py \
	encoder/evaluation/test_baselines.py explorer/test_explorer_kernels.py)
PAGES := tests/project/test_docs.py

.DEFAULT_GOAL := help
.PHONY: help install-all quickstart test test-slow test-pages test-interop test-browser test-bounds docs lint format bench wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "No '$(PYTHON)' found. Install Python 3.10 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$$($(PYTHON) --version) is too old: Python 3.10 or newer is needed. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

# $(1): what is installed besides the toolkit itself. Installed again when the requirements change.
define install
	@echo "Installing the toolkit [$(1)] into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(1)]'
	@touch $(or $(2),$@)
endef

# The files with tests of a mark: to import all the others takes longer than many tests.
marked = $(shell grep -rlE 'mark\.$(1)\b' tests --include='test_*.py')

$(VENV)/installed-quickstart: $(BIN)/python setup.cfg pyproject.toml
	$(call install,quickstart)

$(VENV)/installed-test: $(BIN)/python setup.cfg pyproject.toml
	$(call install,test)

$(VENV)/installed-dev: $(BIN)/python setup.cfg pyproject.toml
	$(call install,dev$(comma)test)

$(VENV)/installed-interop: $(BIN)/python setup.cfg pyproject.toml
	$(call install,interop$(comma)test)

$(VENV)/installed-browser: $(BIN)/python setup.cfg pyproject.toml
	$(call install,browser$(comma)test)

# All of them by one call of pip.
install-all: $(BIN)/python setup.cfg pyproject.toml
	$(call install,browser$(comma)dev$(comma)docs$(comma)interop$(comma)test,$(addprefix $(VENV)/installed-,browser dev docs interop test))

quickstart: $(VENV)/installed-quickstart ## train on a small real corpus, show neighbours and an analogy
	@mkdir -p $(QUICKSTART)
	@test -f $(QUICKSTART)/bible.txt || $(BIN)/w2v download bible --folder $(QUICKSTART)
	$(BIN)/w2v train $(QUICKSTART)/bible.txt --output $(QUICKSTART)/bible.model --overwrite --epochs 15 --workers 1 --seed 1
	@echo
	$(BIN)/w2v neighbors $(QUICKSTART)/bible.model bread sheep gold mountain night --top 6
	@echo
	$(BIN)/w2v analogy $(QUICKSTART)/bible.model man woman brother --top 5
	@echo
	@echo "Next:"
	@printf '  %-72s %s\n' \
		'. $(BIN)/activate' 'use w2v from this shell' \
		'w2v neighbors $(QUICKSTART)/bible.model WORD' 'ask for another word' \
		'w2v train YOUR.txt --output your.model' 'train on your own text' \
		'w2v report $(QUICKSTART)/bible.model' 'write a page about the model' \
		'w2v similar $(QUICKSTART)/bible.model $(QUICKSTART)/bible.txt "a storm at sea"' 'search by meaning' \
		'w2v --help' 'everything else'

# Each process has BLAS and OpenMP use one thread: more than there are cores would wait for each other, and keep the cores busy.
test: $(VENV)/installed-test ## run the test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-slow: $(VENV)/installed-dev ## run the tests that take longer
	$(BIN)/python -m pytest -m "slow and not interop" $(filter-out $(PAGES),$(call marked,slow)) $(PYTEST_ARGS)

test-pages: $(VENV)/installed-test ## run what the pages of the documentation show
	$(BIN)/python -m pytest -m "slow and not interop" $(PAGES) $(PYTEST_ARGS)

test-interop: $(VENV)/installed-interop ## run the tests that hand files to other programs and take theirs
	$(BIN)/python -m pytest -m interop $(call marked,interop) $(PYTEST_ARGS)

# Chromium comes from the system: `apt-get install chromium`, or W2V_CHROMIUM names one. Without it they are skipped.
test-browser: $(VENV)/installed-browser ## run the tests that drive Chromium
	$(BIN)/python -m pytest -m browser $(call marked,browser) $(PYTEST_ARGS)

test-bounds: $(VENV)/installed-test ## run the tests of compiled code with index checks on
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest --hypothesis-profile thorough $(COMPILED) $(PYTEST_ARGS)

$(VENV)/installed-docs: $(BIN)/python setup.cfg pyproject.toml
	$(call install,docs$(comma)test)

docs: $(VENV)/installed-docs ## make the documentation, into build/docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html $(SPHINX_ARGS) docs build/docs
	@echo build/docs/index.html

lint: $(VENV)/installed-dev ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev ## lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev ## compare with gensim on the quick start's corpus
	@mkdir -p $(QUICKSTART)
	@test -f $(QUICKSTART)/bible.txt || $(BIN)/w2v download bible --folder $(QUICKSTART)
	$(BIN)/w2v compare $(QUICKSTART)/bible.txt --seed 1

wheel: $(VENV)/installed-dev ## build what `pip install` takes, into dist/
	$(BIN)/python -m build --wheel

clean: ## remove the virtual environment and everything built
	rm -rf $(VENV) $(QUICKSTART) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
