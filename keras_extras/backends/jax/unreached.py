"""Tells a gradient that JAX filled in from one that was computed."""

from __future__ import annotations

from typing import Any

from jax.extend.core import Jaxpr
from jax.extend.core import Literal

_RESHAPES = ("broadcast_in_dim", "convert_element_type", "reshape")


def zeros_filled_in(jaxpr: Jaxpr) -> set[str]:
    """Returns the names of values that are a constant 0 by the trace alone.

    A derivative has that for what its function does not depend on. What is computed
    to be 0 comes from an operation.
    """
    zeros: set[Any] = set()
    names: set[str] = set()
    for equation in jaxpr.eqns:
        kind = equation.primitive.name
        if kind not in (*_RESHAPES, "name") or not _is_zero(equation.invars[0], zeros):
            continue
        zeros.update(equation.outvars)
        if kind == "name":
            names.add(equation.params["name"])
    return names


def _is_zero(atom: Any, zeros: set[Any]) -> bool:
    return atom.val == 0 if isinstance(atom, Literal) else atom in zeros
