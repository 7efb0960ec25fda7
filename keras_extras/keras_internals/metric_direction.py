"""Tells whether a metric is better when it is higher."""

from __future__ import annotations

from typing import Any

import keras

_BETTER_WHEN_HIGH = (
    "acc",
    "auc",
    "precision",
    "recall",
    "specificity",
    "sensitivity",
    "f1",
    "f_beta",
    "fbeta",
    "r2",
    "iou",
    "dice",
    "top_k",
)
_BETTER_WHEN_LOW = (
    "loss",
    "error",
    "mse",
    "mae",
    "mape",
    "msle",
    "rmse",
    "mean_abs",
    "mean_squared",
    "crossentropy",
    "cross_entropy",
    "hinge",
    "logcosh",
    "log_cosh",
    "kl_div",
    "kullback",
    "perplexity",
    "divergence",
    "deviance",
)


def check_mode(model: Any, monitor: str, mode: str) -> bool:
    """Returns whether a high value of what is monitored is good.

    Raises:
        ValueError: If `mode` is `"auto"` and neither Keras nor the name tells.
    """
    if mode != "auto":
        return mode == "max"
    known = direction_of(model, monitor.removeprefix("val_"))
    if known is None:
        raise ValueError(
            "`mode` must be given where neither Keras nor the name of `monitor` tells "
            'which way it gets better: `mode="min"` if low is good, `mode="max"` if '
            f"high is. Received: mode='auto', monitor={monitor!r}"
        )
    return known


def direction_of(model: Any, name: str) -> bool | None:
    """Returns whether a metric is better when it is higher; `None` if nobody knows.

    Args:
        model: Compiled model, whose metrics may not be built yet.
        name: Name of the metric, without `val_`.
    """
    if name.rpartition("_")[2] == "loss":
        return False
    compiled = getattr(model, "_compile_metrics", None)
    given = keras.tree.flatten(getattr(compiled, "_user_metrics", None))
    for metric in [*model.metrics, *given]:
        for each in getattr(metric, "metrics", [metric]):
            direction = getattr(each, "_direction", None)
            if getattr(each, "name", None) == name and direction is not None:
                return bool(direction == "up")
    if any(part in name.lower() for part in _BETTER_WHEN_HIGH):
        return True
    return False if any(part in name.lower() for part in _BETTER_WHEN_LOW) else None


def is_higher_better(model: Any, name: str) -> bool:
    """Returns what Keras knows of the metric, or else what its name tells.

    Args:
        model: Compiled model.
        name: Name of the metric, without `val_`.
    """
    return bool(direction_of(model, name))
