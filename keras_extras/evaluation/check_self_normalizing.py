from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_extras.checks import check_count
from keras_extras.data.batches import is_dataset
from keras_extras.diagnostics import self_normalizing
from keras_extras.diagnostics.condition import Condition
from keras_extras.diagnostics.describe import describe_layers
from keras_extras.diagnostics.structure import LayerSpec
from keras_extras.evaluation.layer_statistics import LayerStatistics
from keras_extras.evaluation.layer_statistics import Moments
from keras_extras.evaluation.layer_statistics import listen
from keras_extras.evaluation.layer_statistics import measure
from keras_extras.evaluation.layer_statistics import some_batches
from keras_extras.evaluation.self_normalizing_check import SelfNormalizingCheck
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.building import build_optimizer
from keras_extras.keras_internals.building import is_built
from keras_extras.keras_internals.overrides import attributes_kept
from keras_extras.keras_internals.snapshot import Snapshot
from keras_extras.keras_internals.snapshot import random_state_kept

# Twenty layers of 30 units stray to a mean of 0.14 and a deviation of 0.77 by chance.
_MEAN_LIMIT = 0.25
_STD_LIMIT = 1.4
_INPUT_MEAN_LIMIT, _INPUT_STD_LIMITS = 0.25, (0.8, 1.25)
_FEATURE_MEAN_LIMIT = 0.5
_BATCH_SIZE = 256
_NORMALIZE = "`norm = keras.layers.Normalization(); norm.adapt(x_train)`"


def check_self_normalizing(
    model: Any,
    x: Any,
    y: Any = None,
    epochs: int = 0,
    max_rows: int = 2000,
    batch_size: int | None = None,
    **fit_arguments: Any,
) -> SelfNormalizingCheck:
    """Checks the conditions for a self-normalising network with SELU.

    A plain chain of dense layers with SELU and LeCun's initialisation keeps mean 0 and
    standard deviation 1 from layer to layer, without normalisation layers, if the
    inputs have them. If one condition is violated, this no longer holds. Use it on a
    new model, before its training; on a trained model, the condition `"measured"` is
    about the trained weights.

    The model is not changed, even by `epochs` of training: all of it is restored. A
    model that is not built yet is built. For networks with other activation functions
    use `activation_profile`.

    Args:
        model: Keras model; compiled, if `epochs` is above 0.
        x: Inputs as for `predict`: arrays or a dataset.
        y: Targets, as for `fit`, needed to train. Defaults to `None`.
        epochs: Integer >= 0, number of epochs to train before the layers are measured
            again; `0` to measure once. Defaults to `0`.
        max_rows: Integer >= 2, number of rows to measure on: random rows of arrays, the
            first rows of a dataset. Defaults to `2000`.
        batch_size: Integer >= 1, number of rows per batch, or `None` for 256 to measure
            and that of `fit` to train. Defaults to `None`.
        **fit_arguments: Further arguments of `fit`.

    Returns:
        A `SelfNormalizingCheck`.

    Raises:
        ValueError: If an argument has no valid value, or if `epochs` is above 0 and the
            model has no optimizer.

    Example:

    ```python
    check = keras_extras.evaluation.check_self_normalizing(model, x)
    print(check.passed)
    print(check.report())
    ```

    References:
        Klambauer et al. (2017), "Self-normalizing neural networks".
    """
    check_count("epochs", epochs, least=0)
    check_count("max_rows", max_rows, least=2)
    if batch_size is not None:
        check_count("batch_size", batch_size)
        fit_arguments["batch_size"] = batch_size
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a Keras model. Received: model={model!r}")
    if epochs and getattr(model, "optimizer", None) is None:
        raise ValueError(
            "`model` must be compiled to be trained. Received: a model that is not, "
            f"and epochs={epochs}"
        )
    inputs = some_batches(x, max_rows, batch_size or _BATCH_SIZE)
    if epochs and not is_dataset(x):
        _check_targets(x, y)
    if not is_built(model):
        model(inputs[0], training=False)
    specs = describe_layers(model)
    before = measure(model, inputs)
    conditions = [
        *self_normalizing.conditions(specs),
        _inputs(model, specs, inputs),
        _measured(specs, before),
    ]
    after = None
    if epochs:
        after = _measure_trained(model, x, y, inputs, epochs, fit_arguments)
    return SelfNormalizingCheck(
        tuple(conditions),
        before.layers,
        before.mean,
        before.std,
        None if after is None else after.mean,
        None if after is None else after.std,
    )


