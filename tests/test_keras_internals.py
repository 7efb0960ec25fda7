"""Every private name of Keras and its backends that the package uses is there.

A new one is added to `NAMES_OF...` or `MODULES_OF`, beside an object that must have it:
to those of Keras, or of the backend without which it is not there. Any version of Keras
may rename it: then this test says so, before a training does.
"""

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from backend_in_use import JIT
from backend_in_use import NAME as BACKEND

from keras_extras.callbacks import inference_mode_evaluation

PACKAGE = Path(__file__).parents[1] / "keras_extras"
# Where private names may be used, and who needs one elsewhere: to override a method.
INSIDE = ("keras_internals", "backends")
OUTSIDE = {
    "optimizers/schedule_free_adamw.py",
    "uncertainty/stochastic.py",
    "uncertainty/torch/own_draws.py",
}
# A method of named tuples, and what we put on an object of TensorFlow ourselves.
OURS = {"_replace", "_needs"}


def torch_itself():
    return importlib.import_module("torch")


@functools.cache
def trained_model():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, gradient_accumulation_steps=2)
    model.compile(optimizer, "mse", metrics=["mae"], jit_compile=JIT)
    model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)
    return model


def tensorflow():
    return importlib.import_module("tensorflow")


@functools.cache
def graph():
    tf = tensorflow()
    function = tf.function(lambda x: tf.cond(x > 0, lambda: x + 1.0, lambda: x))
    return function.get_concrete_function(tf.TensorSpec((), tf.float32)).graph


def iterator():
    return iter(tensorflow().data.Dataset.from_tensors(np.zeros(2)))


def built(optimizer):
    optimizer.build([keras.Variable(0.0)])
    return optimizer


def multi_optimizer():
    inner = keras.optimizers.SGD()
    return keras.optimizers.MultiOptimizer(lambda variable: inner)


def context():
    return importlib.import_module("tensorflow.python.eager.context").context()


def fit():
    return inspect.unwrap(keras.Model.fit)


def adapter():
    """Returns Keras' adapter of arrays, which iterators over epochs hold."""
    module = importlib.import_module("keras.src.trainers.data_adapters")
    return module.get_data_adapter(np.zeros((4, 4)), batch_size=2)


def optimizer_class():
    return inspect.getmodule(keras.optimizers.Optimizer.exclude_from_weight_decay)


class Text:
    """A source text that has the names which stand in it."""

    def __init__(self, source):
        self._names = set(re.findall(r"\b_\w+", inspect.getsource(source)))

    def __getattr__(self, name):
        if name in self._names:
            return True
        raise AttributeError(name)


def text_of(module):
    return Text(importlib.import_module(f"tensorflow.python.{module}"))


