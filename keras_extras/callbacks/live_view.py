"""Shows a training in a cell of a notebook while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from keras_extras.warn_safely import warn_safely

_SHARE = 0.01  # of the training time, which drawing and sending may take
_PAUSE = 1.0  # second between two drawings, at least


class LiveView:
    """Replaces one output of a notebook's cell, every now and then.

    Outside of a notebook it does nothing. A fault of its own ends the view, not what
    is viewed.

    Args:
        wanted: Boolean, whether to show anything.
    """

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self._output: Any = None
        self._due = 0.0

    def begin(self) -> None:
        """Makes the output, below what the cell has printed so far."""
        self._output = _new_output() if self.wanted else None
        self._due = time.perf_counter()

    def update(self, render: Callable[[], str], last: bool = False) -> None:
        """Shows what `render` returns, if it is time to, or if it is the last."""
        if self._output is None:
            return
        began = time.perf_counter()
        if began < self._due and not last:
            return
        try:
            self._output.update(_Html(render()))
        except Exception as error:
            self._output = None
            warn_safely(
                "The live view of a training failed and is switched off: "
                f"{type(error).__name__}: {error}",
                stacklevel=4,
            )
        ended = time.perf_counter()
        self._due = ended + max((ended - began) / _SHARE, _PAUSE)


class _Html:
    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


def _new_output() -> Any:
    """Returns a handle on a new output of the cell, `None` where there is no cell."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return None
    if not hasattr(get_ipython(), "kernel"):  # nothing, or a terminal
        return None
    return display(_Html(""), display_id=True)
