PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo demo-tuner examples test lint types docs board bench bench-accounted bench-diagnosis bench-growth bench-interruptions bench-memory bench-start bench-plugin bench-tab bench-tuner fuzz identity screenshots

demo: .venv/installed-examples
	$(BIN)/python examples/demo.py $(ARGS)

demo-tuner: .venv/installed-examples,tuner
	$(BIN)/python examples/tuner.py $(ARGS)

examples: .venv/installed-examples,tuner
	$(BIN)/python examples/readme.py $(ARGS)

test: .venv/installed-dev
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	PYTHONPATH=.:tensorboard_plugins $(BIN)/lint-imports --no-cache

types: .venv/installed-dev
	$(BIN)/mypy

docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && $(BIN)/python docs/check_links.py site

board: .venv/installed-tensorboard
	@test -d logs/demo || echo 'No logs yet: run "make demo" and keep this open.'
	$(BIN)/tensorboard --logdir logs/demo $(ARGS)

screenshots: .venv/installed-dev
	@test -d logs/demo || $(MAKE) demo
	$(BIN)/python docs/screenshots.py $(ARGS)

identity: .venv/installed-dev
	$(BIN)/python benchmarks/identity.py $(ARGS)

fuzz: .venv/installed-dev
	$(BIN)/python tests/fuzzing.py $(ARGS)

bench: .venv/installed-dev
	$(BIN)/python benchmarks/overhead.py $(ARGS)

bench-accounted: .venv/installed-dev
	$(BIN)/python benchmarks/accounted.py $(ARGS)

bench-start: .venv/installed-dev
	$(BIN)/python benchmarks/startup.py $(ARGS)

bench-growth: .venv/installed-dev
	$(BIN)/python benchmarks/growth.py $(ARGS)

bench-memory: .venv/installed-dev
	$(BIN)/python benchmarks/memory.py $(ARGS)

bench-interruptions: .venv/installed-dev
	$(BIN)/python benchmarks/interruptions.py $(ARGS)

bench-plugin: .venv/installed-dev
	$(BIN)/python benchmarks/plugin.py $(ARGS)

bench-tab: .venv/installed-dev
	$(BIN)/python benchmarks/plugin_browser.py $(ARGS)

bench-diagnosis: .venv/installed-dev
	$(BIN)/python benchmarks/diagnosis.py $(ARGS)

bench-tuner: .venv/installed-dev
	$(BIN)/python benchmarks/tuner.py $(ARGS)

# `%` is an extra of pyproject.toml; the stamp is older than it after a change.
.venv/installed-%: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