# For each name an object that must have it, or the text that must.
NAMES_OF_KERAS = {
    # Layers and models
    "_apply_scores": lambda: keras.layers.Attention(),
    "_call_has_training_arg": lambda: keras.layers.Dropout(0.5),
    "_create_dropout_mask": lambda: keras.layers.LSTMCell(1),
    "_flatten_layers": keras.layers.Layer,
    "_functional": lambda: keras.Sequential([keras.Input((1,))]),
    "_inputs_struct": trained_model,
    "_keras_history": lambda: keras.Input((1,)),
    "_layers": keras.layers.Layer,
    "_loss_ids": keras.layers.Layer,
    "_losses": keras.layers.Layer,
    "_nodes_by_depth": trained_model,
    "_metrics": lambda: trained_model()._compile_metrics,
    "_non_trainable_variables": keras.layers.Layer,
    "_outputs_struct": trained_model,
    "_seed_generators": keras.layers.Layer,
    "_standardize_inputs": trained_model,
    "_trainable": keras.layers.Layer,
    "_trainable_variables": keras.layers.Layer,
    "_value": lambda: keras.Variable(0.0),
    # Training
    "_batch_size": adapter,
    "_shuffle": adapter,
    "_compile_config": trained_model,
    "_compile_loss": trained_model,
    "_compile_metrics": trained_model,
    "_compiled_trainable_state": trained_model,
    "_compute_loss": trained_model,
    "_direction": keras.metrics.Accuracy,
    "_eval_epoch_iterator": lambda: Text(fit()),
    "_flat_losses": lambda: trained_model()._compile_loss,
    "_initial_epoch": trained_model,
    "_model": keras.callbacks.Callback,
    "_save_model": lambda: keras.callbacks.ModelCheckpoint,
    "_symbolic_build": trained_model,
    "_user_metrics": lambda: trained_model()._compile_metrics,
    "_training_metadata_path": lambda: keras.callbacks.BackupAndRestore("backup"),
    # Optimizers
    "_accumulated_gradients": lambda: trained_model().optimizer,
    "_exclude_from_weight_decay": lambda: Text(optimizer_class()),
    "_exclude_from_weight_decay_pattern": lambda: Text(optimizer_class()),
    "_get_variable_index": lambda: trained_model().optimizer,
    "_inner_optimizers": multi_optimizer,
    "_iterations": lambda: trained_model().optimizer,
    "_learning_rate": lambda: trained_model().optimizer,
    "_model_variables_moving_average": lambda: trained_model().optimizer,
    "_momentums": lambda: built(keras.optimizers.ScheduleFreeAdamW()),
    "_optimizer_map": multi_optimizer,
    "_trainable_variables_indices": lambda: trained_model().optimizer,
    "_untrack_variable": lambda: trained_model().optimizer,
    "_var_key": lambda: trained_model().optimizer,
    "_variables": lambda: trained_model().optimizer,
}
# Those that are there on one backend only, with what Keras has for it.
NAMES_OF = {
    "tensorflow": {
        "_distribute_strategy": trained_model,
        "_distributed_dataset": lambda: Text(inspect.getmodule(fit())),
        "_devices": lambda: text_of("data.ops.multi_device_iterator_ops"),
        "_from_components": lambda: iterator()._type_spec,
        "_functions": graph,
        "_inputs": lambda: tensorflow().data.Dataset.range(1),
        "_is_stateful": lambda: graph().get_operations()[0],
        "_iterator": lambda: text_of("distribute.input_lib"),
        "_iterator_resource": iterator,
        "_iterators": lambda: text_of("distribute.input_lib"),
        "_replica_order": lambda: text_of("distribute.input_lib"),
        "_rng": lambda: text_of("eager.context"),
        "_seed": context,
        "_set_global_seed": context,
        "_source_device": lambda: text_of("data.ops.multi_device_iterator_ops"),
        "_strategy": lambda: text_of("distribute.input_lib"),
        "_to_proto": lambda: tensorflow().data.Options(),
        "_type_spec": iterator,
    },
    "jax": {
        "_get_iterator": lambda: Text(inspect.getmodule(fit())),
        "_get_jax_state": trained_model,
        "_jax_state": trained_model,
        "_jax_state_synced": trained_model,
        "_update_metrics_variables": trained_model,
    },
    "torch": {
        "_get_iterator": lambda: inspect.getmodule(fit()).TorchEpochIterator,
        "_sample_dirichlet": torch_itself,
        "_standard_gamma": torch_itself,
    },
}
NAMES = {**NAMES_OF_KERAS, **NAMES_OF[BACKEND]}
# What is imported from modules that are not public.
MODULES_OF = {
    "keras": {
        "keras.src.backend": {"rnn"},
        "keras.src.backend.common": {"global_state"},
        "keras.src.backend.common.masking": {"get_keras_mask", "set_keras_mask"},
        "keras.src.saving.serialization_lib": {"SafeModeScope"},
    },
    "tensorflow": {
        "tensorflow.python.data.ops": {"multi_device_iterator_ops"},
        "tensorflow.python.data.ops.iterator_ops": {"OwnedIterator"},
        "tensorflow.python.data.ops.map_op": {"_MapDataset"},
        "tensorflow.python.data.ops.multi_device_iterator_ops": {
            "OwnedMultiDeviceIterator"
        },
        "tensorflow.python.data.util": {"structure"},
        "tensorflow.python.eager": {"context"},
        "tensorflow.python.framework": {"op_def_registry"},
        "tensorflow.python.ops": {"gen_data_flow_ops", "gen_dataset_ops"},
    },
    "jax": {},
    "torch": {},
}
MODULES = {**MODULES_OF["keras"], **MODULES_OF[BACKEND]}
# Variables of the function `fit`, which are read from its frame.
LOCALS = {
    *("callbacks", "epoch_iterator", "initial_epoch"),
    *("x", "y", "sample_weight", "batch_size"),
}


