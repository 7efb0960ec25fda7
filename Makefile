PYTHON ?= python3
# What Keras trains on: tensorflow, jax or torch, each in an environment of its own.
BACKEND ?= tensorflow
ENVIRONMENT_tensorflow := .venv
ENVIRONMENT_jax := .venv-jax
ENVIRONMENT_torch := .venv-torch
VENV = $(or $(ENVIRONMENT_$(BACKEND)),$(error BACKEND must be tensorflow, jax or torch: $(BACKEND)))
BIN = $(VENV)/bin
export KERAS_BACKEND = $(BACKEND)
# `dev` brings TensorFlow, which must not be there beside another backend.
TESTING := $(VENV)/installed-$(if $(filter tensorflow,$(BACKEND)),dev,test)

# On nets this small torch's threads wait for each other for longer than they compute.
ifeq ($(BACKEND),torch)
demo: export OMP_NUM_THREADS ?= 1
endif

.PHONY: demo demo-tuner examples test lint types docs board bench bench-accounted bench-diagnosis bench-growth bench-interruptions bench-memory bench-repairs bench-start bench-plugin bench-tab bench-tuner fuzz identity screenshots

# The same whatever Keras trains on.
lint types docs board screenshots: override BACKEND := tensorflow

demo: $(VENV)/installed-examples
	$(BIN)/python examples/demo.py $(ARGS)

demo-tuner: $(VENV)/installed-examples,tuner
	$(BIN)/python examples/tuner.py $(ARGS)

examples: $(VENV)/installed-examples,tuner
	$(BIN)/python examples/readme.py $(ARGS)

test: $(TESTING)
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

screenshots: .venv/installed-dev .venv/installed-examples,tuner
	@test -d logs/demo || $(MAKE) demo
	@test -d logs/demo-tuner || $(MAKE) demo-tuner ARGS='--trials 23 --epochs 4'
	$(BIN)/python docs/screenshots.py $(ARGS)

identity: $(TESTING)
	$(BIN)/python benchmarks/identity.py $(ARGS)

fuzz: $(TESTING)
	$(BIN)/python tests/fuzzing.py $(ARGS)

bench: $(TESTING)
	$(BIN)/python benchmarks/overhead.py $(ARGS)

bench-accounted: $(TESTING)
	$(BIN)/python benchmarks/accounted.py $(ARGS)

bench-start: $(TESTING)
	$(BIN)/python benchmarks/startup.py $(ARGS)

bench-growth: $(TESTING)
	$(BIN)/python benchmarks/growth.py $(ARGS)

bench-memory: $(TESTING)
	$(BIN)/python benchmarks/memory.py $(ARGS)

bench-interruptions: $(TESTING)
	$(BIN)/python benchmarks/interruptions.py $(ARGS)

bench-plugin: $(TESTING)
	$(BIN)/python benchmarks/plugin.py $(ARGS)

bench-tab: $(TESTING)
	$(BIN)/python benchmarks/plugin_browser.py $(ARGS)

bench-diagnosis: $(TESTING)
	$(BIN)/python benchmarks/diagnosis.py $(ARGS)

bench-repairs: $(TESTING)
	$(BIN)/python benchmarks/repairs.py $(ARGS)

bench-tuner: $(TESTING)
	$(BIN)/python benchmarks/tuner.py $(ARGS)

# `%` are extras of pyproject.toml; the stamp is older than it after a change. A torch
# beside pip (PIP_FIND_LINKS) comes first, such as one for the CPU alone: that of the
# index brings gigabytes for GPUs.
define install
	$(PYTHON) -m venv $(@D)
	$(if $(filter torch,$(1)),-$(@D)/bin/python -m pip install --quiet --no-index --no-deps torch 2>/dev/null)
	$(@D)/bin/python -m pip install --quiet --editable '.[$*,$(1)]'
	touch $@
endef

.venv/installed-%: pyproject.toml
	$(call install,tensorflow)

.venv-jax/installed-%: pyproject.toml
	$(call install,jax)

.venv-torch/installed-%: pyproject.toml
	$(call install,torch)
