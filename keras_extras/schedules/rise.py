from __future__ import annotations

from typing import Any

import keras


def rise(step: Any, warmup_steps: int) -> Any:
    """Returns the share of the highest value at a step of a warm-up.

    It is `(t + 1) / (warmup_steps + 1)`, then 1: no step is wasted on a value of 0, and
    the first step after the warm-up has the highest value.

    Args:
        step: The step, a float tensor.
        warmup_steps: Integer, 0 for no warm-up.
    """
    return keras.ops.minimum((step + 1.0) / (warmup_steps + 1.0), 1.0)
