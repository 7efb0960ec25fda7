"""Helpers of sampling on JAX: numbers of rows and samples, seeds, sizes of tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.extend.core import ClosedJaxpr
from jax.extend.core import Jaxpr

Tensor = Any


def rounded_up(rows: int) -> int:
    """Returns a number of rows, at most a quarter larger, that many others share."""
    step = 2 ** max(rows.bit_length() - 3, 0)
    return -(-rows // step) * step


def spec_of(tensor: Any, rows: int | None = None) -> jax.ShapeDtypeStruct:
    """Returns shape and dtype of a tensor, with another number of rows if given."""
    shape = tuple(tensor.shape) if rows is None else (rows, *tensor.shape[1:])
    return jax.ShapeDtypeStruct(shape, keras.backend.standardize_dtype(tensor.dtype))


def draw_seeds(key: Tensor, number: Tensor, count: int) -> Tensor:
    """Returns a seed for each generator, for the sample of that number.

    Seeds need to differ, not to be random: they are keys of JAX' generator, in which
    Keras counts the draws in the second half.
    """
    first = key[0] + number.astype("uint32") * np.uint32(count)
    halves = first + jnp.arange(count, dtype="uint32"), jnp.full(count, key[1])
    return jnp.stack(halves, axis=1)


def bytes_per_row(program: ClosedJaxpr, rows: int) -> int:
    """Returns how much memory a row takes: four times that of its largest tensor.

    Dropout alone holds its input, its random numbers, its mask and its output.
    """
    sizes = (_bytes(v.aval) for v in _results(program.jaxpr) if _has_rows(v.aval, rows))
    return max(1, 4 * max(sizes, default=0) // rows)


def _results(jaxpr: Jaxpr) -> Iterable[Any]:
    for equation in jaxpr.eqns:
        yield from equation.outvars
        for parameter in jax.tree.leaves(tuple(equation.params.values()), _is_program):
            if _is_program(parameter):
                yield from _results(getattr(parameter, "jaxpr", parameter))


def _is_program(parameter: Any) -> bool:
    return isinstance(parameter, ClosedJaxpr | Jaxpr)


def _has_rows(aval: Any, rows: int) -> bool:
    shape: tuple[int, ...] = getattr(aval, "shape", ())
    return bool(shape) and shape[0] > 0 and shape[0] % rows == 0


def _bytes(aval: Any) -> int:
    return math.prod(aval.shape) * getattr(aval.dtype, "itemsize", 4)
