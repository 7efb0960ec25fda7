from __future__ import annotations

import os
from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.check_pairs import RECOVERS
from keras_extras.callbacks.good_state import GoodState
from keras_extras.callbacks.good_state import is_broken
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals.building import build_in_fit
from keras_extras.keras_internals.building import build_optimizer
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.steering.controller import HyperparameterController
from keras_extras.steering.live_number import LiveNumber
from keras_extras.warn_safely import warn_safely


class RecoverFromNaN(Scheduler):
    """Restores the last good weights when the loss is NaN or infinite, and trains on.

    It keeps one copy of the weights and of the optimizer state. When the loss of a
    batch is not finite, it restores the copy, multiplies the learning rate by `factor`,
    skips the batch and prints a line. After `attempts` recoveries it gives up and ends
    the training with the last good weights. Use it for long, unattended trainings. It
    does not repair the cause: `TrainingDiagnostics` names the step and layer of the
    first NaN, and its likely cause.

    `optimizer.iterations` is restored as well, so schedules count only the steps that
    were kept; those that end with the training still do. The factor also multiplies the
    value of a schedule or of another callback, until `fit` ends. Keras waits for the
    loss of each batch for this callback, as for `keras.callbacks.TerminateOnNaN`, which
    it replaces. A copy takes as much memory as weights and optimizer state. With
    `steps_per_execution` all batches of an execution are skipped.

    Args:
        factor: Float between 0 and 1, by which the learning rate is multiplied at each
            recovery. Defaults to `0.5`.
        every: Integer, number of batches between two copies, which is also the largest
            number of batches that a recovery loses. Defaults to `100`.
        attempts: Integer, how often it recovers in one training. Defaults to `3`.
        directory: Path of a directory to keep the copy in, or `None` to keep it in
            memory. Defaults to `None`.
        verbose: Integer. 1 prints a line for each recovery, 0 nothing. Defaults to
            `1`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Attributes:
        recoveries: List of pairs `(epoch, batch)`, both counted from 0, in which the
            loss was not finite.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if the
            model has no optimizer, or `TerminateOnNaN` is used as well.

    Example:

    ```python
    recover = keras_extras.callbacks.RecoverFromNaN(attempts=5)
    model.fit(x, y, epochs=3, callbacks=[recover])
    print(recover.recoveries)
    ```
    """

    role = RECOVERS

    def __init__(
        self,
        factor: float = 0.5,
        every: int = 100,
        attempts: int = 3,
        directory: str | None = None,
        verbose: int = 1,
        optimizer: Any = None,
    ) -> None:
        super().__init__(optimizer=optimizer)
        self.factor = checks.check_fraction("factor", factor)
        self.every = checks.check_count("every", every)
        self.attempts = checks.check_count("attempts", attempts)
        if directory is not None:
            is_path = isinstance(directory, os.PathLike)
            checks.check_text(
                "directory", os.fspath(directory) if is_path else directory
            )
        self.directory = None if directory is None else os.fspath(directory)
        self.verbose = checks.check_choice("verbose", verbose, (0, 1))
        self.recoveries: list[tuple[int, int]] = []
        self._multipliers: list[LiveNumber] = []
        self._good: GoodState | None = None
        self._epoch = self._since = 0

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_multipliers": [], "_good": None}

    def check(self) -> None:
        super().check()
        for other in getattr(callbacks_of_fit(), "callbacks", ()):
            if isinstance(other, keras.callbacks.TerminateOnNaN):
                raise ValueError(
                    "Only one callback can handle NaN. Received: "
                    "RecoverFromNaN and TerminateOnNaN. Leave TerminateOnNaN out: it "
                    "would end the training"
                )
        self.recoveries, self._multipliers = [], []
        self._good, self._since = None, 0
        build_in_fit(self.model, type(self).__name__)

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        multiplier = LiveNumber(1.0)
        self._multipliers.append(multiplier)
        controller.multiply(optimizer, RATE, multiplier)
        if self._good is None:
            model = self.model
            if model.optimizer is not None:
                build_optimizer(model.optimizer, model.trainable_variables)
            self._good = good = GoodState(model, self.directory)
            controller.at_end(good.forget)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        if self._good is not None and self._since == 0:
            self._good.take(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        good = self._good
        if good is None:
            return
        if is_broken(logs):
            self._recover(good, batch)
            return
        self._since += 1
        # To ask for the model brings its variables back where JAX keeps them.
        is_time = self._since >= self.every and self.model is not None
        if is_time and good.take(self._epoch):
            self._since = 0

    def on_train_end(self, logs: Any = None) -> None:
        self._good, self._multipliers = None, []
        super().on_train_end(logs)

    def _recover(self, good: GoodState, batch: int) -> None:
        model = self.model
        good.put_back(self._epoch)
        self._since = 0
        where = f"epoch {self._epoch + 1}, batch {batch + 1}"
        if len(self.recoveries) >= self.attempts:
            model.stop_training = True
            warn_safely(
                f"RecoverFromNaN gives up: the loss is not finite in {where}, after "
                f"attempts={self.attempts}. The training ends with the last good state",
                stacklevel=2,
            )
            return
        self.recoveries.append((self._epoch, batch))
        for multiplier in self._multipliers:
            multiplier.multiply(self.factor)
        if self.verbose:
            print(
                f"RecoverFromNaN: {where}: the loss is not finite; restored the "
                "last good weights, skipped the batch; the learning rate is multiplied "
                f"by {float(self._multipliers[0]):.4g} from now on"
            )
