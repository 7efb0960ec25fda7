"""Calls a model beside its training: traced first, and compiled with little effort."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import jaxpr_as_fun

from keras_extras.backends.contract import CannotInspectError
from keras_extras.backends.jax.arrays import to_numpy
from keras_extras.backends.jax.program import compile_options
from keras_extras.backends.jax.purity import side_effect
from keras_extras.keras_internals.dry_scope import losses_kept
from keras_extras.keras_internals.layer_tree import sublayers
from keras_extras.keras_internals.snapshot import random_state_kept_beside


def run_dry(
    model: Any, function: Callable[..., list[Any]], arrays: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Implements `keras_extras.backends.load_dry_inference.DryInference`."""
    with random_state_kept_beside(model), losses_kept(sublayers(model)):
        tensors = [jax.numpy.asarray(array) for array in arrays]
        traced = jax.make_jaxpr(function)(*tensors)
        effect = side_effect(traced)
        if effect is not None:
            raise CannotInspectError(f"a call has a side effect, `{effect}`")
        run = jax.jit(jaxpr_as_fun(traced), compiler_options=compile_options())
        return [to_numpy(value) for value in run(*tensors)]
