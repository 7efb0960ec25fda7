from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from keras_extras.backends.contract import Stack
from keras_extras.backends.contract import Wanted
from keras_extras.backends.torch import packing
from keras_extras.backends.torch.batch_ring import BatchRing
from keras_extras.backends.torch.dry_run import TorchDryRun
from keras_extras.backends.torch.hand_over import HandOver
from keras_extras.backends.torch.variables_kept import VariablesKept
from keras_extras.backends.variables_hold_state import VariablesHoldState


class TorchBackend(VariablesHoldState):
    """Implements `keras_extras.backends.contract.Backend`."""

    def dry_run(
        self, model: Any, wanted: Wanted, arguments: tuple[Any, ...]
    ) -> TorchDryRun:
        return TorchDryRun(model, wanted)

    def hand_over(self, model: Any, arguments: tuple[Any, ...]) -> HandOver:
        return HandOver()

    def weight_reader(
        self, variables: Sequence[Any]
    ) -> Callable[[], tuple[Stack, ...]]:
        return lambda: packing.read_variables(variables)

    def function(self, function: Callable[..., Any]) -> Callable[..., np.ndarray]:
        def to_array(*numbers: int) -> np.ndarray:
            with torch.no_grad():
                (found,) = packing.to_arrays([function(*numbers)])
            return found

        return to_array

    def number(self, variable: Any) -> float:
        return float(getattr(variable, "_value", variable))

    def build(self, model: Any, arguments: tuple[Any, ...]) -> None:
        """Does nothing: Keras has built the model before `fit` calls its callbacks."""

    def replicas(self, model: Any) -> int:
        return 1

    def snapshot(self, model: Any) -> VariablesKept:
        return VariablesKept(model)

    def batch_ring(self, epoch_iterator: Any) -> BatchRing | None:
        try:
            return BatchRing(epoch_iterator)
        except AttributeError:  # an iterator that is not Keras' own
            return None
