from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from functools import cache
from typing import Any
from typing import Protocol

import keras
import numpy as np


class DryInference(Protocol):
    """Runs code that calls a model, beside a training and without a trace of it."""

    def __call__(
        self,
        model: Any,
        function: Callable[..., list[Any]],
        arrays: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        """Returns what `function` returns for the arrays, as tensors, on the host.

        Args:
            model: The model that it calls.
            function: What to run, within a scope of its own that keeps writes to
                variables to itself. Where the model has code of other people, it may
                be traced first, and is run only if it has no side effect.
            arrays: Its arguments.

        Raises:
            CannotInspectError: If it would change more than variables.
        """


@cache
def load_dry_inference() -> DryInference:
    """Returns what runs a model dry on the Keras backend in use."""
    name = keras.backend.backend()
    if name == "torch":
        from keras_extras.backends.torch.dry_inference import run_dry

        return run_dry
    if name == "jax":
        from keras_extras.backends.jax.dry_inference import run_dry

        return run_dry
    if name == "tensorflow":
        from keras_extras.backends.tensorflow.dry_inference import run_dry

        return run_dry
    raise NotImplementedError(
        "keras_extras calls models on the backends TensorFlow, JAX and torch. "
        f"Received: keras.backend.backend()={name!r}"
    )
