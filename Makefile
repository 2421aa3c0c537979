# Two commands for a fresh machine: `make demo` and `make test`. They need Python 3.11 or newer, make, and a package index.
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
TRIAL := $(BIN)/python -m twisted.trial --random=0

.PHONY: demo test coverage lint types bench clean

demo: .venv/installed
	$(BIN)/voiced demo

test: .venv/installed
	$(TRIAL) tests

# The same suite, and the proof that floors 0-3 are covered, branch by branch.
coverage: .venv/installed
	$(BIN)/coverage erase
	$(BIN)/coverage run -m twisted.trial --random=0 tests
	$(BIN)/coverage report

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/installed
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/python -m bench
	$(BIN)/python -m bench.bargein
	$(BIN)/python -m bench.local_agent

.venv/installed: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "voiced needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local,test,dev]'
	touch $@

clean:
	rm -rf .venv build *.egg-info _trial_temp* .coverage config/var demo.wav
