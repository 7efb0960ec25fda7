from __future__ import annotations

from typing import Any

import numpy as np

from keras_extras.backends.tensorflow import packing
from keras_extras.keras_internals.stock import optimizers_within


class VariablesKept:
    """Holds the values of all variables of a training, to go back to.

    Nothing is copied: TensorFlow gives a variable new memory when it is written while
    somebody holds its value.

    Args:
        model: The model, whose optimizers and metrics are meant too.
    """

    def __init__(self, model: Any) -> None:
        optimizers = optimizers_within(model)
        variables = [
            *model.variables,
            *model.metrics_variables,
            *(variable for each in optimizers for variable in each.variables),
        ]
        self._judged = {id(v) for v in model.trainable_variables}
        self._judged |= {id(v) for each in optimizers for v in each.variables}
        unique = {id(variable): variable for variable in variables}
        self._values = [
            (variable, packing.read(packing.local_value(variable)))
            for variable in unique.values()
            if getattr(variable, "_value", variable) is not None
        ]

    def is_finite(self) -> bool:
        """Returns whether all weights and all that optimizers keep are finite."""
        with np.errstate(all="ignore"):
            return all(
                bool(np.isfinite(packing.to_numpy(packing.as_float(value)).sum()))
                for variable, value in self._values
                if id(variable) in self._judged and value.dtype.is_floating
            )

    def restore(self) -> None:
        """Gives every variable its value back."""
        for variable, value in self._values:
            variable.assign(value)
