from __future__ import annotations

import math
import os
from typing import Any

import keras
import numpy as np

from keras_extras import checks
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.running_trial import RunningTrial
from keras_extras.running_trial import running_trial
from keras_extras.tuner import trial_files


class PercentilePruner(keras.callbacks.Callback):
    """Ends a trial that is worse than most other trials at the same epoch.

    Pass it to `tuner.search(callbacks=[...])`, with any tuner. After each epoch, the
    best value of the objective that the trial has reached is compared with the best
    values that the other trials had reached by that epoch, including trials that were
    ended later and those that still run. If it is worse than their percentile, the
    trial is ended. Its score is that best value, so it is ranked with the others, never
    first, and counts as completed. `tuner.oracle.get_trial(trial_id).message` says why
    it ended.

    The value of each epoch is stored in a file of the trial, which only the process
    that runs the trial writes. So it works in a distributed search, where the workers
    share the directory, and after a restart.

    Do not use it if learning curves cannot be compared epoch by epoch, such as those of
    a 1cycle training (which is good only at its end) and of a constant learning rate.
    With `Hyperband`, which ends trials itself, epochs of different rounds are compared.

    Args:
        percentile: Float, 0 to 100. With 25, a trial is ended if it is worse than three
            quarters of the others.
        min_trials: Integer >= 1, number of other trials that must have reached the
            epoch. Defaults to `5`.
        min_epochs: Integer >= 0, number of epochs in which no trial is ended.
            Defaults to `1`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if it is
            used outside of a search, or if the logs do not contain the objective.

    Example:

    ```python
    tuner = keras_tuner.RandomSearch(build_model, "val_accuracy", max_trials=30)
    pruner = keras_extras.tuner.PercentilePruner(25)
    tuner.search(x, y, validation_split=0.2, epochs=5, callbacks=[pruner])
    ```

    References:
        Golovin et al. (2017), "Google Vizier: a service for black-box optimization",
        section 3.2.
    """

    def __init__(
        self, percentile: float, min_trials: int = 5, min_epochs: int = 1
    ) -> None:
        super().__init__()
        if not checks.is_number(percentile) or not 0 <= percentile <= 100:
            raise ValueError(
                "`percentile` must be a number from 0 to 100. "
                f"Received: percentile={percentile!r}"
            )
        self.percentile = float(percentile)
        self.min_trials = checks.check_count("min_trials", min_trials)
        self.min_epochs = checks.check_count("min_epochs", min_epochs, least=0)
        self._trial: RunningTrial | None = None
        self._values: dict[int, float] = {}
        self._ended: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _trial=None)

    def on_train_begin(self, logs: Any = None) -> None:
        self._trial = running_trial()
        self._values, self._ended = {}, None
        if self._trial is None:
            raise ValueError(
                f"`{type(self).__name__}` compares the trials of a search: give it to "
                "`tuner.search(callbacks=[...])`. Received: a `fit` outside of a search"
            )
        self._write()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        trial = self._trial
        if trial is None:
            return
        objective = trial.objective
        if not objective.has_value(logs or {}):
            raise trial.fatal(
                f"`{type(self).__name__}` needs the objective among the logs of each "
                f"epoch. Received: objective={objective.name!r}, logs of "
                f"{sorted(logs or {})}"
            )
        self._values[epoch] = float(objective.get_value(logs))
        others = self._others(epoch)
        own = self._best(self._values, epoch)
        limit = self._limit(others)
        # All NaN is as bad as the worst, and no better than it.
        bad = limit is not None and (own < limit or own == -math.inf)
        if bad and len(self._values) > self.min_epochs:
            self.model.stop_training = True
            self._say(trial, epoch, own, limit, len(others))
        self._write()

    def on_train_end(self, logs: Any = None) -> None:
        self._trial = None

    def _limit(self, others: list[float]) -> float | None:
        if len(others) < self.min_trials:
            return None
        # Of what was reached, not between two of it: -inf has no middle.
        return float(np.percentile(others, self.percentile, method="lower"))

    def _best(self, values: dict[int, float], epoch: int) -> float:
        """Returns the best of the values up to an epoch; more is better."""
        sign = self._sign()
        known = [sign * v for e, v in values.items() if e <= epoch]
        return max((v for v in known if not math.isnan(v)), default=-math.inf)

    def _sign(self) -> float:
        assert self._trial is not None
        return 1.0 if self._trial.objective.direction == "max" else -1.0

    def _others(self, epoch: int) -> list[float]:
        """Returns what the other trials had reached by the end of an epoch."""
        trial = self._trial
        assert trial is not None
        project = os.path.dirname(trial.directory)
        mine = os.path.basename(trial.directory)
        found = []
        for path in trial_files.all_of(project, "progress*.json"):
            if os.path.basename(os.path.dirname(path)) == mine:
                continue
            read = trial_files.read(path) or {"values": {}}
            values = {int(e): float(v) for e, v in read["values"].items()}
            if epoch in values:
                found.append(self._best(values, epoch))
        return found

    def _write(self) -> None:
        trial = self._trial
        assert trial is not None
        name = trial_files.PROGRESS.format(execution=trial.execution)
        content = {"values": self._values, "ended": self._ended}
        trial_files.write(os.path.join(trial.directory, name), content)

    def _say(
        self, trial: RunningTrial, epoch: int, own: float, limit: Any, count: int
    ) -> None:
        sign = self._sign()
        self._ended = text = (
            f"Ended in epoch {epoch + 1} by {type(self).__name__}: "
            f"{trial.objective.name} {sign * own:.4g}, percentile {self.percentile:g} "
            f"of {count} others is {sign * limit:.4g}"
        )
        trial.trial.message = text
        if trial.is_verbose:
            print(f"Trial {trial.trial_id}: {text}")
