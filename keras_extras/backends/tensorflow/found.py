from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_extras.backends.contract import Wanted
from keras_extras.backends.tensorflow import packing

_MOST_TENSORS = 4  # of each kind, whose rows are brought back
_KINDS = ("x", "y", "y_pred")


class Found:
    """Collects what one dry run of one replica shows.

    Tensors that live in a loop, a branch or a function within the step cannot leave
    it, and are not collected.

    Attributes:
        calls: For each output, the number of its layer.
        optimizers: The optimizers that were to apply gradients, in this order.
        trained: Numbers of the variables that they were to change.
        packed: How outputs, gradients and weights are packed, once `tensors` was
            called.
        places: Kind, shape of a row and type of each tensor whose rows are kept.
        weighted: Whether the loss had sample weights.
    """

    def __init__(self, model: Any, wanted: Wanted) -> None:
        self._model = model
        self._wanted = wanted
        self._numbers = {id(v): number for number, v in enumerate(wanted.variables)}
        # A training step of one's own may hand over what is inside a Keras variable.
        self._numbers |= {id(v._value): n for n, v in enumerate(wanted.variables)}
        self._graph = _graph_here()
        self._outputs: list[Any] = []
        self._gradients: dict[int, Any] = {}
        self._loss: tuple[dict[str, Any], Any, Any] | None = None
        self.calls: list[int] = []
        self.optimizers: tuple[Any, ...] = ()
        self.trained: list[int] = []
        self.packed: dict[str, packing.Packed] = {}
        self.places: list[tuple[str, tuple[int | None, ...], str]] = []
        self.weighted = False

    def on_output(self, layer: int, output: Any) -> None:
        for tensor in tf.nest.flatten(output):
            if self._is_usable(tensor) and tensor.dtype.is_floating:
                tensor = _units_last(tensor, self._wanted.layers[layer])
                self._outputs.append(packing.as_float(tensor))
                self.calls.append(layer)

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        if self._loss is None and self._is_usable(loss):
            penalties = [p for p in self._model.losses if self._is_usable(p)]
            penalty = tf.add_n([packing.as_float(p) for p in penalties] or [0.0])
            self._loss = arguments, loss, penalty

    def on_apply(self, optimizer: Any, gradients: Any, variables: Any) -> None:
        if all(optimizer is not known for known in self.optimizers):
            self.optimizers = (*self.optimizers, optimizer)
        for gradient, variable in zip(gradients, variables):
            number = self._numbers.get(id(variable))
            if number is None:
                continue
            self.trained.append(number)
            if gradient is not None:
                self._gradients[number] = gradient

    def tensors(self) -> dict[str, Any]:
        """Returns all that is to leave the step."""
        dense = self._wanted.dense
        gradients = [
            (number, packing.as_float(_dense(gradient, dense)))
            for number, gradient in self._gradients.items()
        ]
        self.packed = {
            "outputs": packing.pack_outputs(self._outputs),
            "gradients": packing.pack(gradients),
            "weights": packing.pack_variables(self._wanted.weights),
        }
        numbers, batch = self._batch()
        result = {
            **{name: packed[1:] for name, packed in self.packed.items()},
            "numbers": numbers,
            "batch": batch,
        }
        self._let_go()
        return result

    def _let_go(self) -> None:
        """Keeps no tensor: it would hold the memory of a step until the next sample."""
        self._outputs, self._gradients, self._loss = [], {}, None
        self.packed = {
            name: packed._replace(values=(), lengths=())
            for name, packed in self.packed.items()
        }

    def _batch(self) -> tuple[Any, list[Any]]:
        """Returns loss, penalty and number of rows, and the first rows of tensors."""
        if self._loss is None or not self._wanted.rows:
            return (), []
        arguments, loss, penalty = self._loss
        self.weighted = arguments.get("sample_weight") is not None
        kept, rows = [], None
        for kind in _KINDS:
            usable = [
                tensor
                for tensor in tf.nest.flatten(arguments.get(kind))
                if self._is_usable(tensor)
                and tensor.dtype != tf.string
                and tensor.shape.rank
            ]
            for tensor in usable[:_MOST_TENSORS]:
                dtype = keras.backend.standardize_dtype(tensor.dtype)
                self.places.append((kind, tuple(tensor.shape[1:]), dtype))
                kept.append(packing.first_rows(tensor, self._wanted.rows))
                rows = tensor if kind == "y_pred" or rows is None else rows
        if rows is None:
            return (), []
        return (packing.as_float(loss), penalty, tf.shape(rows)[0]), kept

    def _is_usable(self, tensor: Any) -> bool:
        if not isinstance(tensor, tf.Tensor) or tensor.shape.rank is None:
            return False
        return self._graph is None or tensor.graph is self._graph


def _graph_here() -> Any:
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def _dense(gradient: Any, whole: bool) -> Any:
    """Returns a sparse gradient as a whole, or its rows, each once."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    if whole:
        return tf.convert_to_tensor(gradient)
    rows, position = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, position, tf.size(rows))


def _units_last(tensor: Any, layer: Any) -> Any:
    if getattr(layer, "data_format", None) != "channels_first":
        return tensor
    axes = [0, *range(2, tensor.shape.rank), 1]
    return tf.transpose(tensor, axes) if tensor.shape.rank > 2 else tensor
