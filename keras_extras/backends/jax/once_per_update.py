from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import get_opaque_trace_state


class OncePerUpdate:
    """Computes a tensor once for each update of an optimizer within a trace.

    An optimizer asks for its momentum once or more for each variable. The answer is
    the same until the count of batches is another tracer, or is asked for at another
    level of the trace: what a branch of a `cond` has computed is of no use outside.

    Args:
        variable: The variable that each update assigns: the count of batches.
        compute: Function that returns the tensor.
    """

    def __init__(self, variable: Any, compute: Callable[[], Any]) -> None:
        self._variable = variable
        self._compute = compute
        self._count: Any = None
        self._level: Any = None
        self._tensor: Any = None

    def __call__(self) -> Any:
        count = self._variable.value
        # What a step that runs eagerly computes may be another number a moment
        # later, when a callback has changed a factor.
        if not isinstance(count, jax.core.Tracer):
            return self._compute()
        level = get_opaque_trace_state()
        if count is not self._count or level != self._level:
            self._tensor = self._compute()
            self._count, self._level = count, level
        return self._tensor

    def forget(self) -> None:
        """Lets go of the last trace."""
        self._count = self._level = self._tensor = None
