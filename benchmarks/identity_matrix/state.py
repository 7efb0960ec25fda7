"""All that a training leaves behind, and how to compare it bit for bit."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np


def state_of(model: Any, history: Any) -> dict[str, np.ndarray]:
    """Returns all arrays that a training made, by a name that says what they are."""
    found: dict[str, np.ndarray] = {}
    kinds = {
        "variable": model.variables,
        "metric": model.metrics_variables,
        "optimizer": [v for each in optimizers_of(model) for v in each.variables],
    }
    for kind, variables in kinds.items():
        for number, variable in enumerate(variables):
            value = keras.ops.convert_to_numpy(variable)
            found[f"{kind} {number} {variable.path}"] = value
    found["history epochs"] = np.array(history.epoch)
    for name, values in history.history.items():
        found[f"history {name}"] = np.array(values)
    return found | next_draws()


def next_draws() -> dict[str, np.ndarray]:
    """Draws from each global generator: they must stand where they would anyway."""
    return {
        "next draw of Python": np.array(random.random()),
        "next draw of NumPy": np.random.random(2),
        **_of_the_backend(),
        "next draw of Keras": keras.ops.convert_to_numpy(keras.random.uniform((2,))),
    }


def _of_the_backend() -> dict[str, np.ndarray]:
    """Draws from the generator that a backend has for all; JAX has none."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return {"next draw of TensorFlow": tf.random.uniform((2,)).numpy()}
    if keras.backend.backend() == "torch":
        import torch

        return {"next draw of torch": torch.rand(2).numpy()}
    return {}


def optimizers_of(model: Any) -> list[Any]:
    """Returns the optimizers that the model holds, compiled or of its own."""
    held = [model.optimizer, *vars(model).values()]
    chosen: list[Any] = []
    for each in held:
        is_one = isinstance(each, keras.optimizers.Optimizer)
        if is_one and all(each is not other for other in chosen):
            chosen.append(each)
    return chosen


def differences(
    plain: dict[str, np.ndarray], other: dict[str, np.ndarray]
) -> dict[str, float]:
    """Returns what differs, with the largest difference; infinity if not comparable."""
    found = {name: float("inf") for name in plain.keys() ^ other.keys()}
    for name in plain.keys() & other.keys():
        ours, theirs = plain[name], other[name]
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            found[name] = float("inf")
        elif ours.tobytes() != theirs.tobytes():
            found[name] = _largest(ours, theirs)
    return dict(sorted(found.items()))


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        gaps = np.abs(ours.astype("float64") - theirs.astype("float64"))
    return float("inf") if np.isnan(gaps).all() else float(np.nanmax(gaps))
