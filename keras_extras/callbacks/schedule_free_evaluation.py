from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.callbacks.averaged_weights import AveragedWeights
from keras_extras.callbacks.batch_statistics import normalisations
from keras_extras.callbacks.cooldown_at_stop import CooldownAtStop
from keras_extras.callbacks.inference_mode_evaluation import InferenceModeEvaluation
from keras_extras.callbacks.performance_scheduler import PerformanceScheduler
from keras_extras.data import batches
from keras_extras.data.training_sample import FirstBatches
from keras_extras.data.training_sample import sample_rows
from keras_extras.data.training_sample import shares_order
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.overrides import Overrides
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.keras_internals.running_fit import local_of_fit
from keras_extras.keras_internals.saving_callbacks import surround
from keras_extras.keras_internals.saving_callbacks import surround_saving
from keras_extras.keras_internals.schedule_free import schedule_free_parts
from keras_extras.keras_internals.schedule_free import start_is_lost
from keras_extras.keras_internals.snapshot import Values
from keras_extras.keras_internals.snapshot import give
from keras_extras.keras_internals.snapshot import random_state_kept
from keras_extras.keras_internals.snapshot import values_of
from keras_extras.summaries.run import end_with_fit
from keras_extras.warn_safely import warn_safely


class ScheduleFreeEvaluation(keras.callbacks.Callback):
    """Evaluates and saves the averaged weights of a schedule-free optimizer.

    The result of a schedule-free optimizer is an average of the weights that it trains,
    and Keras does not put this average into the model. With this callback validation,
    `ModelCheckpoint`, `EarlyStopping` and other callbacks that restore the best weights
    use the average, and so do `predict`, `evaluate` and `save` after `fit`. Training
    continues with its own weights, bit for bit, and so does the next `fit` with the
    same callback. `BackupAndRestore` saves the weights that are trained.

    The moving statistics of batch normalisation belong to the trained weights. For the
    average they are computed again, as means over batches of `sample_size` rows of
    training data; training continues with its own statistics.

    `keras.optimizers.ScheduleFreeAdamW` has two faults in Keras 3.15 that
    `keras_extras.optimizers.ScheduleFreeAdamW` does not have. On TensorFlow, if `fit`
    builds the optimizer, its first step sets all weights to about zero: call
    `model.optimizer.build(model.trainable_variables)` before `fit`, as in the example;
    this callback warns. On TensorFlow and torch, its average is not that of the paper.

    A model saved in this way is meant for inference: its optimizer would train on from
    the average. Do not use it with another optimizer, a learning rate schedule or
    `CooldownAtStop`, which schedule-free training does not need. It keeps a copy of the
    weights in memory while the average is in the model, and after `fit`.

    Args:
        x: Inputs to compute the statistics of batch normalisation with: arrays, or a
            dataset, of which the first batches are read, when training starts. `None`
            takes the arrays that `fit` trains on. Not read if no layer needs it.
            Defaults to `None`.
        sample_size: Integer >= 1, number of rows for these statistics, drawn from
            arrays at random. Defaults to `2000`.
        batch_size: Integer >= 1, for arrays, or `None` for that of `fit`. Defaults to
            `None`.
        seed: Integer >= 0, seed of the choice of rows of arrays. Defaults to `0`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if the
            model has no schedule-free optimizer, or one with `use_ema`, if there are no
            data for batch normalisation, or if `CooldownAtStop` or
            `PerformanceScheduler` would restore the best weights.

    Example:

    ```python
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.003)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    optimizer.build(model.trainable_variables)
    evaluation = keras_extras.callbacks.ScheduleFreeEvaluation()
    model.fit(x, y, validation_split=0.2, verbose=0, callbacks=[evaluation])
    model.predict(x, verbose=0)  # of the averaged weights
    ```

    References:
        Defazio et al. (2024), "The Road Less Scheduled", arXiv:2405.15682: training at
        y = (1 - beta_1) z + beta_1 x, so the average is
        x = (y - (1 - beta_1) z) / beta_1, with z what the optimizer keeps.
    """

    def __init__(
        self,
        x: Any = None,
        sample_size: int = 2000,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if batch_size is not None:
            checks.check_count("batch_size", batch_size)
        if x is not None and not batches.is_dataset(x):
            _check_arrays(x)
        self.x = x
        self.sample_size = checks.check_count("sample_size", sample_size)
        self.batch_size = batch_size
        self.seed = checks.check_seed("seed", seed)
        self._run: AveragedWeights | None = None
        self._overrides = Overrides()
        # What the last `fit` left in the model, and what it trained.
        self._left: Values = []
        self._trained: Values = []

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on, and its model."""
        return state_of(self, _run=None, _overrides=Overrides(), _left=[], _trained=[])

    def __deepcopy__(self, memo: dict[int, Any]) -> ScheduleFreeEvaluation:
        """Copies all but the data, which searches would hold once per trial."""
        clone = copy.copy(self)
        memo[id(self)] = clone
        return clone

    def on_train_begin(self, logs: Any = None) -> None:
        self._go_on()
        running = callbacks_of_fit()
        others = [c for c in getattr(running, "callbacks", ()) if c is not self]
        parts = schedule_free_parts(self.model)
        _check_parts(self.model, parts)
        _check_others(others)
        if any(map(start_is_lost, parts)):
            warn_safely(
                "ScheduleFreeEvaluation: on TensorFlow the first step of a "
                "ScheduleFreeAdamW that `fit` builds sets the weights to about zero. "
                "Call `model.optimizer.build(model.trainable_variables)` before `fit`",
                stacklevel=2,
            )
        reads = self._batches(running) if normalisations(self.model) else None
        self._run = AveragedWeights(self.model, parts, reads)
        for other in others:
            self._surround(other)
        end_with_fit(self._end)

    def on_test_begin(self, logs: Any = None) -> None:
        if self._run is not None:
            self._run.swap_in()

    def on_test_end(self, logs: Any = None) -> None:
        if self._run is not None:
            self._run.swap_out()

    def on_train_end(self, logs: Any = None) -> None:
        self._finish()

    def _surround(self, callback: Any) -> None:
        """Has what keeps or evaluates weights see the average."""
        surround_saving(self._overrides, callback, self._swapped)
        keeps = getattr(callback, "restore_best_weights", False)
        if keeps or isinstance(callback, InferenceModeEvaluation):
            surround(self._overrides, callback, "on_epoch_end", self._swapped)
        if keeps:
            surround(self._overrides, callback, "on_train_end", self._finished)

    @contextmanager
    def _swapped(self) -> Iterator[None]:
        run = self._run
        if run is None:
            yield
            return
        with run.swapped():
            yield

    @contextmanager
    def _finished(self) -> Iterator[None]:
        """Lets what restores the best weights do so after us, wherever it stands."""
        self._finish()
        yield
        self._left = values_of([variable for variable, _ in self._left])

    def _finish(self) -> None:
        """Leaves the average in the model."""
        run, self._run = self._run, None
        if run is None:
            return
        self._trained = run.stay()
        self._left = values_of([variable for variable, _ in self._trained])

    def _end(self) -> None:
        """Puts back what is there when a `fit` ends, by an exception too."""
        self._overrides.restore()
        run, self._run = self._run, None
        if run is not None:
            run.end()

    def _go_on(self) -> None:
        """Gives a model that is trained further what was trained before."""
        left, trained = self._left, self._trained
        self._left, self._trained = [], []
        variables = {id(variable) for variable in self.model.variables}
        is_ours = bool(left) and all(id(variable) in variables for variable, _ in left)
        if is_ours and all(np.array_equal(v, value) for v, value in left):
            give(trained)

    def _batches(self, running: Any) -> Any:
        """Returns a function that returns batches of inputs, the same each time."""
        x, size = self.x, self.batch_size
        trained_on = None if running is None else local_of_fit(running, "x")
        if size is None and running is not None:
            size = local_of_fit(running, "batch_size")
        if x is None:
            x = trained_on
            _check_readable(x)
        elif shares_order(x, trained_on):
            raise ValueError(
                "`x` must be a dataset that does not share its shuffling with the one "
                f"that `fit` trains on, whose order would change. Received: x={x!r}"
            )

        @cache
        def read() -> list[Any]:
            rows = self.sample_size
            with random_state_kept():
                if batches.is_dataset(x):
                    return list(batches.batches(FirstBatches(x, rows), None))
                (sample,) = sample_rows((x,), rows, self.seed)
                return list(batches.batches(batches.arrays_of(sample), size or 32))

        if batches.is_dataset(x):
            read()  # while nothing else reads it
        return read


def _check_arrays(x: Any) -> None:
    leaves = keras.tree.flatten(x)
    if not leaves or not all(len(getattr(leaf, "shape", ())) for leaf in leaves):
        raise ValueError(
            "`x` must be arrays, a dataset, or None for the arrays that `fit` trains "
            f"on. Received: x={x!r}"
        )


def _check_readable(x: Any) -> None:
    leaves = keras.tree.flatten(x)
    if batches.is_dataset(x) or not all(hasattr(leaf, "shape") for leaf in leaves):
        raise ValueError(
            "`x` must be given where a model with batch normalisation trains on a "
            "dataset or generator: to read it here would change what is trained on. "
            "Give a part of the inputs: `ScheduleFreeEvaluation(x_train[:2000])`. "
            f"Received: x=None, and `fit` trains on {type(x).__name__}"
        )


def _check_parts(model: Any, parts: list[Any]) -> None:
    if not parts:
        raise ValueError(
            "`ScheduleFreeEvaluation` needs a model that is compiled with "
            "`keras.optimizers.ScheduleFreeAdamW`. "
            f"Received: model.optimizer={model.optimizer!r}"
        )
    if any(part.use_ema for part in parts):
        raise ValueError(
            "`use_ema` must be False with `ScheduleFreeEvaluation`: it would replace "
            "the weights by an average of another kind. Received: use_ema=True"
        )


def _check_others(others: list[Any]) -> None:
    for other in others:
        restores = isinstance(other, CooldownAtStop | PerformanceScheduler)
        if restores and other.restore_best_weights:
            name = type(other).__name__
            raise ValueError(
                "`ScheduleFreeEvaluation` cannot be beside what restores weights in a "
                f"training. Received: {name}(restore_best_weights=True). Leave {name} "
                "out: a schedule-free training needs no schedule"
            )
