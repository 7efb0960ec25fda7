"""How many units a max-norm constraint holds back, before a step moves them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_extras.backends.contract import Stack
from keras_extras.constraints.limits import count_at_limit
from keras_extras.constraints.limits import is_limited
from keras_extras.inspection.row_layout import RowLayout

FIELDS = ("held_count", "unit_count")


def measure_limits(variables: Sequence[Any], weights: Iterable[Stack]) -> np.ndarray:
    """Returns the fields of each variable; zeros for one without a limit."""
    block = np.zeros((len(variables), len(FIELDS)))
    for members, values in weights:
        for number, flat in zip(members, values):
            variable = variables[number]
            if is_limited(variable):
                weight = flat.reshape(tuple(variable.shape))
                block[number] = count_at_limit(weight, variable.constraint)
    return block


def statistics(
    fields: Mapping[str, np.ndarray], layout: RowLayout
) -> dict[str, np.ndarray]:
    """Returns the share of the units of each layer, NaN for layers without a limit."""
    held, units = (layout.sum_by_layer(fields[name]) for name in FIELDS)
    return {"weight_at_limit_fraction": held / units}
