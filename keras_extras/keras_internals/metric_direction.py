"""Tells whether a metric is better when it is higher."""

from __future__ import annotations

from typing import Any

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


def is_higher_better(model: Any, name: str) -> bool:
    """Returns what Keras knows of the metric, or else what its name tells.

    Args:
        model: Compiled model.
        name: Name of the metric, without `val_`.
    """
    for metric in model.metrics:
        for each in getattr(metric, "metrics", [metric]):
            direction = getattr(each, "_direction", None)
            if each.name == name and direction is not None:
                return bool(direction == "up")
    return any(part in name.lower() for part in _BETTER_WHEN_HIGH)
