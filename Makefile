PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-tuner test lint types board bench bench-diagnosis bench-tuner

demo: .venv/installed-examples
	$(BIN)/python examples/demo.py $(ARGS)

demo-tuner: .venv/installed-examples,tuner
	$(BIN)/python examples/tuner.py $(ARGS)

test: .venv/installed-dev
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

board: .venv/installed-examples
	$(BIN)/tensorboard --logdir logs/demo $(ARGS)

bench: .venv/installed-dev
	$(BIN)/python benchmarks/overhead.py $(ARGS)

bench-diagnosis: .venv/installed-dev
	$(BIN)/python benchmarks/diagnosis.py $(ARGS)

bench-tuner: .venv/installed-dev
	$(BIN)/python benchmarks/tuner.py $(ARGS)

# `%` is an extra of pyproject.toml; the stamp is older than it after a change.
.venv/installed-%: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