def _check_targets(x: Any, y: Any) -> None:
    """Raises `ValueError` unless there is a target for each row of the inputs."""
    rows = np.shape(keras.tree.flatten(x)[0])[0]
    shapes = [np.shape(part) for part in keras.tree.flatten(y)]
    if not shapes or any(not shape or shape[0] != rows for shape in shapes):
        raise ValueError(
            f"`y` must hold a target for each of the {rows} rows to train with. "
            f"Received: y={y!r}"
        )


def _measure_trained(
    model: Any, x: Any, y: Any, inputs: list[Any], epochs: int, arguments: Any
) -> LayerStatistics:
    """Returns the statistics after a training of which nothing is left."""
    build_optimizer(model.optimizer, model.trainable_variables)
    snapshot = Snapshot(model)
    with random_state_kept(), attributes_kept(model, "history", "stop_training"):
        try:
            model.fit(x, y, **{"verbose": 0, **arguments, "epochs": epochs})
            return measure(model, inputs)
        finally:
            snapshot.restore()


def _inputs(model: Any, specs: Sequence[LayerSpec], inputs: list[Any]) -> Condition:
    """Checks that the first layer with weights gets mean 0 and deviation 1."""
    first = self_normalizing.first_weighted(specs)
    source = None if first is None else _source(first)
    if first is None or source is None:
        return Condition("inputs", None, None, "the first layer is not known", "")
    features = Moments()

    def heard(name: str, output: np.ndarray) -> None:
        features.add(output.reshape(-1, output.shape[-1]))

    if source:
        sites = [site for site in find_layers(model) if site.info.name == source]
        listen(model, sites, inputs, heard)
    else:
        for batch in inputs:
            for array in keras.tree.flatten(batch):
                heard("", keras.ops.convert_to_numpy(array))
    mean, std = np.asarray(features.mean), np.asarray(features.std)
    overall = float(np.sqrt(np.mean(np.square(std)) + np.var(mean)))
    offset = float(np.sqrt(np.mean(np.square(mean))))
    found = (
        f"'{first.name}' gets values of mean {mean.mean():.3g} and standard deviation "
        f"{overall:.3g}; the means of the features are {offset:.2g} off 0 "
        f"(limits {_INPUT_MEAN_LIMIT:g}, {_INPUT_STD_LIMITS[0]:g} to "
        f"{_INPUT_STD_LIMITS[1]:g}, {_FEATURE_MEAN_LIMIT:g})"
    )
    holds = (
        abs(float(mean.mean())) <= _INPUT_MEAN_LIMIT
        and _INPUT_STD_LIMITS[0] <= overall <= _INPUT_STD_LIMITS[1]
        and offset <= _FEATURE_MEAN_LIMIT
    )
    return Condition("inputs", holds, first.name, found, "" if holds else _NORMALIZE)


def _source(first: LayerSpec) -> str | None:
    """Returns the layer before, "" for the inputs of the model, `None` if unknown."""
    if first.inputs is None or len(first.inputs) > 1 or "" in first.inputs:
        return None
    return first.inputs[0] if first.inputs else ""


def _measured(specs: Sequence[LayerSpec], measured: LayerStatistics) -> Condition:
    """Checks that all layers that return SELU's values keep mean and deviation."""
    rows = [row for row, name in enumerate(measured.activations) if name == "selu"]
    if not rows:
        return Condition("measured", False, None, "no layer returns values of SELU", "")
    with np.errstate(divide="ignore"):
        apart = np.abs(np.log(measured.std[rows])) / np.log(_STD_LIMIT)
    strays = np.maximum(np.abs(measured.mean[rows]) / _MEAN_LIMIT, apart)
    worst = rows[int(np.argmax(np.nan_to_num(strays, nan=np.inf)))]
    holds = bool(np.all(strays <= 1.0))
    found = (
        f"'{measured.layers[worst]}' strays most: mean {measured.mean[worst]:.3g}, "
        f"standard deviation {measured.std[worst]:.3g} (limits {_MEAN_LIMIT:g}, "
        f"{1 / _STD_LIMIT:.2g} to {_STD_LIMIT:g})"
    )
    remedy = "" if holds else "what the conditions above need, and wider layers"
    return Condition("measured", holds, measured.layers[worst], found, remedy)
