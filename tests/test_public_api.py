"""What is public is documented, and importing it is cheap."""

import functools
import inspect
import json
import subprocess
import sys

import keras
import keras_tuner
import pytest

import keras_extras
from keras_extras import callbacks
from keras_extras import constraints
from keras_extras import diagnostics
from keras_extras import evaluation
from keras_extras import finder
from keras_extras import layers
from keras_extras import optimizers
from keras_extras import schedules
from keras_extras import tuner
from keras_extras import uncertainty
from keras_extras.layers.configured import Configured

MODULES = (
    callbacks,
    constraints,
    diagnostics,
    evaluation,
    finder,
    layers,
    optimizers,
    schedules,
    tuner,
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
        keras_tuner.HyperModel,
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


def printed_by(code, *arguments):
    """Returns what a fresh process prints, from its last line as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout.splitlines()[-1])


FRESH = """
import json, sys
import keras
found = {"keras": list(sys.modules)}
import keras_extras
found["keras_extras"] = list(sys.modules)
model = keras.models.load_model(sys.argv[1])

def rate_at(step):
    model.optimizer.iterations.assign(step)
    return float(model.optimizer.learning_rate)

found["layers"] = [type(layer).__name__ for layer in model.layers]
found["rates"] = [rate_at(step) for step in range(20)]
found["registered"] = list(keras.saving.get_custom_objects())
found["loaded"] = list(sys.modules)
from keras_extras import callbacks, constraints, diagnostics, evaluation, finder
found["all"] = list(sys.modules)
print(json.dumps(found))
"""


@functools.cache
def curve():
    cycle = schedules.OneCycle(10, max_rate=0.5)
    decay = schedules.Exponential(0.5, decay_steps=3)
    return schedules.Join([schedules.Warmup(cycle, 4), decay], [12])


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """What a process finds that imports this package and loads a model."""
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    stack = [layers.MCDropout(0.5), layers.ALWAYS_ON[keras.layers.GRU](2)]
    model = keras.Sequential([keras.Input((3, 1)), *stack, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(curve()), "mse")
    model.save(path)
    return printed_by(FRESH, path)


def roots(modules):
    return {name.split(".")[0] for name in modules}


def test_import_brings_in_nothing_that_a_training_may_not_need(fresh):
    added = set(fresh["keras_extras"]) - set(fresh["keras"])
    ours = {name.split(".")[1] for name in added if name.startswith("keras_extras.")}
    assert ours == {"checks", "layers", "optimizers", "schedules"}
    unwanted = {"tensorboard", "sklearn", "plotly", "keras_tuner", "matplotlib"}
    assert "keras_extras.callbacks.monitor" in fresh["all"]
    assert not roots(set(fresh["all"]) - set(fresh["keras"])) & unwanted


def test_saved_model_loads_after_the_import_alone(fresh):
    assert fresh["layers"] == ["MCDropout", "MCGRU", "Dense"]
    assert fresh["rates"] == [float(curve()(step)) for step in range(20)]
    assert "keras_extras.callbacks" not in fresh["loaded"]
    registered = keras.saving.get_custom_objects()
    ours = {name for name in registered if name.startswith("keras_extras>")}
    assert len(ours) > 20
    assert ours <= set(fresh["registered"])


def test_names_that_are_imported_on_first_use_are_listed_and_there():
    assert set(keras_extras.__all__) < set(dir(keras_extras))
    assert all(hasattr(keras_extras, name) for name in keras_extras.__all__)
    assert keras_extras.find_learning_rate is finder.find_learning_rate
    with pytest.raises(AttributeError, match="has no attribute 'callback'"):
        _ = keras_extras.callback


LAYOUT = """
import json, sys
from keras_diagnostics import schema
print(json.dumps(list(sys.modules)))
"""


def test_layout_of_the_events_needs_neither_keras_nor_tensorflow():
    found = printed_by(LAYOUT)
    assert "keras_diagnostics.schema" in found
    assert not roots(found) & {"keras", "tensorflow", "keras_extras", "numpy"}
