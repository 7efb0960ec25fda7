"""What is public is documented, and importing it is cheap."""

import inspect
import subprocess
import sys

import keras
import pytest

import keras_extras
from keras_extras import callbacks
from keras_extras import constraints
from keras_extras import diagnostics
from keras_extras import finder
from keras_extras import layers
from keras_extras import schedules
from keras_extras import uncertainty
from keras_extras.layers.configured import Configured

MODULES = (
    callbacks,
    constraints,
    diagnostics,
    finder,
    layers,
    schedules,
    uncertainty,
)
PUBLIC = [
    (module, name)
    for module in MODULES
    for name in module.__all__
    if not isinstance(getattr(module, name), Configured)
]
CALLBACKS = [getattr(callbacks, name) for name in callbacks.__all__]
MONITORS = [callback for callback in CALLBACKS if hasattr(callback, "measures")]


def arguments_of(thing):
    if not isinstance(thing, type):
        return list(inspect.signature(thing).parameters)
    if vars(thing).get("__dataclass_fields__") or thing is uncertainty.MCPrediction:
        return []  # its attributes, which stand under `Attributes:`
    return list(inspect.signature(thing).parameters)


def section(text, title):
    """Returns the indented lines under `title:`."""
    lines = inspect.cleandoc(text).splitlines()
    body = []
    for line in lines[lines.index(f"{title}:") + 1 :]:
        if line and not line.startswith(" "):
            break
        body.append(line)
    return "\n".join(body)


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_name_is_documented_with_an_example(module, name):
    thing = getattr(module, name)
    assert inspect.getdoc(thing)
    assert "```python" in inspect.getdoc(thing).split("Example:")[1]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_each_argument_is_documented(module, name):
    thing = getattr(module, name)
    for argument in arguments_of(thing):
        assert f"{argument}:" in section(inspect.getdoc(thing), "Args")


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_methods_and_properties_are_documented(module, name):
    thing = getattr(module, name)
    bases = (
        keras.callbacks.Callback,
        keras.layers.Layer,
        keras.optimizers.schedules.LearningRateSchedule,
    )
    for attribute, value in vars(thing).items():
        is_ours = inspect.isfunction(value) or isinstance(value, property)
        inherited = any(hasattr(base, attribute) for base in bases)
        if is_ours and not attribute.startswith("_") and not inherited:
            assert inspect.getdoc(value), attribute


def test_fields_of_a_finding_are_documented():
    finding = diagnostics.Finding
    for field in finding.__dataclass_fields__:
        assert f"{field}:" in section(finding.__doc__, "Attributes")


@pytest.mark.parametrize("callback", CALLBACKS)
def test_callback_is_one_of_keras(callback):
    assert issubclass(callback, keras.callbacks.Callback)


@pytest.mark.parametrize("callback", MONITORS)
def test_monitor_needs_no_arguments_and_has_a_history(callback):
    assert callback().history is not None


@pytest.mark.parametrize("callback", CALLBACKS)
def test_defaults_are_those_that_the_documentation_names(callback):
    documented = " " + " ".join(section(callback.__doc__, "Args").split())
    for name, parameter in inspect.signature(callback).parameters.items():
        text = documented.split(f" {name}: ", maxsplit=1)[1]
        if parameter.default is parameter.empty:
            continue
        stated = text.split("Defaults to")[1].split("`")[1]
        value = parameter.default
        expected = f'"{value}"' if isinstance(value, str) else repr(value)
        assert stated == expected


def test_all_names_are_sorted_and_there():
    for module in MODULES:
        assert list(module.__all__) == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


def test_version_is_that_of_the_distribution():
    assert keras_extras.__version__.count(".") == 2


def modules_after(statement):
    """Returns the modules that a fresh process has after a statement."""
    code = f"{statement}\nimport sys\nprint('modules:', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    (line,) = [row for row in done.stdout.splitlines() if row.startswith("modules:")]
    return set(line.split()[1:])


def test_import_brings_in_nothing_that_a_training_may_not_need():
    found = modules_after("import keras\nimport keras_extras")
    added = found - modules_after("import keras")
    assert "keras_extras.callbacks" in added
    unwanted = ("tensorboard", "sklearn", "plotly", "keras_tuner", "matplotlib")
    assert [name for name in added if name.split(".")[0] in unwanted] == []


def test_layout_of_the_events_needs_neither_keras_nor_tensorflow():
    found = modules_after("from tensorboard_plugins.keras_diagnostics import schema")
    assert "tensorboard_plugins.keras_diagnostics.schema" in found
    roots = {name.split(".")[0] for name in found}
    assert not roots & {"keras", "tensorflow", "keras_extras", "numpy"}
