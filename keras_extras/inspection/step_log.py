from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_extras.backends.load import load_backend
from keras_extras.inspection.hyperparameter_reader import HyperparameterReader
from keras_extras.keras_internals import hyperparameters
from keras_extras.records.step_curve import StepCurve

_SHARE = 0.001  # of the time, for reading hyperparameters
_LONGEST = 0.002  # seconds: what the first reading, which traces, counts for
_MOST_STEPS = 400


class StepLog:
    """Notes loss, metrics and hyperparameters of a training from its start to its end.

    What Keras reports of a batch is noted for each: a reference is kept. What acts on
    a step has to be read from the optimizer, and is as often as 0.1 % of the time
    allow, and when it is asked for.

    Args:
        model: The model, which is trained.
    """

    def __init__(self, model: Any) -> None:
        self._optimizer = hyperparameters.optimizers_of(model)[0]
        self._backend = load_backend()
        eager = bool(model.run_eagerly)
        self._reader = HyperparameterReader(self._optimizer, self._backend, eager)
        self._logs, self._hyperparameters = StepCurve(), StepCurve()
        self._due = 0.0

    def add(self, first: int, reports: Sequence[Mapping[str, Any]]) -> None:
        """Takes what Keras reports of steps in a row.

        Args:
            first: Integer, number of the first step. The last one has just trained.
            reports: The logs of the batches.
        """
        for step, logs in enumerate(reports, start=first):
            self._logs.add(step, logs)
        # Where Python is ahead of the steps, variables have no values in between.
        if not self._backend.runs_ahead and time.perf_counter() >= self._due:
            self.read(first + len(reports) - 1)

    def read(self, step: int) -> None:
        """Reads what acted on the step of that number, the last one trained."""
        began = time.perf_counter()
        raw = hyperparameters.raw_iterations(self._optimizer)
        batches = self._backend.number(raw)
        if batches >= 1:  # not NaN, which it is when it is lost
            self._hyperparameters.add(step, self._reader.at(int(batches) - 1))
        ended = time.perf_counter()
        self._due = ended + min(ended - began, _LONGEST) / _SHARE

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain values."""
        return {
            "logs": self._logs.to_dict(_MOST_STEPS),
            "hyperparameters": self._hyperparameters.to_dict(_MOST_STEPS),
        }
