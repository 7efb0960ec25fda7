from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.running_fit import local_of_fit


class AppliedCounts(keras.callbacks.Callback):
    """Takes back what optimizers count of a step that found no data.

    With data of unknown length Keras learns of their end within a compiled step, which
    counts itself before it fails. Each epoch would add one to `optimizer.iterations`,
    and whatever follows that count would run ahead of the training.
    """

    def __init__(self, counts: list[Any]) -> None:
        super().__init__()
        self._counts = counts
        self._before: list[Any] = []

    @classmethod
    def watch(cls, model: Any, callbacks: Any) -> None:
        """Joins the callbacks of a `fit` that begins, if its data may end anywhere."""
        iterator = local_of_fit(callbacks, "epoch_iterator")
        adapter = getattr(iterator, "data_adapter", None)
        if adapter is None or adapter.num_batches is not None:
            return
        watching = cls(hyperparameters.all_counts(model))
        watching.set_model(model)
        callbacks.callbacks.append(watching)
        catch = iterator.catch_stop_iteration

        @contextlib.contextmanager
        def catch_and_take_back() -> Iterator[None]:
            with catch():
                try:
                    yield
                except tf.errors.OutOfRangeError:
                    watching.take_back()
                    raise

        iterator.catch_stop_iteration = catch_and_take_back

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        # Copies on the device: to read the numbers would wait for the step before.
        self._before = [keras.ops.copy(count) for count in self._counts]

    def take_back(self) -> None:
        """Sets the counts to what they were before the step that failed."""
        for count, before in zip(self._counts, self._before):
            count.assign(before)
        self._before = []
