"""Mean and standard deviation of what each layer returns, in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_extras.data import batches
from keras_extras.data.training_sample import FirstBatches
from keras_extras.data.training_sample import sample_rows
from keras_extras.inspection.monitored_layers import MonitoredLayer
from keras_extras.inspection.monitored_layers import find_layers
from keras_extras.keras_internals.snapshot import layer_states
from keras_extras.keras_internals.snapshot import random_state_kept
from keras_extras.keras_internals.snapshot import values_kept
from keras_extras.keras_internals.taps import Taps

# Beginnings of the names of layers that return in inference mode what they get.
_PASSES = (
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "Flatten",
    "Gaussian",
    "Identity",
    "Masking",
    "Permute",
    "Random",
    "RepeatVector",
    "Reshape",
    "Spatial",
)


class Moments:
    """Count, mean and variance of numbers that come in pieces, per feature."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Any = 0.0
        self._squares: Any = 0.0

    def add(self, rows: np.ndarray) -> None:
        """Takes rows of shape `(rows, features)`."""
        rows = rows.astype(np.float64)
        count = self.count + len(rows)
        with np.errstate(invalid="ignore", over="ignore"):
            mean = rows.mean(axis=0)
            apart = mean - self.mean
            self._squares = (
                self._squares
                + np.square(rows - mean).sum(axis=0)
                + np.square(apart) * (self.count * len(rows) / count)
            )
            self.mean = self.mean + apart * (len(rows) / count)
        self.count = count

    @property
    def std(self) -> Any:
        """Standard deviation of all that came."""
        return np.sqrt(self._squares / max(self.count, 1))


@dataclass(frozen=True)
class LayerStatistics:
    """Holds what was measured, one value per layer.

    Attributes:
        layers: Names of the layers, in model order.
        activations: Names of their activation functions, or `None`.
        mean: Array of shape `(layers,)`.
        std: Array of shape `(layers,)`.
    """

    layers: tuple[str, ...]
    activations: tuple[str | None, ...]
    mean: np.ndarray
    std: np.ndarray


class _Listener:
    """Receives the outputs of layers, and hands them on as arrays."""

    def __init__(
        self, names: list[str], heard: Callable[[str, np.ndarray], None]
    ) -> None:
        self._names = names
        self._heard = heard

    def on_output(self, layer: int, output: Any) -> None:
        for tensor in keras.tree.flatten(output):
            kind = keras.backend.standardize_dtype(getattr(tensor, "dtype", "string"))
            if "float" in kind and tensor.shape:
                array = keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))
                self._heard(self._names[layer], array)

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None: ...

    def on_apply(self, optimizer: Any, gradients: Any, variables: Any) -> None: ...


def some_batches(x: Any, rows: int, batch_size: int) -> list[Any]:
    """Returns inputs of some rows, drawn from arrays, the first ones of a dataset."""
    with random_state_kept():
        if batches.is_dataset(x):
            return list(batches.batches(FirstBatches(x, rows), None))
        (x,) = sample_rows((batches.arrays_of(x),), rows, seed=0)
        return list(batches.batches(x, batch_size))


def listen(
    model: Any,
    layers: list[MonitoredLayer],
    inputs: Iterable[Any],
    heard: Callable[[str, np.ndarray], None],
) -> None:
    """Runs the model in inference mode and leaves it as it is.

    Args:
        model: Built model.
        layers: Layers whose outputs are wanted.
        inputs: Batches.
        heard: Called with the name of a layer and what it returned for a batch.
    """
    taps = Taps([layer.layer for layer in layers])
    listener = _Listener([layer.info.name for layer in layers], heard)
    with values_kept(layer_states(model)), random_state_kept():
        for batch in inputs:
            with taps.installed(), taps.heard_by(listener):
                model(batch, training=False)


def measure(model: Any, inputs: Sequence[Any]) -> LayerStatistics:
    """Returns mean and standard deviation of the outputs of a built model's layers.

    Layers that only pass values on, such as dropout in inference mode, are left out.
    """
    layers = [x for x in find_layers(model) if _changes_values(x.layer)]
    moments = {layer.info.name: Moments() for layer in layers}

    def heard(name: str, output: np.ndarray) -> None:
        moments[name].add(output.reshape(-1, 1))

    listen(model, layers, inputs, heard)
    found = [x.info for x in layers if moments[x.info.name].count]
    return LayerStatistics(
        layers=tuple(info.name for info in found),
        activations=tuple(info.activation for info in found),
        mean=np.array([float(moments[info.name].mean[0]) for info in found]),
        std=np.array([float(moments[info.name].std[0]) for info in found]),
    )


def _changes_values(layer: Any) -> bool:
    names = [base.__name__ for base in type(layer).__mro__]
    return not any(name.startswith(_PASSES) for name in names)
