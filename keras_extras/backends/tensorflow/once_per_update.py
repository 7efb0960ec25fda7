"""Computes a tensor of a driven hyperparameter once for each update in a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


class OncePerUpdate:
    """Computes a tensor once for each update of an optimizer within a trace.

    An optimizer asks for its momentum once or more for each variable. The answer is
    the same until `iterations` is assigned, and costs some ten operations.

    Args:
        variable: The variable that each update assigns: the count of batches.
        compute: Function that returns the tensor.
    """

    def __init__(self, variable: Any, compute: Callable[[], Any]) -> None:
        self._variable = variable
        self._compute = compute
        self._graph: Any = None
        self._version = -1
        self._tensor: Any = None

    def __call__(self) -> Any:
        if tf.executing_eagerly():
            return self._compute()
        graph = tf.compat.v1.get_default_graph()
        version = _times_assigned(graph, self._variable)
        if version is None:
            return self._compute()
        if graph is not self._graph or version != self._version:
            self._tensor = self._compute()
            self._graph, self._version = graph, version
        return self._tensor

    def forget(self) -> None:
        """Lets go of the last trace."""
        self._graph = self._tensor = None


def _times_assigned(graph: Any, variable: Any) -> int | None:
    """Returns how often `graph` assigns to `variable`, as far as it is traced.

    `None` if that cannot be told: each replica has a variable of its own.
    """
    own = getattr(variable, "value", variable)
    if isinstance(own, tf.distribute.DistributedValues) or not hasattr(own, "handle"):
        return None
    if not hasattr(graph, "capture"):
        return None
    users = graph.capture(own.handle).consumers()
    return sum(op.type.startswith("Assign") for op in users)


def outside_of_a_trace(function: Callable[[], Any]) -> Any | None:
    """Returns `function()` if operations run at once here, else `None`."""
    return function() if tf.executing_eagerly() else None
