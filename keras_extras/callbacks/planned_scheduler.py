from __future__ import annotations

import warnings
from typing import Any

import keras

from keras_extras import checks
from keras_extras.callbacks.recover_from_nan import RecoverFromNaN
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.callbacks.training_place import TrainingPlace
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.hyperparameters import optimizers_of
from keras_extras.keras_internals.running_fit import batches_per_epoch
from keras_extras.steering.controller import HyperparameterController
from keras_extras.steering.live_number import LiveNumber

LONGEST = 1_000_000_000  # steps, to check other arguments with
_batches = hyperparameters.batches_seen


class PlannedScheduler(Scheduler):
    """Follows a schedule of a length that is known, from where the training begins.

    It goes on where it was when `BackupAndRestore` restores a training, or `fit` has an
    `initial_epoch`, with the optimizer of before or a new one. One that is as long as
    the training ends with it, also where steps are lost on the way: it takes a step
    that `LossScaleOptimizer` skips, or `RecoverFromNaN` takes back, for one that was
    trained. One whose length is given follows `optimizer.iterations` alone.

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
        self._steps: int | None = None  # batches of an epoch
        self._place: TrainingPlace | None = None
        self._lost: LiveNumber | None = None  # steps that were lost since it began
        self._recovering: list[RecoverFromNaN] = []
        self._repeats = ""  # why Keras trains some batches again

    def __getstate__(self) -> dict[str, Any]:
        left_out: dict[str, Any] = {"_place": None, "_lost": None, "_recovering": []}
        return super().__getstate__() | left_out

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
        steps, epochs = self._steps, self.params.get("epochs")
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
        self._place, self._lost, self._repeats = None, None, ""
        self._steps = batches_per_epoch(self.params)
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._place_known:
            self.begins = self._find_begin(epoch)
            self._place_known = True
            if self._follows_place():
                self._place = self._find_place(epoch)
        elif self._place is not None:
            self._place.begin_epoch(self._counted())
            self.moved()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        place = self._place
        if place is not None and place.last is not None:
            self.look_if_due(batch, place.last - place.expected - batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.check_end()

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        self._place, self._lost, self._recovering = None, None, []

    def look_if_due(self, batch: int, left: float) -> None:
        """Finds out how many steps were lost, if it is time to, before a batch."""
        recoveries = sum(len(each.recoveries) for each in self._recovering)
        if self._place is not None and self._place.is_due(left, recoveries):
            self.look(batch)

    def look(self, batch: int) -> None:
        """Finds out how many steps were lost until a batch."""
        if self._place is not None:
            self._place.look(batch, self._counted())
            self.moved()

    def moved(self) -> None:
        """Lets the schedule take up how many steps were lost."""
        place, lost = self._place, self._lost
        if place is None or lost is None:
            return
        each = hyperparameters.accumulation_steps(self._parts[0])
        batches = place.expected + place.batch
        steps = batches // each - (batches - place.lost) // each
        if steps != float(lost):
            lost.assign(float(steps))

    def check_end(self) -> None:
        """Warns once if the training goes on past the end."""
        optimizer = self._parts[0]
        each = hyperparameters.accumulation_steps(optimizer)
        trained = _batches(optimizer) // each - self.begins
        if trained > self.length() and not self._warned:
            self._warned = True
            warnings.warn(
                f"{type(self).__name__}: training continues past the end of the "
                f"schedule, with the last learning rate.{self._repeats} Received: "
                f"{self.length_name}={self.length()}, steps trained={trained}",
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
        lost = self.lost_steps(controller)

        def since_begin(step: Any) -> Any:
            since = since_start(step, self.begins, lost)
            return factor(keras.ops.maximum(since, 0))

        numbers = () if lost is None else (lost,)
        controller.multiply(optimizer, name, since_begin, numbers)

    def lost_steps(self, controller: HyperparameterController) -> LiveNumber | None:
        """Returns how many steps were lost, where the schedule is to know.

        Only where steps can be lost: to read a number in each step takes time.
        """
        self.watch_recoveries(controller)
        skips = any(hasattr(o, "inner_optimizer") for o in optimizers_of(self.model))
        has_end = self._given_length is None and self._steps is not None
        if self._lost is None and has_end and (skips or self._recovering):
            self._lost = LiveNumber(0.0)
        return self._lost

    def watch_recoveries(self, controller: HyperparameterController) -> None:
        """Finds the callbacks that take steps back."""
        self._recovering = [
            each for each in controller.callbacks() if isinstance(each, RecoverFromNaN)
        ]

    def _follows_place(self) -> bool:
        return self._lost is not None

    def _counted(self) -> int:
        # To ask for the model brings its variables back where JAX keeps them.
        return 0 if self.model is None else _batches(self._parts[0])

    def _find_place(self, epoch: int) -> TrainingPlace:
        counted, epochs = self._counted(), self.params.get("epochs")
        known = self._steps is not None and epochs is not None
        last = counted + self._steps * (epochs - epoch) if known else None
        at_once = self.model.steps_per_execution
        return TrainingPlace(counted, self._steps, last, at_once)

    def _find_begin(self, epoch: int) -> int:
        """Returns the value of `optimizer.iterations` at which the schedule began."""
        if self.start is not None:
            return self.start
        optimizer = self._parts[0]
        count, steps = _batches(optimizer), self._steps
        in_mid_epoch = self._backup_in_mid_epoch()
        restored = self._counts_before.get(id(optimizer), count) != count
        if epoch > 0 and steps and not in_mid_epoch:
            # An optimizer that is newer than the training, as in the rounds of
            # `Hyperband`, has counted too few, and so has one that lost steps.
            count -= epoch * steps
        elif epoch > 0 or restored:
            # A restored epoch starts over: what was trained of it has counted.
            if restored and steps and in_mid_epoch and count % steps:
                self._repeats = (
                    f" Keras trains part of epoch {epoch + 1} again, in which "
                    f"`BackupAndRestore(save_freq={in_mid_epoch})` restored the "
                    "training."
                )
            count = (count // steps - epoch) * steps if steps else 0
        return count // hyperparameters.accumulation_steps(optimizer)

    def _backup_in_mid_epoch(self) -> int:
        """Returns every how many batches the training is backed up, 0 for epochs."""
        callbacks = [] if self._controller is None else self._controller.callbacks()
        for each in callbacks:
            if isinstance(each, keras.callbacks.BackupAndRestore):
                return 0 if each.save_freq == "epoch" else int(each.save_freq)
        return 0


def since_start(step: Any, begins: int, lost: LiveNumber | None) -> Any:
    """Returns the step since a schedule began, with those that were lost."""
    if lost is None:
        return step - begins
    return step - begins + keras.ops.cast(lost.tensor(), step.dtype)
