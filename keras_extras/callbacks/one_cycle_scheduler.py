from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.callbacks.check_pairs import SETS
from keras_extras.callbacks.planned_scheduler import PlannedScheduler
from keras_extras.callbacks.planned_scheduler import since_start
from keras_extras.callbacks.scheduler import momentum_names
from keras_extras.keras_internals.rates import RATE
from keras_extras.schedules.one_cycle import OneCycle
from keras_extras.schedules.one_cycle_momentum import OneCycleMomentum
from keras_extras.steering.controller import HyperparameterController
from keras_extras.steering.live_number import LiveNumber

_LONGEST_TABLE = 500_000  # steps: 4 megabytes in the compiled step
_LEAST_STEPS = 1_000_000  # enough for the phases, to check other arguments with


class OneCycleScheduler(PlannedScheduler):
    """Trains with the 1cycle policy: raises, then lowers the learning rate.

    The momentum moves the other way. The high learning rate in the middle acts as a
    regulariser, and a training of known length can be much shorter. Both follow
    `optimizer.iterations` inside the training step, so each step gets its own values,
    even with `steps_per_execution`, gradient accumulation, `LossScaleOptimizer` and
    `MultiOptimizer`, and after a restart. Do not use it with `EarlyStopping`: the end
    of the cycle, at low rates, is what makes the result good.

    `OneCycleScheduler(n_steps, max_rate=0.05)` raises the rate linearly in almost half
    of the steps, lowers it in as many, then to a ten-thousandth of `max_rate` in the
    last tenth. Other presets are the curves of PyTorch, fastai and optax.

    The cycle begins with the training. It continues where it was when
    `BackupAndRestore` restores a training, or `fit` has an `initial_epoch`, with the
    same or a new optimizer. Without `iterations` it ends with the training, even if
    steps are lost: one that `LossScaleOptimizer` skips or `RecoverFromNaN` takes back
    moves it on like one that is trained. Files saved during training hold the learning
    rate and momentum that the model was compiled with, and load without this package.
    As with the other schedulers, `learning_rate` and `momentum` in the `History` that
    `fit` returns are those of the last step of each epoch.

    Args:
        iterations: Integer, length of the cycle in optimizer steps (batches, or
            batches over `gradient_accumulation_steps`), or `None` for the length of
            the training, steps times epochs. Defaults to `None`.
        max_rate: Float, the highest learning rate; required.
            `keras_extras.find_learning_rate` suggests one. Defaults to `None`.
        start_rate: Float, the first learning rate, or `None` for a tenth of
            `max_rate` (a twenty-fifth with the other presets). Defaults to `None`.
        last_iterations: Integer, length of the last phase, or `None` for a tenth
            of `iterations` plus one. Defaults to `None`.
        last_rate: Float, the last learning rate, or `None` for a thousandth of
            `start_rate` (PyTorch and optax: a ten-thousandth; fastai: a
            hundred-thousandth of `max_rate`). Defaults to `None`.
        max_momentum: Float, the first and last momentum. Defaults to `0.95`.
        min_momentum: Float, the momentum at the highest rate. Defaults to `0.85`.
        anneal: `"linear"`, `"cosine"`, or `None` for that of `preset`: `"linear"`
            for `"book"`, `"cosine"` for the others. Defaults to `None`.
        rise: Float, share of the steps in which the rate rises, or `None` for that of
            `preset`. Defaults to `None`.
        phases: 3, 2 for a cycle that falls to the last rate in one phase, or `None`
            for that of `preset`: 3 for `"book"`, 2 for the others. Defaults to `None`.
        preset: `"book"` (Géron's), `"torch"`, `"fastai"` or `"optax"`: whose defaults
            and way of counting steps to use. Defaults to `"book"`.
        cycle_momentum: Whether to schedule `momentum`, or `beta_1`, too: `True`,
            `False`, or `"auto"` to do so if the optimizer uses one. Defaults to
            `"auto"`.
        start: Integer, value of `optimizer.iterations` at which the cycle begins,
            or `None` for the start of the training. Defaults to `None`.
        restore: Boolean. Whether to restore the original learning rate and momentum
            after training; if `False`, their last values are kept. Defaults to `True`.
        verbose: Integer. 1 prints advice, 0 nothing. Defaults to `1`.
        optimizer: String, name of the optimizer to schedule, or of the attribute of the
            model that holds it, such as `"d_optimizer"` of a GAN; or an optimizer; or a
            list of these. `None` means those that the training step applies: the one
            that the model was compiled with, or those that a custom `train_step` names.
            Defaults to `None`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if
            its length is not known and `iterations` is `None`, if there are fewer
            steps than phases, or if `cycle_momentum=True` and the optimizer does not
            use momentum.

    Example:

    ```python
    optimizer = keras.optimizers.SGD(momentum=0.95)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    one_cycle = keras_extras.callbacks.OneCycleScheduler(max_rate=0.05)
    model.fit(x, y, epochs=10, callbacks=[one_cycle])
    ```

    References:
        Smith & Topin (2017), "Super-Convergence: Very Fast Training of Neural
        Networks Using Large Learning Rates", arXiv:1708.07120.
        Smith (2018), "A disciplined approach to neural network hyper-parameters",
        arXiv:1803.09820.
        Géron, "Hands-On Machine Learning", chapter 11.
    """

    role = SETS
    ends_at_zero = True

    def __init__(
        self,
        iterations: int | None = None,
        max_rate: float | None = None,
        start_rate: float | None = None,
        last_iterations: int | None = None,
        last_rate: float | None = None,
        max_momentum: float = 0.95,
        min_momentum: float = 0.85,
        anneal: str | None = None,
        rise: float | None = None,
        phases: int | None = None,
        preset: str = "book",
        cycle_momentum: bool | str = "auto",
        start: int | None = None,
        restore: bool = True,
        verbose: int = 1,
        optimizer: Any = None,
    ) -> None:
        super().__init__(restore, optimizer)
        self.iterations = self.check_length("iterations", iterations, start)
        self.cycle_momentum = checks.check_choice(
            "cycle_momentum", cycle_momentum, ("auto", True, False)
        )
        self.verbose = checks.check_verbose("verbose", verbose)
        self._shape = {
            "last_iterations": last_iterations,
            "anneal": anneal,
            "rise": rise,
            "phases": phases,
            "preset": preset,
        }
        self._rates = {
            "max_rate": max_rate,
            "start_rate": start_rate,
            "last_rate": last_rate,
        }
        self._momenta = {"max_momentum": max_momentum, "min_momentum": min_momentum}
        self.rate, self.momentum = self._curves(iterations or _LEAST_STEPS)

    def check(self) -> None:
        super().check()
        self.rate, self.momentum = self._curves(self.length())
        without = [part for part in self._parts if not momentum_names(part)]
        if without and self.cycle_momentum is True:
            raise ValueError(
                "`cycle_momentum=True` needs an optimizer that makes use of momentum, "
                "such as `SGD(momentum=0.95)` or `Adam()`. Received: optimizer="
                f"{without[0].name!r}, {type(without[0]).__name__} without momentum"
            )
        if without and self.cycle_momentum == "auto" and self.verbose:
            print(
                f"OneCycleScheduler: {without[0].name!r} has no momentum; only its "
                "learning rate is scheduled. SGD(momentum=0.95) has both."
            )

    def plan(self, controller: HyperparameterController, optimizer: Any) -> None:
        lost = self.lost_steps(controller)
        values = self._along(lost)
        for name in self.driven_names(optimizer):
            column = 0 if name == RATE else 1
            curve = functools.partial(_column, values, column)
            owner, numbers = type(self).__name__, () if lost is None else (lost,)
            controller.drive(optimizer, name, curve, owner, numbers)

    def driven_names(self, optimizer: Any) -> tuple[str, ...]:
        if self.cycle_momentum is False:
            return self.names
        return (*self.names, *momentum_names(optimizer))

    def _curves(self, iterations: int) -> tuple[OneCycle, OneCycleMomentum]:
        rates: Any = self._rates
        shape: Any = self._shape
        momenta: Any = self._momenta
        return (
            OneCycle(iterations, **rates, **shape),
            OneCycleMomentum(iterations, **momenta, **shape),
        )

    def _along(self, lost: LiveNumber | None) -> Callable[[Any], tuple[Any, Any]]:
        """Returns a function of the step that gives its rate and its momentum.

        Both come from one table: two operations in every step instead of thirty. They
        are asked for one after the other, with the same tensor.
        """
        table = self._table()
        last: list[Any] = [None, None]

        def values(updates: Any) -> tuple[Any, Any]:
            if last[0] is not updates:
                since = since_start(updates, self.begins, lost)
                if table is None:
                    found = self.rate(since), self.momentum(since)
                else:
                    row = keras.ops.clip(since, 0, self.rate.iterations)
                    found = keras.ops.unstack(keras.ops.take(table, row, axis=0), 2)
                last[:] = updates, found
            return last[1]

        return values

    def _table(self) -> Any | None:
        steps = np.arange(self.rate.iterations + 1)
        if len(steps) > _LONGEST_TABLE:
            return None
        columns = [curve(steps) for curve in (self.rate, self.momentum)]
        table = np.stack([keras.ops.convert_to_numpy(c) for c in columns], axis=1)
        # Each step of torch would move it to the device again.
        is_eager = keras.backend.backend() == "torch"
        return keras.ops.convert_to_tensor(table) if is_eager else table


def _column(values: Callable[[Any], tuple[Any, Any]], column: int, step: Any) -> Any:
    return values(step)[column]