def definitions(tree):
    """Returns the private names that a module defines itself."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and is_stored(node):
            found.add(node.attr)
    return found


def is_stored(node):
    return is_own(node) and isinstance(node.ctx, ast.Store)


def is_own(node):
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


@functools.cache
def modules():
    """Returns the tree of each module of the package, by its path in it."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text())
        for path in sorted(PACKAGE.rglob("*.py"))
    }


@functools.cache
def used():
    """Returns where each private name of others is used."""
    everywhere = set().union(*map(definitions, modules().values()))
    found = {}
    for path, tree in modules().items():
        # In the two places all that is not of `self` is taken for an object of others.
        here = set() if path.split("/")[0] in INSIDE else definitions(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                name, ours = node.attr, everywhere if is_own(node) else here
            elif isinstance(node, ast.Constant):
                name, ours = str(node.value), here
            else:
                continue
            if re.fullmatch(r"_[a-z]\w*", name) and name not in {*ours, *OURS}:
                found.setdefault(name, set()).add(path)
    return found


def imported():
    """Returns what is imported from modules that are not public."""
    found = {}
    for tree in modules().values():
        for node in ast.walk(tree):
            names = getattr(node, "names", [])
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                if ".src" in module or ".python." in module:
                    found.setdefault(module, set()).update(n.name for n in names)
            elif isinstance(node, ast.Import):
                assert not any(".src" in n.name or ".python." in n.name for n in names)
    return found


def locals_read():
    """Returns the names of local variables that are looked up in the frame of `fit`."""
    found = set(inference_mode_evaluation._LOCALS)
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = ast.unparse(node.func)
                if function == "local_of_fit" or function.endswith("f_locals.get"):
                    found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return found - {"self"}


def test_list_holds_every_private_name_that_is_used_and_no_other():
    listed = set(NAMES_OF_KERAS).union(*NAMES_OF.values())
    assert {name: places for name, places in used().items() if name not in listed} == {}
    assert listed - set(used()) == set()


def test_name_of_a_backend_is_not_one_of_keras():
    for backend, names in NAMES_OF.items():
        assert not set(names) & set(NAMES_OF_KERAS), backend


@pytest.mark.parametrize("name", NAMES)
def test_private_name_is_there(name):
    assert hasattr(NAMES[name](), name)


def test_keras_is_reached_into_from_two_places():
    places = set().union(*used().values())
    assert {p for p in places if p.split("/")[0] not in INSIDE} == OUTSIDE


def test_list_holds_every_module_that_is_not_public_and_no_other():
    found = imported()
    listed = {m: names for each in MODULES_OF.values() for m, names in each.items()}
    assert {
        m: names for m, names in found.items() if names - listed.get(m, set())
    } == {}
    assert {
        m: names for m, names in listed.items() if names - found.get(m, set())
    } == {}


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in MODULES.items() for n in sorted(names)]
)
def test_what_is_imported_from_a_module_that_is_not_public_is_there(module, name):
    try:
        assert hasattr(importlib.import_module(module), name)
    except AssertionError:
        importlib.import_module(f"{module}.{name}")


def test_local_variables_of_fit_are_there():
    assert locals_read() == LOCALS
    assert set(fit().__code__.co_varnames) >= LOCALS


def test_a_name_that_is_not_listed_is_found(tmp_path, monkeypatch):
    (tmp_path / "module.py").write_text(
        "def reach(model):\n    return model._secret, getattr(model, '_other')\n"
    )
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    modules.cache_clear(), used.cache_clear()
    try:
        assert used() == {"_secret": {"module.py"}, "_other": {"module.py"}}
    finally:
        modules.cache_clear(), used.cache_clear()
