"""Recomputes the statistics of training steps by NumPy and gradients of its own.

Nothing here knows how the callbacks measure: a twin of the model gets the variables as
they were before the step, seeds of random draws among them, and repeats the step.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import replay
from backend_in_use import gradients_of

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from identity_matrix import CASES
from identity_matrix import SETUPS

BATCH, STEPS = 8, 3
GRADIENTS = (
    "gradient_norm",
    "gradient_mean_abs",
    "gradient_max_abs",
    "gradient_zero_fraction",
    "gradient_nonfinite_fraction",
    "weight_norm",
    "update_norm",
    "update_ratio",
)
ACTIVATIONS = (
    "activation_mean",
    "activation_std",
    "activation_min",
    "activation_max",
    "activation_zero_fraction",
    "activation_dead_fraction",
    "activation_nonfinite_fraction",
)


class Recording:
    """A training of a few steps, watched by `callback`, and its twin."""

    def __init__(self, name, callback, optimizer=None):
        self.case = CASES[name]
        model = self._make(optimizer)
        arguments = self.case.data()
        rows = BATCH * STEPS
        self.arrays = [
            part_of(arguments.get(key), slice(rows))
            for key in ("x", "y", "sample_weight")
        ]
        x, y, weights = self.arrays
        if not model.built:
            model(self.batch(0)[0])
        self.snapshots = replay.Snapshots()
        model.fit(
            x,
            y,
            sample_weight=weights,
            batch_size=BATCH,
            shuffle=False,
            verbose=0,
            callbacks=[self.snapshots, callback],
        )
        self.history = callback.history
        self.twin = self._make(optimizer)
        self.twin(self.batch(0)[0])  # builds it

    def _make(self, optimizer):
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        model = self.case.build()
        self.case.compile_model(model, SETUPS["sgd"])
        if optimizer is not None:
            model.optimizer = optimizer()
        return model

    def batch(self, step):
        """Returns inputs, targets and weights of a step, as tensors."""
        part = slice(BATCH * step, BATCH * (step + 1))
        return [
            keras.tree.map_structure(keras.ops.convert_to_tensor, part_of(each, part))
            if each is not None
            else None
            for each in self.arrays
        ]

    def gradients(self, step):
        """Returns an array of the statistics of each layer, by statistic."""
        before, after = self.snapshots.before[step], self.snapshots.after[step]
        replay.restore(self.twin, before)
        x, y, weights = self.batch(step)
        variables = self.twin.trainable_variables

        def loss():
            outputs = self.twin(x, training=True)
            return self.twin.compute_loss(
                x=x, y=y, y_pred=outputs, sample_weight=weights, training=True
            )

        found = gradients_of(loss, variables)
        gradients = dict(zip([id(v) for v in variables], found, strict=True))
        old, new = [
            dict(zip([id(v) for v in self.twin.variables], values, strict=True))
            for values in (before, after)
        ]
        rows = [self._variables_of_row(path) for path in self.history.layers]
        known = [of_layer(keys, gradients, old, new) for keys in rows]
        return {
            **{name: np.array([row[name] for row in known]) for name in GRADIENTS},
            "mere_rounding": np.array(
                [mere_rounding(keys, gradients) for keys in rows]
            ),
        }

    def _variables_of_row(self, path):
        """Returns the keys of what a layer trains, unless a layer below has a row."""
        layers = dict(paths_of(self.twin))
        others = {
            id(v)
            for each in self.history.layers
            if each.startswith(f"{path}/")
            for v in layers[each].variables
        }
        found = [id(v) for v in layers[path].trainable_variables]
        return [key for key in found if key not in others]

    def _restore(self, step, draws_of):
        """Brings back the variables before a step, with the seeds before another."""
        values = [
            seeds if "seed_generator" in variable.path else value
            for variable, value, seeds in zip(
                self.twin.variables,
                self.snapshots.before[step],
                self.snapshots.before[draws_of],
                strict=True,
            )
        ]
        drawn = self.snapshots.before[draws_of].generator
        replay.restore(self.twin, replay.Values(values, drawn))

    def activations(self, step, draws_of=None):
        """Returns what the layers return that are called once, by their names."""
        self._restore(step, step if draws_of is None else draws_of)
        wanted = {
            layer.name: layer.output
            for layer in self.twin.layers
            if layer.name in self.history.layers and _is_called_once(layer)
        }
        outputs = keras.Model(self.twin.inputs, wanted)
        x, _, _ = self.batch(step)
        found = outputs(keras.tree.flatten(x), training=True)
        return {n: keras.ops.convert_to_numpy(value) for n, value in found.items()}


def part_of(arrays, part):
    if arrays is None:
        return None
    return keras.tree.map_structure(lambda array: array[part], arrays)


def _is_called_once(layer):
    try:
        return layer.output is not None
    except (AttributeError, ValueError):
        return False


def paths_of(layer, above=""):
    """Yields all layers below `layer`, after their names joined by slashes."""
    for each in layer._layers:
        yield above + each.name, each
        yield from paths_of(each, f"{above}{each.name}/")


def of_layer(keys, gradients, old, new):
    """Returns the statistics of one layer whose variables have the `keys`."""
    if not keys:
        return dict.fromkeys(GRADIENTS, np.nan)
    weights = replay.flat([old[key] for key in keys])
    update = replay.flat([new[key] for key in keys]) - weights
    present = [gradients[key] for key in keys if gradients[key] is not None]
    gradient = replay.flat(present) if present else np.array([np.nan])
    return {
        "gradient_norm": np.linalg.norm(gradient),
        "gradient_mean_abs": np.mean(np.abs(gradient)),
        "gradient_max_abs": np.max(np.abs(gradient)),
        "gradient_zero_fraction": np.mean(gradient == 0) if present else np.nan,
        "gradient_nonfinite_fraction": 0.0 if present else np.nan,
        "weight_norm": np.linalg.norm(weights),
        "update_norm": np.linalg.norm(update),
        "update_ratio": np.linalg.norm(update) / np.linalg.norm(weights),
    }


def mere_rounding(keys, gradients):
    """Returns the share of a layer's elements whose gradient is 0 but for rounding.

    Such as a bias before a normalisation: what it adds is subtracted at once.
    """
    largest = {k: np.abs(g).max() for k, g in gradients.items() if g is not None}
    limit = 1e-6 * max(largest.values())
    sizes = {key: gradients[key].size for key in keys if key in largest}
    noise = [size for key, size in sizes.items() if 0 < largest[key] < limit]
    return sum(noise) / max(sum(sizes.values()), 1)


def of_output(output):
    """Returns the statistics of what a layer returned."""
    values = output.astype("float64")
    units = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
    return {
        "activation_mean": values.mean(),
        "activation_std": values.std(),
        "activation_min": values.min(),
        "activation_max": values.max(),
        "activation_zero_fraction": np.mean(values == 0),
        "activation_dead_fraction": np.mean(units == 0),
        "activation_nonfinite_fraction": np.mean(~np.isfinite(values)),
    }
