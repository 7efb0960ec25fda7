"""Describes values: what a function can return, and what targets are."""

from __future__ import annotations

import numpy as np

from keras_extras.diagnostics.structure import Output

# What each activation function can return.
RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
}
UNBOUNDED = ("linear", "leaky_relu", "elu", "selu", "gelu", "silu", "swish")


def out_of_reach(
    output: Output, targets: np.ndarray, predictions: np.ndarray | None
) -> tuple[float, str] | None:
    """Returns the share of targets that the last activation cannot reach.

    A few that lie a little outside do no harm: what counts is how much of their
    variance is out of reach.
    """
    if output.activation not in RANGES:
        return None
    low, high = RANGES[output.activation]
    if predictions is not None:
        returned = predictions[np.isfinite(predictions)]
        if np.any((returned < low - 1e-3) | (returned > high + 1e-3)):
            return None  # it can, for something scales what the layer returns
    missed = targets - np.clip(targets, low, high)
    share = float(np.mean(np.abs(missed) > 1e-3))
    if share < 0.02 or np.mean(missed**2) < 0.05 * np.mean(np.var(targets, axis=0)):
        return None
    return share, f"[{low:g}, {high:g}]"


def is_fractional(values: np.ndarray) -> bool:
    """Returns whether any of the values is no whole number."""
    return bool(np.any(values != np.round(values)))


def interval_of(values: np.ndarray) -> str:
    """Returns the range of the values as text."""
    return f"[{values.min():.3g}, {values.max():.3g}]"
