# Two commands for a fresh machine: `make demo` and `make test`. They need Python 3.11 or newer, make, and a package index.
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
# The suite is shared out among as many processes as there are cores.
JOBS := -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
TRIAL := $(BIN)/python -m twisted.trial --random=0

.PHONY: demo demo-kill test plugins coverage lint types bench bench-quick bench-speech soak clean

demo: .venv/installed
	$(BIN)/voiced demo

# Kills the daemon in the middle of a sentence: its caller hears all of it.
demo-kill: .venv/installed
	$(BIN)/voiced demo-kill

test: .venv/installed
	$(TRIAL) $(JOBS) tests

# A third party's plugins, installed beside voiced as anybody would install them, and not among its own: their tests,
# and their settings and flows. What the settings name is pretended: nothing is connected to.
ACME := PYTHONPATH=$(CURDIR)/build/plugins SERVER_DOMAIN=voice.example.com TWILIO_ACCOUNT_SID=AC00000000000000000000000000000000 \
	TWILIO_AUTH_TOKEN=pretended ELEVENLABS_AGENT_ID=agent_pretended ELEVENLABS_API_KEY=pretended ACME_KEY=pretended

plugins: .venv/installed
	rm -rf build/plugins examples/acme/build
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target build/plugins ./examples/acme
	$(ACME) $(TRIAL) examples/acme/tests/test_*.py
	$(ACME) $(BIN)/voiced check --config examples/acme/voiced.yaml

# The suite once more, with few examples and without what runs elsewhere: in processes of its own, for hours of calls.
# The proof that floors 0-3 are covered, branch by branch.
ELSEWHERE := $(addprefix tests/test_,api_schemathesis.py cli_demokill.py cli_dial_process.py docs_plugins.py examples.py \
	net_conformance.py proxies.py replay.py service.py shared_processes.py soak.py twistd.py)

coverage: .venv/installed
	$(BIN)/coverage erase
	VOICED_EXAMPLES=brief $(BIN)/coverage run -m twisted.trial --random=0 $(JOBS) \
		$(filter-out $(ELSEWHERE),$(wildcard tests/test_*.py))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/installed
	$(BIN)/mypy
	MYPYPATH=examples/acme $(BIN)/mypy --package acme_voiced

# What voiced costs beside what people would write instead: bench/report.md, on a machine that does nothing else. The
# quick form is for seeing that it works; its report goes to build/bench.
bench: .venv/bench
	$(BIN)/python -m bench whole

bench-quick: .venv/bench
	$(BIN)/python -m bench quick

# Speech and hearing, and the daemon with all its doubles in one process.
bench-speech: .venv/installed
	$(BIN)/python -m bench.doubles
	$(BIN)/python -m bench.bargein
	$(BIN)/python -m bench.local_agent

.venv/bench: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

# Thousands of calls on one daemon, while everything goes wrong: make soak SOAK="--calls 50000 --seed 7 --minutes 60"
soak: .venv/installed
	$(BIN)/python -m bench.soak $(SOAK)

.venv/installed: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "voiced needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[local,test,dev]'
	touch $@

clean:
	rm -rf .venv build *.egg-info examples/acme/build examples/acme/*.egg-info _trial_temp* .coverage config/var demo.wav
