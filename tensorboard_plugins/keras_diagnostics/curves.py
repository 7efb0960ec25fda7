"""Loss, metrics and rates of every step, as `CURVE_TAG` holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_diagnostics import schema
from keras_diagnostics.source import Source

Series = tuple[np.ndarray, np.ndarray]

_MOST_NAMES = 100


def read_curves(source: Source, run: str) -> dict[str, dict[str, Series]]:
    """Returns series by name of `"logs"` and of `"hyperparameters"`.

    Trainings that share a directory are joined; what comes later counts.
    """
    sessions: dict[str, dict[str, Any]] = {}
    for _, document in source.documents(run, schema.CURVE_TAG):
        if isinstance(document, dict):
            sessions[str(document.get("session"))] = document
    parts = ("logs", "hyperparameters")
    found: dict[str, dict[str, list[Series]]] = {part: {} for part in parts}
    for document in sessions.values():
        for part in parts:
            try:
                for name, series in _series(document.get(part)):
                    found[part].setdefault(name, []).append(series)
            except (KeyError, TypeError, ValueError, OverflowError):
                source.report(run, f"The {part} of its steps are damaged.")
    return {
        part: {name: _joined(pieces) for name, pieces in by_name.items()}
        for part, by_name in found.items()
    }


def joined(one: Series, other: Series) -> Series:
    """Returns two series as one, in which the second counts where both have a step."""
    return _joined([one, other])


def _series(part: Any) -> list[tuple[str, Series]]:
    if part is None:
        return []
    if not isinstance(part, dict) or not isinstance(part["values"], dict):
        raise ValueError("other types")
    steps = np.asarray(part["steps"], float)
    if steps.ndim != 1 or not ((steps >= 0) & (steps < 2**53)).all():
        raise ValueError("no steps")
    found = []
    for name, values in list(part["values"].items())[:_MOST_NAMES]:
        numbers = np.asarray(values, float)
        if numbers.shape != steps.shape:
            raise ValueError("not a value for each step")
        found.append((str(name), (steps.astype(int), numbers)))
    return found


def _joined(pieces: list[Series]) -> Series:
    steps = np.concatenate([steps for steps, _ in pieces])
    values = np.concatenate([values for _, values in pieces])
    unique, last = np.unique(steps[::-1], return_index=True)
    return unique, values[::-1][last]
