from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keras.src.backend.common import global_state


@contextmanager
def arguments_of_call_kept() -> Iterator[None]:
    """Keeps what a layer calls its sublayers with from the layers after it.

    Keras hands `training` on to all layers that an outer layer calls later: after a
    cell that is called with `training=True`, batch normalization would train as well.
    """
    context = global_state.get_global_attribute("current_call_ctx")
    kept = dict(vars(context)) if context is not None else {}
    try:
        yield
    finally:
        if context is not None:
            vars(context).update(kept)
