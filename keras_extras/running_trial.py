"""Finds the trial of a KerasTuner search that the running `fit` belongs to, if any.

KerasTuner hands each `fit` of a search a callback of its own that knows the tuner and
the trial. That is all that is looked at; KerasTuner itself is not imported here.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterable
from typing import Any

from keras_extras import files
from keras_extras.keras_internals.running_fit import callbacks_of_fit

_EVENTS = ".keras_extras"  # how the names of our event files end

# The executions of each trial that have been seen, in their order. A key lives as
# long as one call of `Tuner.run_trial`.
_executions: weakref.WeakKeyDictionary[Any, list[weakref.ref[Any]]]
_executions = weakref.WeakKeyDictionary()
# The directories that an execution was given.
_directories: weakref.WeakKeyDictionary[Any, dict[str, str]]
_directories = weakref.WeakKeyDictionary()


class RunningTrial:
    """One execution of a trial, as the callbacks of its `fit` see it.

    Attributes:
        tuner: The KerasTuner `Tuner`.
        trial: Its `Trial`.
        trial_id: String.
        execution: Integer, counted from 0.
        has_session: Boolean. Whether KerasTuner itself writes the hyperparameters
            for TensorBoard, as it does beside a `TensorBoard` callback.
    """

    def __init__(self, mark: Any, callbacks: Iterable[Any]) -> None:
        self.tuner = mark.tuner
        self.trial = mark.trial
        self.trial_id = str(mark.trial.trial_id)
        self.execution = _number(mark, callbacks)
        self.has_session = any(
            _is(c, "Callback", "tensorboard.plugins.hparams") for c in callbacks
        )
        self._mark = mark

    @property
    def objective(self) -> Any:
        """Returns what the search optimises: a KerasTuner `Objective`."""
        return self.tuner.oracle.objective

    @property
    def directory(self) -> str:
        """Returns where KerasTuner keeps what belongs to the trial."""
        return str(self.tuner.get_trial_dir(self.trial_id))

    @property
    def is_verbose(self) -> bool:
        """Returns whether the search prints what it does; a worker always does."""
        return bool(getattr(self.tuner.oracle, "verbose", True))

    def run_directory(self, log_dir: str) -> str:
        """Returns the directory below `log_dir` that belongs to this execution."""
        if self.owns(log_dir):
            return log_dir
        return os.path.join(log_dir, self.trial_id, f"execution{self.execution}")

    def owns(self, path: str) -> bool:
        """Returns whether KerasTuner has made `path` that of this execution already."""
        parent, name = os.path.split(path.rstrip("/"))
        return name.startswith("execution") and (
            os.path.basename(parent) == self.trial_id
        )

    def unused(self, directory: str) -> str:
        """Returns `directory`, or one beside it where an earlier attempt has written.

        The same for all callbacks of this execution.
        """
        known = _directories.setdefault(self._mark, {})
        if directory not in known:
            attempt, path = 0, directory
            while _has_run(path):
                attempt += 1
                path = f"{directory}-retry{attempt}"
            known[directory] = path
        return known[directory]

    def fatal(self, message: str) -> Exception:
        """Returns an error that ends the search rather than only this trial.

        What would go wrong in each trial alike is not to use them up: the search can
        be resumed with this one.
        """
        return sys.modules["keras_tuner"].errors.FatalValueError(message)


def running_trial() -> RunningTrial | None:
    """Returns the trial whose callbacks are called just now."""
    found = callbacks_of_fit()
    return None if found is None else trial_of(found.callbacks)


def trial_of(callbacks: Iterable[Any]) -> RunningTrial | None:
    """Returns the trial to which a list of callbacks belongs."""
    for callback in callbacks:
        if _is(callback, "TunerCallback", "keras_tuner"):
            return RunningTrial(callback, callbacks)
    return None


def _number(mark: Any, callbacks: Iterable[Any]) -> int:
    """Returns how many executions of the trial have come before this one.

    KerasTuner says it to nobody. Each execution has a mark of its own, and all of
    them one callback that keeps the best weights; a trial that is run once more has
    another one, and counts anew.
    """
    shared = [c for c in callbacks if _is(c, "SaveBestEpoch", "keras_tuner")]
    seen = _executions.setdefault(shared[0] if shared else mark.trial, [])
    for number, reference in enumerate(seen):
        if reference() is mark:
            return number
    seen.append(weakref.ref(mark))
    return len(seen) - 1


def _is(callback: Any, name: str, package: str) -> bool:
    return any(
        kind.__name__ == name and kind.__module__.startswith(f"{package}.")
        for kind in type(callback).__mro__
    )


def _has_run(directory: str) -> bool:
    return any(name.endswith(_EVENTS) for name in files.names_in(directory))
