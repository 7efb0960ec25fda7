from __future__ import annotations

import warnings
from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.hyperparameters import optimizers_of
from keras_extras.steering.controller import HyperparameterController

LONGEST = 1_000_000_000  # steps, to check other arguments with
_batches = hyperparameters.batches_seen


class PlannedScheduler(Scheduler):
    """Follows a schedule of a length that is known, from where the training begins.

    It goes on where it was when `BackupAndRestore` restores a training, or `fit` has an
    `initial_epoch`, with the optimizer of before or a new one.

    Attributes:
        start: The value of `optimizer.iterations` at which it begins, or `None`.
        begins: That value, once it is known.
        length_name: Name of the argument that gives the length.
    """

    def __init__(self, restore: bool = True, optimizer: Any = None) -> None:
        super().__init__(restore, optimizer)
        self.start: int | None = None
        self.begins = 0
        self.length_name = "total_steps"
        self._given_length: int | None = None
        self._counts_before: dict[int, int] = {}
        self._place_known = self._warned = False

    def check_length(
        self, name: str, length: int | None, start: int | None
    ) -> int | None:
        """Returns the argument for the length, if it and `start` are valid."""
        if length is not None:
            checks.check_count(name, length)
        if start is not None:
            checks.check_count("start", start, least=0)
        self.length_name, self._given_length, self.start = name, length, start
        return length

    def length(self) -> int:
        """Returns the length in optimizer steps, that of the training by default."""
        if self._given_length is not None:
            return self._given_length
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        if steps is None or epochs is None:
            raise ValueError(
                f"`{self.length_name}` must be given where `fit` cannot know how many "
                "batches the data has; or give it `steps_per_epoch`. "
                f"Received: {self.length_name}=None"
            )
        return steps * epochs // hyperparameters.accumulation_steps(self._parts[0])

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._counts_before = {
            id(part): _batches(part)
            for optimizer in ([] if model is None else optimizers_of(model))
            for part in hyperparameters.parts(optimizer)
        }

    def on_train_begin(self, logs: Any = None) -> None:
        self._place_known = self._warned = False
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._place_known:
            self.begins = self._find_begin(epoch)
            self._place_known = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.check_end()

    def check_end(self) -> None:
        """Warns once if the training goes on past the end."""
        optimizer = self._parts[0]
        each = hyperparameters.accumulation_steps(optimizer)
        trained = _batches(optimizer) // each - self.begins
        if trained > self.length() and not self._warned:
            self._warned = True
            warnings.warn(
                f"{type(self).__name__}: training continues past the end of the cycle, "
                f"with the last learning rate. Received: {self.length_name}="
                f"{self.length()}, steps trained={trained}",
                stacklevel=2,
            )

    def follow(
        self,
        controller: HyperparameterController,
        optimizer: Any,
        name: str,
        factor: Any,
    ) -> None:
        """Multiplies a hyperparameter by a factor of the step since the begin."""

        def since_begin(step: Any) -> Any:
            return factor(keras.ops.maximum(step - self.begins, 0))

        controller.multiply(optimizer, name, since_begin)

    def _find_begin(self, epoch: int) -> int:
        """Returns the value of `optimizer.iterations` at which the cycle began."""
        if self.start is not None:
            return self.start
        optimizer = self._parts[0]
        count = _batches(optimizer)
        steps = self.params.get("steps")
        restored = self._counts_before.get(id(optimizer), count) != count
        if epoch > 0 or restored:
            # A restored epoch starts over: what was trained of it has counted.
            # An optimizer that is newer than the training, as in the rounds of
            # `Hyperband`, has counted too few: the cycle began before it did.
            count = (count // steps - epoch) * steps if steps else 0
        return count // hyperparameters.accumulation_steps(optimizer)
