"""The processes that train one model together: those of `jax.distributed`, or this one.

Each runs the same program on its share of the data. What runs on all devices has to be
started by all of them at the same step, or they wait for each other for ever. What
leads to it may not depend on a clock, unless the processes agree on what it says.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np


def count() -> int:
    """Returns how many processes train together."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def is_first() -> bool:
    """Returns whether this is the process that writes and prints for all."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return jax.process_index() == 0


def agreed(values: Sequence[float]) -> list[float]:
    """Returns the values of the first process; all have to ask, in the same order."""
    from jax.experimental import multihost_utils

    told = multihost_utils.broadcast_one_to_all(np.asarray(values, np.float32))
    return np.asarray(told).astype(float).tolist()
