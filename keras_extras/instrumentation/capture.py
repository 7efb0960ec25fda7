"""Keeps a few rows of what the loss of a sampled step is computed from."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_extras.instrumentation import measure
from keras_extras.instrumentation.backend import Backend
from keras_extras.instrumentation.backend import Buffer
from keras_extras.instrumentation.layer_table import Site
from keras_extras.instrumentation.plan import join_iteration
from keras_extras.instrumentation.plan import split_iteration
from keras_extras.keras_internals import hyperparameters
from keras_extras.records.batch_rows import BatchRows
from keras_extras.records.batch_tensor import BatchTensor

# Together a few hundred kilobytes at most, whatever the batch.
_ROWS = 32
_FEATURES = 1024
_UNKNOWN_FEATURES = 256
_TENSORS = 4
_KINDS = {"inputs": "x", "targets": "y", "predictions": "y_pred"}
_HEADER = ("batch_high", "batch_low", "rows", "loss", "penalty", "weighted")


class _Place(NamedTuple):
    """Where the rows of one tensor lie."""

    kind: str
    shape: tuple[int | None, ...]
    dtype: str
    features: int


Picture = tuple[tuple[_Place, ...], np.ndarray]


class Album:
    """The buffer that the captures of one trace write, and what lies where in it."""

    def __init__(self, model: Any, backend: Backend) -> None:
        self._model = model
        self._backend = backend
        self._places: tuple[_Place, ...] = ()
        self._buffer: Buffer | None = None

    def write(self, places: tuple[_Place, ...], row: Any) -> None:
        """Writes one capture; called inside the step."""
        if self._buffer is None or places != self._places:
            self._places = places
            self._buffer = self._backend.buffer(self._model, 1, _width(places))
        self._buffer.write(ops.reshape(row, (_width(places),)))

    def read(self) -> Picture | None:
        """Returns the last capture, not decoded yet."""
        if self._buffer is None:
            return None
        return self._places, self._buffer.read()[0][0]


class Capture:
    """Listens to one step and keeps a few rows of its batch.

    A training step that does not go through `compute_loss` shows nothing.
    """

    def __init__(self, model: Any, backend: Backend, album: Album) -> None:
        self._model = model
        self._backend = backend
        self._album = album
        self._scope = backend.scope()
        raw = hyperparameters.raw_iterations(hyperparameters.optimizers_of(model)[0])
        self._batch = ops.copy(ops.convert_to_tensor(raw))
        self._done = False

    def on_inputs(self, inputs: Any) -> None: ...

    def on_output(self, site: Site, output: Any) -> None: ...

    def on_update(
        self, optimizer: Any, gradients: list[Any], variables: list[Any]
    ) -> Callable[[], None]:
        return lambda: None

    def finish(self) -> None: ...

    def on_loss(self, arguments: dict[str, Any], loss: Any) -> None:
        if self._done or not self._is_here(loss):
            return
        self._done = True
        try:
            self._take(arguments, loss)
        except Exception as error:  # what cannot be shown must not end a training
            warnings.warn(
                "keras_extras cannot look at the batches of this model, and judges it "
                f"without them: {type(error).__name__}: {error}",
                stacklevel=2,
            )

    def _take(self, arguments: dict[str, Any], loss: Any) -> None:
        places: list[_Place] = []
        pieces: list[Any] = []
        for kind, name in _KINDS.items():
            for tensor in self._usable(arguments.get(name)):
                place = _place(kind, tensor)
                places.append(place)
                pieces.append(ops.reshape(_rows(tensor, place.features), (-1,)))
        first = self._usable(arguments.get("y_pred")) or self._usable(
            arguments.get("x")
        )
        if not first:
            return
        rows = ops.shape(first[0])[0]
        weighted = float(arguments.get("sample_weight") is not None)
        header = [*split_iteration(self._batch), rows, loss, self._penalty(), weighted]
        numbers = ops.stack([measure.as_float(number) for number in header])
        self._album.write(tuple(places), ops.concatenate([numbers, *pieces]))

    def _is_here(self, loss: Any) -> bool:
        return loss is not None and self._backend.within(loss, self._scope)

    def _usable(self, tensors: Any) -> list[Any]:
        found = [t for t in keras.tree.flatten(tensors) if self._is_usable(t)]
        return found[:_TENSORS]

    def _is_usable(self, tensor: Any) -> bool:
        if tensor is None or not self._backend.within(tensor, self._scope):
            return False
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        return dtype != "string" and len(tensor.shape) > 0

    def _penalty(self) -> Any:
        penalties = [p for p in self._model.losses if self._is_here(p)]
        return sum(penalties) if penalties else 0.0


def decode_batch(picture: Picture, batches_per_step: int) -> BatchRows:
    """Returns what `Album.read` returned as arrays."""
    places, row = picture
    header = dict(zip(_HEADER, row))
    rows = int(min(header["rows"], _ROWS))
    tensors: dict[str, list[BatchTensor]] = {kind: [] for kind in _KINDS}
    offset = len(_HEADER)
    for place in places:
        size = _ROWS * place.features
        values = row[offset : offset + size].reshape(_ROWS, place.features)[:rows]
        tensors[place.kind].append(BatchTensor(values, place.shape, place.dtype))
        offset += size
    batch = join_iteration(header["batch_high"], header["batch_low"])
    return BatchRows(
        step=int(batch) // batches_per_step,
        loss=float(header["loss"]),
        penalty=float(header["penalty"]),
        weighted=bool(header["weighted"]),
        **{kind: tuple(found) for kind, found in tensors.items()},
    )


def _width(places: tuple[_Place, ...]) -> int:
    return len(_HEADER) + sum(_ROWS * place.features for place in places)


def _place(kind: str, tensor: Any) -> _Place:
    shape = tuple(tensor.shape[1:])
    known = all(size is not None for size in shape)
    features = min(math.prod(shape), _FEATURES) if known else _UNKNOWN_FEATURES
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return _Place(kind, shape, dtype, features)


def _rows(tensor: Any, features: int) -> Any:
    """Returns the first rows of a tensor, filled up with zeros to a fixed shape."""
    first = measure.as_float(tensor[:_ROWS])
    shape = first.shape[1:]
    if any(size is None for size in shape):
        flat = ops.reshape(first, (ops.shape(first)[0], -1))
        filler = ops.zeros((ops.shape(flat)[0], features))
        flat = ops.concatenate([flat, filler], axis=1)[:, :features]
    else:
        flat = ops.reshape(first, (-1, math.prod(shape)))
        if flat.shape[1] > features:
            flat = flat[:, :: flat.shape[1] // features][:, :features]
    if flat.shape[0] == _ROWS:
        return flat
    return ops.concatenate([flat, ops.zeros((_ROWS, features))], axis=0)[:_ROWS]
