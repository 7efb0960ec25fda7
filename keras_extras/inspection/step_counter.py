from __future__ import annotations

import math

from keras_extras.backends.contract import Backend
from keras_extras.keras_internals import hyperparameters


class StepCounter:
    """Counts the optimizer steps of one `fit`, as the optimizer will have counted.

    `optimizer.iterations` itself is read where it is the better witness: with
    `steps_per_execution`, whose last execution may be a short one, and with a loss
    scale, for which steps may be skipped. Otherwise batches are counted: with data of
    unknown length Keras runs into the end of the data once in each epoch, and counts
    an iteration that trained nothing.

    Args:
        optimizer: The optimizer that trains.
        backend: The backend in use.
        steps_per_execution: Integer, number of batches of one execution.
        before: Integer, number of steps that earlier trainings made although this
            optimizer knows nothing of them. Defaults to `0`.

    Attributes:
        per_execution: Integer, number of batches of one execution.
        batches: Integer, number of batches so far.
        sleeps_until: Integer, number of batches before which all that is done after
            one is to count it.
        counted_by: The one of all callbacks that does so.
    """

    def __init__(
        self,
        optimizer: object,
        backend: Backend,
        steps_per_execution: int = 1,
        before: int = 0,
    ) -> None:
        self._optimizer = optimizer
        self._backend = backend
        self.per_execution = steps_per_execution
        self._reads = steps_per_execution > 1 or hasattr(optimizer, "inner_optimizer")
        self.per_step = hyperparameters.accumulation_steps(optimizer)
        self.before = before
        self.sleeps_until = 0
        self.counted_by: object = None
        self.batches = 0
        self.batches = self.first = self.read()

    @property
    def step(self) -> int:
        """Number of steps so far; the next one has this number."""
        return self.before + self.batches // self.per_step

    @property
    def is_regular(self) -> bool:
        """Whether each batch is a step, and no other witness is asked."""
        return self.per_step == 1 and not self._reads

    @property
    def updates(self) -> bool:
        """Whether the next execution makes a step, if all its batches are there."""
        return self.per_step <= self.batches % self.per_step + self.per_execution

    @property
    def since_first(self) -> int:
        """Number of batches since this began to count."""
        return self.batches - self.first

    @property
    def has_counted(self) -> bool:
        """Whether anything was trained since this began to count."""
        return self.batches != self.first

    @property
    def made_steps(self) -> bool:
        """Whether a step was made since this began to count."""
        return self.batches // self.per_step > self.first // self.per_step

    def begin(self) -> None:
        """Begins with what the optimizer has counted by now."""
        self.batches = self.first = self.read()

    def read(self) -> int:
        """Returns the batches that the optimizer itself has counted."""
        raw = hyperparameters.raw_iterations(self._optimizer)
        count = self._backend.number(raw)
        return self.batches if math.isnan(count) else int(count)

    def updates_at(self, batches: int) -> bool:
        """Returns whether the batch of that number ends with an update."""
        return (batches + 1) % self.per_step == 0

    def trained(self, batches: int) -> None:
        """Counts what an execution that was sampled has trained.

        Args:
            batches: Number of batches, at most.
        """
        self.batches += batches
        self.synchronize()

    def synchronize(self) -> None:
        """Takes over what the optimizer counted, where it is the better witness."""
        if self._reads:
            self.batches = self.read()

    def start_over(self) -> None:
        """Goes on from here although the optimizer counts from 0 again."""
        self.before, self.batches, self.first = self.step, 0, 0
