"""Reports a trial to the search."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from keras_diagnostics.tally import Tally
from keras_extras.records.finding import Finding
from keras_extras.running_trial import RunningTrial

ENDED = "findings/ended"
_COUNTS = ("errors", "warnings")


class _Function(keras_tuner.HyperModel):
    """A function that builds a model, as a hypermodel."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self._function = function

    def build(self, hp: Any) -> Any:
        return self._function(hp)


def as_hypermodel(hypermodel: Any) -> keras_tuner.HyperModel:
    """Returns a hypermodel, also of a function that builds a model."""
    if isinstance(hypermodel, keras_tuner.HyperModel):
        return hypermodel
    if not callable(hypermodel) or isinstance(hypermodel, type):
        raise ValueError(
            "`hypermodel` must be a `keras_tuner.HyperModel`, or a function of the "
            f"hyperparameters that returns a model. Received: hypermodel={hypermodel!r}"
        )
    return _Function(hypermodel)


def ranked_trials(tuner: Any) -> list[Any]:
    """Returns the trials of a search, the best first, equal ones as they were made."""
    trials = tuner.oracle.get_best_trials(1_000_000)
    # A search that was loaded again has them in the order of its files.
    by_score = itertools.groupby(trials, lambda trial: f"{trial.score}")
    made = lambda trial: (len(str(trial.trial_id)), str(trial.trial_id))
    return [trial for _, tied in by_score for trial in sorted(tied, key=made)]


def counts_of(findings: Iterable[Finding], ended: bool) -> dict[str, float]:
    """Returns the numbers that are reported beside the objective."""
    counts = Tally.of((f.severity for f in findings), 0, 0).numbers()
    reported = {f"findings/{name}": float(counts[name]) for name in _COUNTS}
    return {**reported, ENDED: float(ended)}


def with_counts(results: Any, counts: Mapping[str, float], objective: Any) -> Any:
    """Returns what a hypermodel's `fit` has returned, in any form, and the counts."""
    if isinstance(results, list):
        return [with_counts(result, counts, objective) for result in results]
    if isinstance(results, numbers.Real):
        return {objective.name: float(results), **counts}
    if isinstance(results, dict):
        return {**results, **counts}
    if isinstance(results, keras.callbacks.History):
        epochs = max(map(len, results.history.values()), default=0)
        for name, value in counts.items():
            results.history[name] = [value] * epochs
    return results


def result_of_ended(
    trial: RunningTrial, logs: Sequence[Mapping[str, Any]], losses: Sequence[float]
) -> dict[str, float]:
    """Returns the metrics of an ended trial, with an objective worse than all.

    Args:
        trial: The trial.
        logs: Those of its epochs.
        losses: Those of its batches, in case no epoch has a finite value.
    """
    metrics = {k: float(v) for k, v in (logs[-1] if logs else {}).items()}
    metrics = {k: v for k, v in metrics.items() if math.isfinite(v)}
    objective = trial.objective
    for part in getattr(objective, "objectives", [objective]):
        metrics[part.name] = _worst(part, _comparable(trial, part, logs, losses))
    if hasattr(objective, "objectives"):
        metrics[objective.name] = objective.get_value(metrics)
    return metrics


def _worst(objective: Any, values: Iterable[float]) -> float:
    """Returns a value worse than all of these, and not so bad as to drown them.

    It must be finite: `BayesianOptimization` takes infinity for zero.
    """
    sign = -1.0 if objective.direction == "max" else 1.0
    worst = max([0.0, *(sign * value for value in values)])
    return sign * (worst + max(1.0, 9.0 * worst))


def _comparable(
    trial: RunningTrial,
    objective: Any,
    logs: Sequence[Mapping[str, Any]],
    losses: Sequence[float],
) -> list[float]:
    """Returns the objective of the other trials, else the best of what this one saw."""
    name = objective.name
    others = _finite(
        t.metrics.get_best_value(name)
        for t in ranked_trials(trial.tuner)
        if t.status == "COMPLETED"
        and t.metrics.exists(name)
        and not (t.metrics.exists(ENDED) and t.metrics.get_last_value(ENDED))
    )
    if others:
        return others
    own = _finite(log[name] for log in logs if name in log)
    if not own and objective.direction == "min":
        own = _finite(losses)[:1]
    best = max if objective.direction == "max" else min
    return [best(own)] if own else []


def _finite(values: Iterable[Any]) -> list[float]:
    return [float(v) for v in values if v is not None and math.isfinite(v)]
