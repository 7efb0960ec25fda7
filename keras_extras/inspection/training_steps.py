from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_extras.backends.contract import Backend
from keras_extras.inspection.hyperparameter_reader import HyperparameterReader
from keras_extras.inspection.step_counter import StepCounter
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.building import is_never_compiled


class TrainingSteps:
    """Follows the optimizer that trains a model: its steps and its hyperparameters.

    That is the one the model was compiled with, until a training step of the user's
    own turns out to apply others only.

    Args:
        model: The model.
        backend: The backend in use.

    Attributes:
        optimizer: The optimizer.
        counter: Counts its steps.
        reader: Reads its hyperparameters.
    """

    def __init__(self, model: Any, backend: Backend) -> None:
        self._model = model
        self._backend = backend
        self._first_epoch: int | None = None
        self._begin(hyperparameters.optimizers_of(model)[0], 0)

    def _begin(self, optimizer: Any, before: int) -> None:
        each = self._model.steps_per_execution
        self.optimizer = optimizer
        self.counter = StepCounter(optimizer, self._backend, each, before)
        eager = is_never_compiled(self._model)
        self.reader = HyperparameterReader(optimizer, self._backend, eager)

    def follow(self, optimizers: Sequence[Any]) -> None:
        """Follows the first of the optimizers that were seen to be applied."""
        if optimizers and all(each is not self.optimizer for each in optimizers):
            self._begin(optimizers[0], 0)

    def begin_epoch(self, epoch: int, batches: int | None) -> int | None:
        """Counts on at the beginning of an epoch.

        Args:
            epoch: Integer. A training that begins with a later epoch, and with an
                optimizer that has made no step yet, goes on with that epoch's steps.
            batches: Integer, number of batches of an epoch, `None` if unknown.

        Returns:
            The epoch's last step, or `None` if its length is unknown.
        """
        counter = self.counter
        counter.synchronize()  # the last execution of an epoch may be a short one
        if self._first_epoch is None:
            self._first_epoch = epoch
        # A loss scale may have skipped all steps so far: that is no later beginning.
        if epoch == self._first_epoch and not counter.has_counted:
            counter.begin()  # another callback may have restored the optimizer
            if epoch and batches and counter.step == 0:
                counter.before = epoch * batches // counter.per_step
        return self.step_of(counter.batches + batches) - 1 if batches else None

    def step_of(self, batch: int) -> int:
        """Returns the optimizer step of the batch of that number."""
        return self.counter.before + batch // self.counter.per_step

    def hyperparameters_at(self, batch: int) -> dict[str, float]:
        """Returns the hyperparameters that act on the batch of that number."""
        return self.reader.at(batch)

    @property
    def skips_bad_steps(self) -> bool:
        """Whether the optimizer leaves out steps with non-finite gradients."""
        return hasattr(self.optimizer, "inner_optimizer")
