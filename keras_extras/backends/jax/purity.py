"""Looks for side effects in a traced step before it runs for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr
from jax.extend.core import Jaxpr


def side_effect(closed: ClosedJaxpr) -> str | None:
    """Returns the operation by which a step would act on the world, or `None`."""
    if not closed.effects:
        return None
    return next(_operations_with_effects(closed.jaxpr), "an effect")


def _operations_with_effects(jaxpr: Jaxpr) -> Iterator[str]:
    for equation in jaxpr.eqns:
        if equation.effects:
            inner = list(_inner(equation.params))
            for each in inner:
                yield from _operations_with_effects(each)
            if not inner:
                yield equation.primitive.name


def _inner(params: dict[str, Any]) -> Iterator[Jaxpr]:
    is_jaxpr = lambda leaf: isinstance(leaf, Jaxpr | ClosedJaxpr)
    for leaf in jax.tree.leaves(params, is_leaf=is_jaxpr):
        if is_jaxpr(leaf):
            yield getattr(leaf, "jaxpr", leaf)
