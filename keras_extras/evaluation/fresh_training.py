"""One training of a new model, and its scores."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_extras.data.training_sample import take_rows
from keras_extras.keras_internals.metric_direction import is_higher_better


class Scores(NamedTuple):
    """A score of the rows trained on and one of those held out."""

    train: float
    validation: float


class SameModelError(ValueError):
    """One model was returned for two trainings."""


class FreshTraining:
    """Builds, trains and scores a model per call.

    Args:
        build: Returns a new compiled model.
        validation: Inputs, targets and weights of the rows held out.
        metric: Name of the score.
        batch_size: Number of rows per batch.
        callbacks: Returns the callbacks of one training, or `None`.
        fit_arguments: Further arguments of `fit`.

    Attributes:
        metric: Name of the score.
        higher_is_better: Whether the metric is better if it is higher, as far as
            Keras or its name tells.
    """

    def __init__(
        self,
        build: Callable[[], Any],
        validation: tuple[Any, ...],
        metric: str,
        batch_size: int,
        callbacks: Callable[[], list[Any]] | None,
        fit_arguments: dict[str, Any],
    ) -> None:
        self._build = build
        self._validation = validation
        self._batch_size = batch_size
        self._callbacks = callbacks
        self._fit_arguments = fit_arguments
        self._epochs, self._steps = 1, math.inf
        self.metric = metric
        self.higher_is_better = False
        self._last: Callable[[], Any] = lambda: None

    def plan(self, epochs: int, largest: int, budget: str) -> None:
        """Sets how long to train: epochs, or the steps of the largest subset."""
        self._epochs = epochs
        if budget == "steps":
            self._steps = epochs * self._batches(largest)

    def run(self, data: tuple[Any, ...], rows: np.ndarray, seed: int) -> Scores:
        """Trains a new model on some rows of the data."""
        keras.utils.set_random_seed(seed)
        model = self._build()
        if not isinstance(model, keras.Model) or not model.compiled:
            raise ValueError(
                "`build` must return a new compiled model. "
                f"Received: a function that returns {model!r}"
            )
        if model is self._last():
            raise SameModelError(
                "`build` must return a new model at each call, for each training "
                "starts from the beginning. Received: a function that returns the same "
                f"model again, {model!r}"
            )
        self._last = weakref.ref(model)
        x, y, weight = take_rows(data, rows)
        self._fit(model, x, y, weight, len(rows))
        train = self._evaluate(model, (x, y, weight))
        self.higher_is_better = is_higher_better(model, self.metric)
        return Scores(train, self._evaluate(model, self._validation))

    def _fit(self, model: Any, x: Any, y: Any, weight: Any, rows: int) -> None:
        epochs, callbacks = self._epochs, []
        if math.isfinite(self._steps):
            epochs = math.ceil(self._steps / self._batches(rows))
            callbacks.append(_StopAfter(int(self._steps), self._batches(rows)))
        arguments = dict(self._fit_arguments)
        if self._callbacks is not None:
            callbacks += self._callbacks()
            arguments.setdefault("validation_data", self._validation)
        model.fit(
            x,
            y,
            **{
                "sample_weight": weight,
                "batch_size": self._batch_size,
                "epochs": epochs,
                "verbose": 0,
                "callbacks": callbacks,
                **arguments,
            },
        )

    def _evaluate(self, model: Any, data: tuple[Any, ...]) -> float:
        x, y, weight = data
        values = model.evaluate(
            x,
            y,
            sample_weight=weight,
            batch_size=self._batch_size,
            verbose=0,
            return_dict=True,
        )
        if self.metric not in values:
            raise ValueError(
                f"`metric` must be one of {sorted(values)}. "
                f"Received: metric={self.metric!r}"
            )
        return float(values[self.metric])

    def _batches(self, rows: int) -> int:
        return math.ceil(rows / self._batch_size)


class _StopAfter(keras.callbacks.Callback):
    """Ends a training after a number of batches."""

    def __init__(self, steps: int, per_epoch: int) -> None:
        super().__init__()
        self._steps, self._per_epoch = steps, per_epoch
        self._before = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._before = epoch * self._per_epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._before + batch + 1 >= self._steps:
            self.model.stop_training = True
